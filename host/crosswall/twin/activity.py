"""What samples ask of the machine, observed while the reference machine learns them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosswall.spec.activity import Activity, ScoredPosition
from crosswall.spec.ledger import Counter
from crosswall.spec.network import Neuron
from crosswall.spec.sample import Result, SampleHeader

from .reference import ReferenceMachine, race

__all__ = ["ObservedMachine"]


class ObservedMachine(ReferenceMachine):
    """A reference machine that keeps the :class:`Activity` of the sample it processed last.

    Attributes
    ----------
    activity : Activity
        Of the last sample; there is none before the first.
    """

    activity: Activity

    def process(self, header: SampleHeader, pixels: Sequence[int]) -> Result:
        """One sample through the machine."""
        self._positions: list[ScoredPosition | None] = [None] * self.network.positions
        self._pulses: list[int] = []
        self._active, self._taught, self._readout_pulses = 0, False, 0
        result = super().process(header, pixels)
        self.activity = Activity(header, tuple(self._positions), self._active, self._taught,
                                 self._readout_pulses)
        return result

    def _score(self, number: int, position: int, codes: Sequence[int],
               predict: bool) -> tuple[list[int], list[int]]:
        ranking, activations = super()._score(number, position, codes, predict)
        steps = 0
        if self.network.neuron == Neuron.RACE:
            fires = self.network.winners if predict else 1
            steps = race(self.network, self.rules, number, position, activations, fires).rounds
        self._position = ScoredPosition(int(np.count_nonzero(codes)), (), steps)
        self._positions[position] = self._position
        return ranking, activations

    def _learn_position(self, header: SampleHeader, position: int, *about: Any) -> bool:
        self._pulses = []
        refined = super()._learn_position(header, position, *about)
        self._positions[position] = replace(self._position, pulses=tuple(self._pulses))
        return refined

    def _match(self, *about: Any) -> None:
        potentiations, depressions = self._counted(
            Counter.CLUSTERING_POTENTIATIONS, super()._match, about)[0]
        self._pulses = [potentiations + depressions]

    def _refine(self, *about: Any) -> None:
        self._pulses = self._counted(Counter.CLUSTERING_POTENTIATIONS, super()._refine, about)[0]

    def _score_readout(self, features: Sequence[int]) -> list[int]:
        self._active = int(np.count_nonzero(features))
        return super()._score_readout(features)

    def _teach(self, *about: Any) -> bool:
        pulses, self._taught = self._counted(Counter.READOUT_POTENTIATIONS, super()._teach, about)
        self._readout_pulses = sum(pulses)
        return self._taught

    def _counted(self, potentiations: Counter, learn: Callable[..., Any],
                 about: Sequence[Any]) -> tuple[list[int], Any]:
        """Potentiations and depressions of a stage while it learns, and what ``learn`` returned."""
        counters = slice(potentiations, potentiations + 2)
        before = self.state.ledger[counters].copy()
        returned = learn(*about)
        return [int(count) for count in self.state.ledger[counters] - before], returned
