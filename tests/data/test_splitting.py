"""The stratified split."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data.dataset import raw_part
from crosswall.data.splitting import stratified_split
from crosswall.errors import DataError


def numbered(labels):
    """A part whose only value is the sample's place in it."""
    return raw_part("here", np.arange(len(labels), dtype=float)[:, None], np.array(labels))


def places(part):
    return part.values.ravel().astype(int).tolist()


def test_every_class_gives_its_proportion():
    labels = [0] * 60 + [1] * 30 + [2] * 10
    train, test = stratified_split(numbered(labels), 0.1, seed=3)
    assert np.bincount(test.labels).tolist() == [6, 3, 1]
    assert np.bincount(train.labels).tolist() == [54, 27, 9]


def test_largest_remainder_gives_the_sample_that_proportions_leave_over():
    part = numbered([0] * 27 + [1] * 13)  # a quarter: 6.75 and 3.25
    assert np.bincount(stratified_split(part, 0.25, seed=3)[1].labels).tolist() == [7, 3]


def test_seed_decides_alone():
    part = numbered([0, 1] * 50)
    first, again, other = (stratified_split(part, 0.3, seed)[1] for seed in (5, 5, 6))
    assert places(first) == places(again) != places(other)


def test_split_is_this_one_on_every_machine_and_numpy_version():
    _, test = stratified_split(numbered([0, 1, 2] * 4), 0.5, seed=1)
    assert places(test) == [1, 6, 7, 8, 9, 11]


def test_class_of_one_sample_stays_for_training():
    _, test = stratified_split(numbered([0] * 5 + [1]), 0.5, seed=0)
    assert test.labels.tolist() == [0, 0, 0]


def test_fraction_is_taken_as_decimal():
    _, test = stratified_split(numbered([0, 1] * 50), 0.07, seed=0)
    assert len(test.labels) == 7


@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 2**32 - 1),
)
def test_parts_divide_the_set_in_order_and_training_keeps_every_class(labels, fraction, seed):
    part = numbered(labels)
    total = math.ceil(round(len(labels) * fraction, 9))
    if total > len(labels) - len(set(labels)):
        with pytest.raises(DataError, match="too few"):
            stratified_split(part, fraction, seed)
        return
    train, test = stratified_split(part, fraction, seed)
    assert len(test.labels) == total
    assert sorted(places(train) + places(test)) == list(range(len(labels)))
    for half in (train, test):
        assert places(half) == sorted(places(half))
        assert half.labels.tolist() == [labels[place] for place in places(half)]
    assert set(train.labels.tolist()) == set(labels)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_fraction_outside_its_range_is_refused(fraction):
    with pytest.raises(DataError, match="test_fraction"):
        stratified_split(numbered([0, 1] * 4), fraction, seed=0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_outside_its_range_is_refused(seed):
    with pytest.raises(DataError, match="split_seed"):
        stratified_split(numbered([0, 1] * 4), 0.5, seed)
