"""The command ``crosswall`` and what all its commands share: errors, exit codes, version."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

import crosswall
from crosswall.errors import CrosswallError, Interrupted, UsageError, exit_codes

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


class _ReaderGoneError(Exception):
    """Nobody reads standard output any more."""


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
            raise _ReaderGoneError from error

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
        try:
            code = super().main(args, prog_name or "crosswall", standalone_mode=False, **extra)
            sys.stdout.flush()
        except CrosswallError as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            _fail(str(error), error.exit_code)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            hint = f"; see `{context.command_path} --help`" if context else ""
            _fail(error.format_message().rstrip(".") + hint, UsageError.exit_code)
        except (KeyboardInterrupt, click.Abort):
            _fail("interrupted", Interrupted.exit_code)
        except (_ReaderGoneError, BrokenPipeError):
            # Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    if code == Interrupted.exit_code:
        # It is ending: one more Ctrl-C must not turn that into another exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = " ".join(message.split())
    click.echo(f"crosswall: error: {line}", err=True)
    sys.exit(code)


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
