"""The pixels of fields, one per cycle: each look at them has a copy of the sample's."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Network

from ..control import PixelPort, index_shape
from ..memory import READ_LATENCY, RowMemory

__all__ = ["PIXEL_LATENCY", "FieldPixels", "field_ports"]

PIXEL_LATENCY = 2 + READ_LATENCY
"""Cycles from a pixel's place in the field to the pixel: offset, address, memory."""


def field_ports(network: Network, build: Build) -> dict[str, Member]:
    """Members of whatever looks at the pixels of fields; see `FieldPixels`."""
    return {
        "pixels": In(PixelPort(network)),
        **({"bank": In(1)} if build.overlap else {}),
        "offset": In(index_shape(max(network.offset) + 1)),
        "begin": In(1),
        "origin": In(index_shape(max(network.origin) + 1)),
    }


class FieldPixels(wiring.Component):
    """The pixels of a sample, with `Build.overlap` of two in banks; read field by field, from any
    place of a field on.

    Members
    -------
    pixels : In(PixelPort(network))
        Writes into the bank that is not ``bank``.
    bank : In(1)
        The bank that is read. With `Build.overlap` only.
    offset : In(range(max(offset) + 1))
        Of the pixel that is read; comes round every ``fan_in`` cycles.
    begin : In(1)
        The offsets of the next cycles are of the field at ``origin``. Not less than ``fan_in``
        cycles after the last.
    origin : In(range(max(origin) + 1))
        With ``begin``.
    pixel : Out(8)
        ``PIXEL_LATENCY`` - 1 cycles after its offset, which comes a cycle after its place.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._banks = network, build.overlap
        super().__init__(field_ports(network, build) | {"pixel": Out(PIXEL_BITS)})

    def elaborate(self, platform) -> Module:
        m = Module()
        pixels = self._network.pixels
        rows = 2 << ceil_log2(pixels) if self._banks else pixels
        m.submodules.memory = memory = RowMemory(rows, 1, PIXEL_BITS)
        origin = Signal.like(self.origin, name="field_origin", reset_less=True)
        address = Signal(index_shape(pixels), reset_less=True)
        with m.If(self.begin):
            m.d.sync += origin.eq(self.origin)
        m.d.sync += address.eq(origin + self.offset)
        read, write = address, self.pixels.address
        if self._banks:
            bits = ceil_log2(pixels)
            read = Cat(read[:bits], self.bank)
            write = Cat(write[:bits], ~self.bank)
        m.d.comb += [
            memory.read_row.eq(read),
            memory.write_row.eq(write),
            memory.write_data[0].eq(self.pixels.data),
            memory.write_enable.eq(self.pixels.enable),
            self.pixel.eq(memory.read_data[0]),
        ]
        return m

    def follow(self, m: Module, user: wiring.Component) -> None:
        """Connect the members of ``user`` that `field_ports` named, in its own ``m``."""
        wiring.connect(m, wiring.flipped(user.pixels), self.pixels)
        m.d.comb += [getattr(self, name).eq(getattr(user, name))
                     for name in ("offset", "begin", "origin", *(["bank"] if self._banks else []))]
