"""Serial ports: bytes go through a real pseudo-terminal, and every way to fail has one line."""

import errno
import os
import socket
import termios
import threading
import tty

import numpy as np
import pytest

from crosswall.errors import LinkError
from crosswall.link import BoardModel, PairTransport, SerialTransport, Session, sample_packets
from crosswall.link.benchmark import measure
from crosswall.spec.sample import RESULT_HEADER_BYTES, SAMPLE_HEADER_BYTES, SampleHeader
from tests.link.faults import VirtualClock
from tests.link.machine import Machine, Registers, result, sample
from tests.link.paced import PacedTransport


@pytest.fixture
def terminal():
    """A pseudo-terminal: the board's descriptor and the host's path."""
    board, host = os.openpty()
    tty.setraw(host)
    yield board, os.ttyname(host)
    for descriptor in (board, host):
        try:
            os.close(descriptor)
        except OSError:
            pass  # the test closed it


def test_bytes_pass_both_ways_and_a_quiet_line_times_out(terminal):
    board, path = terminal
    transport = SerialTransport(path)
    assert transport.read(100, 0.01) == b""
    transport.write(bytes(range(256)))
    assert os.read(board, 1000) == bytes(range(256))
    os.write(board, bytes(range(255, -1, -1)))
    assert transport.read(100, 1.0) == bytes(range(255, 155, -1))
    assert transport.read(1000, 1.0) == bytes(range(155, -1, -1))
    transport.close()
    transport.close()
    with pytest.raises(LinkError, match="was closed"):
        transport.read(1, 0.0)


def test_two_ends_that_both_write_do_not_wait_for_each_other(terminal):
    board, path = terminal
    data = bytes(range(256)) * 256  # many times what the line holds
    received = bytearray()

    def write_all_then_read():
        rest = data
        while rest:
            rest = rest[os.write(board, rest):]
        while len(received) < len(data):
            received.extend(os.read(board, 1 << 16))

    transport = SerialTransport(path)  # opening discards what had arrived
    other = threading.Thread(target=write_all_then_read)
    other.start()
    transport.write(data)
    answer = b""
    while len(answer) < len(data):
        answer += transport.read(1 << 16, 5.0)
    other.join()
    transport.close()
    assert answer == data
    assert received == data


def test_a_line_that_takes_nothing_is_an_error(terminal):
    _, path = terminal
    transport = SerialTransport(path, write_timeout=0.05)
    with pytest.raises(LinkError, match="took no byte for 0.05 s"):
        transport.write(bytes(1 << 20))
    transport.close()


def test_a_vanished_board_is_an_error():
    board, host = os.openpty()
    tty.setraw(host)
    transport = SerialTransport(os.ttyname(host))
    os.close(host)
    os.close(board)
    with pytest.raises(LinkError, match="unplugged, or the virtual board stopped"):
        transport.read(1, 1.0)
    with pytest.raises(LinkError, match="unplugged, or the virtual board stopped"):
        transport.write(b"x")
    transport.close()


def test_a_missing_port_a_file_and_a_busy_port_are_named(terminal, tmp_path):
    with pytest.raises(LinkError, match="no serial port /dev/no-such-port: plug the board in"):
        SerialTransport("/dev/no-such-port")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(LinkError, match="is not a serial port"):
        SerialTransport(str(file))
    _, path = terminal
    first = SerialTransport(path)
    with pytest.raises(LinkError, match="is in use: close the other program"):
        SerialTransport(path)
    first.close()
    SerialTransport(path).close()


def ports(folder):
    """Whatever a user may name that is no serial port, by what it is."""
    (folder / "file").touch()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(folder / "socket"))
    (folder / "link to nothing").symlink_to(folder / "nothing")
    (folder / "loop").symlink_to(folder / "loop")
    return ["", "/", str(folder), "/dev/null", "/dev/zero", "/dev/full", "/dev/ptmx/x", "/dev/none",
            "x" * 5000, "nul\0byte", "\udcff", "\ud800",
            *(str(folder / name) for name in ("file", "pipe", "socket", "link to nothing", "loop",
                                              "file/below", "nothing"))]


def test_whatever_is_no_serial_port_is_a_link_error_of_one_line(tmp_path):
    for port in ports(tmp_path):
        with pytest.raises(LinkError) as caught:
            SerialTransport(port)
        assert "\n" not in str(caught.value) and "baud" not in str(caught.value), port


def test_a_port_whose_other_end_is_gone_is_a_link_error():
    board, host = os.openpty()
    path = os.ttyname(host)
    os.close(board)
    with pytest.raises(LinkError, match="no serial port"):
        SerialTransport(path)
    os.close(host)


@pytest.mark.parametrize("fault", [termios.error(errno.EIO, "Input/output error"),
                                   termios.error(errno.EINVAL, "Invalid argument")])
def test_a_port_that_refuses_its_settings_is_a_link_error(terminal, monkeypatch, fault):
    def refuse(*_):
        raise fault

    monkeypatch.setattr(termios, "tcflush", refuse)
    with pytest.raises(LinkError, match=f"{terminal[1]} does not answer|cannot open {terminal[1]}"):
        SerialTransport(terminal[1])


@pytest.mark.parametrize("baud", [-1, 0, 100_000_001, 3_000_000_000, 10**20])
def test_a_rate_that_no_port_has_is_refused(baud, terminal):
    with pytest.raises(LinkError, match=f"cannot run at {baud} baud: .* 1 to 100000000"):
        SerialTransport(terminal[1], baud)


@pytest.mark.parametrize("baud", [1, 115_200, 3_000_000, 12_000_000, 100_000_000])
def test_a_port_runs_at_standard_and_other_rates(baud, terminal):
    board, path = terminal
    transport = SerialTransport(path, baud)
    transport.write(b"abc")
    assert os.read(board, 10) == b"abc"
    assert transport.baud == baud
    transport.close()


def test_missing_permission_is_explained(monkeypatch):
    def refuse(path, flags, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LinkError, match="not permitted to open /dev/ttyUSB0: add your user"):
        SerialTransport("/dev/ttyUSB0")


def test_a_session_runs_over_a_pair_between_threads():
    ours, theirs = PairTransport.pair()
    machine = Machine()
    board = BoardModel(slots=4, sample_bytes=20, machine=machine, control=Registers())

    def serve():
        try:
            while True:
                board.feed(theirs.read(1000, 1.0))
                board.drain()
                theirs.write(board.take_output())
        except LinkError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    session = Session(ours, slots=4)
    session.write(3, [5])
    assert session.read(3) == [5]
    packets = [sample(number, 20) for number in range(200)]
    assert list(session.stream(packets, 0)) == [result(packet) for packet in packets]
    ours.close()
    thread.join()
    assert machine.learned == packets
    with pytest.raises(LinkError, match="closed"):
        ours.read(1, 0.0)


def strokes(seed: int, count: int) -> np.ndarray:
    """Images with as many pixels and as much ink as MNIST's."""
    random = np.random.default_rng(seed)
    ink = np.where(random.random((count, 28, 7)) < 0.19, 255, 0).repeat(4, 2).reshape(count, 784)
    return np.where(ink, random.integers(1, 256, ink.shape), 0).astype(np.uint8)


def streamed(pixels: np.ndarray, *, packed: bool, slots: int) -> PacedTransport:
    """The line over which a session streamed images, at 3 Mbaud and through USB."""
    board = BoardModel(slots=slots, sample_bytes=SAMPLE_HEADER_BYTES + 784, packed=packed,
                       machine=lambda packet: packet[:RESULT_HEADER_BYTES], control=Registers())
    clock = VirtualClock()
    line = PacedTransport(board, clock, 3_000_000, latency=0.002)
    session = Session(line, slots=slots, clock=clock)
    headers = [SampleHeader(number, 0) for number in range(len(pixels))]
    results = list(session.stream(sample_packets(headers, pixels, packed=packed), 0))
    assert len(results) == len(pixels) and session.counters.retransmitted == 0
    return line


@pytest.mark.parametrize("packed", [False, True])
def test_a_session_fills_at_least_95_percent_of_a_3_megabaud_line(packed, seed):
    line = streamed(strokes(seed, 400), packed=packed, slots=16)
    print(f"{line.busy_share:.1%} of the line rate")
    assert line.busy_share >= 0.95


def test_a_line_stands_idle_where_credit_does_not_cover_the_answers_time(seed):
    # Two packed images take 1.4 ms at most, an answer 2 ms.
    assert streamed(strokes(seed, 100), packed=True, slots=2).busy_share < 0.6


@pytest.mark.parametrize("baud", [None, 3_000_000])
def test_the_benchmark_counts_the_bytes_of_the_wire(baud, seed):
    # 784 pixels, header 10, type 1, CRC 4, and 2 or more of COBS.
    speed = measure(strokes(seed, 20), baud=baud, packed=False)
    assert 801 <= speed.bytes_per_sample < 806
    assert speed.line_rate == (None if baud is None else 300_000)
    assert (speed.ratio is None) == (baud is None) and speed.samples_per_second > 0
