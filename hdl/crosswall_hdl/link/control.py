"""Executes control frames on the control bus, each exactly once, and keeps the last reply."""

from amaranth.hdl import Cat, Module, Mux, Signal, ValueLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall.spec import frames
from crosswall_hdl.bus import ControlBus

from .receiver import CONTROL_HEADER_BYTES

__all__ = ["REPLY_ADDRESS_BITS", "ControlMaster"]

_WORD_BYTES = 4 * frames.MAX_CONTROL_WORDS
_REQUEST_BYTES = CONTROL_HEADER_BYTES + _WORD_BYTES
_REPLY_HEADER_BYTES = frames.REPLY_HEADER.size - 1  # the transmitter sends the type byte
REPLY_ADDRESS_BITS = (_REPLY_HEADER_BYTES + _WORD_BYTES - 1).bit_length()

# Places in the reply; without the status, the request's header is the same.
_ID, _STATUS, _OPERATION, _ADDRESS, _COUNT = 0, 2, 3, 4, 6


class ControlMaster(wiring.Component):
    """Executes control frames on the control bus.

    Takes a frame's words while it is received, and executes it when it is committed: a word at a
    time, in order, until the last or until the target signals an error. Then the reply is ready
    to send. Only the id after the last executed one is executed (any id after reset); for every
    other the stored reply is sent again. A frame that begins while another is executed or
    answered is ignored; the host, which has one transaction in flight, can only have repeated it.

    Takes about 7 cycles per word beside the target's own, and 10 more per frame; uses two
    memories, of 262 and 263 bytes.

    Members
    -------
    data, frame_start, strobe, commit
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
            "strobe": In(1),
            "commit": In(1),
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
        # Never read and written in one cycle: a request is executed after it was received, and
        # a reply is sent after it was written.
        m.submodules.rows_requested = request = Memory(shape=8, depth=_REQUEST_BYTES, init=[])
        m.submodules.rows_replied = reply = Memory(
            shape=8, depth=1 << REPLY_ADDRESS_BITS, init=[])
        request_write = request.write_port()
        request_read = request.read_port()
        reply_write = reply.write_port()
        reply_read = reply.read_port()
        m.d.comb += [
            reply_read.addr.eq(self.reply_address),
            reply_read.en.eq(self.reply_enable),
            self.reply_data.eq(reply_read.data),
        ]

        # Receiving: header and words go to the request memory while it is free from start to
        # end. The id, which comes first, is compared as it comes.
        free = Signal()
        accepting = Signal()
        write_at = Signal(range(_REQUEST_BYTES))
        next_id = Signal(16, reset_less=True)  # the one after the last executed
        is_next = Signal()
        m.d.comb += [
            request_write.addr.eq(write_at),
            request_write.data.eq(self.data),
            request_write.en.eq(self.strobe & accepting),
        ]
        with m.If(self.frame_start):
            m.d.sync += [accepting.eq(free), write_at.eq(0), is_next.eq(1)]
        with m.Elif(self.strobe):
            m.d.sync += write_at.eq(write_at + 1)
            with m.If((write_at[1:] == 0)
                      & (self.data != next_id.word_select(write_at[0], 8))):
                m.d.sync += is_next.eq(0)

        # Executing.
        answered = Signal()  # a reply is stored
        is_write = Signal()
        is_window = Signal()
        address = Signal.like(self.bus.address, reset_less=True)
        left = Signal(range(frames.MAX_CONTROL_WORDS + 1), reset_less=True)  # words to transfer
        done = Signal.like(left)
        refused = Signal()
        word = Signal(32, reset_less=True)
        byte = Signal(range(8))  # within the word, or within the reply header
        carry = Signal()
        read_at = Signal(range(_REQUEST_BYTES))
        fetched = request_read.data  # the byte before `read_at`
        reply_at = Signal(REPLY_ADDRESS_BITS)

        m.d.comb += [
            request_read.addr.eq(read_at),
            request_read.en.eq(0),
            self.bus.address.eq(address),
            self.bus.write.eq(is_write),
            self.bus.write_data.eq(word),
            self.reply_bytes.eq(reply_at),
            reply_write.addr.eq(reply_at),
        ]

        def fetch() -> None:
            m.d.comb += request_read.en.eq(1)
            m.d.sync += read_at.eq(read_at + 1)

        def store(value: ValueLike) -> None:
            m.d.comb += [reply_write.data.eq(value), reply_write.en.eq(1)]

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += free.eq(1)
                m.d.sync += [byte.eq(0), carry.eq(1), read_at.eq(0)]
                with m.If(self.commit & accepting):
                    with m.If(answered & ~is_next):
                        m.next = "REPLY"
                    with m.Else():
                        m.d.sync += [answered.eq(1), reply_at.eq(0), done.eq(0), refused.eq(0)]
                        fetch()
                        m.d.sync += read_at.eq(1)
                        m.next = "HEADER"
            with m.State("HEADER"):
                # The places of status and count are written at the end.
                store(fetched)
                m.d.sync += [byte.eq(byte + 1), reply_at.eq(reply_at + 1)]
                with m.Switch(byte):
                    with m.Case(_ID, _ID + 1):
                        fetch()
                        m.d.sync += Cat(next_id, carry).eq(Cat(next_id[8:], fetched + carry))
                    with m.Case(_OPERATION):
                        fetch()
                        m.d.sync += [is_write.eq(fetched[0]), is_window.eq(fetched[1])]
                    with m.Case(_ADDRESS, _ADDRESS + 1):
                        fetch()
                        m.d.sync += address.eq(Cat(address[8:], fetched))
                    with m.Case(_COUNT):
                        m.d.sync += [left.eq(fetched), byte.eq(0)]
                        with m.If(is_write):
                            m.next = "FETCH"
                        with m.Else():
                            m.next = "TRANSFER"
            with m.State("FETCH"):
                # Bytes of the word to write leave the memory one cycle behind their address.
                m.d.sync += [byte.eq(byte + 1), word.eq(Cat(word[8:], fetched))]
                with m.If(byte == 4):
                    m.d.sync += byte.eq(0)
                    m.next = "TRANSFER"
                with m.Else():
                    fetch()
            with m.State("TRANSFER"):
                m.d.comb += self.bus.strobe.eq(1)
                m.d.sync += refused.eq(self.bus.error)
                with m.If(self.bus.acknowledge):
                    m.next = "TRANSFERRED"
                    with m.If(~is_write):
                        m.d.sync += word.eq(self.bus.read_data)
            with m.State("TRANSFERRED"):
                # The answer comes from far away: what depends on it waits for the next cycle.
                with m.If(refused):
                    m.next = "STATUS"
                with m.Else():
                    m.d.sync += [done.eq(done + 1), left.eq(left - 1)]
                    with m.If(~is_window):
                        m.d.sync += address.eq(address + 1)
                    m.next = "STORE"
                    with m.If(is_write):
                        m.next = "FETCH"
                        with m.If(left == 1):
                            m.next = "STATUS"
            with m.State("STORE"):
                store(word[:8])
                m.d.sync += [
                    word.eq(word >> 8),
                    byte.eq(byte + 1),
                    reply_at.eq(reply_at + 1),
                ]
                with m.If(byte == 3):
                    m.d.sync += byte.eq(0)
                    m.next = "TRANSFER"
                    with m.If(left == 0):
                        m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += reply_write.addr.eq(_STATUS)
                store(Mux(refused, frames.Status.ADDRESS_ERROR, frames.Status.OK))
                m.next = "COUNT"
            with m.State("COUNT"):
                m.d.comb += reply_write.addr.eq(_COUNT)
                store(done)
                m.next = "REPLY"
            with m.State("REPLY"):
                m.d.comb += self.reply_pending.eq(1)
                with m.If(self.reply_sent):
                    m.next = "IDLE"
        return m
