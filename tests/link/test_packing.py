"""Samples are packed without loss, and each in its shortest packing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from crosswall.link import pack_pixels
from crosswall.spec.packing import (
    MAX_LITERALS,
    MAX_ZEROS,
    PACKINGS,
    RUNS,
    ZERO_BITS,
    pixel_bits,
    unpack_pixels,
)


def packed_as(packing: int, pixels: bytes) -> bytes | None:
    """The same by the definition, one byte after another; None where that packing is none."""
    bits = pixel_bits(packing)
    unit = 255 // (2 ** bits - 1)
    if any(pixel % unit for pixel in pixels):
        return None
    codes = [pixel // unit for pixel in pixels]
    per_byte = 8 // bits
    data = bytes(sum(code << bits * place for place, code in enumerate(codes[start:start
                                                                             + per_byte]))
                 for start in range(0, len(codes), per_byte)).rstrip(b"\0")
    if not packing & RUNS:
        return data
    coded = bytearray()
    while data:
        rest = data[:MAX_ZEROS].lstrip(b"\0") + data[MAX_ZEROS:]
        zeros = len(data) - len(rest)
        literals = rest[:MAX_LITERALS].split(b"\0")[0]
        coded += bytes([zeros | len(literals) << ZERO_BITS]) + literals
        data = rest[len(literals):]
    return bytes(coded)


@st.composite
def images(draw):
    """Batches with few or many zeros, and few or many bits."""
    shape = draw(st.tuples(st.integers(1, 4), st.sampled_from([1, 7, 9, 64, 100, 300])))
    unit = st.sampled_from([1, 17, 85, 255])
    share = draw(st.integers(0, 20))
    values = draw(hypothesis_numpy.arrays(np.uint8, shape))
    ink = draw(hypothesis_numpy.arrays(np.uint8, shape, elements=st.integers(0, 20)))
    units = np.array([draw(unit) for _ in range(shape[0])])[:, None]
    return (np.where(ink < share, 0, values // units * units)).astype(np.uint8)


@given(images())
def test_what_was_packed_is_unpacked(pixels):
    for row, (packing, data) in zip(pixels, pack_pixels(pixels), strict=True):
        assert unpack_pixels(packing, data, len(row)) == row.tobytes()


@given(images())
def test_each_sample_has_its_shortest_packing(pixels):
    for row, (packing, data) in zip(pixels, pack_pixels(pixels), strict=True):
        candidates = {packing: packed_as(packing, row.tobytes()) for packing in range(PACKINGS)}
        assert data == candidates[packing]
        assert len(data) == min(len(each) for each in candidates.values() if each is not None)
        assert len(data) <= len(row)


@pytest.mark.parametrize(("pixels", "packing", "data"), [
    ([0] * 9, 3, ""),
    ([1, 2, 3], 0, "01 02 03"),
    ([0] * 40 + [7] * 8 + [0] * 5 + [9], 4, "1f e9 07 07 07 07 07 07 07 20 07 25 09"),
    ([17, 34, 0, 255], 1, "21 f0"),
    ([0] * 12 + [0, 85, 170, 255], 6, "23 e4"),
    ([255, 0] * 4, 3, "55"),
])
def test_these_pixels_are_packed_so(pixels, packing, data):
    assert pack_pixels(np.array([pixels], np.uint8)) == [(packing, bytes.fromhex(data))]


def test_no_samples_are_packed_as_none():
    assert pack_pixels(np.zeros((0, 5), np.uint8)) == []
