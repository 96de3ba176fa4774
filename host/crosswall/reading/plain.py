"""Bytes and text of a file, as many as expected and no more."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from crosswall.errors import CrosswallError

MAX_UNPACKING = 1032
"""The most bytes that one byte of a deflated file (gzip, NPZ) can stand for: a match of 258 bytes
takes two bits."""

_PIECE = 1 << 20
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
          stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class UnreadableError(Exception):
    """A file is not what it should be; in words, for the error of whoever reads it.

    Parameters
    ----------
    reason
        What is wrong with it.
    remedy
        What to do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason = reason
        self.remedy = remedy


@contextmanager
def unreadable_as(error: type[CrosswallError], where: str | os.PathLike[str]) -> Iterator[None]:
    """Turn `UnreadableError` into an error of its reader's kind, which names the file."""
    try:
        yield
    except UnreadableError as mistake:
        raise error(f"{os.fspath(where)}: {mistake}") from mistake


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A regular file, open for reading; nothing else is waited for or read without end.

    Raises
    ------
    UnreadableError
        If it is no file, or the system refuses to open or, inside the block, to read it.
    """
    if "\0" in os.fspath(path):
        raise UnreadableError("cannot be read (a null character in the name)", "correct the path")
    try:
        with os.fdopen(_descriptor(path), "rb") as file:
            yield file
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror or error})",
                              "check the path and its permissions") from error


@contextmanager
def opened_unpacked(path: Path) -> Iterator[IO[bytes]]:
    """A file, or what it unpacks to if its name ends in ``.gz``; see `opened`."""
    with opened(path) as file:
        if path.suffix != ".gz":
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast(IO[bytes], unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableError("truncated or damaged gzip file",
                                  "fetch it again") from error


@contextmanager
def opened_lines(path: Path, longest: int) -> Iterator[Iterator[str]]:
    """The lines of a text with their ends, UTF-8 with or without a byte-order mark; see `opened`.

    Raises
    ------
    UnreadableError
        Inside the block, if a line has more than ``longest`` characters.
    UnicodeDecodeError
        Inside the block, if it is not UTF-8.
    """
    with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        yield _lines(text, longest)


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a file, unpacked if its name ends in ``.gz``, of at most ``limit`` bytes.

    Raises
    ------
    UnreadableError
        If it cannot be read, or holds more.
    """
    with opened_unpacked(path) as file:
        content = bytearray()
        while len(content) <= limit and (piece := file.read(min(_PIECE, limit + 1 - len(content)))):
            content += piece
    if len(content) > limit:
        raise UnreadableError(f"holds more than {size(limit)}", "give a smaller file")
    return bytes(content)


def read_text(path: Path, limit: int) -> str:
    """The text in a file, UTF-8 with or without a byte-order mark; as `read_bytes`."""
    try:
        return read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start})",
                              "save it as UTF-8") from error


def array_of_bytes(file: IO[bytes], count: int) -> NDArray[np.uint8]:
    """The next ``count`` bytes of a file, or as many as there are.

    Memory is taken as bytes come, whatever ``count`` says.

    Raises
    ------
    UnreadableError
        If there is not so much memory.
    """
    try:
        array = np.empty(count, np.uint8)  # the system gives pages when they are written
    except (MemoryError, OverflowError, ValueError) as error:
        raise UnreadableError(f"needs {size(count)} of memory, which this computer does not have",
                              "give a smaller file") from error
    done = 0
    while done < count and (piece := file.read(min(_PIECE, count - done))):
        array[done:done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    return array[:done]


def size(count: int) -> str:
    """So many bytes, in words."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"


def _lines(text: IO[str], longest: int) -> Iterator[str]:
    while line := text.readline(longest + 1):
        if len(line) > longest:
            raise UnreadableError(f"has a line of more than {longest} characters",
                                  "give a table of text in lines")
        yield line


def _descriptor(path: Path) -> int:
    """A regular file, open; UnreadableError if it is anything else."""
    # A pipe without a writer would let an ordinary open wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    kind = _KINDS.get(stat.S_IFMT(mode), "something else")
    raise UnreadableError(f"is {kind}, not a file", "name a file")
