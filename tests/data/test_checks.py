"""Values that hide the data: refused where surely wrong, said where probably, silent otherwise."""

import numpy as np
import pytest

from crosswall.data import TriangularFields, checks, load
from crosswall.data.dataset import raw_part
from crosswall.errors import DataError


def part(values, names=()):
    values = np.array(values)
    return raw_part("here", values, np.zeros(len(values), int))._replace(value_names=names)


@pytest.fixture
def images(rng):
    """Twenty images of 4×4, 0…255, the first of which spans that."""
    values = rng.integers(0, 256, (20, 4, 4)).astype(np.uint8)
    values[0, 0] = 0, 255, 0, 255
    return values


LABELS = np.arange(20) % 2


def said(path, **options):
    lines = []
    load(path, notice=lines.append, **options)
    return lines


def saved(folder, x, x_test=None):
    """An archive of images, with a test part unless that is None."""
    path = folder / "set.npz"
    if x_test is None:
        np.savez(path, x=x, y=LABELS)
    else:
        np.savez(path, x_train=x, y_train=LABELS, x_test=x_test, y_test=LABELS)
    return path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((3, 2), 0.5), "here: every value is 0.5: nothing can be learned"),
        ([[1, 2], [1, 2], [1, 2]], "here: all 3 samples are the same"),
    ],
)
def test_constant_data_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        checks.refuse_constant(part(values))


def test_one_sample_that_differs_is_enough():
    checks.refuse_constant(part([[1, 2], [1, 2], [1, 3]]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([5.0, 1.0, -999.0, 6.9], r"column 2 `c` of sample 2 \(from 0\) is -999, all others lie in "
                                  r"1…6.9: -999 stands for a missing value"),
        ([-999.0, 1.0, -999.0, 6.9], r"`c` of sample 0 \(from 0\) is -999 \(and 1 more\), "),
        ([500.0, 900.0, -99.0, 0.0], r"`c` of sample 2 \(from 0\) is -99, all others lie in 0…900"),
        ([9999.0, 1.0, 2.0, -3.0], r"`c` of sample 0 \(from 0\) is 9999, "),
        ([1.0, 2.0, float(np.float32(9.96921e36)), 3.0], r"`c` of sample 2 .* is 9.96921e\+36"),
    ],
)
def test_number_for_a_missing_value_is_refused_with_its_column_and_sample(column, message):
    values = np.stack([np.arange(4.0), column], axis=1)
    with pytest.raises(DataError, match=message):
        checks.refuse_missing(part(values, ("column 1 `a`", "column 2 `c`")), together=False)


@pytest.mark.parametrize("column", [
    [-990.0, -999.0, 500.0, 700.0], [999.0, 600.0, 100.0, 0.0], [0.0, 999.0, 0.0, 999.0],
    [-998.0, 1.0, 2.0, 3.0]])
def test_numbers_among_others_are_values(column):
    checks.refuse_missing(part(np.array(column)[:, None]), together=False)


def test_missing_value_of_an_image_is_named_by_its_pixel():
    values = np.arange(8.0).reshape(4, 2)
    values[3, 1] = -9999
    with pytest.raises(DataError, match=r"value 1 \(from 0\) of sample 3 .* 0…6"):
        checks.refuse_missing(part(values), together=True)


def test_declared_range_makes_it_a_value(tmp_path, images):
    values = images.astype(float)
    values[3, 2, 1] = -999
    path = saved(tmp_path, values)
    with pytest.raises(DataError, match=r"value 9 \(from 0\) of sample 3 .* is -999"):
        load(path)
    assert load(path, value_range=(-999, 255))[0].samples.min() == 0


@pytest.mark.parametrize("scale", [1 / 255, 12.0])
def test_parts_in_different_units_are_refused(tmp_path, images, scale):
    path = saved(tmp_path, images * scale, images)
    with pytest.raises(DataError, match=r"\(x_test, y_test\): the test part spans 0…255, the "
                       r"training part 0…(1|3060): they are in different units"):
        load(path)
    declared = max(255, 255 * scale)
    assert "are both scaled alike?" in said(path, value_range=(0, declared))[0]


def test_columns_in_different_units_are_refused(tmp_path, rng):
    table = rng.normal(size=(20, 3))
    path = saved(tmp_path, table, table * 50)
    with pytest.raises(DataError, match=r"\(50 times as much in the median column\): they are in"):
        load(path)


def test_parts_of_unequal_range_are_said(tmp_path, images):
    assert said(saved(tmp_path, images, images // 4)) == [
        f"{tmp_path}/set.npz (x_test, y_test): the test part spans 0…63, the training part 0…255: "
        "are both scaled alike?"]


@pytest.mark.parametrize(("highest", "bytes_"), [(1, {0, 255}), (3, {0, 85, 170, 255})])
def test_dark_bytes_are_measured_and_said(tmp_path, images, highest, bytes_):
    path = saved(tmp_path, images % (highest + 1))
    lines = []
    train, test = load(path, notice=lines.append)
    assert set(np.unique(train.samples)) | set(np.unique(test.samples)) == bytes_
    assert lines == [f"{path} (x, y): bytes of 0…{highest} only, which become 0…255; "
                     "`data.value_range` = [0, 255] keeps them as they are"]
    lines.clear()
    assert load(path, value_range=(0, 255), notice=lines.append)[0].samples.max() == highest
    assert f"become bytes 0…{highest} of 0…255: nearly alike" in lines[0]


def test_bytes_that_reach_the_upper_half_stay_as_they_are(tmp_path, images):
    low = np.minimum(images, 128)
    path = saved(tmp_path, low, low)
    lines = []
    assert load(path, notice=lines.append)[0].samples.tolist() == low.reshape(20, 16).tolist()
    assert lines == []


def test_rows_of_bytes_have_one_range(tmp_path, images):
    rows = (images % 4).reshape(20, 16)
    rows[:, 3] = 1
    assert (load(saved(tmp_path, rows, rows))[0].samples[:, 3] == 85).all()


def test_signed_bytes_below_zero_are_said(tmp_path, images):
    path = saved(tmp_path, images.view(np.int8))
    lowest, highest = images.view(np.int8).min(), images.view(np.int8).max()
    assert said(path) == [f"{path} (x, y): signed bytes, {lowest}…{highest}: if they were 0…255, "
                          "store them as uint8"]


def test_hot_pixel_is_said_with_its_place(tmp_path, images):
    values = np.tile(images % 17, (10, 1, 1)).astype(np.uint16)
    values[23, 1, 2] = 4095
    np.savez(tmp_path / "set.npz", x_train=values, y_train=np.arange(200) % 2,
             x_test=values, y_test=np.arange(200) % 2)
    assert said(tmp_path / "set.npz") == [
        f"{tmp_path}/set.npz (x_train, y_train): value 6 (from 0) of sample 23 (from 0) is 4095, "
        "nearly all others lie in 0…16: it stretches the range; see whether it is right, or "
        "declare `data.value_range`"]


def test_outlier_and_constant_column_of_a_table_are_said():
    values = np.stack([np.arange(40.0), np.ones(40), np.arange(40.0) % 7], axis=1)
    values[11, 2] = -60
    lines = []
    table = part(values, ("a", "b", "c"))
    checks.note_outliers(table, together=False, notice=lines.append)
    checks.note_constant_columns(table, lines.append)
    assert [line.split(", ")[0] for line in lines] == [
        "here: c of sample 11 (from 0) is -60",
        "here: constant in the training part: b; they tell nothing",
    ]


def test_range_that_is_declared_too_wide_is_said(tmp_path, images):
    lines = said(saved(tmp_path, images.astype(float)), value_range=(0, 65535))
    assert lines == [f"{tmp_path}/set.npz (x, y): values 0…255 become bytes 0…1 of 0…255: nearly "
                     "alike; correct `data.value_range`, or remove it"]


@pytest.mark.parametrize("source", ["digits", "iris", "wine", "breast-cancer"])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("encoding", [None, TriangularFields(3)])
def test_nothing_is_said_of_the_built_in_sets(source, seed, encoding):
    encoding = None if source == "digits" else encoding
    assert said(source, split_seed=seed, test_fraction=0.3, encoding=encoding) == []
