"""Ranking: the best neurons of a position, one candidate per cycle."""

from amaranth import Module, Mux, Signal
from amaranth.hdl import Shape, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.network import Network

from .control import index_shape

__all__ = ["Places", "Winner", "activation_shape"]


def activation_shape(network: Network) -> Shape:
    """Shape of a current minus a threshold."""
    return signed(network.activation_bits)


class Places(wiring.Component):
    """Keeps the best candidates, sorted by (value descending, index ascending).

    Candidates come in ascending index, with pauses or without; there is no backpressure.

    Parameters
    ----------
    shape
        Of a candidate's value.
    neurons, places
        How many candidates there may be, and how many are kept.

    Members
    -------
    value : In(shape), neuron : In(range(neurons)), valid : In(1)
        A candidate.
    clear : In(1)
        Forget all places but the fixed ones, and then take the cycle's candidate, if there is one.
    fixed : In(places)
        Places that candidates neither take nor beat; bit by bit from the first on.
    winners : Out(ArrayLayout(range(neurons), places))
        The best neurons, best first; up to date in the cycle after a candidate.
    """

    def __init__(self, shape: Shape, neurons: int, places: int) -> None:
        neuron = index_shape(neurons)
        self._places = places
        super().__init__({
            "value": In(shape),
            "neuron": In(neuron),
            "valid": In(1),
            "clear": In(1),
            "fixed": In(places),
            "winners": Out(data.ArrayLayout(neuron, places)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The places are sorted, so a candidate that beats one beats all behind it: it takes the
        # first place that it beats, and those behind shift by one.
        filled, remaining = Signal(self._places), Signal(self._places)
        beaten = Signal(self._places)
        values = [Signal.like(self.value, name=f"value_{place}", reset_less=True)
                  for place in range(self._places)]
        m.d.comb += remaining.eq(Mux(self.clear, self.fixed, filled))
        m.d.comb += [
            beaten[place].eq(~self.fixed[place]
                             & (~remaining[place] | (self.value > values[place])))
            for place in range(self._places)
        ]
        m.d.sync += filled.eq(remaining)
        with m.If(self.valid):
            m.d.sync += filled.eq(remaining << 1 | 1)
            for place in range(self._places):
                with m.If(beaten[place]):
                    m.d.sync += [values[place].eq(self.value),
                                 self.winners[place].eq(self.neuron)]
                    if place:
                        with m.If(beaten[place - 1]):
                            m.d.sync += [values[place].eq(values[place - 1]),
                                         self.winners[place].eq(self.winners[place - 1])]
        return m


class Winner(wiring.Component):
    """Ranks the neurons of a position by (activation descending, index ascending).

    Candidates come in ascending index, with pauses or without; there is no backpressure.

    Attributes
    ----------
    latency : int
        Cycles from the last candidate to ``done``: 1.

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
        For one cycle, ``latency`` after the last candidate.
    """

    latency = 1

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

    def elaborate(self, platform: object) -> Module:
        network = self._network
        m = Module()
        m.submodules.places = places = Places(activation_shape(network), network.neurons,
                                              network.winners)
        m.d.comb += [
            places.value.eq(self.activation),
            places.neuron.eq(self.neuron),
            places.valid.eq(self.valid),
            places.clear.eq(self.valid & (self.neuron == 0)),
            self.winners.eq(places.winners),
        ]
        m.d.sync += self.done.eq(self.valid & (self.neuron == network.neurons - 1))
        return m
