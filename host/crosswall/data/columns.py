"""What the columns of a table are: the label, an index, features; and whether it has a header."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError

from .dataset import MAX_LABEL

LABEL_NAMES = ("label", "labels", "class", "classes", "classlabel", "target", "targets", "y",
               "category", "species", "variety", "outcome", "diagnosis")
"""Usual names of a column of labels, in small letters and without spaces, `_`, `-` and `.`."""

_INDEX_NAMES = frozenset({"index", "id", "idx", "no", "nr", "row", "rowid", "sampleid"})
_UNNAMED = re.compile(r"(?:unnamed:\s*\d+)?", re.IGNORECASE)
"""What pandas calls a column without a name, or leaves empty."""

_LEAST_COUNT = 5
"""Rows that a column must count to be an index."""


class Column(NamedTuple):
    """A column of a table."""

    place: int
    """Its number, from 0."""
    header: str | None
    """Its cell in the header, if there is one."""
    values: NDArray[np.float64]
    """Its numbers; NaN in place of words."""
    words: Mapping[int, str]
    """Its cells that are no numbers, by row."""

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"column {self.place + 1}" + (f" `{self.header}`" if self.header else "")

    @property
    def is_words(self) -> bool:
        """Whether every cell is a word."""
        return len(self.words) == len(self.values)

    @property
    def distinct(self) -> int:
        """How many different cells it has."""
        numbers = np.unique(self.values[~np.isnan(self.values)])
        return len(numbers) + len(set(self.words.values()))

    @property
    def could_be_labels(self) -> bool:
        """Whether it has few different whole numbers, or few different words, again and again."""
        whole = not self.words and bool((self.values == np.floor(self.values)).all())
        return (whole or self.is_words) and 2 <= self.distinct <= min(
            MAX_LABEL + 1, len(self.values) // 2)

    @property
    def counts(self) -> bool:
        """Whether it counts the rows, from 0 or 1; of a few rows that would be chance."""
        rows = np.arange(len(self.values))
        return len(rows) >= _LEAST_COUNT and any(
            np.array_equal(self.values, rows + first) for first in (0, 1))


@dataclass(frozen=True)
class Roles:
    """What was found of a table's columns."""

    label: int
    """Place of the labels."""
    why: str
    """What to add where the label is named, if it was not told and not named."""
    index: int | None
    """Place of an index that is no feature."""


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first line is surely a header: no cell is a number, or one says ``label``.

    ``y`` may be a label itself, so it says nothing beside numbers.
    """
    names = {_plain(cell) for cell in cells} & (set(LABEL_NAMES) - {"y"})
    return bool(names) or not any(map(looks_like_number, cells))


def is_counting(cells: Sequence[str]) -> bool:
    """Whether a first line counts the columns from 0 or 1, as pandas' names by default do.

    The first cell may be empty (above an index), one may be a usual name of a label.
    """
    counted = [cell for place, cell in enumerate(cells)
               if (place or cell) and _plain(cell) not in LABEL_NAMES]
    return any(counted == [str(place + first) for place in range(len(counted))]
               for first in (0, 1))


def refuse_unless_header(first: Sequence[str], columns: Sequence[Column], where: str) -> None:
    """Raise DataError if a first line that counts its cells could be a sample as well.

    It could be if its last cell is a label that other lines have.
    """
    last = columns[-1]
    labels = {*last.words.values(), *(f"{value:g}" for value in np.unique(last.values))}
    if first[0] and first[-1] in labels:
        raise DataError(
            f"{where}: the first line counts {first[0]}…{first[-1]}: numbers of the columns, or a "
            "sample? name the columns, one of them `label`, or take the line out"
        )


def roles(columns: Sequence[Column], where: str, label: str | int | None = None) -> Roles:
    """Return which columns are the label and the index.

    The label is the column that is asked for; else the one with a usual name; else the only one
    of words; else the last, unless the first feature could be it as well.

    An index, which is left out, is the first column if it has no name, or one such as ``id``, and
    no value twice; or, without a header, if it counts the rows.

    Raises
    ------
    DataError
        If there is no such column, or what is meant cannot be decided.
    """
    asked = None if label is None else _asked(columns, where, label)
    index = None if asked == 0 else _index(columns, where)
    rest = [column for column in columns if column.place != index]
    if len(rest) < 2:
        raise DataError(f"{where}: one column beside an index; expected features and a label")
    if asked is not None:
        return Roles(asked, "", index)
    named = [column for column in rest if column.header and _plain(column.header) in LABEL_NAMES]
    if len(named) > 1:
        raise DataError(
            f"{where}: more than one column `{named[0].header}`; rename all but one"
            if len({column.header for column in named}) == 1 else
            f"{where}: more than one column has the name of a label: "
            f"{', '.join(column.title for column in named)}; name it with `data.label` or "
            "--label"
        )
    if named:
        return Roles(named[0].place, "", index)
    worded = [column for column in rest if column.is_words and column.could_be_labels]
    if len(worded) == 1:
        return Roles(worded[0].place, ", the only one of words", index)
    first, last = rest[0], rest[-1]
    if first.could_be_labels:
        raise DataError(
            f"{where}: which column has the labels? The first ({first.title}, {first.distinct} "
            f"different values) or the last ({last.title}, {last.distinct}); name it with "
            "`data.label` or --label, or give it the header `label`"
        )
    return Roles(last.place, ", the last, as none has the name of a label", index)


def _asked(columns: Sequence[Column], where: str, label: str | int) -> int:
    """Return the place of a column by name, or by number from 1."""
    for form in (str, _plain):
        wanted = form(str(label))
        found = [each.place for each in columns if form(each.header or "") == wanted != ""]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{where}: `data.label` = {label!r}: {len(found)} columns have that "
                            "name; give its number, from 1")
    if str(label).isdecimal() and 1 <= int(label) <= len(columns):
        return int(label) - 1
    known = ", ".join(column.header for column in columns[:12] if column.header)
    raise DataError(
        f"{where}: `data.label` = {label!r}: no such column; expected a number, 1 to "
        f"{len(columns)}" + (f", or one of {known}{', …' if len(columns) > 12 else ''}"
                             if known else ", as there is no header")
    )


def _index(columns: Sequence[Column], where: str) -> int | None:
    """Return 0 if the first column is an index."""
    first = columns[0]
    distinct = first.distinct == len(first.values)
    if first.header is None:
        return 0 if first.counts else None
    if _UNNAMED.fullmatch(first.header):
        if not distinct:
            raise DataError(
                f"{where}: column 1 has no name, as an index has, but has values twice; name it "
                "in the header, or take it out"
            )
        return 0
    return 0 if _plain(first.header) in _INDEX_NAMES and distinct else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).casefold()


def looks_like_number(cell: str) -> bool:
    """Whether a cell is meant as a number, be it with a decimal comma or not finite."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return "_" not in cell
