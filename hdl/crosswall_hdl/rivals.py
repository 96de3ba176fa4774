"""Teacher of the clustering stage: the label's best neuron and the best of all others."""

from amaranth import Module, Signal
from amaranth.hdl import signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.network import Network

from .control import index_shape
from .winner import activation_shape

__all__ = ["Rivals"]


class Rivals(wiring.Component):
    """Finds the two neurons that guiding and refining write, where neurons stand for classes.

    Candidates come as to `Winner`: in ascending index, with pauses or without; there is no
    backpressure. Outputs are up to date two cycles after the last candidate and hold until the
    next position's first.

    Members
    -------
    activation : In(activation_shape(network)), neuron : In(range(neurons)), valid : In(1)
        A candidate.
    label : In(8)
        The sample's label, held while candidates come.
    margin : In(31)
        Held likewise.
    own, rival : Out(range(neurons))
        Best neuron of the label's class, and of all others; the lowest index wins a tie.
    missed : Out(1)
        ``own`` does not exceed ``rival`` by ``margin``.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        neuron = index_shape(network.neurons)
        super().__init__({
            "activation": In(activation_shape(network)),
            "neuron": In(neuron),
            "valid": In(1),
            "label": In(8),
            "margin": In(31),
            "own": Out(neuron),
            "rival": Out(neuron),
            "missed": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        classes = self._network.classes
        m = Module()
        # A neuron's class is its index modulo the classes; candidates come in order.
        next_class = Signal(range(classes))
        candidate_class = Signal(range(classes))
        first = Signal()
        m.d.comb += [
            first.eq(self.neuron == 0),
            candidate_class.eq(next_class),
        ]
        with m.If(first):
            m.d.comb += candidate_class.eq(0)
        with m.If(self.valid):
            m.d.sync += next_class.eq(candidate_class + 1)
            with m.If(candidate_class == classes - 1):
                m.d.sync += next_class.eq(0)

        best = {}
        belongs = Signal()
        m.d.comb += belongs.eq(candidate_class == self.label)
        for name, takes, index in (("own", belongs, self.own), ("rival", ~belongs, self.rival)):
            value = Signal.like(self.activation, name=name, reset_less=True)
            found = Signal(name=f"{name}_found")
            kept = Signal(name=f"{name}_kept")
            m.d.comb += kept.eq(found & ~first)
            with m.If(self.valid):
                m.d.sync += found.eq(kept | takes)
                with m.If(takes & (~kept | (self.activation > value))):
                    m.d.sync += [value.eq(self.activation), index.eq(self.neuron)]
            best[name] = value
        lead = Signal(signed(len(self.activation) + 1))
        m.d.comb += lead.eq(best["own"] - best["rival"])
        m.d.sync += self.missed.eq(lead < self.margin)
        return m
