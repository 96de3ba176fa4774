"""Undoes the packing of samples: the machine sees plain pixels."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.packing import LITERAL_BITS, PACKING_PLACE, RUNS, ZERO_BITS, pixel_bits
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall_hdl.bus import PacketSignature

__all__ = ["SampleUnpacker"]

_NARROW_BITS = 2


class SampleUnpacker(wiring.Component):
    """Turns packed samples into plain ones, as `crosswall.spec.packing.unpack_sample` does.

    Whatever the bytes after the header are, a sample of exactly `pixels` pixels leaves: what is
    missing is 0, what is too much is taken and ignored.

    Latency: none, combinational from byte to pixel. One pixel per cycle while both sides move,
    and a cycle without a pixel for each token that announces no zeros and each byte that is too
    much. Waits in any cycle for either side.

    Parameters
    ----------
    pixels : int
        Pixels of a sample, at least 1.

    Members
    -------
    packed : In(PacketSignature)
        Samples with a packing below 8, of at least their header's length.
    samples : Out(PacketSignature)
        The same with packing 0.
    """

    packed: In(PacketSignature)
    samples: Out(PacketSignature)

    def __init__(self, *, pixels: int) -> None:
        if pixels < 1:
            raise ValueError(f"`pixels` must be at least 1: got {pixels}")
        self.pixels = pixels
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        packed, samples = self.packed, self.samples

        header_place = Signal(range(SAMPLE_HEADER_BYTES))
        narrow = Signal(_NARROW_BITS)
        has_runs = Signal()
        zeros = Signal(ZERO_BITS)  # what the token announces
        literals = Signal(LITERAL_BITS)
        zeros_left = Signal(ZERO_BITS, reset_less=True)
        literals_left = Signal(LITERAL_BITS, reset_less=True)
        m.d.comb += Cat(zeros, literals).eq(packed.payload.data)

        # The bytes of the pixels, one after another, each as long as it takes.
        byte = Signal(8)
        byte_valid = Signal()
        byte_done = Signal()
        pixel = Signal(range(self.pixels))
        place = Signal(3)  # of the pixel in its byte
        is_last = Signal()
        taken = Signal()
        choices = []
        for each in range(1 << _NARROW_BITS):
            bits = pixel_bits(each)
            field = Signal(bits, name=f"field_{bits}")
            m.d.comb += field.eq(byte.word_select(place[:each], bits) if each else byte)
            choices.append(field.replicate(8 // bits))
        with m.Switch(narrow):
            for each, choice in enumerate(choices):
                with m.Case(each):
                    m.d.comb += [
                        samples.payload.data.eq(choice),
                        byte_done.eq(taken & (is_last | (place == (1 << each) - 1))),
                    ]
        m.d.comb += [
            is_last.eq(pixel == self.pixels - 1),
            samples.payload.last.eq(byte_valid & is_last),
            samples.valid.eq(byte_valid),
            taken.eq(byte_valid & samples.ready),
        ]
        with m.If(taken):
            m.d.sync += [pixel.eq(Mux(is_last, 0, pixel + 1)),
                         place.eq(Mux(byte_done, 0, place + 1))]

        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += [
                    samples.valid.eq(packed.valid),
                    packed.ready.eq(samples.ready),
                    samples.payload.data.eq(packed.payload.data),
                ]
                with m.If(header_place == PACKING_PLACE):
                    m.d.comb += samples.payload.data.eq(0)
                with m.If(packed.valid & samples.ready):
                    m.d.sync += header_place.eq(header_place + 1)
                    with m.If(header_place == PACKING_PLACE):
                        m.d.sync += [narrow.eq(packed.payload.data[:_NARROW_BITS]),
                                     has_runs.eq((packed.payload.data & RUNS) != 0)]
                    with m.If(header_place == SAMPLE_HEADER_BYTES - 1):
                        m.d.sync += header_place.eq(0)
                        with m.If(packed.payload.last):
                            m.next = "FILL"
                        with m.Elif(has_runs):
                            m.next = "TOKEN"
                        with m.Else():
                            m.next = "LITERALS"

            def after_last_pixel(is_end: Signal) -> None:
                """Go on to the next sample, behind the packed one's end."""
                with m.If(is_end):
                    m.next = "HEADER"
                with m.Else():
                    m.next = "DRAIN"

            with m.State("TOKEN"):
                # The first of its zeros leaves with the token.
                m.d.comb += [
                    byte_valid.eq(packed.valid & (zeros != 0)),
                    packed.ready.eq((zeros == 0) | byte_done),
                ]
                with m.If(packed.valid & packed.ready):
                    m.d.sync += [zeros_left.eq(zeros - 1), literals_left.eq(literals)]
                    with m.If(byte_valid & is_last):
                        after_last_pixel(packed.payload.last)
                    with m.Elif(packed.payload.last):
                        m.next = "FILL"
                    with m.Elif(zeros > 1):
                        m.next = "ZEROS"
                    with m.Elif(literals != 0):
                        m.next = "LITERALS"
            with m.State("ZEROS"):
                m.d.comb += byte_valid.eq(1)
                with m.If(byte_done):
                    m.d.sync += zeros_left.eq(zeros_left - 1)
                    with m.If(is_last):
                        m.next = "DRAIN"
                    with m.Elif(zeros_left == 1):
                        with m.If(literals_left != 0):
                            m.next = "LITERALS"
                        with m.Else():
                            m.next = "TOKEN"
            with m.State("LITERALS"):
                m.d.comb += [
                    byte.eq(packed.payload.data),
                    byte_valid.eq(packed.valid),
                    packed.ready.eq(byte_done),
                ]
                with m.If(byte_done):
                    m.d.sync += literals_left.eq(literals_left - 1)
                    with m.If(is_last):
                        after_last_pixel(packed.payload.last)
                    with m.Elif(packed.payload.last):
                        m.next = "FILL"
                    with m.Elif(has_runs & (literals_left == 1)):
                        m.next = "TOKEN"
            with m.State("FILL"):
                m.d.comb += byte_valid.eq(1)
                with m.If(taken & is_last):
                    m.next = "HEADER"
            with m.State("DRAIN"):
                m.d.comb += packed.ready.eq(1)
                with m.If(packed.valid & packed.payload.last):
                    m.next = "HEADER"
        return m
