"""Reading nextpnr's report, and what the build report says."""

import json

import pytest

from crosswall_boards.report import (
    BuildReport,
    ClockReport,
    ResourceReport,
    overfull,
    parse_nextpnr,
)

ICE40 = """{"utilization": {"ICESTORM_LC": {"used": 2577, "available": 5280},
                            "ICESTORM_RAM": {"used": 10, "available": 30},
                            "ICESTORM_SPRAM": {"used": 4, "available": 4},
                            "SB_IO": {"used": 4, "available": 96}},
            "fmax": {"clk": {"achieved": 31.25, "constraint": 24.0}},
            "critical_paths": []}"""

ECP5 = """{"utilization": {"TRELLIS_COMB": {"used": 3000, "available": 83640},
                           "TRELLIS_FF": {"used": 2000, "available": 83640},
                           "DP16KD": {"used": 18, "available": 208},
                           "MULT18X18D": {"used": 0, "available": 156},
                           "DCUA": {"used": 0, "available": 2}},
           "fmax": {"a": {"achieved": 58.5, "constraint": 60.0},
                    "b": {"achieved": 90.0, "constraint": 25.0}}}"""


def report_of(text: str) -> BuildReport:
    resources, clocks = parse_nextpnr(text)
    return BuildReport("board", {"lanes": 4}, 0x1234, 100, resources, clocks)


def test_ice40_report_is_read():
    report = report_of(ICE40)
    assert report.resources == {
        "logic cell": ResourceReport(2577, 5280), "block RAM": ResourceReport(10, 30),
        "single-port RAM": ResourceReport(4, 4)}
    assert report.clocks == {"clk": ClockReport(31.25, 24.0)}
    assert report.timing_met


def test_ecp5_report_is_read_and_one_slow_clock_is_enough_to_miss_timing():
    report = report_of(ECP5)
    assert report.resources["LUT"] == ResourceReport(3000, 83640)
    assert report.resources["DSP"] == ResourceReport(0, 156)
    assert not report.timing_met
    assert "58.5 MHz achieved, 60.0 MHz asked for: NOT met (a)" in report.as_text()
    assert "90.0 MHz achieved, 25.0 MHz asked for: met (b)" in report.as_text()


@pytest.mark.parametrize(("achieved", "met"), [(59.99, False), (60.0, True), (60.01, True)])
def test_a_clock_as_fast_as_asked_for_is_met(achieved, met):
    clock = ClockReport(achieved, 60.0)
    assert clock.met == met
    report = BuildReport("board", {}, 0, 1, {}, {"clk": clock})
    assert report.timing_met == met
    assert ("NOT met" in report.as_text()) == (not met)


def test_text_report_says_shares_and_estimates():
    report = BuildReport("board", {"lanes": 4, "slots": 8}, 0x1234, 100,
                         {"LUT": ResourceReport(1320, 5280), "DSP": ResourceReport(8, 8)}, {},
                         {"LUT": 1200})
    assert report.as_text() == (
        "board            board\n"
        "network          00001234, 100 synapses\n"
        "build            lanes 4, slots 8\n"
        "LUT                1320 of   5280   25.0 %  (estimate 1200)\n"
        "DSP                   8 of      8  100.0 %\n")


def test_report_in_json_can_be_read_back():
    report = json.loads(json.dumps(report_of(ECP5).as_dict()))
    assert report["timing_met"] is False
    assert report["resources"]["block RAM"] == {"used": 18, "available": 208}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"utilization": {"DP16KD": 3}, "fmax": {}}'])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="not a report"):
        parse_nextpnr(text)


def test_log_of_a_machine_that_does_not_fit_tells_what_is_lacking():
    log = """Info: Device utilisation:
Info: \t         ICESTORM_LC:    7503/   5280   142%
Info: \t        ICESTORM_RAM:      29/     30    96%
Info: \t      ICESTORM_SPRAM:       5/      4   125%
Info: \t        ICESTORM_DSP:       8/      8   100%
Info: \t               SB_GB:       9/      8   112%
ERROR: Unable to place cell"""
    assert overfull(log) == {"logic cell": ResourceReport(7503, 5280),
                             "single-port RAM": ResourceReport(5, 4),
                             "SB_GB": ResourceReport(9, 8)}
    assert overfull("Info: nothing of the kind") == {}
