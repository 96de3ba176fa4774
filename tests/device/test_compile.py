"""Slices, integer rounding and the compilation of models, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosswall import device
from crosswall.device.model import SLICES
from crosswall.device.slices import gaussian_slice_means, interval_means, round_keeping_sum
from crosswall.errors import DeviceError
from crosswall.spec.device_table import GAIN_ONE, Direction, apply_pulse
from tests.near import near


def as_array(table):
    return np.array(table.steps).reshape(
        1 << table.variant_bits, 2, 1 << table.bin_bits, 1 << table.quantile_bits)


def test_two_gaussian_slices_are_the_half_normal_means():
    half_normal = math.sqrt(2 / math.pi)
    assert gaussian_slice_means(2) == near([-half_normal, half_normal], rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 16, 512])
def test_gaussian_slices_have_no_mean_and_at_most_unit_variance(count):
    means = gaussian_slice_means(count)
    assert means.sum() == 0
    assert np.all(np.diff(means) > 0)
    assert means.var() <= 1
    if count == 512:
        assert means.std() == pytest.approx(1, abs=2e-3)


def test_coarse_gaussian_slices_are_the_means_of_fine_ones():
    assert gaussian_slice_means(512).reshape(16, -1).mean(axis=1) == pytest.approx(
        gaussian_slice_means(16), abs=1e-12)


def test_interval_means_of_a_line_are_its_midpoints_and_constant_outside():
    means = interval_means(np.array([0.0, 1.0]), np.array([2.0, 4.0]),
                           np.array([-1.0, 0.0, 0.25, 1.0, 3.0]))
    assert means == near([2, 2.25, 3.25, 4])


@settings(max_examples=50)
@given(st.integers(2, 9).flatmap(lambda points: st.tuples(
    st.lists(st.floats(0.01, 1), min_size=points - 1, max_size=points - 1),
    st.lists(st.floats(-5, 5), min_size=points, max_size=points))), st.integers(1, 7))
def test_interval_means_agree_with_dense_sampling(function, intervals):
    widths, values = function
    grid = np.r_[0, np.cumsum(widths)]
    edges = np.linspace(0, grid[-1], intervals + 1)
    dense = (np.arange(20000) + 0.5) / 20000
    expected = [np.interp(low + (high - low) * dense, grid, values).mean()
                for low, high in zip(edges[:-1], edges[1:], strict=True)]
    found = interval_means(grid, np.array(values), edges)
    assert found == pytest.approx(expected, abs=1e-4)


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=16),
                  elements=st.floats(-3e4, 3e4)))
def test_rounding_keeps_the_sum_and_stays_within_one(values):
    integers = round_keeping_sum(values)
    assert np.abs(integers.sum(axis=-1) - values.sum(axis=-1)).max() <= 0.5 + 1e-6
    assert np.abs(integers - values).max() < 1 + 1e-6
    rising = np.sort(values, axis=-1)
    assert np.all(np.diff(round_keeping_sum(rising), axis=-1) >= 0)


def test_default_ideal_device_steps_by_exactly_sixteen_of_4095():
    table = device.compile(device.load("ideal"), 12, 5, 4, 0)
    assert set(as_array(table)[0, Direction.POTENTIATE].ravel()) == {16}
    assert set(as_array(table)[0, Direction.DEPRESS].ravel()) == {-16}
    assert table.gains == (GAIN_ONE,) * 16
    assert table.stuck_threshold == 0
    assert table.scalable_pulses


@settings(max_examples=60, deadline=None)
@given(step=st.floats(0.004, 0.3), noise=st.floats(0, 1), asymmetry=st.floats(-0.8, 0.8),
       nonlinearity=st.floats(0, 1), wall_bits=st.integers(8, 15), bin_bits=st.integers(0, 6),
       quantile_bits=st.integers(2, 7))
def test_each_bin_keeps_the_closed_form_mean(step, noise, asymmetry, nonlinearity, wall_bits,
                                             bin_bits, quantile_bits):
    model = device.ideal(step=step, noise=noise, asymmetry=asymmetry, nonlinearity=nonlinearity)
    assume(np.abs(model.steps).max() * ((1 << wall_bits) - 1) < 1 << 15)  # more are refused
    table = device.compile(model, wall_bits, bin_bits, quantile_bits, 0)
    centres = (np.arange(1 << bin_bits) + 0.5) / (1 << bin_bits)
    scale = step * ((1 << wall_bits) - 1) / (1 - nonlinearity / 2)
    tolerance = 0.5 / (1 << quantile_bits) + 1e-6
    means = as_array(table)[0].mean(axis=-1)
    up = scale * (1 + asymmetry / 2) * (1 - nonlinearity * centres)
    down = -scale * (1 - asymmetry / 2) * (1 - nonlinearity * (1 - centres))
    assert np.abs(means[Direction.POTENTIATE] - up).max() <= tolerance
    assert np.abs(means[Direction.DEPRESS] - down).max() <= tolerance


def test_quantiles_are_the_gaussian_slices_in_wall_units():
    table = device.compile(device.ideal(step=0.05, noise=0.2), 16, 0, 4, 0)
    expected = 0.05 * 65535 * (1 + 0.2 * gaussian_slice_means(16))
    entries = as_array(table)[0, :, 0]
    assert np.abs(entries[Direction.POTENTIATE] - expected).max() < 1
    assert np.abs(entries[Direction.DEPRESS] + expected[::-1]).max() < 1


def test_static_spread_becomes_gains_with_mean_one():
    table = device.compile(device.ideal(spread=0.2, stuck=0.01), 12, 5, 4, 0)
    gains = np.array(table.gains)
    assert gains.sum() == 16 * GAIN_ONE
    assert np.abs(gains - GAIN_ONE * (1 + 0.2 * gaussian_slice_means(16))).max() < 1
    assert table.stuck_threshold == round(0.01 * 65536)


def test_all_stuck_is_the_largest_threshold():
    assert device.compile(device.ideal(stuck=1), 12, 5, 4, 0).stuck_threshold == 0xFFFF


def test_devices_repeat_cyclically_over_the_variants():
    steps = np.ones((3, 2, 2, SLICES)) * np.array([0.01, 0.02, 0.03])[:, None, None, None]
    steps[:, Direction.DEPRESS] *= -1
    model = device.DeviceModel("three", np.array([0.0, 1.0]), steps, 1e-6, 2e-6)
    table = as_array(device.compile(model, 10, 1, 2, 2))
    assert np.array_equal(table[3], table[0])
    assert table[:, Direction.POTENTIATE].mean(axis=(1, 2)) == pytest.approx(
        1023 * np.array([0.01, 0.02, 0.03, 0.01]), abs=0.125)
    with pytest.raises(DeviceError, match="variant_bits = 1 has room for 2 of its 3 devices"):
        device.compile(model, 10, 1, 2, 1)


def test_compiled_table_walks_the_whole_range_in_its_levels():
    table = device.compile(device.ideal(step=1 / 32), 12, 5, 4, 0)
    wall, pulses = 0, 0
    while wall < 4095:
        wall = apply_pulse(table, wall, Direction.POTENTIATE, pulses % 16, 0, 0xFFFF0000)
        pulses += 1
    assert pulses == 32


def test_step_beyond_an_entry_names_the_remedy():
    with pytest.raises(DeviceError, match=r"up to 65535 wall units.*32767.*wall_bits = 16"):
        device.compile(device.ideal(step=1), 16, 0, 0, 0)


def test_step_below_the_resolution_names_the_remedy():
    with pytest.raises(DeviceError, match=r"below what 16 quantiles.*more wall_bits"):
        device.compile(device.ideal(step=1e-5), 8, 5, 4, 0)


def test_formats_outside_the_network_are_refused():
    with pytest.raises(DeviceError, match="`wall_bits` must be a number from 8 to 16: got 7"):
        device.compile(device.ideal(), 7, 5, 4, 0)


@pytest.mark.parametrize("parameter, value", [
    ("step", 0), ("step", 1.5), ("noise", -0.1), ("asymmetry", 2), ("nonlinearity", 1.1),
    ("spread", 0.6), ("stuck", -1), ("conductance_max", 2), ("step", True), ("noise", "little"),
    ("noise", math.nan)])
def test_ideal_parameters_out_of_range_are_named(parameter, value):
    with pytest.raises(DeviceError, match=parameter):
        device.ideal(**{parameter: value})


def test_conductances_must_be_in_order():
    with pytest.raises(DeviceError, match="conductance_max must be above"):
        device.ideal(conductance_min=1e-4, conductance_max=1e-4)
