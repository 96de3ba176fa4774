"""What no command foresaw: one line and a code of its own, or a traceback to report."""

import errno

import pytest

from crosswall.cli import presets


def raising(error: BaseException):
    def fail(*arguments: object) -> None:
        raise error
    return fail


@pytest.mark.parametrize(("error", "words"), [
    (OSError(errno.ENOSPC, "No space left on device", "/disk/x"), "/disk/x: No space left"),
    (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "/root/x: Permission denied"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe"),
    (MemoryError("Unable to allocate 7 TiB"), "out of memory (Unable to allocate 7 TiB); use"),
    (RecursionError("maximum recursion depth exceeded"), "nested more deeply"),
    (UnicodeEncodeError("latin-1", "\u03c3", 0, 1, "not there"), "use UTF-8"),
], ids=lambda value: type(value).__name__)
def test_what_the_computer_refuses_is_one_line_and_exit_9(crosswall, monkeypatch, error, words):
    monkeypatch.setattr(presets, "preset_text", raising(error))
    assert words in crosswall.fails(9, "presets", "show", "digits")


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), AssertionError(),
                                   LookupError("gone"), StopIteration()],
                         ids=lambda value: type(value).__name__)
def test_a_fault_of_crosswall_shows_its_traceback_and_exits_with_70(crosswall, monkeypatch, error):
    monkeypatch.setattr(presets, "preset_text", raising(error))
    result = crosswall("presets", "show", "digits")
    assert result.exit_code == 70
    assert result.stderr.startswith("Traceback") and type(error).__name__ in result.stderr
    assert "please report it" in result.stderr.splitlines()[-1]


def test_ctrl_c_anywhere_is_one_line(crosswall, monkeypatch):
    monkeypatch.setattr(presets, "preset_text", raising(KeyboardInterrupt()))
    assert crosswall.fails(130, "presets", "show", "digits") == "interrupted"
