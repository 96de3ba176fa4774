"""Frames and records, byte by byte, and the limits of their fields."""

import zlib

import pytest

from crosswall.spec import frames
from crosswall.spec.frames import Control, FrameError, Operation, Replay, Reply, Status
from crosswall.spec.store import pack_record, record_places, unpack_record


def test_each_frame_has_its_bytes():
    assert frames.pack_control(Control(0x0102, Operation.WRITE, 0x0304, 1, (0x05060708,))) \
        == bytes([1, 2, 1, 1, 4, 3, 1, 8, 7, 6, 5])
    assert frames.pack_control(Control(0xFFFF, Operation.READ_WINDOW, 0x42, 64)) \
        == bytes([1, 0xFF, 0xFF, 2, 0x42, 0, 64])
    assert frames.pack_reply(Reply(0x0102, Status.ADDRESS_ERROR, Operation.READ, 5, 0)) \
        == bytes([0x81, 2, 1, 1, 0, 5, 0, 0])
    assert frames.pack_sample(b"abcd") == b"\x02abcd"
    assert frames.pack_keep(0x010203, b"abcd") == b"\x04\x03\x02\x01abcd"
    assert frames.pack_replay(Replay(0x01020304, 5, 6, 7, ((8, 9), (0xFFFFFF, 255)))) \
        == bytes([6, 4, 3, 2, 1, 5, 6, 7, 8, 0, 0, 9, 255, 255, 255, 255])
    assert frames.pack_result(b"abcd") == b"\x82abcd"
    assert frames.pack_gap(0x01020304) == bytes([0x83, 4, 3, 2, 1])


def test_operations_say_what_they_do_in_their_bits():
    assert [(int(operation), operation.is_write, operation.is_window) for operation in Operation] \
        == [(0, False, False), (1, True, False), (2, False, True), (3, True, True)]
    assert frames.control_frame_bytes(Operation.READ, 64) == 7
    assert frames.control_frame_bytes(Operation.WRITE_WINDOW, 3) == 19
    assert (frames.PROTOCOL_VERSION, frames.MAX_CONTROL_WORDS, frames.MAX_REPLAY) == (1, 64, 64)


def test_a_replay_stands_for_headers_that_count_on_and_wrap():
    replay = Replay(0xFFFFFFFF, 5, 0x21, 0x43, ((8, 9), (10, 11)))
    assert replay.headers() == [bytes([255, 255, 255, 255, 5, 9, 0x21, 0x43]),
                                bytes([0, 0, 0, 0, 5, 11, 0x21, 0x43])]
    assert frames.unpack_replay(frames.pack_replay(replay)) == replay


def test_the_crc_is_that_of_ethernet_and_a_frame_has_a_byte_at_least():
    assert frames.append_crc(b"123456789")[9:] == bytes.fromhex("2639f4cb")  # CRC-32's check value
    assert frames.remove_crc(frames.append_crc(b"\x02")) == b"\x02"
    for data in (b"", frames.append_crc(b""), frames.append_crc(b"ab")[:-1] + b"x"):
        with pytest.raises(FrameError, match="wrong CRC"):
            frames.remove_crc(data)


@pytest.mark.parametrize(("frame", "words"), [
    (bytes([1, 0, 0, 0, 0, 0, 0]), "control count 0 is not in 1 … 64"),
    (bytes([1, 0, 0, 0, 0, 0, 65]), "control count 65 is not in 1 … 64"),
    (bytes([1, 0, 0, 0, 0, 0]), "not a CONTROL frame"),
    (bytes([1, 0, 0, 0, 0, 0, 1, 2]), "not a CONTROL frame"),
    (bytes([2, 0, 0, 0, 0, 0, 1]), "not a CONTROL frame"),
    (bytes([1, 0, 0, 4, 0, 0, 1]), "unknown control operation 4"),
    (bytes([1, 0, 0, 1, 0, 0, 1]), "WRITE of 1 words carries 0"),
    (bytes([1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), "READ of 1 words carries 1")])
def test_control_frames_that_are_not_well_formed_are_refused(frame, words):
    with pytest.raises(FrameError, match=words):
        frames.unpack_control(frame)


@pytest.mark.parametrize(("frame", "words"), [
    (bytes([0x81, 0, 0, 2, 0, 0, 0, 0]), "unknown status 2"),
    (bytes([0x81, 0, 0, 0, 0, 0, 0, 1]), "reply to READ of 1 words carries 0"),
    (bytes([0x81, 0, 0, 0, 1, 0, 0, 65]), "control count 65 is not in 0 … 64"),
    (bytes([1, 0, 0, 0, 0, 0, 0, 0]), "not a REPLY frame")])
def test_replies_that_are_not_well_formed_are_refused(frame, words):
    with pytest.raises(FrameError, match=words):
        frames.unpack_reply(frame)
    none = bytes([0x81, 0, 0, 0, 1, 0, 0, 0])
    assert frames.unpack_reply(none) == Reply(0, Status.OK, Operation.WRITE, 0, 0)


def test_control_frames_of_no_and_of_too_many_words_are_not_sent():
    for count in (0, 65):
        with pytest.raises(FrameError, match=f"control count {count} is not in 1 … 64"):
            frames.pack_control(Control(0, Operation.READ, 0, count))
    with pytest.raises(FrameError, match="needs 1 words, got 0"):
        frames.pack_control(Control(0, Operation.WRITE, 0, 1))
    with pytest.raises(FrameError, match="out of range"):
        frames.pack_control(Control(0x10000, Operation.READ, 0, 1))
    with pytest.raises(FrameError, match="control count 65 is not in 0 … 64"):
        frames.pack_reply(Reply(0, Status.OK, Operation.WRITE, 0, 65))


def test_places_and_lists_of_replays_are_held_to_their_limits():
    with pytest.raises(FrameError, match="place 16777216 is not in 0 … 16777215"):
        frames.pack_keep(1 << 24, b"abcd")
    with pytest.raises(FrameError, match="place -1 is not in"):
        frames.pack_keep(-1, b"abcd")
    full = Replay(0, 0, 0, 0, ((0, 0),) * 64)
    assert frames.unpack_replay(frames.pack_replay(full)) == full
    for count in (0, 65):
        with pytest.raises(FrameError, match=f"replay of {count} samples: expected 1 … 64"):
            frames.pack_replay(Replay(0, 0, 0, 0, ((0, 0),) * count))
    with pytest.raises(FrameError, match="replay of 0 samples"):
        frames.unpack_replay(bytes([6]) + bytes(7))
    for frame in (bytes([6]) + bytes(10), bytes([6]) + bytes(3), bytes([4]) + bytes(11)):
        with pytest.raises(FrameError, match="not a REPLAY frame"):
            frames.unpack_replay(frame)


def test_packets_have_at_least_their_number():
    assert frames.unpack_packet(b"\x02abcd") == frames.unpack_packet(b"\x82abcd") == b"abcd"
    assert frames.packet_number(bytes([4, 3, 2, 1, 9])) == 0x01020304
    assert frames.unpack_keep(b"\x04\x03\x02\x01abcd") == (0x010203, b"abcd")
    assert frames.unpack_gap(bytes([0x83, 4, 3, 2, 1])) == 0x01020304
    for frame in (b"\x02abc", b"\x83abcd"):
        with pytest.raises(FrameError, match="not a packet frame"):
            frames.unpack_packet(frame)
    for frame in (b"\x04\x03\x02\x01abc", b"\x02\x03\x02\x01abcd"):
        with pytest.raises(FrameError, match="not a KEEP frame"):
            frames.unpack_keep(frame)
    for frame in (bytes([0x83, 4, 3, 2]), bytes([0x82, 4, 3, 2, 1]), bytes([0x83]) + bytes(5)):
        with pytest.raises(FrameError, match="not a GAP frame"):
            frames.unpack_gap(frame)


def test_a_record_is_length_packing_pixels_and_crc_in_places_of_16_bytes():
    record = pack_record(6, b"abc")
    body = bytes([3, 0, 6]) + b"abc"
    assert record == body + zlib.crc32(body).to_bytes(4, "little") + bytes(6)
    # 3 bytes of header and 4 of CRC: 9 bytes of pixels fill a place.
    assert [record_places(length) for length in (0, 9, 10, 25, 26)] == [1, 1, 2, 2, 3]
    assert len(pack_record(0, bytes(9))) == 16 and len(pack_record(0, bytes(10))) == 32
    assert pack_record(0, bytes(0x102))[:2] == b"\x02\x01"


def test_a_record_may_lie_over_the_memorys_end_and_is_no_longer_than_a_sample():
    memory = bytearray(64)
    record = pack_record(4, bytes(range(12)))
    memory[48:], memory[:16] = record[:16], record[16:]
    assert unpack_record(memory, 3, 12) == (4, bytes(range(12)))
    assert unpack_record(memory, 7, 12) == (4, bytes(range(12))), "addresses wrap"
    assert unpack_record(memory, 3, 11) is None
    memory[55] ^= 1
    assert unpack_record(memory, 3, 12) is None
