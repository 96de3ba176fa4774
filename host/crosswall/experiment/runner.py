"""Streams an experiment through a board and keeps what comes back.

The runner knows nothing of terminals: it hands events to whoever listens, and
asks between samples whether to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from crosswall.board import Board, Machine
from crosswall.board.results import concatenate
from crosswall.data import Dataset
from crosswall.data.augment import mirrored, moved, permutation
from crosswall.errors import ExperimentError
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.network import Network
from crosswall.twin import MachineState, Results

from .experiment import Experiment
from .schedule import TRAIN, UNPERMUTED, Schedule, Span, Views
from .silence import note_silence

CHUNK = 512
"""Samples handed to a board at once; a phase's samples are not copied all at once."""

CHECKPOINT_SECONDS = 60.0
"""Least time between two checkpoints."""


@dataclass(frozen=True)
class PhaseStarted:
    """A phase begins, or goes on after ``done`` samples in a resumed run."""

    number: int
    span: Span
    done: int


@dataclass(frozen=True)
class Advanced:
    """``done`` samples of the phase are answered; ``accuracy`` of its predictions so far."""

    number: int
    span: Span
    done: int
    accuracy: float | None


@dataclass(frozen=True)
class PhaseFinished:
    """A phase is over."""

    number: int
    span: Span
    seconds: float


Event = PhaseStarted | Advanced | PhaseFinished


@dataclass(frozen=True)
class Plan:
    """An experiment with its data, where these were found, and everything derived from them."""

    experiment: Experiment
    data_place: str
    train: Dataset
    test: Dataset
    machine: Machine
    schedule: Schedule

    @classmethod
    def make(cls, experiment: Experiment, limit: int | None = None,
             notice: Callable[[str], None] = lambda line: None) -> Plan:
        """Load the data and derive the rest; ``limit`` shortens the schedule, ``notice`` is called
        with what is probably wrong.

        Raises
        ------
        ExperimentError, DataError, DeviceError
            If parts of the experiment do not fit each other.
        """
        place = experiment.data_place()
        train, test = experiment.load_data(notice)
        network = experiment.network(train)
        if train.pixels != network.pixels:
            raise ExperimentError(
                f"{experiment.where}: data.shape makes {network.pixels} pixels, but the samples "
                f"of {train.name} have {train.pixels}; correct data.shape")
        rules = experiment.rules(network)
        note_silence(network, rules.silence, train.samples, notice)
        return cls(experiment, place, train, test,
                   Machine(network, rules, *experiment.tables(network)),
                   experiment.schedule(train, test, limit))

    @property
    def network(self) -> Network:
        """The machine's geometry and formats."""
        return self.machine.network

    def initial_state(self) -> MachineState:
        """The state before the first sample."""
        return self.experiment.initial_state(self.machine, self.train)

    def pixels(self, place: slice) -> np.ndarray:
        """Samples of a part of the schedule as they are presented: ``uint8[n, pixels]``."""
        parts, indices = self.schedule.parts[place], self.schedule.indices[place]
        pixels = np.empty((len(parts), self.network.pixels), np.uint8)
        in_train = parts == TRAIN
        pixels[in_train] = self.train.samples[indices[in_train]]
        pixels[~in_train] = self.test.samples[indices[~in_train]]
        return self._viewed(pixels, self.schedule.views[place])

    def _viewed(self, pixels: np.ndarray, views: Views) -> np.ndarray:
        if (shape := self.train.shape) is not None:
            if views.mirrors.any():
                pixels[views.mirrors] = mirrored(pixels[views.mirrors], shape)
            if views.offsets.any():
                pixels = moved(pixels, shape, views.offsets)
        for seed in np.unique(views.permutations):
            if seed != UNPERMUTED:
                places = views.permutations == seed
                pixels[places] = pixels[places][:, permutation(self.network.pixels, seed)]
        return pixels


@dataclass
class Record:
    """What a run has produced so far.

    Parameters
    ----------
    results
        Of the samples answered so far.
    state
        The machine after these samples.
    ledgers
        Counters at the end of each finished phase, ``uint64[COUNTERS]``.
    seconds
        Time spent streaming, by phase; the last may be unfinished.
    """

    results: Results
    state: MachineState
    ledgers: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Samples answered so far."""
        return len(self.results.predictions)

    @property
    def ledger(self) -> np.ndarray:
        """Counters at the end of the last finished phase."""
        return self.ledgers[-1] if self.ledgers else np.zeros(COUNTERS, np.uint64)


def run(plan: Plan, board: Board, *, record: Record | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        stop: Callable[[], bool] = lambda: False,
        checkpoint: Callable[[Record], None] | None = None) -> Record:
    """Stream a plan through a board.

    Parameters
    ----------
    record
        Of an interrupted run of the same plan, which goes on after its last sample.
    on_event
        Called with every event.
    stop
        Asked between samples; True ends the run after the samples in flight.
    checkpoint
        Called at most once a minute with a record that the run could resume from.

    Returns
    -------
    Record
        ``record.done < len(plan.schedule)`` if the run was stopped.
    """
    board.configure(plan.machine)
    record = record or Record(Results.empty(plan.network, 0), plan.initial_state())
    board.load_state(record.state)
    runner = _Runner(plan, board, record, on_event, stop, checkpoint)
    for number, span in enumerate(plan.schedule.spans):
        if number < len(record.ledgers):
            continue
        if not runner.phase(number, span):
            break
        record.ledgers.append(board.read_ledger())
        on_event(PhaseFinished(number, span, record.seconds[number]))
    runner.collect()
    return record


class _Runner:
    """One run on its way."""

    def __init__(self, plan: Plan, board: Board, record: Record,
                 on_event: Callable[[Event], None], stop: Callable[[], bool],
                 checkpoint: Callable[[Record], None] | None) -> None:
        self._plan = plan
        self._board = board
        self._record = record
        self._on_event = on_event
        self._stop = stop
        self._checkpoint = checkpoint
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._parts = [record.results]
        self._done = record.done

    def phase(self, number: int, span: Span) -> bool:
        """Stream what is left of a phase; False if the run is to end before the next."""
        record, schedule = self._record, self._plan.schedule
        if len(record.seconds) <= number:
            record.seconds.append(0.0)
        score = _Score(schedule, span, record.results.predictions)
        self._on_event(PhaseStarted(number, span, self._done - span.start))
        while self._done < span.stop:
            if self._stop():
                return False
            self._chunk(number, span, score)
            self._save_if_due()
        return True

    def collect(self) -> None:
        """Put everything so far into the record."""
        self._record.results = concatenate(self._plan.network, self._parts)
        self._parts = [self._record.results]
        self._record.state = self._board.read_state()

    def _chunk(self, number: int, span: Span, score: _Score) -> None:
        start = self._done
        place = slice(start, min(start + CHUNK, span.stop))

        def advance(count: int) -> None:
            self._on_event(Advanced(number, span, start - span.start + count, score.value))

        started = time.perf_counter()
        results = self._board.stream(self._plan.schedule.headers[place], self._plan.pixels(place),
                                     stop=self._stop, progress=advance)
        self._record.seconds[number] += time.perf_counter() - started
        self._parts.append(results)
        score.add(results.predictions, start)
        self._done += len(results.predictions)
        advance(self._done - start)

    def _save_if_due(self) -> None:
        started = time.monotonic()
        if self._checkpoint is None or started < self._next_checkpoint:
            return
        self.collect()
        self._checkpoint(self._record)
        # A slow wire is not to be filled with checkpoints.
        now = time.monotonic()
        self._next_checkpoint = now + max(CHECKPOINT_SECONDS, 20 * (now - started))


class _Score:
    """Accuracy of a phase's predictions so far; ``predictions`` of the run before."""

    def __init__(self, schedule: Schedule, span: Span, predictions: np.ndarray) -> None:
        self._labels = schedule.labels
        self._predicts = span.predicts
        self._correct = self._count = 0
        self.add(predictions[span.start:], span.start)

    def add(self, predictions: np.ndarray, start: int) -> None:
        """Count predictions of samples from ``start`` on."""
        if self._predicts:
            labels = self._labels[start:start + len(predictions)]
            self._correct += int((predictions == labels).sum())
            self._count += len(predictions)

    @property
    def value(self) -> float | None:
        """Share of right predictions; None before the first."""
        return self._correct / self._count if self._count else None
