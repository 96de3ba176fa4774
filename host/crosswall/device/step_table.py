"""One table of steps in CrossSim's format: reading it, and refusing what cannot be one.

====== ==========================================================================
line   content
====== ==========================================================================
first  a comment
next   conductance grid: comma-separated siemens, increasing
next   CDF grid: comma-separated, increasing from 0 to 1
rest   ΔG in siemens: one line for each CDF value, one column for each conductance
====== ==========================================================================

Blank lines are skipped, and so are further comments, which begin with ``#``. What a comment says,
and in which encoding, does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosswall.errors import DeviceError
from crosswall.reading import read_bytes, unreadable_as

from .model import HIGH_CONDUCTANCE, MAX_CONDUCTANCE, SLICES
from .slices import Floats, interval_means

MAX_TABLE_BYTES = 1 << 26
"""Largest table file that is read, unpacked: 2,000 × 2,000 numbers."""

GRID_TOLERANCE = 1e-3
"""Of the range: how far the grids of a pair, or the ends of a CDF, may be off by rounding."""

_IMMATERIAL = 1e-2
"""Of the largest |ΔG|: a fall along the CDF that is below this does not matter."""

_SLIGHT, _GROSS = 0.05, 0.5
"""Falls of ΔG along the CDF, as shares of what a column spans. Columns of a Monte-Carlo simulation
do fall: in the micromagnetic tables at 300 K 5 % of the columns at most fall slightly in the same
line, and none by more than 0.33 of its span. Half the columns, or one that falls grossly, are no
noise."""

_UNITS = {1e-3: "millisiemens", 1e-6: "microsiemens", 1e-9: "nanosiemens"}

_Line = tuple[int, str]
"""Number, from 1, and text."""


@dataclass(frozen=True, eq=False)
class StepTable:
    """One file: the distribution of ΔG for pulses of one direction.

    ``conductance`` [columns] in siemens, which came from line ``conductance_line``;
    ``cdf`` [rows]; ``change`` [rows, columns] in siemens.
    """

    path: Path
    conductance_line: int
    conductance: Floats
    cdf: Floats
    change: Floats

    @property
    def span(self) -> float:
        """The conductance range, in siemens."""
        return float(self.conductance[-1] - self.conductance[0])

    def slices(self) -> Floats:
        """ΔG as [columns, SLICES] conditional means of equiprobable slices, ascending."""
        means = interval_means(self.cdf, self.change, np.linspace(0, 1, SLICES + 1))
        # Simulated columns are not quite monotonic; order does not change a distribution.
        return np.sort(means.T, axis=-1)

    @property
    def mean(self) -> float:
        """Mean ΔG over all conductances, in siemens."""
        return float(interval_means(self.cdf, self.change, np.array([0.0, 1.0])).mean())

    @property
    def may_be_transposed(self) -> bool:
        """Whether it reads as a square table of another shape: no noise at any conductance, and
        ΔG that rises with the conductance as a quantile does with the CDF."""
        immaterial = _IMMATERIAL * np.abs(self.change).max()
        return (self.change.shape[0] == self.change.shape[1]
                and bool(np.ptp(self.change, axis=0).max() < immaterial)
                and bool(np.all(np.diff(self.change, axis=1) > 0)))


def read_step_table(path: Path) -> StepTable:
    """Read one file; DeviceError names file, line, value and remedy."""
    lines = _lines(path)
    if len(lines) < 5:
        raise DeviceError(f"{path}: a table needs a comment, two grids and at least two rows: "
                          f"got {len(lines)} lines; give a complete table")
    if _is_numeric(lines[0][1]):
        raise DeviceError(f"{path}:{lines[0][0]}: the first line must be a comment: got numbers; "
                          "put a comment line above the conductance grid")
    conductance, cdf = _grid(path, *lines[1], "conductance"), _grid(path, *lines[2], "CDF")
    _check_conductance(path, lines[1][0], conductance, cdf)
    _check_cdf(path, lines[2][0], cdf)
    rows = lines[3:]
    if len(rows) != len(cdf):
        raise DeviceError(f"{path}:{rows[-1][0]}: the CDF grid asks for {len(cdf)} rows of ΔG: got "
                          f"{len(rows)}; {_row_remedy(rows, conductance, cdf)}")
    table = StepTable(path, lines[1][0], conductance, cdf, _matrix(path, rows, len(conductance)))
    _check_rising(table, rows)
    _check_size(table, rows)
    return table


def _check_conductance(path: Path, line: int, conductance: Floats, cdf: Floats) -> None:
    """Refuse what no DW-MTJ conducts."""
    low, high = conductance[0], conductance[-1]
    if 0 <= low and high <= MAX_CONDUCTANCE:
        return
    remedy = "convert the grid and ΔG to siemens"
    if (low, high) == (0, 1) and cdf[-1] <= MAX_CONDUCTANCE:
        remedy = "are the two grids exchanged? Put the conductances first"
    elif low >= 0:
        unit = next((name for factor, name in _UNITS.items() if high * factor <= HIGH_CONDUCTANCE),
                    None)
        remedy = f"are these {unit}? Convert the grid and ΔG to siemens" if unit else remedy
    raise DeviceError(f"{path}:{line}: the conductance grid must be siemens from 0 to "
                      f"{MAX_CONDUCTANCE:g}, the most that a domain-wall junction conducts: got "
                      f"{low:g} to {high:g}; {remedy}")


def _check_cdf(path: Path, line: int, cdf: Floats) -> None:
    if abs(cdf[0]) <= GRID_TOLERANCE and abs(cdf[-1] - 1) <= GRID_TOLERANCE:
        return
    remedy = "divide per cent by 100" if cdf[0] >= 0 and abs(cdf[-1] - 100) < 1 \
        else "add the missing end"
    raise DeviceError(f"{path}:{line}: the CDF grid must go from 0 to 1: got {cdf[0]:g} to "
                      f"{cdf[-1]:g}; {remedy}")


def _row_remedy(rows: list[_Line], conductance: Floats, cdf: Floats) -> str:
    if len(rows) == len(conductance) and all(line.count(",") == len(cdf) - 1 for _, line in rows):
        return "rows and columns are exchanged, transpose them"
    return "add or remove rows"


def _check_rising(table: StepTable, rows: list[_Line]) -> None:
    """Refuse ΔG that does not rise with its CDF: what a column says is no distribution then."""
    change = table.change
    fall = np.maximum.accumulate(change, axis=0) - change
    span = np.ptp(change, axis=0)
    immaterial = _IMMATERIAL * np.abs(change).max()
    falls = fall > np.maximum(_SLIGHT * span, immaterial)
    wrong = (falls.mean(axis=1) > 0.5) | np.any(fall > np.maximum(_GROSS * span, immaterial),
                                                axis=1)
    if not np.any(wrong):
        return
    row = int(np.argmax(wrong))
    column = int(np.argmax(fall[row]))
    across = (np.diff(change, axis=1) > 0).mean() > 0.9
    raise DeviceError(
        f"{table.path}:{rows[row][0]}: ΔG must rise with the CDF, line by line: column "
        f"{column + 1} is {change[row, column]:g} after {change[:row, column].max():g}, and "
        f"{int(falls[row].sum())} of {change.shape[1]} columns fall; "
        + ("it rises along the lines: are rows and columns exchanged? Transpose them" if across
           else "put the lines in the order of the CDF"))


def _check_size(table: StepTable, rows: list[_Line]) -> None:
    """Refuse steps that no track has room for."""
    if abs(table.mean) > table.span:
        raise DeviceError(f"{table.path}:{rows[0][0]}: the mean ΔG must be within the conductance "
                          f"range, {table.span:g} S: got {table.mean:g} S; give ΔG in siemens, as "
                          "the grid")


def _lines(path: Path) -> list[_Line]:
    """The lines that count, the first comment among them."""
    # Only \n and \r end a line: text may have other separators in a comment.
    texts = (line.decode("utf-8", errors="replace") for line in _content(path).splitlines())
    lines = [(number, text.lstrip("\ufeff")) for number, text in enumerate(texts, start=1)
             if text.strip()]
    return lines[:1] + [line for line in lines[1:] if not line[1].lstrip().startswith("#")]


def _content(path: Path) -> bytes:
    """A file's bytes, unpacked."""
    with unreadable_as(DeviceError, path):
        content = read_bytes(path, MAX_TABLE_BYTES)
    if b"\0" in content:
        raise DeviceError(f"{path}: not text (byte {content.index(0)} is 0); give comma-separated "
                          "numbers in ASCII or UTF-8")
    return content


def _is_numeric(line: str) -> bool:
    try:
        return bool([float(cell) for cell in line.split(",")])
    except ValueError:
        return False


def _numbers(path: Path, number: int, line: str) -> Floats:
    """The finite numbers of a line."""
    values = []
    for column, cell in enumerate(line.split(","), start=1):
        try:
            values.append(float(cell))
        except ValueError:
            raise DeviceError(f"{path}:{number}: column {column} must be a number: got "
                              f"{cell.strip()[:40]!r}; separate numbers by commas") from None
        if not np.isfinite(values[-1]):
            raise DeviceError(f"{path}:{number}: column {column} must be finite: got "
                              f"{cell.strip()!r}; fill or remove it")
    return np.array(values)


def _grid(path: Path, number: int, line: str, what: str) -> Floats:
    """A strictly increasing line of numbers."""
    grid = _numbers(path, number, line)
    if len(grid) < 2:
        raise DeviceError(f"{path}:{number}: the {what} grid needs at least two values: got "
                          f"{len(grid)}; separate numbers by commas")
    falls = np.flatnonzero(np.diff(grid) <= 0)
    if len(falls):
        raise DeviceError(f"{path}:{number}: the {what} grid must increase: column "
                          f"{falls[0] + 2} is {grid[falls[0] + 1]:g} after {grid[falls[0]]:g}; "
                          "sort the columns")
    return grid


def _matrix(path: Path, rows: list[_Line], columns: int) -> Floats:
    """[rows, columns] of finite numbers."""
    try:
        matrix = np.loadtxt([line for _, line in rows], delimiter=",", comments=None, ndmin=2)
        if matrix.shape == (len(rows), columns) and np.all(np.isfinite(matrix)):
            return matrix
    except ValueError:
        pass  # found again below, with its line
    for number, line in rows:
        found = len(_numbers(path, number, line))
        if found != columns:
            raise DeviceError(f"{path}:{number}: a row must have {columns} columns, as the "
                              f"conductance grid: got {found}; complete the row")
    raise DeviceError(f"{path}: the rows of ΔG cannot be read; give comma-separated numbers")
