"""Samples that the board keeps cross the wire once; the machine cannot tell the difference."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswall.link import (
    BoardModel,
    BoardTransport,
    KeptSamples,
    Session,
    sample_packets,
)
from crosswall.link.framing import FrameDecoder, encode
from crosswall.spec import frames
from crosswall.spec.frames import Replay
from crosswall.spec.sample import SAMPLE_HEADER_BYTES, SampleHeader
from crosswall.spec.store import PLACE_UNIT, pack_record, record_places, unpack_record
from tests.link.faults import FaultyTransport, VirtualClock
from tests.link.machine import Machine, Registers, result

PIXELS = 50


class Line:
    """A host that keeps count of what the board keeps, and a board, over a line with faults."""

    def __init__(self, *, store, seed=0, rate=0.0, slots=4):
        generator = random.Random(seed)
        self.clock = VirtualClock()
        self.machine = Machine()
        self.board = BoardModel(slots=slots, sample_bytes=SAMPLE_HEADER_BYTES + PIXELS,
                                machine=self.machine, control=Registers(), packed=True,
                                store=store)
        self.written = []
        self.line = FaultyTransport(BoardTransport(self.board), generator, rate, self.wait)
        self.session = Session(self, slots=slots, timeout=0.1, patience=1000.0,
                               clock=self.clock, generator=generator)
        self.kept = KeptSamples(store)

    def wait(self, seconds):
        self.clock.now += seconds + 1e-6

    def read(self, max_bytes, timeout):
        return self.line.read(max_bytes, timeout)

    def write(self, data):
        self.written += FrameDecoder().feed(data)
        self.line.write(data)

    def stream(self, headers, pixels):
        results = []
        for packet in self.session.stream(self.kept.samples(iter(headers), pixels),
                                          headers[0].number):
            self.kept.answered(frames.packet_number(packet))
            results.append(packet)
        return results

    def take_frames(self):
        """Types of the frames written since the last call, and how long they were."""
        written, self.written = self.written, []
        return [(frame[0], len(frame)) for frame in written if frame]


def passes(seed, samples, count):
    """Headers and pixels of passes over random samples, each in another order."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (samples, PIXELS), np.uint8)
    pixels[:, PIXELS // 2:] *= random.integers(0, 2, (samples, 1), np.uint8)
    for each in range(count):
        order = random.permutation(samples)
        yield [SampleHeader(each * samples + index, each + 1, int(order[index]) & 0xFF,
                            readout_gate_shift=index * 3 // samples)
               for index in range(samples)], pixels[order]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.0, 0.05, 0.3]),
       slots=st.sampled_from([2, 4, 16]), store=st.sampled_from([1 << 10, 1 << 14]))
def test_passes_from_memory_are_the_same_to_the_machine(seed, rate, slots, store):
    line = Line(store=store, seed=seed, rate=rate, slots=slots)
    expected = []
    for headers, pixels in passes(seed, 30, 3):
        plain = list(sample_packets(headers, pixels, packed=False))
        expected += plain
        assert line.stream(headers, pixels) == [result(packet) for packet in plain]
    assert line.machine.learned == expected
    assert line.board.next_sample == len(expected)


def test_after_the_first_pass_the_wire_carries_places():
    line = Line(store=1 << 14, slots=8)
    first, *others = passes(1, 48, 3)
    line.stream(*first)
    assert {kind for kind, _ in line.take_frames()} == {frames.FrameType.KEEP}
    for headers, pixels in others:
        line.stream(headers, pixels)
        written = line.take_frames()
        assert {kind for kind, _ in written} == {frames.FrameType.REPLAY}
        # At least half of the slots a frame, but where the gate shift steps (twice) and at the end.
        assert len(written) <= 48 // 4 + 2 + 1
        assert sum(length for _, length in written) == \
            len(written) * (1 + frames.REPLAY_HEADER_BYTES) + 48 * frames.REPLAY_ENTRY_BYTES


@pytest.mark.parametrize("count", [64, 65, 130])
def test_more_samples_than_a_frame_stands_for_are_kept_and_come_again(count):
    line = Line(store=1 << 14, slots=64)
    expected = []
    for headers, pixels in passes(5, count, 2):
        plain = list(sample_packets(headers, pixels, packed=False))
        expected += plain
        assert line.stream(headers, pixels) == [result(packet) for packet in plain]
    assert line.machine.learned == expected
    assert len(line.kept) == count
    frames_sent = line.take_frames()
    assert [kind for kind, _ in frames_sent].count(frames.FrameType.KEEP) == count
    assert {kind for kind, _ in frames_sent} == {frames.FrameType.KEEP, frames.FrameType.REPLAY}


@pytest.mark.parametrize(("spare", "kept"), [(0, 3), (-PLACE_UNIT, 2), (PLACE_UNIT, 3)])
def test_memory_is_filled_to_its_last_place(spare, kept):
    # Three records that cannot be packed: 3 + 50 + 4 bytes in places of 16 are 4 places each.
    pixels = np.random.default_rng(1).integers(1, 255, (4, PIXELS), np.uint8)
    memory = KeptSamples(3 * 4 * PLACE_UNIT + spare)
    sent = list(memory.samples((SampleHeader(number, 0) for number in range(4)), pixels))
    assert [isinstance(packet, bytes) for packet in sent] == [
        place >= kept for place in range(4)]
    assert [packet.place for packet in sent[:kept]] == [0, 4, 8][:kept]
    assert memory.used_bytes == kept * 4 * PLACE_UNIT
    assert len(memory) == 0, "none has been answered"
    for number in range(4):
        memory.answered(number)
    assert len(memory) == kept
    again = list(memory.samples((SampleHeader(number, 0) for number in range(4, 8)), pixels))
    assert [isinstance(packet, bytes) or packet.is_there for packet in again] == [True] * 4


def test_what_does_not_fit_comes_over_the_wire_each_time():
    line = Line(store=1 << 10)
    for headers, pixels in passes(2, 40, 2):
        line.stream(headers, pixels)
    assert 0 < len(line.kept) < 40
    assert line.kept.used_bytes <= 1 << 10
    kinds = [kind for kind, _ in line.take_frames()]
    assert kinds.count(frames.FrameType.KEEP) == len(line.kept)
    assert kinds.count(frames.FrameType.SAMPLE) == 2 * (40 - len(line.kept))


def test_a_sample_that_the_memory_lost_comes_over_the_wire_again():
    line = Line(store=1 << 14)
    (headers, pixels), (again, shuffled) = passes(3, 12, 2)
    line.stream(headers, pixels)
    line.board.memory[PLACE_UNIT + 5] ^= 0x10
    line.take_frames()
    line.stream(again, shuffled)
    assert line.machine.learned[12:] == list(sample_packets(again, shuffled, packed=False))
    assert line.board.dropped_frames >= 1
    assert frames.FrameType.KEEP in {kind for kind, _ in line.take_frames()}


def test_a_sample_that_was_not_answered_does_not_count_as_kept():
    line = Line(store=1 << 14)
    (headers, pixels), = passes(4, 12, 1)
    stream = line.session.stream(line.kept.samples(iter(headers), pixels), 0)
    line.kept.answered(frames.packet_number(next(stream)))
    stream.close()
    assert len(line.kept) == 1
    again = [SampleHeader(20 + index, 0) for index in range(12)]
    line.board.drain()
    line.board.next_sample = 20
    line.stream(again, pixels)
    assert line.machine.learned[-12:] == list(sample_packets(again, pixels, packed=False))


# The board model itself, frame by frame.

@pytest.fixture
def board():
    return BoardModel(slots=4, sample_bytes=SAMPLE_HEADER_BYTES + PIXELS, machine=Machine(),
                      control=Registers(), packed=True, store=1 << 10)


def learn(board, *sent):
    """Give frames to the board, let it learn, and return the frames that it answers."""
    for frame in sent:
        board.feed(encode(frame))
    board.drain()
    return FrameDecoder().feed(board.take_output())


def keep(number, place, value):
    return frames.pack_keep(place, SampleHeader(number, 0).pack() + bytes([value] * PIXELS))


def replay(number, *entries):
    return frames.pack_replay(Replay(number, 4, 0x21, 0x43, entries))


def test_a_replayed_sample_has_the_frames_header_and_the_kept_pixels(board):
    learn(board, keep(0, 3, 7), keep(1, 40, 9))
    learn(board, replay(2, (40, 5), (3, 6)))
    for packet, number, label, value in zip(board._machine.learned[2:], (2, 3), (5, 6), (9, 7),
                                            strict=True):
        assert packet == SampleHeader(number, 4, label, 1, 2, 3, 4).pack() + bytes([value] * PIXELS)


def test_a_repeated_replay_is_answered_but_not_learned(board):
    learn(board, keep(0, 0, 7))
    answer = learn(board, replay(1, (0, 1), (0, 2)))
    assert len(answer) == 2
    assert learn(board, replay(1, (0, 1), (0, 2))) == answer
    assert (board.next_sample, board.duplicate_samples) == (3, 2)


def test_a_replay_ahead_is_a_gap(board):
    learn(board, keep(0, 0, 7))
    assert learn(board, replay(2, (0, 1), (0, 2))) == [frames.pack_gap(1)]


def test_a_replay_that_overlaps_what_was_learned_goes_on_behind_it(board):
    learn(board, keep(0, 0, 7), replay(1, (0, 1)))
    assert len(learn(board, replay(1, (0, 1), (0, 2)))) == 2
    assert board.next_sample == 3


def test_a_sample_that_is_not_admitted_is_not_kept(board):
    learn(board, keep(0, 0, 7))
    learn(board, keep(0, 0, 8), keep(5, 0, 9))
    learn(board, replay(1, (0, 0)))
    assert board._machine.learned[-1][SAMPLE_HEADER_BYTES:] == bytes([7] * PIXELS)


def test_an_empty_place_is_a_dropped_frame(board):
    learn(board, keep(0, 0, 7))
    assert learn(board, replay(1, (20, 0), (0, 0))) == [frames.pack_gap(1)]
    assert (board.next_sample, board.dropped_frames) == (1, 1)


def test_a_board_without_memory_takes_neither_frame():
    board = BoardModel(slots=4, sample_bytes=SAMPLE_HEADER_BYTES + PIXELS, machine=Machine(),
                       control=Registers(), packed=True)
    assert learn(board, keep(0, 0, 7), replay(0, (0, 0))) == []
    assert (board.next_sample, board.dropped_frames) == (0, 2)


# Frames and records.

def test_layout_of_the_frames():
    packet = SampleHeader(1, 0).pack()
    assert frames.pack_keep(0x030201, packet) == b"\x04\x01\x02\x03" + packet
    assert frames.unpack_keep(b"\x04\x01\x02\x03" + packet) == (0x030201, packet)
    parsed = Replay(0x04030201, 5, 6, 7, ((0x0A0908, 11), (1, 0)))
    data = bytes([6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 0, 0, 0])
    assert frames.pack_replay(parsed) == data
    assert frames.unpack_replay(data) == parsed
    assert Replay(0xFFFFFFFF, 1, 2, 3, ((0, 9), (0, 8))).headers() == [
        b"\xff\xff\xff\xff\x01\x09\x02\x03", b"\0\0\0\0\x01\x08\x02\x03"]


@pytest.mark.parametrize("make", [
    lambda: frames.pack_replay(Replay(0, 0, 0, 0, ())),
    lambda: frames.pack_replay(Replay(0, 0, 0, 0, ((0, 0),) * 65)),
    lambda: frames.pack_replay(Replay(0, 256, 0, 0, ((0, 0),))),
    lambda: frames.pack_keep(1 << 24, SampleHeader(1, 0).pack()),
    lambda: frames.unpack_replay(b"\x06" + bytes(7)),
    lambda: frames.unpack_replay(b"\x06" + bytes(7 + 6)),
    lambda: frames.unpack_replay(b"\x06" + bytes(7 + 4 * 65)),
    lambda: frames.unpack_keep(b"\x04\0\0\0\0\0\0"),
])
def test_frames_out_of_range_are_refused(make):
    with pytest.raises(frames.FrameError):
        make()


def test_a_record_comes_back_from_any_place_and_only_whole():
    memory = bytearray(1 << 10)
    data = bytes(range(1, 1 + PIXELS))
    record = pack_record(5, data)
    assert len(record) == PLACE_UNIT * record_places(PIXELS)
    assert record[:3] == bytes([PIXELS, 0, 5]) and record[3:3 + PIXELS] == data
    place = len(memory) // PLACE_UNIT - 2  # it goes on at the memory's beginning
    memory[place * PLACE_UNIT:] = record[:2 * PLACE_UNIT]
    memory[:len(record) - 2 * PLACE_UNIT] = record[2 * PLACE_UNIT:]
    assert unpack_record(memory, place, PIXELS) == (5, data)
    assert unpack_record(memory, place, PIXELS - 1) is None
    for bit in range(8 * (3 + PIXELS + 4)):
        at = (place * PLACE_UNIT + bit // 8) % len(memory)
        memory[at] ^= 1 << bit % 8
        assert unpack_record(memory, place, PIXELS) is None
        memory[at] ^= 1 << bit % 8
