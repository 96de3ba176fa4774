"""Board and twin in lock step: every result, and the whole state at checkpoints."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from crosswall.board import Board, TwinBoard
from crosswall.spec.ledger import Counter
from crosswall.twin import MachineState, Results

from .runner import Advanced, Event, PhaseFinished, PhaseStarted, Plan

DEFAULT_SAMPLES = 200
"""Samples of a verification, unless it is told otherwise."""

CHUNK = 32
"""Samples that go to one side before the other catches up."""


@dataclass(frozen=True)
class Difference:
    """Where board and twin differ.

    Parameters
    ----------
    sample
        Number of the sample, or of the last one before the state was compared (-1: none yet).
    quantity
        What differs, with its index: ``winners[5]``, ``ledger.samples``.
    expected, got
        Values of twin and board.
    """

    sample: int
    quantity: str
    expected: int
    got: int

    def __str__(self) -> str:
        return (f"sample {self.sample}: {self.quantity}: expected {self.expected}, "
                f"got {self.got}")


@dataclass
class Verification:
    """What was compared, and what differed.

    Parameters
    ----------
    samples
        Samples that both learned or classified.
    compared
        Values compared, by quantity.
    mismatches
        Values that differed; 0 is what is asked for.
    first
        The first difference.
    board
        Name of the board.
    """

    samples: int = 0
    compared: Tally[str] = field(default_factory=Tally)
    mismatches: int = 0
    first: Difference | None = None
    board: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "samples": self.samples, "compared": sum(self.compared.values()),
            "mismatches": self.mismatches,
            "first_difference": None if self.first is None else {
                item.name: getattr(self.first, item.name) for item in fields(self.first)},
            "compared_by_quantity": dict(self.compared), "board": self.board,
        }

    def results(self, number: int, expected: Results, got: Results) -> None:
        """Compare the results of samples from ``number`` on."""
        count = len(expected.predictions)
        different: list[tuple[int, str, int, int]] = []
        for item in fields(Results):
            there, here = getattr(expected, item.name), getattr(got, item.name)
            self.compared[item.name] += there.size
            for place in np.argwhere(there != here):
                index = "".join(f"[{each}]" for each in place[1:])
                different.append((number + int(place[0]), item.name + index,
                                  int(there[tuple(place)]), int(here[tuple(place)])))
        self.samples += count
        self._add(sorted(different, key=lambda one: one[0]))

    def state(self, sample: int, expected: MachineState, got: MachineState) -> None:
        """Compare everything learned after ``sample``."""
        for item in fields(MachineState):
            self.compared[item.name] += int(np.size(getattr(expected, item.name)))
        different = []
        for name, index, there, here in expected.differences(got):
            if name == "ledger":
                name = f"ledger.{Counter(index).name.lower()}"
            elif name != "next_sample":
                shape = getattr(expected, name).shape
                name += "".join(f"[{each}]" for each in np.unravel_index(index, shape))
            different.append((sample, name, there, here))
        self._add(different)

    def _add(self, different: list[tuple[int, str, int, int]]) -> None:
        if different and self.first is None:
            self.first = Difference(*different[0])
        self.mismatches += len(different)


def verify(plan: Plan, board: Board, *, state_every: int | None = None,
           on_event: Callable[[Event], None] = lambda event: None) -> Verification:
    """Run a plan on a board and on the twin, and compare.

    Results are compared for every sample; the whole state (walls, thresholds, ledger, next
    sample) before the first, after each phase, and after every ``state_every`` samples. It ends
    at the first chunk or state that differs.

    Parameters
    ----------
    plan
        What to run; read back everything (``read_back="all"``) to compare everything.
    board
        The board; it is configured and starts from the initial state.
    """
    twin = TwinBoard(plan.machine)
    board.configure(plan.machine)
    for side in (twin, board):
        side.load_state(plan.initial_state())
    found = Verification(board=board.name)
    found.state(-1, twin.read_state(), board.read_state())
    schedule = plan.schedule
    for number, span in enumerate(schedule.spans):
        on_event(PhaseStarted(number, span, 0))
        started = time.perf_counter()
        start, state_due = span.start, span.start + (state_every or len(span))
        while start < span.stop and not found.mismatches:
            place = slice(start, min(start + CHUNK, span.stop, state_due))
            headers, pixels = schedule.headers[place], plan.pixels(place)
            found.results(start, twin.stream(headers, pixels), board.stream(headers, pixels))
            start = place.stop
            if start in (state_due, span.stop) and not found.mismatches:
                found.state(start - 1, twin.read_state(), board.read_state())
                state_due = start + (state_every or len(span))
            on_event(Advanced(number, span, start - span.start, None))
        if found.mismatches:
            break
        on_event(PhaseFinished(number, span, time.perf_counter() - started))
    return found
