"""The two forms of a data set: as a reader found it, and as the machine takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError
from crosswall.spec.sample import UNLABELLED

Shape = tuple[int, int]
"""Height and width of an image, in pixels."""

MAX_LABEL = UNLABELLED - 1
"""Largest label that fits a sample packet."""

MAX_VALUES = 65535
"""Most values of a sample: the most pixels of a network."""

MAX_ARRAY_BYTES = 1 << 32
"""Most bytes of samples, or of labels, that a file is let announce."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One part (training or test) of a data set, as the machine takes it.

    Parameters
    ----------
    name
        For titles and reports.
    samples
        uint8 [samples, pixels], at least one of each; images row by row.
    labels
        int64 [samples], each 0 to ``classes - 1``.
    classes
        Number of classes of the whole set, 2 to 255.
    shape
        Height and width of an image; None if the samples are not images.
    class_names
        What each class is called; by default its number.

    The arrays are read-only once they are here.

    Raises
    ------
    DataError
        If the arrays disagree with each other, with `classes` or with `shape`.
    """

    name: str
    samples: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: int
    shape: Shape | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        samples, labels = self.samples, self.labels
        if samples.dtype != np.uint8 or samples.ndim != 2 or not samples.size:
            raise DataError(
                f"{self.name}: samples must be uint8 [samples, pixels] and not empty: "
                f"got {samples.dtype} {list(samples.shape)}"
            )
        if labels.dtype != np.int64 or labels.shape != samples.shape[:1]:
            raise DataError(
                f"{self.name}: labels must be int64 [{len(samples)}], one for each sample: "
                f"got {labels.dtype} {list(labels.shape)}"
            )
        if not 2 <= self.classes <= MAX_LABEL + 1:
            raise DataError(
                f"{self.name}: a set has 2 to {MAX_LABEL + 1} classes: got {self.classes}; "
                "give samples of at least two classes"
            )
        outside = labels[(labels < 0) | (labels >= self.classes)]
        if outside.size:
            raise DataError(
                f"{self.name}: label {outside[0]} is outside 0…{self.classes - 1}; "
                "correct the label or set `classes`"
            )
        if self.shape is not None and self.shape[0] * self.shape[1] != self.pixels:
            raise DataError(
                f"{self.name}: an image of {self.shape[0]}×{self.shape[1]} does not have "
                f"{self.pixels} pixels, as the samples do; correct `shape`"
            )
        names = self.class_names or tuple(map(str, range(self.classes)))
        if len(names) != self.classes or len(set(names)) != len(names):
            raise DataError(
                f"{self.name}: {self.classes} classes need as many different names: got "
                f"{', '.join(names)}"
            )
        object.__setattr__(self, "class_names", names)
        for field in ("samples", "labels"):
            view = getattr(self, field).view()  # the caller's own array stays writable
            view.setflags(write=False)
            object.__setattr__(self, field, view)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.samples)

    @property
    def pixels(self) -> int:
        """Bytes of a sample."""
        return int(self.samples.shape[1])

    def take(self, indices: NDArray[Any]) -> Dataset:
        """Return the samples at `indices` (integers or a mask), in that order."""
        return Dataset(
            self.name,
            self.samples[indices],
            self.labels[indices],
            self.classes,
            self.shape,
            self.class_names,
        )


class RawPart(NamedTuple):
    """Samples and labels as read, checked by `raw_part` but not yet scaled to bytes."""

    where: str
    """The file, or what else an error should name."""
    values: NDArray[Any]
    """Finite numbers [samples, pixels]; uint8, or float64."""
    labels: NDArray[Any]
    """Labels [samples]: int64, or words (NumPy's ``U``)."""
    shape: Shape | None
    """Height and width, if the values came as images."""
    value_names: tuple[str, ...] = ()
    """What messages call each value of a sample; if empty, its number."""
    stored: np.dtype[Any] | None = None
    """Type of the values in the file."""

    def value_name(self, place: int) -> str:
        """What messages call a value of a sample."""
        return self.value_names[place] if self.value_names else f"value {place} (from 0)"

    def take(self, indices: NDArray[Any]) -> RawPart:
        """Return the samples at `indices`, in that order."""
        return self._replace(values=self.values[indices], labels=self.labels[indices])


class RawSet(NamedTuple):
    """What a reader found: a training part and, if the source has one, a test part."""

    train: RawPart
    test: RawPart | None
    value_range: tuple[float, float] | None = None
    """The range of values that the source itself declares, if it does."""
    class_names: tuple[str, ...] | None = None
    """What the source itself calls labels 0, 1, …, if it does."""


def raw_part(where: str, values: NDArray[Any], labels: NDArray[Any]) -> RawPart:
    """Check what a reader found.

    Parameters
    ----------
    where
        The file, or what else an error should name.
    values
        Real numbers [samples, pixels], or images [samples, height, width].
    labels
        Whole numbers [samples] of any numeric type, or words, ``U`` or UTF-8 in ``S``. Words
        that are all whole numbers are these numbers.

    Raises
    ------
    DataError
        If a part is empty, of another shape or type, or holds a value that is
        not finite, or a label that is neither a whole number nor a word.
    """
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{where}: samples must be real numbers: got type {values.dtype}; "
            "store them as uint8 or float"
        )
    if values.ndim not in (2, 3):
        raise DataError(
            f"{where}: samples must be [samples, pixels] or [samples, height, width]: "
            f"got {list(values.shape)}; reshape them, images with one channel"
        )
    if not values.size:
        raise DataError(f"{where}: no samples: got shape {list(values.shape)}; give at least one")
    shape: Shape | None = None
    if values.ndim == 3:
        shape = (values.shape[1], values.shape[2])
    flat = values.reshape(len(values), -1)
    if flat.dtype != np.uint8:
        with np.errstate(over="ignore"):  # an overflow becomes infinite, and is refused below
            flat = flat.astype(np.float64)
        if not (finite := np.isfinite(flat)).all():
            sample, pixel = np.argwhere(~finite)[0]
            raise DataError(
                f"{where}: value {pixel} of sample {sample} (both from 0) is "
                f"{flat[sample, pixel]}; replace it or leave the sample out"
            )
    return RawPart(
        where, flat, _labels(where, labels, len(flat)), shape, stored=values.dtype
    )


MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
"""What tables have in place of a value that is missing, in lower case."""


def _labels(where: str, labels: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return labels as int64 or words; DataError unless there is one for each sample."""
    if labels.dtype.kind not in "biufSU":
        raise DataError(
            f"{where}: labels must be whole numbers or words: got type {labels.dtype}; "
            "convert them"
        )
    if labels.shape != (samples,):
        raise DataError(
            f"{where}: {samples} samples need labels of shape [{samples}]: "
            f"got {list(labels.shape)}; give one label for each sample"
        )
    return _words(where, labels) if labels.dtype.kind in "SU" else _whole(where, labels)


def _whole(where: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers as int64; DataError unless each is whole and fits."""
    with np.errstate(invalid="ignore"):
        # Written so that a NaN, which compares as false, is refused too.
        right = (labels == np.floor(labels)) & (abs(labels.astype(np.float64)) < 2.0**53)
    if not right.all():
        sample = int(np.argmin(right))
        raise DataError(
            f"{where}: the label of sample {sample} (from 0) is {labels[sample]}; labels are "
            "whole numbers, or words: number the classes from 0"
        )
    return labels.astype(np.int64)


def _words(where: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Return words as such, or as the whole numbers that all of them are."""
    try:
        texts = np.char.decode(labels, "utf-8") if labels.dtype.kind == "S" else labels
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: labels are not UTF-8: {error}; store them as text") from error
    words = np.char.strip(texts)
    different = np.unique(words)
    if gone := [word for word in different.tolist() if word.casefold() in MISSING_WORDS]:
        sample = int(np.argmax(words == gone[0]))
        raise DataError(
            f"{where}: the label of sample {sample} (from 0) is {gone[0]!r}: missing; give it, "
            "or leave the sample out"
        )
    numbers = [_number(word) for word in different.tolist()]
    if None not in numbers:
        return _whole(where, np.array(numbers)[np.searchsorted(different, words)])
    if any(number is not None for number in numbers):
        odd = str(different[[number is None for number in numbers]][0])
        sample = int(np.argmax(words == odd))
        raise DataError(
            f"{where}: the label of sample {sample} (from 0) is {odd!r}, others are numbers; "
            "correct it, or call every class by a word"
        )
    return words


def _number(word: str) -> float | None:
    """Return the number that a word is; Python's own 1_000 is none elsewhere."""
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None
