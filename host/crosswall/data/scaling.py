"""From real values to the bytes that a sample is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from .dataset import RawPart

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Lowest and highest value, each of shape [1] (for all) or [pixels]."""


def declared_bounds(where: str, value_range: tuple[float, float]) -> Bounds:
    """Return the bounds that someone declared; DataError unless they are finite and ascending."""
    low, high = (np.array([bound], np.float64) for bound in value_range)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise DataError(
            f"{where}: a range of values is two finite numbers, low < high: got {value_range}"
        )
    return low, high


def measured_bounds(part: RawPart, *, together: bool) -> Bounds:
    """Return the bounds of a part's values: of all `together`, or of each pixel by itself."""
    axis = None if together else 0
    return (
        np.atleast_1d(part.values.min(axis=axis).astype(np.float64)),
        np.atleast_1d(part.values.max(axis=axis).astype(np.float64)),
    )


def refuse_outside(part: RawPart, bounds: Bounds) -> None:
    """Raise DataError if a value lies outside of bounds that were declared."""
    outside = (part.values < bounds[0]) | (part.values > bounds[1])
    if outside.any():
        sample, pixel = np.argwhere(outside)[0]
        raise DataError(
            f"{part.where}: value {pixel} of sample {sample} (both from 0) is "
            f"{part.values[sample, pixel]}, outside the declared range "
            f"{bounds[0][0]:g}…{bounds[1][0]:g}; declare a wider range"
        )


def to_shares(part: RawPart, bounds: Bounds) -> NDArray[np.float64]:
    """Return where a part's values lie between the bounds: float64 [samples, pixels], 0 to 1.

    ``(value − low) / (high − low)``, after the value was clipped to low…high; 0 where low equals
    high.

    Raises
    ------
    DataError
        If the width of the bounds is not a finite float64.
    """
    low, high = bounds
    with np.errstate(over="ignore"):
        width = high - low
    if not np.isfinite(width).all():
        raise DataError(f"{part.where}: values span more than 1.8e308; rescale them")
    width = np.where(width > 0, width, 1.0)
    return (np.clip(part.values, low, high) - low) / width


def to_bytes(part: RawPart, bounds: Bounds) -> NDArray[Any]:
    """Return a part's values as uint8 [samples, pixels]: ``floor(share · 255 + 1/2)``.

    Raises
    ------
    DataError
        As `to_shares`.
    """
    low, high = bounds
    if part.values.dtype == np.uint8 and (low == 0).all() and (high == 255).all():
        return part.values  # what the formula gives, without its memory
    return np.floor(to_shares(part, bounds) * 255 + 0.5).astype(np.uint8)
