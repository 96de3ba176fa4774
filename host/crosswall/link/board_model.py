"""The board's side of the link in pure Python: reference for the gateware, and an in-process board.

`BoardModel` answers frames exactly as `crosswall_hdl.link.Link` must. `BoardTransport` puts a
session directly on top of one, so the twin can be driven through the same protocol as a board.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from crosswall.errors import LinkError
from crosswall.spec import frames
from crosswall.spec.frames import Control, FrameType, Replay, Reply, Status
from crosswall.spec.packing import PACKING_PLACE, is_packed_sample, unpack_sample
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall.spec.store import PLACE_UNIT, pack_record, unpack_record

from .framing import FrameDecoder, encode

__all__ = ["BoardModel", "BoardTransport", "ControlTarget"]

_WORD_MASK = 0xFFFF_FFFF


class ControlTarget(Protocol):
    """What sits on the control bus."""

    def read(self, address: int) -> int:
        """Return the word at `address` (0 … 65535). Raises LookupError if there is none."""

    def write(self, address: int, word: int) -> None:
        """Set the word at `address`. Raises LookupError if there is none to write."""


class BoardModel:
    """Serves link frames on behalf of a machine and a control bus.

    Parameters
    ----------
    slots
        Receive slots, stored results, and the host's credit; a power of two, 2 … 128.
    sample_bytes
        Length of every sample packet; of the longest if ``packed``.
    machine
        Learns one sample packet and returns its result packet. Called once per sample, in order.
    control
        The control bus.
    packed
        Whether samples may be packed; the machine is given them unpacked.
    store
        Bytes of memory for samples (`crosswall.spec.store`), 0 for none; only if ``packed``.

    Attributes
    ----------
    dropped_frames, duplicate_samples, gaps : int
        The board's counters.
    memory : bytearray
        The memory for samples.
    """

    def __init__(self, *, slots: int, sample_bytes: int, machine: Callable[[bytes], bytes],
                 control: ControlTarget, packed: bool = False, store: int = 0) -> None:
        if not 2 <= slots <= 128 or slots & (slots - 1):
            raise ValueError(f"`slots` must be a power of two from 2 to 128: got {slots}")
        self.slots = slots
        self.sample_bytes = sample_bytes
        self.packed = packed
        self.duplicate_samples = 0
        self.gaps = 0
        self._machine = machine
        self._control = control
        self.memory = bytearray(store)
        longest = max(
            1 + frames.PLACE_BYTES + sample_bytes,
            frames.control_frame_bytes(frames.Operation.WRITE, frames.MAX_CONTROL_WORDS),
            1 + frames.REPLAY_HEADER_BYTES + frames.MAX_REPLAY * frames.REPLAY_ENTRY_BYTES)
        self._decoder = FrameDecoder(longest + frames.CRC_BYTES)
        self._refused = 0
        self._next_sample = 0
        self._gap_reported = False
        self._queue: deque[bytes] = deque()
        self._results: dict[int, bytes] = {}
        self._last_control: tuple[int, bytes] | None = None
        self._output = bytearray()

    @property
    def dropped_frames(self) -> int:
        """Frames dropped: broken COBS, wrong CRC, type, length or packing; samples beyond the
        credit; samples to replay of which there is no intact record."""
        return self._decoder.bad_frames + self._refused

    @property
    def next_sample(self) -> int:
        """Number of the sample that will be admitted next. Setting it forgets stored results,
        and is ignored unless the board is `idle`."""
        return self._next_sample

    @next_sample.setter
    def next_sample(self, value: int) -> None:
        if self.idle:
            self._next_sample = value
            self._results.clear()
            self._gap_reported = False

    @property
    def idle(self) -> bool:
        """Whether every admitted sample has been answered."""
        return not self._queue

    def feed(self, data: bytes) -> None:
        """Receive wire bytes: execute control frames, queue samples, answer into the output."""
        for frame in self._decoder.feed(data):
            try:
                if frame[0] == FrameType.SAMPLE and self._is_sample(frame[1:]):
                    self._sample(frame[1:])
                elif frame[0] == FrameType.KEEP and self.memory:
                    self._keep(*frames.unpack_keep(frame))
                elif frame[0] == FrameType.REPLAY and self.memory:
                    self._replay(frames.unpack_replay(frame))
                else:
                    self._execute(frames.unpack_control(frame))
            except frames.FrameError:
                self._refused += 1

    def step(self) -> bool:
        """Let the machine learn the oldest queued sample. Returns whether there was one."""
        if not self._queue:
            return False
        packet = self._queue[0]
        result = self._machine(unpack_sample(packet, self._pixels) if self.packed else packet)
        self._queue.popleft()
        number = frames.packet_number(packet)
        self._results[number] = result
        self._results.pop(number - self.slots, None)
        self._send(frames.pack_result(result))
        return True

    def drain(self) -> None:
        """Let the machine learn every queued sample. A control target calls this before an
        access that a board delays until its machine is idle (state, `next_sample`)."""
        while self.step():
            pass

    def take_output(self) -> bytes:
        """Remove and return the wire bytes that wait to be sent."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def _send(self, frame: bytes) -> None:
        self._output += encode(frame)

    @property
    def _pixels(self) -> int:
        return self.sample_bytes - SAMPLE_HEADER_BYTES

    def _is_sample(self, packet: bytes) -> bool:
        """Whether `packet` has a form in which this board takes samples."""
        if self.packed:
            return is_packed_sample(packet, self._pixels)
        return len(packet) == self.sample_bytes

    def _keep(self, place: int, packet: bytes) -> None:
        if not self._is_sample(packet):
            raise frames.FrameError("a sample to keep in a form that this board does not take")
        if self._sample(packet):
            record = pack_record(packet[PACKING_PLACE], packet[SAMPLE_HEADER_BYTES:])
            for at, byte in enumerate(record, place * PLACE_UNIT):
                self.memory[at % len(self.memory)] = byte

    def _replay(self, replay: Replay) -> None:
        for header, (place, _) in zip(replay.headers(), replay.entries, strict=True):
            record = unpack_record(self.memory, place, self._pixels)
            if record is None:
                self._refused += 1
            else:
                packing, data = record
                self._sample(header + bytes([packing, 0]) + data)

    def _sample(self, packet: bytes) -> bool:
        """Take a sample in its turn. Returns whether it was admitted."""
        number = frames.packet_number(packet)
        if number == self._next_sample:
            if len(self._queue) == self.slots:
                self._refused += 1
                return False
            self._next_sample = self._next_sample + 1 & _WORD_MASK
            self._gap_reported = False
            self._queue.append(packet)
            return True
        if number < self._next_sample:
            self.duplicate_samples += 1
            # A result older than `slots` is being overwritten, or will be.
            if number in self._results and self._next_sample - number <= self.slots:
                self._send(frames.pack_result(self._results[number]))
        elif not self._gap_reported:
            self._gap_reported = True
            self.gaps += 1
            self._send(frames.pack_gap(self._next_sample))
        return False

    def _execute(self, control: Control) -> None:
        if self._last_control is None or control.id == self._last_control[0] + 1 & 0xFFFF:
            self._last_control = control.id, frames.pack_reply(self._run(control))
        self._send(self._last_control[1])

    def _run(self, control: Control) -> Reply:
        words = []
        status = Status.OK
        done = 0
        address = control.address
        for index in range(control.count):
            try:
                if control.operation.is_write:
                    self._control.write(address, control.words[index])
                else:
                    words.append(self._control.read(address))
            except LookupError:
                status = Status.ADDRESS_ERROR
                break
            done += 1
            if not control.operation.is_window:
                address = address + 1 & 0xFFFF
        return Reply(control.id, status, control.operation, control.address, done, tuple(words))


class BoardTransport:
    """Transport whose other end is a `BoardModel` in this process.

    The machine works when the session reads: everything that was written has been received by
    then. There is nothing to wait for, so a timeout passes at once.
    """

    def __init__(self, board: BoardModel) -> None:
        self._board: BoardModel | None = board
        self._pending = b""

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """Run one queued sample if nothing else waits to be read, and return the output."""
        board = self._open_board()
        if not self._pending:
            self._pending = board.take_output()
            if not self._pending and board.step():
                self._pending = board.take_output()
        data, self._pending = self._pending[:max_bytes], self._pending[max_bytes:]
        return data

    def write(self, data: bytes) -> None:
        """Give `data` to the board."""
        self._open_board().feed(data)

    def close(self) -> None:
        """Let go of the board."""
        self._board = None

    def _open_board(self) -> BoardModel:
        if self._board is None:
            raise LinkError("the in-process board was closed: open it again")
        return self._board
