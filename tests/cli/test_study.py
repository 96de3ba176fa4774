"""``crosswall study``."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from crosswall.study.file import study_names, study_text
from tests.cli.test_interrupt import command
from tests.study.conftest import STUDY


@pytest.fixture
def study(small: Path) -> Path:
    """A study of the small experiment, beside it."""
    small.write_text(small.read_text() + '\n[device]\nkind = "ideal"\n')
    path = small.with_name("study.toml")
    path.write_text(STUDY)
    return path


def test_study_writes_its_folder_and_prints_its_table(crosswall, study, tmp_path):
    result = crosswall("study", study, "--seeds", 1, "--jobs", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout == (tmp_path / "studies/small-noise/table.md").read_text()
    lines = result.stderr.splitlines()
    assert lines[0] == "crosswall: 4 experiments to run, 0 known"
    assert lines[1].startswith("crosswall: 1/4 match, 0, seed 1: ")
    assert lines[-1].startswith("crosswall: written to studies/small-noise: table.md, table.csv")


def test_json_is_one_object(crosswall, study):
    result = crosswall("study", study, "--seeds", 1, "--jobs", 1, "--json", "--quiet",
                       "--no-plots", "--out", "here")
    rows = json.loads(result.stdout)["rows"]
    assert [row["places"] for row in rows] == [["match", "0"], ["match", "0.5"], ["stdp", "0"],
                                               ["stdp", "0.5"]]
    assert not Path("here/small-noise/accuracy.png").exists()


def test_list_names_studies_and_points_and_runs_nothing(crosswall, study, tmp_path):
    listed = crosswall("study", "--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(study_names())
    points = crosswall("study", study, "--list", "--seeds", 1)
    assert points.stdout == "match, 0: 1 seed\nmatch, 0.5: 1 seed\nstdp, 0: 1 seed\n" \
                            "stdp, 0.5: 1 seed\n"
    assert not list(tmp_path.iterdir())


def test_show_prints_the_file(crosswall):
    assert crosswall("study", "noise", "--show").stdout == study_text("noise")


@pytest.mark.parametrize(("arguments", "code", "words"), [
    ([], 2, "missing NAME or FILE.toml; studies are accuracy, "),
    (["nois"], 3, "no study or file 'nois' (did you mean 'noise'?)"),
    (["none.toml"], 3, "none.toml: cannot be read"),
    (["noise", "--train", "0"], 2, "'0' is not a number of samples, 1 or more, or 'all'"),
    (["noise", "--seeds", "0"], 2, "--seeds"),
    (["noise", "--data", "/nowhere"], 4, "--data /nowhere: no such file or folder"),
    (["tabular", "--data", "/"], 2, "--data /: has no effect, as study tabular uses only sets"),
])
def test_mistakes(crosswall, tmp_path, arguments, code, words):
    assert words in crosswall.fails(code, "study", *arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_study_keeps_what_is_finished_and_goes_on(study, tmp_path, jobs):
    experiment = study.with_name("small.toml")
    experiment.write_text(experiment.read_text().replace("samples = 90", "samples = 20000"))
    started = command(tmp_path, "study", study, "--jobs", jobs)
    while not (line := started.stderr.readline()).startswith("crosswall: 1/8 "):
        assert line, "ended too early"
    started.send_signal(signal.SIGINT)
    output, errors = started.communicate(timeout=60)
    assert started.returncode == 130 and output == ""
    assert "crosswall: error: stopped after " in errors.splitlines()[-1]
    assert "Traceback" not in errors
    kept = list((tmp_path / "studies/points").iterdir())
    assert 1 <= len(kept) < 8 and all(path.suffix == ".json" for path in kept)

    again = command(tmp_path, "study", study, "--jobs", 1, "--no-plots")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert f"{8 - len(kept)} experiments to run, {len(kept)} known" in errors
