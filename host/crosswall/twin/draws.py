"""The random draw of :mod:`crosswall.spec.draws`, compiled for scalars and arrays."""

from __future__ import annotations

import numba
import numpy as np

from crosswall.spec.draws import ROUNDS, STAGE_SHIFT


@numba.njit(numba.uint32(numba.uint32, numba.uint32, numba.uint32, numba.uint32),
            cache=True, inline="always")
def draw(seed, sample, stage, place):
    """One draw; unsigned 32-bit integers in and out. Equal to ``crosswall.spec.draws.draw``."""
    half = np.uint32(0xFFFF)
    block = np.uint32(stage << np.uint32(STAGE_SHIFT)) | place
    left = block >> np.uint32(16)
    right = block & half
    for number in range(ROUNDS):
        word = sample if number & 2 == 0 else seed
        if number & 1:
            word = word >> np.uint32(16)
        rotated = (left >> np.uint32(7) | left << np.uint32(9)) & half
        left = (rotated + right & half) ^ (word & half) ^ np.uint32(number)
        right = (right << np.uint32(2) | right >> np.uint32(14)) & half ^ left
    return left << np.uint32(16) | right


@numba.vectorize([numba.uint32(numba.uint32, numba.uint32, numba.uint32, numba.uint32)],
                 cache=True)
def _draws(seed, sample, stage, place):
    return draw(seed, sample, stage, place)


def draws(seed: int, sample: int, stage: int, places: np.ndarray) -> np.ndarray:
    """Draws at many places: ``uint32`` of the shape of ``places``."""
    return _draws(np.uint32(seed), np.uint32(sample), np.uint32(stage), places)
