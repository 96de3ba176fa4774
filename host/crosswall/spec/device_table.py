"""The integer form of a DW-MTJ device: what every device source compiles into.

A pulse moves the wall by ``table[variant][direction][bin][quantile]`` wall
units (signed), where ``bin`` is the wall's position and ``quantile`` is drawn
uniformly. The table therefore holds, for each bin, the step's distribution as
equiprobable slices; a slice's entry is its conditional mean, so that the mean
step is exact.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from .network import Network

STEP_BITS = 16
"""Width of a table entry (signed)."""

GAIN_ENTRIES = 16
"""Quantiles of the static spread of the step size."""

GAIN_ONE = 256
"""A gain of one; gains are unsigned with eight fractional bits."""

GAIN_BITS = 10
"""Width of a gain: 0 to 3.996."""

MAX_PULSE_SHIFT = 7
"""Longest pulse: ``2**7`` unit pulses."""


class Direction(enum.IntEnum):
    """What a pulse does to the conductance."""

    DEPRESS = 0
    POTENTIATE = 1


@dataclass(frozen=True)
class DeviceTable:
    """Integer device table for one stage.

    Parameters
    ----------
    wall_bits, bin_bits, quantile_bits, variant_bits
        Formats, equal to the network's.
    steps
        Signed wall units per unit pulse, ``2**(variant_bits + 1 + bin_bits + quantile_bits)``
        entries in the order of :meth:`index`.
    gains
        ``GAIN_ENTRIES`` gains of the step size, drawn per synapse (``GAIN_ONE`` = 1).
    stuck_threshold
        A synapse is stuck if its static 16-bit draw is below this, 0 to 65535.
    scalable_pulses
        True if a pulse of ``2**n`` units moves the wall by ``2**n`` unit steps. False for
        tables of one measured pulse: only unit pulses are physical.
    name
        For reports.

    Raises
    ------
    ValueError
        Naming the parameter, its value and what was expected.
    """

    wall_bits: int
    bin_bits: int
    quantile_bits: int
    variant_bits: int
    steps: tuple[int, ...]
    gains: tuple[int, ...] = field(default=(GAIN_ONE,) * GAIN_ENTRIES)
    stuck_threshold: int = 0
    scalable_pulses: bool = True
    name: str = "unnamed"

    def __post_init__(self) -> None:
        if len(self.steps) != self.entries:
            raise ValueError(f"`steps` must have {self.entries} entries: got {len(self.steps)}")
        limit = 1 << STEP_BITS - 1
        for step in self.steps:
            if not -limit <= step < limit:
                raise ValueError(f"`steps` must fit {STEP_BITS} signed bits: got {step}")
        if len(self.gains) != GAIN_ENTRIES:
            raise ValueError(f"`gains` must have {GAIN_ENTRIES} entries: got {len(self.gains)}")
        for gain in self.gains:
            if not 0 <= gain < 1 << GAIN_BITS:
                raise ValueError(f"`gains` must be 0 to {(1 << GAIN_BITS) - 1}: got {gain}")
        if not 0 <= self.stuck_threshold <= 0xFFFF:
            raise ValueError(f"`stuck_threshold` must be 0 to 65535: got {self.stuck_threshold}")

    @property
    def entries(self) -> int:
        """Entries of the table."""
        return 1 << self.variant_bits + 1 + self.bin_bits + self.quantile_bits

    def index(self, variant: int, direction: int, wall_bin: int, quantile: int) -> int:
        """Place of an entry in ``steps``; also its address in the gateware's memory."""
        return (((variant << 1 | direction) << self.bin_bits | wall_bin)
                << self.quantile_bits | quantile)

    def check_fits(self, network: Network) -> None:
        """Raise ValueError unless the table has the network's formats."""
        for name in ("wall_bits", "bin_bits", "quantile_bits", "variant_bits"):
            if getattr(self, name) != getattr(network, name):
                raise ValueError(f"device table `{self.name}` has {name} = {getattr(self, name)}, "
                                 f"the network has {getattr(network, name)}")


def apply_pulse(table: DeviceTable, wall: int, direction: int, quantile: int, shift: int,
                static: int) -> int:
    """The wall position after one pulse of ``2**shift`` units.

    ``static`` is the synapse's static draw (32 bits): gain from bits 0 to 3,
    variant from the bits above, stuck from the upper half.
    """
    if static >> 16 < table.stuck_threshold:
        return wall
    variant = static >> 4 & (1 << table.variant_bits) - 1
    wall_bin = wall >> table.wall_bits - table.bin_bits
    step = table.steps[table.index(variant, direction, wall_bin, quantile)]
    step = step * table.gains[static & GAIN_ENTRIES - 1] + 128 >> 8
    return min(max(wall + (step << shift), 0), (1 << table.wall_bits) - 1)
