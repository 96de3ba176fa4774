"""Builds kept by content: what was compiled once for the same inputs is not compiled again.

What is kept is run, or loaded into a board. So it is only taken from folders in which nobody but
this user and root can have put it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from crosswall.errors import HostError
from crosswall.files import locked
from crosswall.trust import WRITABLE_BY_OTHERS, doubt

__all__ = ["Progress", "cache_directory", "cached", "check_programs_run", "content_key",
           "programs_forbidden", "provide_home"]

Progress = Callable[[str], None]
"""Called with one short line for each stage of a build, as it begins."""


def cache_directory() -> Path:
    """Return where builds are kept: ``$CROSSWALL_CACHE``, else ``$XDG_CACHE_HOME/crosswall``,
    else ``~/.cache/crosswall``. It need not exist.

    Raises HostError if there is no home folder.
    """
    if chosen := os.environ.get("CROSSWALL_CACHE"):
        return Path(chosen).absolute()
    if os.path.isabs(base := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(base) / "crosswall"
    try:
        return Path.home() / ".cache" / "crosswall"
    except RuntimeError as error:
        raise HostError("no home folder is known: set HOME, or CROSSWALL_CACHE to a folder for "
                        "builds") from error


def provide_home(notice: Callable[[str], None]) -> None:
    """Where no home folder is known, or it cannot be written, give this process, and the tools
    that it starts, one among the temporary files, with a notice.

    Tools keep caches of their own in it, and some do not start without.

    Raises HostError if there is no folder for temporary files either, or if it is another user's.
    """
    try:
        home = Path.home()
        if any(place.is_dir() and os.access(place, os.W_OK | os.X_OK)
               for place in (home / ".cache", home)):
            return
        why = f"the home folder {home} cannot be written"
    except RuntimeError:
        why = "no home folder is known"
    try:
        home = Path(tempfile.gettempdir()) / f"crosswall-{os.geteuid()}"
        home.mkdir(mode=0o700, exist_ok=True)
        told = doubt(home)
    except OSError as error:
        raise HostError(f"{why}, nor is there a folder for temporary files ({error.strerror}): "
                        f"set HOME to a folder") from error
    if told:
        raise HostError(f"{why}, and {home} {told}: set HOME to a folder of your own")
    os.environ["HOME"] = str(home)
    notice(f"{why}: caches are kept in {home}; set HOME to keep them elsewhere")


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
    same build at the same time wait for the first one's; where the file system has no locks, each
    builds, and the first one's is taken.

    Raises HostError if the cache cannot be written, or if another user can have written it, and
    whatever `produce` raises.
    """
    directory = cache_directory()
    home = directory / kind
    folder = home / key
    with _place_for_builds(home):
        directory.parent.mkdir(parents=True, exist_ok=True)
        for place in (directory, home):
            place.mkdir(mode=0o700, exist_ok=True)
            _check(place, shared=True)  # what is in it is looked at in its turn
        if not folder.is_dir():
            with locked(home / f"{key}.lock",
                        wait=lambda: progress("waiting for another process that builds the same")):
                if not folder.is_dir():
                    _build(folder, produce)
        for path in (folder, *folder.rglob("*")):
            _check(path)
    return folder


def check_programs_run(folder: Path) -> None:
    """Raise HostError unless a program in ``folder`` can be run. One is written, and removed."""
    program = folder / "trial"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    try:
        subprocess.run([program], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except PermissionError as error:
        raise programs_forbidden() from error
    finally:
        program.unlink()


def programs_forbidden() -> HostError:
    """What to raise where no program in the cache may be run, whatever its own mode."""
    return HostError(f"no program may run in {cache_directory()}, perhaps as its file system is "
                     f"mounted noexec: set CROSSWALL_CACHE to a folder where programs may run")


def _build(folder: Path, produce: Callable[[Path], None]) -> None:
    """Fill ``folder``, which appears whole."""
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        produce(work)
        for path in work.rglob("*"):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~WRITABLE_BY_OTHERS)
        try:
            work.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, and there are no locks
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check(path: Path, *, shared: bool = False) -> None:
    """Raise HostError if another user can have made or changed ``path`` (see `trust.doubt`)."""
    if not (why := doubt(path, shared=shared)):
        return
    remedy = "set CROSSWALL_CACHE to a folder of your own"
    if why.startswith("can be written"):
        command = f"chmod -R go-w {shlex.quote(str(cache_directory()))}"
        remedy += f", or, if you trust what is there, run: {command}"
    raise HostError(f"{path} {why}, so nothing in it is used: {remedy}")


@contextlib.contextmanager
def _place_for_builds(home: Path) -> Iterator[None]:
    """Turn the system's errors into one that tells where builds are to be kept."""
    try:
        yield
    except OSError as error:
        where = f", {error.filename}" if error.filename else ""
        raise HostError(f"cannot keep builds in {home} ({error.strerror}{where}): see that it can "
                        f"be written and has room, or set CROSSWALL_CACHE to another folder"
                        ) from error
