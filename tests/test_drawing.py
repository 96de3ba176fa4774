"""Figures are drawn whatever matplotlib's environment says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosswall.drawing import spared

HOST = Path(__file__).parents[1] / "host"


def test_a_notebooks_backend_that_is_not_installed_is_no_obstacle(tmp_path):
    pytest.importorskip("matplotlib")
    code = """
        import os
        from crosswall.drawing import available, new_figure
        print(available())
        new_figure((2, 2)).savefig("picture.png")
        print(os.environ["MPLBACKEND"])
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(map(str.strip, code.splitlines()))], cwd=tmp_path,
        capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(HOST), "MPLBACKEND": "module://no_such.notebook"})
    assert done.stdout.split() == ["True", "module://no_such.notebook"], done.stderr
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("error", "told"), [
    (RuntimeError("no such\nfont"), "no such font"), (AssertionError(), "AssertionError")])
def test_a_fault_of_drawing_is_told_in_one_line(error, told):
    said: list[str] = []
    with spared("the results", said.append):
        raise error
    assert said == [f"no plots, the results are complete: {told}"]
