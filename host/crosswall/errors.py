"""Errors that a user can act on, and the exit codes of the command line.

Every error below is one line: the value that was examined, what was expected
and the remedy. The command line prints that line on standard error, without a
traceback, and exits with the error's `exit_code`. What the system refuses
(OSError, MemoryError) it reports in the same way, as a `HostError`. Any other
exception is a fault in crosswall itself: its traceback is shown, and the exit
code is `FAULT_EXIT_CODE`.

====  ================  ====================================================
code  error             meaning
====  ================  ====================================================
0     (none)            done
1     VerifyError       verify found a difference between twin and board
2     UsageError        wrong option, argument or combination of options
3     ExperimentError   the experiment file, or a value in it, is not valid
4     DataError         a data set is missing, malformed or unsuitable
5     DeviceError       a device description or table is not valid
6     LinkError         a port cannot be opened, or the board does not answer
7     BoardError        the board holds another build or protocol version
8     ToolError         a compiler or other tool is missing or failed
9     HostError         this computer refuses: a full disk, a permission, a closed stream
70    (none)            a fault in crosswall itself, shown with its traceback: please report it
130   Interrupted       stopped by the user (Ctrl-C, SIGTERM or SIGHUP)
141   (none)            nobody reads standard output any more
====  ================  ====================================================

The table is held to the classes by a test; `exit_codes` gives it to the
command line's help and to the documentation.
"""

from __future__ import annotations

import errno
from typing import ClassVar, NamedTuple

__all__ = [
    "BoardError",
    "CrosswallError",
    "DataError",
    "DeviceError",
    "ExitCode",
    "ExperimentError",
    "FAULT_EXIT_CODE",
    "HostError",
    "Interrupted",
    "LinkError",
    "READER_GONE_EXIT_CODE",
    "ToolError",
    "UsageError",
    "VerifyError",
    "cause",
    "exit_codes",
    "host_error",
    "one_line",
]

FAULT_EXIT_CODE = 70
"""Of the command line if crosswall itself is at fault (EX_SOFTWARE of sysexits.h)."""

READER_GONE_EXIT_CODE = 141
"""Of the command line in a pipe whose other end was closed: as a shell reports SIGPIPE."""


class CrosswallError(Exception):
    """Base of every error that a user can act on.

    Raised only through its subclasses, each with its own `exit_code` and
    `meaning` (one line, for help and documentation). Its text is one line of bearable length,
    whatever came into the message from a file, a name or another program.
    """

    exit_code: ClassVar[int]
    meaning: ClassVar[str]

    def __str__(self) -> str:
        return one_line(super().__str__())


class VerifyError(CrosswallError):
    """Twin and board differ, or a stored result is not the one expected."""

    exit_code = 1
    meaning = "verify found a difference between twin and board"


class UsageError(CrosswallError):
    """The command was called wrongly."""

    exit_code = 2
    meaning = "wrong option, argument or combination of options"


class ExperimentError(CrosswallError):
    """An experiment file is missing, malformed or asks for the impossible."""

    exit_code = 3
    meaning = "the experiment file, or a value in it, is not valid"


class DataError(CrosswallError):
    """A data set is missing, malformed or does not suit the experiment."""

    exit_code = 4
    meaning = "a data set is missing, malformed or unsuitable"


class DeviceError(CrosswallError):
    """A device's parameters or tables cannot be compiled."""

    exit_code = 5
    meaning = "a device description or table is not valid"


class LinkError(CrosswallError):
    """A port cannot be opened, or the board does not answer on it."""

    exit_code = 6
    meaning = "a port cannot be opened, or the board does not answer"


class BoardError(CrosswallError):
    """The board is not the one asked for: other magic, protocol or build."""

    exit_code = 7
    meaning = "the board holds another build or protocol version"


class ToolError(CrosswallError):
    """An external tool (compiler, synthesis, programmer) is missing or failed."""

    exit_code = 8
    meaning = "a compiler or other tool is missing or failed"


class HostError(CrosswallError):
    """The computer that crosswall runs on refuses: disk, permission, stream, device."""

    exit_code = 9
    meaning = "this computer refuses: a full disk, a permission, a closed stream"


class Interrupted(CrosswallError):  # noqa: N818  # not a mistake of anyone
    """The user stopped the run; what was learned so far is kept."""

    exit_code = 130
    meaning = "stopped by the user (Ctrl-C, SIGTERM or SIGHUP)"


def one_line(text: str, longest: int = 2000) -> str:
    """A text of anybody's as one line: without control characters, its middle left out if it is
    longer than ``longest`` characters."""
    line = " ".join(text.split())
    line = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode()
                   for letter in line)
    if len(line) <= longest:
        return line
    end = longest // 3
    return f"{line[:longest - end - 3]} … {line[-end:]}"


def cause(error: BaseException) -> str:
    """What an exception of anybody's says, as one short line; its class if it says nothing."""
    return one_line(str(error), 200) or type(error).__name__


class ExitCode(NamedTuple):
    """One row of the exit-code table; `error` is None where no `CrosswallError` stands for it."""

    code: int
    error: type[CrosswallError] | None
    meaning: str


def exit_codes() -> tuple[ExitCode, ...]:
    """Return every exit code of the command line, in ascending order."""
    return tuple(sorted([
        ExitCode(0, None, "done"),
        *(ExitCode(error.exit_code, error, error.meaning)
          for error in CrosswallError.__subclasses__()),
        ExitCode(FAULT_EXIT_CODE, None,
                 "a fault in crosswall itself, shown with its traceback: please report it"),
        ExitCode(READER_GONE_EXIT_CODE, None, "nobody reads standard output any more"),
    ]))


_REMEDIES = {
    errno.ENOSPC: "free some space, or name a place on another disk",
    errno.EDQUOT: "free some space, or name a place on another disk",
    errno.EFBIG: "name a place on another disk, or raise the limit (`ulimit -f`)",
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EROFS: "name another place",
    errno.EIO: "check the disk, or name another place",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    errno.ENOMEM: "close other programs, or use a computer with more memory",
}


def host_error(error: OSError) -> HostError:
    """What the system refused, in one line: the file, what happened, the remedy."""
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    what = error.strerror or str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0, "check the path, or name another")
    return HostError(": ".join([*(" to ".join(names),) * bool(names), what]) + f"; {remedy}")
