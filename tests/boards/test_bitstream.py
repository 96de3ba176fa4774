"""A small machine through synthesis, place and route, and packing, for real."""

import dataclasses
import json
import shlex
import sys
from pathlib import Path

import pytest

from crosswall.errors import ToolError, UsageError
from crosswall.files import Manifest
from crosswall.spec.network import whole_image
from crosswall_boards import bitstream
from crosswall_boards.bitstream import build_bitstream, build_scripts, flash
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
    assert [line.partition(": ")[2].partition(" (")[0].partition(":")[0]
            for line in stages[1:]] == ["synthesis", "estimate", "output registers",
                                        "place and route", "packing"]
    read = int(stages[3].partition("of ")[2].partition(" ")[0])
    assert read > 0
    assert first.path.read_bytes()[:2] == b"\xff\x00"  # what ECP5 bitstreams begin with
    report = json.loads((tmp_path / "first" / "report.json").read_text())
    assert report["timing_met"]
    assert report["network_digest"] == NETWORK.digest()
    assert report["build"]["lanes"] == 1
    for kind, item in report["resources"].items():
        assert item["available"] == BOARD.capacity[kind]
    luts = report["resources"]["LUT"]["used"]
    assert 0.8 * luts < report["estimate"]["LUT"] <= luts
    assert report["estimate"].get("block RAM", 0) == report["resources"]["block RAM"]["used"]
    # Those of the memory's 39 pins are in the pins: out, in, and whether it drives; and those
    # behind block RAMs in these.
    flip_flops = report["resources"]["flip-flop"]["used"]
    assert flip_flops <= report["estimate"]["flip-flop"] <= flip_flops + 39 * 3 + 36 * read
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
    (made / "yosys-stat.json").write_text('{"design": {"num_cells_by_type": {"LUT4": 1}}}')
    monkeypatch.setattr(bitstream, "_place_and_route", lambda *arguments: made)
    monkeypatch.setattr(bitstream, "parse_nextpnr", lambda text: (
        {"LUT": ResourceReport(1, 2)}, {"clock": ClockReport(50.0, 60.0)}))
    with pytest.raises(ToolError, match="50.0 MHz of 60.0 MHz") as caught:
        build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out")
    assert "\n" not in str(caught.value)
    # Nothing to flash, but what there is to know.
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "report.json", "report.txt", "nextpnr-report.json", "yosys-stat.json"}
    slow = build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out", allow_slow=True)
    assert slow.path == Path(tmp_path / "out" / "crosswall.bit")
    assert not slow.report.timing_met


def test_folder_of_a_build_is_written_again_by_the_same_build_only(tmp_path, monkeypatch):
    made, out = tmp_path / "made", tmp_path / "out"
    made.mkdir()
    (made / "crosswall.bit").write_bytes(b"bits")
    (made / "nextpnr-report.json").write_text("{}")
    (made / "yosys-stat.json").write_text('{"design": {"num_cells_by_type": {"LUT4": 1}}}')
    monkeypatch.setattr(bitstream, "_place_and_route", lambda *arguments: made)
    monkeypatch.setattr(bitstream, "parse_nextpnr", lambda text: (
        {"LUT": ResourceReport(1, 2)}, {"clock": ClockReport(70.0, 60.0)}))
    build_bitstream(BOARD, NETWORK, BUILD, out)
    manifest = Manifest.read(out / "report.json")
    assert "crosswall.bit" in manifest.files and not list(manifest.differences())
    (out / "notes.txt").write_text("mine")
    (made / "crosswall.bit").write_bytes(b"another seed's")
    build_bitstream(BOARD, NETWORK, BUILD, out)
    other = dataclasses.replace(BUILD, slots=4)
    with pytest.raises(UsageError, match="holds results already; add --force"):
        build_bitstream(BOARD, NETWORK, other, out)
    assert (out / "crosswall.bit").read_bytes() == b"another seed's"
    assert build_bitstream(BOARD, NETWORK, other, out, force=True).report.build["slots"] == 4
    assert (out / "notes.txt").read_text() == "mine"


def fake_yosys(folder, monkeypatch, script: str) -> None:
    """Put a program in the place of yosys; it runs in the folder of the build."""
    program = folder / "yosys.py"
    program.write_text(script)
    monkeypatch.setenv("YOSYS", shlex.join([sys.executable, str(program)]))
    monkeypatch.setenv("CROSSWALL_CACHE", str(folder / "cache"))


def test_machine_too_large_for_its_board_is_refused_before_place_and_route(tmp_path, monkeypatch):
    fake_yosys(tmp_path, monkeypatch, """
import json
json.dump({"design": {"num_cells_by_type": {"LUT4": 90000, "DP16KD": 300, "TRELLIS_FF": 9}}},
          open("yosys-stat.json", "w"))
""")
    stages = []
    with pytest.raises(ToolError, match="does not fit ulx3s: it needs 90,000 of 83,640 LUTs, "
                                        "300 of 208 block RAMs; choose") as caught:
        build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out", progress=stages.append)
    assert "\n" not in str(caught.value)
    assert "place and route" not in stages[-1] and "300 of 208 block RAMs (144%)" in stages[-1]


def test_failed_synthesis_tells_the_last_error_in_its_report(tmp_path, monkeypatch):
    fake_yosys(tmp_path, monkeypatch, """
open("crosswall.rpt", "w").write("Warning: x\\nAssert `abc` failed in abc9.cc:7\\nbye\\n")
raise SystemExit(1)
""")
    with pytest.raises(ToolError) as caught:
        build_bitstream(BOARD, NETWORK, BUILD, tmp_path / "out")
    told = str(caught.value)
    assert told.startswith("yosys failed: Assert `abc` failed in abc9.cc:7 (all of its output is")
    log = Path(told.rpartition(" is in ")[2].removesuffix(")"))
    assert "Warning: x" in log.read_text()


def test_board_with_a_vendors_tools_gets_a_folder_of_scripts(tmp_path, monkeypatch):
    fake_yosys(tmp_path, monkeypatch, """
import json
assert "synth_xilinx" in open("count.ys").read() and "PLLE2_BASE" in open("crosswall.v").read()
json.dump({"design": {"num_cells_by_type": {"LUT6": 5200, "RAMB36E1": 4}}},
          open("yosys-stat.json", "w"))
""")
    board = find_fpga_board("arty-a7")
    folder = tmp_path / "my scripts"
    scripts = build_scripts(board, NETWORK, dataclasses.replace(BUILD, store=0), folder)
    assert scripts.needed == {"LUT": 5200, "block RAM": 8}
    assert "5200 of  20800   25.0 %" in scripts.as_text()
    assert (folder / "build_crosswall.sh").exists()
    assert "xc7a35ti" in (folder / "crosswall.tcl").read_text()
    assert "clk100" in (folder / "crosswall.xdc").read_text()
    assert scripts.command == f"cd '{folder}' && bash build_crosswall.sh"
