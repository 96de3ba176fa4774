"""What the commands print and write."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from crosswall.cli.main import COMMANDS, main
from crosswall.errors import HostError, Interrupted, exit_codes
from crosswall.experiment import Experiment, Plan, run
from crosswall.spec.build import Build
from tests.board.fake_board import FakeBoard, on_terminal
from tests.near import near


def fake_board(path: Path, **options) -> FakeBoard:
    return FakeBoard(Plan.make(Experiment.load(str(path))).network,
                     Build(lanes=8, readout_lanes=4), **options)


def test_help_lists_every_command_and_exit_code(crosswall):
    text = crosswall("--help").stdout
    for name, (_, line) in COMMANDS.items():
        assert f"{name} " in text and line[:30] in text
    for row in exit_codes():
        assert f"{row.code}  {row.meaning}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(crosswall, name):
    command = main.get_command(None, name)
    assert command.help
    for sub in getattr(command, "commands", {}).values():
        assert sub.help
    assert crosswall(name, "--help").exit_code == 0


def test_run_writes_its_folder_and_prints_a_summary(crosswall, small, tmp_path):
    result = crosswall("run", small, "--out", "out")
    assert result.exit_code == 0
    assert result.stdout.startswith("accuracy")
    assert "cluster: 60 samples" in result.stderr
    assert (tmp_path / "out" / "summary.png").exists()


def test_run_without_out_writes_below_runs(crosswall, small, tmp_path):
    crosswall("run", small, "--no-plots")
    assert (tmp_path / "runs" / "small-twin" / "result.json").exists()


def test_json_is_one_object_and_the_same_as_the_file(crosswall, small, tmp_path):
    result = crosswall("run", small, "--out", "out", "--json", "--quiet", "--no-plots")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out/result.json").read_text())
    assert result.stderr == ""


def test_options_replace_values_of_the_file(crosswall, small):
    result = json.loads(crosswall(
        "run", small, "--train", 30, "--test", 10, "--seed", 9, "--read-back", "class",
        "--no-plots", "--json").stdout)
    assert result["data"] | {"name": "digits", "train": 30, "test": 10, "wrong_labels": 0} \
        == result["data"]
    assert result["seed"] == 9 and result["nmi"] is None


def test_device_option_replaces_the_device(crosswall, small, tmp_path):
    (tmp_path / "coarse.toml").write_text('kind = "ideal"\nstep = 0.1\n')
    result = json.loads(crosswall("run", small, "--device", "coarse.toml", "--no-plots",
                                  "--json").stdout)
    assert result["devices"]["clustering"] == "coarse"


def test_data_option_names_the_data(crosswall, small, tmp_path, rng):
    np.savez(tmp_path / "own.npz", x=rng.integers(0, 255, (200, 8, 8), np.uint8),
             y=np.arange(200) % 10)
    result = json.loads(crosswall("run", small, "--data", "own.npz", "--no-plots",
                                  "--json").stdout)
    assert result["data"]["train"] == 60


def test_verify_of_equal_boards_succeeds(crosswall, small):
    result = crosswall("verify", small, "--board", "twin", "--samples", 30, "--json", "-q")
    about = json.loads(result.stdout)
    assert result.exit_code == 0 and about["mismatches"] == 0 and about["samples"] == 30
    assert about["compared"] > 1000


def test_run_on_a_port_equals_the_run_on_the_twin(crosswall, small):
    board = fake_board(small)
    arguments = ("run", small, "--train", 20, "--test", 10, "--no-plots", "--json")
    with on_terminal(board) as port:
        there = json.loads(crosswall(*arguments, "--port", port).stdout)
    here = json.loads(crosswall(*arguments).stdout)
    assert there["board"] == "fake"
    for key in ("ledger", "accuracy", "confusion", "nmi", "energy_joules"):
        assert there[key] == here[key]


def test_verify_names_the_first_difference_of_a_board(crosswall, small):
    board = fake_board(small)
    board.fault = 13
    with on_terminal(board) as port:
        message = crosswall.fails(1, "verify", small, "--port", port, "--samples", 40)
    assert message.startswith("fake differs from the twin at sample ") and "expected" in message


def test_info_identifies_the_board_at_a_port(crosswall, small):
    with on_terminal(fake_board(small, name="bench-1")) as port:
        result = crosswall("info", "--port", port)
        about = json.loads(crosswall("info", "--port", port, "--json").stdout)
    assert "bench-1" in result.stdout
    assert about["size"]["neurons"] == 8 and about["build"]["lanes"] == 8


def test_info_without_a_port_says_what_is_installed(crosswall):
    about = json.loads(crosswall("info", "--json").stdout)
    assert about["versions"]["numpy"] == np.__version__ and "ports" in about


def test_snapshot_saves_and_restores_a_board(crosswall, small, tmp_path):
    board = fake_board(small)
    with on_terminal(board) as port:
        crosswall("run", small, "--train", 20, "--test", 5, "--no-plots", "--port", port)
        learned = board.state
        saved = crosswall("snapshot", "save", small, "state.npz", "--port", port)
        assert saved.exit_code == 0, saved.output
        for memory in board.memories.values():
            memory[:] = 0
        restored = crosswall("snapshot", "restore", small, "state.npz", "--port", port, "--json")
    assert json.loads(restored.stdout)["next_sample"] == learned.next_sample > 0
    assert list(learned.differences(board.state)) == []


def test_boards_lists_twin_and_virtual(crosswall):
    names = [board["name"] for board in json.loads(crosswall("boards", "--json").stdout)]
    assert names[:2] == ["twin", "virtual"]
    assert crosswall("boards").stdout.startswith("twin")


def test_presets_are_listed_and_shown(crosswall, tmp_path):
    assert "digits" in crosswall("presets", "list").stdout
    (tmp_path / "mine.toml").write_text(crosswall("presets", "show", "digits").stdout)
    assert Experiment.load(str(tmp_path / "mine.toml")).file == Experiment.load("digits").file
    assert "| `neurons` |" in crosswall("presets", "keys").stdout


def test_device_show_describes_and_draws_nothing_unasked(crosswall, tmp_path):
    result = crosswall("device", "show", "ideal")
    assert result.exit_code == 0
    assert "levels" in result.stdout and "257" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_device_show_describes_before_it_fails_to_draw(crosswall, tmp_path):
    (tmp_path / "file").write_text("precious")
    result = crosswall("device", "show", "ideal", "--plot", "file/picture.png")
    assert "levels" in result.stdout
    assert result.exit_code == HostError.exit_code
    assert result.stderr.startswith("crosswall: error: file") and result.stderr.count("\n") == 1


def test_device_show_gives_json_and_draws_where_it_is_told(crosswall, tmp_path):
    result = crosswall("device", "show", "ideal", "--plot", "d.png", "--json")
    assert json.loads(result.stdout)["levels"] == near(257)
    assert [path.name for path in tmp_path.iterdir()] == ["d.png"]


def test_bench_of_the_twin_measures_every_phase(crosswall, small):
    about = json.loads(crosswall("bench", "twin", small, "--samples", 64, "--json").stdout)
    assert set(about["samples_per_second"]) == {"clustering", "readout", "online", "inference"}
    assert all(rate > 0 for rate in about["samples_per_second"].values())
    assert about["data"] == "data set"


def test_bench_of_the_twin_works_without_the_data(crosswall, small):
    small.write_text(small.read_text().replace('"digits"', '"nowhere.npz"'))
    about = json.loads(crosswall("bench", "twin", small, "--samples", 32, "--json").stdout)
    assert "random strokes" in about["data"]


def test_resume_moves_a_run_from_the_twin_to_a_board(crosswall, small, tmp_path):
    chosen = Experiment.load(str(small)).with_options(train=20, test=10)
    whole = run(chosen)
    asked = iter([False] * 2 + [True] * 9)
    with pytest.raises(Interrupted):
        run(chosen, out=tmp_path / "out", stop=lambda: next(asked))
    board = fake_board(small)
    with on_terminal(board) as port:
        result = crosswall("run", "--resume", "out", "--port", port, "--no-plots", "--json")
    assert json.loads(result.stdout)["ledger"] == whole["ledger"] and board.samples > 0


def test_identity_of_the_result_is_the_boards(crosswall, small):
    board = fake_board(small, name="mine")
    with on_terminal(board) as port:
        about = json.loads(crosswall("run", small, "--train", 10, "--test", 5, "--no-plots",
                                     "--json", "--port", port).stdout)
    assert about["board_identity"]["build"] == dataclasses.asdict(
        Build(lanes=8, readout_lanes=4))


def test_a_machine_that_has_learned_is_predicted_to_be_taught_less(crosswall):
    fresh, learned = (json.loads(crosswall("cost", "digits", "--samples", "8", "--json",
                                           "--learned", count).stdout) for count in ("0", "600"))
    teaching = [about["phases"]["readout"]["stations"]["teach"] for about in (fresh, learned)]
    assert teaching[1] < teaching[0]
    assert learned["learned"] == 600
