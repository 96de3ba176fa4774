"""A test part for sets that come without one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from .dataset import RawPart


def stratified_split(part: RawPart, test_fraction: float, seed: int) -> tuple[RawPart, RawPart]:
    """Split a part into training and test, each with the classes in proportion.

    The test part has ``ceil(samples · test_fraction)`` samples. A class's share
    is its proportion of them, rounded by largest remainder (ties: lower class
    first), but at least one sample of each class stays for training. Which
    samples of a class are taken depends on `seed` alone; both parts keep the
    order of the source.

    Parameters
    ----------
    test_fraction
        Between 0 and 1, both excluded.
    seed
        0 to ``2**32 - 1``.

    Raises
    ------
    DataError
        If an argument is out of range or the classes are too small to split.
    """
    if not 0 < test_fraction < 1:
        raise DataError(
            f"`test_fraction` must lie between 0 and 1, both excluded: got {test_fraction}"
        )
    if not 0 <= seed < 1 << 32:
        raise DataError(f"`split_seed` must be 0 to {(1 << 32) - 1}: got {seed}")
    classes, sizes = np.unique(part.labels, return_counts=True)
    samples = len(part.labels)
    # Rounded first: 100 · 0.07 is 7.000000000000001 in binary.
    total = math.ceil(round(samples * test_fraction, 9))
    if total > samples - len(classes):
        raise DataError(
            f"{part.where}: {samples} samples of {len(classes)} classes are too few to set "
            f"{total} aside and keep one of each class for training; add samples or lower "
            f"`test_fraction` ({test_fraction})"
        )

    # RandomState, because its stream is frozen: Generator's may change between NumPy versions.
    random = np.random.RandomState(seed)
    in_test = np.zeros(samples, bool)
    for label, count in zip(classes, _apportion(sizes, total), strict=True):
        members = np.flatnonzero(part.labels == label)
        in_test[random.permutation(members)[:count]] = True
    return part.take(~in_test), part.take(in_test)


def _apportion(sizes: NDArray[Any], total: int) -> NDArray[Any]:
    """Return how many of each class go to the test part; they add up to `total`."""
    exact = sizes * (total / sizes.sum())
    counts = np.minimum(np.floor(exact).astype(np.int64), sizes - 1)
    while (missing := total - int(counts.sum())) > 0:
        # Classes that are down to one sample pass their share on to the others.
        room = np.flatnonzero(counts < sizes - 1)
        order = room[np.argsort(counts[room] - exact[room], kind="stable")]
        counts[order[:missing]] += 1
    return counts
