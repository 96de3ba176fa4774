"""Verilator's builds are where make and a shell can follow, whatever the user's paths are."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from crosswall.errors import HostError
from crosswall_boards.verilator import plain_folder, plain_link, verilator_environment


@pytest.mark.parametrize("name", ["with space", "with$dollar", "with#hash", "größe"])
def test_build_folder_is_elsewhere_if_make_cannot_take_that_of_temporary_files(tmp_path, name,
                                                                             monkeypatch):
    (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    with plain_folder() as folder:
        assert folder.parent in (Path("/tmp"), Path("/var/tmp"))
        (folder / "file").touch()
    assert not folder.exists()


def test_build_folder_is_among_temporary_files_if_make_can_take_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with plain_folder() as folder:
        assert folder.parent == tmp_path


def test_no_place_for_a_build_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(HostError, match="set TMPDIR to a folder") as caught, plain_folder():
        pass
    assert "\n" not in str(caught.value)


def test_build_in_a_folder_with_a_space_is_refused(tmp_path):
    with pytest.raises(HostError, match="with space.*: set TMPDIR to a folder without"):
        plain_link(tmp_path / "with space", "link", tmp_path)


def test_make_of_verilator_runs_this_interpreter_and_not_the_options_of_a_make_above(
        tmp_path, monkeypatch):
    (tmp_path / "Makefile").write_text(
        "PYTHON3 = python\nall:\n\t@$(PYTHON3) -c 'import sys; print(sys.version)'\n")
    monkeypatch.setenv("MAKEFLAGS", "n -- VERSION=5")  # as below `make -n VERSION=5`
    environment = {**os.environ, **verilator_environment(tmp_path)}
    environment = {**environment, **verilator_environment(tmp_path)}  # links may be there already
    told = subprocess.run(["make"], cwd=tmp_path, env=environment, capture_output=True, text=True,
                          check=True).stdout
    assert sys.version in told
