"""Devices of a folder: how many a machine is made of, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crosswall.board import check_network
from crosswall.board.abstract import Identity
from crosswall.errors import BoardError, DeviceError, ExperimentError
from crosswall.experiment import Experiment, run
from crosswall.experiment.variants import bits_for
from tests.device.tables import table_text

Folder = Callable[[int], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write a folder of so many devices: device n has n + 1 times the conductances of the first,
    10 to 30 µS, and steps of 5 (n + 1) % of the range."""
    def write(count: int) -> Path:
        place = tmp_path / f"devices{count}"
        place.mkdir()
        for number in range(count):
            grid = np.array([10e-6, 30e-6]) * (number + 1)
            step = 1e-6 * (number + 1)**2
            for word, sign in (("increasing", 1), ("decreasing", -1)):
                (place / f"dG_{word}{number}.txt").write_text(
                    table_text([(sign * step,) * 2] * 2, grid, (0, 1)))
        return place
    return write


def made_of(mapping, folder: Path, **formats) -> Experiment:
    mapping["device"] = {"kind": "table", "path": str(folder)}
    if formats:
        mapping["formats"] = formats
    return Experiment.from_mapping(mapping)


@pytest.mark.parametrize(("devices", "bits"), [
    (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (16, 4), (17, 4), (100, 4)])
def test_variants_are_the_least_power_of_two_that_holds_the_devices(devices, bits):
    assert bits_for(devices) == bits


def test_all_devices_of_a_folder_are_used_unless_the_file_says_otherwise(mapping, folder):
    experiment = made_of(mapping, folder(4))
    network = experiment.network()
    assert network.variant_bits == 2
    steps = np.array(experiment.tables(network)[0].steps).reshape(4, -1)
    # Of 4095 wall units: 5, 10, 15 and 20 %.
    assert np.abs(steps).max(axis=1).tolist() == [205, 410, 615, 819]
    clustering, readout = experiment.coefficients()
    # The mean of the devices' ends: 10 to 30 µS times 1, 2, 3, 4; a read takes 0.1 V for 1 ns.
    for stage in (clustering, readout):
        assert stage.conductance_min == pytest.approx(25e-6, rel=1e-9, abs=0)
        assert stage.conductance_max == pytest.approx(75e-6, rel=1e-9, abs=0)


def test_devices_that_are_left_out_do_not_matter(mapping, folder):
    place = folder(4)
    one = made_of(mapping, place, variant_bits=0)
    alone = made_of(mapping, place / "dG_increasing0.txt")
    assert one.network() == alone.network()
    assert one.coefficients() == alone.coefficients()
    assert [table.steps for table in one.tables(one.network())] \
        == [table.steps for table in alone.tables(alone.network())]
    first, second = run(one), run(alone)
    for key in ("accuracy", "ledger", "energy_joules", "confusion"):
        assert first[key] == second[key]
    assert first["devices"]["used"] == {"clustering": 1, "readout": 1}
    assert first["devices"]["available"] == {"clustering": 4, "readout": 4}
    assert second["devices"]["available"] == {"clustering": 1, "readout": 1}


def test_result_and_notices_say_how_many_devices_are_used(mapping, folder):
    lines: list[str] = []
    result = run(made_of(mapping, folder(4)), notice=lines.append)
    assert result["devices"]["variants"] == 4
    assert result["devices"]["used"] == {"clustering": 4, "readout": 4}
    (line,) = [line for line in lines if "one of its" in line]
    assert line.endswith("devices4: each synapse is one of its 4 devices")


@pytest.mark.parametrize(("count", "bits", "expected"), [
    (1, None, []),
    (2, 1, ["each synapse is one of its 2 devices"]),
    (4, 0, ["only the first of its 4 devices is used; --variants all takes all"]),
    (4, 1, ["only the first 2 of its 4 devices are used; --variants all takes all"]),
    (3, None, ["each synapse is one of its 3 devices",
               "3 devices share 4 variants, so that each of the first 1 is drawn 2 times for 1 of "
               "each other; --variants 16 comes nearer to equal shares"]),
    (3, 4, ["each synapse is one of its 3 devices",
            "3 devices share 16 variants, so that each of the first 1 is drawn 6 times for 5 of "
            "each other"]),
    (3, 1, ["only the first 2 of its 3 devices are used; --variants all takes all"]),
    (17, None, ["only the first 16 of its 17 devices are used; no board has more variants; choose "
                "which with `devices` in a device file"]),
])
def test_notices_of_devices(mapping, folder, count, bits, expected):
    formats = {} if bits is None else {"variant_bits": bits}
    experiment = made_of(mapping, folder(count), **formats)
    name = experiment.devices[0].name
    assert experiment.device_notices() == [f"device {name}: {line}" for line in expected]


def test_three_devices_fill_four_variants_in_turn(mapping, folder):
    experiment = made_of(mapping, folder(3))
    steps = np.array(experiment.tables(experiment.network())[1].steps).reshape(4, -1)
    assert np.abs(steps).max(axis=1).tolist() == [205, 410, 615, 205]


def test_stage_with_more_devices_decides_the_format(mapping, folder):
    place = folder(4)
    mapping["device"] = {"kind": "ideal", "readout": {"kind": "table", "path": str(place)}}
    experiment = Experiment.from_mapping(mapping)
    assert experiment.network().variant_bits == 2
    clustering, readout = (np.abs(np.reshape(table.steps, (4, -1))).max(axis=1).tolist()
                           for table in experiment.tables(experiment.network()))
    assert (clustering, readout) == ([16] * 4, [205, 410, 615, 819])
    assert run(experiment)["devices"]["used"] == {"clustering": 1, "readout": 4}
    mapping["device"] = {"kind": "table", "path": str(place), "devices": [3, 1],
                         "readout": {"kind": "ideal"}}
    assert Experiment.from_mapping(mapping).network().variant_bits == 1


@pytest.mark.parametrize(("variants", "bits"), [(1, 0), (2, 1), (4, 2), (8, 3), (16, 4),
                                                ("all", 2)])
def test_option_replaces_what_the_file_says(mapping, folder, variants, bits):
    experiment = made_of(mapping, folder(4), variant_bits=1, wall_bits=13)
    changed = experiment.with_options(variants=variants)
    assert changed.network().variant_bits == bits
    assert changed.network().wall_bits == 13
    assert changed.devices[0].devices == min(4, 1 << bits)
    # The result's experiment makes the same again.
    again = Experiment.from_mapping(changed.as_mapping())
    assert again.network() == changed.network()


def test_all_of_more_devices_than_there_can_be_variants_is_refused(mapping, folder):
    experiment = made_of(mapping, folder(17))
    with pytest.raises(DeviceError, match="has 17 devices, a network 16 variants at most"):
        experiment.with_options(variants="all")


def test_build_without_spread_says_what_variants_need(mapping, folder):
    mapping["build"] = {"static_spread": False}
    with pytest.raises(ExperimentError, match="`static_spread`: set it, or choose one variant"):
        made_of(mapping, folder(2))


def test_board_of_another_number_of_variants_is_refused_with_both(mapping, folder):
    network = made_of(mapping, folder(4)).network()
    one = made_of(mapping, folder(1)).network()
    for held, wanted, words in ((one, network, ("1 device variant, ", "4 device variants; ")),
                                (network, one, ("4 device variants, ", "1 device variant; "))):
        identity = Identity("bench", 1, held.digest(), None, 0, {})
        with pytest.raises(BoardError) as caught:
            check_network(identity, wanted, "do this")
        assert str(caught.value) == (
            f"board bench was built for {words[0]}the experiment has {words[1]}do this, or take "
            f"what the board has with --variants {1 << held.variant_bits}")
    check_network(Identity("bench", 1, one.digest(), None, 0, {}), one)
