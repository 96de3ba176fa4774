"""From a name or a path to a training and a test part in bytes."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from . import checks
from .classes import assign, check
from .dataset import Dataset, RawPart, RawSet, Shape
from .encoding import FeatureEncoding
from .locating import Source, locate
from .scaling import Bounds, declared_bounds, measured_bounds, refuse_outside, to_bytes, to_shares
from .splitting import stratified_split

_BYTE_RANGE = (0.0, 255.0)


def load(
    source: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    test_fraction: float = 0.25,
    split_seed: int = 0,
    value_range: tuple[float, float] | None = None,
    shape: Shape | None = None,
    classes: int | None = None,
    label: str | int | None = None,
    encoding: FeatureEncoding | None = None,
    notice: Callable[[str], None] = lambda line: None,
) -> tuple[Dataset, Dataset]:
    """Return the training and the test part of a data set.

    Parameters
    ----------
    source
        A built-in set (``digits``, ``iris``, ``wine``, ``breast-cancer``), the
        path of an IDX folder, an NPZ or a CSV file, or the name of one of
        these in a folder of data. A path has a separator or an extension; a
        name is never looked for in the working directory.
    data
        The set itself, or the folder of data that holds it by name. By default
        the folder that the environment names in ``CROSSWALL_DATA``, else
        ``../shared/data`` of a source tree.
    test_fraction, split_seed
        How a set without a test part of its own is split; see `stratified_split`.
    value_range
        Lowest and highest value, which become 0 and 255. By default 0 and 255
        for uint8 that reaches 128 or more, 0 and 16 for digits, and otherwise
        what the training part spans: as a whole for images and uint8, by
        column for other samples.
    shape
        Height and width, for images stored as rows of pixels.
    classes
        Number of classes; by default as many as there are different labels (`classes.assign`).
    label
        Name or number (from 1) of a table's column of labels; by default as `columns.roles` finds.
    encoding
        Makes several bytes of each feature of a table, in place of one.
    notice
        Called with one line for whatever is probably wrong, or was decided and may not be what
        one would think.

    Raises
    ------
    DataError
        If the set is not found, or a file or an argument is not as described.
    ToolError
        If a built-in set is asked for and scikit-learn is not installed.
    """
    found = locate(source, data)
    name, raw = found.title, _read(found, label, notice)
    train, test = raw.train, raw.test
    check(train)
    for part in (train, *([] if test is None else [test])):
        checks.note_signed(part, notice)
        if value_range is None:
            one_range = (shape or part.shape) is not None
            checks.refuse_missing(part, together=one_range)
    checks.refuse_constant(train)
    if test is None:
        train, test = stratified_split(train, test_fraction, split_seed)
    shape = _shape(train, test, shape, encoding)
    together = shape is not None or train.values.dtype == np.uint8
    if raw.test is not None:
        checks.compare_parts(
            train, test, together=together, declared=value_range is not None, notice=notice
        )
    bounds = _bounds(name, train, test, value_range or raw.value_range, together, notice)
    named = assign(train, test, declared=classes, names=raw.class_names, notice=notice)

    def dataset(part: RawPart, labels: NDArray[np.int64]) -> Dataset:
        samples = (
            to_bytes(part, bounds) if encoding is None else encoding.encode(to_shares(part, bounds))
        )
        try:
            return Dataset(name, samples, labels, len(named.names), shape, named.names)
        except DataError as error:
            raise DataError(f"{part.where}: {str(error).removeprefix(f'{name}: ')}") from error

    parts = dataset(train, named.train), dataset(test, named.test)
    if encoding is None and (value_range or raw.value_range):
        checks.note_dark(train, parts[0].samples, notice)
    return parts


def _shape(
    train: RawPart, test: RawPart, declared: Shape | None, encoding: FeatureEncoding | None
) -> Shape | None:
    """Return the images' height and width; DataError if parts, declaration and encoding differ."""
    if test.values.shape[1] != train.values.shape[1] or test.shape != train.shape:
        raise DataError(
            f"{test.where}: test samples have {_form(test)}, training samples {_form(train)}; "
            "the parts are not of one set"
        )
    if declared is not None and train.shape not in (None, declared):
        raise DataError(
            f"{train.where}: images of {_form(train)}, but `data.shape` says "
            f"{declared[0]}×{declared[1]}; correct it, or remove it"
        )
    shape = declared or train.shape
    if encoding is not None and shape is not None:
        raise DataError(
            f"{train.where}: images of {shape[0]}×{shape[1]}; an encoding of features expects a "
            "table: leave the encoding out, or the shape"
        )
    return shape


def _bounds(
    name: str,
    train: RawPart,
    test: RawPart,
    declared: tuple[float, float] | None,
    together: bool,
    notice: Callable[[str], None],
) -> Bounds:
    """Return what becomes 0 and 255; DataError for a value outside of a declared range."""
    if declared is None and train.values.dtype == test.values.dtype == np.uint8:
        if (highest := int(train.values.max())) >= checks.DARK:
            declared = _BYTE_RANGE
        else:
            notice(
                f"{train.where}: bytes of {train.values.min()}…{highest} only, which become 0…255; "
                "`data.value_range` = [0, 255] keeps them as they are"
            )
    if declared is None:
        checks.note_outliers(train, together=together, notice=notice)
        if not together:
            checks.note_constant_columns(train, notice)
        return measured_bounds(train, together=together)
    bounds = declared_bounds(name, declared)
    for part in (train, test):
        refuse_outside(part, bounds)
    return bounds


def _form(part: RawPart) -> str:
    return f"{part.shape[0]}×{part.shape[1]}" if part.shape else f"{part.values.shape[1]} values"


def _read(found: Source, label: str | int | None, notice: Callable[[str], None]) -> RawSet:
    if found.is_table:
        return found.read(label=label, notice=notice)
    if label is not None:
        raise DataError(
            f"{found.path or found.title}: `data.label` = {label!r}, but only a table (CSV) has "
            "columns; remove it"
        )
    return found.read()
