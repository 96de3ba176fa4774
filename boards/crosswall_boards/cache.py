"""Builds kept by content: what was compiled once for the same inputs is not compiled again."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from crosswall.errors import ToolError

__all__ = ["Progress", "cache_directory", "cached", "content_key"]

Progress = Callable[[str], None]
"""Called with one short line for each stage of a build, as it begins."""


def cache_directory() -> Path:
    """Return where builds are kept: ``$CROSSWALL_CACHE``, else ``$XDG_CACHE_HOME/crosswall``,
    else ``~/.cache/crosswall``. It need not exist."""
    if chosen := os.environ.get("CROSSWALL_CACHE"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "crosswall"
    return Path.home() / ".cache" / "crosswall"


def content_key(parts: Iterable[str | bytes]) -> str:
    """Return a short name that is different for every different sequence of `parts`."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:32]


def cached(kind: str, key: str, produce: Callable[[Path], None], progress: Progress) -> Path:
    """Return the folder of a build, calling `produce` to fill it if this is the first time.

    `produce` is given an empty folder that becomes the result only once it returns: another
    process never sees half a build, and a failed one leaves nothing. Processes that want the
    same build at the same time wait for the first one's.

    Raises ToolError if the cache cannot be written, and whatever `produce` raises.
    """
    home = cache_directory() / kind
    folder = home / key
    if folder.is_dir():
        return folder
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(home, error) from error
    with _lock(home / f"{key}.lock", progress):
        if folder.is_dir():
            return folder
        work = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=home))
        try:
            produce(work)
            work.rename(folder)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    return folder


@contextlib.contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock `path`; it falls with its process, so it is never stale."""
    try:
        file = path.open("w")
    except OSError as error:
        raise _unusable(path.parent, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another process that builds the same")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unusable(folder: Path, error: OSError) -> ToolError:
    return ToolError(f"cannot keep builds in {folder} ({error.strerror}): make it writable, "
                     f"or set CROSSWALL_CACHE to a folder that is")
