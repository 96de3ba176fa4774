"""The data set as the machine takes it, and the checks on what readers find."""

import numpy as np
import pytest

from crosswall.data import Dataset
from crosswall.data.dataset import raw_part
from crosswall.errors import DataError


def dataset(samples=((1, 2), (3, 4)), labels=(0, 1), classes=2, shape=None) -> Dataset:
    return Dataset("set", np.array(samples, np.uint8), np.array(labels, np.int64), classes, shape)


def test_arrays_cannot_be_written():
    data = dataset()
    with pytest.raises(ValueError, match="read-only"):
        data.samples[0, 0] = 9
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 1


def test_callers_array_stays_writable():
    samples = np.zeros((2, 2), np.uint8)
    Dataset("set", samples, np.array([0, 1]), 2)
    samples[0, 0] = 1


def test_take_keeps_the_given_order():
    taken = dataset(((1, 2), (3, 4), (5, 6)), (0, 1, 0)).take(np.array([2, 0]))
    assert taken.samples.tolist() == [[5, 6], [1, 2]]
    assert taken.labels.tolist() == [0, 0]
    assert (len(taken), taken.pixels, taken.classes) == (2, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"samples": np.zeros((0, 4))}, "not empty"),
        ({"samples": (1, 2)}, r"\[samples, pixels\]"),
        ({"labels": (0, 1, 1)}, r"labels must be int64 \[2\]"),
        ({"labels": (0, 2)}, "label 2 is outside 0…1"),
        ({"labels": (0, -1)}, "label -1 is outside 0…1"),
        ({"classes": 1, "labels": (0, 0)}, "2 to 255 classes: got 1"),
        ({"classes": 256}, "2 to 255 classes: got 256"),
        ({"shape": (3, 3)}, "3×3 does not have 2 pixels"),
    ],
)
def test_inconsistent_set_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        dataset(**arguments)


def test_samples_of_another_type_are_refused():
    with pytest.raises(DataError, match="got float64"):
        Dataset("set", np.zeros((2, 2)), np.array([0, 1]), 2)


def test_images_become_rows_with_their_shape():
    part = raw_part("here", np.arange(12).reshape(2, 2, 3), np.array([0, 1]))
    assert part.values.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert part.shape == (2, 3)


@pytest.mark.parametrize("labels", [[True, False], [1.0, 0.0], np.array([1, 0], np.uint8)])
def test_whole_labels_of_any_numeric_type_are_taken(labels):
    assert raw_part("here", np.ones((2, 1)), np.array(labels)).labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("labels", "read"),
    [
        (["fir", " elm"], ["fir", "elm"]),
        ([b"f\xc3\xa4hre", b"elm"], ["fähre", "elm"]),
        (["10", "2.0"], [10, 2]),
        ([b"1", b"0"], [1, 0]),
        (np.array([10, 300], np.uint64), [10, 300]),
        ([-1.0, 1.0], [-1, 1]),
    ],
)
def test_labels_are_numbers_or_words(labels, read):
    assert raw_part("here", np.ones((2, 1)), np.array(labels)).labels.tolist() == read


def test_classes_are_called_by_their_numbers_unless_they_have_names():
    arguments = ("set", np.zeros((2, 3), np.uint8), np.array([0, 1]), 2)
    assert Dataset(*arguments).class_names == ("0", "1")
    named = Dataset(*arguments, class_names=("elm", "fir"))
    assert named.take(np.array([1])).class_names == ("elm", "fir")
    for names in (("elm",), ("elm", "elm")):
        with pytest.raises(DataError, match="2 classes need as many different names"):
            Dataset(*arguments, class_names=names)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((0, 3)), "no samples"),
        (np.zeros((2, 0)), "no samples"),
        (np.zeros(2), "reshape"),
        (np.zeros((2, 3, 3, 1)), "one channel"),
        (np.array([["a"], ["b"]]), "real numbers"),
        (np.array([[1j], [2]]), "real numbers"),
        (np.array([[0.0, 1.0], [np.nan, 0.0]]), "value 0 of sample 1 .* is nan"),
        (np.array([[0.0, np.inf], [0.0, 0.0]]), "value 1 of sample 0 .* is inf"),
        (np.array([[np.longdouble("1e4000")], [0]]), "value 0 of sample 0 .* is inf"),
    ],
)
def test_values_that_cannot_be_samples_are_refused(values, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        raw_part("here", values, np.array([0, 1]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], r"labels of shape \[2\]: got \[1\]"),
        ([[0], [1]], r"got \[2, 1\]"),
        ([0, 0.5], "label of sample 1 .* is 0.5"),
        ([0, np.nan], "label of sample 1 .* is nan"),
        ([0, np.inf], "label of sample 1 .* is inf"),
        ([0, 2.0**60], r"label of sample 1 .* is 1\.15"),
        ([0, 1j], "whole numbers or words: got type complex128"),
        (["cat", " "], "label of sample 1 .* is '': missing"),
        (["cat", "NaN"], "label of sample 1 .* is 'NaN': missing"),
        (["0", "cat"], "label of sample 1 .* is 'cat', others are numbers"),
        (["0", "0.5"], "label of sample 1 .* is 0.5"),
        ([b"cat", b"\xff"], "labels are not UTF-8"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        raw_part("here", np.zeros((2, 1)), np.array(labels))
