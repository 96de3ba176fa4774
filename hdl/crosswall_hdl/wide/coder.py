"""The second look at a position: what its pixels drive the lines with."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Encoding, Network

from .pipeline import delayed
from .pixels import PIXEL_LATENCY, FieldPixels, field_ports

__all__ = ["CODE_LATENCY", "Coder", "Drive"]

CODE_LATENCY = PIXEL_LATENCY + 3
"""Cycles from a pixel's place in the field to its drive: the pixel, deviation, size, code."""


class Drive(data.StructLayout):
    """What a pixel drives its lines with: its code on one of them, 0 on the other.

    Members
    -------
    on
        Code of the ON line.
    off
        Code of the OFF line. With contrast only.
    """

    def __init__(self, network: Network) -> None:
        lines = ("on", "off") if network.encoding == Encoding.CONTRAST else ("on",)
        super().__init__(dict.fromkeys(lines, network.code_bits))


class Coder(wiring.Component):
    """Codes the pixels of a field, one per cycle, from any place of it on.

    Members
    -------
    pixels, bank, written_bank, offset, begin, origin
        See `FieldPixels`.
    begin : In(1)
        Code the ``fan_in`` pixels whose offsets come in the next cycles. Not less than ``fan_in``
        cycles after the last.
    mean : In(8), shift : In(range(9))
        With ``begin``.
    ending : Out(1)
        The place of this cycle is the sweep's last.
    ending_odd : Out(1)
        And its sample's bank is an odd one. With `Build.overlap` only.
    free : Out(1)
        ``begin`` may come in the cycle after the next.
    coding : Out(1)
        The place `CODE_LATENCY` cycles before belongs to a field.
    drive : Out(Drive(network))
        Of that place; 0 between fields.
    drive_odd : Out(1)
        The bank of that place's sample is an odd one. With `Build.overlap` only.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        super().__init__({
            **field_ports(network, build),
            "mean": In(PIXEL_BITS),
            "shift": In(range(PIXEL_BITS + 1)),
            "ending": Out(1),
            "free": Out(1, init=1),
            "coding": Out(1),
            "drive": Out(Drive(network)),
            **({"ending_odd": Out(1), "drive_odd": Out(1)} if build.overlap else {}),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        contrast = network.encoding == Encoding.CONTRAST
        m = Module()
        m.submodules.memory = memory = FieldPixels(network, self._build)
        memory.follow(m, self)

        mean, shift = (Signal.like(port, name=name, reset_less=True) for name, port in (
            ("mean_s1", self.mean), ("shift_s1", self.shift)))
        left = Signal(range(network.fan_in))
        sweeping = Signal()
        m.d.comb += [
            sweeping.eq(self.begin | (left != 0)),
            self.ending.eq(Mux(self.begin, network.fan_in == 1, left == 1)),
        ]
        with m.If(self.begin):
            m.d.sync += [mean.eq(self.mean), shift.eq(self.shift), left.eq(network.fan_in - 1),
                         self.free.eq(network.fan_in <= 2)]
        with m.Elif(left != 0):
            m.d.sync += [left.eq(left - 1), self.free.eq(left <= 2)]

        if self._build.overlap:
            odd = Signal(name="odd_s1", reset_less=True)
            odd_now = Signal()
            m.d.comb += [
                odd_now.eq(Mux(self.begin, self.bank[0], odd)),
                self.ending_odd.eq(self.ending & odd_now),
                self.drive_odd.eq(delayed(m, odd, CODE_LATENCY - 1, "odd")),
            ]
            m.d.sync += odd.eq(odd_now)

        # The next field may begin while the last pixels of this one are on their way.
        deviation = Signal(signed(PIXEL_BITS + 1), name="deviation_s5", reset_less=True)
        off = Signal(name="off_s6", reset_less=True)
        size = Signal(PIXEL_BITS, name="size_s6", reset_less=True)
        code = Signal(network.code_bits)
        mean_s4 = delayed(m, mean, PIXEL_LATENCY - 1, "mean")
        shift_s6 = delayed(m, shift, CODE_LATENCY - 2, "shift")
        sweeping_s6 = delayed(m, sweeping, CODE_LATENCY - 1, "sweeping", reset_less=False)
        m.d.comb += code.eq(size >> shift_s6)
        m.d.sync += [
            deviation.eq(memory.pixel - mean_s4),
            off.eq(deviation < 0),
            size.eq(Mux(deviation < 0, -deviation, deviation)),
            self.coding.eq(sweeping_s6),
            self.drive.on.eq(Mux(sweeping_s6 & ~off, code, 0)),
        ]
        if contrast:
            m.d.sync += self.drive.off.eq(Mux(sweeping_s6 & off, code, 0))
        return m
