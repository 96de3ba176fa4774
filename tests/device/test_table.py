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
from tests.near import near


def means(model, which=0):
    """Mean step [direction, position] of one device."""
    return model.steps[which].mean(axis=-1)


@pytest.mark.parametrize("packed", [False, True])
def test_pair_is_normalised_to_its_conductance_range(write_pair, packed):
    model = device.read_devices(write_pair(packed=packed))
    assert (model.conductance_min, model.conductance_max) == near((10e-6, 30e-6))
    assert model.positions == near([0, 0.5, 1])
    assert means(model)[Direction.POTENTIATE] == near([0.1, 0.1, 0.1])
    assert means(model)[Direction.DEPRESS] == near([-0.2, -0.1, 0])
    assert not model.scalable_pulses


def test_slices_are_conditional_means_of_the_interpolated_quantiles(write_pair):
    # ΔG rises linearly from 1 to 3 µS with the CDF: a uniform distribution.
    model = device.read_devices(write_pair())
    expected = (1e-6 + 2e-6 * (np.arange(SLICES) + 0.5) / SLICES) / 20e-6
    assert model.steps[0, Direction.POTENTIATE, 0] == near(expected)


def test_column_that_falls_as_simulated_ones_do_keeps_its_distribution(write_pair):
    # The first column falls by a third of its span, which a Monte-Carlo simulation may do.
    rows = ((1e-6, 1e-6, 1e-6), (2e-6, 1.5e-6, 1.5e-6), (1.6e-6, 2e-6, 2e-6),
            (2.2e-6, 2.5e-6, 2.5e-6))
    model = device.read_devices(write_pair(
        increasing=table_text(rows, cdf=(0, 1 / 3, 2 / 3, 1))))
    assert np.all(np.diff(model.steps, axis=-1) >= 0)
    assert means(model)[Direction.POTENTIATE, 0] == pytest.approx(
        (0.5 + 2 + 1.6 + 1.1) / 3 * 1e-6 / 20e-6, rel=1e-6, abs=0)


def test_uneven_cdf_grid_is_weighted(write_pair):
    model = device.read_devices(write_pair(
        increasing=table_text(((0, 0, 0), (0, 0, 0), (4e-6,) * 3), cdf=(0, 0.9, 1))))
    assert means(model)[Direction.POTENTIATE, 0] == near(0.1 * 2e-6 / 20e-6)


def test_pair_without_number_is_device_zero(write_pair):
    assert device.read_devices(write_pair(number=""), devices=[0]).devices == 1


def test_one_file_stands_for_its_pair(write_pair):
    folder = write_pair("0")
    write_pair("7", increasing=table_text(np.array(INCREASING) * 2))
    model = device.load(folder / "dG_decreasing7.txt")
    assert model.devices == 1
    assert means(model)[Direction.POTENTIATE, 0] == near(0.2)


def test_devices_become_variants_in_the_order_asked_for(write_pair):
    folder = write_pair("0")
    write_pair("1", increasing=table_text(np.array(INCREASING) * 2))
    assert device.read_devices(folder).devices == 2
    model = device.read_devices(folder, devices=[1, 0])
    assert means(model, 0)[Direction.POTENTIATE, 0] == near(0.2)
    assert means(model, 1)[Direction.POTENTIATE, 0] == near(0.1)
    with pytest.raises(DeviceError, match=r"`devices` must list distinct numbers among 0, 1"):
        device.read_devices(folder, devices=[2])


def wider(rows):
    """The pair's table on a range of 10 to 50 µS."""
    return table_text(rows, conductance=(10e-6, 30e-6, 50e-6))


def test_own_range_averages_conductances_and_common_range_keeps_walls_on_their_tracks(write_pair):
    folder = write_pair("0")
    write_pair("1", increasing=wider(INCREASING), decreasing=wider(DECREASING))
    own = device.read_devices(folder)
    assert (own.conductance_min, own.conductance_max) == near((10e-6, 40e-6))
    assert means(own, 1)[Direction.POTENTIATE] == near([0.05] * 3)

    common = device.read_devices(folder, span="common")
    assert (common.conductance_min, common.conductance_max) == near((10e-6, 50e-6))
    assert means(common, 1)[Direction.POTENTIATE, :2] == near([0.05, 0.05])
    # Device 0 reaches the lower half: steps are halved, stop at 0.5, and return to it from beyond.
    assert means(common, 0)[Direction.POTENTIATE] == pytest.approx(
        [0.05, 0, -0.5], rel=1e-9, abs=1e-12)
    assert means(common, 0)[Direction.DEPRESS] == pytest.approx([0, 0, -0.5], rel=1e-9, abs=1e-12)


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


def test_paths_that_no_file_can_have_are_named(tmp_path):
    for path in (tmp_path / ("x" * 300), tmp_path / "a\0b" / "dG_increasing0.txt"):
        with pytest.raises(DeviceError, match="cannot be read|no such file"):
            device.read_devices(path)
        with pytest.raises(DeviceError, match="not found"):
            device.load(path)


@pytest.mark.parametrize("text, message", [
    ("", "a table needs a comment, two grids and at least two rows: got 0 lines"),
    ("\n".join(lines()[:4]), "got 3 lines"),
    ("\n".join(lines()[1:]), ":1: the first line must be a comment"),
    (replaced(2, "1e-5,3e-5,2e-5"), ":2: the conductance grid must increase: column 3 is 2e-05"),
    (replaced(2, "1e-5,2e-5,2e-5"), ":2: the conductance grid must increase"),
    (replaced(2, "1e-5,two,3e-5"), ":2: column 2 must be a number: got 'two'"),
    (replaced(2, "10,20,30"), ":2: the conductance grid must be siemens from 0 to 0.05, the most "
     "that a domain-wall junction conducts: got 10 to 30; are these microsiemens?"),
    (replaced(2, "0.06,0.09,0.12"), "got 0.06 to 0.12; are these millisiemens? Convert the grid "
     "and ΔG to siemens"),
    (replaced(2, "-1e-5,2e-5,3e-5"), "got -1e-05 to 3e-05; convert"),
    ("\n".join([lines()[0], lines()[2], lines()[1], *lines()[3:]]),
     ":2: the conductance grid must be siemens from 0 to 0.05, the most that a domain-wall "
     "junction conducts: got 0 to 1; are the two grids exchanged?"),
    (replaced(2, "1e-5"), ":2: the conductance grid needs at least two values"),
    (replaced(3, "0,0.6,0.5"), ":3: the CDF grid must increase"),
    (replaced(3, "0,0.5,0.9"), ":3: the CDF grid must go from 0 to 1"),
    (replaced(3, "0,50,100"), ":3: the CDF grid must go from 0 to 1: got 0 to 100; divide per"),
    (replaced(3, "0,1"), ":7: the CDF grid asks for 2 rows of ΔG: got 3; add or remove rows"),
    (replaced(6, "1e-6,1e-6"), ":6: a row must have 3 columns, as the conductance grid: got 2"),
    (replaced(6, "1e-6,x,1e-6"), ":6: column 2 must be a number: got 'x'"),
    (replaced(6, "1e-6,nan,1e-6"), ":6: column 2 must be finite: got 'nan'"),
    (table_text(np.array(INCREASING) * 11), ":5: the mean ΔG must be within the conductance range, "
     "2e-05 S: got 2.2e-05 S"),
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


NOISY = tuple((low, low, low) for low in (1e-6, 2e-6, 3e-6, 4e-6, 5e-6))
"""Five lines of ΔG that rise with the CDF, in the lines 5 to 9 of a file."""


@pytest.mark.parametrize("rows, cdf, message", [
    # Lines exchanged, in every column: 4 µS before 3 µS.
    ([NOISY[place] for place in (0, 1, 3, 2, 4)], (0, 0.25, 0.5, 0.75, 1),
     ":8: ΔG must rise with the CDF, line by line: column 1 is 3e-06 after 4e-06, and 3 of 3 "
     "columns fall; put the lines in the order of the CDF"),
    # Lines from the largest to the smallest.
    (NOISY[::-1], (0, 0.1, 0.2, 0.5, 1), ":6: ΔG must rise with the CDF"),
    # One column falls by 0.6 of its span.
    ([(*row[:2], last) for row, last in zip(NOISY, (1e-6, 6e-6, 3e-6, 4e-6, 5e-6), strict=True)],
     (0, 0.25, 0.5, 0.75, 1), ":7: ΔG must rise with the CDF, line by line: column 3 is 3e-06 "
     "after 6e-06, and 1 of 3 columns fall"),
    # Transposed, on grids of one length: lines are conductances.
    ([(3e-6, 4e-6, 5e-6), (2e-6, 3e-6, 3.9e-6), (1e-6, 2e-6, 3e-6)], CDF,
     ":6: ΔG must rise with the CDF, line by line: column 3 is 3.9e-06 after 5e-06, and 3 of 3 "
     "columns fall; it rises along the lines: are rows and columns exchanged? Transpose them"),
])
def test_steps_that_do_not_rise_with_their_cdf_are_refused(write_pair, rows, cdf, message):
    folder = write_pair(increasing=table_text(rows, cdf=cdf))
    with pytest.raises(DeviceError) as caught:
        device.read_devices(folder)
    assert str(caught.value).startswith(f"{folder}/dG_increasing0.txt{message}")


def test_fall_that_is_small_against_the_steps_does_not_matter(write_pair):
    # A device without noise, its constant columns rounded: 1 % of the largest step up and down.
    rows = ((3e-6, 2e-6, 1e-6), (2.98e-6, 1.99e-6, 1.01e-6), (3e-6, 2e-6, 1e-6))
    model = device.read_devices(write_pair(increasing=table_text(rows)))
    assert means(model)[Direction.POTENTIATE] == pytest.approx([0.15, 0.1, 0.05], rel=0.01, abs=0)


def test_fall_of_more_than_a_hundredth_of_the_steps_in_half_the_columns_is_refused(write_pair):
    # Two of three columns fall by 2 % of the largest step, which is all that they span.
    rows = ((3e-6, 2.06e-6, 1e-6), (2.94e-6, 2e-6, 1e-6), (3e-6, 2.06e-6, 1e-6))
    folder = write_pair(increasing=table_text(rows))
    with pytest.raises(DeviceError, match=r":6: ΔG must rise .* 2 of 3 columns fall"):
        device.read_devices(folder)
    # In one of three it is noise, if the column spans more than twice as much.
    rows = ((2.9e-6, 2e-6, 1e-6), (2.84e-6, 2e-6, 1e-6), (3e-6, 2e-6, 1e-6))
    assert device.read_devices(write_pair(increasing=table_text(rows))).devices == 1


def test_mean_step_may_be_the_whole_range_and_no_more(write_pair):
    whole = np.array(INCREASING) * 9.99
    assert device.read_devices(write_pair(increasing=table_text(whole))).devices == 1
    folder = write_pair(increasing=table_text(whole * 1.01))
    with pytest.raises(DeviceError, match="the mean ΔG must be within the conductance range"):
        device.read_devices(folder)


def test_most_that_a_junction_conducts_is_fifty_millisiemens():
    assert device.ideal(conductance_max=0.05).conductance_max == 0.05
    with pytest.raises(DeviceError, match="`conductance_max` must be a number from 0 to 0.05"):
        device.ideal(conductance_max=0.0501)


def test_transposed_table_of_another_shape_is_recognised(write_pair):
    rows = np.array([(1e-6, 2e-6), (1e-6, 2e-6), (1e-6, 2e-6)])
    folder = write_pair(increasing=table_text(rows, cdf=(0, 1)))
    with pytest.raises(DeviceError, match="rows and columns are exchanged, transpose them"):
        device.read_devices(folder)


def test_square_tables_without_noise_that_rise_with_the_conductance_get_a_remark(write_pair):
    rising = np.array([(1e-6, 2e-6, 3e-6)] * 3)
    falling = np.array([(-3e-6, -2e-6, -1e-6)] * 3)
    model = device.read_devices(write_pair(increasing=table_text(rising),
                                           decreasing=table_text(falling)))
    (remark,) = model.notices()
    assert "if rows and columns are exchanged, transpose them" in remark
    # As soft bounds are: the potentiating step falls with the conductance.
    model = device.read_devices(write_pair(increasing=table_text(rising[:, ::-1]),
                                           decreasing=table_text(falling)))
    assert model.notices() == ()


def test_conductance_above_a_millisiemens_gets_a_remark(write_pair):
    factor = 100  # 1 to 3 mS
    pair = {word: table_text(np.array(rows) * factor, np.array(CONDUCTANCE) * factor)
            for word, rows in (("increasing", INCREASING), ("decreasing", DECREASING))}
    (remark,) = device.read_devices(write_pair(**pair)).notices()
    assert "conducts up to 3 mS" in remark and "unit" in remark
    assert device.ideal(conductance_min=1e-4, conductance_max=1e-3).notices() == ()


@pytest.mark.parametrize("comment", [
    "# Leitfähigkeit 10 … 30 µS".encode(), "# Leitfähigkeit 10-30 µS".encode("latin-1"),
    b"\xef\xbb\xbf# with a mark of its encoding", "# two\u2028lines, for some".encode(),
    b"# \x85\x0b\x0c\x1c\x1d\x1e", b"# one\n# and another, 1, 2"])
def test_comment_may_say_anything_in_any_encoding(write_pair, comment):
    plain = device.read_devices(write_pair())
    folder = write_pair()
    for word, rows in (("increasing", INCREASING), ("decreasing", DECREASING)):
        body = table_text(rows).partition("\n")[2].encode()
        (folder / f"dG_{word}0.txt").write_bytes(comment + b"\n" + body + b"# the end\n")
    model = device.read_devices(folder)
    assert np.array_equal(model.steps, plain.steps)
    assert model.conductance_max == 30e-6


def test_numbers_without_a_comment_are_refused_behind_a_mark_of_encoding_too(write_pair):
    text = "\ufeff" + "\n".join(lines()[1:])
    with pytest.raises(DeviceError, match=":1: the first line must be a comment"):
        device.read_devices(write_pair(increasing=text))


def test_uneven_conductance_grid_is_exact_between_its_points(write_pair):
    # ΔG = 4 µS at 10 µS, 0 at 12, 2 at 20 and at 30: not seen at equal steps of the range.
    grid, up = (10e-6, 12e-6, 20e-6, 30e-6), (4e-6, 0.0, 2e-6, 2e-6)
    down = (-2e-6,) * 4
    folder = write_pair(increasing=table_text([up] * 3, grid), decreasing=table_text([down] * 3,
                                                                                     grid))
    model = device.read_devices(folder)
    assert model.positions == pytest.approx([0, 0.1, 0.5, 1], rel=1e-9, abs=0)
    assert means(model)[Direction.POTENTIATE] == pytest.approx([0.2, 0, 0.1, 0.1], rel=1e-9,
                                                              abs=1e-12)
    # Four bins of the track: integrals of the line through these points, by hand.
    bins = np.array([(0.2 * 0.1 / 2 + 0.15 * 0.0375 / 2) / 0.25, (0.0375 + 0.1) / 2, 0.1, 0.1])
    table = device.compile(model, 12, 2, 4, 0)
    steps = np.array(table.steps).reshape(2, 4, 16)
    assert np.abs(steps[Direction.POTENTIATE].mean(axis=-1) - 4095 * bins).max() <= 0.5 / 16
    assert np.abs(steps[Direction.DEPRESS].mean(axis=-1) + 409.5).max() <= 0.5 / 16


def test_pairs_of_devices_on_different_uneven_grids_keep_the_points_of_both(write_pair):
    folder = write_pair("0")
    grid = (10e-6, 11e-6, 30e-6)
    write_pair("1", increasing=table_text(INCREASING, grid),
               decreasing=table_text(DECREASING, grid))
    model = device.read_devices(folder)
    assert model.positions == pytest.approx([0, 0.05, 0.5, 1], rel=1e-9, abs=0)
    assert means(model, 1)[Direction.DEPRESS] == pytest.approx(
        [-0.2, -0.1, -0.1 * 0.5 / 0.95, 0], rel=1e-6, abs=1e-12)


def test_very_fine_uneven_grid_is_brought_to_the_most_positions(write_pair):
    grid = 10e-6 + 20e-6 * np.linspace(0, 1, 1200)**2
    rows = [np.full(1200, value) for value in (1e-6, 2e-6)]
    folder = write_pair(increasing=table_text(rows, grid, (0, 1)),
                        decreasing=table_text(-np.array(rows)[::-1], grid, (0, 1)))
    model = device.read_devices(folder)
    assert len(model.positions) == 1025
    assert means(model)[Direction.POTENTIATE] == pytest.approx(np.full(1025, 0.075),
                                                              rel=1e-6, abs=0)


def test_exchanged_files_are_noticed(write_pair):
    folder = write_pair(increasing=table_text(DECREASING), decreasing=table_text(INCREASING))
    with pytest.raises(DeviceError, match="exchanged"):
        device.read_devices(folder)


@pytest.mark.parametrize("name", [
    "dG_increasing_3.txt", "dG_Increasing3.txt", "dG_increasing-3.txt", "dg_increasing3.txt",
    "dG_increasing3.TXT", "dG_increasing3.csv", "dG_increasing 3.txt", "dG_increasing3",
    "dGincreasing3.txt", "dG_increasing3.txt.zip", "dG_decreasing3a.txt.gz"])
def test_table_that_would_be_left_out_because_of_its_name_is_refused(write_pair, name):
    folder = write_pair("0")
    (folder / name).write_text(table_text(INCREASING))
    with pytest.raises(DeviceError) as caught:
        device.read_devices(folder)
    assert str(caught.value).startswith(f"{folder / name}: a table must be called dG_increasingN")
    assert device.read_devices(folder, devices=[0]).devices == 1  # chosen by the user
    assert device.load(folder / "dG_increasing0.txt").devices == 1


def test_link_to_a_table_that_is_not_there_is_named(write_pair):
    folder = write_pair("0")
    for word in ("increasing", "decreasing"):
        (folder / f"dG_{word}1.txt").symlink_to(folder / "nowhere.txt")
    with pytest.raises(DeviceError, match=r"dG_decreasing1.txt: cannot be read \(No such file"):
        device.read_devices(folder)


@pytest.mark.parametrize("name", ["dG_increasing.png", "dG_increasing0.txt~", "README.txt",
                                  "dG_increasing0.txt.bak", "notes.csv", "provenance.txt"])
def test_other_files_beside_the_tables_do_not_matter(write_pair, name):
    folder = write_pair("0")
    (folder / name).write_text("something else")
    assert device.read_devices(folder).devices == 1


@pytest.mark.parametrize("name", ["dG_increasing03.txt", "dG_increasing3.txt.gz"])
def test_second_table_of_a_device_is_refused(write_pair, name):
    folder = write_pair("3")
    write_pair("0")
    (folder / name).write_bytes(gzip.compress(table_text(INCREASING).encode()))
    with pytest.raises(DeviceError, match="device 3 has another increasing table, ") as caught:
        device.read_devices(folder)
    assert name in str(caught.value) and "dG_increasing3.txt" in str(caught.value)
    assert device.read_devices(folder, devices=[0]).devices == 1


def test_number_with_a_nought_in_front_is_a_number(write_pair):
    folder = write_pair("0")
    write_pair("03")
    assert "devices 0, 3," in device.read_devices(folder).provenance


def test_limited_model_is_made_from_the_first_devices_only(write_pair):
    folder = write_pair("0")
    write_pair("1", increasing=wider(INCREASING), decreasing=wider(DECREASING))
    for span, high in (("own", 40e-6), ("common", 50e-6)):
        both = device.read_devices(folder, span=span, limit=2)
        assert (both.devices, both.left_out) == (2, 0)
        assert both.conductance_max == pytest.approx(high, rel=1e-9, abs=0)
        first = device.read_devices(folder, span=span, limit=1)
        assert (first.devices, first.left_out) == (1, 1)
        # Conductances are of the device that is used, not of all.
        assert (first.conductance_min, first.conductance_max) == pytest.approx(
            (10e-6, 30e-6), rel=1e-9, abs=0)
        assert first.provenance.endswith(f"devices 0, {span} conductance range")
    assert device.read_devices(folder, devices=[1, 0], limit=1).conductance_max \
        == pytest.approx(50e-6, rel=1e-9, abs=0)


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


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary",
                                     table_text(INCREASING).encode("utf-16")])
def test_binary_file_is_named(write_pair, content):
    folder = write_pair()
    (folder / "dG_increasing0.txt").write_bytes(content)
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
        assert sign * figures[word]["mean"] == near(mean, rel=0.02)
        assert figures[word]["pulses_end_to_end"] == pytest.approx(pulses, abs=0.5)
        assert model.steps[:, direction, middle].std(axis=-1).mean() == near(
            sigma, rel=0.03)


def test_potentiating_step_of_shared_sot_table_collapses_near_the_far_end(shared_tables):
    model = device.load("sot-300k", data=shared_tables, limit=1)
    figures = device.describe(model, device.compile(model, 12, 5, 4, 0))["potentiate"]
    assert figures["at_end"] < 0.2 * figures["mean"] < figures["at_start"]
