"""Many samples at once: their headers and results as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from crosswall.spec.network import Network
from crosswall.spec.sample import UNLABELLED, SampleHeader


@dataclass(frozen=True)
class Headers:
    """Headers of ``n`` samples as arrays; fields as in
    :class:`crosswall.spec.sample.SampleHeader`.

    Parameters
    ----------
    numbers
        ``uint32[n]``.
    flags, labels, clustering_pulse_shifts, clustering_gate_shifts, readout_pulse_shifts,
    readout_gate_shifts
        ``uint8[n]``.
    """

    numbers: np.ndarray
    flags: np.ndarray
    labels: np.ndarray
    clustering_pulse_shifts: np.ndarray
    clustering_gate_shifts: np.ndarray
    readout_pulse_shifts: np.ndarray
    readout_gate_shifts: np.ndarray

    @classmethod
    def uniform(cls, numbers: np.ndarray, flags: int, labels: np.ndarray | None = None,
                **shifts: int) -> Headers:
        """Headers that differ in number and label only."""
        count = len(numbers)
        names = [item.name for item in fields(cls)][3:]
        return cls(np.asarray(numbers, np.uint32), np.full(count, flags, np.uint8),
                   np.full(count, UNLABELLED, np.uint8) if labels is None
                   else np.asarray(labels, np.uint8),
                   *(np.full(count, shifts.get(name.removesuffix("s"), 0), np.uint8)
                     for name in names))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: slice) -> Headers:
        return Headers(*(getattr(self, item.name)[place] for item in fields(self)))

    def header(self, index: int) -> SampleHeader:
        """One header; ValueError if a field is out of range."""
        return SampleHeader(*(int(getattr(self, item.name)[index]) for item in fields(self)))


@dataclass(frozen=True)
class Results:
    """Results of ``n`` samples as arrays.

    Parameters
    ----------
    predictions
        ``uint8[n]``, class or ``NO_PREDICTION``.
    result_flags
        ``uint8[n]``, :class:`crosswall.spec.sample.ResultFlag` bits.
    winners
        ``int16[n, positions]``, best neuron or -1 where silent.
    scores
        ``int32[n, classes]``; 0 for samples without prediction.
    """

    predictions: np.ndarray
    result_flags: np.ndarray
    winners: np.ndarray
    scores: np.ndarray

    @classmethod
    def empty(cls, network: Network, count: int) -> Results:
        """Room for ``count`` results."""
        return cls(np.zeros(count, np.uint8), np.zeros(count, np.uint8),
                   np.zeros((count, network.positions), np.int16),
                   np.zeros((count, network.classes), np.int32))

    def __getitem__(self, place: slice) -> Results:
        """Some of the results; views, not copies."""
        return Results(*(getattr(self, item.name)[place] for item in fields(self)))
