"""Feature counters: what the winners of all positions add up to, and which are active."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from crosswall.spec.network import Network

from .control import Ranking, index_shape
from .memory import READ_LATENCY, RowMemory

__all__ = ["FeatureBanks", "FeatureStore"]


def _members(network: Network) -> dict[str, wiring.Member]:
    """The ports that both kinds of store have."""
    return {
        "rankings": In(stream.Signature(Ranking(network))),
        "accumulate": In(1),
        "counted": Out(1),
        "count": Out(bits_for(network.features)),
        "replay": In(index_shape(network.features)),
        "feature": Out(index_shape(network.features)),
        "value": Out(network.feature_bits),
        "clear": In(1),
    }


class FeatureStore(wiring.Component):
    """Saturating feature counters with a list of the active ones, in little logic.

    The neuron of rank ``r`` adds ``winners - r`` to the feature ``region * neurons + neuron``.
    A feature that leaves 0 joins the list, so that the read-out and the clearing visit active
    features only. Their order is that of activation; no result depends on it.

    A ranking takes 2 cycles a winner, and 1 more. Clearing takes ``count`` + 2 cycles, in which
    ``rankings`` is not ready.

    Parameters
    ----------
    network
        Regions, neurons, winners and the width of a counter.

    Attributes
    ----------
    banks : int
        1.
    replay_latency : int
        Cycles from ``replay`` to ``feature`` and ``value``: 2.
    ranking_cycles : int
        From a ranking that adds something to the next, at the earliest.
    counting_latency : int
        Cycles from the last ranking that adds something to ``counted``.
    finish_latency : int
        Cycles from the end of a sample's rankings to ``counted``, at least.

    Members
    -------
    rankings : In(stream of Ranking)
        One of each position. Those of silent positions add nothing.
    accumulate : In(1)
        0: rankings are taken and add nothing. Changes between samples only.
    counted : Out(1)
        All rankings taken so far have been added, and nothing is being cleared.
    count : Out
        Active features, 0 to `Network.features`.
    replay : In
        Place in the list of active features. One a cycle, while no ranking is offered.
    feature, value : Out
        The feature there and its counter, ``replay_latency`` cycles later.
    clear : In(1)
        For one cycle: set the active features to 0 and empty the list.
    """

    banks = 1
    replay_latency = 2
    finish_latency = 1

    def __init__(self, network: Network) -> None:
        self._network = network
        self.ranking_cycles = self.counting_latency = 2 * network.winners + 1
        super().__init__(_members(network))

    @staticmethod
    def clear_cycles(count: int) -> int:
        """Cycles from ``clear`` to the first in which rankings are taken again."""
        return count + 2

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
            self.counted.eq(self.rankings.ready),
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


class FeatureBanks(wiring.Component):
    """The same counters, a winner a cycle, in banks that take turns.

    While one bank counts a sample's rankings, the one before it is replayed and the one before
    that is cleared. With one bank these follow each other.

    A ranking takes ``winners`` cycles, 1 where nothing is added. Clearing takes ``count`` +
    ``READ_LATENCY`` + 2 cycles; ``rankings`` is not ready while the bank that is to count is
    being cleared, nor from ``finish`` to ``counted``.

    Parameters
    ----------
    network
        Regions, neurons, winners and the width of a counter.
    banks
        How many, 1 or more. With 3 a clearing that is no longer than the next sample's read-out
        keeps nobody waiting.

    Attributes
    ----------
    banks : int
    replay_latency : int
        Cycles from ``replay`` to ``feature`` and ``value``: 4.
    ranking_cycles, counting_latency, finish_latency : int
        See `FeatureStore`; the end of a sample's rankings is ``finish``.

    Members
    -------
    rankings : In(stream of Ranking)
        One of each position. Those of silent positions add nothing.
    accumulate : In(1)
        0: rankings are taken and add nothing. Changes between samples only.
    finish : In(1)
        For one cycle, after a sample's last ranking: it is to be replayed, and the next bank
        counts what comes. Not before the bank that was replayed is given back with ``clear``.
    counted : Out(1)
        Low from the cycle after ``finish`` until all has been added: for ``winners`` + 6 cycles
        at most, if the bank that counts is clear.
    count : Out
        Active features of the bank that is replayed, 0 to `Network.features`. Stable from
        ``counted`` to the next ``finish``.
    replay : In
        Place in that bank's list of active features. One a cycle.
    feature, value : Out
        The feature there and its counter, ``replay_latency`` cycles later.
    clear : In(1)
        For one cycle: set the active features of that bank to 0 and empty its list.

    Raises
    ------
    ValueError
        Fewer than one bank.
    """

    replay_latency = 2 * READ_LATENCY
    finish_latency = 2

    def __init__(self, network: Network, banks: int) -> None:
        if banks < 1:
            raise ValueError(f"`banks` must be at least 1: got {banks}")
        self._network, self.banks = network, banks
        self.ranking_cycles = network.winners
        self.counting_latency = network.winners + READ_LATENCY + 4
        super().__init__(_members(network) | {"finish": In(1)})

    @staticmethod
    def clear_cycles(count: int) -> int:
        """Cycles from ``clear`` to the first in which the bank may count again."""
        return count + READ_LATENCY + 2 if count else 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, banks = self._network, self.banks
        features = network.features

        bank = Signal(range(max(2, banks)))  # the one that counts
        replayed = Signal.like(bank)
        finishing = Signal()

        # Winners, one after the other: feature, read, read, add, write.
        ranking = Signal(Ranking(network))
        held = Signal()
        rank = Signal(range(network.winners))
        step_layout = data.StructLayout({
            "feature": index_shape(features), "increment": range(network.winners + 1)})
        asked, awaited, added = (Signal(step_layout, name=name, reset_less=True)
                                 for name in ("asked", "awaited", "added"))
        asked_valid, awaited_valid = Signal(), Signal()
        added_valid, stored_valid, past_valid = Signal(), Signal(), Signal()
        last_winner = Signal()
        unclean = Signal()  # the bank that counts is being cleared
        m.d.comb += [
            last_winner.eq(rank == network.winners - 1),
            self.rankings.ready.eq((~held | last_winner) & ~unclean & ~finishing),
        ]
        with m.If(held):
            # The next winner moves to place 0.
            m.d.sync += [
                ranking.winners.eq(ranking.winners.as_value() >> ranking.winners[0].shape().width),
                rank.eq(rank + 1),
            ]
        with m.If(~held | last_winner):
            m.d.sync += [
                ranking.eq(self.rankings.payload),
                rank.eq(0),
                held.eq(self.rankings.valid & self.rankings.ready & self.accumulate
                        & ~self.rankings.payload.silent),
            ]
        m.d.sync += [
            asked.feature.eq(ranking.region * network.neurons + ranking.winners[0]),
            asked.increment.eq(network.winners - rank),
            asked_valid.eq(held),
            awaited.eq(asked),
            awaited_valid.eq(asked_valid),
            added.eq(awaited),
            added_valid.eq(awaited_valid),
        ]

        # A counter that one of the three winners before has changed was read too early, or while
        # it was written: their sums are used in its place.
        stored_feature = Signal(index_shape(features), reset_less=True)
        past_feature = Signal.like(stored_feature, reset_less=True)
        stored, past, long_past = (Signal(network.feature_bits, name=name, reset_less=True)
                                   for name in ("stored", "past", "long_past"))
        follows = Signal(3)
        activated = Signal(reset_less=True)
        m.d.sync += [
            stored_feature.eq(added.feature),
            stored_valid.eq(added_valid),
            past_feature.eq(stored_feature),
            past_valid.eq(stored_valid),
            follows.eq(Cat(valid & (awaited.feature == feature) for valid, feature in (
                (added_valid, added.feature), (stored_valid, stored_feature),
                (past_valid, past_feature)))),
        ]
        read_value = Signal(network.feature_bits)
        before = Signal(network.feature_bits)
        total = Signal(network.feature_bits + 1)
        after = Signal(network.feature_bits)
        m.d.comb += [
            before.eq(Mux(follows[0], stored, Mux(follows[1], past,
                                                  Mux(follows[2], long_past, read_value)))),
            total.eq(before + added.increment),
            after.eq(Mux(total > network.feature_max, network.feature_max, total)),
        ]
        m.d.sync += [
            stored.eq(after),
            past.eq(stored),
            long_past.eq(past),
            activated.eq(before == 0),
        ]

        listed = Signal(index_shape(features))
        shown = Signal(network.feature_bits)
        active_count = Signal.like(self.count)
        for index in range(banks):
            counters = RowMemory(features, 1, network.feature_bits)
            listing = RowMemory(features, 1, len(listed))
            m.submodules[f"counters_{index}"] = counters
            m.submodules[f"active_{index}"] = listing
            counts, replays = bank == index, replayed == index
            count = Signal(bits_for(features), name=f"count_{index}")
            clearing = Signal(name=f"clearing_{index}")
            place = Signal(bits_for(features), name=f"cleared_{index}")
            visiting = Signal(name=f"visiting_{index}")
            visited = Signal(READ_LATENCY, name=f"visited_{index}")
            m.d.comb += [
                visiting.eq(clearing & (place != count)),
                listing.read_row.eq(Mux(clearing, place, self.replay)),
                listing.write_row.eq(count),
                listing.write_data[0].eq(stored_feature),
                listing.write_enable.eq(stored_valid & counts & activated),
                counters.read_row.eq(Mux(asked_valid & counts, asked.feature,
                                         listing.read_data[0])),
                counters.write_row.eq(Mux(clearing, listing.read_data[0], stored_feature)),
                counters.write_data[0].eq(Mux(clearing, 0, stored)),
                counters.write_enable.eq(visited[-1] | stored_valid & counts),
            ]
            m.d.sync += visited.eq(visited << 1 | visiting)
            with m.If(listing.write_enable):
                m.d.sync += count.eq(count + 1)
            with m.If(self.clear & replays):
                m.d.sync += [clearing.eq(1), place.eq(0)]
            with m.Elif(visiting):
                m.d.sync += place.eq(place + 1)
            with m.Elif(clearing & ~visited.any()):
                m.d.sync += [clearing.eq(0), count.eq(0)]
            with m.If(counts):
                m.d.comb += [
                    read_value.eq(counters.read_data[0]),
                    active_count.eq(count),
                    unclean.eq(clearing | (self.clear & replays)),
                ]
            with m.If(replays):
                m.d.comb += [listed.eq(listing.read_data[0]), shown.eq(counters.read_data[0])]

        for cycle in range(READ_LATENCY):
            register = Signal.like(listed, name=f"listed_{cycle + 1}", reset_less=True)
            m.d.sync += register.eq(listed)
            listed = register
        m.d.comb += [self.feature.eq(listed), self.value.eq(shown), self.counted.eq(~finishing)]

        with m.If(self.finish):
            m.d.sync += finishing.eq(1)
        with m.Elif(finishing
                    & ~Cat(unclean, held, asked_valid, awaited_valid, added_valid,
                           stored_valid).any()):
            m.d.sync += [
                finishing.eq(0),
                replayed.eq(bank),
                self.count.eq(active_count),
                bank.eq(Mux(bank == banks - 1, 0, bank + 1)),
            ]
        return m
