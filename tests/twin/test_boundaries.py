"""Where a comparison turns: reference and twin on either side of it, against values by hand.

Draws are 16 bits wide, so that a random machine meets none of these in years.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crosswall.spec.device_table import DeviceTable, Direction
from crosswall.spec.draws import draw
from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.network import Encoding, Network, whole_image
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, SampleHeader
from crosswall.twin import MachineState, ReferenceMachine, Twin
from crosswall.twin.reference import clustering_pulse
from tests.twin.test_twin_equals_reference import as_headers

NETWORK = whole_image(4, 2, 2, winners=2, wall_bits=8, threshold_bits=10, bin_bits=0,
                      quantile_bits=0)
"""Four intensities of 4 bits; two neurons, which the label may choose between."""
LABELLED = replace(NETWORK, labelled_neurons=True)
RULES = Rules(seed=1, static_seed=2, threshold_rise=10, threshold_decay=0, margin=0)
FIRST = [240, 0, 240, 16]
"""Codes 15, 0, 15, 1: the currents below are 31·200 and 31·100."""


def table(**options) -> DeviceTable:
    return DeviceTable(8, 0, 0, 0, (-4, 4), **options)


def state(network: Network = NETWORK) -> MachineState:
    """Neuron 0 conducts 200 and neuron 1 100; feature 0 votes 100 for class 0, 1 50 for class 1."""
    return MachineState(
        np.tile(np.array([200, 100], np.uint16), (1, network.lines, 1)),
        np.zeros((1, 2), np.uint32),
        np.array([[[200, 100], [100, 100]], [[100, 100], [150, 100]]], np.uint16),
        np.zeros(COUNTERS, np.uint64))


def after(header: SampleHeader, *, network: Network = NETWORK, rules: Rules = RULES,
          device: DeviceTable | None = None, before: MachineState | None = None,
          pixels: list[int] = FIRST) -> tuple[MachineState, int]:
    """State and result flags after one sample, the same in both machines."""
    device, before = device or table(), before or state(network)
    reference = ReferenceMachine(network, rules, device, table(), before.copy())
    twin = Twin(network, rules, device, table(), before.copy())
    expected = reference.process(header, pixels).result_flags
    values = np.array([pixels], np.uint8)
    assert twin.process(as_headers([(header, values[0])]), values).result_flags[0] == expected
    assert list(reference.state.differences(twin.state)) == []
    return reference.state, expected


def count(machine: MachineState, name: Counter) -> int:
    return int(machine.ledger[name])


STDP = replace(RULES, clustering_rule=ClusteringRule.STDP, stdp_probability=65535)
LEARN = SampleHeader(7, Flag.LEARN_CLUSTERING)
REFINE = SampleHeader(7, Flag.REFINE_CLUSTERING, 1)
TEACH = SampleHeader(7, Flag.PREDICT | Flag.LEARN_READOUT, 0)


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("stuck", [False, True])
def test_a_synapse_is_stuck_if_its_draw_at_fabrication_is_below_the_threshold(line, stuck):
    # Stage 4, of the sample number that no sample has; synapse = line · 2 neurons + neuron 0.
    static = draw(2, 0xFFFF_FFFF, 4, line * 2) >> 16
    learned, _ = after(LEARN, rules=STDP, device=table(stuck_threshold=static + stuck))
    moved = learned.clustering_walls[0, line, 0] != 200
    assert moved == (not stuck)


@pytest.mark.parametrize(("start", "rise", "end"), [
    (1013, 10, 1023), (1014, 10, 1023), (1022, 1, 1023), (1022, 2, 1023), (1012, 11, 1023),
    (1012, 10, 1022)])
def test_a_threshold_rises_to_its_highest_value_and_stays_there(start, rise, end):
    before = state()
    before.thresholds[0] = start
    learned, _ = after(LEARN, rules=replace(RULES, threshold_rise=rise), before=before)
    assert learned.thresholds.tolist() == [[end, start]]
    refined, _ = after(REFINE, network=LABELLED, before=before, rules=replace(
        RULES, threshold_rise=rise, refinement_margin=1))
    assert refined.thresholds.tolist() == [[end, start - rise]]


@pytest.mark.parametrize(("start", "decay", "end"), [(5, 5, 0), (5, 6, 0), (5, 4, 1), (0, 1, 0)])
def test_thresholds_fall_to_zero_and_stay_there(start, decay, end):
    before = state()
    before.thresholds[0] = start
    learned, _ = after(LEARN, rules=replace(RULES, threshold_decay=decay), before=before)
    assert learned.thresholds[0, 1] == end
    refined, _ = after(REFINE, network=LABELLED, before=before, rules=replace(
        RULES, threshold_rise=decay, refinement_margin=1))
    assert refined.thresholds.tolist() == [[start + decay, end]]


@pytest.mark.parametrize(("margin", "refined"), [(3100, 0), (3101, 2)])
def test_a_lead_of_the_refinement_margin_is_enough(margin, refined):
    # Class 0 stands at 6200, class 1 at 3100.
    header = replace(REFINE, label=0)
    assert after(header, network=LABELLED,
                 rules=replace(RULES, refinement_margin=margin))[1] == refined


@pytest.mark.parametrize(("margin", "taught"), [(150, 0), (151, 1)])
def test_a_lead_of_the_teaching_margin_is_enough(margin, taught):
    # Features 2 and 1: scores 200 and 50.
    learned, flags = after(TEACH, rules=replace(RULES, margin=margin))
    assert flags == taught == count(learned, Counter.SAMPLES_TAUGHT)
    assert count(learned, Counter.SAMPLES_LABELLED) == 1


@pytest.mark.parametrize("encoding", Encoding)
def test_match_reads_the_state_of_every_line(encoding):
    network = replace(NETWORK, encoding=encoding)
    learned, _ = after(LEARN, network=network)
    assert count(learned, Counter.CLUSTERING_STATE_READS) == (
        8 if encoding is Encoding.CONTRAST else 4)
    assert count(after(LEARN, network=network, rules=STDP)[0], Counter.CLUSTERING_STATE_READS) == 0


def sample_with(condition) -> int:
    """The first sample number whose draw fulfils a condition."""
    return next(number for number in range(1 << 20) if condition(number))


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("line", range(4))
def test_stdp_pulses_where_the_gates_draw_is_below_the_probability(line, shift):
    number = sample_with(lambda n: draw(1, n, 0, line) & 0xFFFF < 65535 >> shift)
    gate = draw(1, number, 0, line) & 0xFFFF
    for probability, pulsed in ((gate, False), (gate + 1, True)):
        learned, _ = after(replace(LEARN, number=number, clustering_gate_shift=shift),
                           rules=replace(STDP, stdp_probability=probability << shift))
        assert (learned.clustering_walls[0, line, 0] != 200) == pulsed


@pytest.mark.parametrize("shift", [0, 1])
def test_match_pulses_where_the_gates_draw_is_below_the_distance(shift):
    # Target 255 of code 15 on line 0; a distance of gate / 256 · 2**shift is just too short.
    number = sample_with(lambda n: draw(1, n, 0, 0) & 0xFFFF in range(256, 65536 >> shift, 256))
    distance = ((draw(1, number, 0, 0) & 0xFFFF) << shift) >> 8
    header = replace(LEARN, number=number, clustering_gate_shift=shift)
    for further, pulsed in ((0, False), (1, True)):
        before = state()
        before.clustering_walls[0, 0, 0] = 255 - distance - further
        before.thresholds[0, 1] = 1023  # neuron 0 wins whatever line 0 conducts
        before.clustering_walls[0, 1:, 0] = 255
        learned, _ = after(header, before=before)
        moved = int(learned.clustering_walls[0, 0, 0]) - (255 - distance - further)
        assert moved == 4 * pulsed


@pytest.mark.parametrize("stage", [0, 7])
def test_refinement_pulses_where_the_gates_draw_is_below_the_code(stage):
    # Of 4 bits: a code's probability is code · 4096 / 65536. The label's neuron 1 is potentiated
    # by draws of stage 0, neuron 0 depressed by those of stage 7.
    neuron = 1 if stage == 0 else 0
    for below, pulsed in ((1, True), (0, False)):
        number = sample_with(lambda n, below=below: (
            (draw(1, n, stage, 0) & 0xFFFF) + below in range(4096, 65536, 4096)))
        code = (draw(1, number, stage, 0) & 0xFFFF) + below >> 12
        refined, _ = after(replace(REFINE, number=number), network=LABELLED, rules=replace(
            RULES, refinement_margin=1 << 20), pixels=[code << 4, *FIRST[1:]])
        moved = int(refined.clustering_walls[0, 0, neuron]) - (200, 100)[neuron]
        assert moved == (4 if stage == 0 else -4) * pulsed


@pytest.mark.parametrize("shift", [4, 8])
def test_the_teacher_pulses_where_the_gates_draw_is_below_the_feature(shift):
    # Feature 0 is 2: 512 >> shift of 256; the label's half is the lower one.
    edge = 512 >> shift
    for gate, pulsed in ((edge - 1, True), (edge, False)):
        number = sample_with(lambda n, gate=gate: draw(1, n, 1, 0) & 0xFF == gate)
        side = draw(1, number, 1, 0) >> 8 & 1
        taught, _ = after(replace(TEACH, number=number, readout_gate_shift=shift),
                          rules=replace(RULES, margin=1000))
        moved = int(taught.readout_walls[0, 0, side]) - (200, 100)[side]
        assert moved == (4 if side == 0 else -4) * pulsed


def test_a_pulse_is_due_below_its_probability_and_only_there():
    def pulse(rules: Rules, shift: int, code: int, conductance: int, gate: int) -> object:
        return clustering_pulse(NETWORK, rules, replace(LEARN, clustering_gate_shift=shift), code,
                                conductance, gate)

    match, stdp = RULES, replace(STDP, stdp_probability=4096)
    assert pulse(match, 0, 15, 155, 25_599) is Direction.POTENTIATE  # 100 · 256
    assert pulse(match, 0, 15, 155, 25_600) is None
    assert pulse(match, 3, 15, 155, 3_199) is Direction.POTENTIATE
    assert pulse(match, 3, 15, 155, 3_200) is None
    assert pulse(match, 0, 0, 1, 255) is Direction.DEPRESS
    assert pulse(match, 0, 0, 1, 256) is None
    assert pulse(match, 0, 0, 0, 0) is None
    assert pulse(stdp, 2, 1, 0, 1_023) is Direction.POTENTIATE
    assert pulse(stdp, 2, 0, 0, 1_023) is Direction.DEPRESS
    assert pulse(stdp, 2, 1, 0, 1_024) is None


@pytest.mark.parametrize(("silence", "silent"), [(239, 0), (240, 0), (241, 1)])
def test_a_position_is_silent_below_the_silence(silence, silent):
    scored, _ = after(LEARN, rules=replace(RULES, silence=silence))
    assert count(scored, Counter.SILENT_POSITIONS) == silent


@pytest.mark.parametrize("flags", [Flag.LEARN_CLUSTERING, Flag.PREDICT])
def test_a_position_without_an_active_line_is_scored_unless_it_is_silent(flags):
    for silence, silent in ((0, 0), (1, 1)):
        scored, _ = after(SampleHeader(7, flags), pixels=[0] * 4,
                          rules=replace(RULES, silence=silence))
        assert count(scored, Counter.SILENT_POSITIONS) == silent
        assert count(scored, Counter.CLUSTERING_INTEGRATIONS) == 2 - 2 * silent


def test_a_label_of_no_class_teaches_nobody():
    for network, header in ((NETWORK, TEACH), (LABELLED, REFINE)):
        assert after(replace(header, label=1), network=network, rules=replace(
            RULES, margin=1000, refinement_margin=10_000))[1] != 0
        assert after(replace(header, label=2), network=network, rules=replace(
            RULES, margin=1000, refinement_margin=10_000))[1] == 0
