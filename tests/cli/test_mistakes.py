"""A user's mistakes: one line, the right exit code, nothing written, boards untouched."""

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest

from crosswall.board import remote
from crosswall.experiment import Experiment
from crosswall.link import BoardModel
from crosswall.spec.build import Build
from crosswall.spec.frames import PROTOCOL_VERSION
from tests.board.fake_board import FakeBoard, on_terminal


@pytest.fixture(autouse=True)
def nothing_is_written(tmp_path: Path, request: pytest.FixtureRequest):
    """Whatever a test itself puts into the folder stays alone there."""
    yield
    left = {path.name for path in tmp_path.iterdir()}
    assert left <= {"own.npz", "own.csv", "idx", "table", "state.npz", "precious"}, left


def edit(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(("old", "new", "words"), [
    ("neurons = 8", "neurons = 1", "geometry.neurons = 1: expected a whole number, 2 to 1024"),
    ("neurons = 8", "nuerons = 8", "unknown key geometry.nuerons (did you mean 'neurons'?)"),
    ("seed = 3", 'seed = "3"', "experiment.seed = '3'"),
    ("seed = 3", "seed = = 3", "not valid TOML"),
    ("field = 3", "field = 9", "`field` must be 1 to 8: got 9"),
    ("gate_shifts = [2, 4]", "gate_shifts = [2, 40]", "phases[1].gate_shifts[1] = 40"),
])
def test_wrong_experiment_file(crosswall, small, old, new, words):
    assert words in crosswall.fails(3, "run", edit(small, old, new))
    assert words in crosswall.fails(3, "verify", small, "--board", "twin")


def test_missing_experiment_file(crosswall):
    assert "did you mean 'digits'" in crosswall.fails(3, "run", "digist")
    assert "cannot be read" in crosswall.fails(3, "run", "none.toml")


def write_npz(folder: Path, x: np.ndarray, y: np.ndarray) -> str:
    np.savez(folder / "own.npz", x=x, y=y)
    return "own.npz"


def images(count: int = 200) -> np.ndarray:
    return np.arange(count * 64, dtype=float).reshape(count, 8, 8) % 17


@pytest.mark.parametrize(("x", "y", "words"), [
    (images(), np.arange(200) % 10 - 1, "-1"),
    (images(), np.arange(200) % 11, "4, …, 10, but `data.classes` = 10"),
    (images()[:0], np.zeros(0, int), "no samples"),
    (images(), np.zeros(199, int), "200 samples need labels"),
    (np.where(np.arange(12800).reshape(200, 8, 8) == 77, np.nan, 1.0), np.arange(200) % 10, "nan"),
    (images()[:, :7, :7], np.arange(200) % 10, "images of 7×7, but `data.shape` says 8×8"),
    (np.ones((200, 3, 8, 8)), np.arange(200) % 10, "[200, 3, 8, 8]"),
    (np.array(["a"] * 200), np.arange(200) % 10, "real numbers"),
])
def test_wrong_data(crosswall, small, tmp_path, x, y, words):
    assert words in crosswall.fails(4, "run", small, "--data", write_npz(tmp_path, x, y))


def test_truncated_idx(crosswall, small, tmp_path):
    folder = tmp_path / "idx"
    folder.mkdir()
    header = b"\0\0\x08\x03" + (100).to_bytes(4, "big") + (8).to_bytes(4, "big") * 2
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(header + bytes(100))
    with gzip.open(folder / "train-labels-idx1-ubyte.gz", "wb") as file:
        file.write(b"\0\0\x08\x01" + (100).to_bytes(4, "big") + bytes(100))
    message = crosswall.fails(4, "run", small, "--data", "idx")
    assert "train-images-idx3-ubyte.gz" in message and "6400 bytes" in message


def test_missing_data(crosswall, small):
    assert "no such file" in crosswall.fails(4, "run", small, "--data", "nowhere")


def test_missing_data_are_not_replaced_by_those_of_the_experiment_file(crosswall, small):
    np.savez(small.parent / "set.npz", x=np.arange(1280).reshape(20, 8, 8), y=np.arange(20) % 10)
    edit(small, 'source = "digits"', 'source = "set.npz"')
    for data in ("nowhere.npz", small.parent / "nowhere.npz", ""):
        assert "--data" in crosswall.fails(4, "run", small, "--data", data)


@pytest.mark.parametrize("content", [
    "0 1 2\n0 .5 1\n", "1 0 2\n0 .5 1\n0 0 0\n0 0 0\n0 0 0\n", "hello\n", ""])
def test_malformed_device_table(crosswall, small, tmp_path, content):
    folder = tmp_path / "table"
    folder.mkdir()
    for name in ("dG_increasing.txt", "dG_decreasing.txt"):
        (folder / name).write_text(content)
    assert "table" in crosswall.fails(5, "run", small, "--device", "table")
    assert "table" in crosswall.fails(5, "device", "show", "table")


def test_unknown_device(crosswall, small):
    assert "'stt-30k' not found" in crosswall.fails(5, "run", small, "--device", "stt-30k")


@pytest.mark.parametrize(("arguments", "words"), [
    ((), "missing PRESET|FILE.toml"),
    (("--resume", "nothing"), "no interrupted run"),
    (("digits", "--resume", "nothing"), "PRESET|FILE.toml has no effect with --resume"),
    (("digits", "--boards", "twin"), "--boards"),
    (("digits", "--board", "ulx4s"), "no board 'ulx4s'; boards are twin, virtual"),
    (("digits", "--board", "ulx3s"), "Add --port"),
    (("digits", "--board", "twin", "--port", "/dev/ttyS0"), "has no port"),
    (("digits", "--train", "0"), "--train"),
    (("digits", "--out", "precious"), "is not empty (it holds thesis.tex)"),
])
def test_wrong_options(crosswall, tmp_path, arguments, words):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("all of it")
    assert words in crosswall.fails(2, "run", *arguments)
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "all of it"


def test_unknown_command(crosswall):
    assert "No such command 'rnu'" in crosswall.fails(2, "rnu")


def fake(path: Path, **options) -> FakeBoard:
    return FakeBoard(Experiment.load(str(path)).network(), Build(lanes=8, readout_lanes=4),
                     **options)


def test_port_that_does_not_exist(crosswall, small):
    assert "no serial port /dev/none" in crosswall.fails(6, "run", small, "--port", "/dev/none")
    assert "no serial port /dev/none" in crosswall.fails(6, "info", "--port", "/dev/none")


@pytest.mark.parametrize("port", ["/dev/null", "/", ""])
def test_port_that_is_no_serial_port(crosswall, small, port):
    assert "serial port" in crosswall.fails(6, "run", small, "--port", port)
    assert "serial port" in crosswall.fails(6, "info", "--port", port)


def test_rate_that_no_port_has(crosswall):
    with on_terminal(None) as port:
        assert "3000000000 is not in the range" in crosswall.fails(
            2, "info", "--port", port, "--baud", 3_000_000_000)


def test_busy_port(crosswall, small):
    with on_terminal(fake(small)) as port:
        user = remote.RemoteBoard(remote_transport(port))
        assert "in use" in crosswall.fails(6, "run", small, "--port", port)
        user.close()


def remote_transport(port: str):
    from crosswall.link import SerialTransport

    return SerialTransport(port)


@pytest.mark.parametrize("noise", [b"", b"login: \0\xff\0garbage\0"])
def test_port_that_answers_garbage_or_nothing(crosswall, small, monkeypatch, noise):
    monkeypatch.setattr(remote, "IDENTIFY_PATIENCE", 0.3)
    with on_terminal(None, noise=noise) as port:
        assert "no answer" in crosswall.fails(6, "info", "--port", port)


@pytest.mark.parametrize(("options", "words"), [
    ({"protocol_version": PROTOCOL_VERSION + 8}, f"version {PROTOCOL_VERSION + 8}"),
    ({"magic": 0x1234}, "not crosswall"),
])
def test_board_of_another_version(crosswall, small, options, words):
    with on_terminal(fake(small, **options)) as port:
        assert words in crosswall.fails(7, "run", small, "--port", port)


def test_board_of_another_build_is_left_untouched(crosswall, small, tmp_path):
    board = fake(small)
    board.memories[1][:] = 7
    before = {memory: values.copy() for memory, values in board.memories.items()}
    words = dict(board.words)
    edit(small, "neurons = 8", "neurons = 16")
    with on_terminal(board) as port:
        message = crosswall.fails(7, "run", small, "--port", port)
        assert "8 neurons" in message and "16 neurons" in message
        crosswall.fails(7, "verify", small, "--port", port)
        crosswall.fails(7, "snapshot", "save", small, "state.npz", "--port", port)
    assert board.words == words and board.samples == 0
    assert all((before[memory] == board.memories[memory]).all() for memory in before)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"text"])
def test_snapshot_that_is_none_leaves_the_board_untouched(crosswall, small, tmp_path, content):
    (tmp_path / "state.npz").write_bytes(content)
    board = fake(small)
    with on_terminal(board) as port:
        assert "not a snapshot" in crosswall.fails(4, "snapshot", "restore", small, "state.npz",
                                                   "--port", port)
    assert not any(values.any() for values in board.memories.values())


def test_snapshot_of_another_network_is_refused(crosswall, small, tmp_path):
    board = fake(small)
    with on_terminal(board) as port:
        crosswall("snapshot", "save", small, "state.npz", "--port", port)
        edit(small, "neurons = 8", "neurons = 16")
        assert "another network" in crosswall.fails(4, "snapshot", "restore", small, "state.npz",
                                                    "--port", port)


def test_twin_cannot_be_built_or_flashed(crosswall):
    assert "software" in crosswall.fails(2, "build", "twin")
    assert "software" in crosswall.fails(2, "flash", "twin")


def test_virtual_board_is_not_flashed(crosswall):
    assert "has no bitstream" in crosswall.fails(2, "flash", "virtual")


def test_flash_before_build(crosswall):
    assert "crosswall build ulx3s" in crosswall.fails(2, "flash", "ulx3s")
    assert "ulx3s-digits-lanes-8-overlap-false;" in crosswall.fails(
        2, "flash", "ulx3s", "digits", "--lanes", 8, "--no-overlap")


def test_build_options_that_do_not_fit_the_network(crosswall):
    assert "divides the 64 neurons: got 3" in crosswall.fails(
        3, "build", "ulx3s", "digits", "--lanes", 3)
    assert "`positions` above 1 needs" in crosswall.fails(
        3, "build", "ulx3s", "digits", "--positions", 4)
    assert "exclude each other" in crosswall.fails(
        3, "build", "icebreaker", "digits", "--overlap")


def test_table_of_a_board_that_it_does_not_have(crosswall):
    assert "`virtual` is not in the table" in crosswall.fails(
        2, "boards", "--table", "--board", "virtual")


def test_table_that_cannot_be_written_is_refused_before_anything_is_built(crosswall, tmp_path):
    place = tmp_path / "precious"
    place.write_text("kept")
    assert "is a file" in crosswall.fails(2, "boards", "--table", "--out", place / "table.md")
    assert place.read_text() == "kept"


def test_debug_shows_the_traceback(crosswall, monkeypatch):
    monkeypatch.setenv("CROSSWALL_DEBUG", "1")
    result = crosswall("run", "nothing.toml")
    assert result.exit_code == 3
    assert result.stderr.startswith("Traceback")
    assert "ExperimentError: nothing.toml" in result.stderr


def test_board_that_breaks_off_in_mid_run(crosswall, small, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 3.0)
    board = fake(small)
    step = BoardModel.step
    monkeypatch.setattr(BoardModel, "step",
                        lambda model: step(model) if board.samples < 20 else False)
    with on_terminal(board) as port:
        assert "no answer to sample 20" in crosswall.fails(6, "run", small, "--port", port)


def test_devices_that_vary_on_a_board_without_spread(crosswall, small):
    experiment = Experiment.load(str(edit(small, "[[phases]]\nkind = \"cluster\"",
                                          "[device]\nkind = \"ideal\"\nspread = 0.1\n\n"
                                          "[[phases]]\nkind = \"cluster\"")))
    build = dataclasses.replace(Build(lanes=8, readout_lanes=4), static_spread=False)
    with on_terminal(FakeBoard(experiment.network(), build)) as port:
        assert "static_spread" in crosswall.fails(7, "run", small, "--port", port)


def test_label_of_a_table_is_chosen_on_the_command_line(crosswall, small, tmp_path):
    rows = [f"{label},{','.join(str((label * 7 + pixel) % 10) for pixel in range(64))}"
            for label in range(10) for _ in range(8)]
    (tmp_path / "own.csv").write_text("\n".join(rows) + "\n")
    arguments = ("run", small, "--data", "own.csv", "--train", 60, "--test", 20)
    assert "name it with `data.label` or --label" in crosswall.fails(4, *arguments)
    assert "no such column; expected a number, 1 to 65" in crosswall.fails(
        4, *arguments, "--label", "66")
    assert "only a table" in crosswall.fails(4, "run", small, "--label", "1")
    assert "only a table" in crosswall.fails(4, "verify", small, "--label", "1", "--board", "twin")
