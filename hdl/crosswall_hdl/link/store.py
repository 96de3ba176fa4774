"""Keeps samples in the board's memory, and plays them to the gate as if the wire brought them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall.spec import frames
from crosswall.spec.packing import PACKING_PLACE
from crosswall.spec.sample import SAMPLE_HEADER_BYTES
from crosswall.spec.store import PLACE_UNIT, RECORD_HEADER_BYTES
from crosswall_hdl.burst import BURST_WORDS, WORD_BITS, BurstMemory

from .crc import Crc
from .receiver import REPLAY_BYTES
from .sizes import check_sample_bytes

__all__ = ["SampleStore"]

_PLACE_BITS = 8 * frames.PLACE_BYTES
_AHEAD_WORDS = 2 * BURST_WORDS
"""Words between memory and bytes: one burst is used while the next one comes."""


class SampleStore(wiring.Component):
    """Writes the samples of KEEP frames to memory, and makes sample packets of REPLAY frames.

    It takes the bytes of both as they are received. When a KEEP frame's sample has been admitted,
    its pixels are copied to the memory, as a record of `crosswall.spec.store`. A REPLAY frame is
    played to the gate: for each of its samples a packet, with the header that the frame says, the
    pixels of the record, and a commit if the record is intact. To the gate it is as if the wire
    had brought them, so whatever holds for a sample on the wire holds for one that is replayed.
    Frames wait meanwhile (``busy``).

    Latency: a KEEP frame of `n` bytes of packed pixels takes about ``2 n + 40`` cycles; a REPLAY
    frame 14, and for each sample ``n`` and 32 to 40 more, if a burst comes within 10 cycles and
    the next one within ``PLACE_UNIT``.

    Parameters
    ----------
    size : int
        Bytes of memory; see `BurstMemory`.
    sample_bytes : int
        Longest sample packet.

    Members
    -------
    data, frame_start, strobe
        From `FrameReceiver`: the bytes of these frames, from behind the type to the CRC's end.
        Others do no harm.
    kept : In(1)
        Pulse: the frame was a KEEP frame, and its sample is admitted.
    asked : In(1)
        Pulse: the frame was a REPLAY frame, complete and correct.
    busy : Out(1)
        No byte may come: from the cycle after ``kept`` or ``asked`` on.
    playing : Out(1)
        The four below speak to the gate.
    play_data : Out(8), play_start : Out(1), play_strobe : Out(1), play_commit : Out(1)
        As `SampleGate` has them from `FrameReceiver`.
    damaged : Out(1)
        Pulse: a record was not intact.
    memory : Out(BurstMemory(size))
        The board's memory.
    """

    def __init__(self, *, size: int, sample_bytes: int) -> None:
        check_sample_bytes(sample_bytes, packed=True)
        self.size = size
        self.sample_bytes = sample_bytes
        super().__init__({
            "data": In(8),
            "frame_start": In(1),
            "strobe": In(1),
            "kept": In(1),
            "asked": In(1),
            "busy": Out(1),
            "playing": Out(1),
            "play_data": Out(8),
            "play_start": Out(1),
            "play_strobe": Out(1),
            "play_commit": Out(1),
            "damaged": Out(1),
            "memory": Out(BurstMemory(size)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pixels = self.sample_bytes - SAMPLE_HEADER_BYTES
        memory = self.memory
        m.submodules.crc = crc = Crc(serial=False)

        # The frame as it was received. Written while frames come, read while they wait.
        depth = frames.CRC_BYTES + max(frames.PLACE_BYTES + self.sample_bytes, REPLAY_BYTES)
        m.submodules.frame_memory = frame_memory = Memory(shape=8, depth=depth, init=[])
        frame_write, frame_read = frame_memory.write_port(), frame_memory.read_port()
        received = Signal(range(depth + 1))  # bytes of it
        m.d.comb += [
            frame_write.addr.eq(received),
            frame_write.data.eq(self.data),
            frame_write.en.eq(self.strobe),
        ]
        with m.If(self.frame_start):
            m.d.sync += received.eq(0)
        with m.Elif(self.strobe):
            m.d.sync += received.eq(received + 1)

        read_at = Signal(range(depth + 1))
        settled = Signal()  # `fetched` is the byte at `read_at`
        fetched = frame_read.data
        busy = Signal()
        m.d.comb += [frame_read.addr.eq(read_at), frame_read.en.eq(busy & ~settled)]

        def fetch(address: Value | int) -> None:
            m.d.sync += [read_at.eq(address), settled.eq(0)]

        m.d.sync += settled.eq(1)

        # Words to and from the memory.
        m.submodules.words_out = words_out = SyncFIFO(width=WORD_BITS, depth=_AHEAD_WORDS)
        m.submodules.words_in = words_in = SyncFIFO(width=WORD_BITS, depth=_AHEAD_WORDS)
        place = Signal(memory.request.p.place.shape())  # of the next burst
        left = Signal(range(_bursts(pixels) + 1))  # bursts still to be asked for
        writes = Signal()
        wanted = Signal(range(_AHEAD_WORDS + 1))  # words asked for that were not used yet
        asks = Signal()
        moves = Signal()  # a word of this burst goes to the memory
        at_word = Signal(range(BURST_WORDS))
        used = Signal()  # a word that was read
        m.d.comb += [
            memory.request.p.place.eq(place),
            memory.request.p.write.eq(writes),
            memory.write_data.eq(words_out.r_data),
            words_out.r_en.eq(memory.write_taken),
            words_in.w_data.eq(memory.read_data),
            words_in.w_en.eq(memory.read_valid),
            asks.eq(memory.request.valid & memory.request.ready),
        ]
        with m.If(asks):
            m.d.sync += [memory.request.valid.eq(0), place.eq(place + 1), left.eq(left - 1),
                         moves.eq(writes)]
        with m.Elif(~memory.request.valid & (left != 0)):
            m.d.sync += memory.request.valid.eq(Mux(
                writes, ~moves & (words_out.r_level >= BURST_WORDS), wanted <= BURST_WORDS))
        m.d.sync += wanted.eq(wanted + Mux(asks & ~writes, BURST_WORDS, 0) - used)
        with m.If(memory.write_taken):
            m.d.sync += at_word.eq(at_word + 1)
            with m.If(at_word == BURST_WORDS - 1):
                m.d.sync += moves.eq(0)

        # Bytes of the record that is written: two are a word.
        byte = Signal(8)
        put = Signal()
        is_high = Signal()
        low = Signal(8, reset_less=True)
        burst_byte = Signal(range(PLACE_UNIT))
        m.d.comb += [
            words_out.w_data.eq(Cat(low, byte)),
            words_out.w_en.eq(put & is_high),
        ]
        with m.If(put):
            m.d.sync += [low.eq(byte), is_high.eq(~is_high), burst_byte.eq(burst_byte + 1)]

        # Bytes of the record that is read.
        take = Signal()
        taken = Signal()
        skip = Signal()  # whole words
        record_byte = Signal(8)
        m.d.comb += [
            record_byte.eq(words_in.r_data.word_select(is_high, 8)),
            taken.eq(take & words_in.r_rdy),
            used.eq(words_in.r_rdy & Mux(skip, 1, take & is_high)),
            words_in.r_en.eq(used),
        ]
        with m.If(taken):
            m.d.sync += is_high.eq(~is_high)

        length = Signal(16)  # of the packed pixels
        to_come = Signal(range(max(pixels, 16) + 1))  # bytes of this state
        header = Signal(8 * frames.REPLAY_HEADER_BYTES)  # of the frame, its number that of the next
        number, settings = header[:32], header[32:]
        entry = Signal(8 * frames.REPLAY_ENTRY_BYTES)
        label = entry[_PLACE_BITS:]
        packet_start = Signal(8 * PACKING_PLACE, reset_less=True)
        end = Signal(range(depth + 1), reset_less=True)  # of the frame's samples
        counts = Signal()  # the byte counts for the CRC
        m.d.comb += [
            crc.data.eq(Mux(self.playing, record_byte, byte)),
            crc.step.eq(counts),
        ]

        # What goes to the gate is registered, as some of it comes late.
        play_data = Signal(8)
        play_start = Signal()
        play_strobe = Signal()
        play_commit = Signal()
        m.d.sync += [
            self.play_data.eq(play_data),
            self.play_start.eq(play_start),
            self.play_strobe.eq(play_strobe),
            self.play_commit.eq(play_commit),
        ]

        room = words_out.w_rdy
        kept, asked = Signal(), Signal()
        m.d.sync += [kept.eq(self.kept), asked.eq(self.asked)]
        m.d.comb += self.busy.eq(busy | kept | asked)
        last = Signal()
        m.d.comb += last.eq(to_come == 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [is_high.eq(0), burst_byte.eq(0), writes.eq(0)]
                m.d.sync += end.eq(received - frames.CRC_BYTES)
                fetch(0)
                with m.If(kept):
                    m.d.sync += [busy.eq(1), writes.eq(1), to_come.eq(frames.PLACE_BYTES),
                                 length.eq(received - (frames.PLACE_BYTES + SAMPLE_HEADER_BYTES
                                                       + frames.CRC_BYTES))]
                    m.next = "PLACE"
                with m.Elif(asked):
                    m.d.sync += [busy.eq(1), self.playing.eq(1),
                                 to_come.eq(frames.REPLAY_HEADER_BYTES)]
                    m.next = "HEADER"

            # A sample is kept.
            with m.State("PLACE"):
                with m.If(settled):
                    m.d.sync += [entry.eq(Cat(entry[8:_PLACE_BITS], fetched)),
                                 to_come.eq(to_come - 1)]
                    fetch(read_at + 1)
                    with m.If(last):
                        fetch(frames.PLACE_BYTES + PACKING_PLACE)
                        m.next = "WRITE LENGTH"
            with m.State("WRITE LENGTH"):
                m.d.comb += [byte.eq(length.word_select(is_high, 8)), put.eq(1), counts.eq(1)]
                m.d.sync += [place.eq(entry), left.eq(_bursts(length))]
                with m.If(is_high):
                    m.next = "WRITE PACKING"
            with m.State("WRITE PACKING"):
                m.d.comb += byte.eq(fetched)
                with m.If(settled):
                    m.d.comb += [put.eq(1), counts.eq(1)]
                    m.d.sync += to_come.eq(length)
                    # Behind the packing there is a reserved byte.
                    fetch(frames.PLACE_BYTES + SAMPLE_HEADER_BYTES)
                    m.next = "WRITE PIXELS"
            with m.State("WRITE PIXELS"):
                m.d.comb += byte.eq(fetched)
                with m.If(to_come == 0):
                    m.d.sync += to_come.eq(frames.CRC_BYTES)
                    m.next = "WRITE CRC"
                with m.Elif(settled & room):
                    m.d.comb += [put.eq(1), counts.eq(1)]
                    m.d.sync += to_come.eq(to_come - 1)
                    fetch(read_at + 1)
            with m.State("WRITE CRC"):
                m.d.comb += [byte.eq(crc.value), crc.emit.eq(1)]
                with m.If(crc.first & room):
                    m.d.comb += [put.eq(1), counts.eq(1)]
                    m.d.sync += to_come.eq(to_come - 1)
                    with m.If(last):
                        m.next = "FILL"
            with m.State("FILL"):
                with m.If(burst_byte != 0):
                    m.d.comb += put.eq(room)
                with m.Elif((left == 0) & ~moves):
                    m.d.sync += busy.eq(0)
                    m.next = "IDLE"

            # Samples are replayed.
            with m.State("HEADER"):
                with m.If(settled):
                    m.d.sync += [header.eq(Cat(header[8:], fetched)), to_come.eq(to_come - 1)]
                    fetch(read_at + 1)
                    with m.If(last):
                        m.d.sync += to_come.eq(frames.REPLAY_ENTRY_BYTES)
                        m.next = "ENTRY"
            with m.State("ENTRY"):
                with m.If(settled):
                    m.d.sync += [entry.eq(Cat(entry[8:], fetched)), to_come.eq(to_come - 1)]
                    fetch(read_at + 1)
                    with m.If(last):
                        m.next = "START"
            with m.State("START"):
                m.d.comb += [play_start.eq(1), crc.start.eq(1)]
                m.d.sync += [
                    place.eq(entry),
                    left.eq(1),  # how many there are, the first one tells
                    packet_start.eq(Cat(number, settings[:8], label, settings[8:])),
                    number.eq(number + 1),
                    to_come.eq(PACKING_PLACE),
                ]
                m.next = "PLAY HEADER"
            with m.State("PLAY HEADER"):
                m.d.comb += [play_data.eq(packet_start), play_strobe.eq(1)]
                m.d.sync += [packet_start.eq(packet_start >> 8), to_come.eq(to_come - 1)]
                with m.If(last):
                    m.next = "READ LENGTH"
            with m.State("READ LENGTH"):
                m.d.comb += [take.eq(1), counts.eq(taken)]
                with m.If(taken):
                    m.d.sync += length.eq(Cat(length[8:], record_byte))
                    with m.If(is_high):
                        m.next = "JUDGE LENGTH"
            with m.State("JUDGE LENGTH"):
                with m.If(length > pixels):
                    m.d.comb += self.damaged.eq(1)
                    m.next = "SKIP"
                with m.Else():
                    m.d.sync += left.eq(_bursts(length) - 1)
                    m.next = "PLAY PACKING"
            with m.State("PLAY PACKING"):
                m.d.comb += [take.eq(1), counts.eq(taken), play_data.eq(record_byte),
                             play_strobe.eq(taken)]
                with m.If(taken):
                    m.next = "PLAY RESERVED"
            with m.State("PLAY RESERVED"):
                m.d.comb += play_strobe.eq(1)
                m.d.sync += to_come.eq(length)
                m.next = "PLAY PIXELS"
                with m.If(length == 0):
                    m.d.sync += to_come.eq(frames.CRC_BYTES)
                    m.next = "PLAY CRC"
            for state in ("PLAY PIXELS", "PLAY CRC"):
                # The gate takes the record's CRC in place of the frame's.
                with m.State(state):
                    m.d.comb += [take.eq(1), counts.eq(taken), play_data.eq(record_byte),
                                 play_strobe.eq(taken)]
                    with m.If(taken):
                        m.d.sync += to_come.eq(to_come - 1)
                        with m.If(last):
                            if state == "PLAY PIXELS":
                                m.d.sync += to_come.eq(frames.CRC_BYTES)
                                m.next = "PLAY CRC"
                            else:
                                m.next = "JUDGE"
            with m.State("JUDGE"):
                with m.If(crc.first):
                    m.d.comb += [play_commit.eq(crc.match), self.damaged.eq(~crc.match)]
                    m.next = "SKIP"
            with m.State("SKIP"):
                # What is behind the record in its last burst.
                m.d.comb += skip.eq(1)
                m.d.sync += [is_high.eq(0), to_come.eq(frames.REPLAY_ENTRY_BYTES)]
                with m.If((left == 0) & (wanted == 0)):
                    m.next = "ENTRY"
                    with m.If(read_at == end):
                        m.d.sync += [busy.eq(0), self.playing.eq(0)]
                        m.next = "IDLE"
        return m


def _bursts(length: Value | int) -> Value | int:
    """Bursts of a record with this many bytes of packed pixels; see `record_places`."""
    return (length + (RECORD_HEADER_BYTES + frames.CRC_BYTES + PLACE_UNIT - 1)) // PLACE_UNIT
