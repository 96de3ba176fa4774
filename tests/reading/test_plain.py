"""Files that are none, files without end, and text that is no text."""

import gzip
import io
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from crosswall.reading import (
    UnreadableError,
    array_of_bytes,
    opened,
    opened_lines,
    read_bytes,
    read_text,
)


def test_bytes_and_packed_bytes_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"abc"))
    assert read_bytes(tmp_path / "a", 3) == read_bytes(tmp_path / "a.gz", 3) == b"abc"


def test_text_with_and_without_a_byte_order_mark_is_the_same(tmp_path):
    for name, content in (("plain", "µ\r\n".encode()), ("marked", "\ufeffµ\r\n".encode())):
        (tmp_path / name).write_bytes(content)
    assert read_text(tmp_path / "plain", 9) == read_text(tmp_path / "marked", 9) == "µ\r\n"


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


@pytest.mark.parametrize(("make", "words"), [
    (Path.mkdir, "is a folder, not a file; name a file"),
    (os.mkfifo, "is a pipe, not a file"),
    (make_socket, "cannot be read"),
    (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
    (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    (lambda path: None, "No such file or directory"),
])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None], words):
    path = tmp_path / "own"
    make(path)
    with pytest.raises(UnreadableError, match=words), opened(path):
        pass


@pytest.mark.parametrize(("name", "words"), [
    ("a\0b", "null character"), ("n" * 300, "File name too long")])
def test_name_that_no_file_can_have_is_refused(tmp_path, name, words):
    with pytest.raises(UnreadableError, match=words), opened(tmp_path / name):
        pass


def test_file_that_the_system_does_not_let_read_is_refused(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # whoever runs the tests may be root
    with pytest.raises(UnreadableError, match="Permission denied.*; check the path and its perm"):
        read_bytes(tmp_path / "own", 1)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_file_above_its_limit_is_refused(tmp_path, suffix):
    path = tmp_path / f"own{suffix}"
    content = bytes(5 << 20)
    path.write_bytes(gzip.compress(content) if suffix else content)
    assert len(read_bytes(path, 5 << 20)) == 5 << 20
    tracemalloc.start()
    with pytest.raises(UnreadableError, match="holds more than 1 KiB"):
        read_bytes(path, 1 << 10)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("damage", [
    lambda packed: packed[:-3], lambda packed: packed[:20], lambda packed: packed[:5],
    lambda packed: b"hello" + packed, lambda packed: packed[:20] + b"\xff" * 9 + packed[20:],
    lambda packed: packed + b"\x1f\x8bmore"])
def test_damaged_gzip_file_is_refused(tmp_path, damage):
    (tmp_path / "own.gz").write_bytes(damage(gzip.compress(os.urandom(40))))
    with pytest.raises(UnreadableError, match="truncated or damaged gzip file; fetch it again"):
        read_bytes(tmp_path / "own.gz", 100)


def test_text_in_another_encoding_is_refused_with_the_place(tmp_path):
    (tmp_path / "own").write_bytes("# µS".encode("latin-1"))
    with pytest.raises(UnreadableError, match=r"is not UTF-8 text \(byte 2\); save it as UTF-8"):
        read_text(tmp_path / "own", 100)


def test_array_holds_what_there_is_and_no_more_than_asked_for():
    content = bytes(range(256)) * 5000
    assert array_of_bytes(io.BytesIO(content), len(content)).tobytes() == content
    assert array_of_bytes(io.BytesIO(b"abcd"), 3).tolist() == [97, 98, 99]
    assert array_of_bytes(io.BytesIO(b"abcd"), 1000).tobytes() == b"abcd"


@pytest.mark.parametrize("count", [1 << 62, 1 << 80])
def test_array_beyond_memory_is_refused(count):
    with pytest.raises(UnreadableError, match="of memory, which this computer does not have"):
        array_of_bytes(io.BytesIO(b""), count)


def test_lines_keep_their_ends_and_are_bounded(tmp_path):
    path = tmp_path / "own"
    path.write_bytes("\ufeffa,µ\r\nb\rc\nd".encode())
    with opened_lines(path, 5) as lines:
        assert list(lines) == ["a,µ\r\n", "b\r", "c\n", "d"]
    with pytest.raises(UnreadableError, match="has a line of more than 4 characters"), \
            opened_lines(path, 4) as lines:
        list(lines)
