"""``crosswall run`` and ``crosswall verify``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from crosswall import experiment as experiments
from crosswall.errors import UsageError, VerifyError
from crosswall.experiment import Experiment
from crosswall.experiment.api import default_folder
from crosswall.experiment.config import READ_BACK
from crosswall.experiment.plots import joules
from crosswall.experiment.runner import Event
from crosswall.experiment.verification import DEFAULT_SAMPLES

from .common import (
    board_options,
    data_options,
    experiment_argument,
    force_option,
    json_option,
    log,
    options,
    print_json,
    quiet_option,
    refuse,
    refuse_all_but,
    say,
)
from .progress import RunDisplay
from .stopping import stopping

_run_options = options(
    click.option("--read-back", type=click.Choice(READ_BACK),
                 help="What the board sends of each sample: its class, also the winners (for "
                 "purity and NMI), also the scores, or all. Default: as the experiment says, "
                 "mostly winners."),
    click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
                 help="Folder for the results, missing or empty. Default: runs/EXPERIMENT-BOARD."),
    force_option,
    click.option("--resume", type=click.Path(path_type=Path), metavar="DIR",
                 help="Go on with the interrupted run that was to write DIR."),
    click.option("--plots/--no-plots", "draw", default=None,
                 help="Draw PNG files. Default: if matplotlib is installed."))


@click.command()
@click.argument("experiment", metavar="PRESET|FILE.toml", required=False)
@board_options("what is at --port, else the twin")
@data_options
@_run_options
@quiet_option
@json_option
def run(experiment: str | None, out: Path | None, force: bool, resume: Path | None,
        draw: bool | None, quiet: bool, as_json: bool, board: str | None, port: str | None,
        baud: int | None, wire: str | None, replay: bool | None, **changes: Any) -> None:
    """Run an experiment on a board and write what it found.

    DIR gets result.json, samples.npz (every sample's prediction, winners, scores), snapshot.npz
    (the learned state) and plots. Ctrl-C saves the run; --resume DIR goes on with it, to the
    same result bit by bit.
    """
    where: dict[str, Any] = {"board": board, "port": port, "baud": baud, "wire": wire,
                             "replay": replay}
    with stopping(log) as stop, RunDisplay(log, quiet=quiet) as display:
        def on_event(event: Event) -> None:
            stop.armed = True
            display(event)

        listen: dict[str, Any] = {
            "draw": draw, "on_event": on_event, "stop": stop, "notice": say,
            "command": shlex.join(["crosswall", *sys.argv[1:]])}
        if resume is not None:
            refuse_all_but({"resume", *where, "draw", "quiet", "as_json"},
                           "with --resume: the run goes on as it began")
            out = resume
            result = experiments.resume(resume, **where, **listen)
        elif experiment is None:
            raise UsageError("missing PRESET|FILE.toml; name an experiment, such as digits")
        else:
            chosen = Experiment.load(experiment).with_options(**changes)
            out = out or default_folder(chosen, board, port)
            result = experiments.run(chosen, out=out, force=force, **where, **listen)
    if as_json:
        print_json(result)
    else:
        _summarise(result, out)


def _summarise(result: dict[str, Any], out: Path) -> None:
    """The result in a few lines on standard output."""
    energy = result["energy_joules"]
    evaluations = result["evaluations"] if len(result["evaluations"]) > 1 else []
    rows = [
        *((f"after phase {each['phase']}", f"{_percent(each['accuracy'])} ({each['name']}), "
           f"{_percent(each['seen_accuracy'])} of classes seen") for each in evaluations),
        ("accuracy", _percent(result["accuracy"])),
        ("prequential accuracy", _percent(result["prequential_accuracy"])),
        ("cluster purity", _percent(result["cluster_purity"])),
        ("NMI", "-" if result["nmi"] is None else f"{result['nmi']:.3f}"),
        ("energy to learn", f"{joules(energy['learning']['device'])} device, "
                            f"{joules(energy['learning']['with_periphery'])} with periphery"),
        ("samples", f"{result['samples']} at {result['samples_per_second']:,.0f} per second on "
                    f"{result['board']}"),
        ("seed", str(result["seed"])),
        ("results", str(out)),
    ]
    for name, value in rows:
        click.echo(f"{name:<21} {value}")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


@click.command()
@experiment_argument
@board_options("what is at --port, else virtual")
@data_options
@click.option("--samples", type=click.IntRange(min=1), metavar="N", default=DEFAULT_SAMPLES,
              show_default=True, help="Samples in all, shared by the phases so that each takes "
              "part.")
@click.option("--full", is_flag=True, help="The whole experiment, in place of --samples.")
@click.option("--state-every", type=click.IntRange(min=1), metavar="N",
              help="Compare the whole state after every N samples too, not only after phases.")
@quiet_option
@json_option
def verify(experiment: str, samples: int, full: bool, state_every: int | None, quiet: bool,
           as_json: bool, board: str | None, port: str | None, baud: int | None,
           wire: str | None, replay: bool | None, **changes: Any) -> None:
    """Run a board and the twin in lock step and compare all they do.

    Predictions, winners and scores of every sample; walls, thresholds and energy ledger after
    each phase. The exit code is 0 only if nothing differs.
    """
    if full:
        refuse(["samples"], "with --full")
    chosen = Experiment.load(experiment).with_options(**changes)
    with RunDisplay(log, quiet=quiet) as display:
        found = experiments.verify(
            chosen, board=board, port=port, baud=baud, wire=wire, replay=replay, notice=say,
            on_event=display, samples=None if full else samples, state_every=state_every)
    if as_json:
        print_json(found.as_dict())
    else:
        click.echo(f"{found.samples} samples, {sum(found.compared.values())} values compared, "
                   f"{found.mismatches} mismatches ({found.board} against twin)")
    if found.first is not None:
        raise VerifyError(f"{found.board} differs from the twin at {found.first} "
                          f"({found.mismatches} differences in the samples compared)")
