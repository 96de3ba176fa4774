"""A serial line in simulated time: how busy a session keeps it does not depend on the machine."""

from __future__ import annotations

from collections import deque

from crosswall.link import BoardModel
from tests.link.faults import VirtualClock

BITS_PER_BYTE = 10  # 8N1


class PacedTransport:
    """A transport to `board` at `baud` bits per second in both directions.

    An answer takes `latency` seconds more, as through USB. The host takes no time: only waiting
    does.
    """

    def __init__(self, board: BoardModel, clock: VirtualClock, baud: int, latency: float) -> None:
        self._board = board
        self._clock = clock
        self._byte = BITS_PER_BYTE / baud
        self._latency = latency
        self._there = self._back = 0.0  # when each direction is free
        self._answers: deque[tuple[float, bytes]] = deque()
        self.sent = 0
        """Bytes to the board."""
        self.idle = 0.0
        """Seconds between bytes to the board in which the line carried none."""

    @property
    def busy_share(self) -> float:
        """Share of the time in which the line carried bytes, from the first byte to the last."""
        busy = self.sent * self._byte
        return busy / (busy + self.idle)

    def write(self, data: bytes) -> None:
        """See `Transport.write`."""
        if self.sent:
            self.idle += max(0.0, self._clock.now - self._there)
        self._there = max(self._there, self._clock.now)
        for frame in data.split(b"\0")[:-1]:
            self._send(frame + b"\0")

    def _send(self, frame: bytes) -> None:
        self.sent += len(frame)
        self._there += len(frame) * self._byte
        self._board.feed(frame)
        self._board.drain()
        if answer := self._board.take_output():
            self._back = max(self._back, self._there) + len(answer) * self._byte
            self._answers.append((self._back + self._latency, answer))

    def read(self, max_bytes: int, timeout: float) -> bytes:
        """See `Transport.read`."""
        if not self._answers or self._answers[0][0] > self._clock.now + timeout:
            self._clock.now += timeout
            return b""
        when, answer = self._answers.popleft()
        assert len(answer) <= max_bytes
        self._clock.now = max(self._clock.now, when)
        return answer

    def close(self) -> None:
        """Nothing is held."""
