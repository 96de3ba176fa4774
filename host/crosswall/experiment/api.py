"""The main job as functions: what ``crosswall run`` and ``crosswall verify`` do."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from crosswall import drawing
from crosswall.board import TWIN, VIRTUAL, Board, check_network, open_board
from crosswall.errors import CrosswallError, HostError, Interrupted, LinkError

from . import plots, report
from .experiment import Experiment
from .folder import RunFolder
from .runner import Event, Plan, Record
from .runner import run as run_plan
from .verification import DEFAULT_SAMPLES, Verification
from .verification import verify as verify_plan


def run(experiment: Experiment | str, *, board: str | None = None, port: str | None = None,
        baud: int | None = None, wire: str | None = None, replay: bool | None = None,
        out: Path | str | None = None, force: bool = False, draw: bool | None = None,
        command: str = "", on_event: Callable[[Event], None] = lambda event: None,
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
        Folder for the results; None writes none. It must be missing or empty.
    force
        Whether ``out`` may hold something. Files of an earlier run, which its ``result.json``
        lists, are replaced; nothing else is touched.
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
        Whatever else is wrong; nothing is written then, or what the run can go on from.
    """
    if isinstance(experiment, str):
        experiment = Experiment.load(experiment)
    with _claimed(out, force=force) as folder:
        return _run(Plan.make(experiment, notice=notice), None, folder, draw, command, on_event,
                    stop, notice, board=board, port=port, baud=baud, wire=wire, replay=replay)


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
    with RunFolder.claim(Path(out), resume=True) as folder:
        plan, record, saved = folder.read()
        if board is None and (port is None or saved not in (TWIN, VIRTUAL)):
            board = saved
        return _run(plan, record, folder, draw, command, on_event, stop, notice,
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


def _claimed(out: Path | str | None, *, force: bool
             ) -> contextlib.AbstractContextManager[RunFolder | None]:
    return contextlib.nullcontext() if out is None else RunFolder.claim(Path(out), force=force)


def _run(plan: Plan, record: Record | None, folder: RunFolder | None, draw: bool | None,
         command: str, on_event: Callable[[Event], None], stop: Callable[[], bool],
         notice: Callable[[str], None], **where: Any) -> dict[str, Any]:
    with _opened(plan, notice, **where) as device:
        identity = device.identify()

        def checkpoint(partial: Record) -> None:
            if folder is not None:
                try:
                    folder.save(plan, partial, identity.name)
                except HostError as error:
                    notice(f"the run goes on, but could not be saved: {error}")

        try:
            record = run_plan(plan, device, record=record, on_event=on_event, stop=stop,
                              checkpoint=checkpoint)
        except LinkError as error:
            raise LinkError(f"{error}{_resume(folder)}") from error
    if record.done < len(plan.schedule):
        _interrupt(plan, record, folder, identity.name)
    result = report.result(plan, record, identity, command)
    if folder is None:
        return result
    try:
        result = folder.write(plan, record, result)
    except CrosswallError as error:
        with contextlib.suppress(HostError):
            folder.save(plan, record, identity.name)
        raise type(error)(f"{error}{_resume(folder)}") from error
    if drawing.available() if draw is None else draw:
        with drawing.spared("the results", notice):
            return folder.add_plots(lambda new: plots.draw(new, plan, record, result))
    return result


def _interrupt(plan: Plan, record: Record, folder: RunFolder | None, board: str) -> NoReturn:
    """End a run that was asked to stop."""
    stopped = f"stopped after {record.done} of {len(plan.schedule)} samples"
    if folder is None:
        raise Interrupted(stopped)
    try:
        folder.save(plan, record, board)
    except HostError as error:
        raise HostError(f"{stopped}, which could not be saved: {error}{_resume(folder)}") from error
    raise Interrupted(f"{stopped}; go on with {_resume_command(folder)}")


def _resume(folder: RunFolder | None) -> str:
    """What to do about an error, if the run was saved."""
    if folder is None or not folder.saved:
        return ""
    return f"; the run was saved, go on with {_resume_command(folder)}"


def _resume_command(folder: RunFolder) -> str:
    return f"`crosswall run --resume {shlex.quote(str(folder.path))}`"
