"""From a physics file to tables, a compiled device and its energy; mistakes; the command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crosswall import device as devices
from crosswall.device import physics
from crosswall.device.physics import compiled, monte_carlo
from crosswall.device.provenance import PROVENANCE
from crosswall.errors import DeviceError, HostError, ToolError, UsageError
from crosswall.spec.device_table import Direction
from tests.cli.conftest import CommandLine
from tests.device.tables import write_pair
from tests.near import near

SMALL = """
name = "small"

[material]
magnetisation = 800e3
exchange = 15e-12
anisotropy = 800e3
damping = 0.3
dmi = 0.5e-3

[torque]
spin_hall_angle = 0.15

[track]
length = 400e-9
width = 100e-9
thickness = 1e-9
notch_period = 100e-9
notch_barrier = 1e-19
end_width = 100e-9
end_energy = 4e-19

[pulse]
current_density = 1e12
duration = 0.5e-9
rise = 0.3e-9
relaxation = 0.5e-9

[junction]
conductance_min = 60e-6
conductance_max = 120e-6

[conductor]
resistivity = 4e-7
thickness = 6e-9
"""


def small(**changes: object) -> physics.DeviceParameters:
    """The small device with other values, by the key's last name."""
    text = SMALL
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count == 1, key
    return physics.parse(text, "small.toml")


def test_statistics_are_reproduced_bit_for_bit_and_differ_with_the_seed(monkeypatch):
    first = physics.sample_pulse(small(), samples=8, seed=3)
    monkeypatch.setattr(monte_carlo.os, "cpu_count", lambda: 1)  # threads do not matter
    again, other = (physics.sample_pulse(small(), samples=8, seed=seed) for seed in (3, 4))
    assert np.array_equal(first.change, again.change)
    assert not np.array_equal(first.change, other.change)
    assert first.conductance == near(np.linspace(60e-6, 120e-6, 5))
    assert np.all(np.diff(first.change, axis=-1) >= 0)


def test_cold_wall_moves_from_notch_to_notch_and_stays_at_the_end():
    cold = physics.parse(SMALL.replace("relaxation = 0.5e-9", "relaxation = 4e-9\ntemperature = 0"),
                         "cold")
    up = physics.sample_pulse(cold, samples=2, seed=1).change[Direction.POTENTIATE]
    notches = up[:, 0] / 15e-6
    assert notches == pytest.approx(np.rint(notches), abs=1e-3)
    assert notches[0] > 0.5 and notches[-1] == pytest.approx(0, abs=1e-3)
    assert np.all(up[:, 0] == up[:, 1])  # and ±φ move alike


def test_both_directions_mirror_each_other():
    samples = 400
    change = physics.sample_pulse(small(), samples=samples, seed=5).change
    up, down = change[Direction.POTENTIATE], -change[Direction.DEPRESS][::-1]
    error = np.sqrt((up.var(axis=1) + down.var(axis=1)) / samples)
    assert np.all(np.abs(up.mean(axis=1) - down.mean(axis=1)) < 4 * error + 1e-9)


def test_the_step_of_the_integrator_does_not_matter():
    samples = 400
    coarse = physics.sample_pulse(small(), samples=samples, seed=5)
    fine = physics.sample_pulse(physics.parse(SMALL.replace(
        "rise =", f"step = {coarse.step / 3}\nrise ="), "fine"), samples=samples, seed=6)
    assert fine.step == near(coarse.step / 3)
    error = np.sqrt((coarse.change.var(axis=-1) + fine.change.var(axis=-1)) / samples)
    assert np.all(np.abs(coarse.change.mean(axis=-1) - fine.change.mean(axis=-1)) < 4 * error
                  + 1e-9)


def test_track_without_notches_is_sampled_at_even_places():
    smooth = small(notch_barrier=0, damping=0.5)
    statistics = physics.sample_pulse(smooth, samples=4, seed=1)
    assert statistics.change.shape == (2, monte_carlo.SMOOTH_POINTS, 4)
    assert statistics.change[Direction.POTENTIATE, 0].min() > 0


def test_written_tables_keep_the_mean_of_the_samples(tmp_path):
    parameters = small()
    statistics = physics.sample_pulse(parameters, samples=30, seed=2)
    folder = physics.compile_device(parameters, tmp_path / "out", samples=30, seed=2)
    model = devices.load(folder)
    assert model.name == "small" and "30 trajectories" in model.provenance
    assert (model.conductance_min, model.conductance_max) == near((60e-6, 120e-6))
    for direction in Direction:
        assert model.steps[0, direction].mean(axis=-1) == pytest.approx(
            statistics.change[direction].mean(axis=-1) / 60e-6, abs=1e-7)
    assert devices.compile(model, 12, 5, 4, 0).entries == 1024


def test_write_energy_is_that_of_the_conductor_unless_the_user_says_another(tmp_path):
    folder = physics.compile_device(small(), tmp_path / "out", samples=4)
    expected = 4e-7 * 1e12**2 * (400e-9 * 100e-9 * 6e-9) * (0.5e-9 + 2 / 3 * 0.3e-9)
    model = devices.load(folder)
    assert devices.EnergyCoefficients.of(model).write_energy == near(expected)
    nominal = devices.EnergyCoefficients.of(model, {"write_energy": "nominal"})
    assert nominal.write_energy == 1e-15
    without = physics.parse(SMALL.split("[conductor]")[0], "x")
    model = devices.load(physics.compile_device(without, tmp_path / "two", samples=4))
    assert devices.EnergyCoefficients.of(model).write_energy == 1e-15


def test_provenance_says_what_the_tables_are_made_of(tmp_path):
    folder = physics.compile_device(small(), tmp_path / "out", samples=4, seed=9)
    record = json.loads((folder / PROVENANCE).read_text())
    assert (record["seed"], record["samples"]) == (9, 4)
    assert record["parameters"]["material"]["dmi"] == 0.5e-3
    assert record["derived"]["wall_width"] == small().wall().width
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    physics.compile_device(small(), tmp_path / "again", samples=4, seed=9)
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}


@pytest.mark.parametrize("content", ["", "[]", '{"name": 1, "provenance": "", "write_energy": 0}',
                                     '{"name": "", "provenance": "", "write_energy": -1}'])
def test_damaged_provenance_is_refused(tmp_path, content):
    folder = physics.compile_device(small(), tmp_path / "out", samples=2)
    (folder / PROVENANCE).write_text(content)
    with pytest.raises(DeviceError, match="compile the device again"):
        devices.load(folder)


def test_a_compiled_device_is_replaced_if_forced_and_nothing_else_is(tmp_path):
    folder = physics.compile_device(small(), tmp_path / "out", samples=2)
    before = (folder / "dG_increasing.txt").read_text()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds results already; add --force"):
        physics.compile_device(small(), folder, samples=2, seed=2)
    assert (folder / "dG_increasing.txt").read_text() == before
    physics.compile_device(small(), folder, samples=2, seed=2, force=True)
    assert (folder / "dG_increasing.txt").read_text() != before
    assert (folder / "notes.txt").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


def test_tables_of_others_are_not_replaced(tmp_path):
    folder = write_pair(tmp_path / "measured")
    before = (folder / "dG_increasing.txt").read_text()
    with pytest.raises(UsageError, match="dG_decreasing.txt: is in the way"):
        physics.compile_device(small(), folder, samples=2, force=True)
    assert (folder / "dG_increasing.txt").read_text() == before


@pytest.mark.parametrize("mistake", [KeyboardInterrupt, OSError])
def test_nothing_is_left_half_written(tmp_path, monkeypatch, mistake):
    def fail(*_: object) -> str:
        raise mistake

    monkeypatch.setattr(compiled, "table_text", fail)
    with pytest.raises((KeyboardInterrupt, HostError)):
        physics.compile_device(small(), tmp_path / "out", samples=2)
    assert not list(tmp_path.iterdir())


def test_tables_that_are_not_those_of_their_provenance_are_refused(tmp_path):
    folder = physics.compile_device(small(), tmp_path / "out", samples=2)
    table = folder / "dG_increasing.txt"
    table.write_text(table.read_text().replace(",", ", ", 1))
    with pytest.raises(DeviceError, match="dG_increasing.txt: is missing, or not the table that"):
        devices.load(folder)
    (folder / PROVENANCE).unlink()
    assert devices.load(folder).devices == 1


def test_an_interrupted_simulation_stops_at_once():
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    blocks = []
    with pytest.raises(KeyboardInterrupt):
        physics.sample_pulse(small(), samples=2, seed=1, progress=interrupt)
    physics.sample_pulse(small(), samples=2, seed=1,
                         progress=lambda done, total: blocks.append((done, total)))
    assert blocks == [(number, 10) for number in range(1, 11)]


@pytest.mark.parametrize(("old", "new", "line"), [
    ("damping = 0.3", "damping = 3", "material.damping = 3: expected a number, 0.001 to 1 "
                                     "(Gilbert damping)"),
    ("damping = 0.3", "dampin = 0.3", "unknown key material.dampin (did you mean 'damping'?); "
                                      "expected one of magnetisation, exchange"),
    ("damping = 0.3", "", "material.damping is missing; expected a number, 0.001 to 1"),
    ("damping = 0.3", "damping = true", "material.damping = True: expected a number"),
    ("damping = 0.3", 'damping = "low"', "material.damping = 'low': expected a number"),
    ("[conductor]", "[wires]", "unknown key wires; expected one of name, description"),
    ("resistivity", "#", "conductor.resistivity is missing; expected a number, 1e-09 to 0.001 Ω m"),
    ("[track]", "[[track]]", "track = [{'length'"),
    ("anisotropy = 800e3", "anisotropy = 100e3", "material.anisotropy 100000 J/m³ is below"),
    ("spin_hall_angle = 0.15", "", "torque: polarisation and spin_hall_angle are both 0"),
    ("length = 400e-9", "length = 410e-9", "track.length = 4.1e-07: expected a whole number"),
    ("length = 400e-9", "length = 2000e-7", "track.length = 0.0002: expected a number"),
    ("length = 400e-9\nwidth = 100e-9\nthickness = 1e-9\nnotch_period = 100e-9",
     "length = 1e-5\nwidth = 100e-9\nthickness = 1e-9\nnotch_period = 1e-9",
     "expected at most 1024 notch periods along the track, got 10000"),
    ("notch_period = 100e-9", "", "track.notch_period is missing"),
    ("conductance_max = 120e-6", "conductance_max = 1e-6", "junction.conductance_max = 1e-06: "
                                                           "expected more"),
    ('name = "small"', 'name = "a/b"', "name = 'a/b': expected a name of letters"),
    ('name = "small"', "name", "is not valid TOML"),
])
def test_a_mistake_is_named_in_one_line(old, new, line):
    assert old in SMALL
    with pytest.raises(DeviceError) as caught:
        physics.parse(SMALL.replace(old, new), "my.toml")
    message = str(caught.value)
    assert message.startswith("my.toml: ") and line in message and "\n" not in message


@pytest.mark.parametrize(("old", "new", "line"), [
    ("rise = 0.3e-9", "step = 1e-10", "pulse.step = 1e-10: expected at most"),
    ("relaxation = 0.5e-9", "relaxation = 1e-5\nstep = 1e-16", "shorten pulse or relaxation"),
    ("current_density = 1e12", "current_density = 1e9", "pulse.current_density = 1e+09: expected"),
    ("dmi = 0.5e-3", "dmi = -0.5e-3", "change the sign of dmi"),
])
def test_a_pulse_that_cannot_work_is_refused(tmp_path, old, new, line):
    assert old in SMALL
    with pytest.raises(DeviceError, match=re.escape(line)):
        physics.compile_device(physics.parse(SMALL.replace(old, new), "x"), tmp_path / "out",
                               samples=2)
    assert not list(tmp_path.iterdir())


def test_a_device_of_physics_is_compiled_before_it_is_used(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    with pytest.raises(DeviceError, match="compile it first: crosswall device compile"):
        devices.load(tmp_path / "small.toml")


def test_unknown_preset_or_file_is_named():
    with pytest.raises(DeviceError, match=r"'stt-pms' \(did you mean 'stt-pma'\?\)"):
        physics.read("stt-pms")
    with pytest.raises(DeviceError, match=r"nowhere.toml: cannot be read"):
        physics.read("nowhere.toml")


def test_numba_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "crosswall.device.physics.integrator", None)
    with pytest.raises(ToolError, match="needs numba"):
        physics.sample_pulse(small(), samples=2, seed=1)


@pytest.mark.parametrize("name", physics.preset_names())
def test_presets_are_levels_of_a_track_that_keeps_its_state(name):
    parameters = physics.read(name)
    statistics = physics.sample_pulse(parameters.model_copy(update={
        "track": parameters.track.model_copy(
            update={"length": 8 * parameters.track.notch_period})}), samples=6, seed=1)
    moved = statistics.change[Direction.POTENTIATE, 0].mean() / np.ptp(statistics.conductance) * 8
    assert 20 <= parameters.notches / moved <= 60
    assert parameters.sources and parameters.write_energy < 1e-11
    assert parameters.track.notch_barrier > 39 * 1.380649e-23 * 300


def test_command_compiles_and_the_result_can_be_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL)
    crosswall = CommandLine()
    result = crosswall("device", "compile", "small.toml", "--samples", 4, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["name"] == "small"
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml", "small"}
    shown = crosswall("device", "show", "small")
    assert "small" in shown.stdout and "domain wall in collective coordinates" in shown.stdout
    assert "stt-pma" in crosswall("device", "presets").stdout
    assert crosswall("device", "presets", "stt-pma").stdout == physics.preset_text("stt-pma")
    assert "no device preset 'x'" in crosswall.fails(5, "device", "presets", "x")
    assert "no preset or file 'x'" in crosswall.fails(5, "device", "compile", "x")


INTERRUPTED = """
import os
import signal
import threading

from crosswall.cli import main
from crosswall.device.physics import monte_carlo

simulate = monte_carlo._one_pulse
once = threading.Lock()

def interrupted(*arguments):
    if once.acquire(blocking=False):
        os.kill(os.getpid(), signal.SIGINT)
    return simulate(*arguments)

monte_carlo._one_pulse = interrupted
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by jobs in the background
main(["device", "compile", "small.toml", "--samples", "4"])
"""
"""The command, which is interrupted as it simulates."""


def test_interrupt_ends_the_command_with_130_and_leaves_nothing(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    host = Path(devices.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=tmp_path, text=True,
                         capture_output=True, env={**os.environ, "PYTHONPATH": str(host)})
    assert run.returncode == 130 and run.stderr.strip() == "crosswall: error: interrupted"
    assert {path.name for path in tmp_path.iterdir()} == {"small.toml"}


class Traced:
    """In the integrator's place: keeps what each call starts from, and moves every wall 1 nm."""

    def __init__(self) -> None:
        self.calls: list[tuple[np.ndarray, np.ndarray, float, float, float]] = []

    def __call__(self, rates, q, phi, duration, steps, scale, final_scale, generator) -> None:
        self.calls.append((q.copy(), phi.copy(), duration, scale, final_scale))
        q += 1e-9
        phi += 0.125


@pytest.mark.parametrize("notched", [True, False])
def test_walls_start_at_both_angles_and_in_a_notch_with_their_thermal_place(monkeypatch, notched):
    traced = Traced()
    monkeypatch.setattr(monte_carlo, "_integrator", lambda: traced)
    parameters = small(dmi=0.1e-3)
    if not notched:
        track = parameters.track.model_copy(update={"notch_period": None, "notch_barrier": 0.0})
        parameters = parameters.model_copy(update={"track": track})
    assert (parameters.notches is not None) == notched
    wall = parameters.wall()
    ends = monte_carlo._one_pulse(parameters, wall, 1e-12, Direction.POTENTIATE, 100e-9, 5,
                                  np.random.default_rng(1))
    angle = wall.equilibrium_angle
    assert 0 < angle < np.pi, "else both angles are the same"
    places, angles, durations, scales, final_scales = zip(*traced.calls, strict=True)
    assert angles[0].tolist() == [angle, -angle, angle, -angle, angle]
    assert places[0].tolist() == [100e-9] * 5
    assert places[1] == near([101e-9 if notched else 100e-9] * 5)
    assert angles[1] == near(angles[0] + 0.125), "the angle's thermal distribution stays"
    assert ends == near([105e-9 if notched else 104e-9] * 5)
    assert durations == near((0.5e-9, 0.3e-9, 0.5e-9, 0.3e-9, 0.5e-9))
    assert scales == (0, 0, 1, 1, 0) and final_scales == (0, 1, 1, 0, 0)
