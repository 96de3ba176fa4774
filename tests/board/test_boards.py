"""The twin and a remote board are the same to an experiment; a wrong board is refused."""

import dataclasses
import sys

import numpy as np
import pytest

from crosswall.board import Machine, RemoteBoard, TwinBoard, open_board, open_port
from crosswall.board import remote as remote_module
from crosswall.errors import BoardError, DataError, LinkError, UsageError
from crosswall.link import BoardTransport, sample_packets
from crosswall.spec import frames
from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.sample import Flag
from crosswall.twin import Headers, ReferenceMachine
from tests.board.fake_board import FakeBoard, on_terminal

EVERYTHING = Flag.SEND_WINNERS | Flag.SEND_SCORES | Flag.PREDICT
LEARN = Flag.LEARN_CLUSTERING | Flag.LEARN_READOUT


def remote(machine: Machine, build, **options) -> RemoteBoard:
    return RemoteBoard(BoardTransport(FakeBoard(machine.network, build, **options).model))


def workload(random, machine: Machine, count: int, flags: int) -> tuple[Headers, np.ndarray]:
    return (Headers.uniform(np.arange(count), flags,
                            random.integers(0, machine.network.classes, count),
                            clustering_pulse_shift=1, readout_gate_shift=1),
            random.integers(0, 256, (count, machine.network.pixels), np.uint8))


@pytest.fixture(params=["twin", "remote"])
def board(request, machine, build):
    """Each kind of board, configured and in the initial state."""
    opened = TwinBoard(machine) if request.param == "twin" else remote(machine, build)
    opened.configure(machine)
    opened.load_state(machine.initial_state())
    return opened


def test_results_and_state_equal_the_reference(board, machine, rng):
    headers, pixels = workload(rng, machine, 9, EVERYTHING | LEARN)
    reference = ReferenceMachine(machine.network, machine.rules, machine.clustering_table,
                                 machine.readout_table)
    expected = [reference.process(headers.header(index), pixels[index]) for index in range(9)]
    results = board.stream(headers, pixels)
    assert results.predictions.tolist() == [result.prediction for result in expected]
    assert results.result_flags.tolist() == [result.result_flags for result in expected]
    assert [tuple(row) for row in results.winners.tolist()] == [r.winners for r in expected]
    assert [tuple(row) for row in results.scores.tolist()] == [r.scores for r in expected]
    assert list(reference.state.differences(board.read_state())) == []
    assert (board.read_ledger() == reference.state.ledger).all()
    assert board.next_sample() == 9


@pytest.mark.parametrize("packed", [False, True])
def test_samples_are_packed_for_a_board_that_unpacks_them_and_learned_alike(
        packed, machine, build, rng):
    class Counting(BoardTransport):
        written = 0

        def write(self, data):
            self.written += len(data)
            super().write(data)

    headers, pixels = workload(rng, machine, 20, EVERYTHING | LEARN)
    pixels[:, machine.network.pixels // 3:] = 0
    fake = FakeBoard(machine.network, dataclasses.replace(build, packed=packed))
    line = Counting(fake.model)
    board, twin = RemoteBoard(line), TwinBoard(machine)
    assert board.identify().build.packed == packed
    board.configure(machine)
    board.load_state(machine.initial_state())
    before = line.written
    results, expected = board.stream(headers, pixels), twin.stream(headers, pixels)
    assert (results.scores == expected.scores).all()
    assert list(twin.read_state().differences(board.read_state())) == []
    plain_bytes = sum(len(frames.pack_sample(header_and_pixels)) for header_and_pixels in
                      sample_packets(map(headers.header, range(20)), pixels, packed=False))
    assert (line.written - before < plain_bytes) == packed


@pytest.mark.parametrize(("replay", "kept"), [(True, 20), (False, None)])
def test_a_board_with_memory_learns_the_same_from_it(replay, kept, machine, build, rng):
    fake = FakeBoard(machine.network, dataclasses.replace(build, packed=True, store=1 << 16))
    board = RemoteBoard(BoardTransport(fake.model), replay=replay)
    twin = TwinBoard(machine)
    assert board.identify().build.store == 1 << 16
    for each in (board, twin):
        each.configure(machine)
        each.load_state(machine.initial_state())
    headers, pixels = workload(rng, machine, 20, EVERYTHING | LEARN)
    for number in (0, 20, 40):
        order = rng.permutation(20)
        again = dataclasses.replace(headers, numbers=headers.numbers + np.uint32(number))
        results = board.stream(again, pixels[order])
        assert (results.scores == twin.stream(again, pixels[order]).scores).all()
    assert list(twin.read_state().differences(board.read_state())) == []
    assert (len(board.kept) if board.kept is not None else None) == kept
    assert any(fake.model.memory) == replay


def test_what_was_not_asked_for_is_left_out(board, machine, rng):
    headers, pixels = workload(rng, machine, 3, Flag.PREDICT)
    results = board.stream(headers, pixels)
    assert (results.winners == -1).all() and (results.scores == 0).all()
    assert (results.predictions < machine.network.classes).all()


def test_loaded_state_reads_back(board, machine, rng):
    state = machine.initial_state()
    state.thresholds[:] = rng.integers(0, machine.network.threshold_max, state.thresholds.shape)
    state.ledger[:] = rng.integers(0, 1 << 63, state.ledger.shape)
    state.next_sample = 1234
    board.load_state(state)
    assert list(state.differences(board.read_state())) == []


def test_state_of_another_network_is_refused_and_changes_nothing(board, machine):
    wrong = machine.initial_state()
    wrong.thresholds = wrong.thresholds[:, :-1]
    before = board.read_state()
    with pytest.raises(DataError, match="thresholds"):
        board.load_state(wrong)
    assert list(before.differences(board.read_state())) == []


def test_stop_ends_a_stream_after_the_samples_in_flight(machine, build, rng):
    board = remote(machine, build)
    board.configure(machine)
    board.load_state(machine.initial_state())
    headers, pixels = workload(rng, machine, 40, EVERYTHING)
    answered = []
    results = board.stream(headers, pixels, progress=answered.append,
                           stop=lambda: len(answered) >= 5)
    assert 5 <= len(results.predictions) < 40
    assert board.next_sample() == len(results.predictions)


def test_progress_counts_to_the_last_sample(board, machine, rng):
    headers, pixels = workload(rng, machine, 5, Flag.PREDICT)
    seen = []
    board.stream(headers, pixels, progress=seen.append)
    assert seen[-1] == 5 and seen == sorted(seen)


def test_identity_names_board_network_and_build(machine, build):
    identity = remote(machine, build, name="bench-7").identify()
    assert identity.name == "bench-7" and identity.build == build
    assert identity.network_digest == machine.network.digest()
    assert identity.size == {name: getattr(machine.network, name)
                             for name in ("pixels", "classes", "positions", "neurons")}


def test_other_magic_is_refused(machine, build):
    with pytest.raises(BoardError, match="0xdeadbeef"):
        remote(machine, build, magic=0xDEADBEEF)


def test_other_protocol_version_is_refused_naming_both(machine, build):
    with pytest.raises(BoardError, match=rf"version {PROTOCOL_VERSION + 1}.*{PROTOCOL_VERSION}"):
        remote(machine, build, protocol_version=PROTOCOL_VERSION + 1)


def test_other_network_is_refused_naming_both_before_anything_is_written(machine, build):
    fake = FakeBoard(machine.network, build)
    board = RemoteBoard(BoardTransport(fake.model))
    other = dataclasses.replace(machine.network, feature_bits=8)
    words = dict(fake.words)
    with pytest.raises(BoardError) as error:
        board.configure(dataclasses.replace(machine, network=other))
    assert f"{machine.network.digest():08x}" in str(error.value)
    assert f"{other.digest():08x}" in str(error.value)
    assert fake.words == words


def test_devices_that_vary_need_a_build_with_spread(machine, build):
    varying = dataclasses.replace(
        machine, readout_table=dataclasses.replace(machine.readout_table, stuck_threshold=1))
    board = remote(varying, dataclasses.replace(build, static_spread=False))
    with pytest.raises(BoardError, match="static_spread"):
        board.configure(varying)


def test_missing_port_is_refused(machine):
    with pytest.raises(LinkError, match="no serial port /dev/nothing-here"):
        open_board(None, machine, port="/dev/nothing-here")


def test_port_that_answers_garbage_is_refused(monkeypatch):
    monkeypatch.setattr(remote_module, "IDENTIFY_PATIENCE", 0.3)
    with on_terminal(None, noise=b"login: \x00\x07garbage") as port, pytest.raises(LinkError):
        open_port(port)


def test_silent_port_is_refused(monkeypatch):
    monkeypatch.setattr(remote_module, "IDENTIFY_PATIENCE", 0.3)
    with on_terminal(None) as port, pytest.raises(LinkError, match=r"no answer .* for 0\.3 s"):
        open_port(port)


class LostBoard:
    """A virtual board at a port that nobody can open."""

    port = "/dev/crosswall-nowhere"

    def __init__(self) -> None:
        self.calls = []

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


def test_virtual_board_that_cannot_be_reached_is_stopped(machine, monkeypatch):
    # The package's function of the same name hides the module.
    module = sys.modules["crosswall.board.open"]
    virtual = LostBoard()
    monkeypatch.setattr(module, "virtual_board", lambda *_, **__: virtual)
    with pytest.raises(LinkError, match="crosswall-nowhere"):
        open_board("virtual", machine)
    assert virtual.calls == ["start", "stop"]


def test_busy_port_is_refused_and_its_user_is_not_disturbed(machine, build):
    with on_terminal(FakeBoard(machine.network, build)) as port:
        first = open_port(port)
        with pytest.raises(LinkError, match="in use"):
            open_port(port)
        assert first.next_sample() == 0
        first.close()


def test_board_of_another_name_at_the_port_is_refused(machine, build):
    with on_terminal(FakeBoard(machine.network, build, name="fake")) as port, \
            pytest.raises(BoardError, match="expected ulx3s"):
        open_board("ulx3s", machine, port=port)


@pytest.mark.parametrize(("name", "port", "message"), [
    ("nothing", None, "boards are twin"), ("twin", "/dev/ttyS9", "--port"),
    ("ulx3s", None, "Add --port")])
def test_options_that_do_not_go_together_are_refused(machine, name, port, message):
    with pytest.raises(UsageError, match=message):
        open_board(name, machine, port=port)
