"""Cycles of the clustering stage that scores one position at a time."""

from collections import deque
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

    Follows the stage's order of work position by position, sample after sample, with the latencies
    that its blocks state.

    Attributes
    ----------
    ready : int
        First cycle in which the next sample may be started.
    waited : int
        Cycles in which the last sample's next position was not yet encoded.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self._encoder = Encoder(network, build)
        self._crossbar = Crossbar(network, build)
        self._race = Race(network, build) if network.neuron == Neuron.RACE else None
        self._homeostasis = Homeostasis(network, build)
        self._learner = Learner(network, build,
                                wall_latency=CrossbarWalls(network, build).wall_latency)
        self.ready = self.waited = 0
        # When the last positions were given back to the encoder.
        self._taken: deque[int] = deque(maxlen=self._encoder.buffers)

    def run(self, activity: Activity, start: int, counting: Counting, give: int) -> int:
        """The cycle of ``done`` for a sample with these cycles of ``start`` and ``give``;
        ``counting`` takes the rankings."""
        network, encoder = self._network, self._encoder
        learns = activity.asks(Flag.LEARN_CLUSTERING) or bool(
            network.labelled_neurons and activity.asks(Flag.REFINE_CLUSTERING))
        ahead = network.crossbars == 1 and self._race is None and not learns
        begun = start + 1  # of the encoder, in its next position
        free = give + 1  # of the stage, for its next position
        taken = self._taken
        self.waited = 0
        offers = [(give, give)]  # when rankings are offered and taken
        for position in activity.positions:
            judged = begun + encoder.survey_cycles
            if len(taken) == encoder.buffers:
                judged = max(judged, taken[0] + 1)
            encoded = judged + (encoder.coding_cycles if position is not None else 0)
            begun = encoded + 1
            self.waited += max(0, begun - free)
            free = max(free, begun)
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
        self.ready = begun
        return max(free, offers[-1][1] + 1)

    def encoding_cycles(self, activity: Activity) -> int:
        """Cycles of the encoder for a sample, if it never waits."""
        encoder = self._encoder
        return sum(encoder.survey_cycles + 1 + (0 if position is None else encoder.coding_cycles)
                   for position in activity.positions)

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
