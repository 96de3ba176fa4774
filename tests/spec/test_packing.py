"""What packed bytes stand for: examples worked out by hand, and every string of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.spec.packing import (
    MAX_LITERALS,
    MAX_ZEROS,
    PACKING_PLACE,
    PACKINGS,
    is_packed_sample,
    pixel_bits,
    unpack_pixels,
    unpack_sample,
)

HEADER = bytes([1, 2, 3, 4, 5, 6, 7, 8, 0, 10])


def header(packing: int) -> bytes:
    return HEADER[:PACKING_PLACE] + bytes([packing]) + HEADER[PACKING_PLACE + 1:]


@pytest.mark.parametrize(("packing", "data", "pixels"), [
    (0, "01 80 ff", "01 80 ff 00 00"),
    (0, "", "00 00 00 00 00"),
    (1, "21 f0 03", "11 22 00 ff 33"),  # 4 bits, the lower half first
    (2, "e4 01", "00 55 aa ff 55"),  # 2 bits
    (3, "1a", "00 ff 00 ff ff"),  # 1 bit
    (4, "22 07 20 09", "00 00 07 09 00"),  # two zeros and a literal, a literal
    (4, "03", "00 00 00 00 00"),
    (4, "60 01 02 03", "01 02 03 00 00"),
    (4, "60 01", "01 00 00 00 00"),  # literals that never come
    (4, "1f 20 05", "00 00 00 00 00"),  # more zeros than pixels
    (4, "a0 01 02 03 04 05 20 06", "01 02 03 04 05"),  # more literals than pixels
    (4, "00 00 21 08", "00 08 00 00 00"),  # tokens that say nothing
    (5, "22 43", "00 00 00 00 33"),  # runs of bytes of 4-bit pixels
    (6, "21 02", "00 00 00 00 aa"),
    (7, "20 10", "00 00 00 00 ff"),
])
def test_packed_bytes_stand_for_these_pixels(packing, data, pixels):
    assert unpack_pixels(packing, bytes.fromhex(data), 5) == bytes.fromhex(pixels)


def test_a_token_announces_at_most_31_zeros_and_7_literals():
    assert (MAX_ZEROS, MAX_LITERALS) == (31, 7)
    assert unpack_pixels(4, b"\xff1234567", 39) == bytes(31) + b"1234567\0"


@given(st.integers(0, PACKINGS - 1), st.binary(max_size=40), st.integers(1, 60))
def test_any_bytes_stand_for_one_image_and_more_zeros_or_pixels_change_nothing_before(
        packing, data, pixels):
    image = unpack_pixels(packing, data, pixels)
    assert len(image) == pixels
    assert set(image) <= {value * 255 // (2 ** pixel_bits(packing) - 1)
                          for value in range(2 ** pixel_bits(packing))}
    assert unpack_pixels(packing, data, pixels + 9)[:pixels] == image


def test_a_packed_sample_becomes_a_plain_one():
    assert unpack_sample(header(6) + bytes([0x21, 0x02]), 5) == HEADER + bytes([0, 0, 0, 0, 0xAA])
    assert unpack_sample(HEADER + b"abcde", 5) == HEADER + b"abcde"


@pytest.mark.parametrize("packet", [
    HEADER[:-1], HEADER + bytes(6), header(8) + bytes(5), header(0x80), b""])
def test_a_packet_that_no_board_takes_is_refused(packet):
    assert not is_packed_sample(packet, 5)
    with pytest.raises(ValueError, match="a packed sample has 10 to 15 bytes"):
        unpack_sample(packet, 5)
