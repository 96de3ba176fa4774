"""The reference machine against closed forms worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from crosswall.spec.device_table import DeviceTable, apply_pulse
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.network import Encoding, Network, receptive_fields, whole_image
from crosswall.spec.rules import Rules
from crosswall.spec.sample import NO_PREDICTION, Flag, ResultFlag, SampleHeader
from crosswall.twin import MachineState, ReferenceMachine
from crosswall.twin.reference import encode_position, rank, replicate


def step_table(network: Network, step: int, **options) -> DeviceTable:
    half = 1 << network.bin_bits + network.quantile_bits
    return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits, 0,
                       (-step,) * half + (step,) * half, **options)


def tiny(**formats) -> Network:
    formats.setdefault("encoding", Encoding.INTENSITY)
    return whole_image(4, 2, 2, winners=2, wall_bits=8, bin_bits=0, quantile_bits=0, **formats)


def test_contrast_encoding_subtracts_the_rounded_mean_and_normalises():
    network = receptive_fields(3, 3, 2, 2, field=3, stride=1, regions=1, winners=1)
    pixels = [10, 10, 10, 10, 10, 10, 10, 10, 220]  # mean 33.33 -> 33; deviations -23 and 187
    encoded = encode_position(network, 12, pixels, 0)
    assert not encoded.silent
    # peak 187 has 8 bits: shift 4; 187 >> 4 = 11 on ON line 8, 23 >> 4 = 1 on OFF lines 0 to 7
    assert encoded.codes == (0,) * 8 + (11,) + (1,) * 8 + (0,)


def test_a_flat_field_is_silent():
    network = receptive_fields(3, 3, 2, 2, field=3, stride=1, regions=1, winners=1)
    assert encode_position(network, 12, [100] * 9, 0).silent
    assert not encode_position(network, 0, [100] * 9, 0).silent


def test_small_deviations_keep_their_value():
    network = receptive_fields(3, 3, 2, 2, field=3, stride=1, regions=1, winners=1)
    assert encode_position(network, 1, [0] * 8 + [9], 0).codes == (
        (0,) * 8 + (8,) + (1,) * 8 + (0,))


def test_the_lowest_index_wins_a_tie():
    assert rank([5, 9, 9, 1, 5], 4) == [1, 2, 0, 4]


@pytest.mark.parametrize(("bits", "code", "value"), [(1, 1, 255), (2, 2, 0xAA), (4, 15, 255),
                                                     (4, 7, 0x77), (8, 200, 200)])
def test_targets_stretch_codes_over_the_whole_range(bits, code, value):
    assert replicate(tiny(code_bits=bits), code) == value


def test_a_pulse_moves_the_wall_by_length_times_gain_and_stops_at_the_ends():
    table = step_table(tiny(), 4, gains=(384,) * 16)
    assert apply_pulse(table, 100, 1, 0, 0, 0) == 106  # 4 × 1.5
    assert apply_pulse(table, 100, 1, 0, 3, 0) == 148
    assert apply_pulse(table, 100, 0, 0, 0, 0) == 94
    assert apply_pulse(table, 254, 1, 0, 0, 0) == 255
    assert apply_pulse(table, 3, 0, 0, 0, 0) == 0


def test_a_stuck_device_does_not_move():
    table = step_table(tiny(), 4, stuck_threshold=10)
    assert apply_pulse(table, 100, 1, 0, 0, 9 << 16) == 100
    assert apply_pulse(table, 100, 1, 0, 0, 10 << 16) == 104


def machine(**rules) -> ReferenceMachine:
    network = tiny()
    state = MachineState(
        np.array([[[255, 0], [0, 255], [255, 0], [0, 255]]], np.uint16),
        np.zeros((1, 2), np.uint32),
        np.array([[[200, 100], [100, 100]], [[100, 100], [150, 100]]], np.uint16),
        np.zeros(COUNTERS, np.uint64))
    values = {"seed": 1, "static_seed": 2, "threshold_rise": 10, "margin": 0} | rules
    return ReferenceMachine(network, Rules(**values), step_table(network, 4),
                            step_table(network, 4), state)


def test_scores_winner_and_ledger_of_one_sample_by_hand():
    one = machine()
    result = one.process(SampleHeader(0, Flag.PREDICT | Flag.SEND_WINNERS | Flag.SEND_SCORES),
                         [240, 0, 240, 16])
    # codes 15 0 15 1: currents 2·15·255 and 255; ranks 0, 1 vote 2 and 1
    assert result.winners == (0,)
    assert result.scores == (2 * 100 + 0, 0 + 50)
    assert result.prediction == 0
    ledger = one.ledger
    assert ledger["clustering_reads"] == 3 * 2
    assert ledger["clustering_read_drive"] == 31 * 2
    assert ledger["clustering_read_charge"] == 31 * 255
    assert ledger["readout_reads"] == 2 * 4
    assert ledger["readout_read_drive"] == 3 * 4
    assert ledger["readout_read_charge"] == 2 * 500 + 450
    assert ledger["clustering_fires"] == 2 and ledger["clustering_inhibitions"] == 0
    assert ledger["samples"] == ledger["samples_inferred"] == 1


def test_homeostasis_raises_the_winner_and_decays_everyone():
    one = machine()
    one.state.thresholds[:] = 5
    one.process(SampleHeader(0, Flag.LEARN_CLUSTERING), [240, 0, 240, 0])
    assert one.state.thresholds.tolist() == [[14, 4]]


def test_thresholds_stop_at_zero():
    one = machine()
    one.process(SampleHeader(0, Flag.LEARN_CLUSTERING), [240, 0, 240, 0])
    assert one.state.thresholds.tolist() == [[9, 0]]


def test_a_matched_winner_gets_no_pulse():
    one = machine()
    one.process(SampleHeader(0, Flag.LEARN_CLUSTERING), [240, 0, 240, 0])
    assert one.ledger["clustering_potentiations"] == one.ledger["clustering_depressions"] == 0
    assert one.ledger["clustering_state_reads"] == 4


def test_without_predict_there_is_no_prediction_and_no_readout_read():
    one = machine()
    result = one.process(SampleHeader(0, Flag.LEARN_CLUSTERING | Flag.LEARN_READOUT, 1),
                         [240, 0, 240, 0])
    assert result.prediction == NO_PREDICTION
    assert one.ledger["readout_reads"] == 0 and one.ledger["samples_labelled"] == 0


def test_a_sample_beyond_the_margin_is_not_taught():
    one = machine(margin=100)
    flags = Flag.PREDICT | Flag.LEARN_READOUT
    assert one.process(SampleHeader(0, flags, 0), [240, 0, 240, 16]).result_flags == 0
    assert machine(margin=151).process(SampleHeader(0, flags, 0), [240, 0, 240, 16]
                                       ).result_flags == ResultFlag.TAUGHT


def test_teaching_raises_the_label_and_lowers_the_rival():
    one = machine(margin=1 << 20)
    flags = Flag.PREDICT | Flag.LEARN_READOUT
    before = one.state.readout_walls.astype(int)
    for number in range(40):
        one.process(SampleHeader(number, flags, 1), [240, 0, 240, 16])
    after = one.state.readout_walls.astype(int)
    weights = (after - before)[:, :, 0] - (after - before)[:, :, 1]
    assert (weights[:, 1] > 0).all() and (weights[:, 0] <= 0).all() and weights[:, 0].sum() < 0


def test_an_unlabelled_sample_is_predicted_but_not_taught():
    one = machine(margin=1 << 20)
    result = one.process(SampleHeader(0, Flag.PREDICT | Flag.LEARN_READOUT), [240, 0, 240, 16])
    assert result.prediction == 0 and result.result_flags == 0


@pytest.mark.parametrize("stage", [0, 1])
def test_a_table_of_other_formats_is_refused_for_either_stage(stage):
    network = tiny()
    tables = [step_table(network, 8), step_table(network, 8)]
    tables[stage] = step_table(replace(network, wall_bits=network.wall_bits + 1), 8)
    with pytest.raises(ValueError, match="wall_bits"):
        ReferenceMachine(network, Rules(1, 2, threshold_rise=10, margin=0), *tables)
