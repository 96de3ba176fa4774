"""Values that hide the data: what is surely wrong is refused, what is probably wrong is said.

A range is lost to a value that is none (−999, a hot pixel) or to parts in different units; nothing
tells that from the accuracy alone, which is at chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from .dataset import RawPart
from .scaling import measured_bounds

Notice = Callable[[str], None]

MISSING_NUMBERS = (
    -99.0, -999.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0, -32768.0, 1e20, -1e20, 1e30,
    -1e30, float(np.float32(9.96921e36)), float(np.finfo(np.float32).max),
    float(np.finfo(np.float32).min))
"""What files have in place of a value that is missing."""

DARK = 128
"""Bytes that stay below this are not taken as bytes of the whole range."""

_ISOLATED = 2
"""A number of `MISSING_NUMBERS` is none of the values if it lies this many of their spans away."""

_OTHER_UNITS, _UNEQUAL = 10, 2
"""Ratio of the parts' spans that is refused, and that is said."""

_OUTLYING_IMAGES, _OUTLYING_COLUMN = 4, 8
"""Ratio of the whole span to that of nearly all values that is said."""

_FEWEST_ROWS = 10
"""Samples of a table whose columns say something of their span."""

_FEWEST_BYTES = 32
"""Bytes that the training part spans at least, unless that is said."""

_LOOKED_AT = 1 << 20
"""Values by which nearly all of them are judged."""


def refuse_constant(part: RawPart) -> None:
    """Raise DataError if all samples are the same."""
    if len(part.values) > 1 and (part.values == part.values[0]).all():
        first = part.values[0]
        what = (
            f"every value is {first[0]:g}"
            if (first == first[0]).all()
            else f"all {len(part.values)} samples are the same"
        )
        raise DataError(f"{part.where}: {what}: nothing can be learned; see how it was made")


def refuse_missing(part: RawPart, *, together: bool) -> None:
    """Raise DataError for numbers that stand for a missing value, such as −999.

    A number of `MISSING_NUMBERS` is one if it lies far from all other values (of its column,
    unless all have one range `together`), or is the only one below 0.
    """
    if part.values.dtype == np.uint8:
        return
    columns = part.values.reshape(-1, 1) if together else part.values
    for end, extreme in ((-1, columns.min(axis=0)), (1, columns.max(axis=0))):
        for place in np.flatnonzero(np.isin(extreme, MISSING_NUMBERS)):
            _refuse_missing(part, columns[:, place], float(extreme[place]), end,
                            None if together else int(place))


def _refuse_missing(part: RawPart, values: NDArray[Any], number: float, end: int,
                    column: int | None) -> None:
    others = values[values != number]
    if not len(others) or others.min() == others.max():
        return
    low, high = float(others.min()), float(others.max())
    gap = low - number if end < 0 else number - high
    if gap <= _ISOLATED * (high - low) and not (number < 0 <= low):
        return
    places = np.flatnonzero(values == number)
    width = part.values.shape[1] if column is None else 1
    sample, place = int(places[0] // width), int(places[0] % width)
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    raise DataError(
        f"{part.where}: {part.value_name(place if column is None else column)} of sample {sample} "
        f"(from 0) is {number:g}{more}, all others lie in {low:g}…{high:g}: {number:g} stands for "
        "a missing value; fill it in, leave these samples out, or, if it is a value, declare "
        "`data.value_range`"
    )


def compare_parts(train: RawPart, test: RawPart, *, together: bool, declared: bool,
                  notice: Notice) -> None:
    """Refuse parts in different units, as 0…1 and 0…255, unless the range is `declared`.

    Raises
    ------
    DataError
        If one part spans ten times as much as the other.
    """
    if not together and min(len(train.values), len(test.values)) < _FEWEST_ROWS:
        return
    bounds = [measured_bounds(part, together=together) for part in (train, test)]
    spans = [high - low for low, high in bounds]
    both = (spans[0] > 0) & (spans[1] > 0)
    if not both.any():
        return
    ratio = float(np.median(spans[1][both] / spans[0][both]))
    if 1 / _UNEQUAL < ratio < _UNEQUAL:
        return
    text = (
        f"{test.where}: the test part spans {_range(test)}, the training part {_range(train)}"
        + ("" if together else f" ({ratio:.3g} times as much in the median column)")
    )
    if not declared and not 1 / _OTHER_UNITS < ratio < _OTHER_UNITS:
        raise DataError(
            f"{text}: they are in different units; scale both alike, or declare `data.value_range`"
        )
    notice(f"{text}: are both scaled alike?")


def note_signed(part: RawPart, notice: Notice) -> None:
    """Say if bytes are signed and some below 0: 200 that was read as −56."""
    if part.stored == np.int8 and part.values.min() < 0:
        notice(
            f"{part.where}: signed bytes, {_range(part)}: if they were 0…255, store them as uint8"
        )


def note_constant_columns(part: RawPart, notice: Notice) -> None:
    """Say which columns of a table have one value throughout."""
    constant = np.flatnonzero((part.values == part.values[0]).all(axis=0))
    if len(constant):
        named = ", ".join(part.value_name(int(place)) for place in constant[:5])
        more = f" and {len(constant) - 5} more" if len(constant) > 5 else ""
        notice(f"{part.where}: constant in the training part: {named}{more}; they tell nothing")


def note_outliers(part: RawPart, *, together: bool, notice: Notice) -> None:
    """Say if a few values, such as a hot pixel, stretch a range that was measured."""
    step = max(1, part.values.size // _LOOKED_AT)
    rows = part.values[::step]
    inner = np.sort(rows.reshape(-1, 1) if together else rows, axis=0).astype(np.float64)
    cut = max(1, len(inner) // (1000 if together else 100))
    if len(inner) < 2 * _FEWEST_ROWS:
        return
    low, high = inner[cut], inner[-1 - cut]
    columns = part.values.reshape(-1, 1) if together else part.values
    lowest, highest = measured_bounds(part, together=together)
    ratio = _OUTLYING_IMAGES if together else _OUTLYING_COLUMN
    for column in np.flatnonzero((high > low) & ((highest - lowest) >= ratio * (high - low)))[:5]:
        far_up = highest[column] - high[column] >= low[column] - lowest[column]
        extreme = (highest if far_up else lowest)[column]
        first = int(np.argmax(columns[:, column] == extreme))
        width = part.values.shape[1] if together else 1
        name = part.value_name(first % width if together else int(column))
        notice(
            f"{part.where}: {name} of sample {first // width} (from 0) is {extreme:g}, nearly all "
            f"others lie in {low[column]:g}…{high[column]:g}: it stretches the range; see whether "
            "it is right, or declare `data.value_range`"
        )


def note_dark(part: RawPart, samples: NDArray[np.uint8], notice: Notice) -> None:
    """Say if the training part uses few of the bytes of the range that holds for it."""
    low, high = int(samples.min()), int(samples.max())
    if high - low < _FEWEST_BYTES:
        notice(
            f"{part.where}: values {_range(part)} become bytes {low}…{high} of 0…255: nearly "
            f"alike; correct `data.value_range`, or remove it"
        )


def _range(part: RawPart) -> str:
    return f"{part.values.min():g}…{part.values.max():g}"
