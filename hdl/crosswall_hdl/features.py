"""Feature counters: what the winners of all positions add up to, and which are active."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from crosswall.spec.network import Network

from .control import Ranking, index_shape

__all__ = ["REPLAY_LATENCY", "FeatureStore"]

REPLAY_LATENCY = 2
"""Cycles from ``replay`` to ``feature`` and ``value``."""


class FeatureStore(wiring.Component):
    """Saturating feature counters with a list of the active ones.

    The neuron of rank ``r`` adds ``winners - r`` to the feature ``region * neurons + neuron``.
    A feature that leaves 0 joins the list, so that the read-out and the clearing visit active
    features only. Their order is that of activation; no result depends on it.

    A ranking takes 2 cycles a winner, and 1 more. Clearing takes ``count`` + 2 cycles, in which
    ``rankings`` is not ready.

    Parameters
    ----------
    network
        Regions, neurons, winners and the width of a counter.

    Members
    -------
    rankings : In(stream of Ranking)
        One of each position. Those of silent positions add nothing.
    accumulate : In(1)
        0: rankings are taken and add nothing. Changes between samples only.
    count : Out
        Active features, 0 to `Network.features`.
    replay : In
        Place in the list of active features. One a cycle, while no ranking is offered.
    feature, value : Out
        The feature there and its counter, ``REPLAY_LATENCY`` cycles later.
    clear : In(1)
        For one cycle: set the active features to 0 and empty the list.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        super().__init__({
            "rankings": In(stream.Signature(Ranking(network))),
            "accumulate": In(1),
            "count": Out(bits_for(network.features)),
            "replay": In(index_shape(network.features)),
            "feature": Out(index_shape(network.features)),
            "value": Out(network.feature_bits),
            "clear": In(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network = self._network
        features = network.features

        m.submodules.counters = counters = Memory(shape=network.feature_bits, depth=features,
                                                  init=[])
        counter_read, counter_write = counters.read_port(), counters.write_port()
        m.submodules.active = active = Memory(shape=index_shape(features), depth=features, init=[])
        active_read, active_write = active.read_port(), active.write_port()

        ranking = Signal(Ranking(network))
        rank = Signal(range(network.winners + 1))
        neuron = Signal(index_shape(network.neurons))
        counted = Signal(index_shape(features))  # the feature that is being incremented
        m.d.comb += [
            neuron.eq(ranking.winners[0]),
            counted.eq(ranking.region * network.neurons + neuron),
        ]

        # The replay: list, then counter. `visited` follows the list's output by one cycle.
        visited = Signal(index_shape(features))
        clearing = Signal()
        cleared = Signal(bits_for(features))
        m.d.sync += visited.eq(active_read.data)
        m.d.comb += [
            active_read.addr.eq(Mux(clearing, cleared, self.replay)),
            active_write.addr.eq(self.count),
            active_write.data.eq(counted),
            self.feature.eq(visited),
            self.value.eq(counter_read.data),
            counter_read.addr.eq(active_read.data),
            counter_write.addr.eq(counted),
            # A read and a write never meet, so that no block RAM needs collision logic.
            counter_read.en.eq(~counter_write.en),
            active_read.en.eq(~active_write.en),
        ]

        increment = Signal(range(network.winners + 1))
        total = Signal(network.feature_bits + 1)
        m.d.comb += [
            increment.eq(network.winners - rank),
            total.eq(counter_read.data + increment),
            counter_write.data.eq(Mux(total > network.feature_max, network.feature_max, total)),
        ]

        with m.FSM():
            with m.State("WAIT"):
                m.d.comb += self.rankings.ready.eq(~self.clear)
                m.d.sync += [
                    ranking.eq(self.rankings.payload),
                    rank.eq(0),
                    cleared.eq(0),
                ]
                with m.If(self.clear):
                    m.next = "CLEAR-FETCH"
                with m.Elif(self.rankings.valid & self.accumulate
                            & ~self.rankings.payload.silent):
                    m.next = "READ"

            with m.State("READ"):
                m.d.comb += counter_read.addr.eq(counted)
                m.next = "ADD"

            with m.State("ADD"):
                m.d.comb += counter_write.en.eq(1)
                with m.If(counter_read.data == 0):
                    m.d.comb += active_write.en.eq(1)
                    m.d.sync += self.count.eq(self.count + 1)
                # The next winner moves to place 0.
                m.d.sync += [
                    ranking.winners.eq(ranking.winners.as_value() >> neuron.shape().width),
                    rank.eq(rank + 1),
                ]
                m.next = "READ"
                with m.If(rank == network.winners - 1):
                    m.next = "WAIT"

            with m.State("CLEAR-FETCH"):
                m.d.comb += clearing.eq(1)
                m.d.sync += cleared.eq(1)
                m.next = "CLEAR"
                with m.If(self.count == 0):
                    m.next = "WAIT"

            with m.State("CLEAR"):
                # The list's output is entry `cleared - 1`; one entry is cleared a cycle.
                m.d.comb += [
                    clearing.eq(1),
                    counter_write.addr.eq(active_read.data),
                    counter_write.data.eq(0),
                    counter_write.en.eq(1),
                ]
                m.d.sync += cleared.eq(cleared + 1)
                with m.If(cleared == self.count):
                    m.d.sync += self.count.eq(0)
                    m.next = "WAIT"
        return m
