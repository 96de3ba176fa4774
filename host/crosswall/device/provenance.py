"""What a folder of tables says about its device beside the tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosswall.errors import DeviceError
from crosswall.files import Manifest
from crosswall.reading import UnreadableError, read_json

PROVENANCE = "provenance.json"
"""Name of the file, in the folder of the tables."""


MAX_BYTES = 1 << 20
"""Largest such file that is read."""

_KEYS = ("name", "provenance", "write_energy")


@dataclass(frozen=True)
class Provenance:
    """Name and origin of a device, and joules of a unit pulse (None: not known)."""

    name: str
    text: str
    write_energy: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The keys that `read_provenance` reads."""
        return {"name": self.name, "provenance": self.text, "write_energy": self.write_energy}


def read_provenance(folder: Path) -> Provenance | None:
    """What a folder's file says; None without one.

    Raises
    ------
    DeviceError
        If it cannot be read, a value is not of its kind, or the tables beside it are not those
        that it was written with.
    """
    path = folder / PROVENANCE
    if not os.path.lexists(path):
        return None
    try:
        content = read_json(path, MAX_BYTES)
    except UnreadableError as error:
        raise _not_provenance(path, error.reason) from error
    if not isinstance(content, dict):
        raise _not_provenance(path, "is not an object of JSON")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise _not_provenance(path, f"has no {missing[0]}")
    name, text, energy = (content[key] for key in _KEYS)
    if not isinstance(name, str) or not isinstance(text, str) or isinstance(energy, bool) \
            or not (energy is None or isinstance(energy, int | float) and 0 <= energy <= 1):
        raise DeviceError(f"{path}: name and provenance must be texts, write_energy joules from 0 "
                          f"to 1 or null: got {name!r:.40}, {text!r:.40}, {energy!r:.40}; compile "
                          "the device again, or remove the file")
    manifest = Manifest.read(path)
    for changed in manifest.differences() if manifest else ():
        raise DeviceError(f"{path.with_name(changed)}: is missing, or not the table that "
                          f"{PROVENANCE} was written with; compile the device again, or remove "
                          f"{PROVENANCE} if the table is your own")
    return Provenance(name, text, None if energy is None else float(energy))


def _not_provenance(path: Path, reason: str) -> DeviceError:
    return DeviceError(f"{path}: cannot be read as a compiled device's provenance ({reason}); "
                       "compile the device again, or remove the file")
