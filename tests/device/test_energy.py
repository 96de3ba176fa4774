"""Joules from ledgers, against sums over single synapses."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crosswall import device
from crosswall.device import EnergyCoefficients, EnergyOperation, EnergyStage
from crosswall.errors import DeviceError
from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.network import whole_image
from tests.near import near

NETWORK = whole_image(pixels=4, classes=2, neurons=2, code_bits=4, feature_bits=3, winners=1)
COEFFICIENTS = EnergyCoefficients.of(device.load("ideal"))


def ledger(**counts: int) -> list[int]:
    counters = [0] * COUNTERS
    for name, count in counts.items():
        counters[Counter[name]] = count
    return counters


def joules(operation, stage=EnergyStage.CLUSTERING, coefficients=COEFFICIENTS, **counts):
    return device.energy(ledger(**counts), coefficients, NETWORK).joules[stage, operation]


@pytest.mark.parametrize("conductance, expected", [(0, 0.6e-15), (255, 1.2e-15)])
def test_full_amplitude_read_takes_0_6_to_1_2_fj(conductance, expected):
    assert joules(EnergyOperation.READ, CLUSTERING_READ_DRIVE=15,
                  CLUSTERING_READ_CHARGE=15 * conductance) == near(expected)
    assert joules(EnergyOperation.READ, EnergyStage.READOUT, READOUT_READ_DRIVE=7,
                  READOUT_READ_CHARGE=7 * conductance) == near(expected)


def test_read_energy_is_the_sum_over_synapses():
    random = np.random.default_rng(20240611)
    codes, conductances = random.integers(0, 16, 1000), random.integers(0, 256, 1000)
    each = 0.1**2 * 1e-9 * (codes / 15) * (60e-6 + 60e-6 * conductances / 255)
    assert joules(EnergyOperation.READ, CLUSTERING_READ_DRIVE=int(codes.sum()),
                  CLUSTERING_READ_CHARGE=int((codes * conductances).sum())
                  ) == near(each.sum(), rel=1e-12)


def test_writes_count_unit_lengths_not_pulses():
    assert joules(EnergyOperation.POTENTIATE, CLUSTERING_POTENTIATIONS=3,
                  CLUSTERING_POTENTIATION_LENGTH=48) == near(48e-15)
    assert joules(EnergyOperation.DEPRESS, EnergyStage.READOUT, READOUT_DEPRESSIONS=1,
                  READOUT_DEPRESSION_LENGTH=2) == near(2e-15)


@pytest.mark.parametrize("corner, expected", [("nominal", 1e-15), ("simulation", 5e-15),
                                              ("notch", 68e-15), ("prototype", 16e-12)])
def test_write_corners(corner, expected):
    for coefficients in (COEFFICIENTS.at_corner(corner), EnergyCoefficients.of(
            device.load("ideal"), {"write_energy": corner})):
        assert joules(EnergyOperation.POTENTIATE, coefficients=coefficients,
                      CLUSTERING_POTENTIATION_LENGTH=1) == near(expected)


def test_state_reads_take_a_read_at_mean_conductance_and_its_periphery():
    coefficients = EnergyCoefficients.of(device.load("ideal"), {"state_read_pulses": 2})
    assert joules(EnergyOperation.STATE_READ, coefficients=coefficients,
                  CLUSTERING_STATE_READS=10) == near(10 * 2 * 0.9e-15)
    assert joules(EnergyOperation.PERIPHERY, coefficients=coefficients, CLUSTERING_READS=5,
                  CLUSTERING_STATE_READS=10) == near((5 + 20) * 11e-15)


def test_neurons_take_energy_by_fires_resets_and_inhibitions():
    coefficients = EnergyCoefficients.of(device.load("ideal"), {
        "fire_energy": 1e-12, "reset_energy": 2e-12, "inhibition_energy": 3e-12})
    report = device.energy(ledger(CLUSTERING_FIRES=1, READOUT_RESETS=1, READOUT_INHIBITIONS=2),
                           coefficients, NETWORK)
    assert report.neurons == near(1e-12 + 2e-12 + 6e-12)
    assert joules(EnergyOperation.FIRE, READOUT_FIRES=1, stage=EnergyStage.READOUT
                  ) == near(0.24e-12)


def test_device_is_the_arrays_and_with_periphery_is_everything():
    random = np.random.default_rng(7)
    report = device.energy(random.integers(0, 1 << 40, COUNTERS), COEFFICIENTS, NETWORK)
    arrays = sum(value for (_, operation), value in report.joules.items()
                 if operation in ("read", "state_read", "potentiate", "depress"))
    assert report.device == near(arrays)
    assert report.with_periphery == near(sum(report.joules.values()))
    assert report.with_periphery == near(
        report.device + report.neurons + report.periphery)
    plain = json.loads(json.dumps(report.as_dict()))
    assert plain["breakdown"]["readout"]["fire"] == report.joules[
        EnergyStage.READOUT, EnergyOperation.FIRE]
    assert report.total(stage=EnergyStage.READOUT) == near(
        sum(plain["breakdown"]["readout"].values()))


def test_energy_of_a_difference_is_the_difference_of_energies_even_over_a_wrap():
    random = np.random.default_rng(11)
    before = [(1 << 64) - 5 if counter % 3 == 0 else int(value)
              for counter, value in enumerate(random.integers(0, 1 << 30, COUNTERS))]
    part = random.integers(0, 1 << 30, COUNTERS).tolist()
    after = [(one + other) % (1 << 64) for one, other in zip(before, part, strict=True)]
    difference = device.counter_difference(after, before)
    assert list(difference) == part
    assert device.counter_difference(np.array(after, dtype=np.uint64),
                                     np.array(before, dtype=np.uint64)) == difference
    assert device.energy(difference, COEFFICIENTS, NETWORK).device == near(
        device.energy(part, COEFFICIENTS, NETWORK).device)


def test_ledger_may_be_a_mapping_but_must_be_complete():
    counters = dict.fromkeys(Counter, 1)
    assert device.energy(counters, COEFFICIENTS, NETWORK).joules == device.energy(
        [1] * COUNTERS, COEFFICIENTS, NETWORK).joules
    with pytest.raises(ValueError, match=f"{COUNTERS} counters: got 3"):
        device.energy([1, 2, 3], COEFFICIENTS, NETWORK)


@pytest.mark.parametrize("settings, message", [
    ({"write_enegy": 1}, "unknown energy coefficient `write_enegy`; allowed are read_voltage"),
    ({"conductance_min": 1}, "unknown energy coefficient"),
    ({"write_energy": "cheap"}, "must be joules or one of nominal, simulation, notch, prototype"),
    ({"code_time": -1}, "`code_time` must be a number from 0 to 1"),
    ({"read_voltage": "high"}, "`read_voltage` must be a number"),
])
def test_mistaken_coefficients_are_named(settings, message):
    with pytest.raises(DeviceError) as caught:
        EnergyCoefficients.of(device.load("ideal"), settings)
    assert message in str(caught.value)
