"""The main job as functions: what ``crosswall run`` and ``crosswall verify`` do."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from crosswall import drawing
from crosswall.board import TWIN, VIRTUAL, Board, check_network, open_board
from crosswall.errors import Interrupted, LinkError

from . import plots, report
from .experiment import Experiment
from .runner import Event, Plan, Record
from .runner import run as run_plan
from .verification import DEFAULT_SAMPLES, Verification
from .verification import verify as verify_plan


def run(experiment: Experiment | str, *, board: str | None = None, port: str | None = None,
        baud: int | None = None, wire: str | None = None, replay: bool | None = None,
        out: Path | str | None = None, draw: bool | None = None, command: str = "",
        on_event: Callable[[Event], None] = lambda event: None,
        stop: Callable[[], bool] = lambda: False,
        notice: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Run an experiment on a board.

    Parameters
    ----------
    experiment
        A checked experiment, a preset's name or a file's path.
    board, port, baud, wire, replay
        Which board, and whether it learns from its memory what comes again; see
        `crosswall.board.open_board`.
    out
        Folder for the results; None writes none.
    draw
        Whether to add plots; None: if matplotlib is installed.
    command
        What the result says it was made by.
    on_event, stop
        See `crosswall.experiment.runner.run`.
    notice
        Called with one line whenever there is something to know.

    Returns
    -------
    dict
        The object of ``result.json``; see `crosswall.experiment.report.result`.

    Raises
    ------
    Interrupted
        If ``stop`` ended it. With ``out`` it is saved, and `resume` goes on.
    CrosswallError
        Whatever else is wrong; nothing is written then.
    """
    if isinstance(experiment, str):
        experiment = Experiment.load(experiment)
    place = None if out is None else Path(out)
    if place is not None:
        report.check_place(place)
    plan = Plan.make(experiment, notice=notice)
    return _run(plan, None, place, draw, command, on_event, stop, notice,
                board=board, port=port, baud=baud, wire=wire, replay=replay)


def resume(out: Path | str, *, board: str | None = None, port: str | None = None,
           baud: int | None = None, wire: str | None = None, replay: bool | None = None,
           draw: bool | None = None, command: str = "",
           on_event: Callable[[Event], None] = lambda event: None,
           stop: Callable[[], bool] = lambda: False,
           notice: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Go on with the interrupted run that was to write ``out``; parameters as for `run`.

    The board gets the state that was saved, so that the result is the one of an uninterrupted
    run, bit by bit. By default it is a board of the same name.

    Raises
    ------
    UsageError, DataError
        If there is nothing to go on with, or it is damaged; and what `run` raises.
    """
    plan, record, saved = report.read_unfinished(Path(out))
    if board is None and (port is None or saved not in (TWIN, VIRTUAL)):
        board = saved
    return _run(plan, record, Path(out), draw, command, on_event, stop, notice,
                board=board, port=port, baud=baud, wire=wire, replay=replay)


def verify(experiment: Experiment | str, *, board: str | None = None, port: str | None = None,
           baud: int | None = None, wire: str | None = None, replay: bool | None = None,
           samples: int | None = DEFAULT_SAMPLES, state_every: int | None = None,
           on_event: Callable[[Event], None] = lambda event: None,
           notice: Callable[[str], None] = lambda line: None) -> Verification:
    """Compare a board with the twin over an experiment.

    Parameters
    ----------
    experiment, board, port, baud, wire, replay, on_event, notice
        As for `run`; without board and port it is the virtual board.
    samples
        How many, shared by the phases so that each takes part; None for all.
    state_every
        See `crosswall.experiment.verification.verify`.

    Raises
    ------
    CrosswallError
        If the comparison cannot be made. Differences are in the returned object.
    """
    if isinstance(experiment, str):
        experiment = Experiment.load(experiment)
    experiment = experiment.with_options(read_back="all")
    plan = Plan.make(experiment, limit=samples, notice=notice)
    if board is None and port is None:
        board = VIRTUAL
    with _opened(plan, notice, board=board, port=port, baud=baud, wire=wire,
                 replay=replay) as device:
        return verify_plan(plan, device, state_every=state_every, on_event=on_event)


def default_folder(experiment: Experiment, board: str | None, port: str | None) -> Path:
    """Where the command line writes results unless it is told."""
    return Path("runs", f"{experiment.name}-{board or ('board' if port else TWIN)}")


@contextlib.contextmanager
def _opened(plan: Plan, notice: Callable[[str], None], **where: Any) -> Iterator[Board]:
    """The board, which holds the plan's network; notices about the devices."""
    for line in plan.experiment.device_notices():
        notice(line)
    for table in (plan.machine.clustering_table, plan.machine.readout_table):
        if not table.scalable_pulses:
            notice(f"device {table.name} is known for one pulse only: where the schedule "
                   f"wants another, a pulse is more or less probable")
            break
    with contextlib.closing(open_board(
            machine=plan.machine, choose_build=plan.experiment.build, progress=notice,
            name=where.pop("board"), **where)) as board:
        identity = board.identify()
        check_network(identity, plan.network, plan.experiment.board_remedy(identity.name))
        yield board


def _run(plan: Plan, record: Record | None, out: Path | None, draw: bool | None, command: str,
         on_event: Callable[[Event], None], stop: Callable[[], bool],
         notice: Callable[[str], None], **where: Any) -> dict[str, Any]:
    with _opened(plan, notice, **where) as device:
        identity = device.identify()

        def save(partial: Record) -> None:
            if out is not None:
                report.write_unfinished(out, plan, partial, identity.name)

        try:
            record = run_plan(plan, device, record=record, on_event=on_event, stop=stop,
                              checkpoint=save)
        except LinkError as error:
            if out is None or not report.unfinished(out).exists():
                raise
            raise LinkError(f"{error}; the run was saved, go on with {_resume(out)}") from error
    if record.done < len(plan.schedule):
        stopped = f"stopped after {record.done} of {len(plan.schedule)} samples"
        if out is None:
            raise Interrupted(stopped)
        save(record)
        raise Interrupted(f"{stopped}; go on with {_resume(out)}")
    result = report.result(plan, record, identity, command)
    if out is not None:
        draw = drawing.available() if draw is None else draw
        report.write(out, plan, record, result,
                     (lambda folder: plots.draw(folder, plan, record, result)) if draw else None)
    return result


def _resume(out: Path) -> str:
    return f"`crosswall run --resume {shlex.quote(str(out))}`"
