"""Single files that appear whole or not at all, and stay if the power goes."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from crosswall.errors import UsageError


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """A path to write a file to, which takes the place of ``path`` if nothing goes wrong.

    It has the name of ``path`` in another folder. The folder of ``path`` is made if it is missing.
    A link is followed, permissions of an earlier file stay. What is no file (``/dev/stdout``) is
    written to in the end.

    Raises
    ------
    OSError
        If the place cannot be written.
    """
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if place.exists() and not place.is_file() and not place.is_dir():
        with _writing_through(path) as new:
            yield new
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as unfinished:
        new = Path(unfinished) / path.name
        yield new
        if place.exists():
            new.chmod(place.stat().st_mode & 0o7777)
        synchronise(new)
        new.replace(place)
        synchronise(place.parent)


@contextmanager
def _writing_through(path: Path) -> Iterator[Path]:
    with TemporaryDirectory() as unfinished:
        new = Path(unfinished) / path.name
        yield new
        with new.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def check_file(path: Path) -> None:
    """Raise unless ``path`` can be written, by making a file there, before time is spent.

    Folders above it may be missing.

    Raises
    ------
    UsageError
        If it is a folder, or below a file.
    OSError
        If its folder cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file")
    if path.exists() and not path.is_file():
        return
    place = next(each for each in Path(os.path.realpath(path)).parents if os.path.lexists(each))
    if not place.is_dir():
        raise UsageError(f"{path}: {place} is a file; name another place")
    with TemporaryDirectory(prefix=f".{path.name}.", dir=place):
        pass


def synchronise(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk; OSError if they cannot."""
    with suppress(_NotKept):
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except PermissionError as error:  # a folder that may be written, but not listed
            raise _NotKept from error
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
                raise _NotKept from error
            raise
        finally:
            os.close(descriptor)


class _NotKept(OSError):  # noqa: N818  # no mistake
    """The file system cannot be asked to keep what it has."""
