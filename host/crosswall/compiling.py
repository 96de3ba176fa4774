"""Compiling with Numba, and where the machine code is kept.

Numba keeps it as long as the file of a function stays the same, and does not see that a constant
from another file has changed. So it lies in a folder whose name is a hash of all that compiled
functions follow from.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from crosswall.trust import doubt

__all__ = ["cache_folder", "compiled", "tell_without_cache"]

_PACKAGE = Path(__file__).parent
_SOURCES = ("compiling.py", "spec", "twin", "device/physics")
"""Files and folders that compiled functions follow from: their own, and those of constants."""

_KEPT = 4
"""Folders of other versions, which may be used again."""

_DIGITS = 16
"""Of the hash in a folder's name."""


def compiled(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` as a decorator, with a cache if there is a place for it.

    Raises
    ------
    ImportError
        If Numba is not installed.
    """
    import numba

    def decorate(function: Callable[..., Any]) -> Any:
        folder = cache_folder()
        if folder is None:
            return numba.njit(*signature, **options)(function)
        with _numba_cache(folder):
            return numba.njit(*signature, cache=True, **options)(function)
    return decorate


def tell_without_cache(notice: Callable[[str], None]) -> None:
    """Give notice if what is compiled cannot be kept."""
    if cache_folder() is None:
        notice("no folder of this user's own can be written for compiled code, so each start takes "
               "longer by the time of compiling: name one in NUMBA_CACHE_DIR")


@functools.cache
def cache_folder() -> Path | None:
    """The folder of machine code, which is made; None if none can be written.

    It is beside the sources, else in the user's cache; or below ``NUMBA_CACHE_DIR`` if that is set.
    What another user can have written there is not taken.
    """
    name = f"crosswall-{_digest()}"
    for parent in _parents():
        folder = parent / name
        with suppress(OSError):
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            if doubt(folder):
                continue
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
            _forget_old(folder)
            return folder
    return None


def _parents() -> Iterator[Path]:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(chosen).absolute()
        return
    yield _PACKAGE / "__pycache__"
    with suppress(RuntimeError):  # there may be no home
        base = os.environ.get("XDG_CACHE_HOME", "")
        yield Path(base) if os.path.isabs(base) else Path.home() / ".cache"


def _digest() -> str:
    """Hash of sources and versions."""
    digest = hashlib.sha256(sys.version.encode())
    for package in ("numba", "llvmlite", "numpy"):
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"{package} {metadata.version(package)}\n".encode())
    for name in _SOURCES:
        place = _PACKAGE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            source = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE)} {len(source)}\n".encode() + source)
    return digest.hexdigest()[:_DIGITS]


def _forget_old(current: Path) -> None:
    """Keep the code of a few other versions only, those last used."""
    pattern = "crosswall-" + "[0-9a-f]" * _DIGITS
    with suppress(OSError):  # another process may do the same
        others = {folder: folder.stat().st_mtime for folder in current.parent.glob(pattern)
                  if folder != current}
        for folder in sorted(others, key=others.__getitem__, reverse=True)[_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _numba_cache(folder: Path) -> Iterator[None]:
    """Numba asks where to keep a function's code when it is decorated."""
    from numba import config

    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before
