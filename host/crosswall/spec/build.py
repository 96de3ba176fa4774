"""How a board computes a network: lanes, buffers, memory kinds. Never changes a result."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .network import Network, Neuron
from .store import MAX_STORE_BYTES, MIN_STORE_BYTES

_PIXELS_AT_ONCE = 4
"""As many as one row of a block RAM holds."""


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
        See :class:`WallMemory`, and `spares_block_ram`.
    static_spread
        Whether the gateware can vary devices from synapse to synapse (gains,
        variants, stuck devices). It costs one more unit that draws.
    compact
        For small FPGAs: draws and pulses are made one at a time, some 15 cycles for a
        synapse instead of one; lanes multiply in DSP blocks; positions are not encoded
        ahead, and memories register addresses instead of data.
    slots
        Samples that the link holds; the host's credit. A power of two, 2 to 64.
    positions
        Positions scored side by side, 1 to 64. More than one needs a lane for every neuron, which
        all positions share, and neurons that do not race; a position that learns has the crossbar
        for itself all the same.
    overlap
        While a sample is read out, the next is clustered and the one after it loaded, as far as
        their order leaves the result as it is. Not with ``compact``.
    packed
        Samples may come packed (:mod:`crosswall.spec.packing`); the link unpacks them.
    store
        Bytes of the board's memory for samples, a power of two, or 0 for none: what it holds need
        not come over the wire again (:mod:`crosswall.spec.store`). Only with ``packed``.
    """

    lanes: int
    readout_lanes: int
    readout_memory: WallMemory = WallMemory.BLOCK
    static_spread: bool = True
    compact: bool = False
    slots: int = 4
    positions: int = 1
    overlap: bool = False
    packed: bool = False
    store: int = 0

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
        if not 1 <= self.positions <= 64:
            raise ValueError(f"`positions` must be 1 to 64: got {self.positions}")
        if self.positions > 1 and not self._shares_rows(network):
            raise ValueError("`positions` above 1 needs as many lanes as neurons, one crossbar "
                             "that all positions share, neurons that neither race nor stand for "
                             f"classes, and a build that is not compact: got {self.positions}")
        if self.overlap and self.compact:
            raise ValueError("`overlap` and `compact` exclude each other: remove one")
        if self.store and (self.store & self.store - 1
                           or not MIN_STORE_BYTES <= self.store <= MAX_STORE_BYTES):
            raise ValueError(f"`store` must be 0, or a power of two from {MIN_STORE_BYTES} to "
                             f"{MAX_STORE_BYTES} bytes: got {self.store}")
        if self.store and not self.packed:
            raise ValueError("`store` needs `packed`: set `store` to 0, or `packed`")
        if network.variant_bits and not self.static_spread:
            raise ValueError("a network with device variants needs `static_spread`: set it, or "
                             "choose one variant")

    def _shares_rows(self, network: Network) -> bool:
        """Whether several positions can use a row of walls at once."""
        return (self.lanes == network.neurons and network.crossbars == 1 and not self.compact
                and network.neuron == Neuron.ARGMAX and not network.labelled_neurons)

    @property
    def pixels_at_once(self) -> int:
        """Most pixels of a sample that the machine loads in a cycle, a power of two: several only
        where packed bytes stand for several."""
        return _PIXELS_AT_ONCE if self.packed and not self.compact else 1

    @property
    def options(self) -> dict[str, int]:
        """Fields of register ``build_options``."""
        return {
            "slots": self.slots, "static_spread": self.static_spread,
            "single_port": self.readout_memory == WallMemory.SINGLE_PORT,
            "compact": self.compact, "overlap": self.overlap, "positions": self.positions,
            "packed": self.packed, "store": max(0, self.store.bit_length() - 1)}

    @property
    def spares_block_ram(self) -> bool:
        """Whether what needs no second port is kept in single-port RAM too: device tables, the
        bits of walls that conductances do not use, and pixels."""
        return self.compact and self.readout_memory == WallMemory.SINGLE_PORT

    def groups(self, network: Network) -> int:
        """Sweeps that score one position: neurons ÷ lanes."""
        return network.neurons // self.lanes

    def readout_groups(self, network: Network) -> int:
        """Memory rows of one feature."""
        return 2 * network.classes // self.readout_lanes
