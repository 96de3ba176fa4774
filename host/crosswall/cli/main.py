"""The command ``crosswall`` and what all its commands share: errors, exit codes, version."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

import crosswall
from crosswall.errors import CrosswallError, Interrupted, UsageError, exit_codes

from . import bench, boards, device, experiment, presets, snapshot

DEBUG_VARIABLE = "CROSSWALL_DEBUG"
"""Environment variable: anything but empty shows the traceback of a user's mistake."""


class CrosswallGroup(click.Group):
    """A group that ends with one line and the exit code of `crosswall.errors` on an error."""

    def main(self, args: Any = None, prog_name: str | None = None,
             standalone_mode: bool = True, **extra: Any) -> Any:
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
        except BrokenPipeError:
            # The reader has gone; Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
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


for command in (experiment.run, experiment.verify, boards.boards, boards.build, boards.flash,
                boards.info, snapshot.snapshot, device.device, bench.bench, presets.presets):
    main.add_command(command)
