"""A study from beginning to end: what ``crosswall study`` does."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosswall import __version__, drawing
from crosswall.compiling import tell_without_cache
from crosswall.errors import CrosswallError, DataError, Interrupted, UsageError
from crosswall.experiment import Experiment
from crosswall.experiment.inputs import code_digest
from crosswall.files import OutputFolder

from . import corners as energies
from . import figures
from .points import Options, Point, Study, looked_for
from .runner import run_all
from .store import Store, Surveyor
from .table import Row, Table

POINTS_FOLDER = "points"
"""Folder, beside those of the studies, that results of single experiments are kept in."""

MANIFEST = "study.json"
"""The manifest of a study's folder."""

FORMAT = 1
"""Version of its keys: ``format``, ``study``, ``command``, ``code`` and ``files``."""


@dataclass(frozen=True)
class Planned:
    """The study is about to run ``experiments`` experiments; ``reused`` more are known."""

    experiments: int
    reused: int


@dataclass(frozen=True)
class Advanced:
    """``share`` of the work is done, 0 to 1, and so many of the experiments are finished."""

    share: float
    finished: int


@dataclass(frozen=True)
class PointFinished:
    """One experiment is finished: its point, its seed, and its accuracy, or what went wrong."""

    label: str
    seed: int
    accuracy: float | None
    error: CrosswallError | None = None


Event = Planned | Advanced | PointFinished


@dataclass(frozen=True)
class Outcome:
    """What a study found, and the files it wrote."""

    table: Table
    corners: energies.Corners | None
    files: tuple[Path, ...]


def run(study: Study | str, *, out: Path | str, force: bool = False,
        options: Options | None = None, jobs: int | None = None, draw: bool | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        stop: Callable[[], bool] = lambda: False,
        notice: Callable[[str], None] = lambda line: None) -> Outcome:
    """Run what is left of a study, and write its table and figures.

    Parameters
    ----------
    study
        A study, the name of one that comes with crosswall, or a file's path.
    out
        ``OUT/points`` keeps the result of every experiment, for this study and others;
        ``OUT/NAME`` gets the tables and figures, in place of those that this study has left there.
    force
        Whether ``OUT/NAME`` may hold other things, or tables that were edited; what its
        ``study.json`` lists is replaced, nothing else is touched.
    options
        What is changed of the study.
    jobs
        Experiments that run at a time, each in a process; None: as many as there are cores.
    draw
        Whether to draw figures; None: if matplotlib is installed. Their data are written in any
        case.
    on_event, stop
        As for `crosswall.experiment.run`, with the events of this module.
    notice
        Called with one line whenever there is something to know.

    Raises
    ------
    Interrupted
        If ``stop`` ended it. What is finished is kept, and the same call goes on.
    CrosswallError
        If the study is wrong, or if points failed: the first one's error, after all others have
        been run and tables and figures of these have been written.
    """
    if isinstance(study, str):
        study = Study.load(study)
    options = options or Options()
    out = Path(out)
    with OutputFolder.claim(out / study.name, MANIFEST, _names(study), force=force,
                            again=lambda content: content.get("study") == study.name) as folder:
        return _run(study, options, folder, Store(out / POINTS_FOLDER), jobs or os.cpu_count() or 1,
                    draw, on_event, stop, notice)


def _run(study: Study, options: Options, folder: OutputFolder, store: Store, jobs: int,
         draw: bool | None, on_event: Callable[[Event], None], stop: Callable[[], bool],
         notice: Callable[[str], None]) -> Outcome:
    tell_without_cache(notice)
    points = study_points(study, options, notice)
    if study.file.corners is not None:
        energies.check(study.file.corners, points[0].experiments[0])
    for line in dict.fromkeys(line for point in points
                              for line in point.experiments[0].device_notices()):
        notice(line)
    surveyor = Surveyor(notice)
    keys = {id(experiment): surveyor.key(experiment)
            for point in points for experiment in point.experiments}
    kept: dict[str, dict[str, Any] | None] = {key: store.load(key) for key in keys.values()}
    errors = _run_missing(points, keys, kept, store, surveyor, jobs, on_event, stop, notice)
    rows = tuple(Row(point, tuple(kept[keys[id(experiment)]] for experiment in point.experiments))
                 for point in points)
    table = Table(study.file, rows, command(study, options), f"{__version__}, {code_digest()}")
    networks = [surveyor.network(point.experiments[0]) for point in points]
    outcome = _write(folder, table, networks, drawing.available() if draw is None else draw,
                     notice)
    if errors:
        first = errors[0]
        raise type(first)(f"{len(errors)} of {len(keys)} experiments failed, the others are in "
                          f"{folder.path}; the first: {first}")
    return outcome


def study_points(study: Study, options: Options, notice: Callable[[str], None]) -> list[Point]:
    """The points of a study, with a notice about those that the options leave no room for.

    Raises
    ------
    UsageError
        If no point is left, or none looks for its data where the options say.
    """
    points, left_out = study.points(options)
    if not points:
        raise UsageError(f"{study.where}: every point needs more training samples than --train "
                         f"{options.train}; raise it")
    if left_out:
        more = f" to {left_out[-1]}" if len(left_out) > 1 else ""
        notice(f"{len(left_out)} of {len(left_out) + len(points)} points are left out, as they "
               f"need more than --train {options.train} samples: {left_out[0]}{more}")
    if options.data is not None and not any(
            looked_for(experiment) for point in points for experiment in point.experiments):
        raise UsageError(f"--data {options.data}: has no effect, as {study.where} uses only sets "
                         f"that are built in or named by their paths; remove it")
    return points


def command(study: Study, options: Options) -> str:
    """The command that makes a study's files again."""
    return shlex.join(["crosswall", "study", study.source, *options.arguments()])


def _run_missing(points: Sequence[Point], keys: Mapping[int, str],
                 kept: dict[str, dict[str, Any] | None], store: Store, surveyor: Surveyor,
                 jobs: int, on_event: Callable[[Event], None], stop: Callable[[], bool],
                 notice: Callable[[str], None]) -> list[CrosswallError]:
    """Run the experiments that nothing is kept of, into ``kept``; errors of those that failed."""
    missing: dict[str, tuple[Point, Experiment]] = {}
    for point in points:
        for experiment in point.experiments:
            key = keys[id(experiment)]
            if kept[key] is None:
                missing.setdefault(key, (point, experiment))
    order = list(missing.items())
    experiments = [experiment for _, (_, experiment) in order]
    works = [surveyor.work(experiment) for experiment in experiments]
    on_event(Planned(len(missing), len(kept) - len(missing)))
    errors: list[CrosswallError] = []
    finished = 0

    def advance(shares: Sequence[float]) -> None:
        done = sum(work * share for work, share in zip(works, shares, strict=True))
        on_event(Advanced(done / (sum(works) or 1.0), finished))

    for end in run_all(experiments, jobs, advance=advance, stop=stop, notice=notice):
        key, (point, experiment) = order[end.number]
        finished += 1
        result, error = end.result, end.error
        if result is not None and result["data"]["digest"] != surveyor.data(experiment).digest:
            result, error = None, DataError("the data were changed while the study ran; call it "
                                            "again")
        if result is not None:
            store.save(key, result)
            kept[key] = result
        if error is not None:
            errors.append(error)
        accuracy = None if result is None else result["accuracy"]
        on_event(PointFinished(point.label, experiment.file.experiment.seed, accuracy, error))
    if finished < len(missing):
        raise Interrupted(f"stopped after {finished} of {len(missing)} experiments, which are "
                          f"kept; the same command goes on")
    return errors


def _names(study: Study) -> list[str]:
    """Every file that a study's folder may get, but its manifest."""
    return ["table.md", "table.csv", "corners.md", "corners.csv",
            *(f"{section.name}.{ending}" for section in study.file.figures
              for ending in ("csv", "png"))]


def _write(folder: OutputFolder, table: Table, networks: Sequence[Any], draw: bool,
           notice: Callable[[str], None]) -> Outcome:
    contents: dict[str, bytes] = {"table.md": table.markdown().encode(),
                                  "table.csv": table.csv().encode()}
    found = None
    if table.file.corners is not None:
        found = energies.corners(table.file.corners, table, networks)
        contents["corners.md"] = found.markdown().encode()
        contents["corners.csv"] = found.csv().encode()
    for section in table.file.figures:
        contents[f"{section.name}.csv"] = figures.data(section, table).encode()
    written = folder.write({"format": FORMAT, "study": table.file.study.name,
                            "command": table.command, "code": table.code},
                           functools.partial(_fill, contents))
    if draw:
        with drawing.spared("tables and data", notice):
            written = folder.add(lambda new: _fill(
                {f"{section.name}.png": figures.picture(section, table)
                 for section in table.file.figures}, new))
    names = [*contents, *sorted(written["files"].keys() - contents.keys())]
    return Outcome(table, found, tuple(folder.path / name for name in names))


def _fill(contents: Mapping[str, bytes], new: Path) -> None:
    for name, content in contents.items():
        (new / name).write_bytes(content)
