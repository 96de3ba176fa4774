"""Features as input lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data import ComplementCoding, TriangularFields, load
from crosswall.errors import DataError


def test_triangles_peak_at_their_centres_and_vanish_at_their_neighbours():
    shares = np.array([[0.0], [0.25], [0.5], [0.625], [1.0]])
    assert TriangularFields(5).encode(shares).tolist() == [
        [255, 0, 0, 0, 0], [0, 255, 0, 0, 0], [0, 0, 255, 0, 0], [0, 0, 128, 128, 0],
        [0, 0, 0, 0, 255]]


def test_lines_of_a_feature_are_beside_each_other():
    coded = TriangularFields(3).encode(np.array([[0.0, 1.0]]))
    assert coded.tolist() == [[255, 0, 0, 0, 0, 255]]
    coded = ComplementCoding().encode(np.array([[0.0, 0.2]]))
    assert coded.tolist() == [[0, 255, 51, 204]]


@given(st.floats(0, 1), st.integers(2, 32))
def test_every_value_has_the_same_drive_but_for_rounding(share, fields):
    place = np.array([[share]])
    triangles = TriangularFields(fields).encode(place)
    assert (triangles > 0).sum() <= 2 and abs(int(triangles.sum()) - 255) <= 1
    assert ComplementCoding().encode(place).sum() == 255


@pytest.mark.parametrize("fields", [1, 33])
def test_fields_out_of_range_are_refused(fields):
    with pytest.raises(ValueError, match=f"`fields` must be 2 to 32: got {fields}"):
        TriangularFields(fields)


@pytest.mark.parametrize("encoding", [TriangularFields(4), ComplementCoding()])
def test_ranges_come_from_the_training_part_only(tmp_path, encoding):
    train = np.array([[0.0, 5.0], [10.0, 6.0]])
    test = np.array([[-99.0, 5.5], [99.0, 6.0]])
    labels = np.array([0, 1])
    np.savez(tmp_path / "own.npz", x_train=train, y_train=labels, x_test=test, y_test=labels)
    got = load(tmp_path / "own.npz", encoding=encoding)
    shares = np.array([[0.0, 0.5], [1.0, 1.0]])
    assert (got[1].samples == encoding.encode(shares)).all()
    assert got[0].pixels == 2 * encoding.lines and got[0].shape is None


def test_images_have_no_features_to_encode():
    with pytest.raises(DataError, match="digits: images of 8×8; an encoding of features"):
        load("digits", encoding=ComplementCoding())
