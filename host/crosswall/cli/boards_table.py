"""``crosswall boards --table``: builds, predicts and writes what every board reaches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path

import click

from crosswall.board import find_board
from crosswall.errors import CrosswallError, UsageError
from crosswall.experiment import Experiment
from crosswall.experiment.benchmark import workload
from crosswall.files import check_file, replacing_file
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall_boards.bitstream import build_bitstream, build_scripts
from crosswall_boards.board import FpgaBoard
from crosswall_boards.registry import find_fpga_board
from crosswall_boards.table import CONFIGURATIONS, Configuration, Row, as_markdown

from .boards import with_build
from .common import print_json, say
from .cost import predict_phases

_HEAD = """\
# What each board reaches

Made by `crosswall boards --table --out docs/boards-table.md`: yosys, nextpnr with seed 1, and
[predicted cycles](cost-model.md), which are exact, of {samples} samples in each phase. Images per
second are the clock that place and route reached over the machine's cycles for a sample; the
board's own clock is lower, and a slower wire bounds them too. Cycles without a clock are of a board
whose tools are not open.

"""


def write(boards: Collection[str], samples: int, out: Path | None, as_json: bool) -> None:
    """Print the table of `boards` (all, if there are none), or write it to `out`.

    Raises UsageError for a board that the table does not have.
    """
    for name in boards:
        find_board(name)
    chosen = [each for each in CONFIGURATIONS if not boards or each.board in boards]
    if missing := set(boards) - {each.board for each in chosen}:
        raise UsageError(f"board `{min(missing)}` is not in the table: expected one of "
                         + ", ".join(dict.fromkeys(each.board for each in CONFIGURATIONS)))
    if out is not None:
        check_file(out)
    rows = [_row(configuration, samples) for configuration in chosen]
    text = _HEAD.format(samples=samples) + as_markdown(rows)
    if out is not None:
        with replacing_file(out) as unfinished:
            unfinished.write_text(text)
    if as_json:
        print_json([asdict(row) | {"rates": row.rates} for row in rows])
    elif out is None:
        click.echo(text, nl=False)


def _row(configuration: Configuration, samples: int) -> Row:
    """Everything that can be found; what fails becomes a note."""
    say(configuration.name)
    row = Row(configuration)
    try:
        experiment = with_build(Experiment.load(configuration.preset), configuration.build)
        board, network = find_fpga_board(configuration.board), experiment.network()
        build = experiment.build(network, board.choose_build(network))
    except CrosswallError as error:
        return replace(row, note=str(error))
    notes = []
    try:
        row = _resources(row, board, network, build)
    except CrosswallError as error:
        notes.append(str(error))
    try:
        work = workload(experiment, samples)
        row = replace(row, cycles={phase: predicted.cycles for phase, predicted
                                   in predict_phases(work, build, samples).items()})
        if not work.real:
            notes.append("cycles with random strokes")
    except CrosswallError as error:
        notes.append(str(error))
    return replace(row, note="; ".join(filter(None, [row.note, *notes])))


def _resources(row: Row, board: FpgaBoard, network: Network, build: Build) -> Row:
    folder = Path("build", "table", row.configuration.name.removeprefix("crosswall build ")
                  .replace(" --", "-").replace(" ", "-"))
    if board.toolchain == "vivado":
        scripts = build_scripts(board, network, build, folder, progress=say)
        return replace(row, used=scripts.needed, note="resources as yosys counts them")
    report = build_bitstream(board, network, build, folder, progress=say, allow_slow=True).report
    clock = min(report.clocks.values(), key=lambda clock: clock.achieved / clock.constraint)
    return replace(
        row, used={kind: item.used for kind, item in report.resources.items()},
        clock=clock.achieved,
        note="" if clock.met else f"slower than the board's {clock.constraint:.0f} MHz")
