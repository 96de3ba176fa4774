"""The clustering crossbar's arithmetic: currents of all neurons, a lane each, group by group."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import CONDUCTANCE_BITS, Network
from crosswall.spec.state import StateMemory, memory_shapes

from .control import index_shape
from .encoder import Event
from .memory import READ_LATENCY
from .walls import CrossbarWalls, lane_clusters

__all__ = ["Crossbar", "Lane", "shifted_sum"]


class Lane(wiring.Component):
    """One neuron's datapath: products, their sum, and a link of the chain that takes sums out.

    Parameters
    ----------
    code_bits
        Width of a code: 1, 2, 4 or 8.
    current_bits
        Width of a sum.
    multiplier
        Multiply and accumulate in a DSP block, which cannot give a sum and clear it at once:
        the last product of a sum must be 0.

    Attributes
    ----------
    latency : int
        Cycles from ``code`` to its product: ``max(1, log2(code_bits))``, 1 with ``multiplier``.

    Members
    -------
    code : In(code_bits)
    conductance : In(8)
    last : In(1)
        With the last *product* of a sum, ``latency`` cycles after its ``code``: the sum appears at
        ``current`` in the next cycle and a new one begins.
    idle : In(1)
        With a product that belongs to no sum: clears the sum, whatever was read for the product.
    following : In(current_bits)
        ``current`` of the next lane. Taken over in every cycle without ``last``.
    current : Out(current_bits)
    """

    def __init__(self, code_bits: int, current_bits: int, *, multiplier: bool = False) -> None:
        self._code_bits, self._multiplier = code_bits, multiplier
        self.latency = self.latency_of(code_bits, multiplier)
        super().__init__({
            "code": In(code_bits),
            "conductance": In(CONDUCTANCE_BITS),
            "last": In(1),
            "idle": In(1),
            "following": In(current_bits),
            "current": Out(current_bits),
        })

    @staticmethod
    def latency_of(code_bits: int, multiplier: bool) -> int:
        """The latency of a lane."""
        return 1 if multiplier else max(1, ceil_log2(code_bits))

    def elaborate(self, platform) -> Module:
        m = Module()
        accumulator = Signal.like(self.current)
        leaving = Signal.like(self.current, reset_less=True)
        total = Signal.like(self.current)
        product = self._product(m)
        m.d.comb += [total.eq(accumulator + product), self.current.eq(leaving)]
        m.d.sync += [
            accumulator.eq(total),
            leaving.eq(Mux(self.last, accumulator if self._multiplier else total,
                           self.following)),
        ]
        with m.If(self.last | self.idle):
            m.d.sync += accumulator.eq(0)
        return m

    def _product(self, m: Module) -> Signal:
        if self._multiplier:
            product = Signal(CONDUCTANCE_BITS + self._code_bits, reset_less=True)
            m.d.sync += product.eq(self.code * self.conductance)
            return product
        # No `*`: it would take a DSP block.
        return shifted_sum(m, [Mux(self.code[bit], self.conductance, 0)
                               for bit in range(self._code_bits)])


def shifted_sum(m: Module, terms: Sequence[Value], name: str = "product") -> Signal:
    """Sum of ``terms[i] << i``, for conductances that a code's bits let pass:
    ``max(1, log2(len(terms)))`` cycles ago, pair by pair with a register behind each sum."""
    count, span = len(terms), 1
    for stage in range(max(1, ceil_log2(count))):
        pairs = zip(terms[::2], terms[1::2], strict=True) if len(terms) > 1 else [(terms[0],)]
        added = []
        for index, pair in enumerate(pairs):
            value = pair[0] if len(pair) == 1 else pair[0] + (pair[1] << span)
            partial = Signal(CONDUCTANCE_BITS + min(2 * span, count),
                             name=f"{name}_{stage}_{index}", reset_less=True)
            m.d.sync += partial.eq(value)
            added.append(partial)
        terms, span = added, 2 * span
    return terms[0]


class Crossbar(wiring.Component):
    """Reads events and walls, and gives the current of every neuron of a position, in order.

    A group of ``lanes`` neurons takes one sweep over the events, at least ``lanes`` cycles; its
    currents leave, one per cycle, during the next sweep. There is no backpressure. The next
    position may be started while the last currents of this one leave.

    With `Build.compact` lanes multiply in DSP blocks, and a sweep has one slot more than
    events. Otherwise, timing from ``start``: the last slot is addressed after
    ``groups * max(events, lanes)`` cycles (``finishing``); the last current leaves
    ``latency + lanes`` cycles later.

    Parameters
    ----------
    network, build
        Geometry and lanes.

    Attributes
    ----------
    latency : int
        Cycles from a group's last slot to its first current: 7 for 1 and 2 code bits, 8 for 4, 9
        for 8, and one more for each cluster of lanes; 7 if compact.
    groups : int
        Sweeps of a position.

    Members
    -------
    start : In(1)
        Not while ``sweeping``.
    events : In(range(fan_in + 1))
        How many there are; held while ``sweeping``.
    row_base : In(range(rows))
        First row of the position's crossbar; held until the last current has left.
    sweeping, finishing : Out(1)
        Slots are being addressed; the last one is, in this cycle.
    slot : Out(range(fan_in))
    event : In(Event(network))
        Two cycles after ``slot``.
    row : Out(range(rows))
    walls : In(ArrayLayout(wall_bits, lanes))
        Those of ``row``, as late as `CrossbarWalls` gives them.
    upcoming, upcoming_valid : Out(range(neurons)), Out(1)
        The neuron whose current leaves in two cycles.
    neuron : Out(range(neurons))
    current : Out(current_bits)
    current_valid : Out(1)
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network = network
        self._lanes = build.lanes
        self.groups = build.groups(network)
        self._multiplier = build.compact
        self._walls_latency = CrossbarWalls.row_latency_of(build)
        self._clusters = lane_clusters(build)
        self.latency = (READ_LATENCY + 1 + self._walls_latency
                        + Lane.latency_of(network.code_bits, self._multiplier)
                        + len(self._clusters))
        row = index_shape(memory_shapes(network, build)[StateMemory.CLUSTERING_WALLS].rows)
        super().__init__({
            "start": In(1),
            "events": In(bits_for(network.fan_in)),
            "row_base": In(row),
            "sweeping": Out(1),
            "finishing": Out(1),
            "slot": Out(index_shape(network.fan_in)),
            "event": In(Event(network)),
            "row": Out(row),
            "walls": In(data.ArrayLayout(network.wall_bits, build.lanes)),
            "upcoming": Out(index_shape(network.neurons)),
            "upcoming_valid": Out(1),
            "neuron": Out(index_shape(network.neurons)),
            "current": Out(network.current_bits),
            "current_valid": Out(1),
        })

    def sweep_cycles(self, events: int) -> int:
        """Cycles from ``start`` to ``finishing``."""
        return self.groups * max(events + self._multiplier, self._lanes)

    def elaborate(self, platform) -> Module:
        network, lanes, groups = self._network, self._lanes, self.groups
        m = Module()

        # Address one slot per cycle. Slots beyond the events pass as zeros.
        # Multipliers need one of these at the end.
        slot = Signal(range(max(network.fan_in + self._multiplier, lanes)))
        group = Signal(index_shape(groups))
        last_slot = Signal()
        m.d.comb += [
            self.slot.eq(slot),
            last_slot.eq((slot + (not self._multiplier) >= self.events) & (slot >= lanes - 1)),
            self.finishing.eq(self.sweeping & last_slot & (group == groups - 1)),
        ]
        with m.If(self.start):
            m.d.sync += [self.sweeping.eq(1), slot.eq(0), group.eq(0)]
        with m.Elif(self.sweeping):
            m.d.sync += slot.eq(slot + 1)
            with m.If(last_slot):
                m.d.sync += [slot.eq(0), group.eq(group + 1)]
            with m.If(self.finishing):
                m.d.sync += self.sweeping.eq(0)

        # Control beside the data: bit n belongs to the slot addressed n + 1 cycles ago.
        last = Signal(self.latency - 1)
        inside = Signal(READ_LATENCY)
        m.d.sync += [
            last.eq(last << 1 | (self.sweeping & last_slot)),
            inside.eq(inside << 1 | (self.sweeping & (slot < self.events))),
        ]
        group_delayed = group
        for stage in range(READ_LATENCY):
            register = Signal.like(group, name=f"group_{stage}", reset_less=True)
            m.d.sync += register.eq(group_delayed)
            group_delayed = register
        row = Signal.like(self.row, reset_less=True)
        m.d.sync += row.eq(self.row_base + self.event.line * groups + group_delayed)
        m.d.comb += self.row.eq(row)
        code = Mux(inside[-1], self.event.code, 0)
        for stage in range(1 + self._walls_latency):
            register = Signal(network.code_bits, name=f"code_{stage}", reset_less=True)
            m.d.sync += register.eq(code)
            code = register

        idle = 0
        if self._multiplier:
            # A row that is read between sweeps may lie outside the memory.
            running = Signal.like(last)
            m.d.sync += running.eq(running << 1 | self.sweeping)
            idle = ~running[-1]

        # Each cluster works a cycle behind the one whose currents it passes on.
        following = 0
        for number, cluster in enumerate(self._clusters):
            if number:
                hopped_code = Signal.like(code, name=f"code_{number}_hopped", reset_less=True)
                hopped = Signal.like(self.current, name=f"current_{number}_hopped",
                                     reset_less=True)
                m.d.sync += [hopped_code.eq(code), hopped.eq(following)]
                code, following = hopped_code, hopped
            for index in reversed(cluster):
                lane = Lane(network.code_bits, network.current_bits, multiplier=self._multiplier)
                m.submodules[f"lane_{index}"] = lane
                m.d.comb += [
                    lane.code.eq(code),
                    lane.conductance.eq(self.walls[index][network.conductance_shift:]),
                    lane.last.eq(last[number - len(self._clusters)]),
                    lane.idle.eq(idle),
                    lane.following.eq(following),
                ]
                following = lane.current
        m.d.comb += self.current.eq(following)

        # Which neuron leaves: `lanes` per group, the first two cycles after `upcoming` rises.
        last_lane = Signal()
        m.d.comb += last_lane.eq(self.upcoming[:ceil_log2(lanes)].all() if lanes > 1 else 1)
        with m.If(self.upcoming_valid):
            m.d.sync += self.upcoming.eq(
                Mux(self.upcoming == network.neurons - 1, 0, self.upcoming + 1))
        with m.If(last[-1 - READ_LATENCY]):
            m.d.sync += self.upcoming_valid.eq(1)
        with m.Elif(last_lane):
            m.d.sync += self.upcoming_valid.eq(0)
        valid = Signal(READ_LATENCY)
        neuron = self.upcoming
        for stage in range(READ_LATENCY):
            register = Signal.like(self.upcoming, name=f"neuron_{stage}", reset_less=True)
            m.d.sync += register.eq(neuron)
            neuron = register
        m.d.sync += valid.eq(valid << 1 | self.upcoming_valid)
        m.d.comb += [self.neuron.eq(neuron), self.current_valid.eq(valid[-1])]
        return m
