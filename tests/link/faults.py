"""A bad line: a transport that damages what passes through it, in both directions."""

from __future__ import annotations

import random
from collections.abc import Callable

from crosswall.link import Transport


class VirtualClock:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Damage:
    """One direction of the line. Each frame may be hit, with probability `rate`, by one fault.

    Bytes are given and returned as they travel; a frame held back (to be overtaken by the next)
    or cut off waits here until more comes or `flush` is called.
    """

    def __init__(self, generator: random.Random, rate: float) -> None:
        self._generator = generator
        self._rate = rate
        self._partial = b""
        self._held = b""

    def __call__(self, data: bytes) -> bytes:
        *whole, self._partial = (self._partial + data).split(b"\0")
        return b"".join(self._pass(piece + b"\0") for piece in whole)

    def flush(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held, b""
        return held

    def _pass(self, frame: bytes) -> bytes:
        generator = self._generator
        held = self.flush()
        if generator.random() >= self._rate:
            return frame + held
        fault = generator.choice(
            ["drop", "duplicate", "corrupt", "truncate", "insert", "delimit", "garbage", "hold"])
        place = generator.randrange(len(frame))
        if fault == "drop":
            frame = b""
        elif fault == "duplicate":
            frame = frame * generator.choice([2, 3])
        elif fault == "corrupt":
            value = frame[place] ^ generator.randrange(1, 256)
            frame = frame[:place] + bytes([value]) + frame[place + 1:]
        elif fault == "truncate":
            frame = frame[:place]
        elif fault == "insert":
            frame = frame[:place] + generator.randbytes(1) + frame[place:]
        elif fault == "delimit":
            frame = frame[:place] + b"\0" + frame[place + 1:]
        elif fault == "garbage":
            frame = generator.randbytes(generator.randrange(1, 40)) + frame
        else:
            self._held = frame
            frame = b""
        return frame + held


class FaultyTransport:
    """A transport over `line` that damages frames both ways.

    `waited(seconds)` is called when a read comes back empty.
    """

    def __init__(self, line: Transport, generator: random.Random, rate: float,
                 waited: Callable[[float], None] = lambda seconds: None) -> None:
        self._line = line
        self._to_board = Damage(generator, rate)
        self._to_host = Damage(generator, rate)
        self._waited = waited

    def read(self, max_bytes: int, timeout: float) -> bytes:
        data = self._line.read(max_bytes, timeout)
        if data:
            return self._to_host(data)
        self._line.write(self._to_board.flush())
        self._waited(timeout)
        return self._to_host.flush()

    def write(self, data: bytes) -> None:
        self._line.write(self._to_board(data))

    def close(self) -> None:
        self._line.close()
