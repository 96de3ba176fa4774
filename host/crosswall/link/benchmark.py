"""How fast the host's side of the link is: a session against a sink on a pseudo-terminal."""

from __future__ import annotations

import multiprocessing
import os
import select
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from crosswall.spec import frames

from .board_model import BoardModel
from .framing import encode
from .session import Session
from .transports import SerialTransport

__all__ = ["LinkSpeed", "measure"]

_BITS_PER_BYTE = 10  # 8N1
_RESULT_BYTES = 8
_POLL_SECONDS = 0.0005
_CHUNK = 4096  # what a pseudo-terminal holds


@dataclass(frozen=True)
class LinkSpeed:
    """What `measure` found."""

    samples_per_second: float
    bytes_per_second: float
    """Wire bytes of the sample frames."""
    line_rate: float | None
    """Bytes per second that the paced line can carry; None if it was not paced."""

    @property
    def ratio(self) -> float | None:
        """Share of the line rate that the session used."""
        return None if self.line_rate is None else self.bytes_per_second / self.line_rate


class _NoRegisters:
    def read(self, address: int) -> int:
        raise LookupError(address)

    def write(self, address: int, word: int) -> None:
        raise LookupError(address)


def measure(*, baud: int | None = 3_000_000, samples: int = 1000, sample_bytes: int = 794,
            slots: int = 4) -> LinkSpeed:
    """Stream `samples` packets of `sample_bytes` to a board model in another process.

    The board takes bytes from a pseudo-terminal at `baud` (10 bits per byte), as a UART drains
    its buffer, or as fast as it can with None, and answers each sample at once with a result of
    8 bytes. POSIX only. Raises LinkError if the session fails.
    """
    packets = [number.to_bytes(frames.NUMBER_BYTES, "little")
               + bytes((number + index) % 251 for index in range(sample_bytes - 4))
               for number in range(samples)]
    wire_bytes = sum(len(encode(frames.pack_sample(packet))) for packet in packets)
    line_rate = None if baud is None else baud / _BITS_PER_BYTE
    ours, theirs = multiprocessing.Pipe()
    board = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, line_rate, sample_bytes, slots), daemon=True)
    board.start()
    try:
        transport = SerialTransport(ours.recv())
        try:
            session = Session(transport, slots=slots, timeout=1.0)
            start = time.perf_counter()
            answered = sum(1 for _ in session.stream(packets, 0))
            seconds = time.perf_counter() - start
        finally:
            transport.close()
    finally:
        ours.close()  # the board stops when it sees this
        board.join()
    return LinkSpeed(answered / seconds, wire_bytes / seconds, line_rate)


def _serve(control: Connection, line_rate: float | None, sample_bytes: int, slots: int) -> None:
    """Be a board on a new pseudo-terminal until the other end of `control` is closed."""
    import tty

    board_side, host_side = os.openpty()
    tty.setraw(host_side)
    os.set_blocking(board_side, False)
    control.send(os.ttyname(host_side))
    board = BoardModel(slots=slots, sample_bytes=sample_bytes, control=_NoRegisters(),
                       machine=lambda packet: packet[:_RESULT_BYTES])
    output = b""
    budget = 0.0
    last = time.perf_counter()
    while not control.poll():
        if line_rate is None:
            budget = _CHUNK
            select.select([board_side, control.fileno()], [board_side] if output else [], [],
                          0.1)
        else:
            time.sleep(_POLL_SECONDS)
        now = time.perf_counter()
        if line_rate is not None:
            budget += (now - last) * line_rate
        last = now
        while budget >= 1:
            try:
                data = os.read(board_side, min(_CHUNK, int(budget)))
            except BlockingIOError:
                budget = 0.0  # the line stood idle: that time is lost
                break
            budget -= len(data)
            board.feed(data)
        board.drain()
        output += board.take_output()
        if output:
            try:
                output = output[os.write(board_side, output):]
            except BlockingIOError:
                pass
    os.close(host_side)
    os.close(board_side)
