"""Ranking: the best neurons of a position, one candidate per cycle."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.network import Network

from .control import index_shape

__all__ = ["Winner", "activation_shape"]


def activation_shape(network: Network):
    """Shape of a current minus a threshold."""
    return signed(max(network.current_bits, network.threshold_bits) + 1)


class Winner(wiring.Component):
    """Keeps the best candidates, ranked by (activation descending, index ascending).

    Candidates come in ascending index, with pauses or without; there is no backpressure.

    Members
    -------
    activation : In(activation_shape(network))
    neuron : In(range(neurons))
        Index of the candidate. Index 0 begins a ranking, the last index ends it.
    valid : In(1)
        A candidate.
    winners : Out(ArrayLayout(range(neurons), winners))
        The best neurons, best first. Complete with ``done``, kept until the next index 0 has been
        taken.
    done : Out(1)
        For one cycle, the one after the last candidate.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        neuron = index_shape(network.neurons)
        super().__init__({
            "activation": In(activation_shape(network)),
            "neuron": In(neuron),
            "valid": In(1),
            "winners": Out(data.ArrayLayout(neuron, network.winners)),
            "done": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        places = self._network.winners
        first = Signal()
        m.d.comb += first.eq(self.neuron == 0)
        m.d.sync += self.done.eq(self.valid & (self.neuron == self._network.neurons - 1))

        # The places are sorted, so a candidate that beats one beats all behind it: it takes the
        # first place that it beats, and those behind shift by one.
        filled = Signal(places)
        beaten = Signal(places)
        activations = [Signal.like(self.activation, name=f"activation_{place}", reset_less=True)
                       for place in range(places)]
        m.d.comb += [
            beaten[place].eq(first | ~filled[place] | (self.activation > activations[place]))
            for place in range(places)
        ]
        with m.If(self.valid):
            m.d.sync += filled.eq(Mux(first, 1, filled << 1 | 1))
            for place in range(places):
                with m.If(beaten[place]):
                    m.d.sync += [activations[place].eq(self.activation),
                                 self.winners[place].eq(self.neuron)]
                    if place:
                        with m.If(beaten[place - 1]):
                            m.d.sync += [activations[place].eq(activations[place - 1]),
                                         self.winners[place].eq(self.winners[place - 1])]
        return m
