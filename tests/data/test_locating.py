"""Where a set is found, and that nothing in the working directory takes its place."""

import os

import numpy as np
import pytest

from crosswall.data import load
from crosswall.data.locating import DATA_VARIABLE, is_path
from crosswall.errors import DataError
from tests.data.idx_files import write_idx

X = np.arange(32, dtype=np.uint8).reshape(8, 4)
Y = np.array([0, 1] * 4)


@pytest.fixture(autouse=True)
def working_directory(tmp_path_factory, monkeypatch):
    """An empty one, and no folder of data."""
    folder = tmp_path_factory.mktemp("working")
    monkeypatch.chdir(folder)
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    return folder


@pytest.fixture
def folder(tmp_path):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "expected"),
    [("iris", False), ("fashion-mnist", False), ("./iris", True), ("iris.npz", True),
     ("sets/iris", True), ("/iris", True), (".", True), ("..", True)],
)
def test_a_path_has_a_separator_or_an_extension(source, expected):
    assert is_path(source) is expected


def test_set_is_found_by_name_in_the_folder_that_is_passed(folder):
    assert load("mine", data=folder)[0].name == "mine"


def test_passed_file_is_the_set_itself_and_gives_its_name(folder):
    train, _ = load("mnist", data=folder / "mine.npz")
    assert (train.name, train.pixels) == ("mine", 4)


def test_set_is_found_in_the_folder_of_the_environment(folder, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    assert load("mine")[0].pixels == 4


def test_folder_of_the_environment_must_exist(folder, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(folder / "none"))
    with pytest.raises(DataError, match=f"^{DATA_VARIABLE} = .*none: there is no such folder"):
        load("mine")


def test_passed_folder_hides_the_environment_and_the_built_in_sets(folder, tmp_path_factory,
                                                                   monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    empty = tmp_path_factory.mktemp("empty")
    for name in ("mine", "digits"):
        with pytest.raises(DataError, match=f"'{name}' not found in --data {empty}"):
            load(name, data=empty)


def test_missing_set_says_where_it_was_looked_for_and_what_to_do(folder, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    with pytest.raises(DataError, match="not found") as caught:
        load("other")
    for part in (f"in {folder}", "--data PATH", DATA_VARIABLE, "digits"):
        assert part in str(caught.value)


def test_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "set.mat"
    path.touch()
    with pytest.raises(DataError, match=r"ends in one of \.npz, \.csv, \.tsv"):
        load(path)


@pytest.mark.parametrize("name", ["iris", "digits"])
def test_file_or_folder_of_the_working_directory_does_not_shadow_a_built_in_set(
    name, working_directory
):
    (working_directory / "iris").touch()
    (working_directory / "digits").mkdir()
    assert load(name)[0].name == name


def test_name_is_not_looked_for_in_the_working_directory_but_the_path_is_suggested(
    folder, working_directory, monkeypatch
):
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    np.savez(working_directory / "mine.npz", x=X[:, :2], y=Y)
    (working_directory / "other").mkdir()
    assert load("mine")[0].pixels == 4
    assert load("./mine.npz")[0].pixels == 2
    with pytest.raises(DataError, match=r"there is a folder other: write \./other"):
        load("other")


@pytest.mark.parametrize("data", ["typo.npz", "none/", "typo"])
@pytest.mark.parametrize("source", ["digits", "/some/where/own.npz", "mnist"])
def test_passed_path_that_does_not_exist_is_named_whatever_the_source(source, data):
    with pytest.raises(DataError, match=f"^--data {data.rstrip('/')}: no such file or folder"):
        load(source, data=data)


def test_empty_path_is_refused_not_ignored():
    with pytest.raises(DataError, match="^--data is empty"):
        load("digits", data="")


def test_passed_folder_of_data_does_not_go_with_a_source_that_is_a_path(folder):
    with pytest.raises(DataError, match=r"no IDX set \(it holds mine.npz\); the experiment names"):
        load(folder / "mine.npz", data=folder)


def test_several_sets_of_a_name_are_refused_and_listed(folder):
    (folder / "mine.csv").write_text("1,2,0\n3,4,1\n")
    with pytest.raises(DataError, match=r"more than one set .*mine\.csv\), mine \(.*mine\.npz"):
        load("mine", data=folder)


def test_idx_folder_beside_a_named_file_is_not_guessed(folder):
    write_idx(folder, X.reshape(8, 2, 2), Y)
    with pytest.raises(DataError, match=r"more than one set .*mine\.npz"):
        load("mine", data=folder)
    assert load("other", data=folder)[0].shape == (2, 2)


def emnist(folder, *splits):
    for offset, split in enumerate(splits):
        for part in ("train", "test"):
            write_idx(folder, X.reshape(8, 2, 2), Y + offset, part, prefix=f"emnist-{split}-")


def test_names_of_emnist_are_known_and_name_the_set(tmp_path):
    emnist(tmp_path, "letters")
    train, test = load("digits", data=tmp_path)
    assert (train.name, len(train), len(test)) == ("emnist-letters", 8, 8)


def test_one_of_several_idx_sets_is_chosen_by_name_and_else_refused(tmp_path):
    emnist(tmp_path, "digits", "letters")
    assert load("emnist-letters", data=tmp_path)[0].name == "emnist-letters"
    for call in (lambda: load("digits", data=tmp_path), lambda: load(tmp_path)):
        with pytest.raises(DataError, match=r"more than one .*emnist-digits .*, emnist-letters "):
            call()


@pytest.mark.parametrize("below", [".", "MNIST", "MNIST/raw"])
def test_folders_of_torchvision_are_found_from_each_level(tmp_path, below):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    write_idx(raw, X.reshape(8, 2, 2), Y)
    for source in ("digits", "mnist"):
        assert load(source, data=tmp_path / below)[0].name == "MNIST"
    os.chdir(tmp_path)
    assert load(f"./{below}")[0].name == "MNIST"


def test_set_of_torchvision_is_chosen_by_name(tmp_path, monkeypatch):
    for number, name in enumerate(("MNIST", "FashionMNIST")):
        raw = tmp_path / name / "raw"
        raw.mkdir(parents=True)
        write_idx(raw, X.reshape(8, 2, 2)[:, :, : 1 + number], Y)
    assert load("mnist", data=tmp_path)[0].shape == (2, 1)
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert load("fashion-mnist")[0].shape == (2, 2)
    with pytest.raises(DataError, match=r"more than one set .*FashionMNIST .*, MNIST "):
        load("kmnist", data=tmp_path)
