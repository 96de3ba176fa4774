"""IDX files: the form in which MNIST and many sets after it come."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import DataError
from crosswall.reading import array_of_bytes, opened_unpacked, unreadable_as

from .dataset import MAX_ARRAY_BYTES, MAX_VALUES

_UNSIGNED_BYTE = 0x08


def idx_length(path: Path, dimensions: int) -> int:
    """Number of items (images, labels) that an IDX file announces; DataError as `read_idx`."""
    with unreadable_as(DataError, path), opened_unpacked(path) as file:
        return _sizes(path, file, dimensions)[0]


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read the array of an IDX file.

    Raises
    ------
    DataError
        If it is not IDX of unsigned bytes with that many dimensions, or does not have the bytes
        that its header announces.
    """
    with unreadable_as(DataError, path), opened_unpacked(path) as file:
        sizes = _sizes(path, file, dimensions)
        expected = math.prod(sizes)
        body = array_of_bytes(file, expected)
        more = bool(file.read(1))
    if more or len(body) != expected:
        raise DataError(
            f"{path}: the header announces {_times(sizes)} = {expected} bytes of data, "
            f"the file has {'more' if more else f'{len(body)} bytes'}; fetch it again"
        )
    return body.reshape(sizes)


def _sizes(path: Path, file: IO[bytes], dimensions: int) -> list[int]:
    """Return the lengths that a header announces; DataError unless it is one of a set."""
    header = array_of_bytes(file, 4 + 4 * dimensions).tobytes()
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
    if math.prod(sizes[1:]) > MAX_VALUES or math.prod(sizes) > MAX_ARRAY_BYTES:
        raise DataError(
            f"{path}: the header announces {_times(sizes)} bytes of data; give images of at most "
            f"{MAX_VALUES} pixels, {MAX_ARRAY_BYTES >> 20} MiB of them"
        )
    return sizes


def _times(sizes: list[int]) -> str:
    return "×".join(map(str, sizes))
