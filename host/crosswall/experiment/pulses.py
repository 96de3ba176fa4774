"""What a schedule becomes for a device whose step is not the schedule's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from crosswall.spec.device_table import DeviceTable
from crosswall.spec.rules import MAX_MARGIN
from crosswall.spec.sample import MAX_GATE_SHIFT

UNIT_STEPS = 256
"""Steps from end to end of the device that schedules and margins are written for."""

_TOLERANCE = 0.1
"""Octaves by which noise and rounding may lower a step."""


@dataclass(frozen=True)
class PulseScale:
    """How a device's pulses stand to those that an experiment is written for.

    The two stages need opposite things of a device that steps ``2**octaves`` times as far.

    *Clustering* walls follow a target, so the mean movement has to stay as it was written:
    pulses get so much shorter, and what would be shorter than one unit less probable.

    The *read-out* is a perceptron with a margin, which is indifferent to the size of its step
    as long as the margin grows with it. It cannot grow as much, because the track ends after few
    large steps; half as many octaves did best on held-out parts of the training sets of MNIST and
    Fashion-MNIST, for the STT and SOT tables at 300 K and in both sizes of machine
    (``docs/results.md``).

    Parameters
    ----------
    octaves
        log2 of the device's step × 256, rounded down, at least 0.
    scalable
        Whether pulses can be longer than one unit; else length becomes probability.
    """

    octaves: int
    scalable: bool

    @classmethod
    def of(cls, table: DeviceTable) -> PulseScale:
        """The scale of a compiled device: from the median size of its steps over positions,
        directions, quantiles and variants, which the ends of the track hardly change."""
        median = float(np.median(np.abs(np.asarray(table.steps, float)))) / (1 << table.wall_bits)
        octaves = math.floor(math.log2(median * UNIT_STEPS) + _TOLERANCE) if median else 0
        return cls(max(0, octaves), table.scalable_pulses)

    def clustering_shifts(self, pulse_shifts: np.ndarray, gate_shifts: np.ndarray
                          ) -> tuple[np.ndarray, np.ndarray]:
        """Pulse and gate shifts of the clustering stage for this device.

        Parameters
        ----------
        pulse_shifts, gate_shifts
            ``int64[n]``: log2 of the pulse lengths that are written; halvings of the probability.

        Returns
        -------
        tuple of ``int64[n]``
            What the headers of the samples carry.
        """
        return self._shifts(pulse_shifts - self.octaves, gate_shifts)

    def readout_shifts(self, pulse_shifts: np.ndarray, gate_shifts: np.ndarray
                       ) -> tuple[np.ndarray, np.ndarray]:
        """Likewise of the read-out, whose step may be any."""
        return self._shifts(pulse_shifts, gate_shifts)

    def margin(self, margin: int) -> int:
        """The teaching margin for this device."""
        return min(margin << self.octaves // 2, MAX_MARGIN)

    def _shifts(self, wanted: np.ndarray, gate_shifts: np.ndarray
                ) -> tuple[np.ndarray, np.ndarray]:
        pulses = np.maximum(wanted, 0) if self.scalable else np.zeros_like(wanted)
        return pulses, np.clip(gate_shifts + pulses - wanted, 0, MAX_GATE_SHIFT)
