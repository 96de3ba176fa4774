"""Options and output that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console

from crosswall.board import WIRES
from crosswall.errors import UsageError
from crosswall.experiment.variants import COUNTS
from crosswall.link import MAX_BAUD

Command = TypeVar("Command", bound=Callable[..., Any])

log = Console(stderr=True, highlight=False)
"""Where progress and notices go."""


def say(line: str) -> None:
    """Print a notice on standard error."""
    click.echo(f"crosswall: {line}", err=True)


def print_json(value: Any) -> None:
    """Print an object on standard output."""
    click.echo(json.dumps(value, indent=2))


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several click options as one decorator, in the order of the help."""
    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command
    return decorate


def refuse(names: Iterable[str], because: str) -> None:
    """Refuse options and arguments of this command that were given, but have no effect.

    Parameters
    ----------
    names
        Of the command's parameters, as its function calls them.
    because
        When they have none: the end of a sentence.

    Raises
    ------
    UsageError
        For the first that was given.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in names and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            shown = _as_given(parameter, context.params.get(name))
            raise UsageError(f"{shown} has no effect {because}; remove it")


def refuse_all_but(names: Iterable[str], because: str) -> None:
    """As `refuse`, of all parameters but these."""
    others = {parameter.name or "" for parameter in click.get_current_context().command.params}
    refuse(others.difference(names), because)


def _as_given(parameter: click.Parameter, value: object) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name.strip("[]")
    names = parameter.secondary_opts if value is False else parameter.opts
    return names[-1]


experiment_argument = click.argument("experiment", metavar="PRESET|FILE.toml")

json_option = click.option("--json", "as_json", is_flag=True,
                           help="Print one JSON object on standard output.")

force_option = click.option(
    "--force", is_flag=True, help="Write to a folder that is not empty: files that crosswall wrote "
    "there are replaced, nothing else is touched.")

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress.")


replay_option = click.option(
    "--replay/--no-replay", default=None,
    help="Whether a sample that comes again is learned from the board's memory, if it has one, in "
    "place of the wire. Changes no result. Default: --replay.")


wire_option = click.option("--wire", type=click.Choice(WIRES),
                           help="Wire of the virtual board: its UART pins, or its byte streams "
                           "(faster). Default: uart.")


baud_option = click.option("--baud", type=click.IntRange(1, MAX_BAUD), metavar="N",
                           help="Bits per second. Default: the board's.")


def board_options(default: str) -> Callable[[Command], Command]:
    """The options that name a board, and what it is without them."""
    return options(
        click.option("--board", metavar="NAME", help="twin, virtual, or a board that is plugged "
                     f"in (see `crosswall boards`). Default: {default}."),
        click.option("--port", metavar="DEVICE", help="Serial port of the board."),
        baud_option,
        wire_option,
        replay_option)


class _Variants(click.Choice):
    """A number of variants, or all."""

    def __init__(self) -> None:
        super().__init__(["all", *map(str, COUNTS)])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number as such."""
        chosen = super().convert(value, param, ctx)
        return chosen if chosen == "all" else int(chosen)


device_options = options(
    click.option("--device", metavar="NAME|FILE",
                 help="Device of both stages, in place of the experiment's."),
    click.option("--variants", type=_Variants(),
                 help="How many of a folder's devices synapses are drawn from: the first so many, "
                 "or all. A board is built for a number of them. Default: as the experiment says, "
                 "mostly all."))
"""Which device, and how many of its variants."""


data_options = options(
    click.option("--data", metavar="PATH", help="The data set, or a folder that holds it."),
    click.option("--label", metavar="COLUMN", help="Column of the labels in a CSV table: its name, "
                 "or its number from 1."),
    click.option("--train", type=click.IntRange(min=1), metavar="N",
                 help="Use only N training samples."),
    click.option("--test", type=click.IntRange(min=1), metavar="N",
                 help="Use only N test samples."),
    click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="S",
                 help="Seed of everything random."),
    device_options)
