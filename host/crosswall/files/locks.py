"""Locks that end with the process that holds them."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path, *, wait: Callable[[], None] | None = None, keep: bool = True
           ) -> Iterator[None]:
    """Hold the lock file ``path``, which is made if it is missing.

    The system frees the lock when the process ends, however it ends. Where the file system has no
    locks (some network file systems), nothing is held.

    Parameters
    ----------
    wait
        Called once if another process holds the lock; then its end is awaited.
    keep
        Whether the file stays. If not, it is removed while the lock is held.

    Raises
    ------
    BlockingIOError
        If another process holds the lock and there is no ``wait``.
    OSError
        If the file cannot be opened.
    """
    file = _lock(path, wait)
    try:
        yield
    finally:
        if not keep:
            path.unlink(missing_ok=True)
        file.close()


def _lock(path: Path, wait: Callable[[], None] | None) -> IO[str]:
    """The lock file, opened and locked."""
    while True:
        file = path.open("a")
        try:
            with suppress(_NoLocks):
                try:
                    _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if wait is None:
                        raise
                    wait()
                    _flock(file, fcntl.LOCK_EX)
            if _is_there(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # who held the lock removed its file meanwhile


def _is_there(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class _NoLocks(OSError):  # noqa: N818  # no mistake
    """The file system has no locks."""


def _flock(file: IO[str], operation: int) -> None:
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL):
            raise _NoLocks from error
        raise
