"""The build cache: built once, never seen half-built, usable by two processes at once."""

import multiprocessing
from pathlib import Path

import pytest

from crosswall.errors import ToolError
from crosswall_boards.cache import cache_directory, cached, content_key


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
    with pytest.raises(ToolError, match="CROSSWALL_CACHE") as caught:
        cached("kind", "key", lambda folder: None, ignore)
    assert "\n" not in str(caught.value)


def test_cache_directory_follows_the_environment(tmp_path, monkeypatch, own_cache):
    assert cache_directory() == own_cache
    monkeypatch.delenv("CROSSWALL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "crosswall"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "crosswall"


def test_content_key_tells_parts_apart():
    keys = {content_key(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""])}
    assert len(keys) == 4
    assert content_key(["text"]) == content_key([b"text"])
