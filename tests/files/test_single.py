"""Single files appear whole or not at all."""

import os
import stat
import threading

import pytest

from crosswall.errors import UsageError
from crosswall.files import check_file, replacing_file


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("earlier", [None, "old"])
def test_file_takes_its_place_at_the_end(earlier, tmp_path):
    path = tmp_path / "new" / "state.npz"
    if earlier is not None:
        path.parent.mkdir()
        path.write_text(earlier)
    with replacing_file(path) as new:
        new.write_text("new")
        assert new.name == path.name
        assert (path.read_text() if path.exists() else None) == earlier
    assert path.read_text() == "new"
    assert names(path.parent) == [path.name]


def test_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    place = tmp_path / "place"
    place.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing_file(place) as new:
        new.write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["place"]
    assert place.read_text() == "old"


def test_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    synchronise, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("fsync"), synchronise(file)))
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), replace(*names)))
    with replacing_file(tmp_path / "file") as new:
        new.write_text("content")
    assert order == ["fsync", "rename", "fsync"]


def test_permissions_are_those_of_the_users_mask_or_of_the_earlier_file(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing_file(tmp_path / "file") as new:
            new.touch()
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
        (tmp_path / "file").chmod(0o604)
        with replacing_file(tmp_path / "file") as new:
            new.touch()
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "table.md").write_text("old")
    (tmp_path / "link.md").symlink_to("disk/table.md")
    with replacing_file(tmp_path / "link.md") as new:
        new.write_text("new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "disk" / "table.md").read_text() == "new"
    assert names(tmp_path) == ["disk", "link.md"]


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with replacing_file(pipe) as new:
        new.write_text("content")
    reader.join(timeout=60)
    assert read == ["content"] and stat.S_ISFIFO(pipe.stat().st_mode)


def test_place_that_cannot_be_written_is_found_before(tmp_path):
    check_file(tmp_path / "new.md")
    (tmp_path / "old.md").touch()
    check_file(tmp_path / "old.md")
    assert names(tmp_path) == ["old.md"]
    with pytest.raises(UsageError, match=r"is a folder; name a file"):
        check_file(tmp_path)
    check_file(tmp_path / "missing" / "new.md")
    with pytest.raises(UsageError, match=r"/old.md is a file; name another place"):
        check_file(tmp_path / "old.md" / "new.md")
    assert names(tmp_path) == ["old.md"]
    # /proc refuses whoever asks, root too.
    with pytest.raises(OSError):
        check_file(tmp_path.__class__("/proc/new.md"))
