"""CRC-32 of frames (ISO-HDLC, as `zlib.crc32`), one byte or one bit in a cycle."""

import zlib

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.frames import CRC_BYTES

__all__ = ["Crc"]

_BITS = 8 * CRC_BYTES
_POLYNOMIAL = 0xEDB8_8320  # lowest coefficient in the highest bit
_EMPTY = (1 << _BITS) - 1
# The register, which holds the inverted CRC, after any message with its CRC.
_RESIDUE = zlib.crc32(zlib.crc32(b"\0").to_bytes(CRC_BYTES, "little"), zlib.crc32(b"\0")) ^ _EMPTY


def _following(register: Value, bits: Value) -> Value:
    """The register after ``bits``: each of its bits one flat sum of what it depends on."""
    inputs = [*register, *bits]
    terms = [{place} for place in range(_BITS)]
    for place in range(_BITS, len(inputs)):
        feedback = terms[0] ^ {place}
        terms = [*terms[1:], set()]
        terms = [bit ^ feedback if _POLYNOMIAL >> index & 1 else bit
                 for index, bit in enumerate(terms)]
    return Cat(Cat(inputs[place] for place in bit).xor() for bit in terms)


class Crc(wiring.Component):
    """Computes the CRC of one frame at a time.

    A byte takes one cycle of ``step``, or eight if ``serial``; ``data`` holds in the meantime.
    What is taken is registered first, as it may come late in its cycle (out of a memory), so that
    the CRC is up to date one cycle after a byte.

    Parameters
    ----------
    serial : bool
        One bit in a cycle: an eighth of the speed, for a quarter of the logic.

    Members
    -------
    start : In(1)
        Begin a frame. Before the first frame it may be omitted.
    data : In(8), step : In(1)
        Take ``data``, or the next bit of it.
    emit : In(1)
        With ``step``: ``data`` is ignored, and ``value`` moves to the next byte of the CRC, once
        the CRC is up to date.
    first, last : Out(1)
        The next ``step`` is the first, or the last, of a byte. ``first`` also says that the CRC is
        up to date.
    value : Out(8)
        With ``first``: the CRC's next byte to send.
    match : Out(1)
        With ``first``: the bytes so far end with the CRC of those before.
    """

    def __init__(self, *, serial: bool) -> None:
        self.serial = serial
        super().__init__({
            "start": In(1),
            "data": In(8),
            "step": In(1),
            "emit": In(1),
            "first": Out(1, init=1),
            "last": Out(1),
            "value": Out(8),
            "match": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(_BITS, init=_EMPTY)
        m.d.comb += [
            self.value.eq(~register[:8]),
            self.match.eq(register == _RESIDUE),
        ]
        waiting = Signal()  # `taken` has still to be taken up
        taken = Signal(1 if self.serial else 8, reset_less=True)
        m.d.sync += waiting.eq(self.step & ~self.emit & ~self.start)
        if self.serial:
            place = Signal(range(8))
            m.d.sync += taken.eq(self.data.bit_select(place, 1))
            m.d.comb += [self.first.eq((place == 0) & ~waiting), self.last.eq(place == 7)]
            with m.If(self.step & ~(self.emit & waiting)):
                m.d.sync += place.eq(place + 1)
            with m.If(self.start):
                m.d.sync += place.eq(0)
        else:
            m.d.sync += taken.eq(self.data)
            m.d.comb += [self.first.eq(~waiting), self.last.eq(1)]
        with m.If(waiting | (self.step & self.emit)):
            # Fed its own lowest bits, the register only moves on.
            m.d.sync += register.eq(_following(
                register, Mux(waiting, taken, register[:len(taken)])))
        with m.If(self.start):
            m.d.sync += register.eq(_EMPTY)
        return m
