"""From values to bytes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crosswall.data.dataset import raw_part
from crosswall.data.scaling import declared_bounds, measured_bounds, refuse_outside, to_bytes
from crosswall.errors import DataError


def part(values):
    values = np.atleast_2d(np.array(values))
    return raw_part("here", values, np.zeros(len(values), int))


def test_every_byte_stays_itself_over_the_range_of_bytes():
    values = np.arange(256)
    bounds = declared_bounds("here", (0, 255))
    assert to_bytes(part(values.astype(np.uint8)), bounds).tolist() == [values.tolist()]
    assert to_bytes(part(values.astype(float)), bounds).tolist() == [values.tolist()]


def test_digits_round_half_up_in_exact_arithmetic():
    expected = [int(Fraction(value * 255, 16) + Fraction(1, 2)) for value in range(17)]
    got = to_bytes(part(np.arange(17.0)), declared_bounds("here", (0, 16)))
    assert got.tolist() == [expected]


def test_images_share_one_range_and_columns_have_their_own():
    values = part([[0.0, 10.0], [1.0, 30.0], [4.0, 20.0]])
    assert to_bytes(values, measured_bounds(values, together=True)).tolist() == [
        [0, 85], [9, 255], [34, 170]
    ]
    assert to_bytes(values, measured_bounds(values, together=False)).tolist() == [
        [0, 0], [64, 255], [255, 128]
    ]


def test_constant_column_becomes_zero():
    values = part([[7.0, 0.0], [7.0, 1.0]])
    assert to_bytes(values, measured_bounds(values, together=False))[:, 0].tolist() == [0, 0]


def test_values_beyond_measured_bounds_are_clipped():
    bounds = measured_bounds(part([[0.0], [1.0]]), together=True)
    assert to_bytes(part([[-5.0], [0.5], [9.0]]), bounds).ravel().tolist() == [0, 128, 255]


def test_value_outside_of_a_declared_range_is_refused():
    with pytest.raises(DataError, match=r"value 1 of sample 0 .* is 1.5, outside .* 0…1;"):
        refuse_outside(part([[0.0, 1.5]]), declared_bounds("here", (0, 1)))


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_range_that_is_none_is_refused(bounds):
    with pytest.raises(DataError, match="two finite numbers, low < high"):
        declared_bounds("here", bounds)


def test_span_beyond_float64_is_refused():
    values = part([[-1e308], [1e308]])
    with pytest.raises(DataError, match="span more than"):
        to_bytes(values, measured_bounds(values, together=True))


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(-1e300, 1e300),
    ),
    st.booleans(),
)
def test_bytes_keep_the_order_of_values_and_reach_both_ends(values, together):
    raw = part(values)
    got = to_bytes(raw, measured_bounds(raw, together=together))
    groups = [(values.ravel(), got.ravel())] if together else zip(values.T, got.T, strict=True)
    for reals, scaled in groups:
        order = np.argsort(reals, kind="stable")
        assert (np.diff(scaled[order].astype(int)) >= 0).all()
        assert scaled.min() == 0
        assert scaled.max() == (255 if reals.max() > reals.min() else 0)
