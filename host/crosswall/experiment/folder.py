"""The folder of a run: its result, per-sample results, snapshot, plots.

What an interrupted run needs to go on lies in the folder too, in one file, until the run is
finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from crosswall.errors import CrosswallError, DataError, UsageError
from crosswall.files import OutputFolder
from crosswall.reading import Archive, UnreadableError, opened_archive, parse_json
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.sample import Flag
from crosswall.twin import MachineState, Results

from . import plots
from .experiment import Experiment
from .inputs import code_digest, data_digest, digest, inputs
from .runner import Plan, Record

RESULT_FILE = "result.json"
"""The manifest."""

SAMPLES_FILE = "samples.npz"
SNAPSHOT_FILE = "snapshot.npz"

UNFINISHED_FILE = "unfinished.npz"
"""What an interrupted run goes on from: a snapshot, the results of the samples so far, and in
``run`` the rest as JSON."""

_MAX_BYTES = 1 << 24
"""Largest ``run``, four bytes a letter: a run of thousands of phases."""

_FORMAT = 2
"""Version of `UNFINISHED_FILE`."""


class RunFolder:
    """The folder that a run has claimed (`claim`)."""

    def __init__(self, folder: OutputFolder) -> None:
        self._folder = folder
        self.saved = False
        """Whether there is something to go on from."""

    @classmethod
    @contextmanager
    def claim(cls, path: Path, *, force: bool = False, resume: bool = False
              ) -> Iterator[RunFolder]:
        """Claim a folder before a run, or to go on with one; see `OutputFolder.claim`."""
        unfinished = path / UNFINISHED_FILE
        if resume and not unfinished.is_file():
            raise UsageError(f"--resume {path}: no interrupted run there (no {unfinished}); name "
                             f"the folder that the run was to write")
        with OutputFolder.claim(
                path, RESULT_FILE, (SAMPLES_FILE, SNAPSHOT_FILE, UNFINISHED_FILE, *plots.FILES),
                force=force, resume=resume,
                unfinished=UNFINISHED_FILE if resume or _is_ours(unfinished) else None) as claimed:
            folder = cls(claimed)
            folder.saved = resume
            yield folder

    @property
    def path(self) -> Path:
        """As the user named it."""
        return self._folder.path

    def write(self, plan: Plan, record: Record, report: dict[str, Any]) -> dict[str, Any]:
        """Write the files of a finished run but its plots; the object of ``result.json``.

        Raises
        ------
        HostError, UsageError
            As `OutputFolder.write`; what there is to go on from stays.
        """
        def fill(new: Path) -> None:
            _write_samples(new / SAMPLES_FILE, plan, record)
            record.state.save(new / SNAPSHOT_FILE, plan.network)

        written = self._folder.write(report, fill)
        self._folder.discard(UNFINISHED_FILE)
        return written

    def add_plots(self, draw: Callable[[Path], None]) -> dict[str, Any]:
        """Let plots be drawn into the folder; the object of ``result.json``."""
        return self._folder.add(draw)

    def save(self, plan: Plan, record: Record, board: str) -> None:
        """Write what `read` needs to let the run go on; HostError if the system refuses."""
        experiment = plan.experiment
        about = {
            "format": _FORMAT, "board": board, "where": experiment.where,
            "folder": str(experiment.folder), "data": experiment.data,
            "device": experiment.device_source, "samples": len(plan.schedule),
            "inputs": _inputs(plan),
            "done": record.done, "seconds": record.seconds,
            "ledgers": [[int(count) for count in ledger] for ledger in record.ledgers],
            "experiment": experiment.as_mapping(),
        }

        arrays = {"run": np.array(json.dumps(about)), **record.state.arrays(plan.network),
                  **asdict(record.results)}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **arrays)

        self._folder.save(UNFINISHED_FILE, write)
        self.saved = True

    def read(self) -> tuple[Plan, Record, str]:
        """The plan, the record and the board's name of the interrupted run.

        Raises
        ------
        DataError
            If its file is damaged, or what it follows from has changed since.
        """
        path = self.path / UNFINISHED_FILE
        try:
            with opened_archive(path) as archive:
                about = parse_json(str(archive.read("run", shape=(), most=_MAX_BYTES)))
                if about["format"] != _FORMAT:
                    raise DataError(f"was written in format {about['format']}, expected "
                                    f"{_FORMAT}; start the run again with --force")
                plan = _plan(about)
                _refuse_changed(about, _inputs(plan))
                record = _record(plan, about, archive, path)
        except CrosswallError as error:
            named = str(error).startswith(str(path))
            raise type(error)(str(error) if named else f"{path}: {error}") from error
        except (UnreadableError, ArithmeticError, AttributeError, LookupError, TypeError,
                ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); start the run again with "
                            f"--force") from error
        return plan, record, str(about["board"])


def _plan(about: dict[str, Any]) -> Plan:
    """The plan of an interrupted run, made only if its experiment is the one that was run."""
    experiment = Experiment.from_mapping(about["experiment"], str(about["where"]),
                                         Path(about["folder"]))
    _refuse_changed(about, {"experiment": digest(experiment), "code": code_digest()})
    return Plan.make(experiment.with_options(data=about["data"], device=about["device"]))


def _refuse_changed(about: dict[str, Any], found: dict[str, str]) -> None:
    changed = [part for part, value in found.items() if value != about["inputs"][part]]
    if changed:
        raise DataError(f"{' and '.join(changed)} of the run changed since it was interrupted; "
                        f"start it again with --force")


def _record(plan: Plan, about: dict[str, Any], archive: Archive, path: Path) -> Record:
    """What the run has found so far; ValueError if its parts do not belong together."""
    done, ended = about["done"], sum(span.stop <= about["done"] for span in plan.schedule.spans)
    ledgers = [np.array(ledger, np.uint64) for ledger in about["ledgers"]]
    seconds = [float(value) for value in about["seconds"]]
    state = MachineState.load(path, plan.network)
    if not (0 <= done == state.next_sample <= len(plan.schedule)) or len(ledgers) > ended \
            or any(ledger.shape != (COUNTERS,) for ledger in ledgers) \
            or not len(ledgers) <= len(seconds) <= len(plan.schedule.spans):
        raise ValueError("its parts do not belong together")
    forms = Results.empty(plan.network, done)
    results = Results(*(archive.read(name, form.dtype, form.shape)
                        for name, form in asdict(forms).items()))
    return Record(results, state, ledgers, seconds)


def _inputs(plan: Plan) -> dict[str, str]:
    return inputs(plan.experiment, data_digest(plan.train, plan.test))


def _is_ours(path: Path) -> bool:
    """Whether a file is what `RunFolder.save` writes."""
    try:
        with opened_archive(path) as archive:
            return "run" in archive.names
    except UnreadableError:
        return False


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
