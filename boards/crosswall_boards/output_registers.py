"""Output registers of the ECP5's block RAMs, which yosys leaves unused.

A DP16KD gives what it reads 5.6 ns after the clock, and 1 ns after it by way of its own output
register (``REGMODE_x = "OUTREG"``; Lattice FPGA-TN-02204; times of speed grade 6 as prjtrellis has
them, YosysHQ/nextpnr issue 422). yosys never infers that register (YosysHQ/yosys issue 5814), but
maps a register behind a memory to flip-flops. Those are taken into the block RAM here, in the
netlist between synthesis and place and route.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["use_output_registers", "use_output_registers_in_file"]

_WORD = range(18)
"""Bits of an output."""
_DOUBLE_WORD = 36
"""With such a width the second port reads to both outputs."""


class _Sink(NamedTuple):
    """Where a net goes: a cell's input, or a port of the module, whose cell is ""."""

    cell: str
    port: str


def use_output_registers_in_file(path: Path) -> int:
    """`use_output_registers` in every module of yosys' JSON in ``path``, which is rewritten if
    anything changes; return the block RAM outputs that got their register."""
    netlist = json.loads(path.read_text())
    count = sum(use_output_registers(module) for module in netlist["modules"].values())
    if count:
        path.write_text(json.dumps(netlist))
    return count


def use_output_registers(module: dict[str, Any]) -> int:
    """Take flip-flops into the block RAMs before them; return how many outputs of RAMs did.

    An output is changed if every bit of it that is used goes to one flip-flop and nowhere else, and
    the flip-flop is a plain one: on the clock of the RAM's port, without enable or reset, zero at
    first. Nothing but the flip-flops' place changes: what is read comes as late as before.

    Parameters
    ----------
    module
        A module in yosys' JSON after ``synth_ecp5``; changed in place.
    """
    cells = module["cells"]
    sinks = _sinks(module)
    count = 0
    for ram in [cell for cell in cells.values() if cell["type"] == "DP16KD"]:
        for port, outputs in _outputs(ram):
            if not (registers := _registers(cells, ram, port, outputs, sinks)):
                continue
            for output, name in registers.items():
                ram["connections"][output] = cells.pop(name)["connections"]["Q"]
            for each in {port, *(output[2] for output in outputs)}:
                ram["parameters"][f"REGMODE_{each}"] = "OUTREG"
                ram["connections"][f"OCE{each}"] = ["1"]
            count += 1
    return count


def _sinks(module: Mapping[str, Any]) -> dict[int, list[_Sink]]:
    """Where each net goes."""
    sinks = defaultdict(list)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                for bit in bits:
                    sinks[bit].append(_Sink(name, port))
    for name, port in module["ports"].items():
        if port["direction"] != "input":
            for bit in port["bits"]:
                sinks[bit].append(_Sink("", name))
    return sinks


def _outputs(ram: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Ports that read without their register, on a rising edge, and the outputs that each reads
    to."""
    outputs = {port: [f"DO{port}{bit}" for bit in _WORD] for port in "AB"}
    parameters = ram["parameters"]
    if int(parameters["DATA_WIDTH_B"], 2) == _DOUBLE_WORD:
        outputs = {"B": outputs["A"] + outputs["B"]}
    return [(port, names) for port, names in outputs.items()
            if parameters[f"REGMODE_{port}"] == "NOREG"
            and parameters[f"CLK{port}MUX"] == f"CLK{port}"]


def _registers(cells: Mapping[str, Any], ram: Mapping[str, Any], port: str, outputs: list[str],
               sinks: Mapping[int, list[_Sink]]) -> dict[str, str]:
    """The flip-flop behind each used output; none if one of them must stay where it is."""
    registers = {}
    clock = ram["connections"][f"CLK{port}"]
    for output in outputs:
        for bit in ram["connections"].get(output, []):
            found = sinks.get(bit, [])
            if not found:
                continue
            if len(found) > 1 or found[0].port != "DI":
                return {}
            cell = cells[found[0].cell]
            if cell["type"] != "TRELLIS_FF" or not _is_plain(cell, clock):
                return {}
            registers[output] = found[0].cell
    return registers


def _is_plain(register: Mapping[str, Any], clock: list[Any]) -> bool:
    """Always enabled, never reset, zero at first, and on the rising edge of this clock."""
    parameters, connections = register["parameters"], register["connections"]

    def tied(port: str, value: str) -> bool:
        return connections.get(port, [value]) == [value]

    # yosys puts a space behind what could be taken for a number.
    enabled = {"1 ": True, "CE": tied("CE", "1")}.get(parameters["CEMUX"], False)
    return (enabled and tied("LSR", "0") and parameters["REGSET"] == "RESET"
            and parameters["CLKMUX"] == "CLK" and connections["CLK"] == clock)
