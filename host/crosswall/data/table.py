"""CSV tables: one sample a line, a column for each feature and one for the label."""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError
from crosswall.reading import opened_lines, unreadable_as

from . import columns
from .columns import Column
from .dataset import RawSet, raw_part

MAX_LINE = 1 << 22
"""Most characters of a line: 64 for each value of the largest sample."""

_DELIMITERS = ";\t,"
_LOOKED_AT = 20
"""Lines by which the delimiter is found."""

_MAX_WORDS = 2
"""Cells of a sample that may be words: its label, and what an index column calls it."""

_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")


def read_csv(
    path: Path,
    label: str | int | None = None,
    notice: Callable[[str], None] = lambda line: None,
) -> RawSet:
    """Read a table of numbers with a column of labels, which are whole numbers or words.

    Cells are separated by commas, semicolons or tabs, with spaces and quotes around them or not.
    Empty lines, and lines before the first that begin with ``#``, are skipped; the last of these
    is the header if it has as many cells. Which line is the header, which column has the labels
    and which is an index and left out is found as `columns.roles` says.

    Parameters
    ----------
    label
        Name or number (from 1) of the column of labels; None: as found.
    notice
        Called with what was found.

    Raises
    ------
    DataError
        Naming line and column, if a cell is not a finite number or a line has another number of
        cells than the first; or if it cannot be decided which column has the labels.
    """
    table = _read(path)
    roles = columns.roles(table.columns(), str(path), label)
    kept = [place for place in range(table.width) if place not in (roles.label, roles.index)]
    for place in kept:
        table.refuse_words(place)
    part = raw_part(str(path), table.values[:, kept], table.labels(roles.label))
    part = part._replace(value_names=tuple(table.name(place) for place in kept))
    notice(f"{path}: {len(table)} samples of {len(kept)} features, "
           f"{'a header' if table.header else 'no header'}; the label is "
           f"{table.name(roles.label)}{roles.why}"
           + (f"; {table.name(roles.index)} is an index, left out"
              if roles.index is not None else ""))
    if kept[0] == 0 and table.columns()[0].counts:
        notice(f"{path}: {table.name(0)} counts the samples; if it is no feature, take it out")
    return RawSet(part, None)


@dataclass
class _Table:
    """The cells of a file: numbers, and apart from them the few words."""

    path: Path
    width: int = 0
    header: list[str] | None = None
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    """Of each line its numbers; NaN in place of words."""
    lines: list[int] = field(default_factory=list)
    """Number of each line in the file, from 1."""
    words: dict[int, dict[int, str]] = field(default_factory=dict)
    """By column and row: cells that are not finite numbers."""
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """All rows, once they are read."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, line: int, cells: list[str]) -> None:
        """Take a line; DataError unless it can be a sample."""
        if len(cells) != self.width:
            raise DataError(
                f"{self.path}, line {line}: {len(cells)} cells; expected {self.width}, as in the "
                "first line"
            )
        self.lines.append(line)
        row = _numbers(cells)
        if row is None:
            numbers = [_number(cell) for cell in cells]
            words = [place for place, number in enumerate(numbers) if number is None]
            for place in words:
                self.words.setdefault(place, {})[len(self.rows)] = cells[place]
            if len(words) > _MAX_WORDS:
                raise self._not_a_number(words[0], len(self.rows))
            row = np.array([math.nan if number is None else number for number in numbers])
        self.rows.append(row)

    def name(self, place: int) -> str:
        """What messages call a column."""
        named = f" `{self.header[place]}`" if self.header and self.header[place] else ""
        return f"column {place + 1}{named}"

    def columns(self) -> list[Column]:
        """What is known of each column."""
        return [Column(place, self.header[place] if self.header else None, self.values[:, place],
                       self.words.get(place, {})) for place in range(self.width)]

    def labels(self, place: int) -> NDArray[np.float64] | NDArray[np.str_]:
        """The labels in a column: numbers, or words; DataError if some are these, some those."""
        words = self.words.get(place)
        if not words:
            return self.values[:, place]
        if len(words) < len(self):
            row, word = next(iter(words.items()))
            raise DataError(
                f"{self.path}, line {self.lines[row]}, {self.name(place)}: the label {word!r} is "
                "no number, others are; correct it, or call every class by a word"
            )
        return np.array([words[row] for row in range(len(self))])

    def refuse_words(self, place: int) -> None:
        """Raise DataError if a column of features has a word."""
        if words := self.words.get(place):
            raise self._not_a_number(place, min(words))

    def _not_a_number(self, place: int, row: int) -> DataError:
        cell = self.words[place][row]
        where = f"{self.path}, line {self.lines[row]}, {self.name(place)}"
        if _DECIMAL_COMMA.fullmatch(cell):
            return DataError(f"{where}: {cell!r} has a decimal comma; write numbers with a point")
        remedy = "correct it or leave the line out"
        if len(self.words[place]) == len(self) > 1:
            remedy = "number the values, or leave the column out; if it is the label, name "\
                "it with `data.label` or --label"
        return DataError(f"{where}: {cell!r} is not a finite number; {remedy}")


def _read(path: Path) -> _Table:
    """Read the cells; DataError unless they make a table of samples."""
    table = _Table(path)
    first: list[str] | None = None
    try:
        with unreadable_as(DataError, path), opened_lines(path, MAX_LINE) as lines:
            for line, cells in _cells(lines, table):
                if not table.width:
                    table.width = len(cells)
                    if table.width < 2:
                        raise DataError(
                            f"{path}: one column; expected features and a label, separated by "
                            "commas, semicolons or tabs"
                        )
                    if table.header is not None and len(table.header) != table.width:
                        table.header = None
                    if columns.is_header(cells):
                        table.header = cells
                        continue
                    if table.header is None and columns.is_counting(cells):
                        first = cells
                        continue
                table.add(line, cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file in UTF-8: {error}") from error
    if not table.rows:
        raise DataError(f"{path}: no samples; expected one a line")
    table.values = np.stack(table.rows)
    if first is not None:
        columns.refuse_unless_header(first, table.columns(), str(path))
        table.header = first
    return table


def _cells(lines: Iterator[str], table: _Table) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line; a header after ``#`` becomes the table's."""
    head = list(itertools.islice(lines, _LOOKED_AT))
    reader = csv.reader(itertools.chain(head, lines), delimiter=_delimiter(head),
                        skipinitialspace=True)
    begun = False
    for cells in reader:
        if not cells:
            continue
        cells = [cell.strip() for cell in cells]
        if not begun and cells[0].startswith("#"):
            table.header = [cells[0].lstrip("#").strip(), *cells[1:]]
            continue
        begun = True
        yield reader.line_num, cells


def _delimiter(head: list[str]) -> str:
    """Return what separates the cells of the first lines.

    Each of them has as many cells, more than one; of several delimiters for which that holds the
    one that leaves the largest share of numbers.
    """
    lines = [line for line in head if line.strip() and not line.startswith("#")]
    fitting = {}
    for delimiter in _DELIMITERS:
        rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
        if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1:
            numbers = [columns.looks_like_number(cell.strip()) for row in rows for cell in row]
            fitting[delimiter] = sum(numbers) / len(numbers)
    return max(fitting, key=lambda delimiter: fitting[delimiter], default=",")


def _numbers(cells: list[str]) -> NDArray[np.float64] | None:
    """Return cells as float64; None unless all are finite numbers."""
    try:
        row = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return row if np.isfinite(row).all() and not any("_" in cell for cell in cells) else None


def _number(cell: str) -> float | None:
    """Return the finite number that a cell is; Python's own 1_000 is none elsewhere."""
    numbers = _numbers([cell])
    return None if numbers is None else float(numbers[0])
