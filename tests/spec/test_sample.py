"""Sample and result packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.spec.network import receptive_fields
from crosswall.spec.sample import (
    SAMPLE_HEADER_BYTES,
    Flag,
    Result,
    SampleHeader,
    max_result_packet_bytes,
    result_packet_bytes,
    sample_packet_bytes,
)

NETWORK = receptive_fields(8, 8, 10, 64, field=3, stride=1, regions=3)
WIDE = receptive_fields(8, 8, 10, 256, field=3, stride=1, regions=3)

headers = st.builds(
    SampleHeader, st.integers(0, 2**32 - 2), st.integers(0, 63), st.integers(0, 255),
    st.integers(0, 7), st.integers(0, 8), st.integers(0, 7), st.integers(0, 8))


@given(headers)
def test_headers_survive_packing(header):
    packed = header.pack()
    assert len(packed) == SAMPLE_HEADER_BYTES == 10
    assert SampleHeader.unpack(packed) == header


def test_header_layout_is_the_documented_one():
    packed = SampleHeader(0x01020304, Flag.PREDICT, 7, 1, 2, 3, 4).pack()
    assert packed == bytes([4, 3, 2, 1, 4, 7, 0x21, 0x43, 0, 0])
    assert SampleHeader.unpack(packed) == SampleHeader(0x01020304, 4, 7, 1, 2, 3, 4)


def test_result_layout_is_the_documented_one():
    three = receptive_fields(3, 5, 2, 255, field=3, stride=1, regions=1)
    flags = Flag.PREDICT | Flag.SEND_WINNERS | Flag.SEND_SCORES
    result = Result(0x01020304, flags, 1, 2, (254, -1, 0), (-2, 0x01020304))
    assert result.pack(three) == bytes([4, 3, 2, 1, 0x34, 1, 2, 0, 254, 255, 0,
                                        254, 255, 255, 255, 4, 3, 2, 1])
    wide = receptive_fields(3, 5, 2, 256, field=3, stride=1, regions=1)
    result = Result(0, Flag.SEND_WINNERS, winners=(255, -1, 0))
    assert result.pack(wide) == bytes([0, 0, 0, 0, 16, 255, 0, 0, 255, 0, 255, 255, 0, 0])
    assert Result.unpack(result.pack(wide), wide) == result
    assert result_packet_bytes(three, Flag.SEND_SCORES) == 8, "no scores without a prediction"
    assert max_result_packet_bytes(three) == 19


def test_headers_at_their_limits_are_taken():
    highest = SampleHeader(2**32 - 2, 127, 255, 7, 8, 7, 8)
    assert highest.pack(7) == bytes([254, 255, 255, 255, 127, 255, 0x87, 0x87, 7, 0])
    assert SampleHeader(0, 0).pack() == bytes([0, 0, 0, 0, 0, 255, 0, 0, 0, 0])


@pytest.mark.parametrize("network", [NETWORK, WIDE])
@given(st.data())
def test_results_survive_packing(network, data):
    flags = data.draw(st.sampled_from([0, 4, 16, 20, 36, 52, 32]))
    winners = data.draw(st.lists(st.integers(-1, network.neurons - 1),
                                 min_size=network.positions, max_size=network.positions))
    scores = data.draw(st.lists(st.integers(-2**31, 2**31 - 1), min_size=10, max_size=10))
    result = Result(9, flags, 3, 1, tuple(winners) if flags & Flag.SEND_WINNERS else (),
                    tuple(scores) if flags & Flag.SEND_SCORES and flags & Flag.PREDICT else ())
    packet = result.pack(network)
    assert len(packet) == result_packet_bytes(network, flags) <= max_result_packet_bytes(network)
    assert Result.unpack(packet, network) == result


def test_a_result_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="must have 8 bytes: got 9"):
        Result.unpack(Result(0, 0).pack(NETWORK) + b"x", NETWORK)
    with pytest.raises(ValueError, match="at least 8 bytes: got 3"):
        Result.unpack(b"abc", NETWORK)


def test_sample_packets_have_one_length():
    assert sample_packet_bytes(NETWORK) == 10 + 64


@pytest.mark.parametrize(("values", "named"), [
    ({"number": 2**32 - 1}, "`number`"), ({"label": 256}, "`label`"),
    ({"number": -1}, "`number`"), ({"label": -1}, "`label`"),
    ({"clustering_pulse_shift": -1}, "`clustering_pulse_shift` must be 0 to 7: got -1"),
    ({"clustering_gate_shift": 9}, "`clustering_gate_shift` must be 0 to 8: got 9"),
    ({"readout_pulse_shift": 8}, "`readout_pulse_shift` must be 0 to 7: got 8"),
    ({"clustering_pulse_shift": 8}, "`clustering_pulse_shift` must be 0 to 7: got 8"),
    ({"readout_gate_shift": 9}, "`readout_gate_shift` must be 0 to 8: got 9")])
def test_values_out_of_range_are_refused_by_name(values, named):
    with pytest.raises(ValueError, match=named):
        SampleHeader(**{"number": 0, "flags": 0, **values})
