"""A small machine through synthesis, place and route, and packing, for real."""

import dataclasses
import json
from pathlib import Path

import pytest

from crosswall.errors import ToolError
from crosswall.spec.network import whole_image
from crosswall_boards import bitstream
from crosswall_boards.bitstream import build_bitstream, flash
from crosswall_boards.registry import find_fpga_board
from crosswall_boards.report import ClockReport, ResourceReport

NETWORK = whole_image(4, 3, 4, winners=1, bin_bits=1, quantile_bits=1, wall_bits=8,
                      threshold_bits=10)
BOARD = find_fpga_board("ulx3s")
BUILD = dataclasses.replace(BOARD.choose_build(NETWORK), lanes=1, readout_lanes=2,
                            static_spread=False, slots=2)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSWALL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_small_machine_becomes_a_bitstream_with_a_report_and_only_once(cache, tmp_path):
    stages = []
    first = build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "first", progress=stages.append)
    assert [line.partition(": ")[2].partition(" (")[0] for line in stages[1:]] == [
        "synthesis", "place and route", "packing"]
    assert first.path.read_bytes()[:2] == b"\xff\x00"  # what ECP5 bitstreams begin with
    report = json.loads((tmp_path / "first" / "report.json").read_text())
    assert report["timing_met"]
    assert report["network_digest"] == NETWORK.digest()
    assert report["build"]["lanes"] == 1
    assert 0 < report["resources"]["LUT"]["used"] < report["resources"]["LUT"]["available"]
    assert (tmp_path / "first" / "report.txt").read_text() == first.report.as_text()
    assert flash(BOARD, first.path, dry_run=True).endswith(str(first.path))

    stages.clear()
    second = build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "second", progress=stages.append)
    assert len(stages) == 1, "nothing but elaboration"
    assert second.path.read_bytes() == first.path.read_bytes()
    assert second.report == first.report


def test_missed_timing_is_an_error_unless_allowed(tmp_path, monkeypatch):
    made = tmp_path / "made"
    made.mkdir()
    (made / "crosswall.bit").write_bytes(b"bits")
    (made / "nextpnr-report.json").write_text("{}")
    monkeypatch.setattr(bitstream, "_place_and_route", lambda *arguments: made)
    monkeypatch.setattr(bitstream, "parse_nextpnr", lambda text: (
        {"LUT": ResourceReport(1, 2)}, {"clock": ClockReport(50.0, 60.0)}))
    with pytest.raises(ToolError, match="50.0 MHz of 60.0 MHz") as caught:
        build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out")
    assert "\n" not in str(caught.value)
    slow = build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out", allow_slow=True)
    assert slow.path == Path(tmp_path / "out" / "crosswall.bit")
    assert not slow.report.timing_met
