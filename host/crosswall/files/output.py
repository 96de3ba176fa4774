"""Folders that commands write.

The rule, for all of them: a folder that holds anything is refused before the run, unless the user
forces it; forced or not, only files that the folder's own manifest lists are replaced or removed.

How a folder is written: new files are made in a hidden folder within it (it may be a link, a
mount point or the working directory, so it is never renamed itself), synchronised and renamed one
by one, the manifest last. Whatever cuts that short, the manifest that is there is the old one or
the new one, and its hashes tell whether the files beside it are its own
(`Manifest.differences`). The hidden folder is still there then, with the new manifest, so that
the next command that claims the folder knows which files had their place already.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from crosswall.errors import HostError, UsageError, host_error

from .locks import locked
from .manifest import FILES, Manifest, digest_of
from .single import synchronise

_HIDDEN = ".crosswall."
"""What names of our own hidden files begin with."""

LOCK = f"{_HIDDEN}lock"
"""The lock file; there while a command has claimed the folder."""

NEW = f"{_HIDDEN}new"
"""The hidden folder of files on their way."""

_OTHER = "name another folder with --out"


class OutputFolder:
    """A folder that a command has claimed (`claim`); ``path`` is how the user named it."""

    def __init__(self, path: Path, manifest: str, listed: Collection[str]) -> None:
        self.path = path
        self._manifest = manifest
        self._listed = frozenset(listed)
        self._content: dict[str, Any] = {FILES: {}}

    @classmethod
    @contextmanager
    def claim(cls, path: Path, manifest: str, names: Collection[str], *, force: bool = False,
              again: Callable[[Mapping[str, Any]], bool] = lambda content: False,
              unfinished: str | None = None, resume: bool = False) -> Iterator[OutputFolder]:
        """Make the folder, try whether it can be written, and keep others out while this lasts.

        What was made is removed in the end if nothing was written there.

        Parameters
        ----------
        path
            The folder, or a link to one. It and folders above it may be missing.
        manifest
            Name of the folder's manifest.
        names
            Every other file that may be written.
        force
            Whether a folder that holds anything is accepted.
        again
            Told the content of a manifest that is there: whether it is of the same work, so that
            its files are replaced without force unless somebody has changed them.
        unfinished
            Name of the file from which an interrupted command goes on, if such a file is there.
        resume
            Whether this is the command that goes on.

        Raises
        ------
        UsageError
            If the folder is not to be written, or another process has claimed it.
        HostError
            If it cannot be written.
        """
        with ExitStack() as stack:
            stack.callback(_remove_empty, _make(path))
            _lock(stack, path)
            known = [each for each in (Manifest.read(path / manifest),
                                       Manifest.read(path / NEW / manifest)) if each]
            folder = cls(path, manifest, [name for each in known for name in each.names])
            if unfinished is not None and not (force or resume):
                raise UsageError(f"{path}: holds an interrupted run; go on with --resume {path}, "
                                 f"give it up with --force, or {_OTHER}")
            with folder._telling():
                if not (force or resume):
                    folder._refuse_occupied(known, again)
                folder._refuse_strangers({manifest, *names} - folder._listed - {unfinished})
            yield folder

    def write(self, content: Mapping[str, Any], fill: Callable[[Path], None]) -> dict[str, Any]:
        """Write the folder's files, in place of all that its manifest listed before.

        Parameters
        ----------
        content
            What the manifest says beside the list of files.
        fill
            Writes the files, not the manifest, into the folder that it is given.

        Returns
        -------
        dict
            The object of the manifest.

        Raises
        ------
        HostError
            If the system refuses. The earlier files are there still, or known to be mixed.
        UsageError
            If somebody has put a file in the way meanwhile.
        """
        return self._publish(dict(content), {}, fill)

    def add(self, fill: Callable[[Path], None]) -> dict[str, Any]:
        """Write more files beside those just written (`write`); otherwise like it."""
        return self._publish(self._content, self._content[FILES], fill)

    def save(self, name: str, write: Callable[[Path], None]) -> None:
        """Write or replace one file that is no result: what an interrupted command goes on from.

        Raises
        ------
        HostError
            If the system refuses; an earlier file is there still.
        """
        new = self.path / NEW
        with self._telling():
            new.mkdir(exist_ok=True)
            try:
                write(new / name)
                synchronise(new / name)
                (new / name).replace(self.path / name)
                synchronise(self.path)
            finally:
                (new / name).unlink(missing_ok=True)
                with suppress(OSError):  # of a command that was killed
                    new.rmdir()

    def discard(self, name: str) -> None:
        """Remove what `save` wrote, if it is there; HostError if the system refuses."""
        with self._telling():
            (self.path / name).unlink(missing_ok=True)

    def _publish(self, content: dict[str, Any], kept: Mapping[str, str],
                 fill: Callable[[Path], None]) -> dict[str, Any]:
        new = self.path / NEW
        with self._telling():
            if new.exists():
                shutil.rmtree(new)
            new.mkdir()
            try:
                fill(new)
                files = {each.name: digest_of(each) for each in sorted(new.iterdir())}
                content = {**content, FILES: {**kept, **files}}
                (new / self._manifest).write_text(json.dumps(content, indent=2) + "\n",
                                                  encoding="utf-8")
                for each in (*new.iterdir(), new):
                    synchronise(each)
                self._refuse_strangers({*files, self._manifest} - self._listed)
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
            self._take_places(new, files, kept)
        self._content = content
        self._listed = frozenset([*content[FILES], self._manifest])
        return content

    def _take_places(self, new: Path, files: Collection[str], kept: Collection[str]) -> None:
        """Rename every new file to its place, the manifest last; stale ones are removed."""
        for name in self._listed - {*files, *kept, self._manifest}:
            (self.path / name).unlink(missing_ok=True)
        for name in files:
            (new / name).replace(self.path / name)
        synchronise(self.path)
        (new / self._manifest).replace(self.path / self._manifest)
        synchronise(self.path)
        new.rmdir()

    def _refuse_occupied(self, known: list[Manifest],
                         again: Callable[[Mapping[str, Any]], bool]) -> None:
        """Refuse a folder that holds anything but unchanged files of the same work."""
        held = sorted(each.name for each in self.path.iterdir()
                      if not each.name.startswith(_HIDDEN))
        if not held:
            return
        if not known:
            raise UsageError(f"{self.path}: is not empty (it holds {held[0]}); {_OTHER}, or add "
                             f"--force, which replaces nothing that is there")
        if not again(known[0].content):
            raise UsageError(f"{self.path}: holds results already; add --force to replace the "
                             f"files that its {self._manifest} lists, or {_OTHER}")
        for name in sorted(self._listed - {self._manifest}):
            digests = {each.files.get(name) for each in known}
            if (self.path / name).exists() and digest_of(self.path / name) not in digests:
                raise UsageError(f"{self.path / name}: was changed since crosswall wrote it; move "
                                 f"it away, add --force to replace it, or {_OTHER}")

    def _refuse_strangers(self, names: Collection[str]) -> None:
        """Refuse to write files over others."""
        for name in sorted(names):
            if os.path.lexists(self.path / name):
                why = "it lists no files" if name == self._manifest else \
                    f"{self._manifest} does not list it"
                raise UsageError(f"{self.path / name}: is in the way, and not crosswall's to "
                                 f"replace, as {why}; move it away, or {_OTHER}")

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _refused(self.path, error) from error


def _make(path: Path) -> list[Path]:
    """Make a folder and those above it; those that were missing, deepest first."""
    missing = []
    for place in (path, *path.parents):
        if place.is_dir():
            break
        if os.path.lexists(place):
            what = "a file" if place.exists() else "a link that leads nowhere"
            raise UsageError(f"{path}: " + (f"{place} " if place != path else "")
                             + f"is {what}; {_OTHER}")
        missing.append(place)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _remove_empty(missing)
        raise _refused(path, error) from error
    return missing


def _remove_empty(folders: Collection[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _lock(stack: ExitStack, path: Path) -> None:
    """Lock a folder, which shows that it can be written."""
    try:
        stack.enter_context(locked(path / LOCK, keep=False))
        (path / NEW).mkdir(exist_ok=True)  # the lock file may be of a command that was killed
        with suppress(OSError):
            (path / NEW).rmdir()
    except BlockingIOError as error:
        raise UsageError(f"{path}: another crosswall is writing there; wait until it ends, or "
                         f"{_OTHER}") from error
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> HostError:
    return host_error(OSError(error.errno, error.strerror or str(error), str(path)))
