"""CSV tables: one sample a line, a column for each feature and one for the label."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from crosswall.errors import DataError
from crosswall.reading import UnreadableError, opened_lines

from .dataset import RawSet, raw_part

LABEL_COLUMN = "label"

MAX_LINE = 1 << 22
"""Most characters of a line: 64 for each value of the largest sample."""


def read_csv(path: Path) -> RawSet:
    """Read comma-separated numbers; the label is the column ``label``, or else the last.

    The first line is a header if one of its cells is ``label`` or none of them
    is a number. Empty lines are skipped.

    Raises
    ------
    DataError
        Naming line and column, if a cell is not a finite number or a line has
        another number of cells than the first.
    """
    header: list[str] | None = None
    columns = 0
    rows: list[np.ndarray] = []
    try:
        with opened_lines(path, MAX_LINE) as lines:
            reader = csv.reader(lines)
            for cells in reader:
                if not cells:
                    continue
                if not columns:
                    columns = len(cells)
                    if columns < 2:
                        raise DataError(
                            f"{path}: one column; expected features and a label, "
                            "separated by commas"
                        )
                    if _is_header(cells):
                        header = [cell.strip() for cell in cells]
                        continue
                if len(cells) != columns:
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells; expected {columns}, "
                        "as in the first line"
                    )
                rows.append(_numbers(path, reader.line_num, cells, header))
    except UnreadableError as error:
        raise DataError(f"{path}: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise DataError(f"{path}: no samples; expected one a line")

    table = np.stack(rows)
    label = columns - 1
    if header and LABEL_COLUMN in header:
        if header.count(LABEL_COLUMN) > 1:
            raise DataError(f"{path}: more than one column `{LABEL_COLUMN}`; rename all but one")
        label = header.index(LABEL_COLUMN)
    features = np.delete(table, label, axis=1)
    return RawSet(raw_part(str(path), features, table[:, label]), None)


def _is_header(cells: list[str]) -> bool:
    return any(cell.strip() == LABEL_COLUMN for cell in cells) or not any(
        _is_number(cell) for cell in cells
    )


def _is_number(cell: str) -> bool:
    """Return whether a cell is a number; Python's own 1_000 is none elsewhere."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _numbers(path: Path, line: int, cells: list[str], header: list[str] | None) -> np.ndarray:
    """Return a line's cells as finite float64; DataError names the first that is not."""
    try:
        row = np.array([float(cell) for cell in cells])
    except ValueError:
        row = np.array([np.nan])
    if np.isfinite(row).all() and not any("_" in cell for cell in cells):
        return row
    column, cell = next(
        (column, cell)
        for column, cell in enumerate(cells)
        if not _is_number(cell) or not np.isfinite(float(cell))
    )
    name = f" ({header[column]})" if header else ""
    raise DataError(
        f"{path}, line {line}, column {column + 1}{name}: {cell!r} is not a finite number; "
        "correct it or leave the line out"
    )
