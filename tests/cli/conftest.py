"""The command line in this process, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crosswall.cli import main

SMALL = """
[experiment]
name = "small"
seed = 3

[data]
source = "digits"
shape = [8, 8]
classes = 10
train = 60
test = 20

[geometry]
kind = "receptive-fields"
field = 3
stride = 2
regions = 2
neurons = 8
winners = 2

[[phases]]
kind = "cluster"
pulse_lengths = [8, 2]

[[phases]]
kind = "teach"
samples = 90
gate_shifts = [2, 4]

[[phases]]
kind = "evaluate"
"""


class CommandLine:
    """Calls commands as a shell would."""

    def __call__(self, *arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments],
                                  prog_name="crosswall")

    def fails(self, code: int, *arguments: object) -> str:
        """Call a command that must fail with an exit code; returns its one line."""
        result = self(*arguments)
        lines = [line for line in result.stderr.splitlines()
                 if line.startswith("crosswall: error: ")]
        assert result.exit_code == code, result.output
        assert len(lines) == 1 and result.stderr.endswith(lines[0] + "\n"), result.stderr
        assert "Traceback" not in result.output
        return lines[0].removeprefix("crosswall: error: ")


@pytest.fixture
def crosswall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSWALL_DEBUG", raising=False)
    return CommandLine()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small experiment's file, beside the folder that commands run in."""
    folder = tmp_path.parent / f"{tmp_path.name}-experiment"
    folder.mkdir()
    path = folder / "small.toml"
    path.write_text(SMALL)
    return path
