"""The main job as a user runs it: digits through the pseudo-terminal of the virtual board."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crosswall.experiment import Experiment
from crosswall.twin import MachineState
from crosswall_boards.registry import find_board
from crosswall_boards.virtual import VirtualBoard

COMMAND = [sys.executable, "-m", "crosswall"]
TRAIN = 40
"""Training samples: two passes of clustering, ten of teaching."""


def crosswall(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=folder, capture_output=True,
                          text=True, timeout=300)


def run_digits(folder: Path, out: str, *arguments: object) -> dict:
    done = crosswall(folder, "run", "digits", "--train", TRAIN, "--test", 20, "--no-plots",
                     "--read-back", "all", "--out", out, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def network():
    return Experiment.load("digits").network()


@pytest.fixture(scope="module")
def port(network):
    """Where a board is plugged in that outlives the commands which use it."""
    with VirtualBoard(network, find_board("virtual").choose_build(network)) as board:
        yield board.port


@pytest.fixture(scope="module")
def on_twin(tmp_path_factory):
    """A run on the twin: its folder and its result."""
    folder = tmp_path_factory.mktemp("twin")
    return folder / "out", run_digits(folder, "out", "--board", "twin")


def assert_same_run(out: Path, result: dict, on_twin, network) -> None:
    """Everything but speed and names is equal: results, learned state, ledger, energy."""
    twin_out, twin_result = on_twin
    for key in ("accuracy", "prequential_accuracy", "cluster_purity", "nmi", "energy_joules",
                "ledger", "confusion", "seed", "samples"):
        assert result[key] == twin_result[key], key
    with np.load(out / "samples.npz") as here, np.load(twin_out / "samples.npz") as there:
        assert set(here.files) == set(there.files)
        for name in here.files:
            assert np.array_equal(here[name], there[name]), name
    state = MachineState.load(out / "snapshot.npz", network)
    expected = MachineState.load(twin_out / "snapshot.npz", network)
    assert list(expected.differences(state)) == []


@pytest.mark.parametrize("wire", ["uart", "bytes"])
def test_run_on_the_virtual_board_equals_the_run_on_the_twin(tmp_path, on_twin, network, wire):
    result = run_digits(tmp_path, "out", "--board", "virtual", "--wire", wire)
    assert result["board"] == "virtual"
    assert_same_run(tmp_path / "out", result, on_twin, network)


def test_verify_finds_no_difference(tmp_path):
    done = crosswall(tmp_path, "verify", "digits", "--board", "virtual", "--samples", 60, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["samples"] == 60 and found["mismatches"] == 0
    assert {"predictions", "winners", "scores", "clustering_walls", "readout_walls", "thresholds",
            "ledger"} <= set(found["compared_by_quantity"])
    assert found["compared"] == sum(found["compared_by_quantity"].values())


def test_interrupted_run_goes_on_to_the_same_result(tmp_path, on_twin, network):
    run = subprocess.Popen(
        [*COMMAND, "run", "digits", "--train", str(TRAIN), "--test", "20", "--no-plots",
         "--read-back", "all", "--out", "out", "--board", "virtual"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in run.stderr:
        if line.startswith("crosswall: cluster: "):
            break
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=120)
    assert run.returncode == 130 and output == "", errors
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["unfinished.npz"]
    done = crosswall(tmp_path, "run", "--resume", "out", "--board", "virtual", "--no-plots",
                     "--json")
    assert done.returncode == 0, done.stderr
    assert_same_run(tmp_path / "out", json.loads(done.stdout), on_twin, network)


def test_state_survives_the_host_and_moves_by_snapshot(tmp_path, port, on_twin, network):
    result = run_digits(tmp_path, "out", "--port", port)
    assert result["board"] == "virtual"
    saved = crosswall(tmp_path, "snapshot", "save", "digits", "state.npz", "--port", port)
    assert saved.returncode == 0, saved.stderr
    expected = MachineState.load(on_twin[0] / "snapshot.npz", network)
    assert list(expected.differences(MachineState.load(tmp_path / "state.npz", network))) == []

    other = MachineState.initial(network, seed=99)
    other.next_sample = 7
    other.save(tmp_path / "other.npz", network)
    restored = crosswall(tmp_path, "snapshot", "restore", "digits", "other.npz", "--port", port)
    assert restored.returncode == 0, restored.stderr
    again = crosswall(tmp_path, "snapshot", "save", "digits", "again.npz", "--port", port)
    assert again.returncode == 0, again.stderr
    assert list(other.differences(MachineState.load(tmp_path / "again.npz", network))) == []
