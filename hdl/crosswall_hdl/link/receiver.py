"""Checks received frames and sorts them; what fails a check changes nothing but a counter."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from crosswall.spec import frames
from crosswall.spec.packing import PACKING_PLACE, PACKINGS
from crosswall.spec.sample import SAMPLE_HEADER_BYTES

from .cobs import DECODED_SHAPE
from .crc import Crc
from .sizes import check_sample_bytes

__all__ = ["CONTROL_HEADER_BYTES", "REPLAY_BYTES", "FrameReceiver"]

CONTROL_HEADER_BYTES = frames.CONTROL_HEADER.size - 1
"""Length of a control frame's header after the type byte: id (2), operation, address (2), count."""

REPLAY_BYTES = frames.REPLAY_HEADER_BYTES + frames.MAX_REPLAY * frames.REPLAY_ENTRY_BYTES
"""Longest REPLAY frame, without its type."""

# Bytes to come before the CRC, where these fields of a control frame are received.
_AT_OPERATION = 4
_AT_COUNT = 1


class FrameReceiver(wiring.Component):
    """Sorts decoded frames into control frames and sample frames.

    The bytes of a frame go out as they come, and whether the frame counts is said at its end:
    a consumer writes them where nobody reads yet, and commits or forgets. A frame is *dropped*
    if its COBS encoding is broken, its CRC does not match, its type is unknown, or its length
    is not the one that its type (and a control frame's operation and count) demands. A sample
    that may be packed has any length from its header's to `sample_bytes`, and is dropped if it
    names a packing that does not exist.

    Latency: bytes pass through in the cycle in which they are taken; ``*_commit`` and
    ``dropped`` pulse one cycle after the end of frame was taken. A byte is taken at once, or if
    ``serial`` in the eighth cycle; the end of a frame not in the cycle after a byte, as the CRC
    is not up to date then; nothing is taken in the one cycle of such a pulse.

    Parameters
    ----------
    sample_bytes : int
        Length of every sample packet, at least 4; if `packed`, of the longest.
    serial : bool
        See `Crc`.
    packed : bool
        Samples may be packed (`crosswall.spec.packing`).
    store : bool
        Take KEEP and REPLAY frames too; only if `packed`.

    Members
    -------
    frame : In(stream.Signature(DECODED_SHAPE))
        From `CobsDecoder`.
    data : Out(8)
        The byte that the strobes below speak of.
    frame_start : Out(1)
        ``data`` is the type byte of a frame: consumers decide whether they have room for it.
    sample_strobe : Out(1)
        ``data`` is the next byte of a sample packet: at most `sample_bytes` per frame. If
        `packed`, the CRC's 4 bytes follow it in the same way.
    sample_commit : Out(1)
        The sample packet since the last ``frame_start`` is complete and correct.
    control_strobe : Out(1)
        ``data`` is the next byte of a control frame's header or words: at most
        ``CONTROL_HEADER_BYTES`` + 256 per frame.
    control_commit : Out(1)
        The control frame since the last ``frame_start`` is complete and correct.
    dropped : Out(1)
        A frame was dropped. An empty frame (two delimiters in a row) is not counted.
    keeps : Out(1)
        If `store`: the frame is a KEEP frame. Its sample is said as that of a SAMPLE frame.
    store_strobe : Out(1)
        If `store`: ``data`` is the next byte of a KEEP frame's place, or of a REPLAY frame, with
        the CRC's 4 bytes: at most ``REPLAY_BYTES`` + 4.
    replay_commit : Out(1)
        If `store`: the REPLAY frame since the last ``frame_start`` is complete and correct.
    wait : In(1)
        If `store`: nothing is taken.
    """

    def __init__(self, *, sample_bytes: int, serial: bool = False, packed: bool = False,
                 store: bool = False) -> None:
        check_sample_bytes(sample_bytes, packed=packed)
        if store and not packed:
            raise ValueError("`store` needs `packed`")
        self.sample_bytes = sample_bytes
        self.serial = serial
        self.packed = packed
        self.store = store
        super().__init__({
            "frame": In(stream.Signature(DECODED_SHAPE)),
            "data": Out(8),
            "frame_start": Out(1),
            "sample_strobe": Out(1),
            "sample_commit": Out(1),
            "control_strobe": Out(1),
            "control_commit": Out(1),
            "dropped": Out(1),
            **({"keeps": Out(1), "store_strobe": Out(1), "replay_commit": Out(1), "wait": In(1)}
               if store else {}),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = Crc(serial=self.serial)

        started = Signal()  # the frame has a type
        is_sample = Signal()  # as far as has been seen; both fall when the frame is too long
        is_control = Signal()
        is_write = Signal()
        in_words = Signal()  # of a control frame
        # Bytes to come before the CRC; below zero, it counts those of the CRC.
        left = Signal(signed(2 + max(self.sample_bytes, 4 * frames.MAX_CONTROL_WORDS,
                                     REPLAY_BYTES if self.store else 0).bit_length()))
        is_complete = Signal()
        is_whole = Signal()  # as far as its length tells

        byte = Signal()
        end = Signal()
        in_body = Signal()
        judge = Signal()
        waits = Signal()
        in_place = Signal()  # of a KEEP frame, before the sample
        is_replay = Signal()
        m.d.comb += [
            waits.eq(judge | self.wait if self.store else judge),
            self.data.eq(self.frame.payload.data),
            self.frame.ready.eq(~waits & Mux(self.frame.payload.end, crc.first, crc.last)),
            byte.eq(self.frame.valid & self.frame.ready & ~self.frame.payload.end),
            end.eq(self.frame.valid & self.frame.ready & self.frame.payload.end),
            crc.data.eq(self.data),
            crc.step.eq(self.frame.valid & ~waits & ~self.frame.payload.end),
            crc.start.eq(end),
            self.frame_start.eq(byte & ~started),
            in_body.eq(left > 0),
            is_complete.eq(left[-1] & (left[:2] == 0)),  # -4: no frame that counts goes further
            self.sample_strobe.eq(byte & is_sample & ~in_place
                                  & (~is_complete if self.packed else in_body)),
            is_whole.eq(is_complete),
            self.control_strobe.eq(byte & is_control & in_body),
        ]

        with m.If(self.frame_start):
            m.d.sync += [
                started.eq(1),
                is_sample.eq(self.data == frames.FrameType.SAMPLE),
                is_control.eq(self.data == frames.FrameType.CONTROL),
                in_words.eq(0),
                left.eq(Mux(self.data[0], CONTROL_HEADER_BYTES, self.sample_bytes)),
            ]
        with m.Elif(byte & ~in_place):
            m.d.sync += left.eq(left - 1)
            with m.If(is_complete):
                m.d.sync += [is_sample.eq(0), is_control.eq(0)]
            with m.If(is_control & ~in_words & (left == _AT_OPERATION)):
                m.d.sync += is_write.eq(self.data[0])
                with m.If(self.data[2:].any()):
                    m.d.sync += is_control.eq(0)
            with m.If(is_control & ~in_words & (left == _AT_COUNT)):
                m.d.sync += in_words.eq(1)
                with m.If((self.data == 0) | (self.data > frames.MAX_CONTROL_WORDS)):
                    m.d.sync += is_control.eq(0)
                with m.Elif(is_write):
                    m.d.sync += left.eq(self.data[:7] << 2)

        if self.packed:
            has_header = Signal()  # a header and a CRC have come
            m.d.comb += is_whole.eq(Mux(is_sample, has_header, is_complete))
            with m.If(self.frame_start):
                m.d.sync += has_header.eq(0)
            with m.Elif(byte & (left == self.sample_bytes + 1
                                - (SAMPLE_HEADER_BYTES + frames.CRC_BYTES))):
                m.d.sync += has_header.eq(1)
            with m.If(byte & is_sample & (left == self.sample_bytes - PACKING_PLACE)
                      & (self.data >= PACKINGS)):
                m.d.sync += is_sample.eq(0)

        if self.store:
            has_entry = Signal()  # a REPLAY frame's header, a sample and a CRC have come
            place_left = Signal(range(frames.PLACE_BYTES + 1))
            m.d.comb += [
                in_place.eq(place_left != 0),
                self.store_strobe.eq(byte & (in_place | (is_replay & ~is_complete))),
            ]
            with m.If(is_replay):
                # A whole number of samples.
                m.d.comb += is_whole.eq(
                    has_entry & (left[:exact_log2(frames.REPLAY_ENTRY_BYTES)] == 0))
            with m.If(self.frame_start):
                m.d.sync += [self.keeps.eq(0), is_replay.eq(0), has_entry.eq(0), place_left.eq(0)]
                with m.If(self.data == frames.FrameType.KEEP):
                    m.d.sync += [is_sample.eq(1), self.keeps.eq(1),
                                 place_left.eq(frames.PLACE_BYTES)]
                with m.If(self.data == frames.FrameType.REPLAY):
                    m.d.sync += [is_replay.eq(1), left.eq(REPLAY_BYTES)]
            with m.Elif(byte):
                with m.If(in_place):
                    m.d.sync += place_left.eq(place_left - 1)
                with m.If(is_complete):
                    m.d.sync += is_replay.eq(0)
                with m.If(left == REPLAY_BYTES + 1 - (
                        frames.REPLAY_HEADER_BYTES + frames.REPLAY_ENTRY_BYTES
                        + frames.CRC_BYTES)):
                    m.d.sync += has_entry.eq(1)

        # The verdict is registered at the end of the frame and acted on a cycle later.
        intact = Signal()
        m.d.sync += judge.eq(end & (started | self.frame.payload.broken))
        with m.If(end):
            m.d.sync += [
                started.eq(0),
                intact.eq(crc.match & is_whole & ~self.frame.payload.broken),
            ]
        with m.If(judge):
            m.d.comb += [
                self.sample_commit.eq(intact & is_sample),
                self.control_commit.eq(intact & is_control),
                self.dropped.eq(~(intact & (is_sample | is_control | is_replay))),
            ]
            if self.store:
                m.d.comb += self.replay_commit.eq(intact & is_replay)
        return m
