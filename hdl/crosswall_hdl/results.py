"""Result packets: the answer to a sample, byte by byte."""

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.hdl import ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.network import Network
from crosswall.spec.sample import (
    NO_PREDICTION,
    RESULT_HEADER_BYTES,
    SCORE_BYTES,
    ResultFlag,
    silent_winner,
    winner_bytes,
)

from .bus import PacketSignature
from .control import Ranking, SampleControl, SampleFlags, index_shape

__all__ = ["WINNER_BANKS", "ResultSender"]

WINNER_BANKS = 4
"""Samples whose winners are kept where samples overlap: one clustered, one read out, one sent."""

RESULT_HEADER = data.StructLayout({
    "number": 32, "flags": SampleFlags, "prediction": 8, "result_flags": 8, "reserved": 8,
})
"""Header of a result packet, in wire order."""


class ResultSender(wiring.Component):
    """Sends the result packet of the sample that has just been processed.

    Keeps the best neuron of each position from the rankings that pass. A byte a cycle if
    ``results`` is ready; the first one comes a cycle after ``start``.

    Parameters
    ----------
    network
        Positions, neurons and classes.
    overlap
        Rankings of later samples pass while a result is sent, `WINNER_BANKS` - 2 at most.

    Members
    -------
    ranked : In(1), ranking : In(Ranking)
        A ranking was accepted in this cycle.
    ranked_bank, sent_bank : In(range(WINNER_BANKS))
        Where the winners of the sample that is ranked are kept, and those of the one that is
        sent. With ``overlap`` only.
    start : In(1), done : Out(1)
        One cycle each.
    sample : In(SampleControl), prediction : In(8), taught : In(1), refined : In(1)
        Stable from ``start`` to ``done``. ``prediction`` and ``taught`` count only if the sample
        asks for a prediction.
    score_class : Out, score : In(signed)
        A class and, one cycle later, its score.
    results : Out(PacketSignature)
    """

    def __init__(self, network: Network, *, overlap: bool = False) -> None:
        self._network, self._overlap = network, overlap
        banks = {"ranked_bank": In(range(WINNER_BANKS)), "sent_bank": In(range(WINNER_BANKS))}
        super().__init__({
            **(banks if overlap else {}),
            "ranked": In(1),
            "ranking": In(Ranking(network)),
            "start": In(1),
            "done": Out(1),
            "sample": In(SampleControl),
            "prediction": In(8),
            "taught": In(1),
            "refined": In(1),
            "score_class": Out(index_shape(network.classes)),
            "score": In(signed(network.score_bits)),
            "results": Out(PacketSignature),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network = self._network
        flags = self.sample.flags

        # No word is read while it is written: by the enables below, or because samples have
        # banks. In block RAM, because the address is known so late in the cycle that nothing
        # should follow it.
        place_bits = ceil_log2(network.positions)
        m.submodules.rows = winners = Memory(
            shape=8 * winner_bytes(network),
            depth=WINNER_BANKS << place_bits if self._overlap else network.positions, init=[],
            attrs={"ram_style": "block"})
        winner_read, winner_write = winners.read_port(), winners.write_port()
        m.d.comb += [
            winner_write.data.eq(Mux(self.ranking.silent, silent_winner(network),
                                     self.ranking.winners[0])),
            winner_write.en.eq(self.ranked),
        ]

        # A part is header, winners or scores: `item` counts its items, `byte` within an item.
        items = range(max(network.positions, network.classes, RESULT_HEADER_BYTES))
        item, item_next = Signal(items), Signal(items)
        byte, byte_next = Signal(range(SCORE_BYTES)), Signal(range(SCORE_BYTES))
        m.d.comb += [
            item_next.eq(item),
            byte_next.eq(byte),
            self.score_class.eq(item_next),
        ]
        if self._overlap:
            m.d.comb += [
                winner_write.addr.eq(Cat(self.ranking.position[:place_bits], self.ranked_bank)),
                winner_read.addr.eq(Cat(item_next[:place_bits], self.sent_bank)),
            ]
        else:
            m.d.comb += [
                winner_write.addr.eq(self.ranking.position),
                winner_read.addr.eq(item_next),
                winner_read.en.eq(~self.ranked),
            ]
        m.d.sync += [item.eq(item_next), byte.eq(byte_next)]

        header = Signal(RESULT_HEADER)
        m.d.comb += [
            header.number.eq(self.sample.number),
            header.flags.eq(flags),
            header.prediction.eq(Mux(flags.predict, self.prediction, NO_PREDICTION)),
            header.result_flags.eq(Mux(flags.predict & self.taught, ResultFlag.TAUGHT, 0)
                                   | Mux(self.refined, ResultFlag.REFINED, 0)),
        ]
        payload = self.results.payload
        send_scores = Signal()
        m.d.comb += send_scores.eq(flags.send_scores & flags.predict)

        def part(data: Value, count: int, item_bytes: int, last: ValueLike,
                 follow: Callable[[], None]) -> None:
            """Send ``count`` items of ``item_bytes`` bytes; then do ``follow()``."""
            m.d.comb += [self.results.valid.eq(1), payload.data.eq(data)]
            last_byte, last_item = Signal(), Signal()
            m.d.comb += [last_byte.eq(byte == item_bytes - 1), last_item.eq(item == count - 1)]
            with m.If(last_byte & last_item):
                m.d.comb += payload.last.eq(last)
            with m.If(self.results.ready):
                m.d.comb += byte_next.eq(byte + 1)
                with m.If(last_byte):
                    m.d.comb += [byte_next.eq(0), item_next.eq(item + 1)]
                    with m.If(last_item):
                        m.d.comb += item_next.eq(0)
                        follow()

        def finish() -> None:
            m.d.comb += self.done.eq(1)
            m.next = "REST"

        def after_winners() -> None:
            with m.If(send_scores):
                m.next = "SCORES"
            with m.Else():
                finish()

        def after_header() -> None:
            with m.If(flags.send_winners):
                m.next = "WINNERS"
            with m.Else():
                after_winners()

        with m.FSM():
            with m.State("REST"):
                with m.If(self.start):
                    m.next = "HEADER"
            with m.State("HEADER"):
                part(header.as_value().word_select(item[:3], 8), RESULT_HEADER_BYTES, 1,
                     ~flags.send_winners & ~send_scores, after_header)
            with m.State("WINNERS"):
                part(winner_read.data.word_select(byte[0] & winner_bytes(network) - 1, 8),
                     network.positions, winner_bytes(network), ~send_scores, after_winners)
            with m.State("SCORES"):
                score = Signal(signed(8 * SCORE_BYTES))
                m.d.comb += score.eq(self.score)
                part(score.as_unsigned().word_select(byte, 8), network.classes, SCORE_BYTES, 1,
                     finish)
        return m
