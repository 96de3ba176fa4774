"""NPZ archives of NumPy: ``x``, ``y`` or ``x_train``, ``y_train``, ``x_test``, ``y_test``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crosswall.errors import DataError
from crosswall.reading import Archive, UnreadableError, opened_archive, unreadable_as

from .dataset import MAX_ARRAY_BYTES, MAX_VALUES, RawPart, RawSet, raw_part

_SPLIT = ("x_train", "y_train", "x_test", "y_test")
_WHOLE = ("x", "y")


def read_npz(path: Path) -> RawSet:
    """Read samples and labels from an archive; arrays of Python objects are never unpickled.

    The keys may be in capitals too (``X``, ``y``).

    Raises
    ------
    DataError
        If the file is no archive, is damaged, or has other keys.
    """
    with unreadable_as(DataError, path), opened_archive(path) as archive:
        names = _names(archive.names)
        wanted = next((each for each in (_SPLIT, _WHOLE) if set(each) <= set(names)), None)
        if wanted is None:
            raise DataError(
                f"{path}: the keys must be x, y or x_train, y_train, x_test, y_test: "
                f"got {_listed(archive.names)}"
            )
        arrays = {key: _read(archive, names[key]) for key in wanted}

    def part(suffix: str) -> RawPart:
        where = f"{path} ({names[f'x{suffix}']}, {names[f'y{suffix}']})"
        return raw_part(where, arrays[f"x{suffix}"], arrays[f"y{suffix}"])

    if "x" in arrays:
        return RawSet(part(""), None)
    return RawSet(part("_train"), part("_test"))


def _names(names: tuple[str, ...]) -> dict[str, str]:
    """The archive's own name of each key in small letters; one in small letters comes first."""
    return {name.lower(): name for name in sorted(names)}


def _read(archive: Archive, key: str) -> NDArray[Any]:
    """An array that can be samples or labels: larger ones are refused by their header."""
    header = archive.header(key)
    if math.prod(header.shape[1:]) > MAX_VALUES:
        raise UnreadableError(
            f"`{key}` has {math.prod(header.shape[1:])} values a sample: {list(header.shape)}",
            f"give samples of at most {MAX_VALUES}",
        )
    if header.nbytes > MAX_ARRAY_BYTES:
        raise UnreadableError(
            f"`{key}` takes {header.nbytes >> 20} MiB, more than {MAX_ARRAY_BYTES >> 20}",
            "store samples as uint8, or give fewer",
        )
    return archive.read(key)


def _listed(names: tuple[str, ...]) -> str:
    """Some names of an archive, which can be anything."""
    shown = [name if name.isidentifier() else ascii(name) for name in sorted(names)[:8]]
    return ", ".join(name[:40] for name in shown) + (", …" if len(names) > 8 else "") or "none"
