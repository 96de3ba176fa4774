"""Undoes the packing of samples: the machine sees plain pixels."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.packing import (
    LITERAL_BITS,
    MAX_ZEROS,
    PACKING_PLACE,
    RUNS,
    ZERO_BITS,
    pixel_bits,
)
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall_hdl.bus import PacketSignature, sample_signature

__all__ = ["SampleUnpacker"]

_NARROW_BITS = 2
_NARROWEST = (1 << _NARROW_BITS) - 1


class SampleUnpacker(wiring.Component):
    """Turns packed samples into plain ones, as `crosswall.spec.packing.unpack_sample` does.

    Whatever the bytes after the header are, a sample of exactly `pixels` pixels leaves: what is
    missing is 0, what is too much is taken and ignored.

    Latency: none, combinational from byte to pixel. While both sides move, a cycle for each byte
    of the header, and for each row of `pixels_at_once` pixels that a literal byte or the zeros of
    a token reach into (nothing else shares the row in that cycle); one more for each token that
    announces no zeros and each byte that is too much. Waits in any cycle for either side.

    Parameters
    ----------
    pixels : int
        Pixels of a sample, at least 1.
    pixels_at_once : int
        Pixels of a row, a power of two.

    Members
    -------
    packed : In(PacketSignature)
        Samples with a packing below 8, of at least their header's length.
    samples : Out(sample_signature(pixels_at_once))
        The same with packing 0.

    Raises
    ------
    ValueError
        For fewer pixels than 1, or another number of them at once.
    """

    def __init__(self, *, pixels: int, pixels_at_once: int = 1) -> None:
        if pixels < 1:
            raise ValueError(f"`pixels` must be at least 1: got {pixels}")
        if pixels_at_once < 1 or pixels_at_once & pixels_at_once - 1:
            raise ValueError(f"`pixels_at_once` must be a power of two: got {pixels_at_once}")
        self.pixels = pixels
        self.pixels_at_once = pixels_at_once
        super().__init__({
            "packed": In(PacketSignature),
            "samples": Out(sample_signature(pixels_at_once)),
        })

    def cycles(self, packet: bytes) -> int:
        """Cycles from the first byte of a packed sample to its last pixel, or its last byte if
        that is later, when neither side pauses."""
        packing, body = packet[PACKING_PLACE], packet[SAMPLE_HEADER_BYTES:]
        pixels_of_byte = 8 // pixel_bits(packing)
        pixel = place = 0
        cycles = SAMPLE_HEADER_BYTES

        def rows(count: int) -> int:
            """Rows that the next pixels reach into."""
            nonlocal pixel
            first, pixel = pixel, min(pixel + count, self.pixels)
            if pixel == first:
                return 0
            return (pixel - 1) // self.pixels_at_once - first // self.pixels_at_once + 1

        while place < len(body) and pixel < self.pixels:
            literals = len(body)
            if packing & RUNS:
                literals = body[place] >> ZERO_BITS
                zeros = (body[place] & MAX_ZEROS) * pixels_of_byte
                place += 1
                if place == len(body):  # all that is left is zeros
                    zeros = min(zeros, self.pixels_at_once - pixel % self.pixels_at_once)
                cycles += max(1, rows(zeros))
            end = min(place + literals, len(body))
            while place < end and pixel < self.pixels:
                cycles += rows(pixels_of_byte)
                place += 1
        return cycles + len(body) - place + rows(self.pixels - pixel)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        packed, samples = self.packed, self.samples
        at_once = self.pixels_at_once
        place_bits = ceil_log2(at_once)
        pixels = [samples.payload.data] if at_once == 1 else list(samples.payload.data)

        header_place = Signal(range(SAMPLE_HEADER_BYTES))
        narrow = Signal(_NARROW_BITS)
        has_runs = Signal()
        zeros = Signal(ZERO_BITS)  # what the token announces
        literals = Signal(LITERAL_BITS)
        literals_left = Signal(LITERAL_BITS, reset_less=True)
        m.d.comb += Cat(zeros, literals).eq(packed.payload.data)

        # Where the next pixel goes. A byte's pixels are as many as a power of two, and so they
        # begin at a multiple of it: low bits of a pixel's place in the sample say which of its
        # byte it is.
        last_row, last_place = divmod(self.pixels - 1, at_once)
        row = Signal(range(last_row + 1))
        place = Signal(place_bits)
        byte = Signal(8)
        ends_byte = Signal(init=1)  # the row, if it is full
        with m.Switch(narrow):
            for each in range(1 << _NARROW_BITS):
                bits = pixel_bits(each)
                in_row = min(each, place_bits)
                part = row[:each - in_row]  # of the byte
                with m.Case(each):
                    if len(part):
                        m.d.comb += ends_byte.eq(part.all())
                    for index, pixel in enumerate(pixels):
                        field = Signal(bits, name=f"field_{bits}_{index}")
                        which = Cat(C(index % (1 << in_row), in_row), part)
                        m.d.comb += [
                            field.eq(byte.word_select(which, bits) if each else byte),
                            pixel.eq(field.replicate(8 // bits)),
                        ]

        # So many pixels from `place` on, but no more than are left of the row. As much depends on
        # whether they fill it, that does not wait for the carry of a sum.
        count = Signal(range((MAX_ZEROS << _NARROWEST) + 1))
        rows = count[place_bits:]
        reach = Signal(place_bits + 1)
        full, more = Signal(), Signal()  # the row; and there are more
        rest = Signal.like(count, reset_less=True)  # for the next row
        is_last = Signal()
        pixel_valid = Signal()
        taken = Signal()
        present = Signal(at_once)
        m.d.comb += [
            reach.eq(place + count[:place_bits]),
            full.eq(reach[-1] | rows.any()),
            more.eq(rows[1:].any() | rows[0] & reach[-1]
                    | (rows[0] | reach[-1]) & reach[:-1].any()),
            taken.eq(pixel_valid & samples.ready),
            # The last place is never before `place`, and reached only if the row is full.
            present.eq(Cat(*((place <= index) & (full | (index < reach[:-1]))
                             for index in range(at_once - 1)), full)),
            is_last.eq((row == last_row) & present[last_place]),
            samples.valid.eq(pixel_valid),
            samples.payload.last.eq(pixel_valid & is_last),
        ]
        if at_once > 1:
            m.d.comb += samples.payload.present.eq(present)
        with m.If(taken):
            m.d.sync += [
                place.eq(Mux(is_last | full, 0, reach[:-1])),
                rest.eq(Cat(reach[:-1], rows + reach[-1] - 1)),
            ]
            with m.If(is_last):
                m.d.sync += row.eq(0)
            with m.Elif(full):
                m.d.sync += row.eq(row + 1)
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += [
                    samples.valid.eq(packed.valid),
                    packed.ready.eq(samples.ready),
                    pixels[0].eq(packed.payload.data),
                ]
                with m.If(header_place == PACKING_PLACE):
                    m.d.comb += pixels[0].eq(0)
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
                # The first row of its zeros leaves with the token.
                m.d.comb += [
                    pixel_valid.eq(packed.valid & (zeros != 0)),
                    packed.ready.eq((zeros == 0) | samples.ready),
                    count.eq(zeros << narrow),
                ]
                with m.If(packed.valid & packed.ready):
                    m.d.sync += literals_left.eq(literals)
                    with m.If(pixel_valid & is_last):
                        after_last_pixel(packed.payload.last)
                    with m.Elif(packed.payload.last):
                        m.next = "FILL"
                    with m.Elif(more):
                        m.next = "ZEROS"
                    with m.Elif(literals != 0):
                        m.next = "LITERALS"
            with m.State("ZEROS"):
                m.d.comb += [pixel_valid.eq(1), count.eq(rest)]
                with m.If(taken):
                    with m.If(is_last):
                        m.next = "DRAIN"
                    with m.Elif(~more):
                        with m.If(literals_left != 0):
                            m.next = "LITERALS"
                        with m.Else():
                            m.next = "TOKEN"
            with m.State("LITERALS"):
                m.d.comb += [
                    byte.eq(packed.payload.data),
                    pixel_valid.eq(packed.valid),
                    packed.ready.eq(samples.ready & (is_last | ends_byte)),
                    count.eq(1 << narrow),
                ]
                with m.If(packed.valid & packed.ready):
                    m.d.sync += literals_left.eq(literals_left - 1)
                    with m.If(is_last):
                        after_last_pixel(packed.payload.last)
                    with m.Elif(packed.payload.last):
                        m.next = "FILL"
                    with m.Elif(has_runs & (literals_left == 1)):
                        m.next = "TOKEN"
            with m.State("FILL"):
                m.d.comb += [pixel_valid.eq(1), count.eq(at_once)]
                with m.If(taken & is_last):
                    m.next = "HEADER"
            with m.State("DRAIN"):
                m.d.comb += packed.ready.eq(1)
                with m.If(packed.valid & packed.payload.last):
                    m.next = "HEADER"
        return m
