"""Devices from tables in CrossSim's format, measured or micromagnetic.

A device is a pair of text files, ``dG_increasing{n}.txt`` and
``dG_decreasing{n}.txt`` (``n`` may be missing; either may be gzipped):

====== ==========================================================================
line   content
====== ==========================================================================
first  a comment
next   conductance grid: comma-separated siemens, increasing
next   CDF grid: comma-separated, increasing from 0 to 1
rest   ΔG in siemens: one line for each CDF value, one column for each conductance
====== ==========================================================================

Blank lines are skipped. The two files of a pair share their conductance grid. A file
`crosswall.device.provenance.PROVENANCE` beside them gives a device its name, origin and write
energy; `crosswall.device.physics` writes such folders.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crosswall.errors import DeviceError
from crosswall.reading import UnreadableError, read_bytes
from crosswall.spec.device_table import Direction

from .model import SLICES, DeviceModel
from .provenance import read_provenance
from .slices import Floats, interval_means

MAX_TABLE_BYTES = 1 << 26
"""Largest table file that is read, unpacked."""

MAX_POSITIONS = 1025
"""Points of the position grid that tables are brought to."""

RANGES = ("own", "common")
"""How positions relate to conductance; see `read_devices`."""

_GRID_TOLERANCE = 1e-3
"""Of the range: how far the grids of a pair, or the ends of a CDF, may be off by rounding."""

_FILE_NAME = re.compile(r"dG_(increasing|decreasing)(\d*)\.txt(\.gz)?")
_DIRECTIONS = {"increasing": Direction.POTENTIATE, "decreasing": Direction.DEPRESS}


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

    def slices(self) -> Floats:
        """ΔG as [columns, SLICES] conditional means of equiprobable slices, ascending."""
        means = interval_means(self.cdf, self.change, np.linspace(0, 1, SLICES + 1))
        # Simulated columns are not quite monotonic; order does not change a distribution.
        return np.sort(means.T, axis=-1)


def read_step_table(path: Path) -> StepTable:
    """Read one file; DeviceError names file, line and remedy."""
    lines = [(number, line) for number, line in enumerate(_text(path).splitlines(), start=1)
             if line.strip()]
    if len(lines) < 5:
        raise DeviceError(f"{path}: a table needs a comment, two grids and at least two rows: "
                          f"got {len(lines)} lines; give a complete table")
    if _is_numeric(lines[0][1]):
        raise DeviceError(f"{path}:{lines[0][0]}: the first line must be a comment: got numbers; "
                          "put a comment line above the conductance grid")
    conductance = _grid(path, *lines[1], "conductance")
    cdf = _grid(path, *lines[2], "CDF")
    if conductance[0] < 0 or conductance[-1] > 1:
        raise DeviceError(f"{path}:{lines[1][0]}: the conductance grid must be siemens from 0 to "
                          f"1: got {conductance[0]:g} to {conductance[-1]:g}; convert it to "
                          "siemens")
    if abs(cdf[0]) > _GRID_TOLERANCE or abs(cdf[-1] - 1) > _GRID_TOLERANCE:
        raise DeviceError(f"{path}:{lines[2][0]}: the CDF grid must go from 0 to 1: got {cdf[0]:g} "
                          f"to {cdf[-1]:g}; add the missing end")
    rows = lines[3:]
    if len(rows) != len(cdf):
        raise DeviceError(f"{path}:{rows[-1][0]}: the CDF grid asks for {len(cdf)} rows of ΔG: got "
                          f"{len(rows)}; add or remove rows")
    return StepTable(path, lines[1][0], conductance, cdf, _matrix(path, rows, len(conductance)))


def read_devices(path: Path, *, devices: Sequence[int] | None = None, span: str = "own",
                 spread: float = 0.0, stuck: float = 0.0, name: str | None = None) -> DeviceModel:
    """A device model from tables.

    Parameters
    ----------
    path
        A directory of pairs, or one file of a pair.
    devices
        Numbers of the devices to use, in the order of the variants; by default all, ascending.
        A pair without a number is device 0.
    span
        What the wall's range stands for. ``"own"``: each device's own conductance range, so
        that all walls run from 0 to 1 and devices differ in their steps only; the model's
        conductances are the means of the devices' ends. ``"common"``: the range of all
        devices together, so that each device reaches its own part of it only.
    spread, stuck
        Static spread of the step and share of stuck synapses, besides what devices differ by.
    name
        For reports; by default that of the provenance, the directory's name and its parent's, or
        the file's.

    Raises
    ------
    DeviceError
        If a file is missing or malformed, naming file, line and remedy.
    """
    if span not in RANGES:
        raise DeviceError(f"device parameter `range` must be one of {', '.join(RANGES)}: "
                          f"got {span!r}")
    pairs = _select(path, _find_pairs(path), devices)
    tables = [_read_pair(pair) for pair in pairs.values()]

    ends = np.array([[pair[0].conductance[0], pair[0].conductance[-1]] for pair in tables])
    if span == "own":
        low, high = ends.mean(axis=0)
        ranges = [(0.0, 1.0)] * len(tables)
    else:
        low, high = ends[:, 0].min(), ends[:, 1].max()
        ranges = [tuple(pair_ends) for pair_ends in (ends - low) / (high - low)]
    origin = f"tables in CrossSim's format: {path}, devices {', '.join(map(str, pairs))}, " \
             f"{span} conductance range"
    known = read_provenance(path if path.is_dir() else path.parent)
    points = max(len(table.conductance) for pair in tables for table in pair)
    positions = np.linspace(0, 1, min(points, MAX_POSITIONS))
    steps = np.array([[_steps(table, positions, *reach) for table in pair]
                      for pair, reach in zip(tables, ranges, strict=True)])
    return DeviceModel(
        name=name or (known.name if known else _title(path)), positions=positions, steps=steps,
        conductance_min=float(low), conductance_max=float(high), scalable_pulses=False,
        gain_spread=spread, stuck_share=stuck,
        provenance=f"{known.text}; {origin}" if known else origin,
        write_energy=known.write_energy if known else None)


def _steps(table: StepTable, positions: Floats, low: float, high: float) -> Floats:
    """Steps [positions, SLICES] of a device whose track is ``low`` to ``high`` of the range."""
    grid = table.conductance
    own = (grid - grid[0]) / (grid[-1] - grid[0])
    slices = table.slices() / (grid[-1] - grid[0])
    wall = np.clip((positions - low) / (high - low), 0, 1)
    left = np.clip(np.searchsorted(own, wall, side="right") - 1, 0, len(own) - 2)
    share = ((wall - own[left]) / (own[left + 1] - own[left]))[:, None]
    steps = slices[left] * (1 - share) + slices[left + 1] * share
    if (low, high) == (0.0, 1.0):
        return steps  # the machine itself keeps walls within the range
    # A wall stays on its device's track, and returns to it from beyond.
    reached = np.clip(wall[:, None] + steps, 0, 1)
    return low + reached * (high - low) - positions[:, None]


def _find_pairs(path: Path) -> dict[int, dict[Direction, Path]]:
    """Files of each device by number and direction, ascending."""
    try:
        folder = path if path.is_dir() else path.parent
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise DeviceError(f"{path}: cannot be read ({error.strerror}); give a directory with "
                          "dG_increasing*.txt and dG_decreasing*.txt") from error
    wanted = _FILE_NAME.fullmatch(path.name)
    if folder != path and (not path.exists() or not wanted):
        raise DeviceError(f"{path}: " + ("no such file" if not path.exists() else
                          "not a table's name") + "; give a directory with dG_increasing*.txt "
                          "and dG_decreasing*.txt, or one of these files")
    pairs: dict[int, dict[Direction, Path]] = {}
    for name in names:
        match = _FILE_NAME.fullmatch(name)
        if match and (wanted is None or folder == path or match[2] == wanted[2]):
            pair = pairs.setdefault(int(match[2] or 0), {})
            pair.setdefault(_DIRECTIONS[match[1]], folder / name)
    if not pairs:
        raise DeviceError(f"{path}: no tables there; give a directory with dG_increasing*.txt and "
                          "dG_decreasing*.txt (or .txt.gz)")
    return dict(sorted(pairs.items()))


def _select(path: Path, pairs: dict[int, dict[Direction, Path]],
            devices: Sequence[int] | None) -> dict[int, dict[Direction, Path]]:
    """The pairs asked for, complete."""
    if devices is not None:
        if not devices or any(device not in pairs for device in devices) \
                or len(set(devices)) != len(devices):
            raise DeviceError(f"device parameter `devices` must list distinct numbers among "
                              f"{', '.join(map(str, pairs))}, which {path} holds: got {devices!r}")
        pairs = {device: pairs[device] for device in devices}
    for pair in pairs.values():
        if len(pair) < 2:
            (present,) = pair.values()
            words = ("increasing", "decreasing")
            partner = present.name.replace(*(words if words[0] in present.name else words[::-1]))
            raise DeviceError(f"{present}: its partner {partner} is missing; a device needs both "
                              "directions")
    return pairs


def _read_pair(pair: dict[Direction, Path]) -> tuple[StepTable, StepTable]:
    """Both tables of a device, in the order of `Direction`, with consistent grids and signs."""
    down, up = (read_step_table(pair[direction])
                for direction in (Direction.DEPRESS, Direction.POTENTIATE))
    width = up.conductance[-1] - up.conductance[0]
    if len(up.conductance) != len(down.conductance) \
            or np.abs(up.conductance - down.conductance).max() > _GRID_TOLERANCE * width:
        raise DeviceError(f"{down.path}:{down.conductance_line}: the conductance grid must be that "
                          f"of {up.path.name}; tabulate both directions on one grid")
    for table, sign, word in ((up, 1, "positive"), (down, -1, "negative")):
        mean = table.slices().mean()
        if mean * sign <= 0:
            raise DeviceError(f"{table.path}: the mean ΔG must be {word}: got {mean:g} S; are the "
                              "increasing and the decreasing table exchanged?")
    return down, up


def _title(path: Path) -> str:
    path = path.resolve()
    return f"{path.parent.name}/{path.name}" if path.is_dir() else path.name.split(".")[0]


def _text(path: Path) -> str:
    """A file's text, unpacked."""
    try:
        return read_bytes(path, MAX_TABLE_BYTES).decode("utf-8-sig")
    except UnreadableError as error:
        raise DeviceError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise DeviceError(f"{path}: not text (byte {error.start}); give comma-separated "
                          "numbers") from error


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


def _matrix(path: Path, rows: list[tuple[int, str]], columns: int) -> Floats:
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
