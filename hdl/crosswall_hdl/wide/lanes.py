"""Lanes that positions share: every wall that is read serves all positions side by side."""

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.network import CONDUCTANCE_BITS, Encoding, Network

from ..control import index_shape
from ..crossbar import shifted_sum
from ..memory import RowMemory
from .coder import Drive

__all__ = ["LaneGroup", "SharedLane", "Sweep"]


class Sweep(data.StructLayout):
    """What passes from one group of lanes to the next, a cycle later each.

    Of one place in the field, ``row`` comes first, ``drives`` and ``off`` `READ_LATENCY` cycles
    after it, ``ending`` with the products, ``SharedLane.latency`` cycles after ``drives``.

    Parameters
    ----------
    network, positions
        Geometry, and positions side by side.

    Members
    -------
    row
        Place in the field, whose walls are read.
    drives
        What it drives the lines of each position with.
    ending
        One bit per position: this is the last of a sum. At most one bit is set.
    off
        Of the row's walls the OFF line's is given out. With contrast only.
    neuron
        Whose wall is given out, and written. Held for as long as any of that is under way.
    wall
        The wall that is given out, one cycle after ``off``, if its lane was passed; else 0.
    write_row, write_wall, write_on, write_off
        Where, what, and on which of the lines the neuron's wall is written.
    """

    def __init__(self, network: Network, positions: int) -> None:
        place = index_shape(network.fan_in)
        contrast = network.encoding == Encoding.CONTRAST
        super().__init__({
            "row": place,
            "drives": data.ArrayLayout(Drive(network), positions),
            "ending": positions,
            **({"off": 1} if contrast else {}),
            "neuron": index_shape(network.neurons),
            "wall": network.wall_bits,
            "write_row": place,
            "write_wall": network.wall_bits,
            "write_on": 1,
            **({"write_off": 1} if contrast else {}),
        })


class SharedLane(wiring.Component):
    """One neuron's datapath: for each position products and their sum.

    Attributes
    ----------
    latency : int
        Cycles from ``drives`` to the products: ``max(1, log2(code_bits))``.

    Members
    -------
    conductances : In(ArrayLayout(8, lines of a pixel))
        Of the ON line and, with contrast, the OFF line.
    drives : In(ArrayLayout(Drive(network), positions))
    ending : In(positions)
        ``latency`` cycles after the last ``drives`` of a sum; at most one bit.
    current : Out(current_bits)
        The sum that ended one cycle before; 0 if none did.
    """

    def __init__(self, network: Network, positions: int) -> None:
        self._network, self._positions = network, positions
        self.latency = self.latency_of(network)
        lines = len(Drive(network).members)
        super().__init__({
            "conductances": In(data.ArrayLayout(CONDUCTANCE_BITS, lines)),
            "drives": In(data.ArrayLayout(Drive(network), positions)),
            "ending": In(positions),
            "current": Out(network.current_bits),
        })

    @staticmethod
    def latency_of(network: Network) -> int:
        """The latency of a lane."""
        return max(1, ceil_log2(network.code_bits))

    def elaborate(self, platform) -> Module:
        network = self._network
        m = Module()
        ended = 0
        for position in range(self._positions):
            terms = []
            for bit in range(network.code_bits):
                term = Signal(CONDUCTANCE_BITS, name=f"term_{position}_{bit}")
                passed = 0
                for line, name in enumerate(Drive(network).members):
                    driven = self.drives[position][name][bit]
                    passed = passed | driven.replicate(CONDUCTANCE_BITS) & self.conductances[line]
                m.d.comb += term.eq(passed)
                terms.append(term)
            product = shifted_sum(m, terms, f"product_{position}")
            accumulator = Signal(network.current_bits, name=f"accumulator_{position}")
            total = Signal(network.current_bits, name=f"total_{position}")
            ending = self.ending[position]
            m.d.comb += total.eq(accumulator + product)
            m.d.sync += accumulator.eq(total)
            with m.If(ending):
                m.d.sync += accumulator.eq(0)
            ended = ended | total & ending.replicate(network.current_bits)
        current = Signal(network.current_bits, reset_less=True)
        m.d.sync += current.eq(ended)
        m.d.comb += self.current.eq(current)
        return m


class LaneGroup(wiring.Component):
    """Some neurons side by side, with their walls, for several positions.

    The walls of a pixel's lines are read together. Groups form a chain: what enters one leaves it
    for the next a cycle later, so that no signal has to reach all lanes in a cycle.

    Parameters
    ----------
    network, positions
        Geometry, and positions side by side.
    width
        Neurons of the group.
    number
        Which of the groups, from 0: it has the neurons from ``number * width`` on.

    Members
    -------
    inward : In(Sweep(network, positions))
    onward : Out(Sweep(network, positions))
    currents : Out(ArrayLayout(current_bits, width))
        One cycle after ``inward.ending``; 0 if no sum ended.
    """

    def __init__(self, network: Network, positions: int, width: int, number: int) -> None:
        self._network, self._positions = network, positions
        self._width, self._number = width, number
        sweep = Sweep(network, positions)
        super().__init__({
            "inward": In(sweep),
            "onward": Out(sweep),
            "currents": Out(data.ArrayLayout(network.current_bits, width)),
        })

    def elaborate(self, platform) -> Module:
        network, width, inward = self._network, self._width, self.inward
        m = Module()
        lane_bits = ceil_log2(width)
        lane = inward.neuron[:lane_bits]
        mine = Signal()
        m.d.comb += mine.eq(inward.neuron[lane_bits:] == self._number)

        walls = []
        for line in Drive(network).members:
            m.submodules[f"{line}_walls"] = memory = RowMemory(network.fan_in, width,
                                                               network.wall_bits)
            written = getattr(inward, f"write_{line}") & mine
            m.d.comb += [
                memory.read_row.eq(inward.row),
                memory.write_row.eq(inward.write_row),
                *(word.eq(inward.write_wall) for word in memory.write_data),
                memory.write_enable.eq(written << lane if width > 1 else written),
            ]
            walls.append(memory.read_data)
        for index in range(width):
            m.submodules[f"lane_{index}"] = shared = SharedLane(network, self._positions)
            m.d.comb += [
                *(conductance.eq(row[index][network.conductance_shift:])
                  for conductance, row in zip(shared.conductances, walls, strict=True)),
                shared.drives.eq(inward.drives),
                shared.ending.eq(inward.ending),
                self.currents[index].eq(shared.current),
            ]

        given = [row[lane] if width > 1 else row[0] for row in walls]
        wall = Signal(network.wall_bits)
        if len(given) == 2:
            with m.If(inward.off):
                m.d.comb += wall.eq(given[1])
            with m.Else():
                m.d.comb += wall.eq(given[0])
        else:
            m.d.comb += wall.eq(given[0])
        onward = Signal.like(self.onward, reset_less=True)
        m.d.sync += [
            onward.eq(inward),
            onward.wall.eq(inward.wall | wall & mine.replicate(network.wall_bits)),
        ]
        m.d.comb += self.onward.eq(onward)
        return m
