"""NPZ archives as NumPy writes them, and as nobody should."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.lib import format as npy

from crosswall.reading import UnreadableError, opened_archive

X = np.arange(24, dtype=np.uint16).reshape(4, 6)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "own.npz"


def read(path, name="x", *form):
    with opened_archive(path) as archive:
        return archive.read(name, *form)


def member(array: np.ndarray = X, version=None) -> bytes:
    stream = io.BytesIO()
    npy.write_array(stream, array, version)
    return stream.getvalue()


def header(text: str, body: bytes = b"", version: int = 1) -> bytes:
    """A member whose header says anything."""
    content = text.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(content))
    return b"\x93NUMPY" + bytes((version, 0)) + length + content + body


def archive(path, content: bytes, name: str = "x.npy", method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr(name, content)


@contextmanager
def little_memory(limit: int = 1 << 21) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("array", [
    X, X[:, ::2], np.asfortranarray(X), X.astype(">u2"), X.astype(">f8") / 3, X > 5, np.uint8(7),
    np.zeros((3, 0)), np.array(["a", "µ"]), np.array([b"a"]), np.arange(200_000.0)])
def test_array_is_what_numpy_reads(path, save, array):
    save(path, x=array)
    with np.load(path) as archive:
        expected = archive["x"]
    found = read(path)
    assert found.dtype == expected.dtype.newbyteorder("=") and found.shape == expected.shape
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_each_version_of_the_format_is_read(path, version):
    archive(path, member(X, version))
    assert read(path).tolist() == X.tolist()


def test_bytes_of_a_truth_value_are_only_zero_or_not(path):
    archive(path, header("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", b"\0\1\x07"))
    assert read(path).view(np.uint8).tolist() == [0, 1, 1]


def test_names_and_headers_are_known_before_anything_is_unpacked(path):
    np.savez_compressed(path, big=np.zeros((3, 1 << 22), np.uint8), x=X)
    with little_memory(), opened_archive(path) as archive:
        assert archive.names == ("big", "x")
        assert archive.header("big").shape == (3, 1 << 22)
        assert archive.header("big").nbytes == 3 << 22


@pytest.mark.parametrize(("dtype", "shape", "words"), [
    (np.uint16, (4, 7), r"`x` is uint16 \[4, 6\]; expected uint16 \[4, 7\]"),
    (np.uint8, (4, 6), r"`x` is uint16 \[4, 6\]; expected uint8 \[4, 6\]"),
    (np.int16, (24,), r"`x` is uint16 \[4, 6\]; expected int16 \[24\]"),
])
def test_array_of_another_form_is_refused(path, dtype, shape, words):
    np.savez(path, x=X)
    with pytest.raises(UnreadableError, match=words):
        read(path, "x", dtype, shape)


def test_bomb_is_refused_before_it_is_unpacked(path):
    """400 MiB of zeros in 400 KiB where 48 bytes are expected."""
    array = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (400 << 20,), (0,))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, \
            file.open("x.npy", "w", force_zip64=True) as inside:
        npy.write_array_header_1_0(inside, {
            "descr": "|u1", "fortran_order": False, "shape": array.shape})
        for _ in range(400):
            inside.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 19
    with little_memory(), pytest.raises(UnreadableError, match="expected uint16"):
        read(path, "x", np.uint16, (4, 6))


def test_array_of_any_form_can_be_bounded(path):
    np.savez_compressed(path, x=np.zeros(16 << 20))
    with little_memory(), opened_archive(path) as file, \
            pytest.raises(UnreadableError, match="`x` takes 128 MiB, more than 1 KiB"):
        file.read("x", most=1 << 10)


def test_bomb_in_the_header_itself_is_refused(path):
    archive(path, header(" " * (64 << 20), version=2))
    with little_memory(), pytest.raises(UnreadableError, match="damaged"):
        read(path)


@pytest.mark.parametrize("shape", ["(10**12,)", "(1, 2**62)", "(-4, -6)", "(4, 7)", "(4.0, 6)",
                                   "(0, 10000000000000000000000000)", "(" + "1, " * 99 + "24)",
                                   "[" * 3000, "'a'", "nan", "(4, 06)"])
def test_shape_that_is_none_is_refused(path, shape):
    archive(path, header("{'descr': '<u2', 'fortran_order': False, 'shape': " + shape + "}",
                         X.tobytes()))
    with little_memory(), pytest.raises(UnreadableError, match="damaged"):
        read(path)


@pytest.mark.parametrize("descr", ["'|O'", "[('a', '<u2')]", "'|V2'", "('<u2', (2,))", "'<U0'",
                                   "'<M8[5000000000000000000000D]'", "'<M8[D]'", "'q\\n2'",
                                   "{}", "12"])
def test_type_that_is_no_number_is_refused(path, descr):
    archive(path, header("{'descr': " + descr + ", 'fortran_order': False, 'shape': (24,)}",
                         X.tobytes()))
    with pytest.raises(UnreadableError, match="plain numbers") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_numpy_does_not_write_is_refused(path, method):
    archive(path, member(), method=method)
    with pytest.raises(UnreadableError, match="method that NumPy does not write"):
        read(path)


def change(path, offset: int, value: bytes) -> None:
    """Change the entry of the only member in the archive's list."""
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + offset
    content[place:place + len(value)] = value
    path.write_bytes(content)


@pytest.mark.parametrize(("offset", "value", "words"), [
    (8, b"\x01\x00", "`x` is encrypted"),
    (6, b"\xff\x00", "damaged"),  # version of ZIP that is needed
    (10, b"\x63\x00", "method that NumPy does not write"),
    (16, b"\x00\x00", "damaged"),  # CRC-32
    (24, b"\xff\xff\xff\x7f", "cannot unpack to 2 GiB"),
    (20, b"\x04\x00", "damaged"),
    (42, b"\xff\xff\xff\x7f", "damaged"),
])
def test_damaged_list_of_an_archive_is_refused(path, offset, value, words):
    archive(path, member())
    change(path, offset, value)
    with pytest.raises(UnreadableError, match=words):
        read(path)


def test_array_that_is_not_there_is_named(path):
    np.savez(path, x=X)
    with pytest.raises(UnreadableError, match="has no array `y`"):
        read(path, "y")


def test_single_array_is_refused(path):
    path.write_bytes(member())
    with pytest.raises(UnreadableError, match="is one array, not an NPZ archive"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6" + bytes(18), b"hello" * 100])
def test_what_is_no_archive_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(UnreadableError):
        read(path)
