"""Where a data set is: built in, at a path, or by its name in a folder of data.

A name is a name and a path is a path, whatever lies in the working directory: a path has a
separator or an extension (``./iris``, ``iris.npz``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from crosswall.errors import DataError

from .builtin import BUILTIN_NAMES, read_builtin
from .dataset import RawSet
from .idx_folder import IdxSet, idx_sets
from .npz import read_npz
from .table import read_csv

DATA_VARIABLE = "CROSSWALL_DATA"
"""Environment variable: a folder that holds sets by name."""

_READERS: dict[str, Callable[..., RawSet]] = {
    ".npz": read_npz, ".csv": read_csv, ".tsv": read_csv}
_ENDINGS = ", ".join(_READERS)
_KINDS = f"a data file ends in one of {_ENDINGS}; IDX files are given by their folder"


class Source(NamedTuple):
    """A set that was found."""

    title: str
    """What it is called."""
    path: Path | None
    """Its file or folder; None for a built-in set."""
    read: Callable[..., RawSet]
    """Reads it; a table takes `label` and `notice` (`read_csv`)."""
    is_table: bool = False


def is_path(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is a path rather than a name."""
    if isinstance(source, os.PathLike):
        return True
    return "/" in source or os.sep in source or Path(source).suffix != "" or source in (".", "..")


def locate(source: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Source:
    """Find a set.

    Parameters
    ----------
    source
        The name of a set, or its path.
    data
        The set itself, or the folder of data that holds the set of that name.

    Raises
    ------
    DataError
        If there is no such set, or more than one.
    """
    name = os.fspath(source)
    if data is not None:
        if not os.fspath(data):
            raise DataError("--data is empty; name a data set, or the folder that holds it")
        return _given(Path(data), name, names_a_path=is_path(source))
    if is_path(source):
        return _at(Path(name))
    if name in BUILTIN_NAMES:
        return Source(name, None, lambda: read_builtin(name))
    folder = _default_folder()
    found = _named(folder, name) if folder else []
    if not found:
        looked = f"in {folder}" if folder else "nowhere: there is no folder of data"
        raise DataError(
            f"data set {name!r} not found (looked {looked}){_meant(name)}; pass --data PATH, set "
            f"{DATA_VARIABLE} to a folder that holds it, or use one of {', '.join(BUILTIN_NAMES)}"
        )
    return _only(found, f"{folder}: more than one set {name!r}")


def _at(path: Path) -> Source:
    """The set at a path."""
    if path.is_dir():
        return _only(
            _sets(path) or _sets_below(path),
            f"{path}: more than one IDX set",
            nothing=f"{path}: no train-images-idx3-ubyte[.gz] here{_holds(path)}; name a set",
        )
    if not path.exists():
        raise DataError(f"{path}: data not found; correct the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: {_KINDS}")
    return Source(path.stem, path, partial(reader, path), reader is read_csv)


def _given(data: Path, name: str, *, names_a_path: bool) -> Source:
    """The set that ``--data`` names, or the set of a name in the folder that it names."""
    if not data.exists():
        raise DataError(f"--data {data}: no such file or folder; correct the path")
    if not data.is_dir():
        return _at(data)
    own = _sets(data)
    if len(own) > 1:
        own = [each for each in own if _same(each.title, name)] or own
    if names_a_path:
        return _only(
            own or _sets_below(data),
            f"--data {data}: more than one set",
            nothing=f"--data {data}: holds no IDX set{_holds(data)}; the experiment names the path "
            f"{name}: with --data, name the set itself",
        )
    found = own + _named(data, name)
    return _only(
        found or _sets_below(data),
        f"--data {data}: more than one set that could be meant",
        nothing=f"data set {name!r} not found in --data {data}{_holds(data)}; name the set itself, "
        f"or a folder that holds {name}/ or {name} with one of {_ENDINGS}",
    )


def _only(found: list[Source], several: str, nothing: str = "") -> Source:
    """The one set that was found; DataError for none or several."""
    if not found:
        raise DataError(nothing)
    if len(found) > 1:
        listed = ", ".join(f"{each.title} ({each.path})" for each in found)
        raise DataError(f"{several}: {listed}; name one of them, by its path or as `source`")
    return found[0]


def _sets(folder: Path) -> list[Source]:
    """The IDX sets whose files lie in a folder."""
    return [_idx(found) for found in idx_sets(folder)]


def _sets_below(folder: Path) -> list[Source]:
    """The IDX sets that torchvision left in a folder: ``MNIST/raw`` and so on."""
    return [found for path in _children(folder) if path.is_dir() and (path / "raw").is_dir()
            for found in _sets(path)]


def _named(folder: Path, name: str) -> list[Source]:
    """The sets of a name in a folder of data."""
    found = []
    for path in _children(folder):
        if path.is_dir() and _same(path.name, name):
            found += _sets(path)
        elif path.suffix.lower() in _READERS and path.is_file() and path.stem == name:
            found.append(_at(path))
    return found


def _idx(found: IdxSet) -> Source:
    return Source(found.name, found.folder, found.read)


def _same(one: str, other: str) -> bool:
    """Whether names mean the same set: FashionMNIST and fashion-mnist."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror or error}") from error


def _holds(folder: Path) -> str:
    """What to add about a folder in which nothing was found: the data files that are there."""
    files = [path.name for path in _children(folder) if path.suffix.lower() in _READERS]
    return f" (it holds {_few(files)})" if files else ""


def _few(names: Iterable[str], most: int = 5) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "")


def _meant(name: str) -> str:
    """What to add if a path lies there that looks like the name."""
    here = next((Path(name + each) for each in ("", *_READERS) if Path(name + each).exists()), None)
    if here is None:
        return ""
    return f"; there is a {'folder' if here.is_dir() else 'file'} {here}: write " + (
        f"./{here}" if here.suffix == "" else str(here)
    )


def _default_folder() -> Path | None:
    if variable := os.environ.get(DATA_VARIABLE):
        folder = Path(variable)
        if not folder.is_dir():
            raise DataError(f"{DATA_VARIABLE} = {variable}: there is no such folder; correct it")
        return folder
    shared = Path(__file__).resolve().parents[4] / "shared" / "data"
    return shared if shared.is_dir() else None
