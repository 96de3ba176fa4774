"""What a design will need of its device, by yosys' count of cells: before place and route."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from crosswall.reading import UnreadableError, parse_json

__all__ = ["lacking", "parse_stat"]

_LUTS = {"CCU2C": 2, "TRELLIS_DPR16X4": 4,
         "RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4}
"""LUTs of a cell that takes more than one."""

_KINDS = {
    r"LUT[1-6]|INV|CCU2C|TRELLIS_DPR16X4|RAM\d+(M|X1D)|SRL\w+": "LUT",
    r"TRELLIS_FF|FD[RSCP]E(_1)?": "flip-flop",
    r"DP16KD|PDPW16KD|RAMB18E1|RAMB36E1|SB_RAM40_4K\w*": "block RAM",
    r"MULT18X18D|DSP48E1|SB_MAC16": "DSP",
    r"SB_SPRAM256KA": "single-port RAM",
    r"SB_LUT4": "SB_LUT4", r"SB_DFF\w*": "SB_DFF", r"SB_CARRY": "SB_CARRY",
}
"""Cells of each kind of resource; those of the iCE40's logic cells are told apart first."""

_CELL = ("SB_LUT4", "SB_DFF", "SB_CARRY")


def parse_stat(text: str) -> dict[str, int]:
    """Return how much of each resource a design needs, by the names of `report.BuildReport`.

    Block RAMs of an Artix-7 are counted in halves of 18 kbit. For LUTs and logic cells it is what
    place and route needs at least: it adds up to a tenth to LUTs, for the ends of carry chains,
    and logic cells hold a LUT, a flip-flop and a carry that need not go together.

    Parameters
    ----------
    text
        What yosys' ``tee -o FILE stat -json`` writes after synthesis for an ECP5, iCE40 or
        7-series device, one flat module.

    Raises ValueError if it is anything else.
    """
    try:
        cells = parse_json(text[text.index("{"):])["design"]["num_cells_by_type"]
        needed: Counter[str] = Counter()
        for cell, count in cells.items():
            for pattern, kind in _KINDS.items():
                if re.fullmatch(pattern, cell):
                    needed[kind] += int(count) * (2 if cell == "RAMB36E1" else _LUTS.get(cell, 1))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError,
            UnreadableError) as error:
        raise ValueError(f"not what yosys' `stat -json` writes: {error!r}") from error
    if any(part in needed for part in _CELL):
        needed["logic cell"] = max(needed.pop(part, 0) for part in _CELL)
    return dict(needed)


def lacking(needed: Mapping[str, int], capacity: Mapping[str, int]) -> str:
    """Say what a device of `capacity` has too little of; an empty text if nothing."""
    return ", ".join(f"{count:,} of {capacity.get(kind, 0):,} {kind}s"
                     for kind, count in needed.items() if count > capacity.get(kind, 0))
