"""How fast the host's side of the link is: a session against a sink on a pseudo-terminal."""

from __future__ import annotations

import multiprocessing
import os
import select
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np

from crosswall.spec import frames
from crosswall.spec.sample import RESULT_HEADER_BYTES, SAMPLE_HEADER_BYTES, SampleHeader

from .board_model import BoardModel
from .framing import encode
from .packing import sample_packets
from .session import Session
from .transports import SerialTransport

__all__ = ["LinkSpeed", "measure"]

_BITS_PER_BYTE = 10  # 8N1
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
    def bytes_per_sample(self) -> float:
        """Wire bytes of a sample's frame, mean."""
        return self.bytes_per_second / self.samples_per_second

    @property
    def ratio(self) -> float | None:
        """Share of the line rate that the session used."""
        return None if self.line_rate is None else self.bytes_per_second / self.line_rate


class _NoRegisters:
    def read(self, address: int) -> int:
        raise LookupError(address)

    def write(self, address: int, word: int) -> None:
        raise LookupError(address)


def measure(pixels: np.ndarray, *, baud: int | None = 3_000_000, packed: bool = True,
            slots: int = 16) -> LinkSpeed:
    """Stream samples to a board model in another process, and time it from pixels to results.

    The board takes bytes from a pseudo-terminal at `baud` (10 bits per byte), as a UART drains
    its buffer, or as fast as it can with None, and answers each sample at once with a result of
    8 bytes. POSIX only. Raises LinkError if the session fails.

    Parameters
    ----------
    pixels
        uint8[samples, pixels].
    baud
        Bits per second, or None.
    packed
        Whether samples are packed.
    slots
        The board's credit.
    """
    headers = [SampleHeader(number, 0) for number in range(len(pixels))]
    wire_bytes = sum(len(encode(frames.pack_sample(packet)))
                     for packet in sample_packets(headers, pixels, packed=packed))
    line_rate = None if baud is None else baud / _BITS_PER_BYTE
    ours, theirs = multiprocessing.Pipe()
    board = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, line_rate, pixels.shape[1], packed, slots), daemon=True)
    board.start()
    try:
        transport = SerialTransport(ours.recv())
        try:
            session = Session(transport, slots=slots, timeout=1.0)
            start = time.perf_counter()
            packets = sample_packets(headers, pixels, packed=packed)
            answered = sum(1 for _ in session.stream(packets, 0))
            seconds = time.perf_counter() - start
        finally:
            transport.close()
    finally:
        ours.close()  # the board stops when it sees this
        board.join()
    return LinkSpeed(answered / seconds, wire_bytes / seconds, line_rate)


def _serve(control: Connection, line_rate: float | None, pixels: int, packed: bool,
           slots: int) -> None:
    """Be a board on a new pseudo-terminal until the other end of `control` is closed."""
    import tty

    board_side, host_side = os.openpty()
    tty.setraw(host_side)
    os.set_blocking(board_side, False)
    control.send(os.ttyname(host_side))
    board = BoardModel(slots=slots, sample_bytes=SAMPLE_HEADER_BYTES + pixels, packed=packed,
                       control=_NoRegisters(), machine=lambda packet: packet[:RESULT_HEADER_BYTES])
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
