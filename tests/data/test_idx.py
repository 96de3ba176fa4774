"""IDX folders, whole and damaged."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.data import load
from crosswall.data.idx_folder import idx_sets
from crosswall.errors import DataError
from tests.data.idx_files import idx
from tests.data.idx_files import write_idx as write


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (6, 2, 3), np.uint8)


LABELS = [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("test_part", ["t10k", "test"])
def test_both_parts_are_read_as_they_are(tmp_path, images, suffix, separator, test_part):
    write(tmp_path, images, LABELS, suffix=suffix, separator=separator)
    write(tmp_path, images[:3], LABELS[:3], test_part, suffix, separator)
    train, test = load(tmp_path)
    assert train.samples.tolist() == images.reshape(6, 6).tolist()
    assert test.samples.tolist() == images[:3].reshape(3, 6).tolist()
    assert (train.labels.tolist(), test.labels.tolist()) == (LABELS, LABELS[:3])
    assert (train.shape, train.classes, train.name) == ((2, 3), 3, tmp_path.name)


def test_folder_without_test_part_is_split(tmp_path, images):
    write(tmp_path, images, LABELS)
    train, test = load(tmp_path, test_fraction=0.5)
    assert sorted(train.samples.tolist() + test.samples.tolist()) == sorted(
        images.reshape(6, 6).tolist()
    )
    assert sorted(test.labels.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("missing", ["images-idx3", "labels-idx1"])
def test_file_missing_from_a_pair_is_named(tmp_path, images, missing):
    write(tmp_path, images, LABELS)
    (tmp_path / f"train-{missing}-ubyte").unlink()
    with pytest.raises(DataError, match=f"train-{missing}-ubyte.* is missing"):
        load(tmp_path)


def test_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="no train-images-idx3-ubyte"):
        load(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_truncated_file_is_named_with_expected_and_actual_bytes(tmp_path, images, suffix):
    write(tmp_path, images, LABELS, suffix=suffix)
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    short = idx(images)[:-5]
    path.write_bytes(gzip.compress(short) if suffix else short)
    with pytest.raises(DataError, match=f"{path.name}: .*6×2×3 = 36 bytes.* has 31 bytes"):
        load(tmp_path)


def test_file_with_trailing_bytes_is_refused(tmp_path, images):
    write(tmp_path, images, LABELS)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(6, np.uint8)) + b"\0")
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte: .*6 bytes.* has more"):
        load(tmp_path)


def test_compressed_file_with_a_wrong_checksum_is_refused(tmp_path, images):
    write(tmp_path, images, LABELS, suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    packed = bytearray(path.read_bytes())
    packed[-8] ^= 1  # CRC-32 of the content
    path.write_bytes(packed)
    with pytest.raises(DataError, match="truncated or damaged gzip file; fetch it again"):
        load(tmp_path)


def test_header_that_announces_more_than_memory_is_refused(tmp_path, images):
    write(tmp_path, images, LABELS)
    path = tmp_path / "train-images-idx3-ubyte"
    for sizes in ((0xFFFFFFFF,) * 3, (6, 256, 256), (1 << 24, 1, 257)):
        path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, *sizes) + bytes(100))
        with pytest.raises(DataError, match=f"{path.name}: the header announces {sizes[0]}×.*;"):
            load(tmp_path)
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 6, 255, 257) + bytes(100))
    with pytest.raises(DataError, match="the file has 100 bytes"):
        load(tmp_path)


@pytest.mark.parametrize("announced", [(6, 2, 3), (512, 1024, 1000), (8192, 255, 257)])
def test_file_that_unpacks_to_gigabytes_is_refused_without_them(tmp_path, images, announced):
    write(tmp_path, images, LABELS, suffix=".gz")
    with gzip.open(tmp_path / "train-images-idx3-ubyte.gz", "wb", 1) as file:
        file.write(struct.pack(">HBB3I", 0, 8, 3, *announced))
        for _ in range(64):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(DataError, match="has more|512×1024×1000|8192 images, but 6 la"):
        load(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_packed_file_that_was_cut_is_refused(tmp_path, images):
    write(tmp_path, images, LABELS, suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="truncated or damaged gzip file"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated: 0 bytes"),
        (b"\0\0\x08", "truncated: 3 bytes"),
        (b"\0\0\x0d\x03" + bytes(12), "begins with 00 00 0d 03"),
        (b"\0\0\x08\x01" + bytes(12), "begins with 00 00 08 01"),
        (b"\0\0\x08\x03" + bytes(12), "announces no data: 0×0×0"),
    ],
)
def test_wrong_header_is_refused(tmp_path, images, content, message):
    write(tmp_path, images, LABELS)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_other_number_of_labels_is_refused(tmp_path, images):
    write(tmp_path, images, LABELS[:-1])
    with pytest.raises(DataError, match="6 images, but 5 labels"):
        load(tmp_path)


def test_parts_of_different_image_sizes_are_refused(tmp_path, images):
    write(tmp_path, images, LABELS)
    write(tmp_path, images[:, :, :2], LABELS, "t10k")
    with pytest.raises(DataError, match="test samples have 2×2, training samples 2×3"):
        load(tmp_path)


@given(st.data())
def test_damaged_files_are_read_or_refused_but_never_crash(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("idx")
    suffix = data.draw(st.sampled_from(["", ".gz"]))
    write(folder, np.arange(36).reshape(6, 2, 3), LABELS, suffix=suffix)
    path = folder / f"train-images-idx3-ubyte{suffix}"
    content = bytearray(path.read_bytes())
    content = content[: data.draw(st.integers(0, len(content)))]
    for place in data.draw(st.lists(st.integers(0, max(0, len(content) - 1)), max_size=3)):
        if content:
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        part = idx_sets(folder)[0].read().train
    except DataError:
        return
    assert part.values.shape == (6, 6)
