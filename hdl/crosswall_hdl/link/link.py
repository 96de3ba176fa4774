"""The link: wire bytes on one side, control bus and packet streams on the other."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, PureInterface
from amaranth.utils import ceil_log2

from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall_hdl.burst import BurstMemory
from crosswall_hdl.bus import ControlBus, PacketSignature, sample_signature

from .cobs import CobsDecoder, CobsEncoder
from .control import REPLY_ADDRESS_BITS, ControlMaster
from .gate import COUNTER_BITS, SampleGate
from .receiver import FrameReceiver
from .sizes import check_bytes, check_sample_bytes, check_slots
from .store import SampleStore
from .transmitter import FrameTransmitter
from .unpacker import SampleUnpacker

__all__ = ["Link"]


class Link(wiring.Component):
    """Serves the protocol of `crosswall.spec.frames` on a pair of byte streams.

    Whatever the wire brings, a sample is given to the machine once and in order, a control frame
    is executed once, and a frame that is damaged changes nothing but ``dropped_frames``. Every
    part recovers at the next 0x00 on the wire.

    Throughput: a wire byte per cycle in, less 1 cycle per frame; a wire byte per cycle out, less
    a few cycles per frame. ``wire_in`` never waits longer than one cycle, but for ``busy``. If
    ``serial``, a byte
    takes 8 cycles in and 9 out, and ``wire_in`` waits no longer than 8; a UART is slower still.
    Results wait for ``wire_out``, and the machine with them.

    Parameters
    ----------
    slots : int
        Receive slots, stored results and the host's credit: a power of two, 2 … 128.
    sample_bytes : int
        Length of every sample packet (`crosswall.spec.sample.sample_packet_bytes`). If `packed`,
        of the longest on the wire, and of every one that the machine is given.
    result_bytes : int
        Longest result packet.
    serial : bool
        Compute CRCs by the bit. For a slow wire: it saves about 200 logic cells.
    packed : bool
        Take packed samples (`crosswall.spec.packing`) and unpack them for the machine; see
        `SampleUnpacker`.
    pixels_at_once : int
        Most pixels that leave in a cycle; more than 1 only if `packed`.
    store : int
        Bytes of memory for samples (`SampleStore`), 0 for none; only if `packed`.

    Memories, in bytes: 512 (encoder), 262 and 512 (control), `slots` × `sample_bytes`, and
    `slots` × (`result_bytes` rounded up to a power of two). With a store `sample_bytes` + 7 (at
    least 267), and if `serial` 2048, in which the wire's bytes wait while the store is at work.

    Members
    -------
    wire_in : In(stream.Signature(8)), wire_out : Out(stream.Signature(8))
        COBS-encoded frames, each ended by 0x00: to a UART, or to anything that moves bytes.
    bus : Out(ControlBus())
        Executes control frames.
    samples : Out(sample_signature(pixels_at_once)), results : In(PacketSignature)
        To and from the machine. The first four bytes are the sample's number; one result per
        sample, in order, of at most `result_bytes`.
    next_sample : Out(32)
        Number of the sample that will be admitted next. 0 after reset.
    next_sample_value : In(32), next_sample_strobe : In(1)
        Sets it, and forgets the stored results. Only while ``idle``; ignored otherwise, so
        whoever serves the register waits for ``idle`` before the strobe.
    idle : Out(1)
        The machine has answered every sample that was admitted.
    dropped_frames : Out(COUNTER_BITS)
        Frames with broken COBS, wrong CRC, unknown type or wrong length, and samples beyond the
        credit. Wraps, as the next two do.
    duplicate_samples : Out(COUNTER_BITS)
        Samples that came again.
    gaps : Out(COUNTER_BITS)
        Times a sample was missing.
    busy : Out(1)
        A sample is being kept or replayed; ``wire_in`` may wait meanwhile.
    memory : Out(BurstMemory(store))
        Only with a store.
    """

    def __init__(self, *, slots: int, sample_bytes: int, result_bytes: int,
                 serial: bool = False, packed: bool = False, pixels_at_once: int = 1,
                 store: int = 0) -> None:
        check_slots(slots)
        check_sample_bytes(sample_bytes, packed=packed)
        check_bytes("result_bytes", result_bytes)
        self.slots = slots
        self.store = store
        self.sample_bytes = sample_bytes
        self.result_bytes = result_bytes
        self.serial = serial
        self.packed = packed
        self.pixels_at_once = pixels_at_once
        super().__init__({
            "wire_in": In(stream.Signature(8)),
            "wire_out": Out(stream.Signature(8)),
            "bus": Out(ControlBus()),
            "samples": Out(sample_signature(pixels_at_once)),
            "results": In(PacketSignature),
            "next_sample": Out(32),
            "next_sample_value": In(32),
            "next_sample_strobe": In(1),
            "idle": Out(1),
            "dropped_frames": Out(COUNTER_BITS),
            "duplicate_samples": Out(COUNTER_BITS),
            "gaps": Out(COUNTER_BITS),
            "busy": Out(1),
            **({"memory": Out(BurstMemory(store))} if store else {}),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = FrameReceiver(
            sample_bytes=self.sample_bytes, serial=self.serial, packed=self.packed,
            store=self.store > 0)
        m.submodules.control = control = ControlMaster()
        m.submodules.gate = gate = SampleGate(
            slots=self.slots, sample_bytes=self.sample_bytes, result_bytes=self.result_bytes,
            packed=self.packed)
        m.submodules.transmitter = transmitter = FrameTransmitter(
            reply_address_bits=REPLY_ADDRESS_BITS,
            result_address_bits=ceil_log2(self.result_bytes), serial=self.serial)
        m.submodules.encoder = encoder = CobsEncoder()

        if self.store and self.serial:
            # A UART does not wait. What comes while 64 samples of MNIST's size are replayed has
            # room at any rate; were there ever more, frames would be lost, and sent again.
            m.submodules.waiting = waiting = SyncFIFOBuffered(width=8, depth=2048)
            wiring.connect(m, wiring.flipped(self.wire_in), waiting.w_stream)
            self._register(m, waiting.r_stream, decoder.wire)
        else:
            wiring.connect(m, wiring.flipped(self.wire_in), decoder.wire)
        self._register(m, decoder.frame, receiver.frame)
        self._register(m, transmitter.packet, encoder.packet)
        wiring.connect(m, encoder.wire, wiring.flipped(self.wire_out))
        wiring.connect(m, control.bus, wiring.flipped(self.bus))
        if self.packed:
            m.submodules.unpacker = unpacker = SampleUnpacker(
                pixels=self.sample_bytes - SAMPLE_HEADER_BYTES, pixels_at_once=self.pixels_at_once)
            # Between them a queue, so that what the unpacker makes of a byte does not decide in the
            # same cycle whether the gate reads the next.
            m.submodules.queue = queue = SyncFIFO(
                width=len(gate.samples.payload.as_value()), depth=2)
            m.d.comb += [
                queue.w_data.eq(gate.samples.payload),
                queue.w_en.eq(gate.samples.valid),
                gate.samples.ready.eq(queue.w_rdy),
                unpacker.packed.payload.eq(queue.r_data),
                unpacker.packed.valid.eq(queue.r_rdy),
                queue.r_en.eq(unpacker.packed.ready),
            ]
            wiring.connect(m, unpacker.samples, wiring.flipped(self.samples))
        else:
            wiring.connect(m, gate.samples, wiring.flipped(self.samples))
        wiring.connect(m, wiring.flipped(self.results), gate.results)

        m.d.comb += [
            control.data.eq(receiver.data),
            control.frame_start.eq(receiver.frame_start),
            control.strobe.eq(receiver.control_strobe),
            control.commit.eq(receiver.control_commit),

            transmitter.reply_pending.eq(control.reply_pending),
            transmitter.reply_bytes.eq(control.reply_bytes),
            control.reply_sent.eq(transmitter.reply_sent),
            control.reply_address.eq(transmitter.reply_address),
            control.reply_enable.eq(transmitter.reply_enable),
            transmitter.reply_data.eq(control.reply_data),
            transmitter.result_pending.eq(gate.result_pending),
            transmitter.result_length.eq(gate.result_length),
            gate.result_sent.eq(transmitter.result_sent),
            gate.result_address.eq(transmitter.result_address),
            gate.result_enable.eq(transmitter.result_enable),
            transmitter.result_data.eq(gate.result_data),
            transmitter.gap_pending.eq(gate.gap_pending),
            transmitter.expected.eq(gate.expected),
            gate.gap_sent.eq(transmitter.gap_sent),

            self.next_sample.eq(gate.expected),
            gate.expected_value.eq(self.next_sample_value),
            gate.expected_strobe.eq(self.next_sample_strobe),
            self.idle.eq(gate.idle),
            self.duplicate_samples.eq(gate.duplicates),
            self.gaps.eq(gate.gaps),
        ]
        damaged = Signal()  # a sample in the memory
        received = [receiver.data, receiver.frame_start, receiver.sample_strobe,
                    receiver.sample_commit]
        if self.store:
            m.submodules.store = store = SampleStore(size=self.store,
                                                     sample_bytes=self.sample_bytes)
            m.d.comb += [
                store.data.eq(receiver.data),
                store.frame_start.eq(receiver.frame_start),
                store.strobe.eq(receiver.store_strobe | receiver.sample_strobe),
                store.kept.eq(receiver.keeps & gate.admitted),
                store.asked.eq(receiver.replay_commit),
                receiver.wait.eq(store.busy),
                damaged.eq(store.damaged),
                self.busy.eq(store.busy),
            ]
            played = [store.play_data, store.play_start, store.play_strobe, store.play_commit]
            received = [Mux(store.playing, theirs, ours)
                        for theirs, ours in zip(played, received, strict=True)]
            wiring.connect(m, store.memory, wiring.flipped(self.memory))
        m.d.comb += [port.eq(value) for port, value in zip(
            (gate.data, gate.frame_start, gate.sample_strobe, gate.commit), received,
            strict=True)]

        dropped = Signal()
        m.d.sync += [
            dropped.eq(receiver.dropped | gate.refused | damaged),
            self.dropped_frames.eq(self.dropped_frames + dropped),
        ]
        return m

    @staticmethod
    def _register(m: Module, source: PureInterface, target: PureInterface) -> None:
        """Connect two streams through a register, at one byte per cycle: the source's byte comes
        late in its cycle, and the target decides on it."""
        m.d.comb += source.ready.eq(~target.valid | target.ready)
        payload = Signal(target.payload.shape(), reset_less=True)
        valid = Signal()
        m.d.comb += [target.payload.eq(payload), target.valid.eq(valid)]
        with m.If(source.ready):
            m.d.sync += [payload.eq(source.payload), valid.eq(source.valid)]
