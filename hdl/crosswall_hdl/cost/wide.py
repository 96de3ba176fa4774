"""Cycles of the clustering stage that scores positions side by side."""

from bisect import insort
from collections import deque

from crosswall.spec.activity import Activity
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.sample import Flag

from ..homeostasis import Homeostasis
from ..wide import WideClusteringStage
from ..wide.survey import QUEUE_CYCLES
from .counting import Counting

__all__ = ["WideTiming"]


class WideTiming:
    """When each position of a `WideClusteringStage` is surveyed, begun, ranked and offered.

    Follows the stage's order of work position by position, sample after sample, with the latencies
    that its blocks state.

    Attributes
    ----------
    ready : int
        First cycle in which the next sample's survey may start.
    waited : int
        0: the survey is ahead, but for a sample's first positions.
    """

    waited = 0

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self._stage = stage = WideClusteringStage(network, build)
        self._learning_cycles = max(stage.learner.cycles(0), Homeostasis(network, build).cycles)
        self.ready = 0
        self._surveyed = -stage.pace  # the last position
        self._released: list[int] = []  # the last positions that the survey gave up, ascending
        self._passed = self._begun = self._offered = 0  # the last position that was
        self._slots: deque[int] = deque(maxlen=build.positions)  # when the last ones were begun
        self._queue: deque[int] = deque(maxlen=stage.queue)  # and offered
        self._visible = self._taken = 0  # the last ranking, at the counters

    def run(self, activity: Activity, start: int, counting: Counting, give: int) -> int:
        """The cycle of ``done`` for a sample with these cycles of ``start`` and ``give``;
        ``counting`` takes the rankings."""
        stage = self._stage
        learns = activity.asks(Flag.LEARN_CLUSTERING)
        waiting = 0  # silent positions that have not been offered
        learned = None
        self._surveyed = max(self._surveyed, start + 1 - stage.pace)
        for place, position in enumerate(activity.positions):
            self._surveyed += stage.pace
            if len(self._released) == stage.survey.queue:
                self._surveyed = max(self._surveyed, self._released[0] + 1)
            judged = self._surveyed + stage.survey.judging_latency
            if position is None and place < self._network.positions - 1:
                self._release(judged)
                waiting += 1
                continue
            passed = max(judged + QUEUE_CYCLES, self._passed + 1)
            if len(self._queue) == stage.queue:
                passed = max(passed, self._queue[0] + 1)
            if position is not None:
                passed = max(passed, self._begun + stage.gap)
                if learned is not None:
                    passed = max(passed, learned + stage.learning_pause)
                if not learns and len(self._slots) == self._build.positions:
                    passed = max(passed, self._slots[0] + self._network.fan_in)
                self._begun = passed
                self._slots.append(passed)
            self._passed = passed
            self._release(passed)
            # What comes before it is known to be silent when it can be seen in the queue.
            seen = max(passed + stage.noting_latency, self._offered + 1, give + 1)
            for _ in range(waiting):
                self._offer(seen, counting, silent=True)
            waiting = 0
            if position is not None:
                scored = passed + stage.scoring_cycles
                seen = max(seen, scored + stage.ranker.latency + QUEUE_CYCLES)
                if learns:
                    learned = scored + stage.ranker.best_latency + 1
            self._offered = self._offer(seen, counting, silent=position is None)
            self._queue.append(self._offered)
        self.ready = self._surveyed + 1
        done = self._taken + 1
        return done if learned is None else max(done, learned + self._learning_cycles)

    def encoding_cycles(self, activity: Activity) -> int:
        """Cycles of the survey for a sample, if it never waits."""
        return self._stage.pace * len(activity.positions)

    def _release(self, cycle: int) -> None:
        insort(self._released, cycle)
        del self._released[:-self._stage.survey.queue]

    def _offer(self, cycle: int, counting: Counting, *, silent: bool) -> int:
        """Offer the next ranking, in ``cycle`` at the earliest; return when."""
        # It goes to the second place if the first one is not free.
        offered = max(cycle, self._visible)
        self._visible = max(offered, self._taken) + 1
        self._taken = counting.take(self._visible, silent=silent)
        return offered
