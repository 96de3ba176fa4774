"""The taxonomy of errors and exit codes."""

import errno
import re

import pytest

from crosswall import errors


def documented_rows() -> list[tuple[int, str, str]]:
    row = re.compile(r"^(\d+) +(\S+) +(.+)$", re.MULTILINE)
    return [(int(code), name, text) for code, name, text in row.findall(errors.__doc__)]


def test_documented_table_is_the_table_of_the_classes():
    declared = [
        (row.code, row.error.__name__ if row.error else "(none)", row.meaning)
        for row in errors.exit_codes()
    ]
    assert documented_rows() == declared


def test_exit_codes_are_distinct_and_ascending():
    codes = [row.code for row in errors.exit_codes()]
    assert codes == sorted(set(codes))


def test_success_is_zero_and_has_no_error():
    assert errors.exit_codes()[0] == (0, None, "done")


def test_a_fault_and_a_reader_that_is_gone_have_codes_of_their_own():
    # EX_SOFTWARE of sysexits.h, and 128 + SIGPIPE as a shell reports it.
    assert {row.code for row in errors.exit_codes() if row.error is None} == {0, 70, 141}


@pytest.mark.parametrize("row", [row for row in errors.exit_codes() if row.error],
                         ids=lambda row: row.error.__name__)
def test_every_error_is_caught_as_crosswall_error_with_its_line(row):
    with pytest.raises(errors.CrosswallError, match="^what happened$") as caught:
        raise row.error("what happened")
    assert caught.value.exit_code == row.code


@pytest.mark.parametrize(("error", "line"), [
    (OSError(errno.ENOSPC, "No space left on device", "/disk/result.json"),
     "/disk/result.json: No space left on device; free some space, or name a place on another "
     "disk"),
    (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"),
     "a to b: Permission denied; change its permissions, or name another place"),
    (OSError(errno.EIO, "Input/output error"),
     "Input/output error; check the disk, or name another place"),
    (OSError("no number"), "no number; check the path, or name another"),
])
def test_what_the_system_refuses_is_a_line_with_file_reason_and_remedy(error, line):
    assert str(errors.host_error(error)) == line


@pytest.mark.parametrize(("text", "line"), [
    ("a: b\n  c\tµ ΔG… 5\u202f%", "a: b c µ ΔG… 5 %"),
    ("\x1b[2Ja\0\ud800\x7f", r"\x1b[2Ja\x00\ud800\x7f"),
    ("a" * 1500 + "b" * 1500, "a" * 1331 + " … " + "b" * 666),
])
def test_message_of_an_error_is_one_line_whatever_it_holds(text, line):
    assert str(errors.DataError(text)) == f"{errors.DataError(text)}" == line
