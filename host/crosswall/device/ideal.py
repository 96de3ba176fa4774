"""The ideal device: a fixed step, with as much imperfection as asked for."""

from __future__ import annotations

import numpy as np

from crosswall.spec.device_table import Direction

from .model import MAX_GAIN_SPREAD, SLICES, DeviceModel, check_number
from .slices import gaussian_slice_means

DEFAULT_STEP = 1 / 256
"""Step of a unit pulse as a share of the range; pulses of 1 to 128 units span half of it."""

DEFAULT_CONDUCTANCE = (60e-6, 120e-6)
"""Siemens, the round form of the micromagnetic STT tables (58 to 151 µS over four devices):
a full-amplitude read of 0.1 V for 1 ns takes 0.6 to 1.2 fJ."""


def ideal(*, step: float = DEFAULT_STEP, noise: float = 0.0, asymmetry: float = 0.0,
          nonlinearity: float = 0.0, spread: float = 0.0, stuck: float = 0.0,
          conductance_min: float = DEFAULT_CONDUCTANCE[0],
          conductance_max: float = DEFAULT_CONDUCTANCE[1], name: str = "ideal") -> DeviceModel:
    """A device from parameters.

    With position ``x`` (0 to 1), a unit pulse that potentiates moves the wall by

        step · (1 + asymmetry/2) · (1 − nonlinearity·x) / (1 − nonlinearity/2) · (1 + noise·z)

    and one that depresses moves it back by

        step · (1 − asymmetry/2) · (1 − nonlinearity·(1 − x)) / (1 − nonlinearity/2) · (1 + noise·z)

    with ``z`` standard normal, drawn anew for each pulse. The mean over the track is the step
    whatever the nonlinearity. The dependence on the state is linear, the *linear step* device
    of aihwkit (Rasch et al., AICAS 2021); for pulses one after the other it is the exponential
    curve of NeuroSim (Chen, Peng and Yu, IEEE TCAD 37, 3067, 2018), whose parameter A is related
    by ``nonlinearity = 1 − exp(−P_max / A)``; 1 gives soft bounds.

    Parameters
    ----------
    step
        Mean step of a unit pulse as a share of the range, above 0 up to 1.
    noise
        Standard deviation of the step from pulse to pulse, relative to the step, 0 to 2. A
        pulse of n units scales the step and its noise alike.
    asymmetry
        Difference of the potentiating and the depressing step, relative to their mean, −1 to 1.
    nonlinearity
        0 (same step everywhere) to 1 (the step vanishes at the end that it approaches).
    spread
        Relative standard deviation of the step from synapse to synapse, 0 to 0.5.
    stuck
        Share of synapses that never move, 0 to 1.
    conductance_min, conductance_max
        Siemens.
    name
        For reports.

    Raises
    ------
    DeviceError
        Naming the parameter, its value and its range.
    """
    step = check_number("step", step, 1e-6, 1)
    noise = check_number("noise", noise, 0, 2)
    asymmetry = check_number("asymmetry", asymmetry, -1, 1)
    nonlinearity = check_number("nonlinearity", nonlinearity, 0, 1)
    spread = check_number("spread", spread, 0, MAX_GAIN_SPREAD)
    stuck = check_number("stuck", stuck, 0, 1)

    ends = np.array([0.0, 1.0])  # linear in position: two points are exact
    random = 1 + noise * gaussian_slice_means(SLICES)
    scale = step / (1 - nonlinearity / 2)
    steps = np.empty((1, 2, 2, SLICES))
    steps[0, Direction.POTENTIATE] = (
        scale * (1 + asymmetry / 2) * np.outer(1 - nonlinearity * ends, random))
    steps[0, Direction.DEPRESS] = (
        -scale * (1 - asymmetry / 2) * np.outer(1 - nonlinearity * ends[::-1], random[::-1]))
    return DeviceModel(
        name=name, positions=ends, steps=steps, conductance_min=conductance_min,
        conductance_max=conductance_max, gain_spread=spread, stuck_share=stuck,
        provenance=f"ideal: step {step:g}, noise {noise:g}, asymmetry {asymmetry:g}, "
                   f"nonlinearity {nonlinearity:g}, spread {spread:g}, stuck {stuck:g}")
