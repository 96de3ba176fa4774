"""From phases to the header of every sample, fixed before the run starts.

The order of the samples is a permutation for each pass over the training part,
drawn from ``numpy.random.RandomState([order seed, phase, pass])``: its stream is
frozen, where Generator's may change between NumPy versions. What is done to the
samples (`Views`) is drawn likewise from the augmentation seed and the phase. So a
run's headers and samples depend on the experiment and the data alone, and a
resumed run continues with the very same samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from crosswall.errors import ExperimentError
from crosswall.spec.draws import STATIC_SAMPLE
from crosswall.spec.sample import UNLABELLED, Flag
from crosswall.twin import Headers

from .config import (
    ClusterPhase,
    EvaluatePhase,
    OnlinePhase,
    OnlinePlasticity,
    Phase,
    Plasticity,
    RefinePhase,
    TeachPhase,
)
from .pulses import PulseScale

TRAIN, TEST = 0, 1
"""Parts of the data, as :attr:`Schedule.parts` names them."""

UNPERMUTED = -1
"""In place of a permutation's seed: the values come as they are."""

_LEARN_FLAGS = {"clustering": Flag.LEARN_CLUSTERING, "readout": Flag.LEARN_READOUT}

_KIND_FLAGS = {
    "cluster": Flag.LEARN_CLUSTERING,
    "teach": Flag.PREDICT | Flag.LEARN_READOUT,
    "online": Flag.LEARN_CLUSTERING | Flag.PREDICT | Flag.LEARN_READOUT,
    "refine": Flag.REFINE_CLUSTERING,
    "evaluate": Flag.PREDICT,
}
_USES_LABEL = Flag.LEARN_READOUT | Flag.GUIDE_CLUSTERING | Flag.REFINE_CLUSTERING

READ_BACK_FLAGS = {
    "class": Flag(0),
    "winners": Flag.SEND_WINNERS,
    "scores": Flag.SEND_SCORES,
    "all": Flag.SEND_WINNERS | Flag.SEND_SCORES,
}
"""Flags of each read-back choice."""


@dataclass(frozen=True)
class Span:
    """Samples ``start`` … ``stop − 1`` of a run: one phase, by its kind and its name."""

    kind: str
    start: int
    stop: int
    name: str

    @property
    def learns(self) -> bool:
        """Whether the phase changes the machine."""
        return self.kind != "evaluate"

    @property
    def predicts(self) -> bool:
        """Whether the phase gives a class for each sample."""
        return self.kind not in ("cluster", "refine")

    @property
    def teaches(self) -> bool:
        """Whether the phase teaches the read-out."""
        return self.kind in ("teach", "online")

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Views:
    """What ``n`` samples are presented as: mirrored, then moved, then permuted.

    Parameters
    ----------
    mirrors
        ``bool[n]``, whether left and right are exchanged.
    offsets
        ``int16[n, 2]``, pixels down and to the right that the image is moved by.
    permutations
        ``int64[n]``, seed of the permutation of the values, or ``UNPERMUTED``.
    """

    mirrors: np.ndarray
    offsets: np.ndarray
    permutations: np.ndarray

    def __getitem__(self, place: slice) -> Views:
        return Views(*(getattr(self, item.name)[place] for item in fields(self)))


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
        ``uint8[n]``, true label of every sample; what is shown to the machine is in the headers.
    first
        ``bool[n]``, the first time in the run that a sample's label is shown to the machine; a
        sample with its values permuted counts as another sample.
    views
        What the samples are presented as.
    """

    spans: tuple[Span, ...]
    headers: Headers
    parts: np.ndarray
    indices: np.ndarray
    labels: np.ndarray
    first: np.ndarray
    views: Views

    def __len__(self) -> int:
        return len(self.parts)


def make_schedule(phases: Sequence[Phase], train_labels: np.ndarray, test_labels: np.ndarray, *,
                  order_seed: int, augmentation_seed: int = 0,
                  shown_labels: np.ndarray | None = None, read_back: str = "winners",
                  scales: Mapping[str, PulseScale] = MappingProxyType({}),
                  limit: int | None = None) -> Schedule:
    """The schedule of some phases.

    Parameters
    ----------
    phases
        Phases of an experiment file.
    train_labels, test_labels
        True labels of the two parts, 0 to 63.
    order_seed, augmentation_seed
        Unsigned 32 bits: order and choice of the samples; how each is moved and mirrored.
    shown_labels
        Labels of the training part as the machine is taught them; default: the true ones.
    read_back
        A key of ``READ_BACK_FLAGS``.
    scales
        Of the devices of stage ``clustering`` and ``readout``; where one is missing, pulses are as
        the phases say.
    limit
        Shorten the run to this many samples, shared equally by the phases (`share`), so that
        every phase takes part.

    Raises
    ------
    ExperimentError
        If a phase has no samples, a subset exceeds the samples that it may use, or a run has
        more samples than can be numbered.
    """
    if shown_labels is None:
        shown_labels = train_labels
    pools = [_pool(phase, number, test_labels if _part(phase) == TEST else train_labels,
                   order_seed) for number, phase in enumerate(phases)]
    lengths = [_phase_length(phase, len(pool)) for phase, pool in zip(phases, pools, strict=True)]
    if sum(lengths) >= STATIC_SAMPLE:
        raise ExperimentError(f"phases: {sum(lengths)} samples in all: expected fewer than "
                              f"{STATIC_SAMPLE}; lower `samples` or `passes`")
    if limit is not None:
        lengths = share(limit, lengths)
    columns, views, spans, start = [], [], [], 0
    taught = np.zeros(0, np.int64)
    for number, (phase, pool, length) in enumerate(zip(phases, pools, lengths, strict=True)):
        column = _phase_columns(phase, number, pool, length, order_seed, scales)
        if isinstance(phase, OnlinePhase) and phase.rehearsal:
            _rehearse(column["indices"], phase, number,
                      rehearsal_buffer(taught, shown_labels, phase.rehearsal_buffer, order_seed),
                      order_seed)
        if isinstance(phase, TeachPhase | OnlinePhase):
            taught = np.union1d(taught, column["indices"])
        columns.append(column)
        views.append(_phase_views(phase, number, length, augmentation_seed))
        spans.append(Span(phase.kind, start, start + length, phase.name or phase.kind))
        start += length
    joined = {name: np.concatenate([column[name] for column in columns]) for name in columns[0]}
    parts, indices = joined.pop("parts"), joined.pop("indices")
    labels, shown = (_labels(parts, indices, train, test_labels)
                     for train in (train_labels, shown_labels))
    view = Views(*(np.concatenate([getattr(each, item.name) for each in views])
                   for item in fields(Views)))
    teaches = joined["flags"] & Flag.LEARN_READOUT != 0
    labelled = joined["flags"] & _USES_LABEL != 0
    headers = Headers(numbers=np.arange(start, dtype=np.uint32),
                      flags=joined.pop("flags") | np.uint8(READ_BACK_FLAGS[read_back]),
                      labels=np.where(labelled, shown, np.uint8(UNLABELLED)), **joined)
    return Schedule(tuple(spans), headers, parts, indices, labels,
                    _first_shown(indices, view.permutations, teaches), view)


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


def balanced(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Samples in an order of which every beginning has as many of each class, as far as there
    are: the first sample of each class, then the second of each, and so on.

    Parameters
    ----------
    order
        ``int[n]``, sample indices.
    labels
        ``int[n]``, their labels.
    """
    turns = np.empty(len(order), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        turns[members] = np.arange(len(members))
    return order[np.argsort(turns, kind="stable")]


def rehearsal_buffer(taught: np.ndarray, labels: np.ndarray, size: int, order_seed: int
                     ) -> np.ndarray:
    """Samples that are kept of those taught so far: ``int64[at most size]``, of each class as
    many, as far as there are.

    Which samples of a class are kept goes by one random order of the whole training part. So what
    is kept after more samples was kept before or is among them, and a memory of ``size`` samples
    is enough, whatever comes (the greedy balanced memory of Prabhu, Torr and Dokania, *GDumb*,
    ECCV 2020).

    Parameters
    ----------
    taught
        ``int64[n]``, samples of the training part, each once.
    labels
        ``int[samples]`` of the training part, as they were shown.
    """
    order = np.random.RandomState(order_seed).permutation(len(labels))
    order = order[np.isin(order, taught)]
    return balanced(order, labels[order])[:size].astype(np.int64)


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


def _part(phase: Phase) -> int:
    return TEST if isinstance(phase, EvaluatePhase) and phase.part == "test" else TRAIN


def _labels(parts: np.ndarray, indices: np.ndarray, train: np.ndarray, test: np.ndarray
            ) -> np.ndarray:
    labels = np.empty(len(parts), np.uint8)
    in_train = parts == TRAIN
    labels[in_train] = train[indices[in_train]]
    labels[~in_train] = test[indices[~in_train]]
    return labels


def _pool(phase: Phase, number: int, labels: np.ndarray, order_seed: int) -> np.ndarray:
    """Ascending indices of the samples that a phase may use; ``labels`` of its part."""
    part = "test" if _part(phase) == TEST else "training"
    pool = np.arange(len(labels))
    if phase.classes is not None:
        pool = np.flatnonzero(np.isin(labels, phase.classes))
        if not len(pool):
            raise ExperimentError(f"phases[{number}].classes = {phase.classes}: none of the "
                                  f"{len(labels)} {part} samples is of these classes; name "
                                  f"others, or use more samples")
    if isinstance(phase, EvaluatePhase):
        return pool
    order = pool[np.random.RandomState(order_seed).permutation(len(pool))]
    if phase.portion is not None:
        first, last = (round(share * len(order)) for share in phase.portion)
        order = order[first:last]
        if not len(order):
            raise ExperimentError(f"phases[{number}].portion = {phase.portion}: holds none of "
                                  f"{len(pool)} {part} samples; widen it, or use more samples")
    if phase.subset is not None:
        if phase.subset > len(order):
            raise ExperimentError(f"phases[{number}].subset = {phase.subset}: expected at most "
                                  f"the {len(order)} training samples that the phase may use; "
                                  f"lower it, or use more samples")
        if phase.balanced:
            order = balanced(order, labels[order])
        order = order[:phase.subset]
    return np.sort(order)


def _phase_length(phase: Phase, pool: int) -> int:
    if isinstance(phase, EvaluatePhase):
        return pool
    length = phase.samples or (phase.passes or 1) * pool
    if isinstance(phase, OnlinePhase):
        length += _whole(length * phase.rehearsal / (1 - phase.rehearsal))
    return length


def _rehearse(indices: np.ndarray, phase: OnlinePhase, number: int, buffer: np.ndarray,
              order_seed: int) -> None:
    """Spread samples of a buffer at random over a phase's, in place; the phase's own keep their
    order."""
    again = _whole(len(indices) * phase.rehearsal) if len(buffer) else 0
    random = np.random.RandomState([order_seed, number, 0, 1])  # passes draw from three words
    places = np.sort(random.permutation(len(indices))[:again])
    own = np.delete(np.arange(len(indices)), places)
    indices[own] = indices[:len(own)].copy()
    if again:
        indices[places] = buffer[random.randint(len(buffer), size=again)]


def _whole(samples: float) -> int:
    return int(samples + 1e-6)  # so that 0.6 / 0.2 is 3: what is added is what is set aside


def _phase_views(phase: Phase, number: int, length: int, augmentation_seed: int) -> Views:
    random = np.random.RandomState([augmentation_seed, number])
    offsets = random.randint(-phase.shifts, phase.shifts + 1, (length, 2))
    mirrors = random.randint(2, size=length) == 1 if phase.mirror else np.zeros(length, bool)
    seed = UNPERMUTED if phase.permutation is None else phase.permutation
    return Views(mirrors, offsets.astype(np.int16), np.full(length, seed, np.int64))


def _phase_columns(phase: Phase, number: int, pool: np.ndarray, length: int, order_seed: int,
                   scales: Mapping[str, PulseScale]) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {
        "flags": np.full(length, _KIND_FLAGS[phase.kind], np.uint8),
        **{name: np.zeros(length, np.uint8) for name in (
            "clustering_pulse_shifts", "clustering_gate_shifts",
            "readout_pulse_shifts", "readout_gate_shifts")},
        "parts": np.full(length, _part(phase), np.uint8),
    }
    if isinstance(phase, EvaluatePhase):
        columns["indices"] = pool[:length]
        return columns
    passes = -(-length // len(pool))
    orders = [np.random.RandomState([order_seed, number, each]).permutation(pool)
              for each in range(passes)]
    columns["indices"] = np.concatenate(orders)[:length].astype(np.int64) if orders \
        else np.zeros(0, np.int64)
    stages: dict[str, Plasticity]
    if isinstance(phase, OnlinePhase):
        stages = {"clustering": phase.clustering, "readout": phase.readout}
    elif isinstance(phase, ClusterPhase | RefinePhase):
        stages = {"clustering": phase}
        if isinstance(phase, ClusterPhase) and phase.guided:
            columns["flags"] |= np.uint8(Flag.GUIDE_CLUSTERING)
    else:
        stages = {"readout": phase}
    for stage, plasticity in stages.items():
        learning = length
        if isinstance(plasticity, OnlinePlasticity) and plasticity.until is not None:
            learning = min(length, plasticity.until)
            columns["flags"][learning:] &= ~np.uint8(_LEARN_FLAGS[stage])
        pulses, gates = (steps(values, plasticity.boundaries, learning) for values in (
            [length.bit_length() - 1 for length in plasticity.pulse_lengths],
            plasticity.gate_shifts))
        if stage in scales:
            shifts = scales[stage].clustering_shifts if stage == "clustering" \
                else scales[stage].readout_shifts
            pulses, gates = shifts(pulses, gates)
        columns[f"{stage}_pulse_shifts"][:learning] = pulses
        columns[f"{stage}_gate_shifts"][:learning] = gates
    return columns


def _first_shown(indices: np.ndarray, permutations: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Which samples show their label for the first time; only training samples are taught."""
    first = np.zeros(len(indices), bool)
    places = np.flatnonzero(taught)
    # One integer for both: to sort rows takes many times as long.
    shown = (permutations[places].astype(np.int64) * (int(indices.max(initial=0)) + 1)
             + indices[places])
    first[places[np.unique(shown, return_index=True)[1]]] = True
    return first
