"""IDX folders: the four files of MNIST and the sets that took over its form."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError
from crosswall.reading import UnreadableError, array_of_bytes, opened_unpacked

from .dataset import MAX_ARRAY_BYTES, MAX_VALUES, RawPart, RawSet, raw_part

_UNSIGNED_BYTE = 0x08


class _Parts(NamedTuple):
    images: Path
    labels: Path


def is_idx_folder(folder: Path) -> bool:
    """Return whether a folder holds at least one file of an IDX training part."""
    return any(_find(folder, "train", kind) for kind in ("images", "labels"))


def read_idx_folder(folder: Path) -> RawSet:
    """Read ``train-*`` and, if there, ``t10k-*`` (or ``test-*``) from a folder.

    Raises
    ------
    DataError
        If a file of a part is missing, is not IDX of unsigned bytes, or does
        not have the bytes that its header announces.
    """
    train = _find_parts(folder, "train")
    if train is None:
        raise DataError(f"{folder}: no train-images-idx3-ubyte[.gz] here; name an IDX folder")
    test = _find_parts(folder, "t10k") or _find_parts(folder, "test")
    return RawSet(_read_parts(train), _read_parts(test) if test else None)


def _find(folder: Path, part: str, kind: str) -> Path | None:
    dimensions = 3 if kind == "images" else 1
    for separator in "-.":
        for suffix in ("", ".gz"):
            path = folder / f"{part}-{kind}{separator}idx{dimensions}-ubyte{suffix}"
            if path.is_file():
                return path
    return None


def _find_parts(folder: Path, part: str) -> _Parts | None:
    images, labels = _find(folder, part, "images"), _find(folder, part, "labels")
    if images and labels:
        return _Parts(images, labels)
    if images or labels:
        missing = f"{part}-images-idx3" if labels else f"{part}-labels-idx1"
        raise DataError(f"{folder}: {missing}-ubyte[.gz] is missing beside {images or labels}")
    return None


def _read_parts(parts: _Parts) -> RawPart:
    images, labels = _read(parts.images, dimensions=3), _read(parts.labels, dimensions=1)
    if len(images) != len(labels):
        raise DataError(
            f"{parts.images}: {len(images)} images, but {len(labels)} labels in {parts.labels}; "
            "the files are not of one set"
        )
    return raw_part(str(parts.images.parent), images, labels)


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return an IDX file's array; DataError unless it is whole and has that many dimensions."""
    try:
        with opened_unpacked(path) as file:
            sizes = _sizes(path, array_of_bytes(file, 4 + 4 * dimensions).tobytes(), dimensions)
            expected = math.prod(sizes)
            if math.prod(sizes[1:]) > MAX_VALUES or expected > MAX_ARRAY_BYTES:
                raise UnreadableError(
                    f"the header announces {_times(sizes)} = {expected} bytes of data",
                    f"give images of at most {MAX_VALUES} pixels, {MAX_ARRAY_BYTES >> 20} MiB "
                    "of them",
                )
            body = array_of_bytes(file, expected)
            more = bool(file.read(1))
    except UnreadableError as error:
        raise DataError(f"{path}: {error}") from error
    if more or len(body) != expected:
        raise DataError(
            f"{path}: the header announces {_times(sizes)} = {expected} bytes of data, "
            f"the file has {'more' if more else f'{len(body)} bytes'}; fetch it again"
        )
    return body.reshape(sizes)


def _sizes(path: Path, header: bytes, dimensions: int) -> list[int]:
    """Return the lengths that a header announces; DataError unless it is one."""
    if len(header) < 4 + 4 * dimensions:
        raise DataError(
            f"{path}: truncated: {len(header)} bytes where the header alone has "
            f"{4 + 4 * dimensions}; fetch the file again"
        )
    if header[:4] != bytes((0, 0, _UNSIGNED_BYTE, dimensions)):
        raise DataError(
            f"{path}: begins with {header[:4].hex(' ')}, not with "
            f"00 00 08 {dimensions:02x} (IDX, unsigned bytes, {dimensions} dimensions)"
        )
    sizes = [int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4)]
    if not all(sizes):
        raise DataError(f"{path}: the header announces no data: {_times(sizes)}")
    return sizes


def _times(sizes: list[int]) -> str:
    return "×".join(map(str, sizes))
