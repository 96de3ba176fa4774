"""The taxonomy of errors and exit codes."""

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


@pytest.mark.parametrize("row", errors.exit_codes()[1:], ids=lambda row: row.error.__name__)
def test_every_error_is_caught_as_crosswall_error_with_its_line(row):
    with pytest.raises(errors.CrosswallError, match="^what happened$") as caught:
        raise row.error("what happened")
    assert caught.value.exit_code == row.code
