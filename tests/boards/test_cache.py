"""The build cache: built once, never seen half-built, usable by two processes at once, and
only where nobody else can have put something."""

import errno
import fcntl
import multiprocessing
import os
import pwd
import subprocess
import tempfile
from pathlib import Path

import pytest

from crosswall.errors import HostError, ToolError
from crosswall_boards.cache import (
    cache_directory,
    cached,
    check_programs_run,
    content_key,
    provide_home,
)

STRANGER = 54321
"""A user who is not in the system's list."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CROSSWALL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ignore(line: str) -> None:
    pass


def test_second_request_does_not_build_again():
    built = []

    def produce(folder: Path) -> None:
        built.append(folder)
        (folder / "product").write_text("content")

    first = cached("kind", "key", produce, ignore)
    second = cached("kind", "key", produce, ignore)
    assert first == second
    assert (second / "product").read_text() == "content"
    assert len(built) == 1


def test_failed_build_leaves_nothing_and_is_tried_again(own_cache):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise ToolError("no compiler")

    with pytest.raises(ToolError, match="no compiler"):
        cached("kind", "key", fail, ignore)
    assert [path for path in (own_cache / "kind").iterdir() if path.is_dir()] == []
    assert cached("kind", "key", lambda folder: None, ignore).is_dir()


def build_slowly(started, go_on, count) -> None:
    def produce(folder: Path) -> None:
        with count.get_lock():
            count.value += 1
        started.set()
        go_on.wait(10)
        (folder / "product").write_text("content")

    folder = cached("kind", "key", produce, lambda line: go_on.set())
    assert (folder / "product").read_text() == "content"


def test_two_processes_build_once_and_both_get_the_result():
    context = multiprocessing.get_context("spawn")
    started, go_on, count = context.Event(), context.Event(), context.Value("i", 0)
    first = context.Process(target=build_slowly, args=(started, go_on, count))
    second = context.Process(target=build_slowly, args=(started, go_on, count))
    first.start()
    assert started.wait(20)
    second.start()  # finds the lock taken, says so (which lets the first go on), and waits
    for process in (first, second):
        process.join(20)
        assert process.exitcode == 0
    assert count.value == 1


def test_unwritable_cache_is_one_line_with_the_remedy(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROSSWALL_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(HostError, match=r"/file\): .*CROSSWALL_CACHE") as caught:
        cached("kind", "key", lambda folder: None, ignore)
    assert "\n" not in str(caught.value)


def test_full_disk_during_a_build_is_one_line_and_leaves_nothing(own_cache):
    def fill(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "half"))

    with pytest.raises(HostError, match=r"No space left on device, .*half\).*has room"):
        cached("kind", "key", fill, ignore)
    assert [path for path in (own_cache / "kind").iterdir() if path.is_dir()] == []


def no_locks(file, operation) -> None:
    raise OSError(errno.ENOLCK, "No locks available")


def test_cache_without_locks_is_used_all_the_same(monkeypatch):
    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert cached("kind", "key", lambda folder: None, ignore).is_dir()


def test_without_locks_the_first_of_two_builds_is_taken(monkeypatch, own_cache):
    def produce(folder: Path) -> None:
        other = own_cache / "kind" / "key"  # another process was first
        other.mkdir()
        (other / "product").write_text("first")
        (folder / "product").write_text("second")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    folder = cached("kind", "key", produce, ignore)
    assert (folder / "product").read_text() == "first"
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]


def fill_with_a_program(folder: Path) -> None:
    (folder / "program").write_text("#!/bin/sh\n")
    (folder / "program").chmod(0o777)


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch):
    """A function that gives a path to another user."""
    def give(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, STRANGER, -1, follow_symlinks=False)
        else:  # the rest belongs to this user's former self, which is refused as well
            monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)
    return give


def test_what_is_kept_belongs_to_the_user_alone(own_cache):
    before = os.umask(0)
    try:
        folder = cached("kind", "key", fill_with_a_program, ignore)
    finally:
        os.umask(before)
    for path in (own_cache, folder.parent, folder):
        assert path.stat().st_mode & 0o777 == 0o700
    assert (folder / "program").stat().st_mode & 0o777 == 0o755
    assert cached("kind", "key", pytest.fail, ignore) == folder


@pytest.mark.parametrize("place", ["", "kind", "kind/key", "kind/key/program"])
def test_what_another_user_can_have_planted_is_never_returned(own_cache, stranger, place,
                                                              monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    cached("kind", "key", fill_with_a_program, ignore)
    stranger(own_cache / place)
    with pytest.raises(HostError) as caught:
        cached("kind", "key", pytest.fail, ignore)
    told = str(caught.value)
    assert f"belongs to user {STRANGER if os.getuid() == 0 else os.getuid()}," in told
    assert told.endswith("set CROSSWALL_CACHE to a folder of your own")
    assert "\n" not in told


def test_another_users_link_is_never_followed(own_cache, stranger):
    folder = cached("kind", "key", fill_with_a_program, ignore)
    folder.rename(own_cache / "elsewhere")
    folder.symlink_to(own_cache / "elsewhere")
    assert cached("kind", "key", pytest.fail, ignore) == folder
    stranger(folder)
    with pytest.raises(HostError, match="belongs to"):
        cached("kind", "key", pytest.fail, ignore)


@pytest.mark.parametrize("mode", [0o770, 0o702])
@pytest.mark.parametrize("place", ["", "kind", "kind/key", "kind/key/program"])
def test_what_others_can_write_is_refused_until_they_cannot(own_cache, place, mode):
    folder = cached("kind", "key", fill_with_a_program, ignore)
    (own_cache / place).chmod(mode)
    with pytest.raises(HostError, match=f"written by other users .mode {mode:04o}.") as caught:
        cached("kind", "key", pytest.fail, ignore)
    remedy = str(caught.value).partition("run: ")[2]
    subprocess.run(remedy, shell=True, check=True)
    assert cached("kind", "key", pytest.fail, ignore) == folder


def test_folder_in_which_each_user_keeps_their_own_is_looked_into(own_cache, stranger):
    folder = cached("kind", "key", fill_with_a_program, ignore)
    for place in (own_cache, folder.parent):
        place.chmod(0o1777)
    assert cached("kind", "key", pytest.fail, ignore) == folder
    folder.chmod(0o1777)  # not so a build
    with pytest.raises(HostError, match="written by other users"):
        cached("kind", "key", pytest.fail, ignore)
    folder.chmod(0o700)
    stranger(folder / "program")
    with pytest.raises(HostError, match="belongs to"):
        cached("kind", "key", pytest.fail, ignore)


def test_trial_of_running_a_program_leaves_nothing(tmp_path, monkeypatch):
    check_programs_run(tmp_path)
    assert list(tmp_path.iterdir()) == []

    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(HostError, match="noexec: set CROSSWALL_CACHE to a folder where programs"):
        check_programs_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_cache_directory_follows_the_environment(tmp_path, monkeypatch, own_cache):
    assert cache_directory() == own_cache
    monkeypatch.delenv("CROSSWALL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "crosswall"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "crosswall"


def test_cache_directory_without_a_home_is_one_line(monkeypatch):
    for variable in ("CROSSWALL_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(HostError, match="set HOME, or CROSSWALL_CACHE to a folder"):
        cache_directory()


@pytest.fixture(params=["unknown", "a file"])
def homeless(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where temporary files are, of a user without a home folder, or with one that is none."""
    for variable in ("CROSSWALL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    if request.param == "unknown":
        monkeypatch.setenv("HOME", "")  # so that it is put back
        monkeypatch.delenv("HOME")
    else:
        (tmp_path / "file").touch(mode=0o400)
        monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def test_without_a_home_caches_are_kept_among_temporary_files(homeless):
    told = []
    provide_home(told.append)
    home = homeless / f"crosswall-{os.geteuid()}"
    assert len(told) == 1
    assert "no home folder is known" in told[0] or "cannot be written" in told[0]
    assert told[0].endswith(f"caches are kept in {home}; set HOME to keep them elsewhere")
    assert os.environ["HOME"] == str(home)
    assert home.stat().st_mode & 0o777 == 0o700
    provide_home(told.append)
    assert len(told) == 1
    assert cache_directory() == home / ".cache" / "crosswall"


def test_home_among_temporary_files_that_others_can_write_is_refused(homeless):
    (homeless / f"crosswall-{os.geteuid()}").mkdir()
    (homeless / f"crosswall-{os.geteuid()}").chmod(0o777)
    before = os.environ.get("HOME")
    with pytest.raises(HostError, match="written by other users.*set HOME to a folder of your own"):
        provide_home(pytest.fail)
    assert os.environ.get("HOME") == before


def test_no_place_at_all_for_a_home_is_one_line(homeless, monkeypatch):
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(HostError, match="set HOME to a folder"):
        provide_home(pytest.fail)


def test_content_key_tells_parts_apart():
    keys = {content_key(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""])}
    assert len(keys) == 4
    assert content_key(["text"]) == content_key([b"text"])
