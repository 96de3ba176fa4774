"""NPZ archives, whole and damaged."""

import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data import load, npz
from crosswall.data.npz import read_npz
from crosswall.errors import DataError

X = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
Y = np.array([0, 1, 0, 1])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.npz"


def test_parts_of_the_archive_are_kept(path):
    np.savez(path, x_train=X, y_train=Y, x_test=X[:2] + 5, y_test=Y[:2], extra=[1])
    train, test = load(path)
    assert train.samples.tolist() == X.tolist()
    assert test.samples.tolist() == (X[:2] + 5).tolist()
    assert (train.name, train.classes, train.shape) == ("set", 2, None)


def test_whole_set_is_split(path):
    np.savez_compressed(path, x=X, y=Y)
    train, test = load(path, test_fraction=0.5)
    assert sorted(train.samples.tolist() + test.samples.tolist()) == X.tolist()


def test_keys_may_be_in_capitals(path):
    np.savez(path, X=X, y=Y, Y=Y[:1])
    assert load(path)[0].pixels == 6
    np.savez(path, X_train=X, Y_train=Y, X_test=X[:2], Y_test=Y[:1])
    with pytest.raises(DataError, match=r"set.npz \(X_test, Y_test\): 2 samples need labels"):
        load(path)


def test_images_keep_their_shape(path):
    np.savez(path, x=X.reshape(4, 2, 3), y=Y)
    assert load(path)[0].shape == (2, 3)


def test_columns_are_scaled_by_the_training_part_alone(path):
    np.savez(
        path,
        x_train=[[0.0, 100.0], [10.0, 200.0]],
        y_train=[0, 1],
        x_test=[[5.0, 300.0], [-5.0, 150.0]],
        y_test=[0, 1],
    )
    train, test = load(path)
    assert train.samples.tolist() == [[0, 0], [255, 255]]
    assert test.samples.tolist() == [[128, 255], [0, 128]]


def test_shape_given_makes_rows_images_of_one_range(path):
    np.savez(path, x_train=[[0.0, 10.0], [5.0, 10.0]], y_train=[0, 1],
             x_test=[[0.0, 5.0]], y_test=[0])
    train, _ = load(path, shape=(1, 2))
    assert train.samples.tolist() == [[0, 255], [128, 255]]
    assert train.shape == (1, 2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"x": X}, "got x$"),
        ({}, "got none$"),
        ({"x_train": X, "y_train": Y}, "got x_train, y_train$"),
    ],
)
def test_other_keys_are_refused(path, keys, message):
    np.savez(path, **keys)
    with pytest.raises(DataError, match=message):
        load(path)


def test_objects_are_not_unpickled(path):
    np.savez(path, x=np.array([{}, {}], object), y=[0, 1])
    with pytest.raises(DataError, match="plain numbers"):
        load(path)


def test_single_array_is_refused(path):
    with path.open("wb") as file:
        np.save(file, X)
    with pytest.raises(DataError, match="not an NPZ archive"):
        load(path)


def test_part_with_a_fault_is_named(path):
    np.savez(path, x_train=X, y_train=Y, x_test=X * np.nan, y_test=Y)
    with pytest.raises(DataError, match=r"set.npz \(x_test, y_test\): .* is nan"):
        load(path)


def test_samples_that_no_network_takes_are_refused_before_they_are_unpacked(path):
    np.savez_compressed(path, x=np.zeros((2, 16 << 20), np.uint8), y=[0, 1])
    tracemalloc.start()
    with pytest.raises(DataError, match=r"set.npz: `x` has 16777216 values a sample.*at most"):
        load(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_more_samples_than_are_let_in_are_refused_by_the_header(path, monkeypatch):
    np.savez(path, x=X, y=np.uint8(Y))
    monkeypatch.setattr(npz, "MAX_ARRAY_BYTES", 24)
    assert load(path)[0].samples.size == 18  # three of four samples
    monkeypatch.setattr(npz, "MAX_ARRAY_BYTES", 23)
    with pytest.raises(DataError, match="`x` takes .* store samples as uint8, or give fewer"):
        load(path)


def test_names_in_an_archive_that_are_no_names_stay_in_one_line(path):
    np.savez(path, **{"a\nb": X, "k" * 5000: X})
    with pytest.raises(DataError, match=r"got 'a\\nb', kkk") as caught:
        load(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@given(st.data())
def test_damaged_archives_are_read_or_refused_but_never_crash(tmp_path_factory, data):
    stream = io.BytesIO()
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(stream, x=X, y=Y)
    content = bytearray(stream.getvalue())
    content = content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))]
    for place in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=3)):
        if content:
            content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("npz") / "set.npz"
    path.write_bytes(content)
    try:
        raw = read_npz(path)
    except DataError:
        return
    assert len(raw.train.labels) == len(raw.train.values)


def test_labels_that_are_no_classes_are_refused_before_the_split(path):
    np.savez(path, x=X, y=[0, -1, 0, -1])
    with pytest.raises(DataError, match=r"set.npz \(x, y\): the label of sample 1 .* is -1"):
        load(path)
