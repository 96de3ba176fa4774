"""Locks that end with their process, and what happens without any."""

import errno
import fcntl
import threading

import pytest

from crosswall.files import locked


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


def test_lock_whose_file_does_not_stay_is_held_by_one_at_a_time(tmp_path):
    path, waits, order = tmp_path / "lock", threading.Event(), []
    with locked(path, keep=False):

        def second():
            with locked(path, keep=False, wait=waits.set):
                # The first one has removed its file, so this must be another.
                order.append(path.exists())
                with pytest.raises(BlockingIOError), locked(path):
                    pass

        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(timeout=60)
    thread.join()
    assert order == [True]
    assert list(tmp_path.iterdir()) == []


def test_file_system_without_locks_holds_nothing(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "lock"), locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()


def test_other_faults_of_a_lock_are_not_hidden(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output error"), locked(tmp_path / "lock"):
        pass
