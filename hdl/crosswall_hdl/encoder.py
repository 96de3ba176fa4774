"""The encoder: pixels of a position to codes of input lines, one position ahead of the crossbar."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import PIXEL_BITS, Encoding, Network

from .control import PixelPort, index_shape
from .memory import READ_LATENCY, ConstantTable, PixelMemory, RowMemory

__all__ = ["Code", "Encoder", "Event", "PositionHeader"]

_PIXEL_LATENCY = 2 + READ_LATENCY
"""Cycles from a pixel's place in the field to the pixel: offset, address, memory."""

_CODE_LATENCY = 3
"""Cycles from a pixel to its code: deviation, size, code."""


class PositionHeader(data.StructLayout):
    """What the encoder says of a position.

    Members
    -------
    silent
        Nothing to score; the other members are 0.
    active_lines
        Lines with a code above 0 = events.
    codes
        Sum of the codes.
    """

    def __init__(self, network: Network) -> None:
        super().__init__({
            "silent": 1,
            "active_lines": bits_for(network.fan_in),
            "codes": bits_for(network.fan_in * ((1 << network.code_bits) - 1)),
        })


class Event(data.StructLayout):
    """An active line and its code."""

    def __init__(self, network: Network) -> None:
        super().__init__({"line": index_shape(network.lines), "code": network.code_bits})


class Code(data.StructLayout):
    """Code of a pixel, and whether it belongs to the pixel's OFF line."""

    def __init__(self, network: Network) -> None:
        super().__init__({"code": network.code_bits, "off": 1})


class Encoder(wiring.Component):
    """Encodes the positions of a sample in order, as ``docs/architecture.md`` step 2 states.

    Holds the pixels; with `Build.overlap` those of the next sample too, which may then be written
    from the cycle after ``start`` on. Two positions are kept, of one sample or of two, so that one
    is encoded while the other is used; only one if none can follow meanwhile. A position takes
    ``2 * fan_in + 25`` cycles with contrast and ``2 * fan_in + 16`` without;
    ``fan_in + 8`` less where it is silent.

    Parameters
    ----------
    network, build
        Geometry and encoding, and how it is computed.
    pixel_rows
        See `PixelMemory`.

    Attributes
    ----------
    buffers : int
        Positions that are kept.
    survey_cycles : int
        From the first cycle of a position to the one in which it is judged, at the earliest: it
        waits for a free buffer there. The first position's is the one after ``start``.
    coding_cycles : int
        From there to the last cycle of a position that is not silent; the next position begins, and
        the header is offered, in the cycle after. The last cycle of a silent one is that in which
        it is judged.

    Members
    -------
    start : In(1)
        Begin with position 0; the pixels are complete. Only if ``ready``.
    ready : Out(1)
        All positions of the last sample are encoded, though they may not have been accepted.
    silence : In(9)
        A position whose peak is below is silent. Held from ``start`` to the last header.
    pixels : In(PixelPort(network, build))
    headers : Out(stream.Signature(PositionHeader(network)))
        One for each position. Accepting a header gives its position's storage back.
    slot : In(range(fan_in))
    event : Out(Event(network))
        Event ``slot`` of the position whose header is offered, ascending in pixels; two cycles
        after ``slot``. Means nothing for slots not below ``active_lines``.
    pixel : In(range(fan_in))
    code : Out(Code(network))
        Code of a pixel of the position whose header is offered; two cycles after ``pixel``. Means
        nothing if the position is silent.
    """

    def __init__(self, network: Network, build: Build, *,
                 pixel_rows: wiring.PureInterface | None = None) -> None:
        self._network, self._build, self._compact = network, build, build.compact
        self._pixel_rows = pixel_rows
        field = index_shape(network.fan_in)
        follows = network.positions > 1 or build.overlap
        self.buffers = 2 if follows else 1
        division = PIXEL_BITS + 1 if network.encoding == Encoding.CONTRAST else 0
        drain = _PIXEL_LATENCY + 1
        self.survey_cycles = 1 + network.fan_in + drain + division + 1
        self.coding_cycles = network.fan_in + drain + _CODE_LATENCY
        super().__init__({
            "start": In(1),
            "ready": Out(1),
            "silence": In(PIXEL_BITS + 1),
            "pixels": In(PixelPort(network, build)),
            "headers": Out(stream.Signature(PositionHeader(network))),
            "slot": In(field),
            "event": Out(Event(network)),
            "pixel": In(field),
            "code": Out(Code(network)),
        })

    def elaborate(self, platform) -> Module:
        network = self._network
        contrast = network.encoding == Encoding.CONTRAST
        m = Module()

        # Pixels of the field, one per cycle: place -> offset -> address -> pixel.
        position = Signal(index_shape(network.positions))
        place = Signal(index_shape(network.fan_in))
        m.submodules.origin = origin = ConstantTable(network.origin)
        m.submodules.offset = offset = ConstantTable(network.offset)
        m.submodules.pixels = memory = PixelMemory(network, self._build,
                                                          rows=self._pixel_rows)
        issuing = Signal()
        issued = Signal(_PIXEL_LATENCY)
        address = Signal.like(memory.address, reset_less=True)
        pixel = Signal(PIXEL_BITS)
        arrived = Signal()
        m.d.sync += [
            issued.eq(issued << 1 | issuing),
            address.eq(origin.value + offset.value),
        ]
        m.d.comb += [
            origin.index.eq(position),
            offset.index.eq(place),
            memory.address.eq(address),
            pixel.eq(memory.pixel),
            arrived.eq(issued[-1]),
        ]
        wiring.connect(m, wiring.flipped(self.pixels), memory.pixels)
        if self._build.overlap:
            bank = Signal()  # that is encoded; the other one is written
            m.d.comb += [memory.bank.eq(bank), memory.written_bank.eq(~bank)]
            with m.If(self.start):
                m.d.sync += bank.eq(~bank)
        last_place = Signal()
        m.d.comb += last_place.eq(place == network.fan_in - 1)

        # First look: sum and extremes, from which mean and peak.
        surveying = Signal()
        total = Signal(bits_for(255 * network.fan_in), reset_less=True)
        highest = Signal(PIXEL_BITS, reset_less=True)
        lowest = Signal(PIXEL_BITS, reset_less=True)
        mean = Signal(PIXEL_BITS)
        peak = Signal(PIXEL_BITS, reset_less=True)
        with m.If(surveying & arrived):
            m.d.sync += total.eq(total + pixel)
            with m.If(pixel > highest):
                m.d.sync += highest.eq(pixel)
            with m.If(pixel < lowest):
                m.d.sync += lowest.eq(pixel)

        # Second look: codes.
        coding = Signal()
        shift = Signal(range(PIXEL_BITS + 1), reset_less=True)
        deviation = Signal(signed(PIXEL_BITS + 1), reset_less=True)
        off = Signal(reset_less=True)
        size = Signal(PIXEL_BITS, reset_less=True)
        written = Signal(Code(network), reset_less=True)
        coded = Signal(_CODE_LATENCY)
        m.d.sync += [
            deviation.eq(pixel - mean),
            off.eq(deviation < 0),
            size.eq(Mux(deviation < 0, -deviation, deviation)),
            written.code.eq(size >> shift),
            written.off.eq(off),
            coded.eq(coded << 1 | (coding & arrived)),
        ]
        header = Signal(PositionHeader(network))
        written_place = Signal.like(place)
        event = Signal(Event(network))
        active = Signal()
        m.d.comb += [
            event.code.eq(written.code),
            event.line.eq(written_place + (Mux(written.off, network.fan_in, 0) if contrast
                                           else 0)),
            active.eq(coded[-1] & (written.code != 0)),
        ]
        with m.If(coded[-1]):
            m.d.sync += written_place.eq(written_place + 1)
        with m.If(active):
            m.d.sync += [
                header.active_lines.eq(header.active_lines + 1),
                header.codes.eq(header.codes + written.code),
            ]

        # What is kept for the crossbar and its plasticity.
        buffers = self.buffers
        # With one buffer `header` itself is offered, and so cleared when it was accepted.
        headers = Signal(data.ArrayLayout(PositionHeader(network), 2)) if buffers == 2 else [header]
        filled = Signal(range(buffers + 1))
        write_buffer = Signal()
        read_buffer = Signal()
        place_bits = ceil_log2(network.fan_in)
        m.submodules.events = events = self._memory(buffers << place_bits, event.shape().size)
        m.submodules.codes = codes = self._memory(buffers << place_bits, written.shape().size)

        def stored(index, buffer):
            return Cat(index[:place_bits], buffer) if buffers == 2 else index

        accepted = Signal()
        pushed = Signal()
        m.d.comb += [
            events.write_row.eq(stored(header.active_lines, write_buffer)),
            events.write_data[0].eq(event),
            events.write_enable.eq(active),
            events.read_row.eq(stored(self.slot, read_buffer)),
            self.event.eq(events.read_data[0]),
            codes.write_row.eq(stored(written_place, write_buffer)),
            codes.write_data[0].eq(written),
            codes.write_enable.eq(coded[-1]),
            codes.read_row.eq(stored(self.pixel, read_buffer)),
            self.code.eq(codes.read_data[0]),
            self.headers.payload.eq(headers[read_buffer] if buffers == 2 else headers[0]),
            self.headers.valid.eq(filled != 0),
            accepted.eq(self.headers.valid & self.headers.ready),
        ]
        m.d.sync += filled.eq(filled + pushed - accepted)
        if buffers == 2:
            m.d.sync += [
                read_buffer.eq(read_buffer ^ accepted),
                write_buffer.eq(write_buffer ^ pushed),
            ]

        # The order of it all.
        remainder = Signal(bits_for(512 * network.fan_in - 1), reset_less=True)
        divided = Signal(range(PIXEL_BITS))
        above = Signal(PIXEL_BITS, reset_less=True)
        below = Signal(PIXEL_BITS, reset_less=True)
        idle_pipeline = Signal()
        m.d.comb += idle_pipeline.eq(~(issued.any() | coded.any()))

        def next_position(silent) -> None:
            m.d.comb += pushed.eq(1)
            if buffers == 2:
                m.d.sync += headers[write_buffer].eq(header)
            m.d.sync += [
                headers[write_buffer if buffers == 2 else 0].silent.eq(silent),
                position.eq(position + 1),
            ]
            m.next = "LOCATE"
            with m.If(position == network.positions - 1):
                m.next = "IDLE"

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.ready.eq(1)
                m.d.sync += position.eq(0)
                with m.If(self.start):
                    m.next = "LOCATE"
            with m.State("LOCATE"):
                if buffers == 2:
                    m.d.sync += header.eq(0)
                m.d.sync += [
                    place.eq(0),
                    written_place.eq(0),
                    total.eq(0),
                    highest.eq(0),
                    lowest.eq(255),
                ]
                m.next = "SURVEY"
            with m.State("SURVEY"):
                m.d.comb += [issuing.eq(1), surveying.eq(1)]
                m.d.sync += place.eq(place + 1)
                with m.If(last_place):
                    m.d.sync += place.eq(0)
                    m.next = "SURVEY_END"
            with m.State("SURVEY_END"):
                m.d.comb += surveying.eq(1)
                with m.If(idle_pipeline):
                    m.d.sync += remainder.eq(2 * total + network.fan_in)
                    m.next = "DIVIDE" if contrast else "PEAK"
            if contrast:
                # mean = remainder // (2 * fan_in), one bit per cycle; below 256 by construction.
                divisor = 2 * network.fan_in << PIXEL_BITS - 1
                with m.State("DIVIDE"):
                    fits = Signal()
                    m.d.comb += fits.eq(remainder >= divisor)
                    m.d.sync += [
                        remainder.eq(Mux(fits, remainder - divisor, remainder) << 1),
                        mean.eq(mean << 1 | fits),
                        divided.eq(divided + 1),
                    ]
                    with m.If(divided == PIXEL_BITS - 1):
                        m.next = "DEVIATE"
                with m.State("DEVIATE"):
                    m.d.sync += [above.eq(highest - mean), below.eq(mean - lowest)]
                    m.next = "PEAK"
            with m.State("PEAK"):
                if contrast:
                    m.d.sync += peak.eq(Mux(above > below, above, below))
                else:
                    m.d.sync += peak.eq(highest)
                m.next = "JUDGE"
            with m.State("JUDGE"):
                # The highest bit set decides: bit_length(peak) - code_bits, at least 0.
                m.d.sync += shift.eq(0)
                for bit in range(network.code_bits, PIXEL_BITS):
                    with m.If(peak[bit]):
                        m.d.sync += shift.eq(bit + 1 - network.code_bits)
                with m.If(filled != buffers):
                    if buffers == 1:
                        m.d.sync += header.eq(0)
                    with m.If(peak < self.silence):
                        next_position(silent=1)
                    with m.Else():
                        m.next = "ENCODE"
            with m.State("ENCODE"):
                m.d.comb += [issuing.eq(1), coding.eq(1)]
                m.d.sync += place.eq(place + 1)
                with m.If(last_place):
                    m.next = "ENCODE_END"
            with m.State("ENCODE_END"):
                m.d.comb += coding.eq(1)
                with m.If(idle_pipeline):
                    next_position(silent=0)
        return m

    def _memory(self, rows: int, bits: int) -> RowMemory:
        return RowMemory(rows, 1, bits, register_address=self._compact)
