"""Compiled code is kept where it can be, and never outlives what it follows from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crosswall import compiling

pytest.importorskip("numba")

HOST = Path(__file__).parents[1] / "host"

DRAW = """
import numpy as np
from crosswall.spec import draws
from crosswall.twin import kernel

words = 1, 70_000, 2, 12_345
print(kernel.draw(*map(np.uint32, words)), draws.draw(*words))
print(sum(kernel.draw.stats.cache_hits.values()), kernel.draw.stats.cache_path)
"""


def drawn(host: Path, **environment: str) -> tuple[int, int, int, str]:
    """A draw as compiled and as specified, hits of the cache, and its folder."""
    clean = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, text=True,
                          env={**clean, "PYTHONPATH": str(host), **environment})
    assert done.returncode == 0, done.stderr
    compiled, specified, hits, place = done.stdout.split()
    return int(compiled), int(specified), int(hits), place


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A copy of the sources, without what was compiled of them."""
    shutil.copytree(HOST / "crosswall", tmp_path / "host" / "crosswall",
                    ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "host"


def test_a_changed_constant_of_the_contract_is_compiled_anew(host):
    compiled, specified, hits, place = drawn(host)
    assert compiled == specified and hits == 0
    assert Path(place).is_relative_to(host)
    assert drawn(host) == (compiled, specified, 1, place)
    source = host / "crosswall" / "spec" / "draws.py"
    text = source.read_text()
    assert "\nROUNDS = 10\n" in text
    source.write_text(text.replace("\nROUNDS = 10\n", "\nROUNDS = 12\n"))
    changed = drawn(host)
    assert changed[0] == changed[1] != compiled and changed[2] == 0


def test_without_any_place_the_twin_computes_all_the_same(host, tmp_path):
    (tmp_path / "file").touch()
    compiled, specified, hits, place = drawn(host, NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert compiled == specified and hits == 0 and place == "None"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The command that finds a folder anew, with the sources where nothing can be written."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiling, "_digest", lambda: "0123456789abcdef")
    monkeypatch.setattr(compiling, "_PACKAGE", tmp_path / "file")
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    compiling.cache_folder.cache_clear()
    yield compiling.cache_folder
    compiling.cache_folder.cache_clear()


def test_the_users_cache_is_used_where_the_installation_is_read_only(places, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "no/absolute/path")  # which its standard says to ignore
    assert places() == tmp_path / ".cache" / "crosswall-0123456789abcdef"
    told = []
    compiling.tell_without_cache(told.append)
    assert told == []


def test_a_place_that_the_user_names_comes_first(places, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert places() == tmp_path / "mine" / "crosswall-0123456789abcdef"


def test_no_place_is_noticed_with_the_remedy(places, monkeypatch):
    def undetermined():
        raise RuntimeError("Could not determine home directory.")

    assert places() is None
    compiling.cache_folder.cache_clear()
    monkeypatch.setattr(Path, "home", undetermined)
    assert places() is None
    told = []
    compiling.tell_without_cache(told.append)
    assert len(told) == 1 and "NUMBA_CACHE_DIR" in told[0]


def test_code_that_another_user_can_have_planted_is_not_taken(places, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "shared"))
    folder = places()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    compiling.cache_folder.cache_clear()
    assert places() is None


def test_code_of_old_versions_does_not_pile_up(places, tmp_path, monkeypatch):
    cache = tmp_path / "mine"
    for number in range(9):
        old = cache / f"crosswall-{number:016x}"
        old.mkdir(parents=True)
        (old / "kernel.nbc").touch()
        os.utime(old, (number, number))
    (cache / "crosswall-notes").mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    current = places()
    assert {path.name for path in cache.iterdir()} == {
        current.name, "crosswall-notes", *(f"crosswall-{number:016x}" for number in range(5, 9))}
