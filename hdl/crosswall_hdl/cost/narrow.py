"""Cycles of the clustering stage that scores one position at a time."""

from collections.abc import Sequence

from crosswall.spec.activity import Activity, ScoredPosition
from crosswall.spec.build import Build
from crosswall.spec.network import Network, Neuron
from crosswall.spec.sample import Flag

from ..clustering import ClusteringStage
from ..crossbar import Crossbar
from ..encoder import Encoder
from ..homeostasis import Homeostasis
from ..learner import Learner
from ..race import Race
from ..walls import CrossbarWalls
from ..winner import Winner
from .counting import Counting

__all__ = ["NarrowTiming"]


class NarrowTiming:
    """When each position of a `ClusteringStage` is encoded, scored, ranked and learned.

    Follows the stage's order of work position by position, with the latencies that its blocks
    state.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self._encoder = Encoder(network, build)
        self._crossbar = Crossbar(network, build)
        self._race = Race(network, build) if network.neuron == Neuron.RACE else None
        self._homeostasis = Homeostasis(network, build)
        self._learner = Learner(network, build,
                                wall_latency=CrossbarWalls(network, build).wall_latency)

    def run(self, activity: Activity, start: int, counting: Counting) -> int:
        """The cycle of ``done`` for a sample with this cycle of ``start``; ``counting`` takes the
        rankings."""
        network, encoder = self._network, self._encoder
        learns = activity.asks(Flag.LEARN_CLUSTERING) or bool(
            network.labelled_neurons and activity.asks(Flag.REFINE_CLUSTERING))
        ahead = network.crossbars == 1 and self._race is None and not learns
        begun = start + 1  # of the encoder, in its next position
        free = start + 1  # of the stage, for its next position
        taken: list[int] = []  # by the stage, from the encoder
        offers = [(start, start)]  # when rankings are offered and taken
        for place, position in enumerate(activity.positions):
            judged = begun + encoder.survey_cycles
            if place >= encoder.buffers:
                judged = max(judged, taken[place - encoder.buffers] + 1)
            encoded = judged + (encoder.coding_cycles if position is not None else 0)
            begun = encoded + 1
            free = max(free, encoded + 1)
            last = offers[-1][1]
            if position is None:
                offered = max(free, last + 1)
                taken.append(offered)
                free = offered + 1
            else:
                free = self._may_begin(offers, free) if ahead else max(free, offers[-1][0] + 1)
                swept = free + self._crossbar.sweep_cycles(position.events)
                ranked = swept + self._ranking_cycles(position)
                offered = max(ranked, last + 1)
                taken.append(swept if ahead else self._learned(ranked, position, learns))
                free = taken[-1] + 1
            offers = [offers[-1], (offered, counting.take(offered + 1, silent=position is None))]
        return max(free, offers[-1][1] + 1)

    @staticmethod
    def _may_begin(offers: Sequence[tuple[int, int]], cycle: int) -> int:
        """First cycle from ``cycle`` on in which only one position is scored or waits to be
        counted."""
        return max(cycle, min(taken for _, taken in offers) + 1)

    def _ranking_cycles(self, position: ScoredPosition) -> int:
        """Cycles from the last slot of a score to its ranking."""
        # Currents leave one by one; the difference to the threshold is registered.
        last_activation = self._crossbar.latency + self._build.lanes
        if self._race is not None:
            return last_activation + position.race_steps * self._race.step_cycles
        return last_activation + Winner.latency

    def _learned(self, ranked: int, position: ScoredPosition, learns: bool) -> int:
        """The cycle in which a position is given up that was ranked, when it has learned."""
        if not learns:
            return ranked
        latency = ClusteringStage.learning_latency_of(self._network, self._build)
        ranked += latency
        for sweep, pulses in enumerate(position.pulses):
            busy = self._learner.cycles(pulses)
            ranked += busy + latency if sweep else max(busy, self._homeostasis.cycles)
        return ranked
