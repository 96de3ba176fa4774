"""Which class each label stands for, and what the classes are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from .dataset import MAX_LABEL, RawPart

MAX_CLASSES = MAX_LABEL + 1


class Classes(NamedTuple):
    """The classes of a set, and those of its samples."""

    names: tuple[str, ...]
    train: NDArray[np.int64]
    """Class of each training sample, 0 to ``len(names) - 1``."""
    test: NDArray[np.int64]
    """Class of each test sample."""


def check(part: RawPart) -> None:
    """Raise DataError for labels that can be no classes, whatever else is declared.

    There are too many different ones, or some are below 0 and not just −1 and 1.
    """
    labels = np.unique(part.labels)
    if len(labels) > MAX_CLASSES:
        raise DataError(
            f"{part.where}: {len(labels)} different labels, {listed(_names(labels))}; a set has 2 "
            f"to {MAX_CLASSES} classes: see that these are its labels (`data.label` in a table)"
        )
    if labels.dtype.kind == "i" and labels[0] < 0 and labels.tolist() != [-1, 1]:
        sample = int(np.argmax(part.labels < 0))
        raise DataError(
            f"{part.where}: the label of sample {sample} (from 0) is {part.labels[sample]}; labels "
            "are whole numbers from 0, or −1 and 1, or words: number the classes from 0, and leave "
            "out samples without a label"
        )


def assign(
    train: RawPart,
    test: RawPart,
    *,
    declared: int | None = None,
    names: tuple[str, ...] | None = None,
    notice: Callable[[str], None] = lambda line: None,
) -> Classes:
    """Return the classes that the labels of both parts stand for.

    The different labels in rising order are the classes: 10, 20, 30 or ``ash``, ``elm``, ``fir``
    are classes 0, 1, 2. But if `declared` says how many there are, and every label is a number
    below that, the labels are the classes' numbers as they are.

    Parameters
    ----------
    declared
        How many classes there are.
    names
        What the source calls the labels 0, 1, …
    notice
        Called with what is probably wrong, or not what one would think.

    Raises
    ------
    DataError
        If the labels contradict `declared` or each other: another number of classes, one in the
        test part that training lacks, words beside numbers.
    """
    labels = np.unique(train.labels)
    _refuse_unknown(test, labels, train.where)
    if names is not None:
        labels = np.arange(len(names))
        called = names
    elif declared is not None and _are_numbers_of(labels, declared):
        labels = np.arange(declared)
        called = tuple(map(str, range(declared)))
    else:
        called = tuple(map(str, labels.tolist()))
    if declared is not None and len(called) != declared:
        raise DataError(
            f"{train.where}: {len(called)} different labels, {listed(called)}, but `data.classes` "
            f"= {declared}; correct it, or remove it"
        )
    found = Classes(called, _places(labels, train.labels), _places(labels, test.labels))
    if names is None and called != tuple(map(str, range(len(called)))):
        notice(f"{train.where}: classes 0…{len(called) - 1} are {listed(called)}")
    _note_missing(train, "training", found.names, found.train, notice)
    if test.where != train.where:
        _note_missing(test, "test", found.names, found.test, notice)
    return found


def listed(names: tuple[str, ...], most: int = 6) -> str:
    """Return some of the names, comma-separated, cut short where they are many or long."""
    shown = [name if len(name) <= 24 else name[:21] + "…" for name in names]
    if len(shown) > most:
        shown = [*shown[: most - 1], "…", shown[-1]]
    return ", ".join(shown)


def _are_numbers_of(labels: NDArray[Any], classes: int) -> bool:
    """Whether labels, in rising order, are numbers of that many classes."""
    return labels.dtype.kind == "i" and labels[0] >= 0 and labels[-1] < classes


def _places(labels: NDArray[Any], of: NDArray[Any]) -> NDArray[np.int64]:
    return np.searchsorted(labels, of).astype(np.int64)


def _refuse_unknown(test: RawPart, labels: NDArray[Any], training: str) -> None:
    """Raise DataError if the test part has labels that training lacks."""
    if (test.labels.dtype.kind == "i") != (labels.dtype.kind == "i"):
        raise DataError(
            f"{test.where}: test and training labels are words here and numbers there: "
            f"{listed(_names(test.labels))}, but {listed(_names(labels))}; name them alike"
        )
    unknown = ~np.isin(test.labels, labels)
    if unknown.any():
        sample = int(np.argmax(unknown))
        raise DataError(
            f"{test.where}: the label of test sample {sample} (from 0) is {test.labels[sample]}, "
            f"which no training sample has ({unknown.sum()} such samples); labels are "
            f"{listed(_names(test.labels))} here, {listed(_names(labels))} in {training}: number "
            "both parts alike, or leave these samples out"
        )


def _names(labels: NDArray[Any]) -> tuple[str, ...]:
    return tuple(map(str, np.unique(labels).tolist()))


def _note_missing(part: RawPart, kind: str, names: tuple[str, ...], labels: NDArray[np.int64],
                  notice: Callable[[str], None]) -> None:
    """Say which classes have no sample in a part."""
    counts = np.bincount(labels, minlength=len(names))
    if missing := tuple(names[place] for place in np.flatnonzero(counts == 0)):
        notice(f"{part.where}: no {kind} sample of class {listed(missing)}")
