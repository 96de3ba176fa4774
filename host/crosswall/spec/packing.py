"""How a sample's pixels are packed on the wire, without loss.

Byte ``PACKING_PLACE`` of a sample packet's header says how the bytes after the header stand for
the pixels. The board undoes it before its machine sees the packet, so that packing changes
nothing but the time on the wire. Bits of the byte:

- 0 and 1, *narrow*: a pixel has ``8 >> narrow`` bits, 8, 4, 2 or 1, and a byte holds
  ``1 << narrow`` pixels, the first in the lowest bits. A pixel of fewer than 8 bits is repeated
  to fill 8: so 4 bits stand for multiples of 17, 2 for multiples of 85, 1 for 0 and 255.
- 2, *runs*: the bytes of these pixels come as runs. A run is a *token* and the literal bytes that
  it announces: ``token & 31`` bytes 0, then ``token >> 5`` literals.
- 3 to 7 are 0; a board drops a packet in which they are not.

Every string of bytes stands for one image: pixels that are missing at the end are 0, and what
comes after the last pixel is ignored.
"""

from __future__ import annotations

from .sample import SAMPLE_HEADER_BYTES

__all__ = [
    "LITERAL_BITS",
    "MAX_LITERALS",
    "MAX_ZEROS",
    "PACKINGS",
    "PACKING_PLACE",
    "RUNS",
    "ZERO_BITS",
    "is_packed_sample",
    "pixel_bits",
    "unpack_pixels",
    "unpack_sample",
]

PACKING_PLACE = 8
"""Byte of the sample header that names the packing."""

PACKINGS = 8
"""Packings there are: 0 (plain bytes) to 7."""

RUNS = 4
"""The bit of a packing that says: runs."""

ZERO_BITS = 5
LITERAL_BITS = 8 - ZERO_BITS
MAX_ZEROS = (1 << ZERO_BITS) - 1
"""Most zero bytes in one run."""
MAX_LITERALS = (1 << LITERAL_BITS) - 1
"""Most literal bytes in one run."""


def pixel_bits(packing: int) -> int:
    """Bits of a pixel: 8, 4, 2 or 1."""
    return 8 >> (packing & 3)


def unpack_pixels(packing: int, data: bytes, pixels: int) -> bytes:
    """The ``pixels`` bytes that ``data`` stands for."""
    bits = pixel_bits(packing)
    per_byte = 8 // bits
    length = -(-pixels // per_byte)
    if packing & RUNS:
        data = _expand(data, length)
    data = data[:length].ljust(length, b"\0")
    if per_byte == 1:
        return data
    largest = (1 << bits) - 1
    return bytes((byte >> place & largest) * (255 // largest)
                 for byte in data for place in range(0, 8, bits))[:pixels]


def _expand(data: bytes, length: int) -> bytes:
    """The bytes of the runs in ``data``, as far as the first that reaches ``length``."""
    expanded = bytearray()
    place = 0
    while place < len(data) and len(expanded) < length:
        token = data[place]
        literals = token >> ZERO_BITS
        expanded += bytes(token & MAX_ZEROS) + data[place + 1:place + 1 + literals]
        place += 1 + literals
    return bytes(expanded)


def is_packed_sample(packet: bytes, pixels: int) -> bool:
    """Whether a board of this many pixels takes ``packet``: it has a whole header, a packing that
    exists, and no more bytes than with packing 0."""
    return (SAMPLE_HEADER_BYTES <= len(packet) <= SAMPLE_HEADER_BYTES + pixels
            and packet[PACKING_PLACE] < PACKINGS)


def unpack_sample(packet: bytes, pixels: int) -> bytes:
    """The same sample packet with packing 0, ``SAMPLE_HEADER_BYTES + pixels`` bytes.

    Raises ValueError for a packet that a board drops; see `is_packed_sample`.
    """
    if not is_packed_sample(packet, pixels):
        raise ValueError(f"a packed sample has {SAMPLE_HEADER_BYTES} to "
                         f"{SAMPLE_HEADER_BYTES + pixels} bytes and a packing below {PACKINGS}: "
                         f"got {packet.hex()}")
    header = bytearray(packet[:SAMPLE_HEADER_BYTES])
    packing, header[PACKING_PLACE] = header[PACKING_PLACE], 0
    return bytes(header) + unpack_pixels(packing, packet[SAMPLE_HEADER_BYTES:], pixels)
