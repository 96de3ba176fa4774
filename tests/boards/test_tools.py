"""External tools: what is said when they are missing or fail."""

import shlex
import sys

import pytest

from crosswall.errors import ToolError
from crosswall_boards.tools import (
    last_error,
    require_package,
    require_programs,
    run_tool,
    wheel_program,
)


def one_line(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_missing_programs_are_named_with_the_command_that_installs_them(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError) as caught:
        require_programs(("g++", "g++"), ("make", "make"))
    assert "g++, make" in one_line(caught)
    assert "apt-get install -y g++ make" in one_line(caught)


def test_missing_package_names_the_extra():
    with pytest.raises(ToolError) as caught:
        require_package("no_such_package", "build")
    assert "no_such_package" in one_line(caught)
    assert "crosswall[build]" in one_line(caught)


def test_environment_variable_chooses_another_program(monkeypatch):
    monkeypatch.setenv("YOSYS", shlex.join([sys.executable, "-m", "other"]))
    assert wheel_program("YOSYS", "sys", "f", "build") == [sys.executable, "-m", "other"]
    monkeypatch.setenv("YOSYS", "no-such-program")
    with pytest.raises(ToolError, match="YOSYS names no-such-program"):
        wheel_program("YOSYS", "sys", "f", "build")


def test_failed_tool_tells_its_first_error_and_keeps_the_log(tmp_path):
    program = "print('reading'); print('ERROR: too big'); print('at end'); raise SystemExit(3)"
    log = tmp_path / "log"
    lines = []
    with pytest.raises(ToolError) as caught:
        run_tool("placer", [sys.executable, "-c", program], folder=tmp_path, log=log,
                 on_line=lines.append)
    assert one_line(caught) == (
        f"placer failed: ERROR: too big (all of its output is in {log})")
    assert log.read_text() == "reading\nERROR: too big\nat end\n"
    assert lines == ["reading", "ERROR: too big", "at end"]


@pytest.mark.parametrize(("text", "told"), [
    ("one\nERROR: no such cell\ntwo\n", "ERROR: no such cell"),
    ("Error: a\nAssertion `x' failed in y.cc:3\n", "Assertion `x' failed in y.cc:3"),
    ("all\nis well\n\n", "is well"), ("", "")])
def test_last_error_of_a_log_is_found(tmp_path, text, told):
    log = tmp_path / "log"
    log.write_text(text)
    assert last_error(log) == told
    assert last_error(tmp_path / "none") == ""
