"""Which files of a folder are the tables of which device.

A device is a pair of text files, ``dG_increasing{n}.txt`` and ``dG_decreasing{n}.txt``, ``n`` a
number that may be missing; either may be gzipped (``.txt.gz``). A file that is all but named so
is refused: a device must not be left out because of its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crosswall.errors import DeviceError
from crosswall.spec.device_table import Direction

from .model import shown

Pair = dict[Direction, Path]
"""The files of a device."""

_NAME = re.compile(r"dG_(increasing|decreasing)([0-9]*)\.txt(?:\.gz)?")
_ALMOST = re.compile(r"dg[\W_]*(?:in|de)creas.*", re.IGNORECASE)
_ENDINGS = ("", ".txt", ".csv", ".dat", ".tsv", ".gz", ".zip")
"""Of files that hold tables, in lower case; pictures and backups may be called as they like."""

_DIRECTIONS = {"increasing": Direction.POTENTIATE, "decreasing": Direction.DEPRESS}
_WORDS = {direction: word for word, direction in _DIRECTIONS.items()}
_EXPECTED = "give a directory with dG_increasing*.txt and dG_decreasing*.txt"


@dataclass(frozen=True)
class _TableFile:
    path: Path
    direction: Direction
    digits: str

    @property
    def device(self) -> int:
        """Number of its device; a pair without a number is device 0."""
        return int(self.digits or 0)


def find_pairs(path: Path, devices: Sequence[int] | None = None) -> dict[int, Pair]:
    """The files of each device, by its number.

    Parameters
    ----------
    path
        A folder, whose devices come in the order of their numbers; or one file, with its partner.
    devices
        Only these devices, in this order; other files of the folder do not matter then.

    Raises
    ------
    DeviceError
        If there is no table, a partner is missing, or a file's name leaves open which device
        it is of; it names the file.
    """
    try:
        folder = path if path.is_dir() else path.parent
        names = sorted(entry.name for entry in folder.iterdir())
        there = path.exists()
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); "
                          f"{_EXPECTED}") from error
    tables = [_TableFile(folder / name, _DIRECTIONS[match[1]], match[2])
              for name in names if (match := _NAME.fullmatch(name))]
    if folder != path:
        tables = list(_with_partner(path, there, tables))
    elif devices is None:
        _check_names(folder, names)
    if not tables:
        raise DeviceError(f"{path}: no tables there; {_EXPECTED} (or .txt.gz)")
    numbers = sorted({table.device for table in tables})
    if devices is not None:
        if not devices or not set(devices) <= set(numbers) or len(set(devices)) != len(devices):
            raise DeviceError(f"device parameter `devices` must list distinct numbers among "
                              f"{', '.join(map(str, numbers))}, which {path} holds: got "
                              f"{shown(devices)}")
        numbers = list(devices)
    return {number: _pair(number, [table for table in tables if table.device == number])
            for number in numbers}


def _with_partner(path: Path, there: bool, tables: list[_TableFile]) -> Iterator[_TableFile]:
    """The file at ``path`` and the files of its device in the other direction."""
    own = next((table for table in tables if table.path == path), None)
    if own is None:
        problem = "not a table's name" if there else "no such file"
        raise DeviceError(f"{path}: {problem}; {_EXPECTED}, or one of these files")
    yield own
    yield from (table for table in tables
                if table.digits == own.digits and table.direction != own.direction)


def _check_names(folder: Path, names: Sequence[str]) -> None:
    """Refuse a folder in which a table would be left out because of its name."""
    for name in names:
        if _ALMOST.fullmatch(name) and not _NAME.fullmatch(name) \
                and Path(name).suffix.lower() in _ENDINGS:
            raise DeviceError(f"{folder / name}: a table must be called dG_increasingN.txt or "
                              "dG_decreasingN.txt (or .txt.gz), N the device's number, or it would "
                              "be left out; rename it, move it away, or choose the devices with "
                              "`devices` in a device file")


def _pair(number: int, tables: Sequence[_TableFile]) -> Pair:
    """Both files of a device."""
    pair: Pair = {}
    for table in tables:
        other = pair.setdefault(table.direction, table.path)
        if other != table.path:
            raise DeviceError(f"{table.path}: device {number} has another "
                              f"{_WORDS[table.direction]} table, {other.name}; remove or rename "
                              "one of them")
    if len(pair) < 2:
        (present,) = pair.values()
        words = ("increasing", "decreasing")
        partner = present.name.replace(*(words if words[0] in present.name else words[::-1]))
        raise DeviceError(f"{present}: its partner {partner} is missing; a device needs both "
                          "directions")
    return pair
