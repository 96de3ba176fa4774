"""Every command in the documents is run or, where it needs hardware, checked to its options."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from sklearn import datasets

from crosswall.cli import main
from crosswall.errors import exit_codes
from crosswall.experiment import Experiment, config, run
from crosswall.study import file as study_file

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str, language: str = "sh") -> list[str]:
    """The lines of a document's fenced blocks of one language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()
            if line.strip() and not line.startswith("#")]


ALL = list(dict.fromkeys(
    command for document in DOCUMENTS for command in commands(document.read_text())
    if command.startswith("crosswall ")))
HARDWARE = [command for command in ALL if "/dev/" in command or " build " in command
            or " flash " in command]
STUDIES = [command for command in ALL if command.startswith("crosswall study ")
           and "my-study" not in command]
"""Studies that take minutes: their points are listed. The small one for a reader's start is run."""
SOFTWARE = [command for command in ALL if command not in [*HARDWARE, *STUDIES]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where a reader would be: a checkout with ``../shared`` beside it, and data of their own."""
    root = tmp_path_factory.mktemp("reader")
    (root / "checkout").mkdir()
    if SHARED.is_dir():
        (root / "shared").mkdir()
        (root / "shared" / "data").symlink_to(SHARED)
    random = np.random.default_rng(1)
    labels = np.arange(120) % 10
    images = random.integers(0, 60, (120, 8, 8)) + 15 * labels[:, None, None]
    np.savez(root / "checkout" / "my-data.npz", x=images.astype(np.uint8), y=labels)
    write_flowers(root / "checkout" / "flowers.csv")
    return root / "checkout"


def write_flowers(path: Path) -> None:
    """Iris as a table whose label is a word in the first column, of no usual name."""
    found = datasets.load_iris()
    rows = [",".join([str(found.target_names[label]), *map(str, values)])
            for values, label in zip(found.data, found.target, strict=True)]
    path.write_text("\n".join(["kind,sepal,width,petal,width", *rows]) + "\n")


@pytest.mark.parametrize("command", SOFTWARE)
def test_command_works(command: str, folder: Path):
    if "shared/data" in command and not SHARED.is_dir():
        pytest.skip("../shared/data is not here")
    if "stt-300k" in command:
        command = command.replace("stt-300k", str(SHARED / "dwmtj-lut/STT/300K"))
    words = command.replace("crosswall", f"{shlex.quote(sys.executable)} -m crosswall", 1)
    done = subprocess.run(words, shell=True, cwd=folder, capture_output=True, text=True,
                          timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout or ">" in command


@pytest.mark.parametrize("command", STUDIES)
def test_points_of_a_study_are_valid(command: str, monkeypatch: pytest.MonkeyPatch):
    # Micromagnetic tables may not be here; the study's own test tells whether they are named right.
    monkeypatch.setattr(Experiment, "check", lambda self: None)
    # What says how it is run has no effect on a list.
    words = re.sub(r" --(out|jobs) \S+", "", command)
    listed = CliRunner().invoke(main, [*shlex.split(words)[1:], "--list"])
    assert listed.exit_code == 0 and listed.stdout, listed.output


@pytest.mark.parametrize("command", HARDWARE)
def test_command_for_hardware_has_valid_options(command: str):
    group, words = main, shlex.split(command)[1:]
    while isinstance(group, click.Group):
        name, found, words = group.resolve_command(click.Context(group), words)
        assert found is not None, f"no command {name}"
        group = found
    group.make_context(command, words)


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    shown = [command for command in commands((ROOT / "README.md").read_text())
             if command.startswith("make ")]
    assert shown == ["make demo", "make test"]
    for command in shown:
        assert f"\n{command.removeprefix('make ')}:" in makefile


def test_the_python_example_runs(folder: Path):
    (example,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(),
                            re.MULTILINE | re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    accuracy, joules = map(float, done.stdout.split())
    assert 0.8 < accuracy <= 1 and 0 < joules < 1e-6


def test_the_reference_of_the_experiment_file_is_up_to_date():
    text = (ROOT / "docs" / "experiment.md").read_text()
    assert text.endswith("## Keys\n\n" + config.reference())


def test_the_reference_of_the_study_file_is_up_to_date():
    text = (ROOT / "docs" / "studies.md").read_text()
    assert text.endswith("## Keys\n\n" + study_file.reference())


def test_every_study_is_documented_with_its_command():
    shown = (ROOT / "docs" / "results.md").read_text()
    for name in study_file.study_names():
        assert f"\ncrosswall study {name}" in shown, name


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_exit_codes_are_those_documented():
    text = (ROOT / "docs" / "result.md").read_text().split("## Exit codes")[1]
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", text, re.MULTILINE)
    assert documented == [(str(row.code), row.meaning) for row in exit_codes()]


def test_result_keys_and_files_are_those_documented(tmp_path: Path):
    text = (ROOT / "docs" / "result.md").read_text()
    rows = text.split("## result.json")[1].split("## Exit codes")[0]
    documented = {key for row in rows.splitlines() if row.startswith("| `")
                  for key in re.findall(r"`(\w+)`", row.split("|")[1])}
    experiment = Experiment.load("digits").with_options(train=20, test=10)
    result = run(experiment, board="twin", out=tmp_path / "out")
    assert set(result) == documented
    for path in (tmp_path / "out").iterdir():
        assert f"`{path.name}`" in text
    with np.load(tmp_path / "out" / "samples.npz") as archive:
        for name in archive.files:
            assert f"`{name}`" in text
