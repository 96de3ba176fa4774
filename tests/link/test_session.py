"""The session learns every sample exactly once and in order, whatever the line does."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosswall.errors import BoardError, LinkError
from crosswall.link import BoardModel, BoardTransport, Session
from crosswall.link.framing import FrameDecoder, encode
from crosswall.spec import frames
from crosswall.spec.frames import Control, Operation, Status
from tests.link.faults import FaultyTransport, VirtualClock
from tests.link.machine import Machine, Registers, result, sample

SAMPLE_BYTES = 20


class Line:
    """A session with a board model over a line with faults, in virtual time."""

    def __init__(self, *, seed=0, rate=0.0, slots=4):
        generator = random.Random(seed)
        self.clock = VirtualClock()
        self.machine = Machine()
        self.registers = Registers()
        self.board = BoardModel(slots=slots, sample_bytes=SAMPLE_BYTES, machine=self.machine,
                                control=self.registers)
        self.line = FaultyTransport(BoardTransport(self.board), generator, rate, self.wait)
        self.session = Session(self.line, slots=slots, timeout=0.1, patience=1000.0,
                               clock=self.clock, generator=generator)

    def wait(self, seconds):
        # A little more, so that a rounded difference cannot stop time just before a deadline.
        self.clock.now += seconds + 1e-6


def samples(first, count):
    return [sample(number, SAMPLE_BYTES) for number in range(first, first + count)]


@settings(max_examples=1500, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.05, 0.2, 0.5]),
       slots=st.sampled_from([2, 4, 16]), count=st.integers(1, 30))
def test_a_bad_line_changes_nothing_that_is_learned(seed, rate, slots, count):
    line = Line(seed=seed, rate=rate, slots=slots)
    packets = samples(0, count)
    results = list(line.session.stream(packets, 0))
    assert line.machine.learned == packets
    assert results == [result(packet) for packet in packets]
    assert line.board.next_sample == count


@settings(max_examples=500, deadline=None)
@given(seed=st.integers(0, 2**32), rate=st.sampled_from([0.1, 0.5]),
       writes=st.lists(st.tuples(st.integers(0, 40), st.lists(st.integers(0, 2**32 - 1),
                                                             min_size=1, max_size=10)),
                       min_size=1, max_size=8))
def test_a_bad_line_executes_every_control_word_once_and_in_order(seed, rate, writes):
    line = Line(seed=seed, rate=rate)
    line.session.read(0)
    line.registers.accesses.clear()
    for address, content in writes:
        line.session.write(address, content)
        assert line.session.read(address, len(content)) == content
    expected = []
    for address, content in writes:
        for kind in ("write", "read"):
            expected += [(kind, address + index, word) for index, word in enumerate(content)]
    assert line.registers.accesses == expected


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_control_and_samples_mix_on_a_bad_line(seed):
    line = Line(seed=seed, rate=0.3)
    packets = samples(0, 12)
    results = []
    for index, packet in enumerate(line.session.stream(packets, 0)):
        results.append(packet)
        line.session.write(0, index)
        assert line.session.read(0) == [index]
    assert line.machine.learned == packets
    assert results == [result(packet) for packet in packets]


def test_a_clean_line_sends_nothing_twice():
    line = Line()
    packets = samples(7, 100)
    line.board.next_sample = 7
    assert list(line.session.stream(iter(packets), 7)) == [result(packet) for packet in packets]
    counters = line.session.counters
    assert (counters.retransmitted, counters.gaps, counters.duplicate_results) == (0, 0, 0)
    assert (line.board.dropped_frames, line.board.duplicate_samples) == (0, 0)


def test_credit_is_never_exceeded():
    line = Line(slots=4)
    taken = []

    def watched():
        for packet in samples(0, 50):
            taken.append(packet)
            yield packet

    for answered, _ in enumerate(line.session.stream(watched(), 0)):
        assert len(taken) - answered <= 4 + 4  # ready results wait while credit is refilled
        assert len(line.board._queue) <= 4
    assert line.board.dropped_frames == 0


def test_a_second_session_continues_where_the_board_stands():
    line = Line()
    stream = line.session.stream(samples(0, 20), 0)
    for _ in range(5):
        next(stream)
    stream.close()  # the host crashed
    line.board.drain()
    at = line.board.next_sample
    assert 5 <= at <= 5 + 2 * 4
    again = Session(line.line, slots=4, clock=line.clock, generator=random.Random(1))
    results = list(again.stream(samples(at, 20 - at), at))
    assert line.machine.learned == samples(0, 20)
    assert results == [result(packet) for packet in samples(at, 20 - at)]


def test_packets_must_carry_their_numbers():
    line = Line()
    with pytest.raises(ValueError, match="sample packet 5 came where 1 is due"):
        list(line.session.stream([*samples(0, 1), *samples(5, 1)], 0))


def test_long_reads_and_writes_are_split_and_windows_stay():
    line = Line()
    line.registers.words = [0] * 200
    line.session.write(10, list(range(150)))
    assert line.session.read(10, 150) == list(range(150))
    line.registers.accesses.clear()
    line.session.write_window(3, list(range(100)))
    assert line.session.read_window(3, 70) == [99] * 70
    assert {address for _, address, _ in line.registers.accesses} == {3}
    assert len(line.registers.accesses) == 170


def test_an_unknown_address_is_named():
    line = Line()
    with pytest.raises(BoardError, match="read address 0x0040"):
        line.session.read(62, 5)
    assert line.session.read(0) == [0]


@pytest.mark.parametrize("distance", [-2, -1, 0, 1, 1000])
def test_a_new_session_finds_the_id_whatever_it_starts_with(distance):
    line = Line()
    line.session.write(5, 77)
    again = Session(line.line, clock=line.clock)
    again._next_id = line.session._next_id - 1 + distance & 0xFFFF
    line.registers.accesses.clear()
    again.write(6, 5)
    assert again.read(5, 2) == [77, 5]
    assert line.registers.accesses.count(("write", 6, 5)) == 1


class First:
    """Gives a session its first transaction id."""

    def __init__(self, identifier):
        self.identifier = identifier

    def randrange(self, end):
        assert end == 1 << 16
        return self.identifier


@pytest.mark.parametrize("start", [0xFFFE, 0xFFFF, 0])
def test_transaction_ids_go_on_after_the_highest(start):
    line = Line()
    session = Session(line.line, clock=line.clock, generator=First(start))
    for word in range(4):
        session.write(2, word)
        assert session.read(2) == [word]
    assert session.counters.control_retries == 0
    written = [access for access in line.registers.accesses if access[0] == "write"]
    assert written == [("write", 2, word) for word in range(4)]


def test_half_a_frame_that_is_on_the_line_disturbs_no_new_session():
    line = Line()
    line.board.feed(encode(frames.pack_control(Control(7, Operation.WRITE, 3, 1, (99,))))[:-3])
    again = Session(line.line, clock=line.clock, generator=random.Random(2))
    again.write(4, 5)
    assert again.read(3, 2) == [0, 5]
    assert again.counters.control_retries == 0
    assert line.board.dropped_frames == 1


class DeadTransport:
    """Takes everything and answers nothing."""

    def __init__(self, clock):
        self.clock = clock

    def read(self, max_bytes, timeout):
        self.clock.now += timeout + 1e-6
        return b""

    def write(self, data):
        pass

    def close(self):
        pass


def test_a_lost_board_is_a_link_error_that_says_what_to_check():
    clock = VirtualClock()
    session = Session(DeadTransport(clock), timeout=0.1, patience=3.0, clock=clock)
    with pytest.raises(LinkError, match="no answer to a read of address 0x0000 for 3 s: check"):
        session.read(16)
    assert clock.now < 3.5
    with pytest.raises(LinkError, match="no answer to sample 0 for 3 s"):
        list(session.stream(samples(0, 3), 0))
    assert clock.now < 8


# The board model itself, frame by frame.

@pytest.fixture
def board():
    return BoardModel(slots=2, sample_bytes=SAMPLE_BYTES, machine=Machine(), control=Registers())


def answer(board, *sent):
    """Give frames to the board and return the frames that it answers."""
    for frame in sent:
        board.feed(encode(frame))
    return FrameDecoder().feed(board.take_output())


def sample_frame(number):
    return frames.pack_sample(sample(number, SAMPLE_BYTES))


def result_frame(number):
    return frames.pack_result(result(sample(number, SAMPLE_BYTES)))


def test_duplicate_of_an_answered_sample_is_answered_but_not_learned(board):
    answer(board, sample_frame(0))
    board.drain()
    board.take_output()
    assert answer(board, sample_frame(0)) == [result_frame(0)]
    assert board.duplicate_samples == 1
    assert not board.step()


def test_duplicate_of_a_queued_sample_is_ignored(board):
    assert answer(board, sample_frame(0), sample_frame(0)) == []
    board.drain()
    assert answer(board) == [result_frame(0)]


def test_a_result_that_may_be_half_overwritten_is_not_sent_again(board):
    for number in range(3):
        answer(board, sample_frame(number))
        board.drain()
    answer(board, sample_frame(3))  # queued: it will take the place of result 1
    board.take_output()
    assert answer(board, sample_frame(1)) == []
    assert answer(board, sample_frame(2)) == [result_frame(2)]


def test_a_gap_is_reported_once_until_the_expected_sample_arrives(board):
    assert answer(board, sample_frame(2), sample_frame(3)) == [frames.pack_gap(0)]
    assert answer(board, sample_frame(0), sample_frame(2)) == [frames.pack_gap(1)]
    assert board.gaps == 2


def test_a_sample_beyond_the_credit_is_refused(board):
    answer(board, *(sample_frame(number) for number in range(3)))
    assert board.next_sample == 2
    assert board.dropped_frames == 1


def test_a_sample_of_wrong_length_is_dropped(board):
    assert answer(board, sample_frame(0) + b"x", sample_frame(0)[:-1]) == []
    assert (board.next_sample, board.dropped_frames) == (0, 2)


@pytest.mark.parametrize("count", [0, 65])
def test_a_control_frame_of_no_or_too_many_words_is_dropped(board, count):
    assert answer(board, bytes([1, 5, 0, 0, 0, 0, count])) == []
    assert board.dropped_frames == 1
    assert board._control.accesses == []


def test_a_control_frame_of_most_words_is_executed(board):
    reply = frames.unpack_reply(answer(board, bytes([1, 5, 0, 0, 0, 0, 64]))[0])
    assert reply.words == (0,) * 64 and board.dropped_frames == 0


def test_only_the_next_control_id_is_executed_and_others_get_the_last_reply(board):
    def control(identifier):
        return frames.pack_control(Control(identifier, Operation.READ, 4, 1))

    first = answer(board, control(0xFFFF))
    board._control.words[4] = 1234
    for identifier in (0xFFFF, 0xFFFE, 1, 500):
        assert answer(board, control(identifier)) == first
    assert frames.unpack_reply(first[0]).status is Status.OK
    assert len(board._control.accesses) == 1
    assert frames.unpack_reply(answer(board, control(0))[0]).words == (1234,)


def test_setting_the_next_sample_forgets_results_and_waits_for_idle(board):
    answer(board, sample_frame(0))
    board.next_sample = 10
    assert board.next_sample == 1
    board.drain()
    board.next_sample = 10
    board.take_output()
    assert answer(board, sample_frame(9), sample_frame(0)) == []
    assert answer(board, sample_frame(10), sample_frame(11)) == []
    board.drain()
    assert answer(board) == [result_frame(10), result_frame(11)]
