"""Which class a label stands for."""

import numpy as np
import pytest

from crosswall.data import load
from crosswall.data.classes import assign, check, listed
from crosswall.data.dataset import raw_part
from crosswall.errors import DataError


def part(labels, where="train"):
    labels = np.array(labels)
    return raw_part(where, np.zeros((len(labels), 1)), labels)


@pytest.mark.parametrize(
    ("labels", "declared", "names", "classes"),
    [
        ([2, 0, 1], None, ("0", "1", "2"), [2, 0, 1]),
        ([2, 0, 1], 3, ("0", "1", "2"), [2, 0, 1]),
        ([2, 0, 2], 4, ("0", "1", "2", "3"), [2, 0, 2]),
        ([3, 1, 2], None, ("1", "2", "3"), [2, 0, 1]),
        ([3, 1, 2], 3, ("1", "2", "3"), [2, 0, 1]),
        ([20, 10, 300], None, ("10", "20", "300"), [1, 0, 2]),
        ([1, -1, 1], None, ("-1", "1"), [1, 0, 1]),
        (["fir", "elm", "fir"], None, ("elm", "fir"), [1, 0, 1]),
        (["fir", "elm", "fir"], 2, ("elm", "fir"), [1, 0, 1]),
    ],
)
def test_different_labels_in_rising_order_are_the_classes(labels, declared, names, classes):
    found = assign(part(labels), part(labels[:1]), declared=declared)
    assert (found.names, found.train.tolist(), found.test.tolist()) == (
        names, classes, classes[:1])


def test_names_of_the_source_are_kept_in_its_order():
    found = assign(part([1, 0]), part([1]), names=("malignant", "benign"))
    assert (found.names, found.train.tolist()) == (("malignant", "benign"), [1, 0])
    with pytest.raises(DataError, match="2 different labels, malignant, benign, but .* = 3;"):
        assign(part([1, 0]), part([1]), names=("malignant", "benign"), declared=3)


@pytest.mark.parametrize(
    ("labels", "declared", "message"),
    [
        (range(41), 4, "41 different labels, 0, 1, 2, 3, 4, …, 40, but `data.classes` = 4"),
        ([1, 2, 4], 4, "3 different labels, 1, 2, 4, but `data.classes` = 4"),
        (["elm", "fir"], 3, "2 different labels, elm, fir, but `data.classes` = 3"),
    ],
)
def test_labels_that_contradict_the_declared_number_are_refused(labels, declared, message):
    with pytest.raises(DataError, match=f"^train: {message}; correct it, or remove it"):
        assign(part(list(labels)), part(list(labels)), declared=declared)


def test_test_class_that_training_lacks_is_refused_with_both_lists():
    message = r"label of test sample 1 .* is 4, .*\(2 such .*0, 4 here, 0, 1, 2, 3 in train"
    with pytest.raises(DataError, match=f"^test: the {message}"):
        assign(part([0, 1, 2, 3]), part([0, 4, 4], "test"))


def test_words_in_one_part_and_numbers_in_the_other_are_refused():
    with pytest.raises(DataError, match="^test: .*elm, fir, but 0, 1; name them alike"):
        assign(part([0, 1]), part(["elm", "fir"], "test"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (range(256), "256 different labels, 0, 1, 2, 3, 4, …, 255; a set has 2 to 255 classes"),
        ([0, -1, 1], "label of sample 1 .* is -1; labels are whole numbers from 0"),
        ([-2, 1], "label of sample 0 .* is -2"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(DataError, match=f"^train: .*{message}"):
        check(part(list(labels)))


def said(train, test, **options):
    lines = []
    assign(train, test, notice=lines.append, **options)
    return lines


@pytest.mark.parametrize(
    ("train", "test", "options", "lines"),
    [
        ([0, 1, 2], [0, 1, 2], {}, []),
        ([0, 1, 2], [0, 1, 2], {"declared": 3}, []),
        ([1, 0], [0, 1], {"names": ("malignant", "benign")}, []),
        ([10, 20], [10, 20], {}, ["train: classes 0…1 are 10, 20"]),
        (["fir", "elm"], ["elm", "fir"], {}, ["train: classes 0…1 are elm, fir"]),
        ([0, 1], [0, 1], {"declared": 3},
         ["train: no training sample of class 2", "test: no test sample of class 2"]),
        ([0, 1, 2], [1], {}, ["test: no test sample of class 0, 2"]),
    ],
)
def test_what_may_not_be_thought_of_is_said(train, test, options, lines):
    assert said(part(train), part(test, "test"), **options) == lines


def test_split_that_leaves_no_sample_of_a_rare_class_to_the_test_part_is_nothing_to_say():
    assert said(part([0, 1, 2]), part([0, 1])) == []


def test_long_lists_and_names_are_cut_short():
    assert listed(tuple("abcdefgh")) == "a, b, c, d, e, …, h"
    assert listed(("x" * 25,)) == "x" * 21 + "…"


@pytest.mark.parametrize("labels", [["fir", "elm"] * 4, np.array([b"fir", b"elm"] * 4)])
def test_words_of_an_archive_name_the_classes(tmp_path, labels):
    np.savez(tmp_path / "set.npz", x=np.arange(16).reshape(8, 2), y=labels)
    for found in load(tmp_path / "set.npz"):
        assert (found.classes, found.class_names) == (2, ("elm", "fir"))


def test_objects_say_how_to_save_words(tmp_path):
    np.savez(tmp_path / "set.npz", x=np.zeros((2, 2)), y=np.array(["fir", "elm"], object))
    with pytest.raises(DataError, match=r"`y` is no array of plain numbers or texts; convert"):
        load(tmp_path / "set.npz")


def test_names_of_the_built_in_sets():
    assert load("iris")[0].class_names == ("setosa", "versicolor", "virginica")
    assert load("breast-cancer")[0].class_names == ("malignant", "benign")
    assert load("digits")[0].class_names == tuple("0123456789")
