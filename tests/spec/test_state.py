"""The state window's layout, the ledger's order and what a full sample asks, worked out by hand."""

import pytest

from crosswall.spec.activity import Activity, ScoredPosition, full_activity
from crosswall.spec.build import Build
from crosswall.spec.ledger import COUNTER_BITS, COUNTERS, Counter
from crosswall.spec.network import receptive_fields
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, ResultFlag, SampleHeader
from crosswall.spec.state import (
    MemoryShape,
    StateMemory,
    clustering_synapse,
    memory_shapes,
    readout_synapse,
)

NETWORK = receptive_fields(4, 7, 3, 8, field=2, stride=2, regions=2, shared=False, wall_bits=10,
                           threshold_bits=20, bin_bits=3, quantile_bits=2, variant_bits=1)
"""6 crossbars of 8 lines × 8 neurons; 32 features × 3 classes."""


def test_synapses_are_numbered_line_by_line_and_pair_by_pair():
    assert clustering_synapse(NETWORK, 0, 0, 5) == 5
    assert clustering_synapse(NETWORK, 0, 1, 0) == 8
    assert clustering_synapse(NETWORK, 1, 0, 0) == 64
    assert clustering_synapse(NETWORK, 5, 7, 7) == 383 == NETWORK.clustering_synapses - 1
    wider = receptive_fields(4, 7, 3, 16, field=2, stride=2, regions=2, shared=False)
    assert clustering_synapse(wider, 1, 2, 3) == (1 * 8 + 2) * 16 + 3
    assert readout_synapse(NETWORK, 0, 0, 1) == 1
    assert readout_synapse(NETWORK, 0, 1, 0) == 2
    assert readout_synapse(NETWORK, 1, 0, 0) == 6
    assert readout_synapse(NETWORK, 31, 2, 1) == 191 == NETWORK.readout_synapses - 1


def test_memories_of_the_window_keep_their_numbers_and_shapes():
    shapes = memory_shapes(NETWORK, Build(4, 2))
    assert list(shapes) == list(StateMemory) == list(range(8))
    assert shapes[StateMemory.CLUSTERING_WALLS] == MemoryShape(6 * 8 * 2, 4, 10)
    assert shapes[StateMemory.THRESHOLDS] == MemoryShape(48, 1, 20)
    assert shapes[StateMemory.READOUT_WALLS] == MemoryShape(32 * 3, 2, 10)
    assert shapes[StateMemory.LEDGER] == MemoryShape(31, 2, 32)
    steps, gains = MemoryShape(128, 1, 16, True, False), MemoryShape(16, 1, 10, False, False)
    assert [shapes[StateMemory(number)] for number in (4, 5, 6, 7)] == [steps, steps, gains, gains]
    assert shapes[StateMemory.CLUSTERING_WALLS].words == 384
    assert [memory.name for memory in StateMemory] == [
        "CLUSTERING_WALLS", "THRESHOLDS", "READOUT_WALLS", "LEDGER", "CLUSTERING_STEPS",
        "READOUT_STEPS", "CLUSTERING_GAINS", "READOUT_GAINS"]


def test_counters_keep_their_places():
    stages = ["READS", "READ_DRIVE", "READ_CHARGE"], [
        "POTENTIATIONS", "DEPRESSIONS", "POTENTIATION_LENGTH", "DEPRESSION_LENGTH",
        "INTEGRATIONS", "FIRES", "RESETS", "INHIBITIONS"]
    assert [counter.name for counter in Counter] == [
        *(f"CLUSTERING_{name}" for name in [*stages[0], "STATE_READS", *stages[1]]),
        "SILENT_POSITIONS", *(f"READOUT_{name}" for name in stages[0] + stages[1]),
        "SAMPLES", "SAMPLES_CLUSTERED", "SAMPLES_LABELLED", "SAMPLES_TAUGHT", "SAMPLES_INFERRED",
        "CLUSTERING_RACE_STEPS", "CLUSTERING_RACE_INHIBITIONS"]
    assert list(Counter) == list(range(31))
    assert (COUNTERS, COUNTER_BITS) == (31, 64)


def test_flags_keep_their_bits():
    assert {flag.name: int(flag) for flag in Flag} == {
        "LEARN_CLUSTERING": 1, "LEARN_READOUT": 2, "PREDICT": 4, "GUIDE_CLUSTERING": 8,
        "SEND_WINNERS": 16, "SEND_SCORES": 32, "REFINE_CLUSTERING": 64}
    assert (ResultFlag.TAUGHT, ResultFlag.REFINED) == (1, 2)


def test_a_full_sample_asks_for_every_line_and_every_winners_feature():
    # 6 positions of 4 pixels and 8 lines; 4 winners each make 24 features of 32.
    learning = Flag.LEARN_CLUSTERING | Flag.PREDICT
    full = full_activity(NETWORK, learning, taught=True)
    assert full.positions == (ScoredPosition(4, (8,)),) * 6
    assert (full.scored, full.events, full.active_features, full.taught, full.readout_pulses) \
        == (6, 24, 24, True, 48)
    assert full.asks(Flag.PREDICT) and not full.asks(Flag.LEARN_READOUT)
    assert full_activity(NETWORK, Flag.PREDICT).readout_pulses == 0
    plain = full_activity(NETWORK, 0, taught=True)
    assert plain.positions[0] == ScoredPosition(4, (), 0)
    assert (plain.active_features, plain.taught, plain.readout_pulses) == (0, False, 0)
    crowded = receptive_fields(4, 7, 3, 8, field=2, stride=2, regions=1)
    assert full_activity(crowded, Flag.PREDICT).active_features == 8, "there are no more"
    part = Activity(SampleHeader(0, 0), (None, ScoredPosition(3), None))
    assert (part.scored, part.events, part.active_features, part.readout_pulses) == (1, 3, 0, 0)


def test_rules_become_register_words():
    rules = Rules(seed=1, static_seed=2, threshold_rise=3, margin=4, refinement_margin=5,
                  threshold_decay=6, silence=7, clustering_rule=ClusteringRule.STDP,
                  stdp_probability=8)
    words = rules.register_words()
    assert {name: words[name] for name in words if name not in ("race", "fire_threshold")} == {
        "seed": 1, "static_seed": 2, "threshold_rise": 3, "margin": 4, "refinement_margin": 5,
        "threshold_decay": 6, "silence": 7, "clustering_rule": 8 << 1 | 1}
    default = Rules(seed=1, static_seed=2, threshold_rise=3, margin=4)
    assert (default.refinement_margin, default.threshold_decay, default.silence) == (0, 1, 12)
    assert default.register_words()["clustering_rule"] == 4096 << 1


@pytest.mark.parametrize(("name", "most"), [
    ("silence", 256), ("stdp_probability", 65535), ("threshold_rise", (1 << 31) - 1),
    ("threshold_decay", (1 << 31) - 1), ("margin", (1 << 31) - 1),
    ("refinement_margin", (1 << 31) - 1), ("seed", (1 << 32) - 1), ("static_seed", (1 << 32) - 1)])
def test_rules_are_taken_up_to_their_limits(name, most):
    values = {"seed": 1, "static_seed": 1, "threshold_rise": 1, "margin": 1}
    assert getattr(Rules(**values | {name: most}), name) == most
    for value in (-1, most + 1):
        with pytest.raises(ValueError, match=name):
            Rules(**values | {name: value})
