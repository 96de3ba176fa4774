"""The clustering crossbar's walls: whole rows for its lanes, single ones for their plasticity."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes

from .control import index_shape
from .memory import READ_LATENCY, RowMemory, SplitMemory, StateAccess, row_memory
from .state import StatePort

__all__ = ["CLUSTER_LANES", "CrossbarWalls", "lane_clusters"]

CLUSTER_LANES = 8
"""Lanes that one register may drive: nets to all of 64 lanes would bound the clock."""


def lane_clusters(build: Build) -> list[range]:
    """The lanes in clusters, in the order in which what goes to all lanes comes to them: the last
    lanes first, and each cluster a cycle after the one before."""
    size = build.lanes if build.compact else min(build.lanes, CLUSTER_LANES)
    return [range(first, first + size) for first in reversed(range(0, build.lanes, size))]


class CrossbarWalls(wiring.Component):
    """Keeps the walls of all crossbars: a row and a wall may be read and a wall written in every
    cycle, but rows are not read while walls are.

    Each cluster of lanes (`lane_clusters`) has a memory of its own. Addresses hop from cluster to
    cluster, and so does a wall on its way out. With `Build.compact` there is one cluster, and
    nothing hops.

    Parameters
    ----------
    network, build
        Geometry and lanes.
    primitive
        Of single-port RAM, which holds what conductances do not need of each wall where
        `Build.spares_block_ram`; see `WallMemory`.

    Attributes
    ----------
    row_latency : int
        Cycles from ``row`` to the ``walls`` of the first cluster: 3, or 2 if compact.
    wall_latency : int
        Cycles from ``read_row`` to ``wall``: 4 and one for each cluster; 3 if compact.

    Members
    -------
    row : In(range(rows))
    walls : Out(ArrayLayout(wall_bits, lanes))
        The row that was addressed ``row_latency`` cycles before; that of later clusters a cycle
        later each.
    learning : In(1)
        Walls are read in place of rows. Held from the first ``read_row`` to the last.
    lane : In(range(lanes))
        Of the walls that are read and written; held while they are.
    read_row : In(range(rows)), wall : Out(wall_bits)
    write_row : In(range(rows)), write_wall : In(wall_bits), write_enable : In(1)
        A row that is addressed two cycles later or more has the new wall.
    state : In(StatePort)
        Used while the other members are not.
    """

    def __init__(self, network: Network, build: Build, *, primitive: str = "inferred") -> None:
        self._build, self._primitive = build, primitive
        self._low_bits = network.conductance_shift if build.spares_block_ram else 0
        self._shape = shape = memory_shapes(network, build)[StateMemory.CLUSTERING_WALLS]
        self._clusters = lane_clusters(build)
        self.row_latency = self.row_latency_of(build)
        self.wall_latency = self.row_latency + 1
        if not build.compact:
            self.wall_latency += len(self._clusters)
        row = index_shape(shape.rows)
        super().__init__({
            "row": In(row),
            "walls": Out(data.ArrayLayout(shape.bits, shape.lanes)),
            "learning": In(1),
            "lane": In(index_shape(shape.lanes)),
            "read_row": In(row),
            "wall": Out(shape.bits),
            "write_row": In(row),
            "write_wall": In(shape.bits),
            "write_enable": In(1),
            "state": In(StatePort(shape)),
        })

    @staticmethod
    def row_latency_of(build: Build) -> int:
        """The ``row_latency`` of the walls of ``build``."""
        return READ_LATENCY + (0 if build.compact else 1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._build.compact:
            self._one_memory(m)
        else:
            self._cluster_memories(m)
        return m

    def _one_memory(self, m: Module) -> None:
        shape = self._shape
        memory: RowMemory | SplitMemory
        if self._low_bits:
            memory = SplitMemory(shape.rows, shape.lanes, shape.bits, low_bits=self._low_bits,
                                 primitive=self._primitive)
        else:
            memory = RowMemory(shape.rows, shape.lanes, shape.bits, register_address=True)
        m.submodules.memory = memory
        m.submodules.access = access = StateAccess(shape)
        wiring.connect(m, wiring.flipped(self.state), access.state)
        wall = Signal(shape.bits, reset_less=True)
        m.d.sync += wall.eq(memory.read_data[self.lane] if shape.lanes > 1
                            else memory.read_data[0])
        m.d.comb += [
            self.walls.eq(memory.read_data),
            self.wall.eq(wall),
            memory.read_row.eq(self.row),
            memory.write_row.eq(self.write_row),
            memory.write_enable.eq(self.write_enable << self.lane if shape.lanes > 1
                                   else self.write_enable),
        ]
        m.d.comb += [word.eq(self.write_wall) for word in memory.write_data]
        with m.If(self.learning):
            m.d.comb += memory.read_row.eq(self.read_row)
        access.serve(m, memory)

    def _cluster_memories(self, m: Module) -> None:
        shape, state = self._shape, self.state
        # A cluster's share of a lane's number is its low bits.
        lane_bits = ceil_log2(len(self._clusters[0]))
        asked = data.StructLayout({"row": self.row.shape(), "lane": self.lane.shape()})
        given = data.StructLayout({"row": self.row.shape(), "lane": self.lane.shape(),
                                   "wall": shape.bits, "enable": 1})
        reads, writes = Signal(asked), Signal(given)
        found = 0
        m.d.comb += [
            reads.row.eq(Mux(self.learning, self.read_row, self.row)),
            reads.lane.eq(self.lane),
            writes.row.eq(self.write_row),
            writes.lane.eq(self.lane),
            writes.wall.eq(self.write_wall),
            writes.enable.eq(self.write_enable),
        ]
        with m.If(state.strobe):
            m.d.comb += [
                reads.row.eq(state.row),
                reads.lane.eq(state.lane),
                writes.row.eq(state.row),
                writes.lane.eq(state.lane),
                writes.wall.eq(state.write_data),
                writes.enable.eq(state.write),
            ]
        for number, lanes in enumerate(self._clusters):
            hopped_reads = Signal(asked, name=f"reads_{number}", reset_less=True)
            hopped_writes = Signal(given, name=f"writes_{number}", reset_less=True)
            m.d.sync += [hopped_reads.eq(reads), hopped_writes.eq(writes)]
            reads, writes = hopped_reads, hopped_writes

            m.submodules[f"cluster_{number}"] = memory = row_memory(
                shape.rows, len(lanes), shape.bits)
            walls = memory.read_data
            m.d.comb += memory.read_row.eq(reads.row)
            m.d.comb += [self.walls[lane].eq(wall) for lane, wall in zip(lanes, walls, strict=True)]

            row = Signal.like(self.row, name=f"write_row_{number}", reset_less=True)
            wall = Signal(shape.bits, name=f"write_wall_{number}", reset_less=True)
            enable = Signal(len(lanes), name=f"write_enable_{number}")
            inside = writes.lane >> lane_bits == lanes.start >> lane_bits
            m.d.sync += [row.eq(writes.row), wall.eq(writes.wall),
                         enable.eq((writes.enable & inside)
                                   << (writes.lane[:lane_bits] if lane_bits else 0))]
            m.d.comb += [memory.write_row.eq(row), memory.write_enable.eq(enable),
                         *(word.eq(wall) for word in memory.write_data)]

            # The wall of the lane that is asked for, and nothing from other clusters.
            chosen = Signal(shape.bits, name=f"chosen_{number}", reset_less=True)
            passed = Signal(shape.bits, name=f"passed_{number}", reset_less=True)
            inside = reads.lane >> lane_bits == lanes.start >> lane_bits
            m.d.sync += [
                chosen.eq(Mux(inside, walls[reads.lane[:lane_bits]] if lane_bits else walls[0], 0)),
                passed.eq(found | chosen),
            ]
            found = passed
        m.d.comb += self.wall.eq(found)

        reading = Signal()
        waited = Signal(self.wall_latency)
        m.d.comb += [
            reading.eq(state.strobe & ~state.write),
            state.acknowledge.eq(Mux(state.write, state.strobe, reading & waited[-1])),
            state.read_data.eq(self.wall),
        ]
        m.d.sync += waited.eq(Mux(reading & ~waited[-1], waited << 1 | 1, 0))
