"""The rule for every folder that a command writes, and what a kill between two steps leaves."""

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest

from crosswall.errors import HostError, UsageError
from crosswall.files import Manifest, OutputFolder, digest_of
from crosswall.files.output import LOCK

NAMES = ("a.txt", "b.txt", "c.txt")


def claim(folder, **options):
    return OutputFolder.claim(folder, "list.json", NAMES, **options)


def filling(**contents):
    def fill(new):
        for name, content in contents.items():
            (new / f"{name}.txt").write_text(content)
    return fill


def write(folder, **contents):
    """One command that writes these files; returns its manifest's object."""
    with claim(folder, force=True) as claimed:
        return claimed.write({"format": 1}, filling(**contents))


def tree(folder) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folder_gets_its_files_and_a_manifest_with_their_hashes(tmp_path):
    folder = tmp_path / "above" / "out"
    written = write(folder, a="1", b="2")
    assert names(folder) == ["a.txt", "b.txt", "list.json"]
    assert json.loads((folder / "list.json").read_text()) == written
    # printf 1 | sha256sum; printf 2 | sha256sum
    assert written == {"format": 1, "files": {
        "a.txt": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        "b.txt": "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35"}}
    manifest = Manifest.read(folder / "list.json")
    assert list(manifest.differences()) == []
    assert manifest.names == {"a.txt", "b.txt", "list.json"}


def test_folder_that_holds_anything_is_refused_before_the_run(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match=r"is not empty \(it holds thesis.tex\).*--force"), \
            claim(tmp_path):
        pytest.fail("claimed")
    assert tree(tmp_path) == {"thesis.tex": "precious"}


def test_folder_with_results_is_refused_before_the_run(tmp_path):
    write(tmp_path, a="1")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=r"holds results already; add --force"), claim(tmp_path):
        pytest.fail("claimed")
    assert tree(tmp_path) == before


def test_force_replaces_what_the_manifest_lists_and_nothing_else(tmp_path):
    write(tmp_path, a="1", b="2")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "draft.tex").write_text("draft")
    write(tmp_path, a="3", c="4")
    found = tree(tmp_path)
    del found["list.json"]
    assert found == {"a.txt": "3", "c.txt": "4", "notes.txt": "mine", "paper/draft.tex": "draft"}


@pytest.mark.parametrize("resume", [False, True])
def test_file_in_the_way_that_is_not_listed_is_refused_even_with_force(tmp_path, resume):
    write(tmp_path, a="1")
    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"b.txt: is in the way.*list.json does not list it"), \
            claim(tmp_path, force=not resume, resume=resume):
        pytest.fail("claimed")
    assert (tmp_path / "b.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b"\xff", b'{"files": 1}',
                                     b'{"files": {"../a.txt": ""}}', b'{"files": {"a.txt": 1}}',
                                     b'{"files": {"a.txt": ""}'])
def test_manifest_that_is_none_is_not_replaced(tmp_path, content):
    (tmp_path / "list.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"list.json: is in the way.*it lists no files"), \
            claim(tmp_path, force=True):
        pytest.fail("claimed")
    assert (tmp_path / "list.json").read_bytes() == content


def test_file_that_appears_in_the_way_meanwhile_stays(tmp_path):
    with claim(tmp_path) as claimed:
        (tmp_path / "a.txt").write_text("mine")
        with pytest.raises(UsageError, match=r"a.txt: is in the way"):
            claimed.write({}, filling(a="1", b="2"))
    assert tree(tmp_path) == {"a.txt": "mine"}


def test_same_work_goes_on_without_force_unless_its_files_were_edited(tmp_path):
    with claim(tmp_path) as claimed:
        claimed.write({"work": "mine"}, filling(a="1", b="2"))
    (tmp_path / "notes.txt").write_text("mine")
    with claim(tmp_path, again=lambda content: content["work"] == "mine") as claimed:
        claimed.write({"work": "mine"}, filling(a="3"))
    assert names(tmp_path) == ["a.txt", "list.json", "notes.txt"]
    with pytest.raises(UsageError, match="holds results already"), \
            claim(tmp_path, again=lambda content: content["work"] == "another"):
        pytest.fail("claimed")
    (tmp_path / "a.txt").write_text("corrected by hand")
    with pytest.raises(UsageError, match=r"a.txt: was changed since crosswall wrote it"), \
            claim(tmp_path, again=lambda content: True):
        pytest.fail("claimed")
    assert (tmp_path / "a.txt").read_text() == "corrected by hand"


def test_more_files_are_added_to_those_just_written(tmp_path):
    with claim(tmp_path) as claimed:
        first = claimed.write({"format": 1}, filling(a="1"))
        with pytest.raises(ValueError), claimed_failing(claimed):
            pass
        assert json.loads((tmp_path / "list.json").read_text()) == first
        written = claimed.add(filling(b="2"))
    assert written["files"] == {"a.txt": digest_of(tmp_path / "a.txt"),
                                "b.txt": digest_of(tmp_path / "b.txt")}
    assert json.loads((tmp_path / "list.json").read_text()) == written
    assert names(tmp_path) == ["a.txt", "b.txt", "list.json"]


def claimed_failing(claimed):
    def fail(new):
        (new / "b.txt").write_text("half")
        raise ValueError
    claimed.add(fail)


def test_second_command_at_once_is_refused(tmp_path):
    with claim(tmp_path / "out") as claimed:
        with pytest.raises(UsageError, match="another crosswall is writing there; wait"), \
                claim(tmp_path / "out", force=True):
            pytest.fail("claimed")
        claimed.write({}, filling(a="1"))
    assert names(tmp_path / "out") == ["a.txt", "list.json"]


def test_folder_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write(tmp_path / "out", a="1")
    assert names(tmp_path / "out") == ["a.txt", "list.json"]


def test_link_and_working_directory_are_written_into(tmp_path, monkeypatch):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    write(tmp_path / "link", a="1")
    assert (tmp_path / "link").is_symlink() and names(tmp_path / "disk") == ["a.txt", "list.json"]
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    inode = Path().stat().st_ino
    write(Path(), a="1")
    write(Path(), b="1")
    assert names(Path()) == ["b.txt", "list.json"] and Path().stat().st_ino == inode


def test_place_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to("missing/folder")
    for place, why in (("file", "file: is a file"), ("file/below", "/file is a file"),
                       ("nowhere", "nowhere: is a link that leads nowhere")):
        with pytest.raises(UsageError, match=why), claim(tmp_path / place, force=True):
            pytest.fail("claimed")
    with pytest.raises(HostError, match=r"/proc/out: No such file"), \
            claim(Path("/proc/out")):
        pytest.fail("claimed")
    assert names(tmp_path) == ["file", "nowhere"]


def test_folders_that_were_made_are_gone_if_nothing_was_written(tmp_path):
    with pytest.raises(KeyboardInterrupt), claim(tmp_path / "above" / "out"):
        assert names(tmp_path / "above" / "out") == [LOCK]
        raise KeyboardInterrupt
    assert names(tmp_path) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(KeyboardInterrupt), claim(tmp_path / "empty"):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["empty"]


@pytest.mark.parametrize("mistake", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left"),
                                     ValueError])
def test_failure_while_writing_leaves_the_earlier_files(tmp_path, mistake):
    write(tmp_path, a="1", b="2")
    before = tree(tmp_path)

    def fail(new):
        (new / "a.txt").write_text("half")
        raise mistake

    expected = HostError if isinstance(mistake, OSError) else mistake
    with claim(tmp_path, force=True) as claimed:
        with pytest.raises(expected) as caught:
            claimed.write({}, fail)
        assert not isinstance(mistake, OSError) or "No space left" in str(caught.value)
        assert tree(tmp_path) == {**before, LOCK: ""}
    assert tree(tmp_path) == before


def test_interrupted_command_is_not_started_anew_unless_forced(tmp_path):
    with claim(tmp_path) as claimed:
        claimed.save("c.txt", lambda path: path.write_text("half way"))
    assert tree(tmp_path) == {"c.txt": "half way"}
    with pytest.raises(UsageError, match=r"holds an interrupted run; go on with --resume"), \
            claim(tmp_path, unfinished="c.txt"):
        pytest.fail("claimed")
    assert tree(tmp_path) == {"c.txt": "half way"}
    with claim(tmp_path, unfinished="c.txt", resume=True) as claimed:
        claimed.save("c.txt", lambda path: path.write_text("further"))
        with pytest.raises(HostError, match="No space"):
            claimed.save("c.txt", full)
        assert (tmp_path / "c.txt").read_text() == "further"
        claimed.write({}, filling(a="1"))
        claimed.discard("c.txt")
    assert names(tmp_path) == ["a.txt", "list.json"]


def full(path):
    path.write_text("fur")
    raise OSError(errno.ENOSPC, "No space left on device")


def killed_after(steps, command) -> bool:
    """Run a command in a process that ends without a word at the given rename or removal; whether
    it came so far."""
    if not (child := os.fork()):
        count = 0

        def dying(real):
            def step(*arguments, **options):
                nonlocal count
                count += 1
                if count > steps:
                    os._exit(9)
                return real(*arguments, **options)
            return step

        os.replace, os.unlink = dying(os.replace), dying(os.unlink)
        try:
            command()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_kill_at_any_step_leaves_a_valid_manifest_or_is_found_out(tmp_path):
    steps = 0
    while True:
        folder = tmp_path / str(steps)
        write(folder, a="1", b="2")
        (folder / "notes.txt").write_text("mine")
        old = json.loads((folder / "list.json").read_text())
        killed = killed_after(steps, lambda folder=folder: write(folder, b="3", c="4"))
        manifest = Manifest.read(folder / "list.json")
        assert manifest is not None, steps
        found = {name: (folder / f"{name}.txt").read_text() for name in "abc"
                 if (folder / f"{name}.txt").exists()}
        mixed = bool(list(manifest.differences()))
        if manifest.content == old:
            assert mixed == (found != {"a": "1", "b": "2"}), steps
        else:
            assert not mixed and found == {"b": "3", "c": "4"}, steps
        # Whatever it left, the next command may replace what is crosswall's, and that alone.
        write(folder, a="5")
        assert names(folder) == ["a.txt", "list.json", "notes.txt"], steps
        assert list(Manifest.read(folder / "list.json").differences()) == [], steps
        if not killed:
            break
        steps += 1
    assert steps >= 5


def test_kill_at_any_step_of_the_first_write_can_be_forced(tmp_path):
    for steps in range(100):
        folder = tmp_path / str(steps)
        if not killed_after(steps, lambda folder=folder: write(folder, a="1", b="2")):
            break
        assert names(folder) != [], steps
        write(folder, c="3")
        assert names(folder) == ["c.txt", "list.json"], steps
    assert steps >= 3 and names(folder) == ["a.txt", "b.txt", "list.json"]


def test_files_are_on_the_disk_before_they_take_their_places(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (steps.append(
        ("synchronise", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (steps.append(
        ("rename", path.name)), replace(path, target))[1])
    write(tmp_path / "out", a="1", b="2")
    for name in ("a.txt", "b.txt", "list.json"):
        assert steps.index(("synchronise", name)) < steps.index(("rename", name))
    # The others' names are on the disk before the manifest's, and its own at the end.
    manifest = steps.index(("rename", "list.json"))
    assert steps[manifest - 1] == ("synchronise", "out")
    assert steps[manifest + 1] == ("synchronise", "out")
