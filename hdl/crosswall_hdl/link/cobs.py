"""Consistent overhead byte stuffing, as streams: frames between 0x00 bytes on the wire."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall_hdl.bus import PacketSignature

__all__ = ["DECODED_SHAPE", "CobsDecoder", "CobsEncoder"]

DECODED_SHAPE = data.StructLayout({"data": 8, "end": 1, "broken": 1})
"""A decoded byte, or with ``end`` the end of a frame, which carries no data. ``broken`` with
``end``: the wire's delimiter came within a block, so the frame is not a COBS encoding."""

_LONGEST_BLOCK = 254
_RING_BYTES = 512  # one iCE40 block RAM; two blocks, so one is sent while the next is built


class CobsDecoder(wiring.Component):
    """Decodes wire bytes into frame bytes and ends of frames.

    Combinational: no latency, one wire byte per cycle, and ready when the output is. It never
    stalls on what the bytes are, and starts afresh after every 0x00.

    Members
    -------
    wire : In(stream.Signature(8))
        Bytes of COBS-encoded frames, each ended by 0x00.
    frame : Out(stream.Signature(DECODED_SHAPE))
        Every 0x00 gives one ``end``, also when no byte came before it.
    """

    wire: In(stream.Signature(8))
    frame: Out(stream.Signature(DECODED_SHAPE))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(8)  # data bytes left in this block
        zero_due = Signal()  # the last block ends with a zero, unless the frame ends
        delimiter = Signal()
        block_start = Signal()
        m.d.comb += [
            delimiter.eq(self.wire.payload == 0),
            block_start.eq(left == 0),
            self.frame.payload.data.eq(Mux(block_start, 0, self.wire.payload)),
            self.frame.payload.end.eq(delimiter),
            self.frame.payload.broken.eq(delimiter & ~block_start),
            self.frame.valid.eq(self.wire.valid & (delimiter | ~block_start | zero_due)),
            self.wire.ready.eq(self.frame.ready | ~self.frame.valid),
        ]
        with m.If(self.wire.valid & self.wire.ready):
            with m.If(delimiter):
                m.d.sync += [left.eq(0), zero_due.eq(0)]
            with m.Elif(block_start):
                m.d.sync += [
                    left.eq(self.wire.payload - 1),
                    zero_due.eq(self.wire.payload != 0xFF),
                ]
            with m.Else():
                m.d.sync += left.eq(left - 1)
        return m


class CobsEncoder(wiring.Component):
    """Encodes packets into COBS and appends 0x00 to each.

    The first byte of a block leaves 2 cycles after the block is complete (a zero, 254 bytes
    without one, or the packet's end). Throughput is one byte per cycle, less one cycle per 254
    bytes and two per packet, while the wire takes one byte per cycle. Holds back the packet
    when its ring of 512 bytes is full; uses one memory of 512 bytes.

    Members
    -------
    packet : In(PacketSignature)
        Frames with their CRC.
    wire : Out(stream.Signature(8))
        Encoded bytes.
    """

    packet: In(PacketSignature)
    wire: Out(stream.Signature(8))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.rows = ring = Memory(shape=8, depth=_RING_BYTES, init=[])
        write = ring.write_port()
        read = ring.read_port()

        # The ring holds, in order: bytes free to send, then from `code_at` the block being
        # built, whose first byte (the code) is written when its length is known.
        write_at = Signal(range(_RING_BYTES), init=1)
        code_at = Signal(range(_RING_BYTES))
        read_at = Signal(range(_RING_BYTES))
        code = Signal(8, init=1)  # 1 + bytes in the block
        full = Signal()
        after = Signal(range(_RING_BYTES))
        m.d.comb += [
            full.eq(write_at == read_at),  # never empty: a place for the code is reserved
            after.eq(write_at + 1),
        ]

        def close_block() -> None:
            """Write the code, give the block free and reserve the next code's place."""
            m.d.comb += [write.addr.eq(code_at), write.data.eq(code), write.en.eq(1)]
            m.d.sync += [code_at.eq(write_at), write_at.eq(after), code.eq(1)]

        with m.FSM():
            with m.State("FRAME"):
                m.d.comb += self.packet.ready.eq(~full)
                with m.If(self.packet.valid & ~full):
                    with m.If(self.packet.payload.data == 0):
                        close_block()
                    with m.Else():
                        m.d.comb += [
                            write.addr.eq(write_at),
                            write.data.eq(self.packet.payload.data),
                            write.en.eq(1),
                        ]
                        m.d.sync += [write_at.eq(after), code.eq(code + 1)]
                        with m.If(code == _LONGEST_BLOCK):
                            m.next = "FULL BLOCK"
                    with m.If(self.packet.payload.last):
                        m.next = "LAST BLOCK"
            with m.State("FULL BLOCK"):
                with m.If(~full):
                    close_block()
                    m.next = "FRAME"
            with m.State("LAST BLOCK"):
                with m.If(~full):
                    close_block()
                    m.next = "DELIMITER"
            with m.State("DELIMITER"):
                # The place reserved for a code takes the delimiter.
                with m.If(~full):
                    m.d.comb += [write.addr.eq(code_at), write.data.eq(0), write.en.eq(1)]
                    m.d.sync += [code_at.eq(write_at), write_at.eq(after)]
                    m.next = "FRAME"

        m.d.comb += [
            read.addr.eq(read_at),
            read.en.eq((read_at != code_at) & (self.wire.ready | ~self.wire.valid)),
            self.wire.payload.eq(read.data),
        ]
        with m.If(read.en):
            m.d.sync += [read_at.eq(read_at + 1), self.wire.valid.eq(1)]
        with m.Elif(self.wire.ready):
            m.d.sync += self.wire.valid.eq(0)
        return m
