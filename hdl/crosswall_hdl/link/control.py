"""Executes control frames on the control bus, each exactly once, and keeps the last reply."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall.spec import frames
from crosswall_hdl.bus import ControlBus

from .receiver import CONTROL_HEADER_SHAPE

__all__ = ["REPLY_ADDRESS_BITS", "ControlMaster"]

_WORD_BYTES = 4 * frames.MAX_CONTROL_WORDS
_REPLY_HEADER_BYTES = frames.REPLY_HEADER.size - 1  # the transmitter sends the type byte
REPLY_ADDRESS_BITS = (_REPLY_HEADER_BYTES + _WORD_BYTES - 1).bit_length()


class ControlMaster(wiring.Component):
    """Executes control frames on the control bus.

    Takes a frame's words while it is received, and executes it when it is committed: a word at a
    time, in order, until the last or until the target signals an error. Then the reply is ready
    to send. Only the id after the last executed one is executed (any id after reset); for every
    other the stored reply is sent again. A frame that begins while another is executed or
    answered is ignored; the host, which has one transaction in flight, can only have repeated it.

    Takes about 6 cycles per word beside the target's own, and 9 more per frame; uses two
    memories, of 256 and 263 bytes.

    Members
    -------
    data, frame_start, word_strobe, commit, header
        From `FrameReceiver`.
    bus : Out(ControlBus())
        Mastered here.
    reply_pending : Out(1)
        A reply waits to be sent; high until ``reply_sent``.
    reply_bytes : Out(9)
        Its length without the type byte.
    reply_sent : In(1)
        Pulse: the transmitter has read the last byte.
    reply_address : In(9), reply_enable : In(1), reply_data : Out(8)
        Read port for the transmitter: ``reply_data`` is the byte at ``reply_address`` one cycle
        after ``reply_enable``, and holds.
    """

    def __init__(self) -> None:
        super().__init__({
            "data": In(8),
            "frame_start": In(1),
            "word_strobe": In(1),
            "commit": In(1),
            "header": In(CONTROL_HEADER_SHAPE),
            "bus": Out(ControlBus()),
            "reply_pending": Out(1),
            "reply_bytes": Out(REPLY_ADDRESS_BITS),
            "reply_sent": In(1),
            "reply_address": In(REPLY_ADDRESS_BITS),
            "reply_enable": In(1),
            "reply_data": Out(8),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.request = request = Memory(shape=8, depth=_WORD_BYTES, init=[])
        m.submodules.reply = reply = Memory(shape=8, depth=1 << REPLY_ADDRESS_BITS, init=[])
        request_write = request.write_port()
        request_read = request.read_port()
        reply_write = reply.write_port()
        reply_read = reply.read_port()
        m.d.comb += [
            reply_read.addr.eq(self.reply_address),
            reply_read.en.eq(self.reply_enable),
            self.reply_data.eq(reply_read.data),
        ]

        # Receiving: words go to the request memory while it is free from start to end.
        free = Signal()
        accepting = Signal()
        write_at = Signal(range(_WORD_BYTES))
        m.d.comb += [
            request_write.addr.eq(write_at),
            request_write.data.eq(self.data),
            request_write.en.eq(self.word_strobe & accepting),
        ]
        with m.If(self.frame_start):
            m.d.sync += [accepting.eq(free), write_at.eq(0)]
        with m.Elif(self.word_strobe):
            m.d.sync += write_at.eq(write_at + 1)

        # Executing.
        last_id = Signal(16, reset_less=True)
        next_id = Signal.like(last_id)
        answered = Signal()  # a reply to last_id is stored
        operation = Signal(2, reset_less=True)  # the receiver lets no other bits pass
        first_address = Signal.like(self.bus.address, reset_less=True)
        address = Signal.like(self.bus.address, reset_less=True)
        count = Signal(range(frames.MAX_CONTROL_WORDS + 1), reset_less=True)
        done = Signal.like(count)
        refused = Signal()
        word = Signal(32, reset_less=True)
        byte = Signal(range(8))  # within the word, or within the reply header
        reply_at = Signal(REPLY_ADDRESS_BITS)
        is_write = operation[0]
        is_window = operation[1]

        m.d.comb += [
            request_read.addr.eq(Cat(byte[:2], done[:-1])),
            self.bus.address.eq(address),
            self.bus.write.eq(is_write),
            self.bus.write_data.eq(word),
            reply_write.addr.eq(reply_at),
            next_id.eq(last_id + 1),
        ]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += free.eq(1)
                m.d.sync += [byte.eq(0), done.eq(0), refused.eq(0)]
                with m.If(self.commit & accepting):
                    with m.If(answered & (self.header.id != next_id)):
                        m.next = "REPLY"
                    with m.Else():
                        m.d.sync += [
                            answered.eq(1),
                            last_id.eq(self.header.id),
                            operation.eq(self.header.operation),
                            first_address.eq(self.header.address),
                            address.eq(self.header.address),
                            count.eq(self.header.count),
                            reply_at.eq(_REPLY_HEADER_BYTES),
                        ]
                        with m.If(self.header.operation[0]):
                            m.next = "FETCH"
                        with m.Else():
                            m.next = "TRANSFER"
            with m.State("FETCH"):
                # Bytes of the word to write leave the memory one cycle behind their address.
                m.d.comb += request_read.en.eq(1)
                m.d.sync += byte.eq(byte + 1)
                with m.If(byte != 0):
                    m.d.sync += word.eq(Cat(word[8:], request_read.data))
                with m.If(byte == 4):
                    m.d.sync += byte.eq(0)
                    m.next = "TRANSFER"
            with m.State("TRANSFER"):
                m.d.comb += self.bus.strobe.eq(1)
                with m.If(self.bus.acknowledge):
                    with m.If(~is_write):
                        m.d.sync += word.eq(self.bus.read_data)
                    with m.If(self.bus.error):
                        m.d.sync += refused.eq(1)
                        m.next = "HEADER"
                    with m.Else():
                        m.d.sync += [
                            done.eq(done + 1),
                            address.eq(address + Mux(is_window, 0, 1)),
                        ]
                        with m.If(~is_write):
                            m.next = "STORE"
                        with m.Elif(done + 1 == count):
                            m.next = "HEADER"
                        with m.Else():
                            m.next = "FETCH"
            with m.State("STORE"):
                m.d.comb += [reply_write.data.eq(word[:8]), reply_write.en.eq(1)]
                m.d.sync += [
                    word.eq(word >> 8),
                    byte.eq(byte + 1),
                    reply_at.eq(reply_at + 1),
                ]
                with m.If(byte == 3):
                    m.d.sync += byte.eq(0)
                    with m.If(done == count):
                        m.next = "HEADER"
                    with m.Else():
                        m.next = "TRANSFER"
            with m.State("HEADER"):
                fields = Array([
                    last_id[:8], last_id[8:],
                    Mux(refused, frames.Status.ADDRESS_ERROR, frames.Status.OK),
                    operation,
                    first_address[:8], first_address[8:],
                    done,
                ])
                with m.If(byte == 0):
                    m.d.sync += self.reply_bytes.eq(reply_at)
                m.d.comb += [
                    reply_write.addr.eq(byte),
                    reply_write.data.eq(fields[byte]),
                    reply_write.en.eq(1),
                ]
                m.d.sync += byte.eq(byte + 1)
                with m.If(byte == _REPLY_HEADER_BYTES - 1):
                    m.next = "REPLY"
            with m.State("REPLY"):
                m.d.comb += self.reply_pending.eq(1)
                with m.If(self.reply_sent):
                    m.next = "IDLE"
        return m
