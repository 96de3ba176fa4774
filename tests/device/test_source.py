"""Devices by name, path, file and experiment section; figures and pictures of a device."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crosswall import device
from crosswall.errors import DeviceError, UsageError
from tests.device.tables import table_text
from tests.near import near


def test_ideal_section_takes_every_parameter():
    section = {"kind": "ideal", "name": "worn", "step": 0.01, "noise": 0.2, "asymmetry": 0.1,
               "nonlinearity": 0.3, "spread": 0.2, "stuck": 0.01, "conductance_min": 1e-6,
               "conductance_max": 2e-6}
    model = device.from_mapping(section)
    assert (model.name, model.gain_spread, model.stuck_share) == ("worn", 0.2, 0.01)
    assert (model.conductance_min, model.conductance_max) == (1e-6, 2e-6)


@pytest.mark.parametrize("section, message", [
    ({}, "`kind` must be one of ideal, table: got None"),
    ({"kind": "magic"}, "got 'magic'"),
    ({"kind": "ideal", "nois": 0.1}, "unknown device parameter `nois`; kind = 'ideal' allows name"),
    ({"kind": "table", "step": 0.1}, "unknown device parameter `step`"),
    ({"kind": "table"}, "`path` is missing"),
    ({"kind": "table", "path": 3}, "`path` must be text"),
    ({"kind": "table", "path": "stt-300k", "devices": 0}, "`devices` must be a list"),
    ({"kind": "table", "path": "stt-300k", "devices": [True]}, "`devices` must be a list"),
    ({"kind": "ideal", "step": "big"}, "`step` must be a number"),
    ({"kind": [1, 2]}, "`kind` must be one of ideal, table: got [1, 2]"),
    ({"kind": {"a": 1}}, "`kind` must be one of ideal, table: got {'a': 1}"),
    ({"kind": 10**5000}, "`kind` must be one of ideal, table: got a int too long to show"),
    ({"kind": "ideal", "step": 10**400}, "`step` must be a number from 1e-06 to 1: got 1000"),
    ({"kind": "ideal", "step": 10**5000}, "`step` must be a number from 1e-06 to 1: got a int"),
    ({"kind": "ideal", "noise": float("inf")}, "`noise` must be a number from 0 to 2: got inf"),
    ({"kind": "ideal", "spread": [0.1]}, "`spread` must be a number from 0 to 0.5: got [0.1]"),
    ({"kind": "ideal", "stuck": "few"}, "`stuck` must be a number from 0 to 1: got 'few'"),
    ({"kind": "ideal", "name": 3}, "`name` must be text: got 3"),
    ({"kind": "ideal", "conductance_max": 0.12},
     "`conductance_max` must be a number from 0 to 0.05: got 0.12"),
    ({"kind": "table", "path": "stt-300k", "devices": [10**5000]}, "`devices` must list distinct"),
    ({"kind": "table", "path": "stt-300k", "devices": [[0]]}, "`devices` must be a list of num"),
    ({"kind": "table", "path": "stt-300k", "devices": {"0": 1}}, "`devices` must be a list of num"),
    ({"kind": "table", "path": "stt-300k", "range": ["own"]}, "`range` must be text"),
    ({"kind": "table", "path": "stt-300k", "range": "wide"}, "`range` must be one of own, common"),
    ({"kind": "table", "path": "no\0where"}, "no such file"),
    ({"kind": "table", "path": "x" * 5000}, "cannot be read"),
])
def test_mistakes_in_a_section_are_one_line_and_named(section, message, write_pair, monkeypatch):
    monkeypatch.setattr(device.source, "_named_folder", lambda name, data: write_pair())
    with pytest.raises(DeviceError) as caught:
        device.from_mapping(section)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 6000


def test_section_path_counts_from_its_file(write_pair):
    folder = write_pair()
    section = {"kind": "table", "path": folder.name, "range": "common", "spread": 0.1}
    model = device.from_mapping(section, base=folder.parent)
    assert model.gain_spread == 0.1
    assert "common" in model.provenance


def test_device_file_is_loaded_and_named_after_itself(write_pair):
    folder = write_pair()
    file = folder / "mine.toml"
    file.write_text('kind = "table"\npath = "."\ndevices = [0]\nstuck = 0.5\n')
    model = device.load(file)
    assert (model.name, model.stuck_share) == ("mine", 0.5)


@pytest.mark.parametrize("content, message", [
    ("kind = ", "is not valid TOML"), ("kind = [1, 2]", r"`kind` must be one of ideal, table"),
    ('kind = "ideal"\nstep = 7\n', "`step` must be"),
    ('kind = "table"\npath = "gone"\n', "no such file")])
def test_mistakes_in_a_device_file_name_the_file(tmp_path, content, message):
    file = tmp_path / "bad.toml"
    file.write_text(content)
    with pytest.raises(DeviceError) as caught:
        device.load(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_device_lists_the_names(tmp_path):
    with pytest.raises(DeviceError, match="'stt-77k' not found; give one of ideal, stt-0k"):
        device.load("stt-77k")


def test_named_tables_are_found_through_the_environment(write_pair, tmp_path, monkeypatch):
    source = write_pair()
    folder = tmp_path / "elsewhere" / "dwmtj-lut" / "STT" / "300K"
    folder.mkdir(parents=True)
    for file in source.glob("*.txt"):
        file.rename(folder / file.name)
    monkeypatch.setenv("CROSSWALL_DATA", str(tmp_path / "elsewhere"))
    model = device.load("stt-300k")
    assert model.name == "stt-300k"
    assert str(tmp_path) not in model.provenance
    section = {"kind": "table", "path": "stt-300k"}
    assert device.from_mapping(section).name == "stt-300k"
    assert device.from_mapping({**section, "name": "mine"}).name == "mine"
    with pytest.raises(DeviceError, match="'sot-0k' were not found .*CROSSWALL_DATA"):
        device.load("sot-0k")


def test_description_of_the_default_device_is_plain_and_right():
    model = device.load("ideal")
    figures = device.describe(model, device.compile(model, 12, 5, 4, 0))
    assert json.loads(json.dumps(figures)) == figures
    assert figures["levels"] == near(257)
    assert figures["potentiate"]["pulses_end_to_end"] == near(256)
    assert figures["depress"]["mean"] == near(-1 / 256)
    assert figures["potentiate"]["table_mean"] == near(16 / 4095)
    assert figures["energy"]["read_min"] == near(0.6e-15)
    assert figures["energy"]["read_max"] == near(1.2e-15)


def test_description_follows_nonlinearity_and_spread():
    model = device.ideal(step=0.02, nonlinearity=0.5, noise=0.1, spread=0.2, stuck=0.25)
    figures = device.describe(model, device.compile(model, 14, 5, 5, 0))
    scale = 0.02 / 0.75
    for word, sign in (("potentiate", 1), ("depress", -1)):
        assert figures[word]["mean"] == near(sign * 0.02)
        assert figures[word]["at_start"] == near(sign * scale)
        assert figures[word]["at_end"] == near(sign * scale / 2)
        # ∫ dx / (scale (1 − x/2)) = 2 ln 2 / scale; two points integrate it roughly.
        assert figures[word]["pulses_end_to_end"] == near(
            2 * np.log(2) / scale, rel=0.05)
    assert figures["static_spread"] == near(0.2, rel=0.03)
    assert figures["stuck_share"] == 0.25


def test_wall_that_is_pushed_back_has_no_end_to_end_count(write_pair):
    rows = np.array([(2e-6, -1.2e-6, -1.2e-6), (4e-6, -0.8e-6, -0.8e-6), (6e-6, -0.4e-6, -0.4e-6)])
    model = device.read_devices(write_pair(increasing=table_text(rows)))
    figures = device.describe(model, device.compile(model, 12, 5, 4, 0))
    assert figures["potentiate"]["pulses_end_to_end"] is None
    json.dumps(figures)


def test_picture_is_written_and_reproducible(tmp_path):
    pytest.importorskip("matplotlib")
    model = device.ideal(step=1 / 32, noise=0.2, spread=0.2)
    table = device.compile(model, 12, 3, 3, 1)
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    device.draw(model, table, first)
    device.draw(model, table, second)
    assert first.read_bytes().startswith(b"\x89PNG")
    assert first.read_bytes() == second.read_bytes()


def test_picture_of_an_unknown_format_is_refused_with_those_known(tmp_path):
    model = device.load("ideal")
    with pytest.raises(UsageError, match=r"picture.unknown: expected .* \.png, \.svg or \.pdf"):
        device.draw(model, device.compile(model, 8, 0, 0, 0), tmp_path / "picture.unknown")
    assert list(tmp_path.iterdir()) == []
