"""Compiles a System and the bridge into the program that is the virtual board."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crosswall.spec.store import WORD_BYTES

from ..cache import Progress, cached, check_programs_run, content_key, provide_home
from ..tools import require_package, require_programs, run_tool
from ..verilator import plain_folder, verilator_environment

__all__ = ["MAKE_OPTIONS", "UART_DIVISOR", "VERILATOR_OPTIONS", "YOSYS_WARNINGS",
           "compile_virtual_board", "to_verilog"]

UART_DIVISOR = 4
"""Clocks per bit on the pins of the virtual board: as few as the receiver can do with."""

YOSYS_WARNINGS = ("ASCRANGE", "CASEINCOMPLETE", "CASEOVERLAP", "CASEX", "INITIALDLY", "PINMISSING",
                  "SELRANGE", "UNOPTFLAT", "UNSIGNED", "WIDTHEXPAND", "WIDTHTRUNC")
"""What yosys' Verilog is known to provoke; any other warning of Verilator's is an error."""

_BRIDGE = Path(__file__).with_name("bridge.cpp")
_TOP = "system"
_PROGRAM = "board"

VERILATOR_OPTIONS = (
    "--cc", "--exe", "--top-module", _TOP, "--prefix", "Vsystem", "--Mdir", ".", "-o", _PROGRAM,
    *(f"-Wno-{name}" for name in YOSYS_WARNINGS),
    "-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-assert", "--no-timing",
    # Tables in place of small decoders miss the cache more than they save.
    "-fno-table",
    # Files of this many statements, so that the compiler works on several at a time.
    "--output-split", "10000", "--output-split-cfuncs", "2500",
)
"""Of verilator."""
# OPT_FAST is for what runs in every cycle; the rest is start-up and verilator's library.
MAKE_OPTIONS = ("OPT_FAST=-O2", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1",
                 # The wheel's makefile leaves these, which precompiled headers need, empty.
                 "CFG_CXXFLAGS_PCH_I=-include")
"""Of make, for what verilator writes."""
_LINKER_OPTIONS = ("-Wl,--gc-sections",)


def compile_virtual_board(system: Any, wire: str, progress: Progress) -> Path:
    """Return the program of a virtual board, compiled if its like was not compiled before.

    Parameters
    ----------
    system
        A `crosswall_hdl.system.System` (or any component with its ports).
    wire
        "uart" or "bytes": which of the two interfaces the system has.
    progress
        Called as each stage begins.

    Raises ToolError if a compiler is missing or fails, HostError if the cache cannot be used.
    """
    from amaranth.back import rtlil  # only whoever starts a virtual board pays for the import

    from .top import VirtualTop

    require_package("verilator", "virtual")
    provide_home(progress)
    top = VirtualTop(system, wire)
    netlist = rtlil.convert(top, name=_TOP, ports=top.ports, emit_src=False)
    flags = [f"-DWIRE_{wire.upper()}", f"-DUART_DIVISOR={UART_DIVISOR}"]
    if (memory := getattr(system, "memory", None)) is not None:
        flags.append(f"-DMEMORY_WORDS={memory.signature.size // WORD_BYTES}")
    key = content_key([netlist, _BRIDGE.read_bytes(), version("verilator"),
                       *VERILATOR_OPTIONS, *MAKE_OPTIONS, *_LINKER_OPTIONS, *flags])

    def produce(folder: Path) -> None:
        require_programs(("g++", "g++"), ("make", "make"), ("perl", "perl"))
        check_programs_run(folder)
        log = folder.with_name(f"{key}.log")  # outlives the folder if something fails
        log.unlink(missing_ok=True)
        with plain_folder() as work:
            progress("virtual board: writing Verilog")
            (work / f"{_TOP}.v").write_text(to_verilog(netlist))
            shutil.copy(_BRIDGE, work)
            _compile(work, flags, log, progress)
            for name in (_PROGRAM, f"{_TOP}.v"):
                shutil.copy(work / name, folder)
        log.unlink()

    return cached("virtual", key, produce, progress) / _PROGRAM


def _compile(work: Path, flags: Sequence[str], log: Path, progress: Progress) -> None:
    """Make the program of the Verilog and the bridge in ``work``, which is a plain folder."""
    environment = verilator_environment(work)
    progress("virtual board: translating to C++")
    run_tool("verilator",
             ["perl", f"{environment['VERILATOR_ROOT']}/bin/verilator", *VERILATOR_OPTIONS,
              "-CFLAGS", " ".join(flags), "-LDFLAGS", " ".join(_LINKER_OPTIONS),
              f"{_TOP}.v", _BRIDGE.name],
             folder=work, log=log, environment=environment)
    sources = len(list(work.glob("*.cpp"))) + 2  # verilator's library has two more
    progress(f"virtual board: compiling {sources} C++ files")
    run_tool("make", ["make", f"-j{os.cpu_count() or 1}", "-f", "Vsystem.mk", *MAKE_OPTIONS],
             folder=work, log=log, environment=environment,
             on_line=_count_compiled(sources, progress))


def to_verilog(netlist: str) -> str:
    """Verilog of an RTLIL netlist, for a bridge that turns its clock over once a cycle."""
    from amaranth.back import verilog

    # The public function elaborates once more; this release is the one that we depend on.
    text = verilog._convert_rtlil_text(netlist, strip_internal_attrs=True)
    # Clocked by both edges, so that a cycle takes one evaluation and not two.
    return text.replace("@(posedge clk)", "@(edge clk)")


def _count_compiled(sources: int, progress: Progress) -> Callable[[str], None]:
    compiled = 0

    def on_line(line: str) -> None:
        nonlocal compiled
        if re.search(r" -c .*\.cpp$", line):
            compiled += 1
            progress(f"virtual board: compiling C++ file {min(compiled, sources)} of {sources}")

    return on_line
