"""The machine's state, as the state window shows it.

The window serves one memory at a time: select it (register ``state_memory``),
set the row (``state_row``; the lane restarts at 0), then read or write
``state_data`` repeatedly. Each access steps to the next lane and, after the
last lane, to the next row. Rows and lanes are laid out so that a whole memory
comes in canonical order, whatever the number of lanes:

* clustering walls ``[crossbar, line, neuron]``: row ``(crossbar·lines + line)·groups + group``
* thresholds ``[crossbar, neuron]``
* read-out walls ``[feature, class, side]``, side 0 = G⁺, 1 = G⁻: row ``feature·groups + group``
* ledger ``[counter, half]``, low half first. Reads give the last captured copy
  (register ``ledger_capture``); writes set the live counters.
* steps: the device table in the order of ``DeviceTable.index``; gains likewise.

The canonical index of a synapse is also its address in the static and initial
draws (:mod:`crosswall.spec.draws`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .build import Build
from .device_table import GAIN_BITS, GAIN_ENTRIES, STEP_BITS
from .ledger import COUNTERS
from .network import Network


class StateMemory(enum.IntEnum):
    """Memories that the state window serves; the value of ``state_memory``."""

    CLUSTERING_WALLS = 0
    THRESHOLDS = 1
    READOUT_WALLS = 2
    LEDGER = 3
    CLUSTERING_STEPS = 4
    READOUT_STEPS = 5
    CLUSTERING_GAINS = 6
    READOUT_GAINS = 7


@dataclass(frozen=True)
class MemoryShape:
    """Shape of one memory: ``rows`` × ``lanes`` words of ``bits`` (``signed`` or not)."""

    rows: int
    lanes: int
    bits: int
    signed: bool = False
    readable: bool = True

    @property
    def words(self) -> int:
        """Words of the memory; one word of the state window each."""
        return self.rows * self.lanes


def memory_shapes(network: Network, build: Build) -> dict[StateMemory, MemoryShape]:
    """Shape of every memory of a build. Device tables and gains are write-only."""
    table_rows = 1 << network.variant_bits + 1 + network.bin_bits + network.quantile_bits
    steps = MemoryShape(table_rows, 1, STEP_BITS, signed=True, readable=False)
    gains = MemoryShape(GAIN_ENTRIES, 1, GAIN_BITS, readable=False)
    return {
        StateMemory.CLUSTERING_WALLS: MemoryShape(
            network.crossbars * network.lines * build.groups(network), build.lanes,
            network.wall_bits),
        StateMemory.THRESHOLDS: MemoryShape(
            network.crossbars * network.neurons, 1, network.threshold_bits),
        StateMemory.READOUT_WALLS: MemoryShape(
            network.features * build.readout_groups(network), build.readout_lanes,
            network.wall_bits),
        StateMemory.LEDGER: MemoryShape(COUNTERS, 2, 32),
        StateMemory.CLUSTERING_STEPS: steps,
        StateMemory.READOUT_STEPS: steps,
        StateMemory.CLUSTERING_GAINS: gains,
        StateMemory.READOUT_GAINS: gains,
    }


def clustering_synapse(network: Network, crossbar: int, line: int, neuron: int) -> int:
    """Canonical index of a clustering synapse."""
    return (crossbar * network.lines + line) * network.neurons + neuron


def readout_synapse(network: Network, feature: int, label: int, side: int) -> int:
    """Canonical index of a read-out synapse; ``side`` 0 is G⁺, 1 is G⁻."""
    return (feature * network.classes + label) * 2 + side
