"""What every board is: a name, a build that suits it, and for hardware its pins and clocks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from crosswall.spec.build import Build
from crosswall.spec.network import Network

__all__ = ["Board", "FpgaBoard", "lanes_within", "readout_lanes_within", "roomy_build"]


class Board(ABC):
    """A place where the gateware runs.

    Members
    -------
    name
        What a user calls it, and what its identification registers say; at most 16 characters.
    description
        One line.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    @abstractmethod
    def choose_build(self, network: Network) -> Build:
        """The build that this board computes `network` with, unless the user says otherwise."""


class FpgaBoard(Board):
    """A board with an FPGA: pins, clocks and the vendor's recipe, nothing else.

    Members
    -------
    capacity
        How much the device has of each kind of resource, by its name in `report.BuildReport`.
    block_ram_bits
        Of one block RAM.
    toolchain
        What makes its bitstream: "open" (yosys and nextpnr, here) or "vivado" (a folder of scripts
        for who has it).
    clock_frequency
        Of the machine, in Hz.
    baud
        Of the serial port, in bits per second.
    output_registers
        Its block RAMs are DP16KD, whose `output_registers` yosys does not use.
    single_port_primitive
        Memory primitive of single-port RAM, for `crosswall_hdl.memory.WallMemory`.
    memory_bytes
        Of the memory that `memory` drives; 0 if there is none.
    programmer_options
        Arguments that make openFPGALoader load a bitstream into this board.
    """

    capacity: ClassVar[Mapping[str, int]]
    block_ram_bits: ClassVar[int] = 18 << 10
    toolchain: ClassVar[str] = "open"
    clock_frequency: ClassVar[int]
    baud: ClassVar[int]
    output_registers: ClassVar[bool] = False
    single_port_primitive: ClassVar[str] = "inferred"
    memory_bytes: ClassVar[int] = 0
    programmer_options: ClassVar[Sequence[str]]

    @abstractmethod
    def platform(self) -> Any:
        """A fresh Amaranth platform: device, pins and toolchain."""

    @abstractmethod
    def clocking(self, platform: Any) -> Any:
        """The elaboratable that drives clock and reset of domain ``sync``: `clock_frequency`, in
        reset after power-up until the clock is stable. If the board has memory, also the clock of
        domain ``memory``, as `memory` needs it."""

    def memory(self, platform: Any) -> Any:
        """The component that drives the memory for samples; its member ``memory`` is an
        ``In(crosswall_hdl.burst.BurstMemory(memory_bytes))``."""
        raise NotImplementedError(f"{self.name} has no memory for samples")

    def light(self, platform: Any) -> Any:
        """The pin of the LED that shows activity."""
        return platform.request("led", 0, dir="-")

    @abstractmethod
    def recipe(self) -> dict[str, Any]:
        """Overrides of the platform's build scripts: options of synthesis, place and route."""


def roomy_build(network: Network, slots: int, store: int = 0) -> Build:
    """What suits `network` where logic is not scarce: 16 lanes, and a whole feature's read-out in
    one memory row where it is not too wide; the stages of successive samples overlap, and samples
    may be packed, as the wire is slower than the machine."""
    return Build(lanes=lanes_within(network, 16), readout_lanes=readout_lanes_within(network, 20),
                 slots=slots, packed=True, overlap=True, store=store)


def lanes_within(network: Network, limit: int) -> int:
    """The most lanes, a power of two of at most `limit`, that divide the network's neurons."""
    common = math.gcd(network.neurons, 1 << network.neurons.bit_length())
    return min(common, 1 << limit.bit_length() - 1)


def readout_lanes_within(network: Network, limit: int) -> int:
    """The most read-out lanes, even and at most `limit`, that divide 2 × classes."""
    return max(lanes for lanes in range(2, max(limit, 2) + 1, 2)
               if 2 * network.classes % lanes == 0)
