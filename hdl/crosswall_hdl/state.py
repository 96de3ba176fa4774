"""The state window: one register that walks through every memory of the machine.

Layout and order are those of `crosswall.spec.state`.
"""

from amaranth import Array, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.registers import REGISTERS
from crosswall.spec.state import MemoryShape, StateMemory, memory_shapes

from .control import index_shape

__all__ = ["StatePort", "StateWindow", "WindowPort"]


class StatePort(wiring.Signature):
    """Way of the state window into one memory; directions are the window's.

    A memory declares ``state: In(StatePort(shape))``. The window raises ``strobe`` with the other
    outputs valid, and holds all of them until the memory raises ``acknowledge`` for one cycle,
    after any number of cycles (also the first). ``strobe`` is low in the next cycle. It is only
    raised between samples, when the memory's owner does nothing.

    Parameters
    ----------
    shape
        Rows and lanes of the memory.

    Members
    -------
    strobe : Out(1)
        An access is pending.
    write : Out(1)
        1 for a write, 0 for a read. Memories that are not readable are never read.
    row : Out(range(rows)), lane : Out(range(lanes))
        The word; always within the shape while ``strobe``.
    write_data : Out(32)
        The memory takes as many low bits as its words have.
    read_data : In(32)
        Valid with ``acknowledge`` of a read and in the cycle after; the word extended with zeros.
    acknowledge : In(1)
        Ends the access. Low while ``strobe`` is low.
    """

    def __init__(self, shape: MemoryShape) -> None:
        super().__init__({
            "strobe": Out(1),
            "write": Out(1),
            "row": Out(index_shape(shape.rows)),
            "lane": Out(index_shape(shape.lanes)),
            "write_data": Out(32),
            "read_data": In(32),
            "acknowledge": In(1),
        })


class WindowPort(wiring.Signature):
    """How the register bank uses the state window; directions are the bank's.

    An access is handshaken like a `StatePort`'s: ``strobe``, ``write`` and ``write_data`` hold
    until ``acknowledge``, which comes with ``read_data`` and ``error``; then ``strobe`` falls.

    Members
    -------
    memory : Out(3)
        The memory (`StateMemory`); changes between accesses only.
    goto : Out(1), row : Out(32)
        For one cycle: go to lane 0 of this row. Between accesses only.
    strobe : Out(1), write : Out(1), write_data : Out(32)
    acknowledge : In(1), read_data : In(32)
    error : In(1)
        Row beyond the memory, or a read of a memory that is not readable: nothing was done.
    """

    def __init__(self) -> None:
        super().__init__({
            "memory": Out(REGISTERS["state_memory"].width),
            "goto": Out(1),
            "row": Out(REGISTERS["state_row"].width),
            "strobe": Out(1),
            "write": Out(1),
            "write_data": Out(32),
            "acknowledge": In(1),
            "read_data": In(32),
            "error": In(1),
        })


class StateWindow(wiring.Component):
    """Walks through the words of one memory at a time.

    Each access without error steps to the next lane and, after the last lane, to the next row.
    An access waits for ``grant`` and takes 4 cycles more than the memory.

    Parameters
    ----------
    network, build
        Shapes of the memories.

    Members
    -------
    port : In(WindowPort)
    request : Out(1), grant : In(1)
        ``request`` holds from the start of an access to its end; the access goes to the memory
        while ``grant``, which must hold until ``request`` falls.
    clustering_walls, thresholds, … : Out(StatePort)
        One for each `StateMemory`, named after it.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._shapes = memory_shapes(network, build)
        self._compact = build.compact
        super().__init__({
            "port": In(WindowPort()),
            "request": Out(1),
            "grant": In(1),
            **{memory.name.lower(): Out(StatePort(shape))
               for memory, shape in self._shapes.items()},
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ports = {memory: getattr(self, memory.name.lower()) for memory in StateMemory}
        shapes = [self._shapes[memory] for memory in StateMemory]
        row = Signal(bits_for(max(shape.rows for shape in shapes)))
        beyond = Signal()  # the row is higher than `row` can be
        lane = Signal(index_shape(max(shape.lanes for shape in shapes)))

        # Registered, as all of them are wide choices by a register that seldom changes.
        rows, last_lane = Signal.like(row), Signal.like(lane)
        readable, inside = Signal(), Signal()
        m.d.sync += [
            rows.eq(Array(shape.rows for shape in shapes)[self.port.memory]),
            last_lane.eq(Array(shape.lanes - 1 for shape in shapes)[self.port.memory]),
            readable.eq(Array(shape.readable for shape in shapes)[self.port.memory]),
            inside.eq((row < rows) & ~beyond),
        ]
        with m.If(self.port.goto):
            m.d.sync += [row.eq(self.port.row), beyond.eq(self.port.row[len(row):].any()),
                         lane.eq(0)]

        strobes = Signal(len(ports))  # one for each memory
        acknowledge = Signal()
        refused = Signal()
        for memory, port in ports.items():
            m.d.comb += [
                port.strobe.eq(strobes[memory]),
                port.write.eq(self.port.write),
                port.row.eq(row),
                port.lane.eq(lane),
                port.write_data.eq(self.port.write_data),
            ]
        m.d.comb += [
            acknowledge.eq(Cat(port.acknowledge for port in ports.values()).any()),
            self.port.error.eq(refused),
        ]
        read_data = Array(ports[memory].read_data if self._shapes[memory].readable else 0
                          for memory in StateMemory)[self.port.memory]
        # Registered where there is room: the words come from all over the machine.
        domain = m.d.comb if self._compact else m.d.sync
        domain += self.port.read_data.eq(read_data)

        with m.FSM():
            with m.State("REST"):
                with m.If(self.port.strobe):
                    m.next = "CHECK"

            with m.State("CHECK"):
                # The registers above now follow whatever was last set.
                m.next = "ACCESS"
                with m.If(~inside | ~(readable | self.port.write)):
                    m.d.sync += refused.eq(1)
                    m.next = "ANSWER"

            with m.State("ACCESS"):
                m.d.comb += self.request.eq(1)
                # Registered: from the machine's state to a memory's address is a long way.
                m.d.sync += strobes.eq((self.grant & ~acknowledge) << self.port.memory)
                with m.If(acknowledge):
                    m.next = "ANSWER"

            with m.State("ANSWER"):
                # A cycle later, as from a memory's answer to the link is a long way, too.
                m.d.comb += [self.request.eq(~refused), self.port.acknowledge.eq(1)]
                m.d.sync += refused.eq(0)
                with m.If(~refused):
                    m.d.sync += lane.eq(lane + 1)
                    with m.If(lane == last_lane):
                        m.d.sync += [lane.eq(0), row.eq(row + 1)]
                m.next = "REST"
        return m
