"""From a source to two parts: the built-in sets, and what the caller declares."""

import sys

import numpy as np
import pytest

from crosswall.data import load
from crosswall.errors import DataError, ToolError

X = np.arange(32, dtype=np.uint8).reshape(8, 4)
Y = np.array([0, 1] * 4)


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    return tmp_path


def test_digits_are_1347_and_450_images_over_the_whole_range_of_bytes():
    train, test = load("digits")
    assert (len(train), len(test)) == (1347, 450)
    assert (train.shape, train.classes, train.name) == ((8, 8), 10, "digits")
    assert set(np.unique(train.samples)) == {(value * 255 + 8) // 16 for value in range(17)}
    shares = np.bincount(test.labels) / np.bincount(np.concatenate([train.labels, test.labels]))
    assert (np.abs(shares - 0.25) < 0.01).all()


@pytest.mark.parametrize(
    ("name", "samples", "pixels", "classes"),
    [("iris", 150, 4, 3), ("wine", 178, 13, 3), ("breast-cancer", 569, 30, 2)],
)
def test_small_tables_are_built_in(name, samples, pixels, classes):
    train, test = load(name)
    assert len(train) + len(test) == samples
    assert (train.pixels, train.classes, train.shape) == (pixels, classes, None)


def test_same_arguments_give_the_same_set_and_another_seed_another():
    first, again, other = (load("iris", split_seed=seed)[1] for seed in (0, 0, 1))
    assert (first.samples == again.samples).all()
    assert (first.samples != other.samples).any()


def test_missing_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ToolError, match=r"pip install 'crosswall\[data\]'"):
        load("digits")


def test_declared_range_is_used_and_held(folder):
    train, test = load("mine", data=folder, value_range=(0, 51))
    assert train.samples.max() <= 31 * 5
    assert sorted(train.samples.tolist() + test.samples.tolist()) == (X * 5).tolist()
    with pytest.raises(DataError, match="outside the declared range 0…30"):
        load("mine", data=folder, value_range=(0, 30))


def test_classes_may_exceed_the_labels_but_not_fall_short(folder):
    assert load("mine", data=folder, classes=7)[0].classes == 7
    with pytest.raises(DataError, match="2 different labels, 0, 1, but `data.classes` = 1"):
        load("mine", data=folder, classes=1)


def test_shape_that_does_not_fit_is_refused(folder):
    with pytest.raises(DataError, match="3×3 does not have 4 pixels"):
        load("mine", data=folder, shape=(3, 3))


@pytest.mark.parametrize(("declared", "message"), [
    ((3, 2), "images of 2×3, but `data.shape` says 3×2; correct it"),
    ((6, 1), "images of 2×3, but `data.shape` says 6×1")])
def test_shape_that_is_not_the_arrays_is_refused_even_with_as_many_pixels(
    tmp_path, declared, message
):
    np.savez(tmp_path / "set.npz", x=np.arange(48).reshape(8, 2, 3), y=Y)
    assert load(tmp_path / "set.npz", shape=(2, 3))[0].shape == (2, 3)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "set.npz", shape=declared)
