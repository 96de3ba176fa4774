"""Writing files and folders so that they appear whole or not at all.

What is new is made beside its place, in a hidden folder on the same file system, and renamed
into it: a reader sees the old content or the new, never half of it, and a failure leaves the old.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from crosswall.errors import UsageError

__all__ = ["check_writable", "locked", "replacing_file", "replacing_folder"]


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """A path to write a file to, which takes the place of ``path`` if nothing goes wrong.

    It has the name of ``path`` in another folder. The folder of ``path`` is made if it is missing.

    Raises
    ------
    OSError
        If the place cannot be written.
    """
    with _beside(path) as unfinished:
        new = unfinished / path.name
        yield new
        new.replace(path)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the place of ``folder`` if nothing goes wrong.

    Folders above it are made if they are missing. There is an instant, between two renames, in
    which an earlier ``folder`` is gone and the new one not there yet.

    Raises
    ------
    OSError
        If the place cannot be written.
    """
    with _beside(folder) as unfinished:
        new, old = unfinished / "new", unfinished / "old"
        new.mkdir()
        yield new
        if not folder.exists():
            new.rename(folder)
            return
        folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            old.rename(folder)
            raise


def check_writable(folder: Path, *, replace: bool = False) -> None:
    """Raise UsageError unless files may be written to ``folder``, before time is spent on them.

    Parameters
    ----------
    folder
        Given by the option ``--out``; it may be missing, and folders above it too.
    replace
        The whole folder will be replaced (`replacing_folder`): its parent must be writable.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: is a file; name a folder")
    places = [*folder.absolute().parents] if replace else [folder, *folder.absolute().parents]
    place = next(place for place in places if place.exists())
    if not place.is_dir():
        raise UsageError(f"--out {folder}: {place} is a file; name another folder")
    if not os.access(place, os.W_OK):
        raise UsageError(f"--out {folder}: {place} cannot be written; name another folder")


@contextmanager
def locked(path: Path, *, wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file ``path``, which is made if it is missing and stays.

    The system frees the lock when the process ends, however it ends. Where the file system has no
    locks (some network file systems), nothing is held.

    Parameters
    ----------
    wait
        Called once if another process holds the lock; then its end is awaited.

    Raises
    ------
    BlockingIOError
        If another process holds the lock and there is no ``wait``.
    OSError
        If the file cannot be opened.
    """
    with path.open("a") as file:
        with suppress(_NoLocks):
            try:
                _lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if wait is None:
                    raise
                wait()
                _lock(file, fcntl.LOCK_EX)
        yield


class _NoLocks(OSError):  # noqa: N818  # no mistake
    """The file system has no locks."""


def _lock(file: IO[str], operation: int) -> None:
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL):
            raise _NoLocks from error
        raise


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A hidden folder beside ``path``, gone in the end with all that is left in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as unfinished:
        yield Path(unfinished)
