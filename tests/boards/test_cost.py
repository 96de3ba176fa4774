"""What is predicted of a machine on a board."""

import pytest

from crosswall.errors import ToolError
from crosswall.spec.activity import full_activity
from crosswall.spec.build import Build
from crosswall.spec.network import whole_image
from crosswall.spec.sample import Flag
from crosswall.spec.state import StateMemory
from crosswall_boards.cost import boards_needed, memory_bits, on_chip_bits, predict
from crosswall_boards.registry import find_fpga_board

NETWORK = whole_image(64, 4, 16, winners=1, wall_bits=8)


def test_a_whole_image_takes_a_cycle_for_each_line_and_group_and_its_encoding():
    more, fewer = (predict(NETWORK, Build(lanes, 8), [full_activity(NETWORK, 0)])
                   for lanes in (2, 4))
    # As many currents as lanes leave after the last sweep.
    assert more.cycles - fewer.cycles == 64 * (16 // 2 - 16 // 4) + 2 - 4
    assert more.bound == "cluster"


def test_samples_that_overlap_take_no_longer_than_one_by_one_and_as_long_as_a_station():
    sample = full_activity(NETWORK, Flag.PREDICT | Flag.LEARN_READOUT, taught=True)
    apart, overlapping = (predict(NETWORK, Build(16, 8, overlap=overlap), [sample] * 8)
                          for overlap in (False, True))
    assert max(overlapping.stations.values()) <= overlapping.cycles < apart.cycles


def test_memory_of_the_state_is_that_of_its_words():
    bits = memory_bits(NETWORK, Build(4, 8))
    assert bits[StateMemory.CLUSTERING_WALLS] == 64 * 16 * 8
    assert bits[StateMemory.READOUT_WALLS] == 16 * 4 * 2 * 8
    assert bits[StateMemory.THRESHOLDS] == 16 * NETWORK.threshold_bits


def test_a_machine_too_large_for_a_board_is_split_by_neurons():
    ulx3s, icebreaker = find_fpga_board("ulx3s"), find_fpga_board("icebreaker")
    assert on_chip_bits(ulx3s) == 208 * 18 * 1024
    assert on_chip_bits(icebreaker) == 30 * 4096 + 4 * 16 * 16384
    assert boards_needed(NETWORK, Build(4, 8), ulx3s) == 1
    large = whole_image(1000, 10, 1024, wall_bits=8)
    assert boards_needed(large, Build(64, 20), ulx3s) == 4  # 8.4 of 3.8 Mbit, a power of two
    with pytest.raises(ToolError, match="fewer pixels"):
        boards_needed(whole_image(65535, 2, 2, wall_bits=16, winners=1, code_bits=1,
                                  feature_bits=1),
                      Build(2, 4), _Tiny())


class _Tiny(type(find_fpga_board("icebreaker"))):
    """A board with next to no memory."""

    capacity = {"block RAM": 1}


def test_nothing_is_predicted_of_no_samples():
    with pytest.raises(ValueError, match="at least one"):
        predict(NETWORK, Build(4, 8), [])
