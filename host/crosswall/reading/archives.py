"""NPZ archives: what their headers say, then the arrays that are wanted."""

from __future__ import annotations

import errno
import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from crosswall.errors import cause

from .plain import MAX_UNPACKING, UnreadableError, array_of_bytes, opened, size

_MAX_HEADER = 1 << 14
"""Bytes in which an array's header must end: NumPy itself refuses more than 10,000 characters."""

_COMPRESSIONS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: MAX_UNPACKING}
"""What NumPy writes, and how many bytes one byte can stand for."""

_ENCRYPTED = 0x1

_KINDS = "biufcSU"
"""Types of arrays by NumPy's letters: numbers and texts, no objects, records or dates."""

_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_REMEDY = "save it with numpy.savez"


class Header(NamedTuple):
    """What an archive says of an array: its type, its shape, and where its values begin."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype.name} {list(self.shape)}"


class Archive:
    """An open NPZ archive; see `opened_archive`."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._members = {member.filename.removesuffix(".npy"): member
                         for member in file.infolist() if member.filename.endswith(".npy")}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(self._members)

    def header(self, name: str) -> Header:
        """What the archive says of an array, without unpacking it.

        Raises
        ------
        UnreadableError
            If there is no such array, or its header does not agree with the archive's.
        """
        if name not in self._members:
            raise UnreadableError(f"has no array `{name}`", _REMEDY)
        member = self._members[name]
        if member.flag_bits & _ENCRYPTED:
            raise UnreadableError(f"`{name}` is encrypted", "unpack the archive, and " + _REMEDY)
        if member.compress_type not in _COMPRESSIONS:
            raise UnreadableError(f"`{name}` is compressed by a method that NumPy does not write",
                                  "unpack the archive, and " + _REMEDY)
        if member.file_size > member.compress_size * _COMPRESSIONS[member.compress_type]:
            raise _damaged(f"`{name}` cannot unpack to {size(member.file_size)}")
        with _faults_in_words(), self._file.open(member) as unpacked:
            header = _header(name, unpacked.read(_MAX_HEADER))
        if member.file_size != header.offset + header.nbytes:
            raise _damaged(f"`{name}` has {member.file_size - header.offset} bytes of values, its "
                           f"header announces {header}")
        return header

    def read(self, name: str, dtype: DTypeLike | None = None,
             shape: tuple[int, ...] | None = None, *, most: int | None = None) -> NDArray[Any]:
        """An array, in this computer's byte order.

        Parameters
        ----------
        dtype, shape
            What it must have; by default any but Python objects and records.
        most
            Bytes that it may take at most; by default as many as the file can unpack to.

        Raises
        ------
        UnreadableError
            If it is of another type or shape, which is found before it is unpacked, or damaged.
        """
        header = self.header(name)
        wanted = np.dtype(header.dtype if dtype is None else dtype)
        shape = header.shape if shape is None else shape
        if header.dtype.newbyteorder("=") != wanted.newbyteorder("=") or header.shape != shape:
            raise UnreadableError(f"`{name}` is {header}; expected {wanted.name} {list(shape)}",
                                  "give the file that belongs to the experiment")
        if most is not None and header.nbytes > most:
            raise UnreadableError(f"`{name}` takes {size(header.nbytes)}, more than {size(most)}",
                                  "give a smaller file")
        with _faults_in_words():
            with self._file.open(self._members[name]) as unpacked:
                unpacked.read(header.offset)
                values = array_of_bytes(unpacked, header.nbytes)
            if len(values) != header.nbytes:
                raise _damaged(f"`{name}` has {len(values)} bytes of values, its header announces "
                               f"{header}")
            return _array(values, header)


def _array(values: NDArray[np.uint8], header: Header) -> NDArray[Any]:
    """The array that bytes stand for, in this computer's byte order, row by row."""
    if header.dtype == np.bool_:
        values = (values != 0).view(np.uint8)  # NumPy relies on 0 and 1
    order: Any = "F" if header.fortran_order else "C"
    array = values.view(header.dtype).reshape(header.shape, order=order)
    native = np.ascontiguousarray(array, header.dtype.newbyteorder("="))
    return native.reshape(header.shape)  # of a single number NumPy makes a row


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """An NPZ archive, of which nothing but the list of its arrays has been read.

    Raises
    ------
    UnreadableError
        If it is none.
    """
    with opened(path) as file:
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise UnreadableError("is one array, not an NPZ archive", _REMEDY)
        with _faults_in_words():
            archive = Archive(zipfile.ZipFile(file))
        yield archive


def _header(name: str, head: bytes) -> Header:
    """The header at the beginning of an array's member."""
    stream = io.BytesIO(head)
    version = npy.read_magic(stream)
    if version not in _READERS:
        raise _damaged(f"`{name}` is in version {version[0]}.{version[1]} of NumPy's format")
    shape, fortran_order, dtype = _READERS[version](stream)
    if dtype.kind not in _KINDS or not dtype.itemsize:
        raise UnreadableError(f"`{name}` is no array of plain numbers or texts",
                              "convert it, and " + _REMEDY)
    if any(length < 0 for length in shape):
        raise _damaged(f"`{name}` has shape {list(shape)}")
    return Header(dtype, shape, fortran_order, stream.tell())


@contextmanager
def _faults_in_words() -> Iterator[None]:
    """Turn what zipfile and NumPy raise on a damaged archive, which is nearly anything."""
    try:
        # Archives of Python 2 make NumPy warn, and literals in damaged headers Python.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UnreadableError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # of the system; a place before the file's begin is the archive's fault
        raise _damaged(cause(error)) from error


def _damaged(why: str) -> UnreadableError:
    return UnreadableError(f"is not an NPZ archive of plain numbers, or damaged ({why})", _REMEDY)
