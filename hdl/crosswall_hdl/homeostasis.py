"""Homeostasis: the neurons' adaptive thresholds, read while scoring, moved while learning."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes

from .control import RuleValues, index_shape
from .memory import READ_LATENCY, RowMemory, StateAccess
from .state import StatePort

__all__ = ["Homeostasis"]


class Homeostasis(wiring.Component):
    """Keeps the thresholds of all crossbars.

    ``start`` makes one learning step of the crossbar at ``row_base``: the winner's threshold
    rises by ``rules.threshold_rise``, at most to the highest; then every threshold falls by
    ``rules.threshold_decay``, at least to 0. It takes ``neurons + 5`` cycles. Refining, the
    rival's threshold rises by ``rules.threshold_rise`` and the winner's falls by as much.

    Parameters
    ----------
    network, build
        What is computed, and how.
    rows
        Ports of a `RowMemory` of the thresholds, its words as wide or wider, to use in the place
        of an own one.

    Attributes
    ----------
    cycles : int
        From ``start`` to the first cycle that is not ``busy``.

    Members
    -------
    rules : In(RuleValues)
        Held while ``busy``.
    row_base : In(range(crossbars * neurons))
        Row of the crossbar's neuron 0. Held while ``busy`` and while thresholds are read.
    neuron : In(range(neurons))
    threshold : Out(threshold_bits)
        Threshold of ``neuron``, two cycles later. Means nothing while ``busy`` or ``state`` in
        use.
    start : In(1)
        Not while ``busy``.
    winner : In(range(neurons))
        Held while ``busy``.
    refines : In(1), rival : In(range(neurons))
        With labelled neurons only. Held while ``busy``.
    busy : Out(1)
    write_row : Out(range(crossbars * neurons)), write_threshold : Out(threshold_bits)
        A threshold that changes, for copies of them.
    write_enable : Out(1)
    state : In(StatePort)
    """

    def __init__(self, network: Network, build: Build, *,
                 rows: wiring.PureInterface | None = None) -> None:
        self._network, self._compact, self._rows = network, build.compact, rows
        self._shape = memory_shapes(network, build)[StateMemory.THRESHOLDS]
        neuron = index_shape(network.neurons)
        self.cycles = network.neurons + READ_LATENCY + 3
        super().__init__({
            "rules": In(RuleValues),
            "row_base": In(index_shape(self._shape.rows)),
            "neuron": In(neuron),
            "threshold": Out(network.threshold_bits),
            "start": In(1),
            "winner": In(neuron),
            **({"refines": In(1), "rival": In(neuron)} if network.labelled_neurons else {}),
            "busy": Out(1),
            "write_row": Out(index_shape(self._shape.rows)),
            "write_threshold": Out(network.threshold_bits),
            "write_enable": Out(1),
            "state": In(StatePort(self._shape)),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        m = Module()
        memory = self._rows
        if memory is None:
            m.submodules.memory = memory = RowMemory(
                self._shape.rows, 1, network.threshold_bits, register_address=self._compact)
        m.submodules.access = access = StateAccess(self._shape)
        wiring.connect(m, wiring.flipped(self.state), access.state)

        # One neuron per cycle: read, rise, decay, write.
        reading = Signal()
        read_neuron = Signal(index_shape(network.neurons))
        written_neuron = Signal.like(read_neuron)
        active = Signal(READ_LATENCY + 2)
        with m.If(self.start):
            m.d.sync += [reading.eq(1), read_neuron.eq(0), written_neuron.eq(0)]
        with m.Elif(reading):
            m.d.sync += read_neuron.eq(read_neuron + 1)
            with m.If(read_neuron == network.neurons - 1):
                m.d.sync += reading.eq(0)
        m.d.sync += active.eq(active << 1 | reading)

        rise = self._limited(m, self.rules.threshold_rise, "rise")
        decay = self._limited(m, self.rules.threshold_decay, "decay")
        risen_neuron = Signal.like(read_neuron)
        rising = Signal.like(self.winner)
        rises = Signal()  # with the threshold
        falls = Signal.like(decay)
        m.d.comb += [rising.eq(self.winner), falls.eq(decay)]
        if network.labelled_neurons:
            won, wins = Signal(), Signal()  # with the threshold, and when it is risen
            m.d.sync += [won.eq(risen_neuron == self.winner), wins.eq(won)]
            with m.If(self.refines):
                m.d.comb += [rising.eq(self.rival), falls.eq(Mux(wins, rise, 0))]
        threshold = Signal(network.threshold_bits)
        sum_ = Signal(network.threshold_bits + 1)
        risen = Signal(network.threshold_bits, reset_less=True)
        difference = Signal(network.threshold_bits + 1)
        decayed = Signal(network.threshold_bits, reset_less=True)
        m.d.comb += [
            threshold.eq(memory.read_data[0]),
            sum_.eq(threshold + Mux(rises, rise, 0)),
            difference.eq(risen - falls),
        ]
        with m.If(self.start):
            m.d.sync += risen_neuron.eq(0)
        with m.Elif(active[READ_LATENCY - 2]):
            m.d.sync += risen_neuron.eq(risen_neuron + 1)
        m.d.sync += rises.eq(risen_neuron == rising)
        with m.If(active[-1]):
            m.d.sync += written_neuron.eq(written_neuron + 1)
        m.d.sync += [risen.eq(sum_), decayed.eq(difference)]
        with m.If(sum_[-1]):
            m.d.sync += risen.eq(network.threshold_max)
        with m.If(difference[-1]):
            m.d.sync += decayed.eq(0)

        m.d.comb += [
            memory.read_row.eq(self.row_base + Mux(reading, read_neuron, self.neuron)),
            memory.write_row.eq(self.row_base + written_neuron),
            memory.write_data[0].eq(decayed),
            memory.write_enable.eq(active[-1]),
            self.threshold.eq(threshold),
            self.busy.eq(reading | active.any()),
        ]
        access.serve(m, memory)
        m.d.comb += [
            self.write_row.eq(memory.write_row),
            self.write_threshold.eq(memory.write_data[0]),
            self.write_enable.eq(memory.write_enable),
        ]
        return m

    def _limited(self, m: Module, value, name: str) -> Signal:
        """``value``, or the highest threshold if that is less: moves a threshold as far."""
        bits = self._network.threshold_bits
        limited = Signal(bits, name=name)
        m.d.comb += limited.eq(value[:bits] | value[bits:].any().replicate(bits))
        return limited
