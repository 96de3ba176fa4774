"""Samples in a board's memory: where they are, and what a record of one holds.

A board with memory (field ``store`` of register ``build_options``) keeps the pixels of a sample
that a KEEP frame brings, as they came, and learns from them again when a REPLAY frame names their
*place* (`crosswall.spec.frames`). The memory is the host's to divide: a place is an address in
units of ``PLACE_BYTES``, and a record takes `record_places` of them. Addresses beyond the memory's
end begin at 0 again.

A *record* is the length of the packed pixels (u16), how they are packed (u8, as in a sample's
header; `crosswall.spec.packing`), the packed pixels, and the CRC-32 of all this. Integers are
little-endian, and zeros fill the record's last place. A record whose length or CRC is wrong,
because nothing was kept there or the memory failed, is not learned from: the host is told as if
its frame had been damaged.
"""

from __future__ import annotations

import zlib

from .frames import CRC_BYTES, PLACE_BYTES

__all__ = [
    "BURST_WORDS",
    "MAX_STORE_BYTES",
    "MIN_STORE_BYTES",
    "PLACE_UNIT",
    "RECORD_HEADER_BYTES",
    "WORD_BYTES",
    "pack_record",
    "record_places",
    "unpack_record",
]

WORD_BYTES = 2
"""The memory is read and written in words of 16 bits, the lower byte first."""

BURST_WORDS = 8
"""Words that are read or written at once."""

PLACE_UNIT = WORD_BYTES * BURST_WORDS
"""Bytes of a place."""

MIN_STORE_BYTES = 1 << 10
MAX_STORE_BYTES = PLACE_UNIT << 8 * PLACE_BYTES
"""Least and most memory that a board says it has; a power of two."""

_LENGTH_BYTES = 2
RECORD_HEADER_BYTES = _LENGTH_BYTES + 1


def record_places(length: int) -> int:
    """Places that the record of ``length`` bytes of packed pixels takes."""
    return -(-(RECORD_HEADER_BYTES + length + CRC_BYTES) // PLACE_UNIT)


def pack_record(packing: int, data: bytes) -> bytes:
    """The record of packed pixels: `record_places` × ``PLACE_UNIT`` bytes."""
    record = len(data).to_bytes(_LENGTH_BYTES, "little") + bytes([packing]) + data
    record += zlib.crc32(record).to_bytes(CRC_BYTES, "little")
    return record.ljust(PLACE_UNIT * record_places(len(data)), b"\0")


def unpack_record(memory: bytes | bytearray, place: int, pixels: int) -> tuple[int, bytes] | None:
    """How the pixels are packed, and the packed pixels, of the record at ``place`` of ``memory``.

    Returns None if there is none: if the length is above ``pixels`` or the CRC is wrong.
    """
    start = place * PLACE_UNIT % len(memory)

    def read(length: int) -> bytes:
        data = bytes(memory[start:start + length])
        return data + bytes(memory[:length - len(data)])

    length = int.from_bytes(read(_LENGTH_BYTES), "little")
    if length > pixels:
        return None
    record = read(RECORD_HEADER_BYTES + length + CRC_BYTES)
    data, crc = record[:-CRC_BYTES], record[-CRC_BYTES:]
    if zlib.crc32(data).to_bytes(CRC_BYTES, "little") != crc:
        return None
    return data[_LENGTH_BYTES], data[RECORD_HEADER_BYTES:]
