"""The device table: its order, its limits, and one pulse, worked out by hand."""

from dataclasses import replace

import pytest

from crosswall.spec.device_table import GAIN_ONE, MAX_PULSE_SHIFT, DeviceTable, apply_pulse
from crosswall.spec.network import whole_image

TABLE = DeviceTable(8, 2, 3, 1, tuple(index - 100 for index in range(128)),
                    gains=tuple(256 + 64 * place for place in range(11)) + (0,) * 5)
"""Each entry says where it is; gains 1, 1.25, … 3.5."""


def test_entries_go_by_variant_direction_bin_and_quantile():
    assert TABLE.entries == 128
    assert TABLE.index(1, 0, 0, 0) == 64
    assert TABLE.index(0, 1, 0, 0) == 32
    assert TABLE.index(0, 0, 1, 0) == 8
    assert TABLE.index(1, 1, 2, 5) == 64 + 32 + 16 + 5 == 117


def test_a_pulse_takes_the_entry_of_its_wall_and_the_gain_and_variant_of_its_synapse():
    # Wall 130 is in bin 2 of 4; bit 4 of the static draw is the variant; entry 117 holds 17.
    assert apply_pulse(TABLE, 130, 1, 5, 0, 1 << 4) == 147
    assert apply_pulse(TABLE, 130, 1, 5, 2, 1 << 4) == 130 + 17 * 4
    assert apply_pulse(TABLE, 130, 1, 5, 0, 1 << 4 | 4) == 130 + 34
    assert apply_pulse(TABLE, 130, 1, 5, 0, 0xFFE0 | 1 << 4) == 147, "no other bit counts"
    assert apply_pulse(TABLE, 130, 0, 5, 0, 0) == 130 + (2 * 8 + 5 - 100)
    assert apply_pulse(TABLE, 127, 1, 5, 0, 1 << 4) == 127 + (64 + 32 + 8 + 5 - 100)


def test_a_step_times_its_gain_is_rounded_and_halves_go_up():
    table = replace(TABLE, variant_bits=0, steps=(-17,) * 32 + (17,) * 32, gains=(384,) * 16)
    assert apply_pulse(table, 100, 1, 0, 0, 0) == 126  # 25.5
    assert apply_pulse(table, 100, 0, 0, 0, 0) == 75  # −25.5
    assert apply_pulse(replace(table, gains=(391,) * 16), 100, 1, 0, 1, 0) == 152  # 2 × 25.96
    assert apply_pulse(replace(table, gains=(0,) * 16), 100, 1, 0, 7, 0) == 100


def test_a_wall_stops_at_both_ends():
    table = replace(TABLE, variant_bits=0, steps=(-4,) * 32 + (4,) * 32, gains=(256,) * 16)
    assert [apply_pulse(table, wall, 1, 0, 0, 0) for wall in (250, 251, 252)] == [254, 255, 255]
    assert [apply_pulse(table, wall, 0, 0, 0, 0) for wall in (5, 4, 3)] == [1, 0, 0]


@pytest.mark.parametrize("threshold", [1, 10, 65535])
def test_a_synapse_is_stuck_if_its_draw_is_below_the_threshold(threshold):
    table = replace(TABLE, stuck_threshold=threshold)
    assert apply_pulse(table, 130, 1, 5, 0, threshold - 1 << 16 | 1 << 4) == 130
    assert apply_pulse(table, 130, 1, 5, 0, threshold << 16 | 1 << 4) == 147
    assert apply_pulse(replace(table, stuck_threshold=0), 130, 1, 5, 0, 1 << 4) == 147


@pytest.mark.parametrize(("changes", "named"), [
    ({"steps": (0,) * 127}, "`steps` must have 128 entries: got 127"),
    ({"steps": (32768,) + (0,) * 127}, "`steps` must fit 16 signed bits: got 32768"),
    ({"steps": (-32769,) + (0,) * 127}, "`steps` must fit 16 signed bits: got -32769"),
    ({"gains": (256,) * 15}, "`gains` must have 16 entries: got 15"),
    ({"gains": (1024,) * 16}, "`gains` must be 0 to 1023: got 1024"),
    ({"gains": (-1,) * 16}, "`gains` must be 0 to 1023: got -1"),
    ({"stuck_threshold": -1}, "`stuck_threshold` must be 0 to 65535: got -1"),
    ({"stuck_threshold": 65536}, "`stuck_threshold` must be 0 to 65535: got 65536"),
])
def test_tables_beyond_their_formats_are_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        replace(TABLE, **changes)


def test_tables_at_the_limits_of_their_formats_are_taken():
    table = DeviceTable(8, 0, 0, 0, (-32768, 32767), gains=(0, 1023) * 8, stuck_threshold=65535)
    assert apply_pulse(table, 128, 1, 0, 0, 0xFFFF << 16 | 1) == 255
    assert DeviceTable(8, 0, 0, 0, (0, 0)).gains == (256,) * 16
    assert DeviceTable(8, 0, 0, 0, (0, 0)).stuck_threshold == 0
    assert (GAIN_ONE, MAX_PULSE_SHIFT) == (256, 7)


@pytest.mark.parametrize("name", ["wall_bits", "bin_bits", "quantile_bits", "variant_bits"])
def test_a_table_of_other_formats_than_the_networks_is_refused(name):
    formats = {"wall_bits": 8, "bin_bits": 2, "quantile_bits": 3, "variant_bits": 1}
    TABLE.check_fits(whole_image(4, 2, 4, **formats))
    formats[name] += 1
    with pytest.raises(ValueError, match=f"`unnamed` has {name} = {getattr(TABLE, name)}, the "
                                         f"network has {formats[name]}"):
        TABLE.check_fits(whole_image(4, 2, 4, **formats))
