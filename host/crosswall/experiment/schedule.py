"""From phases to the header of every sample, fixed before the run starts.

The order of the samples is a permutation for each pass over the training part,
drawn from ``numpy.random.RandomState([order seed, phase, pass])``: its stream is
frozen, where Generator's may change between NumPy versions. So a run's headers
depend on the experiment and the sizes of the data alone, and a resumed run
continues with the very same samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosswall.errors import ExperimentError
from crosswall.spec.draws import STATIC_SAMPLE
from crosswall.spec.sample import UNLABELLED, Flag
from crosswall.twin import Headers

from .config import ClusterPhase, EvaluatePhase, OnlinePhase, Phase, Plasticity

TRAIN, TEST = 0, 1
"""Parts of the data, as :attr:`Schedule.parts` names them."""

_KIND_FLAGS = {
    "cluster": Flag.LEARN_CLUSTERING,
    "teach": Flag.PREDICT | Flag.LEARN_READOUT,
    "online": Flag.LEARN_CLUSTERING | Flag.PREDICT | Flag.LEARN_READOUT,
    "evaluate": Flag.PREDICT,
}

READ_BACK_FLAGS = {
    "class": Flag(0),
    "winners": Flag.SEND_WINNERS,
    "scores": Flag.SEND_SCORES,
    "all": Flag.SEND_WINNERS | Flag.SEND_SCORES,
}
"""Flags of each read-back choice."""


@dataclass(frozen=True)
class Span:
    """Samples ``start`` … ``stop − 1`` of a run: one phase."""

    kind: str
    start: int
    stop: int

    @property
    def learns(self) -> bool:
        """Whether the phase changes the machine."""
        return self.kind != "evaluate"

    @property
    def teaches(self) -> bool:
        """Whether the phase uses labels."""
        return self.kind in ("teach", "online")

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Schedule:
    """Every sample of a run, in order; the number of a sample is its index.

    Parameters
    ----------
    spans
        The phases.
    headers
        Headers of all ``n`` samples. Evaluation is sent without labels.
    parts
        ``uint8[n]``, ``TRAIN`` or ``TEST``.
    indices
        ``int64[n]``, sample within its part.
    labels
        ``uint8[n]``, true label of every sample.
    first
        ``bool[n]``, the first time in the run that a sample's label is shown to the machine.
    """

    spans: tuple[Span, ...]
    headers: Headers
    parts: np.ndarray
    indices: np.ndarray
    labels: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.parts)


def make_schedule(phases: Sequence[Phase], train_labels: np.ndarray, test_labels: np.ndarray, *,
                  order_seed: int, read_back: str = "winners", unit_pulses: bool = False,
                  limit: int | None = None) -> Schedule:
    """The schedule of some phases.

    Parameters
    ----------
    phases
        Phases of an experiment file.
    train_labels, test_labels
        Labels of the two parts, 0 to 63.
    order_seed
        Unsigned 32 bits.
    read_back
        A key of ``READ_BACK_FLAGS``.
    unit_pulses
        True for devices whose pulses cannot be scaled: every pulse length becomes 1.
    limit
        Shorten the run to this many samples, shared equally by the phases (`share`), so that
        every phase takes part.

    Raises
    ------
    ExperimentError
        If a subset exceeds the training part or a run has more samples than can be numbered.
    """
    lengths = [_phase_length(phase, number, len(train_labels), len(test_labels))
               for number, phase in enumerate(phases)]
    if sum(lengths) >= STATIC_SAMPLE:
        raise ExperimentError(f"phases: {sum(lengths)} samples in all: expected fewer than "
                              f"{STATIC_SAMPLE}; lower `samples` or `passes`")
    if limit is not None:
        lengths = share(limit, lengths)
    columns, spans, start = [], [], 0
    for number, (phase, length) in enumerate(zip(phases, lengths, strict=True)):
        columns.append(_phase_columns(phase, number, length, len(train_labels), order_seed,
                                      unit_pulses))
        spans.append(Span(phase.kind, start, start + length))
        start += length
    joined = {name: np.concatenate([column[name] for column in columns]) for name in columns[0]}
    parts, indices = joined.pop("parts"), joined.pop("indices")
    labels = np.where(parts == TRAIN, train_labels[np.where(parts == TRAIN, indices, 0)],
                      test_labels[np.where(parts == TEST, indices, 0)]).astype(np.uint8)
    taught = joined["flags"] & Flag.LEARN_READOUT != 0
    headers = Headers(numbers=np.arange(start, dtype=np.uint32),
                      flags=joined.pop("flags") | np.uint8(READ_BACK_FLAGS[read_back]),
                      labels=np.where(taught, labels, np.uint8(UNLABELLED)), **joined)
    return Schedule(tuple(spans), headers, parts, indices, labels, _first_shown(indices, taught))


def share(total: int, lengths: Sequence[int]) -> list[int]:
    """Split ``total`` equally over phases of at most ``lengths``; what short phases leave over
    goes to the others. Adds up to ``min(total, sum(lengths))``; every phase gets at least one
    sample if there are enough."""
    given = [0] * len(lengths)
    remaining = min(total, sum(lengths))
    while remaining:
        open_phases = [number for number, length in enumerate(lengths) if given[number] < length]
        each, rest = divmod(remaining, len(open_phases))
        for place, number in enumerate(open_phases):
            amount = min(each + (place < rest), lengths[number] - given[number])
            given[number] += amount
            remaining -= amount
    return given


def subset(samples: int, count: int, order_seed: int) -> np.ndarray:
    """``count`` of ``samples`` indices, at random and ascending; a larger subset of the same
    seed contains a smaller one."""
    return np.sort(np.random.RandomState(order_seed).permutation(samples)[:count])


def steps(values: Sequence[int], boundaries: Sequence[float] | None, length: int) -> np.ndarray:
    """The value of each sample of a phase: ``int64[length]``, stepping through ``values``.

    Sample ``k`` takes entry ``floor(k · len(values) / length)``, or with boundaries the entry
    after as many boundaries as are not above ``k / length``.
    """
    places = np.arange(length)
    if boundaries is None or len(values) == 1:
        entries = places * len(values) // max(length, 1)
    else:
        entries = np.searchsorted(np.asarray(boundaries), places / max(length, 1), side="right")
    return np.asarray(values, np.int64)[entries]


def _phase_length(phase: Phase, number: int, train: int, test: int) -> int:
    if isinstance(phase, EvaluatePhase):
        return test if phase.part == "test" else train
    if phase.subset is not None and phase.subset > train:
        raise ExperimentError(f"phases[{number}].subset = {phase.subset}: expected at most the "
                              f"{train} training samples; lower it or raise `train`")
    return phase.samples or (phase.passes or 1) * (phase.subset or train)


def _phase_columns(phase: Phase, number: int, length: int, train: int, order_seed: int,
                   unit_pulses: bool) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {
        "flags": np.full(length, _KIND_FLAGS[phase.kind], np.uint8),
        **{name: np.zeros(length, np.uint8) for name in (
            "clustering_pulse_shifts", "clustering_gate_shifts",
            "readout_pulse_shifts", "readout_gate_shifts")},
        "parts": np.full(length, TRAIN, np.uint8),
    }
    if isinstance(phase, EvaluatePhase):
        columns["parts"][:] = TEST if phase.part == "test" else TRAIN
        columns["indices"] = np.arange(length)
        return columns
    pool = subset(train, phase.subset or train, order_seed)
    passes = -(-length // len(pool))
    orders = [np.random.RandomState([order_seed, number, each]).permutation(pool)
              for each in range(passes)]
    columns["indices"] = np.concatenate(orders)[:length].astype(np.int64) if orders \
        else np.zeros(0, np.int64)
    stages: dict[str, Plasticity]
    if isinstance(phase, OnlinePhase):
        stages = {"clustering": phase.clustering, "readout": phase.readout}
    elif isinstance(phase, ClusterPhase):
        stages = {"clustering": phase}
    else:
        stages = {"readout": phase}
    for stage, plasticity in stages.items():
        shifts = [0 if unit_pulses else pulses.bit_length() - 1
                  for pulses in plasticity.pulse_lengths]
        for name, values in (("pulse", shifts), ("gate", plasticity.gate_shifts)):
            columns[f"{stage}_{name}_shifts"] = steps(values, plasticity.boundaries,
                                                      length).astype(np.uint8)
    return columns


def _first_shown(indices: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Which samples show their label for the first time; only training samples are taught."""
    first = np.zeros(len(indices), bool)
    places = np.flatnonzero(taught)
    first[places[np.unique(indices[places], return_index=True)[1]]] = True
    return first
