"""What a folder of tables says about its device beside the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosswall.errors import DeviceError

PROVENANCE = "provenance.json"
"""Name of the file, in the folder of the tables."""


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
        If it cannot be read, or a value is not of its kind.
    """
    path = folder / PROVENANCE
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, text, energy = (content[key] for key in ("name", "provenance", "write_energy"))
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        raise DeviceError(f"{path}: cannot be read as a compiled device's provenance ({error}); "
                          "compile the device again, or remove the file") from error
    if not isinstance(name, str) or not isinstance(text, str) or isinstance(energy, bool) \
            or not (energy is None or isinstance(energy, int | float) and 0 <= energy <= 1):
        raise DeviceError(f"{path}: name and provenance must be texts, write_energy joules from 0 "
                          f"to 1 or null: got {name!r:.40}, {text!r:.40}, {energy!r:.40}; compile "
                          "the device again, or remove the file")
    return Provenance(name, text, None if energy is None else float(energy))
