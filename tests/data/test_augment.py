"""Moved, mirrored and permuted samples."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data.augment import mirrored, moved, permutation

IMAGE = np.array([[7, 7, 7, 7], [7, 1, 2, 7], [7, 3, 4, 9]], np.uint8)


def test_image_is_moved_down_and_right_over_its_ground():
    got = moved(IMAGE.reshape(1, -1), (3, 4), np.array([[1, 1]])).reshape(3, 4)
    assert got.tolist() == [[7, 7, 7, 7], [7, 7, 7, 7], [7, 7, 1, 2]]
    got = moved(IMAGE.reshape(1, -1), (3, 4), np.array([[-1, -2]])).reshape(3, 4)
    assert got.tolist() == [[2, 7, 7, 7], [4, 9, 7, 7], [7, 7, 7, 7]]


def test_ground_is_the_lowest_of_the_commonest_border_values():
    image = np.array([[[5, 5], [2, 2]]], np.uint8)
    assert moved(image.reshape(1, -1), (2, 2), np.array([[2, 0]])).tolist() == [[2, 2, 2, 2]]


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(0, 2**32 - 1))
def test_each_image_is_moved_by_its_own_offset(down, right, seed):
    images = np.random.RandomState(seed).randint(0, 256, (2, 4, 5)).astype(np.uint8)
    got = moved(images.reshape(2, -1), (4, 5), np.array([[0, 0], [down, right]])).reshape(2, 4, 5)
    assert (got[0] == images[0]).all()
    for row in range(4):
        for column in range(5):
            if 0 <= row - down < 4 and 0 <= column - right < 5:
                assert got[1, row, column] == images[1, row - down, column - right]


def test_mirror_exchanges_left_and_right():
    assert mirrored(np.arange(6, dtype=np.uint8)[None], (2, 3)).tolist() == [[2, 1, 0, 5, 4, 3]]


def test_permutation_is_this_one_on_every_machine_and_numpy_version():
    assert permutation(8, 3).tolist() == [5, 7, 4, 6, 3, 1, 0, 2]
    assert sorted(permutation(100, 7)) == list(range(100))
    assert (permutation(100, 7) != permutation(100, 8)).any()
