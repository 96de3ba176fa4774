"""Label noise."""

import numpy as np
import pytest

from crosswall.data.labels import with_noise

LABELS = np.arange(1000) % 5


@pytest.mark.parametrize(("share", "wrong"), [(0, 0), (0.1, 100), (0.0005, 1), (1, 1000)])
def test_exactly_a_share_of_the_labels_is_wrong(share, wrong):
    noisy = with_noise(LABELS, 5, share, seed=3)
    assert (noisy != LABELS).sum() == wrong
    assert noisy.min() >= 0 and noisy.max() <= 4


def test_every_other_class_is_as_likely():
    noisy = with_noise(np.zeros(40_000, np.int64), 5, 1.0, seed=1)
    counts = np.bincount(noisy, minlength=5)
    assert counts[0] == 0
    # Multinomial: 10,000 each, standard deviation 87.
    assert (np.abs(counts[1:] - 10_000) < 5 * 87).all()


def test_seed_decides_and_less_noise_is_part_of_more():
    some, more, other = (with_noise(LABELS, 5, *at) for at in ((0.1, 3), (0.3, 3), (0.1, 4)))
    wrong = some != LABELS
    assert (more[wrong] == some[wrong]).all()
    assert (some != other).any()


def test_labels_given_are_left_alone():
    labels = LABELS.copy()
    with_noise(labels, 5, 0.5, seed=0)
    assert (labels == LABELS).all()
