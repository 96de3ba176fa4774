"""Sends replies, gaps and results as frames, one at a time, with their CRC."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec import frames
from crosswall_hdl.bus import PacketSignature

from .crc import Crc

__all__ = ["FrameTransmitter"]


class FrameTransmitter(wiring.Component):
    """Chooses what to send (a reply before a gap before a result) and frames it.

    Latency: the type byte is offered one cycle after something became pending. Then one byte
    per cycle (if ``serial``, per nine cycles) while the encoder takes them, one idle cycle between
    frames, and one before the CRC.

    Parameters
    ----------
    reply_address_bits, result_address_bits : int
        Width of the addresses of the two read ports; a length has one bit more at most.
    serial : bool
        See `Crc`.

    Members
    -------
    reply_pending, reply_bytes, reply_sent, reply_address, reply_enable, reply_data
        To `ControlMaster`.
    result_pending, result_length, result_sent, result_address, result_enable, result_data
        To `SampleGate`.
    gap_pending : In(1), expected : In(32), gap_sent : Out(1)
        To `SampleGate`; the expected number is taken in the cycle of ``gap_sent``.
    packet : Out(PacketSignature)
        Frames with their CRC, to `CobsEncoder`.
    """

    def __init__(self, *, reply_address_bits: int, result_address_bits: int,
                 serial: bool = False) -> None:
        self.serial = serial
        super().__init__({
            "reply_pending": In(1),
            "reply_bytes": In(reply_address_bits),
            "reply_sent": Out(1),
            "reply_address": Out(reply_address_bits),
            "reply_enable": Out(1),
            "reply_data": In(8),
            "result_pending": In(1),
            "result_length": In(result_address_bits + 1),
            "result_sent": Out(1),
            "result_address": Out(result_address_bits),
            "result_enable": Out(1),
            "result_data": In(8),
            "gap_pending": In(1),
            "gap_sent": Out(1),
            "expected": In(8 * frames.NUMBER_BYTES),
            "packet": Out(PacketSignature),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc(serial=self.serial)

        is_reply = Signal()
        is_gap = Signal()
        number = Signal.like(self.expected, reset_less=True)
        left = Signal(max(len(self.reply_bytes), len(self.result_length)), reset_less=True)
        address = Signal(max(len(self.reply_address), len(self.result_address)))
        crc_byte = Signal(range(frames.CRC_BYTES))
        fetch = Signal()
        taken = Signal()
        offered = Signal()  # the byte below waits for the encoder, once the CRC is ready for it
        byte = self.packet.payload.data
        m.d.comb += [
            taken.eq(self.packet.valid & self.packet.ready),
            self.packet.valid.eq(offered & Mux(crc.emit, crc.first, crc.last)),
            crc.step.eq(taken | (offered & ~self.packet.valid)),
            self.reply_address.eq(address),
            self.result_address.eq(address),
            self.reply_enable.eq(fetch & is_reply),
            self.result_enable.eq(fetch & ~is_reply & ~is_gap),
            crc.data.eq(byte),
        ]
        with m.If(fetch):
            m.d.sync += address.eq(address + 1)

        body = Signal(8)
        settled = Signal()  # the body's byte is the one that was fetched
        chosen = Mux(is_reply, self.reply_data, Mux(is_gap, number[:8], self.result_data))
        if self.serial:
            # It comes late, out of a memory, and there is time to register it.
            m.d.sync += [body.eq(chosen), settled.eq(~taken)]
        else:
            m.d.comb += [body.eq(chosen), settled.eq(1)]

        with m.FSM():
            with m.State("CHOOSE"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [
                    is_reply.eq(self.reply_pending),
                    is_gap.eq(self.gap_pending & ~self.reply_pending),
                    number.eq(self.expected),
                    address.eq(0),
                    crc_byte.eq(0),
                ]
                with m.If(self.reply_pending):
                    m.d.sync += left.eq(self.reply_bytes)
                    m.next = "TYPE"
                with m.Elif(self.gap_pending):
                    m.d.comb += self.gap_sent.eq(1)
                    m.d.sync += left.eq(frames.NUMBER_BYTES)
                    m.next = "TYPE"
                with m.Elif(self.result_pending):
                    m.d.sync += left.eq(self.result_length)
                    m.next = "TYPE"
            with m.State("TYPE"):
                m.d.comb += [
                    byte.eq(Mux(is_reply, frames.FrameType.REPLY,
                                Mux(is_gap, frames.FrameType.GAP, frames.FrameType.RESULT))),
                    offered.eq(1),
                    fetch.eq(taken),
                ]
                with m.If(taken):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [
                    byte.eq(body),
                    offered.eq(settled),
                    fetch.eq(taken & (left != 1)),
                ]
                with m.If(taken):
                    m.d.sync += [left.eq(left - 1), number.eq(number >> 8)]
                    with m.If(left == 1):
                        m.d.comb += [
                            self.reply_sent.eq(is_reply),
                            self.result_sent.eq(~is_reply & ~is_gap),
                        ]
                        m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [
                    byte.eq(crc.value),
                    crc.emit.eq(1),
                    self.packet.payload.last.eq(crc_byte == frames.CRC_BYTES - 1),
                    offered.eq(1),
                ]
                with m.If(taken):
                    m.d.sync += crc_byte.eq(crc_byte + 1)
                    with m.If(self.packet.payload.last):
                        m.next = "CHOOSE"
        return m
