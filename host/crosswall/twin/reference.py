"""The machine in plain Python, step by step as ``docs/architecture.md`` states it.

Slow and obvious: it is what the compiled twin and the gateware's benches are
held against. Every function is one step of the specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosswall.spec.device_table import DeviceTable, Direction, apply_pulse
from crosswall.spec.draws import STATIC_SAMPLE, Stage, draw
from crosswall.spec.ledger import COUNTER_BITS, Counter
from crosswall.spec.network import Encoding, Network, Neuron
from crosswall.spec.race import advance, held_back, jitter, race_place
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, Result, ResultFlag, SampleHeader
from crosswall.spec.state import clustering_synapse, readout_synapse

from .state import MachineState


@dataclass(frozen=True)
class EncodedPosition:
    """Codes of one position: ``codes[line]``, all zero where ``silent``."""

    silent: bool
    codes: tuple[int, ...]


def encode_position(network: Network, silence: int, pixels: Sequence[int],
                    position: int) -> EncodedPosition:
    """Pixels of one position to the codes of its input lines."""
    values = [int(pixels[network.origin[position] + offset]) for offset in network.offset]
    fan_in = network.fan_in
    mean = (2 * sum(values) + fan_in) // (2 * fan_in) \
        if network.encoding == Encoding.CONTRAST else 0
    deviations = [value - mean for value in values]
    peak = max(abs(deviation) for deviation in deviations)
    codes = [0] * network.lines
    if peak < silence:
        return EncodedPosition(True, tuple(codes))
    shift = max(0, peak.bit_length() - network.code_bits)
    for pixel, deviation in enumerate(deviations):
        codes[pixel if deviation >= 0 else fan_in + pixel] = abs(deviation) >> shift
    return EncodedPosition(False, tuple(codes))


def currents(network: Network, walls: np.ndarray, codes: Sequence[int]) -> list[int]:
    """Current of each neuron; ``walls`` is one crossbar ``[lines, neurons]``."""
    conductances = walls.astype(np.int64) >> network.conductance_shift
    return [int(current) for current in np.asarray(codes, np.int64) @ conductances]


def rank(activations: Sequence[int], winners: int) -> list[int]:
    """The best neurons, largest activation first; the lowest index wins a tie."""
    return sorted(range(len(activations)), key=lambda neuron: (-activations[neuron], neuron)
                  )[:winners]


@dataclass(frozen=True)
class RaceOutcome:
    """How a race ended.

    Parameters
    ----------
    ranking
        The best neurons: those that fired, first to last, then those that came farthest.
    fires
        How many fired.
    steps, inhibitions
        Steps made by all walls together, and how many of them were held back.
    rounds
        Steps that the race took.
    """

    ranking: list[int]
    fires: int
    steps: int
    inhibitions: int
    rounds: int


def race(network: Network, rules: Rules, number: int, position: int,
         activations: Sequence[int], fires: int) -> RaceOutcome:
    """The race of a position's neurons in sample ``number``, over when ``fires`` have fired.

    A wall that has fired stays where it is and goes on inhibiting until all return. Walls that
    cross the threshold in one step fire in the order of how far they came, lowest index first.
    """
    walls = [0] * network.neurons
    threshold = rules.race.fire_threshold
    fired: list[int] = []
    made = inhibited = rounds = 0

    def by_wall(neuron: int) -> tuple[int, int]:
        return -walls[neuron], neuron

    for step in range(rules.race.steps):
        before = tuple(walls)
        rounds += 1
        racing = [neuron for neuron, wall in enumerate(before) if wall < threshold]
        for neuron in racing:
            bits = draw(rules.seed, number, Stage.RACE,
                        race_place(network.neurons, position, step, neuron))
            held = held_back(rules.race, before, neuron)
            walls[neuron] = advance(rules.race, network.race_bits, before[neuron],
                                    activations[neuron], held, jitter(rules.race, bits))
            made += 1
            inhibited += held > 0
        crossed = sorted((neuron for neuron in racing if walls[neuron] >= threshold), key=by_wall)
        fired += crossed[:fires - len(fired)]
        if len(fired) == fires:
            break
    rest = sorted(set(range(network.neurons)) - set(fired), key=by_wall)
    return RaceOutcome((fired + rest)[:network.winners], len(fired), made, inhibited,
                       rounds)


def replicate(network: Network, code: int) -> int:
    """A code stretched to the range of a conductance by repeating its bits to 8."""
    value = 0
    for _ in range(8 // network.code_bits):
        value = value << network.code_bits | code
    return value


def clustering_pulse(network: Network, rules: Rules, header: SampleHeader, code: int,
                     conductance: int, gate: int) -> Direction | None:
    """The pulse that a line of the winner gets, or None."""
    if rules.clustering_rule == ClusteringRule.STDP:
        if gate >= rules.stdp_probability >> header.clustering_gate_shift:
            return None
        return Direction.POTENTIATE if code > 0 else Direction.DEPRESS
    error = replicate(network, code) - conductance
    if gate >= (abs(error) << 8) >> header.clustering_gate_shift:
        return None
    return Direction.POTENTIATE if error > 0 else Direction.DEPRESS


class ReferenceMachine:
    """The whole machine, one sample at a time.

    Parameters
    ----------
    network, rules, clustering_table, readout_table
        What the machine is built from; tables must fit the network (ValueError).
    state
        Where it starts; ``MachineState.initial(network, rules.seed)`` if not given.
    """

    def __init__(self, network: Network, rules: Rules, clustering_table: DeviceTable,
                 readout_table: DeviceTable, state: MachineState | None = None) -> None:
        clustering_table.check_fits(network)
        readout_table.check_fits(network)
        self.network = network
        self.rules = rules
        self.tables = {Stage.CLUSTERING: clustering_table, Stage.READOUT: readout_table}
        self.state = state or MachineState.initial(network, rules.seed)

    @property
    def ledger(self) -> dict[str, int]:
        """Counters by name."""
        return {counter.name.lower(): int(self.state.ledger[counter]) for counter in Counter}

    def count(self, counter: Counter, amount: int = 1) -> None:
        """Add to a counter; counters wrap."""
        total = int(self.state.ledger[counter]) + amount
        self.state.ledger[counter] = total % (1 << COUNTER_BITS)

    def process(self, header: SampleHeader, pixels: Sequence[int]) -> Result:
        """One sample through the machine."""
        network, state = self.network, self.state
        learn_clustering = bool(header.flags & Flag.LEARN_CLUSTERING)
        learn_readout = bool(header.flags & Flag.LEARN_READOUT)
        predict = bool(header.flags & Flag.PREDICT)
        features = [0] * network.features
        best: list[int] = []
        prediction, result_flags = 0xFF, 0
        for position in range(network.positions):
            encoded = encode_position(network, self.rules.silence, pixels, position)
            if encoded.silent:
                self.count(Counter.SILENT_POSITIONS)
                best.append(-1)
                continue
            ranking, activations = self._score(header.number, position, encoded.codes, predict)
            best.append(ranking[0])
            if predict:
                for place, neuron in enumerate(ranking):
                    feature = network.region[position] * network.neurons + neuron
                    features[feature] = min(network.feature_max,
                                            features[feature] + network.winners - place)
            if self._learn_position(header, position, ranking[0], activations, encoded.codes):
                result_flags |= ResultFlag.REFINED
        scores: list[int] = []
        if predict:
            scores = self._score_readout(features)
            prediction = rank(scores, 1)[0]
            if learn_readout and header.label < network.classes:
                self.count(Counter.SAMPLES_LABELLED)
                if self._teach(header, features, scores):
                    self.count(Counter.SAMPLES_TAUGHT)
                    result_flags |= ResultFlag.TAUGHT
        self.count(Counter.SAMPLES)
        self.count(Counter.SAMPLES_CLUSTERED, learn_clustering)
        self.count(Counter.SAMPLES_INFERRED, not header.flags & (
            Flag.LEARN_CLUSTERING | Flag.LEARN_READOUT | Flag.REFINE_CLUSTERING))
        state.next_sample = header.number + 1
        return Result(header.number, header.flags, prediction, result_flags,
                      tuple(best) if header.flags & Flag.SEND_WINNERS else (),
                      tuple(scores) if header.flags & Flag.SEND_SCORES else ())

    def _score(self, number: int, position: int, codes: Sequence[int],
               predict: bool) -> tuple[list[int], list[int]]:
        """The ranking and the activations."""
        network = self.network
        crossbar = network.crossbar[position]
        current = currents(network, self.state.clustering_walls[crossbar], codes)
        active = sum(code > 0 for code in codes)
        fires = network.winners if predict else 1
        self.count(Counter.CLUSTERING_READS, active * network.neurons)
        self.count(Counter.CLUSTERING_READ_DRIVE, sum(codes) * network.neurons)
        self.count(Counter.CLUSTERING_READ_CHARGE, sum(current))
        activations = [value - int(threshold) for value, threshold
                       in zip(current, self.state.thresholds[crossbar], strict=True)]
        if network.neuron == Neuron.RACE:
            outcome = race(network, self.rules, number, position, activations, fires)
            ranking, fires = outcome.ranking, outcome.fires
            self.count(Counter.CLUSTERING_RACE_STEPS, outcome.steps)
            self.count(Counter.CLUSTERING_RACE_INHIBITIONS, outcome.inhibitions)
        else:
            ranking = rank(activations, network.winners)
        self.count(Counter.CLUSTERING_INTEGRATIONS, network.neurons)
        self.count(Counter.CLUSTERING_FIRES, fires)
        self.count(Counter.CLUSTERING_RESETS, fires)
        self.count(Counter.CLUSTERING_INHIBITIONS, network.neurons - fires)
        return ranking, activations

    def _learn_position(self, header: SampleHeader, position: int, winner: int,
                        activations: Sequence[int], codes: Sequence[int]) -> bool:
        """Plasticity of a position, as the sample's flags ask for; True if it was refined."""
        network = self.network
        guided = network.labelled_neurons and header.flags & Flag.GUIDE_CLUSTERING
        refined = network.labelled_neurons and header.flags & Flag.REFINE_CLUSTERING
        if not guided and not refined:
            if header.flags & Flag.LEARN_CLUSTERING:
                self._match(header, position, winner, codes)
            return False
        if header.label >= network.classes:
            return False
        own, rival = (next(neuron for neuron in rank(activations, network.neurons)
                           if (network.neuron_class(neuron) == header.label) == belongs)
                      for belongs in (True, False))
        if refined:
            if activations[own] - activations[rival] >= self.rules.refinement_margin:
                return False
            self._refine(header, position, own, rival, codes)
            return True
        if header.flags & Flag.LEARN_CLUSTERING:
            self._match(header, position, own, codes)
        return False

    def _refine(self, header: SampleHeader, position: int, own: int, rival: int,
                codes: Sequence[int]) -> None:
        """Potentiate the active lines of the label's neuron, depress those of the other."""
        network, rules = self.network, self.rules
        for neuron, stage, direction in ((own, Stage.CLUSTERING, Direction.POTENTIATE),
                                         (rival, Stage.REFINEMENT, Direction.DEPRESS)):
            for line, code in enumerate(codes):
                bits = draw(rules.seed, header.number, stage, position * network.lines + line)
                if bits & 0xFFFF < (code << 16 - network.code_bits) >> header.clustering_gate_shift:
                    self._pulse_clustering(header, network.crossbar[position], line, neuron,
                                           direction, bits >> 16)
        thresholds = self.state.thresholds[network.crossbar[position]]
        thresholds[own] = max(0, int(thresholds[own]) - rules.threshold_rise)
        thresholds[rival] = min(network.threshold_max,
                                int(thresholds[rival]) + rules.threshold_rise)

    def _match(self, header: SampleHeader, position: int, winner: int,
               codes: Sequence[int]) -> None:
        """Let a neuron follow the codes by the clustering rule, and homeostasis by the winner."""
        network, rules = self.network, self.rules
        crossbar = network.crossbar[position]
        walls = self.state.clustering_walls[crossbar]
        for line, code in enumerate(codes):
            bits = draw(rules.seed, header.number, Stage.CLUSTERING,
                        position * network.lines + line)
            wall = int(walls[line, winner])
            direction = clustering_pulse(network, rules, header, code,
                                         wall >> network.conductance_shift, bits & 0xFFFF)
            if direction is not None:
                self._pulse_clustering(header, crossbar, line, winner, direction, bits >> 16)
        if rules.clustering_rule == ClusteringRule.MATCH:
            self.count(Counter.CLUSTERING_STATE_READS, network.lines)
        thresholds = self.state.thresholds[crossbar]
        risen = min(network.threshold_max, int(thresholds[winner]) + rules.threshold_rise)
        thresholds[winner] = risen
        for neuron in range(network.neurons):
            thresholds[neuron] = max(0, int(thresholds[neuron]) - rules.threshold_decay)

    def _pulse_clustering(self, header: SampleHeader, crossbar: int, line: int, neuron: int,
                          direction: Direction, bits: int) -> None:
        network, rules = self.network, self.rules
        static = draw(rules.static_seed, STATIC_SAMPLE, Stage.STATIC_CLUSTERING,
                      clustering_synapse(network, crossbar, line, neuron))
        walls = self.state.clustering_walls[crossbar]
        walls[line, neuron] = apply_pulse(
            self.tables[Stage.CLUSTERING], int(walls[line, neuron]), direction,
            bits & (1 << network.quantile_bits) - 1, header.clustering_pulse_shift, static)
        self._count_pulse(Counter.CLUSTERING_POTENTIATIONS, direction,
                          header.clustering_pulse_shift)

    def _count_pulse(self, potentiations: Counter, direction: Direction, shift: int) -> None:
        """Count a pulse; the four pulse counters of a stage follow ``potentiations``."""
        offset = 0 if direction == Direction.POTENTIATE else 1
        self.count(Counter(potentiations + offset))
        self.count(Counter(potentiations + 2 + offset), 1 << shift)

    def _score_readout(self, features: Sequence[int]) -> list[int]:
        network = self.network
        active = [feature for feature, value in enumerate(features) if value]
        conductances = self.state.readout_walls.astype(int) >> network.conductance_shift
        scores, charge = [0] * network.classes, 0
        for feature in active:
            for label in range(network.classes):
                plus, minus = (int(value) for value in conductances[feature, label])
                scores[label] += features[feature] * (plus - minus)
                charge += features[feature] * (plus + minus)
        self.count(Counter.READOUT_READS, len(active) * 2 * network.classes)
        self.count(Counter.READOUT_READ_DRIVE, sum(features) * 2 * network.classes)
        self.count(Counter.READOUT_READ_CHARGE, charge)
        self.count(Counter.READOUT_INTEGRATIONS, network.classes)
        self.count(Counter.READOUT_FIRES)
        self.count(Counter.READOUT_RESETS)
        self.count(Counter.READOUT_INHIBITIONS, network.classes - 1)
        return scores

    def _teach(self, header: SampleHeader, features: Sequence[int],
               scores: Sequence[int]) -> bool:
        network, rules = self.network, self.rules
        label = header.label
        rival = next(other for other in rank(scores, network.classes) if other != label)
        if scores[label] - scores[rival] >= rules.margin:
            return False
        for feature, value in enumerate(features):
            if not value:
                continue
            bits = draw(rules.seed, header.number, Stage.READOUT, feature)
            for taught, half in ((label, bits & 0xFFFF), (rival, bits >> 16)):
                if (half & 0xFF) < (value << 8) >> header.readout_gate_shift:
                    side = half >> 8 & 1
                    quantile = half >> 9 & (1 << network.quantile_bits) - 1
                    potentiate = (side == 0) == (taught == label)
                    self._pulse_readout(header, feature, taught, side,
                                        Direction.POTENTIATE if potentiate
                                        else Direction.DEPRESS, quantile)
        return True

    def _pulse_readout(self, header: SampleHeader, feature: int, label: int, side: int,
                       direction: Direction, quantile: int) -> None:
        static = draw(self.rules.static_seed, STATIC_SAMPLE, Stage.STATIC_READOUT,
                      readout_synapse(self.network, feature, label, side))
        walls = self.state.readout_walls
        walls[feature, label, side] = apply_pulse(
            self.tables[Stage.READOUT], int(walls[feature, label, side]), direction, quantile,
            header.readout_pulse_shift, static)
        self._count_pulse(Counter.READOUT_POTENTIATIONS, direction, header.readout_pulse_shift)
