"""A stand-in for the learning machine: it remembers what it was given, and when it was first."""

from __future__ import annotations

import zlib


def sample(number: int, length: int, seed: int = 0) -> bytes:
    """Return the sample packet `number`, filled with bytes that depend on it and `seed`."""
    packet = number.to_bytes(4, "little")
    while len(packet) < length:
        packet += zlib.crc32(packet, seed).to_bytes(4, "little")
    return packet[:length]


def result(packet: bytes, longest: int = 16) -> bytes:
    """Return the result packet of a sample packet: its number and up to `longest` − 4 bytes."""
    digest = zlib.crc32(packet)
    body = digest.to_bytes(4, "little") * (longest // 4)
    return packet[:4] + body[:digest % (longest - 3)]


class Machine:
    """Learns sample packets in the order in which they are given."""

    def __init__(self, longest_result: int = 16) -> None:
        self.learned: list[bytes] = []
        self._longest = longest_result

    def __call__(self, packet: bytes) -> bytes:
        self.learned.append(packet)
        return result(packet, self._longest)


class Registers:
    """A control bus with plain words at 0 … `size` − 1; remembers every access."""

    def __init__(self, size: int = 64) -> None:
        self.words = [0] * size
        self.accesses: list[tuple[str, int, int]] = []

    def read(self, address: int) -> int:
        if address >= len(self.words):
            self.accesses.append(("refused", address, 0))
            raise LookupError(address)
        self.accesses.append(("read", address, self.words[address]))
        return self.words[address]

    def write(self, address: int, word: int) -> None:
        if address >= len(self.words):
            self.accesses.append(("refused", address, 0))
            raise LookupError(address)
        self.accesses.append(("write", address, word))
        self.words[address] = word
