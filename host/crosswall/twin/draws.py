"""The random draw of :mod:`crosswall.spec.draws` for arrays of places."""

from __future__ import annotations

import numpy as np

from crosswall.spec.draws import STAGE_SHIFT, round_keys


def draws(seed: int, sample: int, stage: int, places: np.ndarray) -> np.ndarray:
    """Draws at many places: ``uint32`` of the shape of ``places`` (``uint32``, below ``2**28``)."""
    half = np.uint32(0xFFFF)
    block = np.uint32(stage << STAGE_SHIFT) | places.astype(np.uint32)
    left, right = block >> np.uint32(16), block & half
    for key in round_keys(seed, sample):
        rotated = left >> np.uint32(7) | left << np.uint32(9) & half
        left = (rotated + right & half) ^ np.uint32(key)
        right = (right << np.uint32(2) & half | right >> np.uint32(14)) ^ left
    return left << np.uint32(16) | right
