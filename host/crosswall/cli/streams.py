"""Standard streams that may be closed, full, left by their reader, or of a narrow encoding.

Data go to standard output: what cannot be written there is an error. Progress, notices and errors
go to standard error: a run is not lost because nobody can see them.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TextIO

from crosswall.errors import HostError, host_error

__all__ = ["ReaderGoneError", "guard_streams"]


class ReaderGoneError(Exception):
    """Nobody reads standard output any more."""


def guard_streams() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` where they are the process's own.

    Then a write to standard output that fails raises `ReaderGoneError` or HostError, once; one to
    standard error is dropped. Characters that an encoding lacks become escapes.
    """
    _occupy_closed_descriptors()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Optional(2, "w", closefd=False), sys.stderr)


def _occupy_closed_descriptors() -> None:
    """Keep files that are opened later from becoming standard streams. Writing to these fails."""
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(descriptor)


def _text(raw: io.FileIO, before: TextIO | None) -> TextIO:
    return io.TextIOWrapper(io.BufferedWriter(raw), before.encoding if before else "utf-8",
                            "backslashreplace", line_buffering=raw.isatty())


class _Output(io.FileIO):
    """Standard output. After its first failure it takes everything: Python flushes it at exit."""

    _failed = False

    def write(self, data: object) -> int:
        while not self._failed:
            try:
                written = super().write(data)  # type: ignore[arg-type]
            except OSError as error:
                self._failed = True
                if error.errno == errno.EPIPE:
                    raise ReaderGoneError from error
                raise _output_error(error) from error
            if written is not None:
                return written
            select.select([], [self], [])  # somebody made it non-blocking
        return memoryview(data).nbytes  # type: ignore[arg-type]


class _Optional(io.FileIO):
    """Standard error."""

    def write(self, data: object) -> int:
        try:
            written = super().write(data)  # type: ignore[arg-type]
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written  # type: ignore[arg-type]


def _output_error(error: OSError) -> HostError:
    if error.errno == errno.EBADF:
        return HostError("standard output is closed: redirect it to a file, or to /dev/null")
    error.filename = "standard output"
    return host_error(error)
