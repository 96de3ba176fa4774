"""Checks received frames and sorts them; what fails a check changes nothing but a counter."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from crosswall.spec import frames
from crosswall_hdl.bus import ADDRESS_BITS

from .cobs import DECODED_SHAPE
from .sizes import check_bytes

__all__ = ["CONTROL_HEADER_SHAPE", "FrameReceiver"]

CONTROL_HEADER_SHAPE = data.StructLayout({
    "id": 16,
    "operation": 8,
    "address": ADDRESS_BITS,
    "count": 8,
})
"""Header of a control frame, as on the wire after the type byte."""

_CONTROL_HEADER_BYTES = CONTROL_HEADER_SHAPE.size // 8
_LONGEST_CONTROL = frames.CONTROL_HEADER.size + 4 * frames.MAX_CONTROL_WORDS


class FrameReceiver(wiring.Component):
    """Sorts decoded frames into control frames and sample frames.

    The bytes of a frame go out as they come, and whether the frame counts is said at its end:
    a consumer writes them where nobody reads yet, and commits or forgets. A frame is *dropped*
    if its COBS encoding is broken, its CRC does not match, its type is unknown, or its length
    is not the one that its type (and a control frame's operation and count) demands.

    Latency: bytes pass through in the cycle in which they are taken; ``*_commit`` and
    ``dropped`` pulse one cycle after the end of frame was taken. Always ready, except in the
    one cycle of such a pulse.

    Parameters
    ----------
    sample_bytes : int
        Length of every sample packet, at least 4.

    Members
    -------
    frame : In(stream.Signature(DECODED_SHAPE))
        From `CobsDecoder`.
    data : Out(8)
        The byte that the strobes below speak of.
    frame_start : Out(1)
        ``data`` is the type byte of a frame: consumers decide whether they have room for it.
    sample_strobe : Out(1)
        ``data`` is the next byte of a sample packet: at most `sample_bytes` per frame.
    sample_commit : Out(1)
        The sample packet since the last ``frame_start`` is complete and correct.
    sample_number : Out(32)
        Its sample number, with ``sample_commit``.
    word_strobe : Out(1)
        ``data`` is the next byte of a control frame's words: at most 256 per frame.
    control_commit : Out(1)
        The control frame since the last ``frame_start`` is complete and correct.
    control_header : Out(CONTROL_HEADER_SHAPE)
        Its header, with ``control_commit``.
    dropped : Out(1)
        A frame was dropped. An empty frame (two delimiters in a row) is not counted.
    """

    def __init__(self, *, sample_bytes: int) -> None:
        check_bytes("sample_bytes", sample_bytes)
        self.sample_bytes = sample_bytes
        super().__init__({
            "frame": In(stream.Signature(DECODED_SHAPE)),
            "data": Out(8),
            "frame_start": Out(1),
            "sample_strobe": Out(1),
            "sample_commit": Out(1),
            "sample_number": Out(32),
            "word_strobe": Out(1),
            "control_commit": Out(1),
            "control_header": Out(CONTROL_HEADER_SHAPE),
            "dropped": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = catalog.CRC32_ISO_HDLC(data_width=8).create()

        sample_end = 1 + self.sample_bytes  # length of the frame without CRC
        longest = max(sample_end, _LONGEST_CONTROL) + frames.CRC_BYTES
        length = Signal(range(longest + 2))  # bytes so far; stops one past the longest frame
        is_sample = Signal()
        is_control = Signal()
        number = Signal(8 * frames.NUMBER_BYTES, reset_less=True)
        header = Signal(8 * _CONTROL_HEADER_BYTES, reset_less=True)
        fields = data.View(CONTROL_HEADER_SHAPE, header)

        byte = Signal()
        end = Signal()
        m.d.comb += [
            byte.eq(self.frame.valid & self.frame.ready & ~self.frame.payload.end),
            end.eq(self.frame.valid & self.frame.ready & self.frame.payload.end),
            self.data.eq(self.frame.payload.data),
            self.frame_start.eq(byte & (length == 0)),
            self.sample_strobe.eq(byte & is_sample & (length < sample_end)),
            self.word_strobe.eq(byte & is_control & (length >= frames.CONTROL_HEADER.size)
                                & (length < _LONGEST_CONTROL)),
            crc.data.eq(self.data),
            crc.valid.eq(byte),
            crc.start.eq(self.frame_start),
            self.sample_number.eq(number),
            self.control_header.eq(fields),
        ]

        with m.If(byte):
            with m.If(length <= longest):
                m.d.sync += length.eq(length + 1)
            with m.If(self.frame_start):
                m.d.sync += [
                    is_sample.eq(self.data == frames.FrameType.SAMPLE),
                    is_control.eq(self.data == frames.FrameType.CONTROL),
                ]
            with m.If(length <= frames.NUMBER_BYTES):
                m.d.sync += number.eq(Cat(number[8:], self.data))
            with m.If(length <= _CONTROL_HEADER_BYTES):
                m.d.sync += header.eq(Cat(header[8:], self.data))

        # Each part of the verdict is registered at the end of the frame, and the parts are put
        # together a cycle later: the CRC alone compares 32 bits.
        judge = Signal()
        intact = Signal()
        sample_fits = Signal()
        control_fits = Signal()
        m.d.comb += self.frame.ready.eq(~judge)
        m.d.sync += judge.eq(end & ((length != 0) | self.frame.payload.broken))
        words = Signal(range(frames.MAX_CONTROL_WORDS + 1))  # that the control frame carries
        m.d.comb += words.eq(Mux(fields.operation[0], fields.count, 0))
        with m.If(end):
            m.d.sync += [
                intact.eq(crc.match_detected & ~self.frame.payload.broken),
                sample_fits.eq(is_sample & (length == sample_end + frames.CRC_BYTES)),
                control_fits.eq(
                    is_control
                    & (fields.operation[2:] == 0)
                    & (fields.count != 0) & (fields.count <= frames.MAX_CONTROL_WORDS)
                    & (length == frames.CONTROL_HEADER.size + frames.CRC_BYTES + (words << 2))),
                length.eq(0),
            ]
        with m.If(judge):
            m.d.comb += [
                self.sample_commit.eq(intact & sample_fits),
                self.control_commit.eq(intact & control_fits),
                self.dropped.eq(~(intact & (sample_fits | control_fits))),
            ]
        return m
