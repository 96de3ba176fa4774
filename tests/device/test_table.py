"""Tables in CrossSim's format: reading, normalising, and what is said about malformed files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from crosswall import device
from crosswall.device.model import SLICES
from crosswall.errors import DeviceError
from crosswall.spec.device_table import Direction
from tests.device.tables import CDF, CONDUCTANCE, DECREASING, INCREASING, table_text


def means(model, which=0):
    """Mean step [direction, position] of one device."""
    return model.steps[which].mean(axis=-1)


@pytest.mark.parametrize("packed", [False, True])
def test_pair_is_normalised_to_its_conductance_range(write_pair, packed):
    model = device.read_devices(write_pair(packed=packed))
    assert (model.conductance_min, model.conductance_max) == pytest.approx((10e-6, 30e-6))
    assert model.positions == pytest.approx([0, 0.5, 1])
    assert means(model)[Direction.POTENTIATE] == pytest.approx([0.1, 0.1, 0.1])
    assert means(model)[Direction.DEPRESS] == pytest.approx([-0.2, -0.1, 0])
    assert not model.scalable_pulses


def test_slices_are_conditional_means_of_the_interpolated_quantiles(write_pair):
    # ΔG rises linearly from 1 to 3 µS with the CDF: a uniform distribution.
    model = device.read_devices(write_pair())
    expected = (1e-6 + 2e-6 * (np.arange(SLICES) + 0.5) / SLICES) / 20e-6
    assert model.steps[0, Direction.POTENTIATE, 0] == pytest.approx(expected)


def test_unsorted_column_keeps_its_distribution(write_pair):
    shuffled = (INCREASING[1], INCREASING[0], INCREASING[1])
    model = device.read_devices(write_pair(increasing=table_text(shuffled)))
    assert np.all(np.diff(model.steps, axis=-1) >= 0)
    assert means(model)[Direction.POTENTIATE, 0] == pytest.approx(1.5e-6 / 20e-6)


def test_uneven_cdf_grid_is_weighted(write_pair):
    model = device.read_devices(write_pair(
        increasing=table_text(((0, 0, 0), (0, 0, 0), (4e-6,) * 3), cdf=(0, 0.9, 1))))
    assert means(model)[Direction.POTENTIATE, 0] == pytest.approx(0.1 * 2e-6 / 20e-6)


def test_pair_without_number_is_device_zero(write_pair):
    assert device.read_devices(write_pair(number=""), devices=[0]).devices == 1


def test_one_file_stands_for_its_pair(write_pair):
    folder = write_pair("0")
    write_pair("7", increasing=table_text(np.array(INCREASING) * 2))
    model = device.load(folder / "dG_decreasing7.txt")
    assert model.devices == 1
    assert means(model)[Direction.POTENTIATE, 0] == pytest.approx(0.2)


def test_devices_become_variants_in_the_order_asked_for(write_pair):
    folder = write_pair("0")
    write_pair("1", increasing=table_text(np.array(INCREASING) * 2))
    assert device.read_devices(folder).devices == 2
    model = device.read_devices(folder, devices=[1, 0])
    assert means(model, 0)[Direction.POTENTIATE, 0] == pytest.approx(0.2)
    assert means(model, 1)[Direction.POTENTIATE, 0] == pytest.approx(0.1)
    with pytest.raises(DeviceError, match=r"`devices` must list distinct numbers among 0, 1"):
        device.read_devices(folder, devices=[2])


def wider(rows):
    """The pair's table on a range of 10 to 50 µS."""
    return table_text(rows, conductance=(10e-6, 30e-6, 50e-6))


def test_own_range_averages_conductances_and_common_range_keeps_walls_on_their_tracks(write_pair):
    folder = write_pair("0")
    write_pair("1", increasing=wider(INCREASING), decreasing=wider(DECREASING))
    own = device.read_devices(folder)
    assert (own.conductance_min, own.conductance_max) == pytest.approx((10e-6, 40e-6))
    assert means(own, 1)[Direction.POTENTIATE] == pytest.approx([0.05] * 3)

    common = device.read_devices(folder, span="common")
    assert (common.conductance_min, common.conductance_max) == pytest.approx((10e-6, 50e-6))
    assert means(common, 1)[Direction.POTENTIATE, :2] == pytest.approx([0.05, 0.05])
    # Device 0 reaches the lower half: steps are halved, stop at 0.5, and return to it from beyond.
    assert means(common, 0)[Direction.POTENTIATE] == pytest.approx([0.05, 0, -0.5])
    assert means(common, 0)[Direction.DEPRESS] == pytest.approx([0, 0, -0.5])


def test_unknown_range_is_refused(write_pair):
    with pytest.raises(DeviceError, match="`range` must be one of own, common"):
        device.read_devices(write_pair(), span="wide")


def lines(rows=INCREASING):
    return table_text(rows).split("\n")


def replaced(number, text):
    """The increasing table with one line (counted from 1) replaced."""
    content = lines()
    content[number - 1] = text
    return "\n".join(content)


@pytest.mark.parametrize("text, message", [
    ("", "a table needs a comment, two grids and at least two rows: got 0 lines"),
    ("\n".join(lines()[:4]), "got 3 lines"),
    ("\n".join(lines()[1:]), ":1: the first line must be a comment"),
    (replaced(2, "1e-5,3e-5,2e-5"), ":2: the conductance grid must increase: column 3 is 2e-05"),
    (replaced(2, "1e-5,2e-5,2e-5"), ":2: the conductance grid must increase"),
    (replaced(2, "1e-5,two,3e-5"), ":2: column 2 must be a number: got 'two'"),
    (replaced(2, "10,20,30"), ":2: the conductance grid must be siemens"),
    (replaced(2, "1e-5"), ":2: the conductance grid needs at least two values"),
    (replaced(3, "0,0.6,0.5"), ":3: the CDF grid must increase"),
    (replaced(3, "0,0.5,0.9"), ":3: the CDF grid must go from 0 to 1"),
    (replaced(3, "0,1"), ":7: the CDF grid asks for 2 rows of ΔG: got 3"),
    (replaced(6, "1e-6,1e-6"), ":6: a row must have 3 columns, as the conductance grid: got 2"),
    (replaced(6, "1e-6,x,1e-6"), ":6: column 2 must be a number: got 'x'"),
    (replaced(6, "1e-6,nan,1e-6"), ":6: column 2 must be finite: got 'nan'"),
    (table_text(np.array(DECREASING)), "the mean ΔG must be positive"),
    (table_text(INCREASING, conductance=(10e-6, 21e-6, 31e-6)),
     "dG_decreasing0.txt:2: the conductance grid must be that of dG_increasing0.txt"),
])
def test_malformed_table_is_one_line_with_file_line_and_remedy(write_pair, text, message):
    folder = write_pair(increasing=text)
    with pytest.raises(DeviceError) as caught:
        device.read_devices(folder)
    said = str(caught.value)
    assert message in said
    assert said.startswith(str(folder)) and "\n" not in said
    assert ";" in said  # a remedy follows


def test_exchanged_files_are_noticed(write_pair):
    folder = write_pair(increasing=table_text(DECREASING), decreasing=table_text(INCREASING))
    with pytest.raises(DeviceError, match="exchanged"):
        device.read_devices(folder)


def test_missing_partner_is_named(write_pair):
    folder = write_pair("3")
    (folder / "dG_decreasing3.txt").unlink()
    with pytest.raises(DeviceError, match=r"dG_increasing3.txt: its partner dG_decreasing3.txt"):
        device.read_devices(folder)


@pytest.mark.parametrize("damage", [
    lambda content: content[:len(content) // 2], lambda content: b"plain text, not gzip",
    lambda content: content[:20] + b"\xff" * 8 + content[28:]])
def test_damaged_gzip_is_named(write_pair, damage):
    folder = write_pair(packed=True)
    file = folder / "dG_increasing0.txt.gz"
    file.write_bytes(damage(gzip.compress(table_text(INCREASING).encode())))
    with pytest.raises(DeviceError, match=r"dG_increasing0.txt.gz: truncated or damaged gzip"):
        device.read_devices(folder)


def test_binary_file_is_named(write_pair):
    folder = write_pair()
    (folder / "dG_increasing0.txt").write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(DeviceError, match="not text"):
        device.read_devices(folder)


def test_places_without_tables_are_named(tmp_path):
    with pytest.raises(DeviceError, match="no tables there"):
        device.read_devices(tmp_path)
    with pytest.raises(DeviceError, match="no such file"):
        device.read_devices(tmp_path / "nowhere")
    other = tmp_path / "measured.txt"
    other.write_text(table_text(INCREASING, CONDUCTANCE, CDF))
    with pytest.raises(DeviceError, match="not a table's name"):
        device.read_devices(other)


@pytest.mark.parametrize("name, devices", [("stt-0k", 1), ("stt-300k", 4), ("sot-0k", 1),
                                           ("sot-300k", 4)])
def test_shared_tables_load_and_compile(shared_tables, name, devices):
    model = device.load(name, data=shared_tables)
    assert model.devices == devices
    table = device.compile(model, 12, 5, 4, 2)
    steps = np.array(table.steps).reshape(4, 2, 32, 16)
    # The mean over all bins is the model's mean over the track, within the rounding of a bin.
    track = (model.steps[np.arange(4) % devices].mean(axis=-1)
             * np.r_[0.5, np.ones(len(model.positions) - 2), 0.5]).sum(axis=-1)
    expected = track / (len(model.positions) - 1) * 4095
    assert np.abs(steps.mean(axis=(2, 3)) - expected).max() < 0.5 / 16


@pytest.mark.parametrize("name, mean, sigma, pulses", [
    ("stt-300k", 0.036, 0.0055, 28), ("sot-300k", 0.046, 0.024, 24)])
def test_shared_tables_at_300k_show_the_published_figures(shared_tables, name, mean, sigma, pulses):
    model = device.load(name, data=shared_tables)
    figures = device.describe(model, device.compile(model, 12, 5, 4, 2))
    middle = slice(125, 376)  # the ends of the track are their own matter
    for direction, sign in ((Direction.POTENTIATE, 1), (Direction.DEPRESS, -1)):
        word = direction.name.lower()
        assert sign * figures[word]["mean"] == pytest.approx(mean, rel=0.02)
        assert figures[word]["pulses_end_to_end"] == pytest.approx(pulses, abs=0.5)
        assert model.steps[:, direction, middle].std(axis=-1).mean() == pytest.approx(
            sigma, rel=0.03)


def test_potentiating_step_of_shared_sot_table_collapses_near_the_far_end(shared_tables):
    model = device.load("sot-300k", data=shared_tables)
    figures = device.describe(model, device.compile(model, 12, 5, 4, 0))["potentiate"]
    assert figures["at_end"] < 0.2 * figures["mean"] < figures["at_start"]
