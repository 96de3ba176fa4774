"""The command ``crosswall`` and what all its commands share: errors, exit codes, version."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

import crosswall
from crosswall.errors import (
    FAULT_EXIT_CODE,
    READER_GONE_EXIT_CODE,
    CrosswallError,
    HostError,
    Interrupted,
    UsageError,
    exit_codes,
    host_error,
)

from .stopping import STOP_SIGNALS
from .streams import ReaderGoneError, guard_streams

DEBUG_VARIABLE = "CROSSWALL_DEBUG"
"""Environment variable: anything but empty shows the traceback of a user's mistake."""


COMMANDS = {
    "run": ("experiment", "Run an experiment on a board and write what it found."),
    "verify": ("experiment", "Run a board and the twin in lock step and compare all they do."),
    "study": ("study", "Run a study: many experiments, a table, figures."),
    "presets": ("presets", "The experiments that come with crosswall."),
    "device": ("device", "Describe, draw and compile DW-MTJ devices."),
    "boards": ("boards", "List the boards."),
    "build": ("boards", "Build a board's gateware for an experiment."),
    "flash": ("boards", "Load a bitstream into a board that is plugged in."),
    "cost": ("cost", "Predict cycles, memory and samples per second of a board."),
    "info": ("boards", "Say which board is at a port, or what is installed."),
    "snapshot": ("snapshot", "Save or restore what a board has learned."),
    "bench": ("bench", "Measure speeds."),
}
"""Every command, the module of this package that has it, and its line in the help."""


class CrosswallGroup(click.Group):
    """A group that ends with one line and the exit code of `crosswall.errors` on an error.

    A command's module is imported when it is called: compiled code is not loaded for a help.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # Click would exit with 1, which is verify's code here.
            raise host_error(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__package__}.{COMMANDS[cmd_name][0]}")
        return getattr(module, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None,  # type: ignore[override]
             prog_name: str | None = None, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command; with ``standalone_mode`` exit, otherwise let errors through."""
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        guard_streams()
        try:
            code = super().main(args, prog_name or "crosswall", standalone_mode=False, **extra)
            sys.stdout.flush()
        except BaseException as error:
            sys.exit(_report(error))
        sys.exit(code if isinstance(code, int) else 0)


def _report(error: BaseException) -> int | str | None:
    """Say in one line what ended a command; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code
    if isinstance(error, ReaderGoneError):
        return READER_GONE_EXIT_CODE
    known = _as_known(error)
    if known is not None and not os.environ.get(DEBUG_VARIABLE):
        return _fail(str(known), known.exit_code)
    traceback.print_exception(error)
    if known is not None:
        return known.exit_code
    return _fail("this is a fault in crosswall: please report it, with the lines above and the "
                 "command", FAULT_EXIT_CODE)


def _as_known(error: BaseException) -> CrosswallError | None:
    """What a user can act on; None if crosswall is at fault."""
    if isinstance(error, CrosswallError):
        return error
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context else ""
        return UsageError(error.format_message().rstrip(".") + hint)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Interrupted("interrupted")
    if isinstance(error, OSError):
        return host_error(error)
    if isinstance(error, MemoryError):
        return HostError(f"out of memory{_detail(error)}; use fewer samples or a smaller network, "
                         "or a computer with more memory")
    if isinstance(error, RecursionError):
        return HostError(f"something is nested more deeply than Python follows{_detail(error)}; "
                         "make the input flatter")
    if isinstance(error, UnicodeError):
        return HostError(f"a text cannot be read or written{_detail(error)}; use UTF-8 throughout, "
                         "file names included")
    return None


def _detail(error: Exception) -> str:
    return f" ({error})" if str(error) else ""


def _fail(message: str, code: int) -> int:
    if code == Interrupted.exit_code:
        # It is ending: one more signal must not turn that into another exit code.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    click.echo(f"crosswall: error: {message}", err=True)
    return code


def _epilog() -> str:
    rows = "\n".join(f"  {row.code:>3}  {row.meaning}" for row in exit_codes())
    return (f"\b\nExit codes:\n{rows}\n\n"
            f"Data go to standard output, everything else to standard error. Set "
            f"{DEBUG_VARIABLE}=1 to see the traceback of an error.")


@click.group(cls=CrosswallGroup, epilog=_epilog(),
             context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(crosswall.__version__, prog_name="crosswall")
def main() -> None:
    """Learn with a DW-MTJ machine: on its bit-exact twin, on the virtual board (the gateware,
    simulated), or on an FPGA board.

    \b
    crosswall run digits                    learn the digits on the twin
    crosswall run digits --board virtual    the same, on the gateware
    crosswall verify digits --board virtual compare both, bit by bit
    """
