"""The random draw of `crosswall.spec.draws`, one per cycle."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.draws import ROUNDS, STAGE_SHIFT

__all__ = ["DrawPipeline"]


class DrawPipeline(wiring.Component):
    """Pipeline that answers one place per cycle with its draw, bit-equal to `spec.draws.draw`.

    There is no backpressure: a place that comes with ``valid`` leaves as a draw with
    ``draw_valid`` exactly ``latency`` cycles later. The coordinates that make up the key must
    not change while places are under way.

    Parameters
    ----------
    rounds_per_cycle
        Rounds between two registers, 1 to 10. 2 halves registers and latency for a longer path
        (two 16-bit adders).

    Attributes
    ----------
    latency : int
        Cycles from ``valid`` to ``draw_valid``: 10 at one round per cycle, 5 at two.

    Members
    -------
    seed, sample : In(32)
        Key; held while places are under way.
    stage : In(4)
        A `spec.draws.Stage`; taken with ``place``.
    place : In(28)
        Place of the draw in its stage; taken in cycles with ``valid``.
    valid : In(1)
    draw : Out(32)
    draw_valid : Out(1)
    """

    seed: In(32)
    sample: In(32)
    stage: In(32 - STAGE_SHIFT)
    place: In(STAGE_SHIFT)
    valid: In(1)
    draw: Out(32)
    draw_valid: Out(1)

    def __init__(self, rounds_per_cycle: int = 1) -> None:
        if not 1 <= rounds_per_cycle <= ROUNDS:
            raise ValueError(f"`rounds_per_cycle` must be 1 to {ROUNDS}: got {rounds_per_cycle}")
        self._rounds_per_cycle = rounds_per_cycle
        self.latency = -(-ROUNDS // rounds_per_cycle)
        super().__init__()

    def elaborate(self, platform) -> Module:
        m = Module()
        words = (self.sample[:16], self.sample[16:], self.seed[:16], self.seed[16:])
        left, right = (self.place >> 16) | (self.stage << STAGE_SHIFT - 16), self.place[:16]
        for number in range(ROUNDS):
            last_in_cycle = (number + 1) % self._rounds_per_cycle == 0 or number == ROUNDS - 1
            domain = m.d.sync if last_in_cycle else m.d.comb
            # A wire between the steps: Amaranth would write the sum out twice.
            mixed = Signal(16, name=f"mixed_{number}")
            next_left = Signal(16, name=f"left_{number}", reset_less=True)
            next_right = Signal(16, name=f"right_{number}", reset_less=True)
            m.d.comb += mixed.eq((left[:16].rotate_right(7) + right) ^ words[number % 4] ^ number)
            domain += [next_left.eq(mixed), next_right.eq(right.rotate_left(2) ^ mixed)]
            left, right = next_left, next_right
        valid = Signal(self.latency)
        m.d.sync += valid.eq(valid << 1 | self.valid)
        m.d.comb += [
            self.draw[16:].eq(left),
            self.draw[:16].eq(right),
            self.draw_valid.eq(valid[-1]),
        ]
        return m
