"""Devices from tables in CrossSim's format, measured or micromagnetic.

A device is a pair of files (`crosswall.device.table_folder` says how they are called,
`crosswall.device.step_table` what is in them), which share their conductance grid. A file
`crosswall.device.provenance.PROVENANCE` beside them gives a device its name, origin and write
energy; `crosswall.device.physics` writes such folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from crosswall.errors import DeviceError
from crosswall.spec.device_table import Direction

from .model import DeviceModel, shown
from .provenance import read_provenance
from .slices import Floats
from .step_table import GRID_TOLERANCE, StepTable, read_step_table
from .table_folder import Pair, find_pairs

MAX_POSITIONS = 1025
"""Points of the position grid that tables are brought to, at most."""

RANGES = ("own", "common")
"""How positions relate to conductance; see `read_devices`."""

_EVEN = 1e-4
"""Of the range: a grid that is so far off equal steps counts as even."""


def read_devices(path: Path, *, devices: Sequence[int] | None = None, span: str = "own",
                 spread: float = 0.0, stuck: float = 0.0, name: str | None = None,
                 limit: int | None = None) -> DeviceModel:
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
    limit
        Use only so many of the devices, the first; the others do not matter to the model.

    Raises
    ------
    DeviceError
        If a file is missing or malformed, naming file, line and remedy.
    """
    if span not in RANGES:
        raise DeviceError(f"device parameter `range` must be one of {', '.join(RANGES)}: "
                          f"got {shown(span)}")
    found = find_pairs(path, devices)
    used = dict(list(found.items())[:limit])
    tables = [_read_pair(pair) for pair in used.values()]

    ends = np.array([[pair[0].conductance[0], pair[0].conductance[-1]] for pair in tables])
    if span == "own":
        low, high = ends.mean(axis=0)
        ranges = [(0.0, 1.0)] * len(tables)
    else:
        low, high = ends[:, 0].min(), ends[:, 1].max()
        ranges = [tuple(pair_ends) for pair_ends in (ends - low) / (high - low)]
    origin = f"tables in CrossSim's format: {path}, devices {', '.join(map(str, used))}, " \
             f"{span} conductance range"
    known = read_provenance(path if path.is_dir() else path.parent)
    positions = _positions(tables, ranges)
    steps = np.array([[_steps(table, positions, *reach) for table in pair]
                      for pair, reach in zip(tables, ranges, strict=True)])
    return DeviceModel(
        name=name or (known.name if known else _title(path)), positions=positions, steps=steps,
        conductance_min=float(low), conductance_max=float(high), scalable_pulses=False,
        gain_spread=spread, stuck_share=stuck,
        provenance=f"{known.text}; {origin}" if known else origin,
        write_energy=known.write_energy if known else None, left_out=len(found) - len(used),
        remarks=tuple(_remarks(tables)))


def _remarks(tables: Sequence[tuple[StepTable, StepTable]]) -> list[str]:
    """What may be wrong with tables that can be read."""
    return [f"{down.path} and {up.path.name}: ΔG does not depend on the CDF, and rises with the "
            "conductance in both; if rows and columns are exchanged, transpose them"
            for down, up in tables if down.may_be_transposed and up.may_be_transposed]


def _normalised(table: StepTable) -> Floats:
    """A table's conductances as positions on its device's own track."""
    return (table.conductance - table.conductance[0]) / table.span


def _positions(tables: Sequence[tuple[StepTable, StepTable]],
               ranges: Sequence[tuple[float, ...]]) -> Floats:
    """The positions that steps are given at: equal steps if all grids have them, else the points
    of every grid, where what the tables say is exact."""
    grids = [(_normalised(table), reach) for pair, reach in zip(tables, ranges, strict=True)
             for table in pair]
    points = max(len(own) for own, _ in grids)
    even = all(np.abs(own - np.linspace(0, 1, len(own))).max() < _EVEN for own, _ in grids)
    union = np.unique(np.round(np.concatenate(
        [[0.0, 1.0], *(low + own * (high - low) for own, (low, high) in grids)]), 9))
    if even or len(union) > MAX_POSITIONS:
        return np.linspace(0, 1, min(points if even else len(union), MAX_POSITIONS))
    return union


def _steps(table: StepTable, positions: Floats, low: float, high: float) -> Floats:
    """Steps [positions, SLICES] of a device whose track is ``low`` to ``high`` of the range."""
    own = _normalised(table)
    slices = table.slices() / table.span
    wall = np.clip((positions - low) / (high - low), 0, 1)
    left = np.clip(np.searchsorted(own, wall, side="right") - 1, 0, len(own) - 2)
    share = ((wall - own[left]) / (own[left + 1] - own[left]))[:, None]
    steps = slices[left] * (1 - share) + slices[left + 1] * share
    if (low, high) == (0.0, 1.0):
        return steps  # the machine itself keeps walls within the range
    # A wall stays on its device's track, and returns to it from beyond.
    reached = np.clip(wall[:, None] + steps, 0, 1)
    return low + reached * (high - low) - positions[:, None]


def _read_pair(pair: Pair) -> tuple[StepTable, StepTable]:
    """Both tables of a device, in the order of `Direction`, with consistent grids and signs."""
    down, up = (read_step_table(pair[direction])
                for direction in (Direction.DEPRESS, Direction.POTENTIATE))
    if len(up.conductance) != len(down.conductance) \
            or np.abs(up.conductance - down.conductance).max() > GRID_TOLERANCE * up.span:
        raise DeviceError(f"{down.path}:{down.conductance_line}: the conductance grid must be that "
                          f"of {up.path.name}; tabulate both directions on one grid")
    for table, sign, word in ((up, 1, "positive"), (down, -1, "negative")):
        if table.mean * sign <= 0:
            raise DeviceError(f"{table.path}: the mean ΔG must be {word}: got {table.mean:g} S; "
                              "are the increasing and the decreasing table exchanged?")
    return down, up


def _title(path: Path) -> str:
    path = path.resolve()
    return f"{path.parent.name}/{path.name}" if path.is_dir() else path.name.split(".")[0]
