"""External tools: finding them, running them, and what to say when that fails."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from crosswall.errors import ToolError

__all__ = ["last_error", "package_folder", "require_package", "require_programs", "run_tool",
           "wheel_program"]

_ERROR = re.compile(r"\berror\b|^%Warning", re.IGNORECASE)
_FAILURE = re.compile(r"\b(error|assert\w*|abort\w*)\b", re.IGNORECASE)


def require_programs(*packages: tuple[str, str]) -> None:
    """Check that programs are on PATH; `packages` are pairs of program and Debian package.

    Raises ToolError naming all that are missing and the command that installs them.
    """
    missing = [pair for pair in packages if shutil.which(pair[0]) is None]
    if missing:
        programs = ", ".join(program for program, _ in missing)
        names = " ".join(dict.fromkeys(package for _, package in missing))
        raise ToolError(f"not found on PATH: {programs}; run: sudo apt-get install -y {names}")


def require_package(module: str, extra: str) -> None:
    """Check that a Python package is installed.

    Raises ToolError naming the extra of crosswall that brings it.
    """
    if find_spec(module) is None:
        raise ToolError(f"the Python package `{module}` is not installed; "
                        f"run: {sys.executable} -m pip install 'crosswall[{extra}]'")


def package_folder(module: str, extra: str) -> Path:
    """Return the folder of an installed Python package. Raises ToolError as `require_package`."""
    require_package(module, extra)
    return Path(find_spec(module).origin).parent


def wheel_program(variable: str, module: str, function: str, extra: str) -> list[str]:
    """Return the start of a command line: the program that the environment variable `variable`
    names, else `function` of the Python package `module`, which takes the arguments as a list.

    Raises ToolError if neither exists.
    """
    if chosen := os.environ.get(variable):
        command = shlex.split(chosen)
        if shutil.which(command[0]) is None:
            raise ToolError(f"{variable} names {command[0]}, which is not on PATH; "
                            f"correct it, or unset it to use the package `{module}`")
        return command
    require_package(module, extra)
    return [sys.executable, "-c",
            f"import sys, {module}; sys.exit({module}.{function}(sys.argv[1:]))"]


def last_error(log: Path) -> str:
    """Return the last line of a tool's log that tells of an error, else its last line; an empty
    text if there is none."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    told = [line.strip() for line in lines if line.strip()]
    errors = [line for line in told if _FAILURE.search(line)]
    return (errors or told or [""])[-1][:300]


def run_tool(name: str, command: Sequence[str], *, folder: Path, log: Path,
             environment: Mapping[str, str] | None = None,
             on_line: Callable[[str], None] | None = None) -> None:
    """Run `command` in `folder`, its output going to the file `log` and, by line, to `on_line`.

    Raises ToolError with the first error in the output if the command fails. If the caller is
    interrupted, the command and its children are ended first.
    """
    first_error = last = ""
    with (log.open("a") as record,
          subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, errors="replace",
                           env={**os.environ, **(environment or {})},
                           start_new_session=True) as process):
        try:
            for line in process.stdout:
                record.write(line)
                last = line.strip() or last
                if not first_error and _ERROR.search(line):
                    first_error = line.strip()
                if on_line:
                    on_line(line.rstrip("\n"))
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        told = first_error or last or f"exit code {process.returncode}"
        raise ToolError(f"{name} failed: {told[:300]} (all of its output is in {log})")
