"""How a board computes a network: lanes, buffers, memory kinds. Never changes a result."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .network import Network


class WallMemory(enum.StrEnum):
    """Where the read-out's walls are kept."""

    BLOCK = "block"
    """Dual-port block RAM: one row read and one written per cycle."""
    SINGLE_PORT = "single-port"
    """Single-port RAM (iCE40UP SPRAM): a row is read or written per cycle."""


@dataclass(frozen=True)
class Build:
    """Parallelism and buffers of one gateware build.

    Parameters
    ----------
    lanes
        Clustering neurons computed in parallel: a power of two that divides the
        network's neurons.
    readout_lanes
        Read-out synapses in one memory row: even (pairs stay together), divides
        2 × classes.
    readout_memory
        See :class:`WallMemory`.
    static_spread
        Whether the gateware can vary devices from synapse to synapse (gains,
        variants, stuck devices). It costs one more unit that draws.
    compact
        For small FPGAs: draws and pulses are made one at a time, some 15 cycles for a
        synapse instead of one; lanes multiply in DSP blocks; positions are not encoded
        ahead, and memories register addresses instead of data.
    slots
        Samples that the link holds; the host's credit. A power of two, 2 to 64.
    """

    lanes: int
    readout_lanes: int
    readout_memory: WallMemory = WallMemory.BLOCK
    static_spread: bool = True
    compact: bool = False
    slots: int = 4

    def check_fits(self, network: Network) -> None:
        """Raise ValueError unless the build can compute ``network``."""
        if self.lanes < 1 or self.lanes & self.lanes - 1 or network.neurons % self.lanes:
            raise ValueError(f"`lanes` must be a power of two that divides the "
                             f"{network.neurons} neurons: got {self.lanes}")
        if self.readout_lanes < 2 or self.readout_lanes % 2 \
                or 2 * network.classes % self.readout_lanes:
            raise ValueError(f"`readout_lanes` must be even and divide 2 × {network.classes} "
                             f"classes: got {self.readout_lanes}")
        if not 2 <= self.slots <= 64 or self.slots & self.slots - 1:
            raise ValueError(f"`slots` must be a power of two, 2 to 64: got {self.slots}")
        if network.variant_bits and not self.static_spread:
            raise ValueError("a network with device variants needs `static_spread`")

    def groups(self, network: Network) -> int:
        """Sweeps that score one position: neurons ÷ lanes."""
        return network.neurons // self.lanes

    def readout_groups(self, network: Network) -> int:
        """Memory rows of one feature."""
        return 2 * network.classes // self.readout_lanes
