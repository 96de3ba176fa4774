"""Files and folders appear whole or not at all."""

import errno
import fcntl
import os
import stat
import threading

import pytest

from crosswall.errors import UsageError
from crosswall.files import check_writable, locked, replacing_file, replacing_folder


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


@pytest.mark.parametrize("earlier", [None, "old"])
def test_folder_takes_its_place_with_nothing_of_the_old_one(earlier, tmp_path):
    folder = tmp_path / "above" / "run"
    if earlier is not None:
        folder.mkdir(parents=True)
        (folder / earlier).touch()
    with replacing_folder(folder) as new:
        assert names(new) == []
        (new / "result").touch()
        assert (names(folder) if folder.exists() else [None]) == [earlier]
    assert names(folder) == ["result"]
    assert names(folder.parent) == ["run"]


@pytest.mark.parametrize("replacing", [replacing_file, replacing_folder])
def test_failure_leaves_what_was_there_and_nothing_else(replacing, tmp_path):
    place = tmp_path / "place"
    if replacing is replacing_file:
        place.write_text("old")
    else:
        place.mkdir()
    with pytest.raises(KeyboardInterrupt), replacing(place) as new:
        (new if replacing is replacing_file else new / "file").write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["place"]
    assert place.is_dir() or place.read_text() == "old"


def test_folder_is_kept_if_the_new_one_cannot_take_its_place(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(OSError), replacing_folder(folder) as new:
        new.rmdir()
    assert names(folder) == ["old"]
    assert names(tmp_path) == ["run"]


def test_permissions_are_those_of_the_users_mask(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing_file(tmp_path / "file") as new:
            new.touch()
        with replacing_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_place_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    check_writable(tmp_path / "folder" / "below")
    with pytest.raises(UsageError, match=r"file: is a file; name a folder"):
        check_writable(tmp_path / "file")
    with pytest.raises(UsageError, match=r"below: .*/file is a file; name another folder"):
        check_writable(tmp_path / "file" / "below")
    # Whoever may write anywhere, as root may, is told so by the system; ask for another answer.
    monkeypatch.setattr(os, "access", lambda place, mode: place != tmp_path)
    with pytest.raises(UsageError, match="cannot be written; name another folder"):
        check_writable(tmp_path)
    with pytest.raises(UsageError, match="cannot be written; name another folder"):
        check_writable(tmp_path / "missing", replace=True)
    (tmp_path / "folder").mkdir()
    check_writable(tmp_path / "folder")
    with pytest.raises(UsageError, match=f"{tmp_path} cannot be written"):
        check_writable(tmp_path / "folder", replace=True)


def test_lock_that_is_held_is_refused_or_awaited(tmp_path):
    path = tmp_path / "lock"
    waits, order = threading.Event(), []
    with locked(path):
        with pytest.raises(BlockingIOError), locked(path):
            pass

        def second():
            with locked(path, wait=waits.set):
                order.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(timeout=60)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    with locked(path):
        assert path.exists()


def test_file_system_without_locks_holds_nothing(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        pass


def test_other_faults_of_a_lock_are_not_hidden(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output error"), locked(tmp_path / "lock"):
        pass
