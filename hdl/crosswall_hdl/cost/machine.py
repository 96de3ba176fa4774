"""Cycles of the whole machine: of a sample alone, and of samples one behind the other."""

from collections import deque
from dataclasses import dataclass, replace

from crosswall.spec.activity import Activity
from crosswall.spec.build import Build
from crosswall.spec.network import Network, Neuron
from crosswall.spec.sample import SAMPLE_HEADER_BYTES, Flag, result_packet_bytes

from ..ledger import Condition, ledger_unit
from ..readout import ReadoutStage
from .counting import Counting
from .narrow import NarrowTiming
from .wide import WideTiming

__all__ = ["SampleCycles", "Schedule"]


@dataclass(frozen=True)
class SampleCycles:
    """Cycles that a sample takes in each station of the machine.

    Parameters
    ----------
    load
        From its first byte being offered to its last.
    encode
        That its positions need in the encoder, or the survey, if nothing keeps it waiting.
    cluster
        Of the clustering stage, learning included, without waiting for the encoder; where it works
        at two samples at once, since it was free of the last one.
    read_out
        Of the read-out stage without the teacher; 0 if the sample asks for no prediction.
    teach
        Of the teacher.
    ledger
        Of the energy ledger.
    answer
        Bytes of the answer.
    """

    load: int
    encode: int
    cluster: int
    read_out: int
    teach: int
    ledger: int
    answer: int


@dataclass(frozen=True)
class _Passed:
    """When a sample did what later ones may have to wait for."""

    given: int
    """The clustering stage was given to it."""
    clustered: int
    """Its clustering station could take the next."""
    counted: int
    """Its features were."""
    read: int
    """Its read-out station could take the next."""
    answered: int
    ledger: int
    """The first cycles after its answer and after its ledger."""
    drew: int
    """The last cycle in which the read-out might draw for it."""
    learned: bool
    """Clustering learned from it."""
    scores: bool
    """They were asked for."""


class Schedule:
    """A machine that is given samples without a pause, and whose answers are taken at once.

    Parameters
    ----------
    network, build
        What is computed, and how; ValueError if they do not fit each other.
    stdp
        Clustering follows rule *stdp*.

    Attributes
    ----------
    busy_cycles : int
        What `Machine.busy_cycles` is once all samples so far have been answered.
    """

    def __init__(self, network: Network, build: Build, *, stdp: bool = False) -> None:
        build.check_fits(network)
        self._network, self._build, self._stdp = network, build, stdp
        self._scores_ahead = build.positions > 1  # what is encoded is, before it is clustered
        self._clustering = (WideTiming if self._scores_ahead else NarrowTiming)(network, build)
        self._readout = ReadoutStage(network, build)
        self._ledger = ledger_unit(network, build)
        self.busy_cycles = 0
        self._offered = 0  # when the next sample is
        self._clean = deque([0] * self._readout.features.banks)  # when each bank may count
        self._before = _Passed(0, 0, 0, 0, 0, 0, 0, False, False)

    def add(self, activity: Activity, transfers: int | None = None) -> SampleCycles:
        """Give the machine one more sample; return what it took in each station.

        ``transfers`` are the cycles that its packet takes to come; by default a byte of the header
        or a whole row of pixels comes in each. `link.unpacker.SampleUnpacker.cycles` says what a
        packed one takes.
        """
        before, overlap = self._before, self._build.overlap
        predicts = activity.asks(Flag.PREDICT)
        if transfers is None:
            transfers = SAMPLE_HEADER_BYTES - (-self._network.pixels // self._build.pixels_at_once)
        load = 1 + transfers
        start = max(self._offered + load, before.ledger if not overlap else 0)
        if overlap:
            start = self._take(activity, start) + 1
            self._offered = start
        counting = Counting(self._readout, adds=predicts, ready=max(self._clean[0], before.counted))
        give = start
        if overlap:
            give = max(start + 1, before.clustered)
            if not self._scores_ahead and self._draws(activity):
                give = max(give, before.drew + 1)
        done = self._clustering.run(activity, start, counting, give)
        before = replace(before, given=give)
        clustered = done
        if overlap:
            # From here on a cycle to notice that a stage is done, and one to start the next.
            clustered = max(done + 1, before.read)
            if predicts and before.scores:
                clustered = max(clustered, before.answered)
        reading = clustered + overlap
        read, counted, drew, teach = reading, 0, 0, 0
        if predicts:
            counted = counting.counted(reading)
            read = counted + self._readout.cycles(activity.active_features, taught=activity.taught,
                                                  pulses=activity.readout_pulses)
            teach = read - counted - self._readout.cycles(activity.active_features)
            self._clean.popleft()
            self._clean.append(read + self._readout.features.clear_cycles(
                activity.active_features))
            if activity.asks(Flag.LEARN_READOUT):
                drew = read
        answering = read + 1
        if overlap:
            answering = max(read + predicts, before.answered, before.ledger) + 1
        ledger = self._ledger_cycles(activity)
        answer = result_packet_bytes(self._network, activity.header.flags)
        self._before = _Passed(before.given, clustered + 1, counted, answering,
                               answering + answer + 1, answering + ledger, drew,
                               activity.asks(Flag.LEARN_CLUSTERING),
                               predicts and activity.asks(Flag.SEND_SCORES))
        self.busy_cycles = self._before.answered
        if not overlap:
            self._offered = self.busy_cycles
        # A sample may be begun before the last one is over.
        begun = max(start, before.clustered) if overlap else start
        cluster = done - begun - self._clustering.waited
        return SampleCycles(load, self._clustering.encoding_cycles(activity), cluster,
                            read - reading - teach, teach, ledger, answer)

    def _take(self, activity: Activity, loaded: int) -> int:
        """The cycle in which a loaded sample goes to the encoding station."""
        before, draws = self._before, self._draws(activity)
        taken = max(loaded, before.given + 1, self._clustering.ready)
        if self._scores_ahead and (draws or before.learned):
            taken = max(taken, before.clustered)
        return max(taken, before.drew + 1) if self._scores_ahead and draws else taken

    def rest(self) -> None:
        """Let the machine finish all that it has been given, before it gets more."""
        now = self.busy_cycles
        self._offered, self._clean = now, deque([now] * len(self._clean))
        self._before = _Passed(now, now, now, now, now, now, 0, self._before.learned, False)

    def _draws(self, activity: Activity) -> bool:
        """A sample draws while it is clustered."""
        return (activity.asks(Flag.LEARN_CLUSTERING) or activity.asks(Flag.REFINE_CLUSTERING)
                or self._network.neuron == Neuron.RACE)

    def _ledger_cycles(self, activity: Activity) -> int:
        header = activity.header
        valid = header.label < self._network.classes
        predicts = activity.asks(Flag.PREDICT)
        learns, refines = activity.asks(Flag.LEARN_CLUSTERING), activity.asks(
            Flag.REFINE_CLUSTERING)
        labelled = self._network.labelled_neurons
        guided = labelled and activity.asks(Flag.GUIDE_CLUSTERING)
        matches = learns and not (labelled and refines) and (valid or not guided)
        holds = {
            Condition.ALWAYS: True,
            Condition.PREDICT: predicts,
            Condition.NO_PREDICT: not predicts,
            Condition.STATE_READ: matches and not self._stdp,
            Condition.CLUSTERED: learns,
            Condition.LABELLED: predicts and activity.asks(Flag.LEARN_READOUT) and valid,
            Condition.TAUGHT: activity.taught,
            Condition.INFERRED: not (learns or refines or activity.asks(Flag.LEARN_READOUT)),
        }
        return self._ledger.cycles([each for each, held in holds.items() if held],
                                   header.clustering_pulse_shift, header.readout_pulse_shift)
