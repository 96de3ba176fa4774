"""Ctrl-C, `kill` or a terminal that is closed, in a real process: exit 130, the run is saved and
goes on to the same result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from crosswall.cli.stopping import stopping
from crosswall.experiment import run as run_experiment

HOST = Path(__file__).resolve().parents[2] / "host"

COMMAND = """
import signal
from crosswall.cli import main

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # ignored where tests run unattended
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
main()
"""

INTERRUPTED = """
import os
import sys
from crosswall.cli import progress
from crosswall.experiment.runner import PhaseFinished

numbers = [int(number) for number in sys.argv.pop(1).split(",")]
show = progress.RunDisplay.__call__

def show_and_interrupt(display, event):
    show(display, event)
    if isinstance(event, PhaseFinished) and event.span.kind == "cluster":
        for number in numbers:
            os.kill(os.getpid(), number)

progress.RunDisplay.__call__ = show_and_interrupt
""" + COMMAND
"""The command, which gets signals when its first phase is finished."""


def command(folder: Path, *arguments: object, code: str = COMMAND) -> subprocess.Popen[str]:
    paths = os.pathsep.join(filter(None, [str(HOST), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=folder,
                            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": paths})


def interrupted(folder: Path, experiment: Path, *numbers: signal.Signals) -> str:
    """What a run says that signals end with exit 130."""
    run = command(folder, ",".join(str(int(number)) for number in numbers), "run", experiment,
                  "--out", "out", "--no-plots", "--json", code=INTERRUPTED)
    output, errors = run.communicate()
    assert run.returncode == 130 and output == "", errors
    assert "Traceback" not in errors
    return errors


def resume(folder: Path) -> dict:
    finished = command(folder, "run", "--resume", "out", "--no-plots", "--json", "-q")
    output, errors = finished.communicate()
    assert finished.returncode == 0, errors
    return json.loads(output)


@pytest.mark.parametrize("numbers", [
    (signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGHUP, signal.SIGHUP)],
    ids=lambda numbers: " ".join(number.name for number in numbers))
def test_interrupted_run_is_saved_and_goes_on(small, tmp_path, numbers):
    errors = interrupted(tmp_path, small, *numbers)
    assert errors.splitlines()[-1].startswith("crosswall: error: stopped after ")
    assert "crosswall run --resume out" in errors
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"unfinished.npz"}
    with np.load(tmp_path / "out" / "unfinished.npz") as archive:
        saved = json.loads(str(archive["run"]))
    assert 60 <= saved["done"] < saved["samples"]
    assert resume(tmp_path)["ledger"] == run_experiment(str(small))["ledger"]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_two_signals_stop_at_once(small, tmp_path, second):
    errors = interrupted(tmp_path, small, signal.SIGINT, second)
    assert errors.splitlines()[-1] == "crosswall: error: interrupted"


def test_a_run_under_nohup_is_not_stopped_by_the_end_of_its_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(Console(stderr=True)) as stop:
            stop.armed = True
            signal.raise_signal(signal.SIGHUP)
            assert not stop.asked
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_output_into_a_closed_pipe_ends_quietly(tmp_path):
    listing = command(tmp_path, "presets", "keys")
    listing.stdout.close()
    assert listing.wait() == 128 + signal.SIGPIPE
    assert listing.stderr.read() == ""
    listing.stderr.close()
