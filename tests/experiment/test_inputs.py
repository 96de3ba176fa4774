"""Whatever a result follows from changes its inputs' hashes, and nothing else does."""

from __future__ import annotations

import enum
import json
import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest

import crosswall
from crosswall.data import Dataset
from crosswall.device import DeviceModel, EnergyCoefficients, ideal
from crosswall.experiment import Experiment
from crosswall.experiment import inputs as module
from crosswall.experiment.inputs import code_digest, data_digest, devices_digest, digest, inputs
from tests.device.tables import write_pair

DATASET = Dataset("set", np.arange(12, dtype=np.uint8).reshape(3, 4),
                  np.array([0, 1, 0]), 2, (2, 2))


def of(experiment: Experiment) -> dict[str, str]:
    return inputs(experiment, data_digest(*experiment.load_data()))


def other(value):
    """Another value of the same type."""
    if isinstance(value, np.ndarray):
        changed = value.copy()
        changed.flat[-1 if changed.size == 1 else changed.size // 2] += 1e-9 \
            if changed.dtype.kind == "f" else 1
        return changed
    if value is None:
        return 1e-15
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return (4, 1)
    return value + "'" if isinstance(value, str) else value + 1 if isinstance(value, int) \
        else value * 1.001 + 1e-9


@pytest.mark.parametrize("field", [item.name for item in fields(DeviceModel)])
def test_every_field_of_a_device_counts(field):
    model = ideal(noise=0.1, spread=0.1, stuck=0.01)
    assert digest(model) == digest(ideal(noise=0.1, spread=0.1, stuck=0.01))
    model = replace(model, positions=np.array([0, 0.5, 1]),
                    steps=model.steps[:, :, [0, 0, 1]])
    value = getattr(model, field)
    if field == "conductance_min":
        value = value / 2
    assert digest(replace(model, **{field: other(value)})) != digest(model)


@pytest.mark.parametrize("field", [item.name for item in fields(EnergyCoefficients)])
def test_every_energy_coefficient_counts(field):
    coefficients = EnergyCoefficients(1e-6, 2e-6)
    changed = replace(coefficients, **{field: getattr(coefficients, field) * 1.5 + 1e-20})
    assert digest(changed) != digest(coefficients)


@pytest.mark.parametrize("field", [item.name for item in fields(Dataset)])
def test_every_field_of_the_data_counts(field):
    assert digest(DATASET) == digest(replace(DATASET))
    changes = {"labels": {"labels": np.array([0, 1, 1])},
               "class_names": {"class_names": ("a", "b")},
               "classes": {"classes": 3, "class_names": ()}}
    changed = replace(DATASET, **changes.get(field) or {field: other(getattr(DATASET, field))})
    assert digest(changed) != digest(DATASET)


def test_which_part_a_sample_is_in_counts():
    one, two = DATASET.take(np.array([0, 1])), DATASET.take(np.array([2]))
    assert data_digest(one, two) != data_digest(two, one)
    assert data_digest(one, two) != data_digest(DATASET, DATASET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An experiment on data and a device of its own."""
    write_pair(tmp_path / "device")
    (tmp_path / "device" / "provenance.json").write_text(json.dumps(
        {"name": "mine", "provenance": "measured", "write_energy": 1e-15}))
    random = np.random.default_rng(1)
    np.savez(tmp_path / "data.npz", x=random.integers(0, 255, (40, 16), np.uint8),
             y=np.arange(40) % 4)
    (tmp_path / "experiment.toml").write_text("""\
[experiment]
name = "small"
[data]
source = "data.npz"
shape = [4, 4]
[geometry]
kind = "whole-image"
neurons = 8
[device]
kind = "table"
path = "device"
[energy]
code_time = 1e-9
[[phases]]
kind = "cluster"
[[phases]]
kind = "teach"
[[phases]]
kind = "evaluate"
""")
    return tmp_path


def load(folder: Path) -> Experiment:
    return Experiment.load(str(folder / "experiment.toml"))


def edit(name, old, new):
    def change(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
    return change


def edit_data(key, index, value):
    def change(folder):
        with np.load(folder / "data.npz") as archive:
            arrays = dict(archive)
        arrays[key][index] = value
        np.savez(folder / "data.npz", **arrays)
    return change


@pytest.mark.parametrize(("change", "part"), [
    (edit_data("x", (7, 5), 77), "data"),
    (edit_data("y", 7, 0), "data"),
    (edit("experiment.toml", "shape = [4, 4]", "shape = [2, 8]"), "data"),
    (edit("experiment.toml", "neurons = 8", "neurons = 16"), "experiment"),
    (edit("experiment.toml", 'name = "small"', 'name = "small"\nseed = 2'), "experiment"),
    (edit("experiment.toml", "code_time = 1e-9", "code_time = 2e-9"), "devices"),
    (edit("device/dG_increasing.txt", "3e-06", "3.0001e-06"), "devices"),
    (lambda folder: write_pair(folder / "device", scale=1000), "devices"),
    (edit("device/provenance.json", "1e-15", "2e-15"), "devices"),
    (edit("device/provenance.json", "measured", "guessed"), "devices"),
])
def test_whatever_is_changed_changes_the_inputs(folder, change, part):
    before = of(load(folder))
    assert of(load(folder)) == before
    change(folder)
    assert of(load(folder))[part] != before[part]


@pytest.mark.parametrize("change", [
    edit("experiment.toml", "[data]", "# the data\n\n[data]"),
    edit("device/dG_increasing.txt", "a comment", "another comment"),
    edit("device/dG_increasing.txt", "3e-06", "3.00e-6"),
])
def test_what_cannot_matter_changes_nothing(folder, change):
    before = of(load(folder))
    change(folder)
    assert of(load(folder)) == before


def test_place_of_the_experiment_and_its_data_changes_nothing(folder, tmp_path, mapping):
    mapping["data"] = {"source": "data"}
    here, there = (folder / "data.npz", folder / "elsewhere" / "data.npz")
    there.parent.mkdir()
    shutil.copy(here, there)
    first, second = (Experiment.from_mapping(mapping, where=str(path), folder=path.parent)
                     .with_options(data=str(path.parent), train=10, test=5)
                     for path in (here, there))
    assert of(first) == of(second)


def test_device_of_the_command_line_counts(small):
    assert devices_digest(small) != devices_digest(
        replace(small, device_source=None, file=small.file.model_copy(
            update={"device": {"kind": "ideal", "noise": 0.1}})))


@pytest.mark.parametrize("name", ["spec/rules.py", "spec/network.py", "twin/kernel.py",
                                  "data/scaling.py", "device/table.py", "device/energy.py",
                                  "experiment/config.py", "experiment/report.py",
                                  "experiment/metrics.py", "board/twin.py", "sections.py"])
def test_changed_source_changes_the_code(tmp_path, monkeypatch, name):
    package = Path(crosswall.__file__).parent
    before = digest_of_sources(package, monkeypatch)
    copy = tmp_path / "crosswall"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert digest_of_sources(copy, monkeypatch) == before
    path = copy / name
    path.write_text(path.read_text() + "\nCHANGED = 1\n")
    assert digest_of_sources(copy, monkeypatch) != before


def test_version_of_what_computes_changes_the_code(monkeypatch):
    before = code_digest.__wrapped__()
    for name in ("numpy", "numba"):
        real = module.metadata.version
        monkeypatch.setattr(module.metadata, "version",
                            lambda each, name=name, real=real: "0" if each == name else real(each))
        assert code_digest.__wrapped__() != before
        monkeypatch.undo()


def digest_of_sources(package, monkeypatch) -> str:
    monkeypatch.setattr(module.resources, "files", lambda name: package)
    return code_digest.__wrapped__()


def test_left_out_sources_exist():
    package = Path(crosswall.__file__).parent
    for name in module._BESIDE_THE_POINT:
        assert (package / name).exists(), name


@dataclass
class Pair:
    """Two of anything."""

    first: object
    second: object


class Kind(enum.IntEnum):
    """Of a thing."""

    ONE = 1


@pytest.mark.parametrize(("one", "two"), [
    (["ab", "c"], ["a", "bc"]), ([["a"], "b"], [["a", "b"]]), ([], [[]]), ("1", 1), (1, True),
    (1, 1.0), (1, Kind.ONE), (None, "None"), (0.0, -0.0), (0.1 + 0.2, 0.3), ({"a": 1}, {"a": 2}),
    ({"a": {"b": 1}}, {"a": {}, "b": 1}), (b"a", "a"), (Pair(1, 2), Pair(2, 1)),
    (np.zeros(4, np.uint8), np.zeros(1, np.uint32)), (np.zeros((2, 3)), np.zeros((3, 2))),
    (np.zeros(0), np.zeros((0, 2))), (np.array([1.0]), np.array([1])),
])
def test_different_values_are_not_confused(one, two):
    assert digest(one) != digest(two)
    assert digest([one]) != digest(one)


@pytest.mark.parametrize(("one", "two"), [
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ((1, 2), [1, 2]),
    (np.arange(6).reshape(2, 3).T, np.array([[0, 3], [1, 4], [2, 5]])),
])
def test_equal_values_have_one_hash(one, two):
    assert digest(one) == digest(two)


def test_what_has_no_known_content_is_refused():
    for value in (object(), {1, 2}, lambda: None, [object()]):
        with pytest.raises(TypeError, match="cannot hash"):
            digest(value)
