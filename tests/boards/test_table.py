"""The table of what boards reach: its configurations can be built, and how it is written."""

import pytest

from crosswall.cli.boards import with_build
from crosswall.experiment import Experiment
from crosswall_boards.registry import find_fpga_board
from crosswall_boards.table import CONFIGURATIONS, Configuration, Row, as_markdown


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda each: each.name)
def test_every_configuration_can_compute_its_network(configuration):
    experiment = with_build(Experiment.load(configuration.preset), configuration.build)
    network = experiment.network()
    board = find_fpga_board(configuration.board)
    build = experiment.build(network, board.choose_build(network))
    assert {name: getattr(build, name) for name in configuration.build} == configuration.build


def test_name_is_the_command_with_its_options():
    assert Configuration("ulx3s", "mnist", {"readout_lanes": 4, "overlap": False,
                                            "packed": True}).name == (
        "crosswall build ulx3s mnist --readout-lanes 4 --no-overlap --packed")


def test_rates_are_the_clock_over_the_cycles():
    row = Row(CONFIGURATIONS[0], clock=80.0, cycles={"readout": 800.0})
    assert row.rates == {"readout": 100_000.0}
    assert Row(CONFIGURATIONS[0], cycles={"readout": 800.0}).rates == {}


def test_rows_are_written_with_what_is_known_and_numbered_notes():
    text = as_markdown([
        Row(Configuration("ulx3s", "mnist"), {"LUT": 11_000, "flip-flop": 5_000, "block RAM": 46,
                                              "DSP": 0}, 80.04,
            {"clustering": 16_000, "readout": 4_000.4, "inference": 2_000}),
        Row(Configuration("icebreaker", "mnist"), {"logic cell": 5_000}, note="does not fit"),
        Row(Configuration("arty-a7", "mnist"), note="no yosys"),
    ]).splitlines()
    assert len({line.count("|") for line in text[:5]}) == 1
    assert text[2] == ("| `crosswall build ulx3s mnist` | 11,000 | 5,000 | 46 | 0 | 80.0 "
                       "| 16,000 | 4,000 | 2,000 | 5,002 | 20,008 | 40,020 |")
    assert text[3].startswith("| `crosswall build icebreaker mnist` (1) | 5,000 cells |  |")
    assert text[4].startswith("| `crosswall build arty-a7 mnist` (2) |  |")
    assert text[5:] == ["", "1. does not fit", "2. no yosys"]
