"""Ctrl-C in a real process: exit 130, the run is saved and goes on to the same result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crosswall.experiment import run as run_experiment

HOST = Path(__file__).resolve().parents[2] / "host"
COMMAND = [sys.executable, "-c", "from crosswall.cli import main; main()"]


def command(folder: Path, *arguments: object) -> subprocess.Popen[str]:
    paths = os.pathsep.join(filter(None, [str(HOST), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": paths})


@pytest.fixture
def long(small: Path) -> Path:
    """The small experiment with seconds of teaching, for a signal to meet."""
    small.write_text(small.read_text().replace("samples = 90", "samples = 150000"))
    return small


def start(folder: Path, experiment: Path) -> subprocess.Popen[str]:
    """A run that is past its first phase."""
    run = command(folder, "run", experiment, "--out", "out", "--no-plots", "--json")
    line = run.stderr.readline()
    assert line.startswith("crosswall: cluster"), line
    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_is_saved_and_goes_on(long, tmp_path, number):
    run = start(tmp_path, long)
    run.send_signal(number)
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 130 and output == ""
    assert errors.splitlines()[-1].startswith("crosswall: error: stopped after ")
    assert "crosswall run --resume out" in errors and "Traceback" not in errors
    assert {path.name for path in tmp_path.iterdir()} == {"out.unfinished"}

    if number == signal.SIGTERM:
        return
    saved = json.loads((tmp_path / "out.unfinished" / "resume.json").read_text())
    assert 60 <= saved["done"] < saved["samples"]
    finished = command(tmp_path, "run", "--resume", "out", "--no-plots", "--json", "-q")
    output, errors = finished.communicate(timeout=120)
    assert finished.returncode == 0, errors
    assert json.loads(output)["ledger"] == run_experiment(str(long))["ledger"]


def test_two_signals_stop_at_once(long, tmp_path):
    run = start(tmp_path, long)
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in errors


def test_output_into_a_closed_pipe_ends_quietly(tmp_path):
    listing = command(tmp_path, "presets", "keys")
    listing.stdout.close()
    assert listing.wait(timeout=60) == 128 + signal.SIGPIPE
    assert listing.stderr.read() == ""
    listing.stderr.close()
