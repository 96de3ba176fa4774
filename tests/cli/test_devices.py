"""Devices of a folder at the command line: boards are refused with the command that mends it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crosswall.experiment import Experiment
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from tests.board.fake_board import FakeBoard, on_terminal
from tests.device.tables import DECREASING, INCREASING, table_text

RUN = ("--train", 20, "--test", 10, "--no-plots", "--json", "--force")
BUILD = Build(lanes=8, readout_lanes=4)


@pytest.fixture
def four(tmp_path: Path) -> str:
    """A folder of four devices, with a space in its name; relative, as a user gives it."""
    folder = tmp_path / "my devices"
    folder.mkdir()
    for number in range(4):
        for word, rows in (("increasing", INCREASING), ("decreasing", DECREASING)):
            scaled = [[value * (1 + number) / 4 for value in row] for row in rows]
            (folder / f"dG_{word}{number}.txt").write_text(table_text(scaled))
    return "my devices"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Network, Path]]]:
    """Networks and folders of the bitstreams that are built; a bitstream is an empty file."""
    bitstream = pytest.importorskip("crosswall_boards.bitstream")
    calls: list[tuple[Network, Path]] = []

    def build(board: Any, network: Network, how: Build, folder: Path, **options: Any) -> Any:
        folder.mkdir(parents=True)
        (folder / "crosswall.bin").touch()
        calls.append((network, folder))
        report = bitstream.BuildReport(board.name, {}, network.digest(), 0, {}, {})
        return bitstream.Bitstream(folder / "crosswall.bin", report)

    monkeypatch.setattr(bitstream, "build_bitstream", build)
    monkeypatch.setattr(bitstream, "flash", lambda board, path, dry_run: str(path))
    yield calls


def commands(message: str) -> list[list[str]]:
    """The calls of crosswall that a message names."""
    return [shlex.split(part)[1:] for part in message.split("`")[1::2]]


def test_run_uses_all_devices_of_a_folder_and_says_so(crosswall, small, four):
    outcome = crosswall("run", small, "--device", four, *RUN)
    result = json.loads(outcome.stdout)
    assert result["devices"]["used"] == {"clustering": 4, "readout": 4}
    assert result["devices"]["variants"] == 4
    assert "each synapse is one of its 4 devices" in outcome.stderr
    first = crosswall("run", small, "--device", four, "--variants", 1, *RUN)
    assert "only the first of its 4 devices is used; --variants all takes all" in first.stderr
    alone = crosswall("run", small, "--device", f"{four}/dG_increasing0.txt", *RUN)
    ledgers = [json.loads(each.stdout)["ledger"] for each in (outcome, first, alone)]
    assert ledgers[0] != ledgers[1] == ledgers[2]


def test_number_of_variants_that_no_table_has_is_refused(crosswall, small, four):
    assert "'3' is not one of 'all', '1', '2', '4', '8', '16'" in crosswall.fails(
        2, "run", small, "--device", four, "--variants", 3)


def test_board_is_refused_with_commands_that_work(crosswall, small, four, built):
    board = FakeBoard(Experiment.load(str(small)).network(), BUILD, name="icebreaker")
    arguments = ("run", small, "--device", four, *RUN)
    with on_terminal(board) as port:
        message = crosswall.fails(7, *arguments, "--port", port)
        for other in (("verify", small, "--device", four, "--port", port),
                      ("snapshot", "save", small, "state.npz", "--device", four, "--port", port)):
            assert crosswall.fails(7, *other) == message
        assert board.samples == 0
        kept = crosswall(*arguments, "--variants", 1, "--port", port)
    assert message.startswith("board icebreaker was built for 1 device variant, the experiment has "
                              "4 device variants; build and flash it: ")
    assert message.endswith("or take what the board has with --variants 1")
    build, flash = commands(message)
    assert build == ["build", "icebreaker", str(small), "--device", four]
    assert crosswall(*build).exit_code == 0
    ((network, folder),) = built
    assert crosswall(*flash).stdout.strip() == str(folder / "crosswall.bin")
    twin = crosswall(*arguments)
    with on_terminal(FakeBoard(network, BUILD, name="icebreaker")) as port:
        rebuilt = crosswall(*arguments, "--port", port)
        saved = crosswall("snapshot", "save", small, "state.npz", "--device", four, "--port", port)
    assert saved.exit_code == 0, saved.output
    one = crosswall(*arguments, "--variants", 1)
    for there, here in ((rebuilt, twin), (kept, one)):
        assert json.loads(there.stdout)["ledger"] == json.loads(here.stdout)["ledger"]


def test_board_of_another_network_is_refused_with_the_command_too(crosswall, small):
    board = FakeBoard(Experiment.load(str(small)).network(), BUILD, name="icebreaker")
    small.write_text(small.read_text().replace("neurons = 8", "neurons = 16"))
    with on_terminal(board) as port:
        message = crosswall.fails(7, "run", small, "--variants", 2, "--port", port)
    assert "16 neurons" in message
    assert commands(message)[0] == ["build", "icebreaker", str(small), "--variants", "2"]


def test_builds_of_other_numbers_of_variants_have_folders_of_their_own(
        crosswall, small, four, built):
    for options, name in (((), "icebreaker-small"), (("--variants", 1), None),
                          (("--device", four, "--variants", 1), None),
                          (("--device", four), "icebreaker-small-variants-4"),
                          (("--variants", 16, "--lanes", 4),
                           "icebreaker-small-lanes-4-variants-16")):
        if name is None:  # the same as the first
            assert crosswall("flash", "icebreaker", small, *options).stdout.strip() \
                == "build/icebreaker-small/crosswall.bin"
            continue
        crosswall("build", "icebreaker", small, *options)
        assert built[-1][1] == Path("build", name)
        assert crosswall("flash", "icebreaker", small, *options).exit_code == 0
    assert [network.variant_bits for network, _ in built] == [0, 2, 4]


def test_flash_before_a_build_names_the_options_of_the_build(crosswall, small, four):
    pytest.importorskip("crosswall_boards.bitstream")
    message = crosswall.fails(2, "flash", "icebreaker", small, "--device", four)
    assert commands(message) == [["build", "icebreaker", str(small), "--device", four]]


def test_cost_counts_the_tables_of_all_variants(crosswall, small, four):
    pytest.importorskip("crosswall_boards.cost")
    bits = [json.loads(crosswall("cost", small, "--device", four, *options, "--samples", 2,
                                 "--json").stdout)["memory_bits"]["clustering_steps"]
            for options in ((), ("--variants", 1))]
    # 16 bits for each of 2 directions, 32 bins and 16 quantiles.
    assert bits == [4 * 16384, 16384]


def test_device_show_says_how_many_of_more_than_sixteen_are_shown(crosswall, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(17):
        for word, rows in (("increasing", INCREASING), ("decreasing", DECREASING)):
            (folder / f"dG_{word}{number}.txt").write_text(table_text(rows))
    outcome = crosswall("device", "show", "many", "--json")
    assert json.loads(outcome.stdout)["devices"] == 16
    assert "only the first 16 of its 17 devices are used" in outcome.stderr
