"""``crosswall snapshot``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from crosswall.board import RemoteBoard, open_port
from crosswall.errors import DataError
from crosswall.experiment import Experiment
from crosswall.spec.network import Network
from crosswall.twin import MachineState

from .boards import network_of
from .common import (
    baud_option,
    device_options,
    experiment_argument,
    json_option,
    options,
    print_json,
)

_where = options(
    experiment_argument,
    click.argument("file", type=click.Path(path_type=Path), metavar="FILE.npz"),
    click.option("--port", required=True, metavar="DEVICE", help="Serial port of the board."),
    baud_option,
    click.option("--data", metavar="PATH", help="The data set, where it says the image's shape."),
    device_options)


@click.group()
def snapshot() -> None:
    """Save or restore what a board has learned: walls, thresholds, ledger, next sample."""


@snapshot.command()
@_where
@json_option
def save(experiment: str, file: Path, port: str, baud: int | None, as_json: bool,
         **changes: Any) -> None:
    """Save the state of the board at a port into a file."""
    if not file.absolute().parent.is_dir():
        raise DataError(f"{file}: {file.absolute().parent} is not a folder; create it first")
    chosen = Experiment.load(experiment).with_options(**changes)
    network = network_of(chosen)
    with contextlib.closing(_bound(port, baud, chosen, network)) as board:
        state = board.read_state()
    state.save(file, network)
    _tell(as_json, file, network, state)


@snapshot.command()
@_where
@json_option
def restore(experiment: str, file: Path, port: str, baud: int | None, as_json: bool,
            **changes: Any) -> None:
    """Restore the state in a file to the board at a port; nothing changes if it does not fit."""
    chosen = Experiment.load(experiment).with_options(**changes)
    network = network_of(chosen)
    state = MachineState.load(file, network)
    with contextlib.closing(_bound(port, baud, chosen, network)) as board:
        board.load_state(state)
    _tell(as_json, file, network, state)


def _bound(port: str, baud: int | None, experiment: Experiment, network: Network) -> RemoteBoard:
    board = open_port(port, baud)
    try:
        board.bind(network, experiment.board_remedy(board.name))
    except BaseException:
        board.close()
        raise
    return board


def _tell(as_json: bool, file: Path, network: Network, state: MachineState) -> None:
    if as_json:
        print_json({"file": str(file), "network_digest": f"{network.digest():08x}",
                    "synapses": network.synapses, "next_sample": state.next_sample})
    else:
        click.echo(f"{file}: {network.synapses} synapses after {state.next_sample} samples")
