"""Runs experiments on twins, several at a time."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from crosswall.board import TwinBoard
from crosswall.errors import CrosswallError, ToolError
from crosswall.experiment import Experiment, Plan, report, runner

_LOOK_SECONDS = 0.2
"""How often the processes' progress is looked at."""


@dataclass(frozen=True)
class Finished:
    """Experiment ``number`` is done: the object of its ``result.json``, or the error that ended
    it."""

    number: int
    result: dict[str, Any] | None
    error: CrosswallError | None


def run_point(experiment: Experiment, *, advance: Callable[[float], None] = lambda share: None,
              stop: Callable[[], bool] = lambda: False) -> dict[str, Any] | None:
    """Run an experiment on the twin.

    Parameters
    ----------
    advance
        Called now and then with the share of it that is done, 0 to 1.
    stop
        Asked between samples; True ends it.

    Returns
    -------
    dict
        The object of ``result.json``; None if it was stopped.

    Raises
    ------
    CrosswallError
        If the experiment cannot be run.
    """
    plan = Plan.make(experiment)
    total = max(1, len(plan.schedule))

    def on_event(event: runner.Event) -> None:
        if isinstance(event, runner.Advanced):
            advance((event.span.start + event.done) / total)

    with contextlib.closing(TwinBoard(plan.machine)) as board:
        record = runner.run(plan, board, on_event=on_event, stop=stop)
        if record.done < len(plan.schedule):
            return None
        return report.result(plan, record, board.identify())


def run_all(experiments: Sequence[Experiment], jobs: int, *,
            advance: Callable[[Sequence[float]], None] = lambda shares: None,
            stop: Callable[[], bool] = lambda: False,
            notice: Callable[[str], None] = lambda line: None) -> Iterator[Finished]:
    """Run experiments in any order, ``jobs`` at a time.

    Parameters
    ----------
    jobs
        Processes; 1 runs in this one.
    advance
        Called now and then with the share of each experiment that is done.
    stop
        Asked often; True ends all, and what is under way is lost.
    notice
        Called with one line if they run one after the other all the same, as this computer lets
        processes share no memory.

    Yields
    ------
    Finished
        As they finish.

    Raises
    ------
    ToolError
        If a process dies.
    """
    jobs = min(jobs, len(experiments))
    common = _Common.make(len(experiments), notice) if jobs > 1 else None
    if common is None:
        yield from _one_after_the_other(experiments, advance, stop)
    else:
        yield from _side_by_side(experiments, jobs, common, advance, stop)


@dataclass(frozen=True)
class _Common:
    """What the processes of a pool have in common: the share of each experiment that is done, and
    whether all are to end."""

    context: Any
    shares: MutableSequence[float]
    halt: Any

    @classmethod
    def make(cls, experiments: int, notice: Callable[[str], None]) -> _Common | None:
        """None, with a notice, where the system shares no memory."""
        # Spawned, not forked: a display's threads may be running here.
        context = multiprocessing.get_context("spawn")
        try:
            return cls(context, context.RawArray("d", experiments), context.Event())
        except OSError as error:
            notice(f"processes cannot share memory ({error.strerror}; is there a /dev/shm that can "
                   f"be written?), so experiments run one at a time")
            return None


def _one_after_the_other(experiments: Sequence[Experiment],
                         advance: Callable[[Sequence[float]], None],
                         stop: Callable[[], bool]) -> Iterator[Finished]:
    shares = [0.0] * len(experiments)
    for number, experiment in enumerate(experiments):
        def report_share(share: float, number: int = number) -> None:
            shares[number] = share
            advance(shares)

        finished = _finish(number, experiment, report_share, stop)
        if finished is None:
            return
        yield finished


def _side_by_side(experiments: Sequence[Experiment], jobs: int, common: _Common,
                  advance: Callable[[Sequence[float]], None],
                  stop: Callable[[], bool]) -> Iterator[Finished]:
    pool = ProcessPoolExecutor(jobs, common.context, _start_process, (common.shares, common.halt))
    try:
        with _interrupts_held():
            pending = {pool.submit(_work, number, experiment)
                       for number, experiment in enumerate(experiments)}
        while pending and not stop():
            done, pending = wait(pending, _LOOK_SECONDS, FIRST_COMPLETED)
            advance(common.shares)
            for future in done:
                if (finished := future.result()) is not None:
                    yield finished
    except BrokenProcessPool as error:
        raise ToolError("a process of the study died, perhaps for want of memory; lower --jobs "
                        "and call the study again, what is finished is kept") from error
    finally:
        common.halt.set()
        pool.shutdown(cancel_futures=True)


def _finish(number: int, experiment: Experiment, advance: Callable[[float], None],
            stop: Callable[[], bool]) -> Finished | None:
    """Run one experiment; None if it was stopped."""
    try:
        result = None if stop() else run_point(experiment, advance=advance, stop=stop)
    except CrosswallError as error:
        return Finished(number, None, error)
    return None if result is None else Finished(number, result, None)


_shares: MutableSequence[float]
_halt: threading.Event | Any


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C and the terminal's end back, which reach every process of a terminal: processes
    that are started meanwhile never see them, and this one sees them afterwards and decides what
    to do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_process(shares: MutableSequence[float], halt: Any) -> None:
    """Prepare a process of the pool."""
    global _shares, _halt
    _shares, _halt = shares, halt
    parent = multiprocessing.parent_process()
    if parent is not None:
        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


def _work(number: int, experiment: Experiment) -> Finished | None:
    """Run one experiment in a process of the pool."""
    def advance(share: float) -> None:
        _shares[number] = share

    return _finish(number, experiment, advance, _halt.is_set)
