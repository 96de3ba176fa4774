"""A file that is damaged, or another than it seems: read, or refused in one line.

A table of all kinds of files is in `kinds`, what happens to them in `mutations`. Ten thousand
examples of each kind: ``pytest tests/fuzz --fuzz 10000``.
"""

import os
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from crosswall.errors import CrosswallError
from tests.fuzz.kinds import KINDS, Kind

EXAMPLES = 30
"""Of each kind in the suite."""

SECONDS = 60
"""In which a file of a few kilobytes is read on any machine."""

MEMORY = 64 << 20
"""Bytes in which it is."""


@contextmanager
def bounded() -> Iterator[None]:
    """Neither without end nor with much memory."""
    def stop(*_):
        raise TimeoutError(f"not read in {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(kind: Kind, folder: Path) -> str:
    """Read a file: "read", or the class of its error, which is of the kind and names the file."""
    try:
        with bounded():
            kind.read(folder)
    except CrosswallError as error:
        message = str(error)
        assert kind.error is not None and isinstance(error, kind.error), repr(error)
        # Labels of an IDX set that are wrong are its folder's.
        named = kind.file in message or f"{folder} (" in message
        assert named and "\n" not in message and len(message) <= 2000, repr(message)
        return type(error).__name__
    return "read"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


def test_valid_file_is_read(kind, tmp_path):
    kind.make(tmp_path)
    assert outcome(kind, tmp_path) == "read"


def test_changed_file_is_read_or_refused_in_one_line(kind, tmp_path, request, fuzz_outcomes):
    kind.make(tmp_path)
    path = tmp_path / kind.file
    whole = path.read_bytes()

    @hypothesis.settings(max_examples=request.config.getoption("fuzz") or EXAMPLES,
                         suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(st.data())
    def examine(data: st.DataObject) -> None:
        path.write_bytes(kind.change(data.draw, whole))
        fuzz_outcomes[request.node.callspec.params["kind"]][outcome(kind, tmp_path)] += 1

    examine()


@pytest.mark.parametrize("replace", [
    Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.touch,
    lambda path: path.symlink_to(path)], ids=["folder", "pipe", "endless", "empty", "loop"])
def test_what_is_no_file_is_refused_in_one_line(kind, tmp_path, replace):
    kind.make(tmp_path)
    (tmp_path / kind.file).unlink()
    replace(tmp_path / kind.file)
    assert outcome(kind, tmp_path) != "read" or kind.error is None
