"""Pulses of a schedule on devices with other steps."""

import numpy as np
import pytest

from crosswall import device as devices
from crosswall.experiment.pulses import PulseScale
from crosswall.spec.sample import MAX_GATE_SHIFT


@pytest.mark.parametrize(("step", "octaves"), [
    (1 / 256, 0), (1 / 300, 0), (1 / 128, 1), (1 / 36, 2), (1 / 32, 3), (1 / 16, 4)])
def test_octaves_are_the_log_of_the_step(step, octaves):
    table = devices.compile(devices.ideal(step=step), 12, 5, 4, 0)
    assert PulseScale.of(table) == PulseScale(octaves, scalable=True)


def test_noise_does_not_change_the_scale_of_the_reference_device():
    table = devices.compile(devices.ideal(noise=0.2), 12, 5, 4, 0)
    assert PulseScale.of(table).octaves == 0


def test_shorter_pulses_come_before_fewer():
    pulses, gates = PulseScale(2, scalable=True).clustering_shifts(
        np.array([4, 2, 1, 0]), np.array([0, 1, 1, 0]))
    assert pulses.tolist() == [2, 0, 0, 0] and gates.tolist() == [0, 1, 2, 2]


def test_a_device_of_one_pulse_makes_up_for_length_by_probability():
    for shifts in (PulseScale(0, scalable=False).clustering_shifts,
                   PulseScale(5, scalable=False).readout_shifts):
        pulses, gates = shifts(np.array([3, 1, 0]), np.array([4, 4, 4]))
        assert not pulses.any() and gates.tolist() == [1, 3, 4]


def test_the_readout_keeps_its_pulses_and_gets_a_larger_margin():
    scale = PulseScale(3, scalable=True)
    pulses, gates = scale.readout_shifts(np.array([0, 2]), np.array([1, 5]))
    assert pulses.tolist() == [0, 2] and gates.tolist() == [1, 5]
    assert scale.margin(6144) == 2 * 6144
    assert PulseScale(0, scalable=True).margin(6144) == PulseScale(1, scalable=True).margin(6144)
    assert PulseScale(8, scalable=True).margin(2**31 - 1) == 2**31 - 1


def test_probabilities_stay_in_range():
    scale = PulseScale(3, scalable=False)
    gates = scale.clustering_shifts(np.array([7, 0]), np.array([0, 8]))[1]
    assert gates.tolist() == [0, MAX_GATE_SHIFT]
