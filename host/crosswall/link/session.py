"""A session with a board: control transactions, and samples streamed in order and exactly once."""

from __future__ import annotations

import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from crosswall.errors import BoardError, LinkError
from crosswall.spec import frames
from crosswall.spec.frames import (
    Control,
    FrameError,
    FrameType,
    Operation,
    Replay,
    Reply,
    Status,
)

from .framing import FrameDecoder, encode
from .kept import KeptSample
from .transports import Transport

__all__ = ["Session", "SessionCounters"]

_READ_BYTES = 1 << 16
_LONGEST_WAIT_FACTOR = 8  # a repeated time-out doubles the wait up to this multiple


@dataclass
class SessionCounters:
    """What the line did to a session so far."""

    bad_frames: int = 0
    """Frames from the board that were damaged or not understood."""
    control_retries: int = 0
    """Control frames sent again."""
    retransmitted: int = 0
    """Samples sent again."""
    gaps: int = 0
    """GAP frames received."""
    duplicate_results: int = 0
    """Results that were already there."""


class Session:
    """Talks to one board over a transport that may lose, damage, repeat or reorder frames.

    Control words are read and written exactly once, samples are learned exactly once and in
    order; both are sent again until they are answered. Not safe between threads.

    Parameters
    ----------
    transport
        An open line to the board. The session does not close it.
    slots
        The board's credit (register field ``slots``): samples that may be unanswered. Every
        board has at least 2. It may be set later, between streams, through the attribute.
    timeout
        Seconds without an answer before something is sent again. Samples adapt it upwards to
        the time the board takes.
    patience
        Seconds without an answer before the board counts as lost.
    clock
        Seconds, monotonic.
    generator
        Source of the first transaction id. It is arbitrary: the board tells which it expects.
    """

    def __init__(self, transport: Transport, *, slots: int = 2, timeout: float = 0.25,
                 patience: float = 10.0, clock: Callable[[], float] = time.monotonic,
                 generator: random.Random | None = None) -> None:
        self.slots = slots
        self._transport = transport
        self._timeout = timeout
        self._patience = patience
        self._clock = clock
        self._decoder = FrameDecoder()
        self._misunderstood = 0
        self._counters = SessionCounters()
        self._next_id = (generator or random.SystemRandom()).randrange(1 << 16)
        self._synchronised = False
        self._replies: deque[Reply] = deque()
        self._results: deque[bytes] = deque()
        self._gaps: deque[int] = deque()
        # The line may hold the beginning of a frame from before this session.
        transport.write(frames.DELIMITER)

    @property
    def counters(self) -> SessionCounters:
        """What the line did so far."""
        self._counters.bad_frames = self._decoder.bad_frames + self._misunderstood
        return self._counters

    # Control

    def read(self, address: int, count: int = 1) -> list[int]:
        """Return `count` words from `address` on.

        Raises BoardError if the board refuses an address, LinkError if it does not answer.
        """
        return self._read(Operation.READ, address, count)

    def write(self, address: int, words: int | Sequence[int]) -> None:
        """Write a word, or several from `address` on. Raises as `read` does; the words before a
        refused one have been written."""
        self._write(Operation.WRITE, address, words)

    def read_window(self, address: int, count: int) -> list[int]:
        """Return `count` words, all read from `address`. Raises as `read` does."""
        return self._read(Operation.READ_WINDOW, address, count)

    def write_window(self, address: int, words: Sequence[int]) -> None:
        """Write all `words` to `address`, one after another. Raises as `write` does."""
        self._write(Operation.WRITE_WINDOW, address, words)

    def _read(self, operation: Operation, address: int, count: int) -> list[int]:
        words: list[int] = []
        for start in range(0, count, frames.MAX_CONTROL_WORDS):
            part = min(frames.MAX_CONTROL_WORDS, count - start)
            at = address if operation.is_window else address + start
            words += self._transact(operation, at, part).words
        return words

    def _write(self, operation: Operation, address: int, words: int | Sequence[int]) -> None:
        words = (words,) if isinstance(words, int) else tuple(words)
        for start in range(0, len(words), frames.MAX_CONTROL_WORDS):
            part = words[start:start + frames.MAX_CONTROL_WORDS]
            at = address if operation.is_window else address + start
            self._transact(operation, at, len(part), part)

    def _transact(self, operation: Operation, address: int, count: int,
                  words: tuple[int, ...] = ()) -> Reply:
        if not self._synchronised:
            self._synchronise()
        control = Control(self._next_id, operation, address, count, words)
        reply = self._exchange(control)
        self._next_id = self._next_id + 1 & 0xFFFF
        if (reply.operation, reply.address) != (operation, address):
            raise LinkError("the board answered another program's transaction: close that one")
        if reply.status is not Status.OK:
            at = address if operation.is_window else address + reply.count
            raise BoardError(f"the board refused to {'write' if operation.is_write else 'read'} "
                             f"address 0x{at:04x}: its build has no such register; compare its "
                             "build and version with this program's")
        return reply

    def _synchronise(self) -> None:
        """Find the id that the board will execute next.

        A board executes the id after its last one, or any if it has just been reset, and answers
        every other with its last reply. What it executes here is a read of a constant.
        """
        while True:
            control = Control(self._next_id, Operation.READ, 0, 1)
            reply = self._exchange(control, any_id=True)
            self._next_id = reply.id + 1 & 0xFFFF
            if reply.id == control.id:
                self._synchronised = True
                return

    def _exchange(self, control: Control, *, any_id: bool = False) -> Reply:
        """Send `control` until its reply comes, or with `any_id` any reply."""
        data = encode(frames.pack_control(control))
        self._replies.clear()
        self._transport.write(data)
        sent_at = self._clock()
        deadline = sent_at + self._patience
        while True:
            self._pump(max(0.0, sent_at + self._timeout - self._clock()))
            while self._replies:
                reply = self._replies.popleft()
                if any_id or reply.id == control.id:
                    return reply
            now = self._clock()
            if now >= deadline:
                raise self._lost(f"a {control.operation.name.lower().replace('_', ' ')} of "
                                 f"address 0x{control.address:04x}")
            if now >= sent_at + self._timeout:
                self._counters.control_retries += 1
                self._transport.write(data)
                sent_at = now

    # Samples

    def stream(self, packets: Iterable[bytes | KeptSample], first_number: int) -> Iterator[bytes]:
        """Send sample packets and yield their result packets, in order, one for each.

        Keeps up to `slots` samples in flight, so results lag behind `packets`, from which as
        many are taken ahead. Samples that the board keeps are asked for together: half of the
        slots at a time at least, as far as their headers differ in number and label only. Control
        transactions are allowed between results. Closing the iterator early leaves up to `slots`
        samples that the board learns all the same: its register ``next_sample`` tells.

        Parameters
        ----------
        packets
            Sample packets, numbered `first_number`, `first_number` + 1, …; those that a board with
            memory keeps, or is to keep, as `KeptSample`.
        first_number
            What the board expects next (register ``next_sample``).

        Raises LinkError if the board stops answering or expects another number, ValueError if
        a packet does not carry its number.
        """
        source = _Ahead(packets)
        oldest = first_number  # oldest unanswered sample
        window: deque[bytes | KeptSample] = deque()  # samples `oldest` …
        sent_at: deque[float] = deque()  # when, or infinity once sent again
        stash: dict[int, bytes] = {}  # results that overtook the oldest's
        timer = _RoundTrip(self._timeout, self._patience)
        self._results.clear()
        self._gaps.clear()
        last_answer = resent_at = self._clock()

        def fill() -> None:
            """Take packets and send them, as credit allows."""
            wanted = self.slots - len(window)
            taken: list[bytes | KeptSample] = []
            while len(taken) < wanted:
                packet = source.peek()
                # A few bytes for one sample are hardly more for many.
                if packet is None or (_is_there(packet) and not taken and window
                                      and wanted < self.slots // 2):
                    break
                number = oldest + len(window)
                if _number(packet) != number:
                    raise ValueError(f"sample packet {_number(packet)} came where {number} is due")
                source.take()
                window.append(packet)
                taken.append(packet)
            if taken:
                self._transport.write(b"".join(map(encode, _frames(taken))))
                sent_at.extend([self._clock()] * len(taken))

        def resend(start: int) -> None:
            """Send the unanswered samples from number `start` on again."""
            again = range(start, oldest + len(window))
            # With their pixels, whether the board keeps them or not: if it lost them, so be it.
            outgoing = [_whole_frame(window[number - oldest]) for number in again
                        if number not in stash]
            for number in again:
                sent_at[number - oldest] = float("inf")
            self._counters.retransmitted += len(outgoing)
            self._transport.write(b"".join(map(encode, outgoing)))

        while True:
            was_empty = not window
            fill()
            if not window:
                return
            if was_empty:
                last_answer = resent_at = self._clock()
            resend_at = max(last_answer, resent_at) + timer.wait
            self._pump(max(0.0, resend_at - self._clock()))
            now = self._clock()

            ready = []
            while self._results:
                result = self._results.popleft()
                number = frames.packet_number(result)
                if not oldest <= number < oldest + len(window) or number in stash:
                    self._counters.duplicate_results += 1
                    continue
                stash[number] = result
                last_answer = now
                timer.answered(now - sent_at[number - oldest])
                while oldest in stash:
                    ready.append(stash.pop(oldest))
                    window.popleft()
                    sent_at.popleft()
                    oldest += 1
            while self._gaps:
                expected = self._gaps.popleft()
                # A gap that lies outside the window is a late copy.
                if oldest <= expected < oldest + len(window):
                    resend(expected)
                    resent_at = now
            if ready:
                fill()
                yield from ready
                # The consumer's time is not the board's.
                last_answer = self._clock()
                continue
            if now - last_answer > self._patience:
                raise self._lost(f"sample {oldest}")
            if now >= resend_at:
                resend(oldest)
                resent_at = now
                timer.expired()

    # Frames

    def _pump(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for bytes, and sort the frames that they complete."""
        for frame in self._decoder.feed(self._transport.read(_READ_BYTES, timeout)):
            kind = frame[0]
            try:
                if kind == FrameType.RESULT:
                    self._results.append(frames.unpack_packet(frame))
                elif kind == FrameType.REPLY:
                    self._replies.append(frames.unpack_reply(frame))
                else:
                    self._gaps.append(frames.unpack_gap(frame))
                    self._counters.gaps += 1
            except FrameError:
                self._misunderstood += 1

    def _lost(self, what: str) -> LinkError:
        return LinkError(f"no answer to {what} for {self._patience:g} s: check the cable, the "
                         "baud rate, the board's power, and that nothing else drives the board")


class _Ahead:
    """An iterable whose next item can be looked at before it is taken."""

    def __init__(self, packets: Iterable[bytes | KeptSample]) -> None:
        self._source = iter(packets)
        self._next: bytes | KeptSample | None = None

    def peek(self) -> bytes | KeptSample | None:
        """The next item, or None at the end."""
        if self._next is None:
            self._next = next(self._source, None)
        return self._next

    def take(self) -> None:
        """Go on to the one after it."""
        self._next = None


def _is_there(packet: bytes | KeptSample) -> bool:
    return isinstance(packet, KeptSample) and packet.is_there


def _number(packet: bytes | KeptSample) -> int:
    return frames.packet_number(packet.header if isinstance(packet, KeptSample) else packet)


def _whole_frame(packet: bytes | KeptSample) -> bytes:
    """The frame that brings one sample with its pixels."""
    if isinstance(packet, KeptSample):
        return frames.pack_keep(packet.place, packet.packet())
    return frames.pack_sample(packet)


def _frames(packets: Sequence[bytes | KeptSample]) -> Iterator[bytes]:
    """The frames that bring samples which follow each other."""
    for settings, group in itertools.groupby(packets, _replay_settings):
        if settings is None:
            yield from map(_whole_frame, group)
            continue
        kept = [packet for packet in group if isinstance(packet, KeptSample)]
        for start in range(0, len(kept), frames.MAX_REPLAY):
            some = kept[start:start + frames.MAX_REPLAY]
            yield frames.pack_replay(Replay(
                _number(some[0]), *settings,
                tuple((packet.place, packet.label) for packet in some)))


def _replay_settings(packet: bytes | KeptSample) -> tuple[int, int, int] | None:
    """What samples of one REPLAY frame have in common; None for a sample that is not there."""
    return packet.settings if isinstance(packet, KeptSample) and packet.is_there else None


class _RoundTrip:
    """How long to wait for a sample's answer: TCP's estimate, from below bound by `least`."""

    def __init__(self, least: float, most: float) -> None:
        self._least = least
        self._most = most
        self._mean: float | None = None
        self._deviation = 0.0
        self._factor = 1

    @property
    def wait(self) -> float:
        """Seconds before samples are sent again."""
        estimate = 0.0 if self._mean is None else self._mean + 4 * self._deviation
        return min(self._most, self._factor * max(self._least, estimate))

    def answered(self, seconds: float) -> None:
        """Take one measurement; a negative one, of a sample sent twice, says nothing."""
        self._factor = 1
        if seconds < 0:
            return
        if self._mean is None:
            self._mean, self._deviation = seconds, seconds / 2
        else:
            self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
            self._mean += (seconds - self._mean) / 8

    def expired(self) -> None:
        """The wait was in vain: double it."""
        self._factor = min(_LONGEST_WAIT_FACTOR, 2 * self._factor)
