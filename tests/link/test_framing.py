"""Framing: what is encoded comes back, however it is cut up; what is damaged does not."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.link.framing import FrameDecoder, encode
from crosswall.spec import frames
from crosswall.spec.frames import Control, FrameError, Operation, Reply, Status

some_frames = st.lists(st.binary(min_size=1, max_size=700), max_size=8)
words = st.integers(0, 2**32 - 1)
identifiers = st.integers(0, 0xFFFF)


def feed_in_pieces(decoder, data, cuts):
    """Feed `data` cut at `cuts` (taken modulo its length)."""
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    frames_out = []
    for start, end in zip(places, places[1:], strict=False):
        frames_out += decoder.feed(data[start:end])
    return frames_out


@given(some_frames, st.lists(st.integers(0, 10000), max_size=20))
def test_frames_survive_any_cutting(sent, cuts):
    decoder = FrameDecoder()
    assert feed_in_pieces(decoder, b"".join(map(encode, sent)), cuts) == sent
    assert decoder.bad_frames == 0


@given(st.binary(max_size=600), some_frames, st.lists(st.integers(0, 10000), max_size=20))
def test_decoder_resynchronises_at_the_first_delimiter_after_garbage(garbage, sent, cuts):
    decoder = FrameDecoder()
    received = feed_in_pieces(decoder, garbage + b"\0" + b"".join(map(encode, sent)), cuts)
    assert received[len(received) - len(sent):] == sent


@given(st.binary(min_size=1, max_size=300), st.integers(0), st.integers(1, 255))
def test_one_damaged_byte_loses_the_frame_and_only_it(frame, place, difference):
    wire = bytearray(encode(frame))
    wire[place % (len(wire) - 1)] ^= difference
    decoder = FrameDecoder()
    received = decoder.feed(bytes(wire) + encode(b"next"))
    assert received == [b"next"]
    assert decoder.bad_frames in (1, 2)  # two, where the damage split the frame


def test_wire_format_is_cobs_of_frame_and_crc32_and_zero():
    # CRC-32 check value of "123456789"; no byte of it is zero.
    assert encode(b"123456789") == b"\x0e123456789" + bytes.fromhex("2639f4cb") + b"\0"


def test_empty_frames_are_no_errors():
    decoder = FrameDecoder()
    assert decoder.feed(b"\0\0\x01\0") == []
    assert decoder.bad_frames == 0


def test_endless_garbage_is_not_kept_and_counts_once():
    decoder = FrameDecoder(longest=100)
    for _ in range(1000):
        assert decoder.feed(b"x" * 50) == []
    assert len(decoder._partial) <= 200
    assert decoder.feed(b"\0" + encode(b"good")) == [b"good"]
    assert decoder.bad_frames == 1


def test_longest_frame_is_taken_and_a_longer_one_dropped():
    decoder = FrameDecoder(longest=300)
    assert decoder.feed(encode(b"x" * 296)) == [b"x" * 296]
    assert decoder.feed(encode(b"x" * 297)) == []
    assert decoder.bad_frames == 1


@given(identifiers, st.sampled_from(Operation), identifiers, st.integers(1, 64), st.data())
def test_control_frames_round_trip(identifier, operation, address, count, draw):
    content = draw.draw(st.lists(words, min_size=count, max_size=count))
    control = Control(identifier, operation, address, count,
                      tuple(content) if operation.is_write else ())
    packed = frames.pack_control(control)
    assert frames.unpack_control(packed) == control
    assert len(packed) == frames.control_frame_bytes(operation, count)
    reply = Reply(identifier, Status.OK, operation, address, count,
                  () if operation.is_write else tuple(content))
    assert frames.unpack_reply(frames.pack_reply(reply)) == reply


def test_control_frame_layout():
    control = Control(0x1234, Operation.WRITE, 0x5678, 1, (0x9ABCDEF0,))
    assert frames.pack_control(control) == bytes.fromhex("01 3412 01 7856 01 f0debc9a")
    reply = Reply(0x1234, Status.ADDRESS_ERROR, Operation.READ, 0x5678, 1, (0x9ABCDEF0,))
    assert frames.pack_reply(reply) == bytes.fromhex("81 3412 01 00 7856 01 f0debc9a")
    assert frames.pack_gap(0x01020304) == bytes.fromhex("83 04030201")
    assert frames.pack_sample(b"abcd") == b"\x02abcd"
    assert frames.pack_result(b"abcd") == b"\x82abcd"


@pytest.mark.parametrize("frame", [
    b"",
    bytes.fromhex("01 0000 00 0000"),  # too short
    bytes.fromhex("01 0000 00 0000 00"),  # count 0
    bytes.fromhex("01 0000 00 0000 41"),  # count 65
    bytes.fromhex("01 0000 04 0000 01"),  # operation 4
    bytes.fromhex("01 0000 00 0000 01 00000000"),  # a read with a word
    bytes.fromhex("01 0000 01 0000 01"),  # a write without
    bytes.fromhex("01 0000 01 0000 01 000000"),  # part of a word
    bytes.fromhex("02 0000 00 0000 01"),  # another type
])
def test_malformed_control_frames_are_refused(frame):
    with pytest.raises(FrameError):
        frames.unpack_control(frame)


@given(st.binary(max_size=40))
def test_unpacking_never_fails_otherwise_than_by_frame_error(frame):
    for unpack in (frames.unpack_control, frames.unpack_reply, frames.unpack_gap,
                   frames.unpack_packet, frames.remove_crc):
        try:
            unpack(frame)
        except FrameError:
            pass


@given(st.binary(min_size=1, max_size=100))
def test_residue_and_crc_agree_with_zlib(frame):
    with_crc = frames.append_crc(frame)
    assert zlib.crc32(with_crc) == frames.CRC_RESIDUE
    assert frames.remove_crc(with_crc) == frame
