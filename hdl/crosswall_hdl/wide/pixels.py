"""A copy of the pixels: each look at them has its own."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Network

from ..control import PixelPort, index_shape
from ..memory import RowMemory

__all__ = ["PixelMemory"]


class PixelMemory(wiring.Component):
    """The pixels of a sample; with `Build.overlap` of two, in banks.

    Members
    -------
    pixels : In(PixelPort(network))
        Writes into the bank that is not ``bank``.
    bank : In(1)
        The bank that is read. With `Build.overlap` only.
    address : In(range(pixels))
    pixel : Out(8)
        Two cycles after ``address``.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._banks = network, build.overlap
        super().__init__({
            "pixels": In(PixelPort(network)),
            **({"bank": In(1)} if build.overlap else {}),
            "address": In(index_shape(network.pixels)),
            "pixel": Out(PIXEL_BITS),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        pixels = self._network.pixels
        rows = 2 << ceil_log2(pixels) if self._banks else pixels
        m.submodules.memory = memory = RowMemory(rows, 1, PIXEL_BITS)
        read, write = self.address, self.pixels.address
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
