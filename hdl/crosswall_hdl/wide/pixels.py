"""The pixels of fields, one per cycle: each look at them has a copy of the sample's."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Network

from ..control import PixelPort, index_shape
from ..memory import READ_LATENCY, PixelMemory

__all__ = ["BANKS", "PIXEL_LATENCY", "FieldPixels", "field_ports"]

BANKS = 4
"""Banks of pixels with `Build.overlap`, a power of two: of one sample the fields are coded, of the
next they are surveyed, and the one after it is loaded."""

PIXEL_LATENCY = 2 + READ_LATENCY
"""Cycles from a pixel's place in the field to the pixel: offset, address, memory."""


def field_ports(network: Network, build: Build) -> dict[str, Member]:
    """Members of whatever looks at the pixels of fields; see `FieldPixels`."""
    return {
        "pixels": In(PixelPort(network, build)),
        **({"bank": In(range(BANKS)), "written_bank": In(range(BANKS))} if build.overlap else {}),
        "offset": In(index_shape(max(network.offset) + 1)),
        "begin": In(1),
        "origin": In(index_shape(max(network.origin) + 1)),
    }


class FieldPixels(wiring.Component):
    """The pixels of a sample, with `Build.overlap` of several in banks; read field by field, from
    any place of a field on.

    Members
    -------
    pixels : In(PixelPort(network, build))
    written_bank : In(range(BANKS))
        The bank that is written. With `Build.overlap` only.
    offset : In(range(max(offset) + 1))
        Of the pixel that is read; comes round every ``fan_in`` cycles.
    begin : In(1)
        The offsets of the next cycles are of the field at ``origin``. Not less than ``fan_in``
        cycles after the last.
    origin : In(range(max(origin) + 1)), bank : In(range(BANKS))
        With ``begin``. The bank with `Build.overlap` only.
    pixel : Out(8)
        ``PIXEL_LATENCY`` - 1 cycles after its offset, which comes a cycle after its place.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        super().__init__(field_ports(network, build) | {"pixel": Out(PIXEL_BITS)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.memory = memory = PixelMemory(self._network, self._build, banks=BANKS)
        origin = Signal.like(self.origin, name="field_origin", reset_less=True)
        address = Signal.like(memory.address, reset_less=True)
        with m.If(self.begin):
            m.d.sync += origin.eq(self.origin)
        m.d.sync += address.eq(origin + self.offset)
        wiring.connect(m, wiring.flipped(self.pixels), memory.pixels)
        m.d.comb += [memory.address.eq(address), self.pixel.eq(memory.pixel)]
        if self._build.overlap:
            bank, address_bank = (Signal.like(self.bank, name=name, reset_less=True)
                                  for name in ("field_bank", "address_bank"))
            with m.If(self.begin):
                m.d.sync += bank.eq(self.bank)
            m.d.sync += address_bank.eq(bank)
            m.d.comb += [memory.bank.eq(address_bank), memory.written_bank.eq(self.written_bank)]
        return m

    def follow(self, m: Module, user: wiring.Component) -> None:
        """Connect the members of ``user`` that `field_ports` named, in its own ``m``."""
        wiring.connect(m, wiring.flipped(user.pixels), self.pixels)
        banks = ["bank", "written_bank"] if self._build.overlap else []
        m.d.comb += [getattr(self, name).eq(getattr(user, name))
                     for name in ("offset", "begin", "origin", *banks)]
