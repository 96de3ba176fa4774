"""The sample gate: each sample reaches the machine once and in order; results are kept to resend.

This is what makes learning independent of the wire. The gate admits exactly the sample with the
expected number; whatever else arrives is answered from memory, reported as a gap, or ignored.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.frames import CRC_BYTES, NUMBER_BYTES
from crosswall.spec.registers import REGISTERS
from crosswall_hdl.bus import PacketSignature

from .sizes import check_bytes, check_sample_bytes, check_slots

__all__ = ["COUNTER_BITS", "SampleGate"]

COUNTER_BITS = REGISTERS["gaps"].width
"""Width of the diagnostic counters, which wrap."""

_BLOCK_BITS = 1 << 14
"""Bits of a block RAM where one bit wide: an ECP5's. Others hold as much, or a few samples."""


class SampleGate(wiring.Component):
    """Admits samples in order, once each, and keeps the last results.

    A sample packet is written into a free receive slot while its frame is received. When the
    frame is committed, its number decides, compared with the number `expected`:

    - equal, and fewer than `slots` samples unanswered: admitted; `expected` steps;
    - equal, but `slots` unanswered (the host broke its credit): refused;
    - lower, and its result is stored: the result is sent again;
    - lower, otherwise (still queued or too old): ignored;
    - higher: a gap is reported, once until the expected sample arrives.

    Latency: a sample's first byte is offered to the machine 2 cycles after the commit if the
    machine is waiting; then a byte per cycle, with one idle cycle between samples. Results are
    taken at one byte per cycle; the machine waits only if the stored result that would be
    overwritten has still to be sent.

    Parameters
    ----------
    slots : int
        Receive slots, stored results and the host's credit: a power of two, 2 … 128.
    sample_bytes : int
        Length of every sample packet; if `packed`, of the longest. The receive slots use `slots` ×
        `sample_bytes` bytes; if `packed`, 4 more.
    result_bytes : int
        Longest result packet. The stored results use `slots` × the next power of two.
    packed : bool
        Packets differ in length. Each is then followed by the CRC's 4 bytes, which the gate
        takes off.

    Members
    -------
    data, frame_start, sample_strobe, commit
        From `FrameReceiver`.
    samples : Out(PacketSignature), results : In(PacketSignature)
        To and from the machine: one result per sample, in order.
    expected : Out(32)
        Number of the sample to be admitted next.
    expected_value : In(32), expected_strobe : In(1)
        Sets `expected` and forgets the stored results. Only while ``idle``; ignored otherwise.
        A sample whose frame is being received then is ignored.
    idle : Out(1)
        Every admitted sample has been answered by the machine.
    admitted : Out(1)
        Pulse, in the cycle of ``commit``: the sample is admitted.
    refused : Out(1)
        Pulse: a sample was refused for lack of a slot.
    duplicates, gaps : Out(COUNTER_BITS)
        Samples below the expected number, and gaps reported. Both wrap.
    gap_pending : Out(1), gap_sent : In(1)
        A gap is to be reported; the transmitter pulses ``gap_sent`` when it takes it up.
    result_pending : Out(1), result_length : Out
        A result of this length is to be sent; both hold until ``result_sent``.
    result_sent : In(1)
        Pulse: the transmitter has read the last byte.
    result_address : In, result_enable : In(1), result_data : Out(8)
        Read port for the transmitter: ``result_data`` is byte ``result_address`` of that result
        one cycle after ``result_enable``, and holds.
    """

    def __init__(self, *, slots: int, sample_bytes: int, result_bytes: int,
                 packed: bool = False) -> None:
        check_slots(slots)
        check_sample_bytes(sample_bytes, packed=packed)
        check_bytes("result_bytes", result_bytes)
        self.slots = slots
        self.sample_bytes = sample_bytes
        self.result_bytes = result_bytes
        self.packed = packed
        offset_bits = ceil_log2(result_bytes)
        super().__init__({
            "data": In(8),
            "frame_start": In(1),
            "sample_strobe": In(1),
            "commit": In(1),
            "samples": Out(PacketSignature),
            "results": In(PacketSignature),
            "expected": Out(32),
            "expected_value": In(32),
            "expected_strobe": In(1),
            "idle": Out(1, init=1),
            "admitted": Out(1),
            "refused": Out(1),
            "duplicates": Out(COUNTER_BITS),
            "gaps": Out(COUNTER_BITS),
            "gap_pending": Out(1),
            "gap_sent": In(1),
            "result_pending": Out(1),
            "result_length": Out(offset_bits + 1),
            "result_sent": In(1),
            "result_address": In(offset_bits),
            "result_enable": In(1),
            "result_data": Out(8),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        offset_bits = ceil_log2(self.result_bytes)
        slot_bits = ceil_log2(self.slots)

        admit = Signal()  # the sample just received
        answer = Signal()  # the last byte of a result
        unanswered = Signal(range(self.slots + 1))  # admitted, result not complete
        m.d.comb += [self.idle.eq(unanswered == 0), self.admitted.eq(admit)]
        m.d.sync += unanswered.eq(unanswered + admit - answer)

        # Receive slots: a ring of whole packets, so its size need not be a power of two.
        depth = self.slots * self.sample_bytes + (CRC_BYTES if self.packed else 0)
        # It is cut into slices of bits that fit a block RAM each, so that a byte comes straight
        # from their outputs, not through a choice of blocks.
        bits = min(8, max(1, _BLOCK_BITS >> ceil_log2(depth)))
        sample_writes, sample_reads = [], []
        for low in range(0, 8, bits):
            m.submodules[f"rows_of_samples_{low}"] = sample_memory = Memory(
                shape=bits, depth=depth, init=[])
            sample_writes.append(sample_memory.write_port())
            sample_reads.append(sample_memory.read_port())

        def following(address: Signal) -> Value:
            return Mux(address == depth - 1, 0, address + 1)

        room = Signal()  # the frame being received has a slot
        slot_start = Signal(range(depth))
        write_at = Signal(range(depth))
        for part, write in enumerate(sample_writes):
            m.d.comb += [
                write.addr.eq(write_at),
                write.data.eq(self.data.word_select(part, bits)),
                write.en.eq(self.sample_strobe & room),
            ]
        with m.If(self.frame_start):
            m.d.sync += [write_at.eq(slot_start), room.eq(unanswered != self.slots)]
        with m.Elif(self.sample_strobe):
            m.d.sync += write_at.eq(following(write_at))
        packet_end = Signal(range(depth))  # where the packet just received ends
        with m.If(admit):
            m.d.sync += slot_start.eq(packet_end)

        queued = Signal(range(self.slots + 1))  # packets that the machine has not taken whole
        read_at = Signal(range(depth))
        taken = Signal()
        release = Signal()
        last = Signal()  # registered, as much depends on it
        fetch = Signal()
        m.d.comb += [
            self.samples.payload.last.eq(last),
            self.samples.payload.data.eq(Cat(read.data for read in sample_reads)),
            taken.eq(self.samples.valid & self.samples.ready),
            release.eq(taken & last),
            # Read only when a byte is due, hence never an address that is being written.
            fetch.eq(Mux(self.samples.valid, taken & ~release, queued != 0)),
        ]
        for read in sample_reads:
            m.d.comb += [read.addr.eq(read_at), read.en.eq(fetch)]
        m.d.sync += queued.eq(queued + admit - release)
        with m.If(fetch):
            m.d.sync += [read_at.eq(following(read_at)), self.samples.valid.eq(1)]
        with m.If(release):
            m.d.sync += self.samples.valid.eq(0)
        if self.packed:
            # Read asynchronously, as the lengths of results are.
            m.submodules.end_memory = end_memory = Memory(
                shape=range(depth), depth=self.slots, init=[])
            end_write = end_memory.write_port()
            end_read = end_memory.read_port(domain="comb")
            end = Signal(range(depth), reset_less=True)  # of the packet that is being taken
            # The end of a frame comes a cycle after its last byte at the earliest.
            m.d.sync += packet_end.eq(Mux(write_at < CRC_BYTES, write_at + (depth - CRC_BYTES),
                                          write_at - CRC_BYTES))
            m.d.comb += [
                end_write.addr.eq(self.expected),
                end_write.data.eq(packet_end),
                end_write.en.eq(admit),
                end_read.addr.eq(self.expected - queued),
            ]
            # A first byte is never the last one, and `end` is not its packet's yet.
            with m.If(fetch):
                m.d.sync += last.eq(self.samples.valid & (following(read_at) == end))
            with m.If(~self.samples.valid):
                m.d.sync += end.eq(end_read.data)
        else:
            left = Signal(range(self.sample_bytes), init=self.sample_bytes - 1)
            m.d.comb += packet_end.eq(write_at)
            with m.If(release):
                m.d.sync += [left.eq(self.sample_bytes - 1), last.eq(0)]
            with m.Elif(taken):
                m.d.sync += [left.eq(left - 1), last.eq(left == 1)]

        # Results, stored by the low bits of their number.
        # A slot is written while it is not pending, and read while it is.
        m.submodules.rows_of_results = result_memory = Memory(
            shape=8, depth=self.slots << offset_bits, init=[])
        result_write = result_memory.write_port()
        result_read = result_memory.read_port()
        # Read asynchronously: a handful of entries, in registers or distributed memory.
        m.submodules.length_memory = length_memory = Memory(
            shape=offset_bits + 1, depth=self.slots, init=[])
        length_write = length_memory.write_port()
        length_read = length_memory.read_port(domain="comb")

        pending = Signal(self.slots)  # to be sent
        offset = Signal(offset_bits)
        slot = Signal(slot_bits)  # of the oldest sample unanswered, by its number
        result_taken = Signal()
        m.d.comb += [
            self.results.ready.eq(~pending.bit_select(slot, 1)),
            result_taken.eq(self.results.valid & self.results.ready),
            answer.eq(result_taken & self.results.payload.last),
            result_write.addr.eq(Cat(offset, slot)),
            result_write.data.eq(self.results.payload.data),
            result_write.en.eq(result_taken),
            length_write.addr.eq(slot),
            length_write.data.eq(offset + 1),
            length_write.en.eq(answer),
        ]
        with m.If(result_taken):
            m.d.sync += offset.eq(offset + 1)
        with m.If(answer):
            m.d.sync += [offset.eq(0), pending.bit_select(slot, 1).eq(1), slot.eq(slot + 1)]

        # Pending results take turns: in order, as long as nothing is sent again.
        turn = Signal(slot_bits)
        m.d.comb += [
            self.result_pending.eq(pending.bit_select(turn, 1)),
            length_read.addr.eq(turn),
            self.result_length.eq(length_read.data),
            result_read.addr.eq(Cat(self.result_address, turn)),
            result_read.en.eq(self.result_enable),
            self.result_data.eq(result_read.data),
        ]
        with m.If(self.result_sent):
            m.d.sync += [pending.bit_select(turn, 1).eq(0), turn.eq(turn + 1)]
        with m.Elif(~self.result_pending & pending.any()):
            m.d.sync += turn.eq(turn + 1)

        # The number is subtracted from the expected one byte by byte as it comes. Setting the
        # expected number meanwhile spoils the comparison.
        place = Signal(range(NUMBER_BYTES + 1))
        difference = Signal(9)
        borrow = Signal()  # at the end: the number is higher
        is_recent = Signal()  # lower or equal, and `age` is the whole difference
        age = Signal(slot_bits + 1, reset_less=True)
        number_slot = Signal(slot_bits, reset_less=True)
        high = Signal(8)  # the difference but for `age`
        is_expected = Signal()
        set_expected = Signal()
        was_set = Signal()
        m.d.comb += [
            difference.eq(self.expected.word_select(place[:2], 8) - self.data - borrow),
            high.eq(difference[:8]),
            is_expected.eq(is_recent & (age == 0)),
            set_expected.eq(self.expected_strobe & self.idle),
        ]
        with m.If(self.frame_start):
            m.d.sync += [place.eq(0), borrow.eq(0), is_recent.eq(1), was_set.eq(0)]
        with m.Elif(self.sample_strobe & (place != NUMBER_BYTES)):
            with m.If(place == 0):
                m.d.comb += high.eq(difference[slot_bits + 1:8])
                m.d.sync += [age.eq(difference), number_slot.eq(self.data)]
            m.d.sync += [place.eq(place + 1), borrow.eq(difference[8])]
            with m.If(difference[8] & (place == NUMBER_BYTES - 1) | (high != 0)):
                m.d.sync += is_recent.eq(0)
        with m.If(set_expected):
            m.d.sync += was_set.eq(1)

        recent = Signal(range(self.slots + 1))  # admitted since the number was set, up to `slots`
        gap_reported = Signal()
        with m.If(self.gap_sent):
            m.d.sync += self.gap_pending.eq(0)
        with m.If(set_expected):
            m.d.sync += [
                self.expected.eq(self.expected_value),
                slot.eq(self.expected_value),
                recent.eq(0),
                gap_reported.eq(0),
            ]
        with m.Elif(self.commit & ~was_set):
            with m.If(is_expected):
                with m.If(room):
                    m.d.comb += admit.eq(1)
                    m.d.sync += [self.expected.eq(self.expected + 1), gap_reported.eq(0)]
                    with m.If(recent != self.slots):
                        m.d.sync += recent.eq(recent + 1)
                with m.Else():
                    m.d.comb += self.refused.eq(1)
            with m.Elif(~borrow):
                m.d.sync += self.duplicates.eq(self.duplicates + 1)
                # Older than `slots`, a result may be half overwritten.
                with m.If(is_recent & (age > unanswered) & (age <= recent)):
                    m.d.sync += pending.bit_select(number_slot, 1).eq(1)
            with m.Elif(~gap_reported):
                m.d.sync += [
                    self.gap_pending.eq(1),
                    gap_reported.eq(1),
                    self.gaps.eq(self.gaps + 1),
                ]
        return m
