"""Counting what a design needs from yosys' statistics, and whether a device has it."""

import json

import pytest

from crosswall_boards.estimate import lacking, parse_stat


def stat(**cells: int) -> str:
    """What `stat -json` writes, with the header that `tee` puts before it."""
    return "\n12. Printing statistics.\n\n" + json.dumps(
        {"creator": "Yosys", "modules": {}, "design": {"num_cells": sum(cells.values()),
                                                       "num_cells_by_type": cells}})


def test_ecp5_carries_take_two_luts_and_distributed_memories_four():
    assert parse_stat(stat(LUT4=100, CCU2C=10, TRELLIS_DPR16X4=3, PFUMX=7, L6MUX21=2,
                           TRELLIS_FF=50, DP16KD=4, MULT18X18D=1, TRELLIS_IO=4, EHXPLLL=1)) == {
        "LUT": 132, "flip-flop": 50, "block RAM": 4, "DSP": 1}


def test_ice40_cells_are_at_least_as_many_as_of_their_most_frequent_part():
    assert parse_stat(stat(SB_LUT4=40, SB_DFF=10, SB_DFFESR=35, SB_CARRY=12, SB_RAM40_4K=3,
                           SB_MAC16=2, SB_SPRAM256KA=1, SB_PLL40_PAD=1)) == {
        "logic cell": 45, "block RAM": 3, "DSP": 2, "single-port RAM": 1}


def test_artix_block_rams_are_counted_in_halves():
    assert parse_stat(stat(LUT1=1, LUT6=9, INV=2, RAM32M=2, SRL16E=3, FDRE=5, FDSE=1, FDPE=2,
                           CARRY4=9, MUXF7=4, RAMB18E1=3, RAMB36E1=5, DSP48E1=2)) == {
        "LUT": 23, "flip-flop": 8, "block RAM": 13, "DSP": 2}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"design": 3}',
                                  '{"design": {"num_cells_by_type": {"LUT4": "many"}}}'])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="not what yosys"):
        parse_stat(text)


def test_what_a_device_lacks_is_told_with_what_it_has():
    capacity = {"LUT": 24_288, "block RAM": 56}
    assert not lacking({"LUT": 24_288, "block RAM": 0, "DSP": 0}, capacity)
    assert lacking({"LUT": 30_000, "block RAM": 57, "DSP": 1}, capacity) == (
        "30,000 of 24,288 LUTs, 57 of 56 block RAMs, 1 of 0 DSPs")
