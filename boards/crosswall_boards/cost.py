"""What a machine needs and how fast it is on a board, without building or simulating it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from crosswall.errors import ToolError
from crosswall.spec.activity import Activity
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes
from crosswall_hdl.cost import SampleCycles, Schedule

from .board import FpgaBoard

__all__ = ["Prediction", "boards_needed", "memory_bits", "on_chip_bits", "predict"]

BITS_ON_THE_WIRE = 10
"""Of a byte: start, eight data bits, stop."""

_STATIONS = ("load", "encode", "cluster", "read_out", "teach", "ledger", "answer")


@dataclass(frozen=True)
class Prediction:
    """Cycles of samples that a machine is given one behind the other.

    Parameters
    ----------
    cycles
        Of a sample in the mean, from one answer to the next: `Machine.busy_cycles` by samples.
    stations
        Cycles of a sample in each station in the mean, by name.
    """

    cycles: float
    stations: dict[str, float]

    @property
    def bound(self) -> str:
        """The station that takes the most."""
        times = self.stations | {"read_out": self.stations["read_out"] + self.stations["teach"]}
        return max(times, key=lambda name: times[name])


def predict(network: Network, build: Build, activities: Sequence[Activity],
            transfers: Sequence[int] | None = None, *, stdp: bool = False) -> Prediction:
    """Cycles of these samples in the machine, exact.

    ``transfers`` are the cycles in which each packet comes, see `Schedule.add`; ``stdp`` says that
    clustering follows that rule. ValueError if the build cannot compute the network, or if there
    are no samples.
    """
    if not activities:
        raise ValueError("`activities` must have at least one sample")
    schedule = Schedule(network, build, stdp=stdp)
    found: list[SampleCycles] = [
        schedule.add(activity, None if transfers is None else transfers[index])
        for index, activity in enumerate(activities)]
    count = len(found)
    return Prediction(schedule.busy_cycles / count, {
        name: sum(getattr(each, name) for each in found) / count for name in _STATIONS})


def memory_bits(network: Network, build: Build) -> dict[StateMemory, int]:
    """Bits of each memory of the machine's state. Buffers for samples and features come on top; a
    build's own estimate, after synthesis, counts block RAMs with everything in them."""
    return {memory: shape.words * shape.bits
            for memory, shape in memory_shapes(network, build).items()}


def on_chip_bits(board: FpgaBoard) -> int:
    """Bits of a board's block RAMs and single-port RAMs."""
    return (board.capacity.get("block RAM", 0) * board.block_ram_bits
            + board.capacity.get("single-port RAM", 0) * (1 << 18))


def boards_needed(network: Network, build: Build, board: FpgaBoard) -> int:
    """Boards over which the neurons of a machine must be split so that each one's part of the
    state fits its memory: 1, or a power of two.

    A bound from below: routing, and buffers beside the state, need more. ToolError if not even a
    neuron for each board is few enough.
    """
    bits, available = sum(memory_bits(network, build).values()), on_chip_bits(board)
    boards = 1 << max(0, math.ceil(math.log2(bits / available)))
    if boards > network.neurons:
        raise ToolError(f"a neuron of the machine needs more memory than {board.name} has: "
                        f"{bits // network.neurons:,} of {available:,} bits; use fewer pixels")
    return boards
