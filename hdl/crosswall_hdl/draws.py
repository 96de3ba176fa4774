"""The random draw of `crosswall.spec.draws`: one per cycle, or one at a time in little logic."""

from amaranth import Array, Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, PureInterface

from crosswall.spec.build import Build
from crosswall.spec.draws import ROUNDS, STAGE_SHIFT

__all__ = ["DrawPipeline", "DrawPort", "SerialDraw", "draw_unit"]


class DrawPort(wiring.Signature):
    """Way of a stage to a unit that draws; directions are the stage's. There is no backpressure.

    Members
    -------
    stage : Out(4)
        A `spec.draws.Stage`; taken with ``place``.
    place : Out(28)
        Place of the draw in its stage; taken in cycles with ``valid``.
    valid : Out(1)
        At most every ``interval`` cycles of the unit.
    draw : In(32)
    draw_valid : In(1)
        Exactly ``latency`` cycles after ``valid``. A `SerialDraw` holds ``draw`` from here to the
        next ``valid``.
    """

    def __init__(self) -> None:
        super().__init__({
            "stage": Out(32 - STAGE_SHIFT),
            "place": Out(STAGE_SHIFT),
            "valid": Out(1),
            "draw": In(32),
            "draw_valid": In(1),
        })


def _halves(draws: PureInterface) -> tuple[Value, Value]:
    """What the first round takes."""
    block = Cat(draws.place, draws.stage)
    return block[16:], block[:16]


def _round(m: Module, left: Value, right: Value, key: Value, suffix: str) -> tuple[Value, Value]:
    # A wire between the steps: Amaranth would write the sum out twice.
    mixed = Signal(16, name=f"mixed_{suffix}")
    m.d.comb += mixed.eq((left[:16].rotate_right(7) + right[:16]) ^ key)
    return mixed, right[:16].rotate_left(2) ^ mixed


class DrawPipeline(wiring.Component):
    """Answers one place per cycle with its draw, bit-equal to `spec.draws.draw`.

    A place is registered as it comes, because several users share a unit; then one round passes
    in a cycle.

    Attributes
    ----------
    latency : int
        Cycles from ``valid`` to ``draw_valid``: 11.
    interval : int
        Cycles from a ``valid`` to the next: 1.

    Members
    -------
    seed, sample : In(32)
        Key; held while places are under way.
    draws : In(DrawPort())
    """

    seed: In(32)
    sample: In(32)
    draws: In(DrawPort())

    latency = ROUNDS + 1
    interval = 1

    def elaborate(self, platform) -> Module:
        m = Module()
        words = (self.sample[:16], self.sample[16:], self.seed[:16], self.seed[16:])
        left, right = Signal(16, reset_less=True), Signal(16, reset_less=True)
        m.d.sync += Cat(left, right).eq(Cat(*_halves(self.draws)))
        for number in range(ROUNDS):
            next_left = Signal(16, name=f"left_{number}", reset_less=True)
            next_right = Signal(16, name=f"right_{number}", reset_less=True)
            mixed_left, mixed_right = _round(m, left, right, words[number % 4] ^ number,
                                             str(number))
            m.d.sync += [next_left.eq(mixed_left), next_right.eq(mixed_right)]
            left, right = next_left, next_right
        valid = Signal(self.latency)
        m.d.sync += valid.eq(valid << 1 | self.draws.valid)
        m.d.comb += [
            self.draws.draw[16:].eq(left),
            self.draws.draw[:16].eq(right),
            self.draws.draw_valid.eq(valid[-1]),
        ]
        return m


class SerialDraw(wiring.Component):
    """Answers one place at a time with its draw, a round per cycle.

    A quarter of the logic of a `DrawPipeline`.

    Attributes
    ----------
    latency, interval : int
        11 cycles.

    Members
    -------
    seed, sample : In(32)
        Key; held while a place is under way.
    draws : In(DrawPort())
    """

    seed: In(32)
    sample: In(32)
    draws: In(DrawPort())

    latency = ROUNDS + 1
    interval = ROUNDS + 1

    def elaborate(self, platform) -> Module:
        m = Module()
        left, right = Signal(16, reset_less=True), Signal(16, reset_less=True)
        number = Signal(range(ROUNDS))
        busy = Signal()
        words = Array([self.sample[:16], self.sample[16:], self.seed[:16], self.seed[16:]])
        mixed_left, mixed_right = _round(m, left, right, words[number[:2]] ^ number, "next")
        m.d.sync += self.draws.draw_valid.eq(busy & (number == ROUNDS - 1))
        with m.If(busy):
            m.d.sync += [
                left.eq(mixed_left),
                right.eq(mixed_right),
                number.eq(number + 1),
                busy.eq(number != ROUNDS - 1),
            ]
        with m.If(self.draws.valid):
            m.d.sync += [
                Cat(left, right).eq(Cat(*_halves(self.draws))),
                number.eq(0),
                busy.eq(1),
            ]
        m.d.comb += [self.draws.draw[16:].eq(left), self.draws.draw[:16].eq(right)]
        return m


def draw_unit(build: Build) -> type[DrawPipeline] | type[SerialDraw]:
    """The kind of unit that draws in ``build``."""
    return SerialDraw if build.compact else DrawPipeline
