"""Standard streams that are closed, full or of a narrow encoding, as a shell leaves them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from crosswall.errors import HostError

HOST = Path(__file__).resolve().parents[2] / "host"
COMMAND = shlex.join([sys.executable, "-c", "from crosswall.cli import main; main()"])
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(filter(None, [str(HOST), os.environ.get("PYTHONPATH")]))
    return subprocess.run(["sh", "-c", f"{COMMAND} {line}"], cwd=folder, text=True,
                          capture_output=True, timeout=120, encoding="latin-1",
                          env={**os.environ, "PYTHONPATH": paths, **environment})


@pytest.mark.parametrize(("redirection", "words"), [
    (">&-", "standard output is closed"),
    pytest.param("> /dev/full", "standard output: No space left on device", marks=FULL),
])
def test_data_that_cannot_be_printed_are_one_line_and_exit_9(tmp_path, redirection, words):
    done = shell(tmp_path, f"presets show digits {redirection}")
    assert done.returncode == HostError.exit_code
    assert done.stderr.startswith(f"crosswall: error: {words}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2> /dev/full", marks=FULL)])
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(tmp_path, redirection):
    assert shell(tmp_path, f"presets show digist {redirection}").returncode == 3
    assert shell(tmp_path, f"presets show digits >&- {redirection}").returncode == 9
    done = shell(tmp_path, f"presets show digits {redirection}")
    assert done.returncode == 0 and "[experiment]" in done.stdout


@pytest.mark.parametrize("redirection", [">&- 2>&-",
                                         pytest.param("> /dev/full 2> /dev/full", marks=FULL)])
def test_a_run_that_nobody_can_see_is_kept(small, tmp_path, redirection):
    done = shell(tmp_path, f"run {small} --out out --no-plots {redirection}")
    assert done.returncode == HostError.exit_code  # its summary was asked for
    assert json.loads((tmp_path / "out" / "result.json").read_text())["name"] == "small"


def test_files_do_not_take_the_place_of_closed_streams(tmp_path):
    # Without guard, the first file opened is descriptor 1, where the summary would go.
    done = shell(tmp_path, "device show ideal --plot picture.svg <&- >&- 2>&-")
    assert done.returncode == HostError.exit_code
    assert not list(tmp_path.iterdir())


def test_characters_that_an_encoding_lacks_become_escapes(tmp_path):
    done = shell(tmp_path, "device show ideal", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0 and done.stderr == ""
    assert "of the range, \\u03c3 0.000%" in done.stdout
