"""Distributions as equiprobable slices, and integers that keep their mean.

A distribution of steps is kept as the conditional means of its equiprobable
slices (the mean within each 1/n of the probability, in ascending order). The
mean of the slices is the mean of the distribution, exactly, and merging
neighbouring slices gives the coarser slices, exactly.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def gaussian_slice_means(count: int) -> Floats:
    """Conditional means of the standard normal distribution in ``count`` equiprobable slices.

    Between the quantiles ``a`` and ``b`` of one slice the mean is
    ``(φ(a) − φ(b)) · count``, φ the density. Returns [count], ascending, with mean 0.
    """
    normal = NormalDist()
    density = np.array([0.0, *(normal.pdf(normal.inv_cdf(place / count))
                               for place in range(1, count)), 0.0])
    means = (density[:-1] - density[1:]) * count
    return (means - means[::-1]) / 2  # odd symmetry to the last bit


def interval_means(grid: Floats, values: Floats, edges: Floats) -> Floats:
    """Means of a piecewise linear function over the intervals between ``edges``.

    Parameters
    ----------
    grid
        [points], strictly increasing, at least two.
    values
        [points, ...], the function at ``grid``.
    edges
        [intervals + 1], strictly increasing; the function is constant outside ``grid``.

    Returns
    -------
    array
        [intervals, ...], exact but for rounding.
    """
    if edges[0] < grid[0]:
        grid, values = np.r_[edges[0], grid], np.concatenate([values[:1], values])
    if edges[-1] > grid[-1]:
        grid, values = np.r_[grid, edges[-1]], np.concatenate([values, values[-1:]])

    def column(vector: Floats) -> Floats:
        return vector.reshape(-1, *(1,) * (values.ndim - 1))

    width = np.diff(grid)
    area = np.concatenate([np.zeros_like(values[:1]),
                           np.cumsum(column(width) * (values[1:] + values[:-1]) / 2, axis=0)])
    left = np.clip(np.searchsorted(grid, edges, side="right") - 1, 0, len(width) - 1)
    beyond = column(edges - grid[left])
    slope = (values[left + 1] - values[left]) / column(width[left])
    until_edge = area[left] + beyond * (values[left] + slope * beyond / 2)
    return np.diff(until_edge, axis=0) / column(np.diff(edges))


def round_keeping_sum(values: Floats) -> NDArray[np.int64]:
    """Integers within 1 of ``values`` whose sum over the last axis is the rounded sum.

    The largest fractions are rounded up (largest-remainder method), so ascending values stay
    ascending and the mean over ``n`` slices is exact to ``1 / (2 n)``.
    """
    floors = np.floor(values)
    # Noise of the floating-point sum must not move values that are integers already.
    missing = np.rint(np.round((values - floors).sum(axis=-1), 9)).astype(np.int64)
    # Ranks of the fractions, largest first; equal fractions from the last slice down.
    order = np.argsort(np.round(values - floors, 9), axis=-1, kind="stable")[..., ::-1]
    raised = np.arange(values.shape[-1]) < missing[..., None]
    integers = floors.astype(np.int64)
    np.put_along_axis(integers, order,
                      np.take_along_axis(integers, order, axis=-1) + raised, axis=-1)
    return integers
