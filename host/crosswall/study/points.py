"""From a study file to its points: which experiments are run."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crosswall.data import BUILTIN_NAMES, is_path
from crosswall.errors import ExperimentError
from crosswall.experiment import Experiment, config

from . import file as files
from .file import AxisSection, StudyFile


@dataclass(frozen=True)
class Options:
    """What a call of a study changes of it.

    Parameters
    ----------
    train, test
        Samples of each part, in place of the study's; ``"all"``; None: as the study says. Values
        that a point sets itself stay.
    seeds
        Seeds 1 … ``seeds`` of every point; None: as the study says.
    data
        Folder of the data sets that are named and do not come with scikit-learn; None: the usual
        places (`crosswall.data.load`).
    """

    train: int | Literal["all"] | None = None
    test: int | Literal["all"] | None = None
    seeds: int | None = None
    data: str | None = None

    def arguments(self) -> list[str]:
        """The command line's words for these options."""
        return [word for name in ("data", "train", "test", "seeds")
                if (value := getattr(self, name)) is not None
                for word in (f"--{name}", str(value))]


@dataclass(frozen=True)
class Place:
    """Where a point lies on one axis: what it is called, and its number if it has one."""

    label: str
    at: float | None


@dataclass(frozen=True)
class Point:
    """One combination of places.

    Parameters
    ----------
    places
        On each axis of the study.
    experiments
        One for each seed, which is its ``experiment.seed``.
    """

    places: tuple[Place, ...]
    experiments: tuple[Experiment, ...]

    @property
    def label(self) -> str:
        """What messages call it."""
        return ", ".join(place.label for place in self.places)


@dataclass(frozen=True)
class Study:
    """A checked study.

    Parameters
    ----------
    file
        Its content.
    where
        What messages call it.
    folder
        What relative paths in it start from.
    source
        Name or path that it was loaded by, for the command that repeats it.
    """

    file: StudyFile
    where: str
    folder: Path
    source: str

    @classmethod
    def load(cls, source: str) -> Study:
        """A study that comes with crosswall by name, or a TOML file by path; ExperimentError if it
        is wrong."""
        return cls(*files.read(source), source)

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.file.study.name

    def points(self, options: Options) -> tuple[list[Point], list[str]]:
        """Every point that the options leave room for, and the labels of the others.

        A point is left out if a phase's ``subset`` asks for more than ``options.train`` samples.

        Raises
        ------
        ExperimentError, DeviceError
            Naming the point, if its experiment is not valid.
        """
        points, left_out = [], []
        axes = [list(_places(axis)) for axis in self.file.axes]
        for combination in itertools.product(*axes):
            places = tuple(place for place, _ in combination)
            label = ", ".join(place.label for place in places)
            mapping, folder = self._mapping([change for _, change in combination], options, label)
            seeds = options.seeds or max(
                self.file.study.seeds, *(change.seeds for _, change in combination))
            needed = max((phase.get("subset", 0) for phase in mapping["phases"]
                          if isinstance(phase, dict)), default=0)
            if isinstance(options.train, int) and needed > options.train:
                left_out.append(label)
                continue
            points.append(Point(places, tuple(
                self._experiment(mapping, seed, folder, options, label)
                for seed in range(1, seeds + 1))))
        return points, left_out

    def _mapping(self, changes: list[_Change], options: Options, label: str
                 ) -> tuple[dict[str, Any], Path]:
        """The experiment file of a combination, and its folder."""
        where = f"{self.where}: point {label}"
        section = self.file.study
        base = next((change.base for change in reversed(changes) if change.base), section.base)
        if base not in config.preset_names() and (self.folder / base).exists():
            base = str(self.folder / base)
        try:
            mapping, _, folder = config.read(base)
        except ExperimentError as error:
            raise ExperimentError(f"{where}: {error}") from error
        for key in ("train", "test"):
            value = getattr(options, key) or getattr(section, key)
            if value == "all":
                mapping.get("data", {}).pop(key, None)
            elif value is not None:
                set_key(mapping, f"data.{key}", value, where)
        for change in (_Change(section.set), *changes):
            for key in change.remove:
                remove_key(mapping, key, where)
            for key, value in change.set.items():
                set_key(mapping, key, value, where)
        return mapping, folder

    def _experiment(self, mapping: Mapping[str, Any], seed: int, folder: Path, options: Options,
                    label: str) -> Experiment:
        seeded = copy.deepcopy(dict(mapping))
        where = f"{self.where}: point {label}"
        set_key(seeded, "experiment.seed", seed, where)
        experiment = Experiment.from_mapping(seeded, where, folder)
        if not looked_for(experiment):
            return experiment
        return experiment.with_options(data=options.data)


def looked_for(experiment: Experiment) -> bool:
    """Whether an experiment's data are looked for by name in a folder of data."""
    source = experiment.file.data.source
    return source not in BUILTIN_NAMES and not is_path(source)


@dataclass(frozen=True)
class _Change:
    """What a place on an axis changes."""

    set: Mapping[str, Any]
    remove: Sequence[str] = ()
    base: str | None = None
    seeds: int = 0


def _places(axis: AxisSection) -> Iterator[tuple[Place, _Change]]:
    if axis.points is not None:
        for point in axis.points:
            yield Place(point.label, point.at), _Change(point.set, point.remove, point.base,
                                                        point.seeds or 0)
        return
    assert axis.key is not None
    for value in axis.values or ():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        label = f"{value:g}" if isinstance(value, float) else str(value)
        yield Place(label, float(value) if is_number else None), _Change({axis.key: value})


def set_key(mapping: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a dotted key of an experiment file.

    In a list of tables, such as ``phases``, a part of the key is a table's index, or the ``kind``
    or ``name`` of all tables that are meant: ``phases.teach.passes``. The value replaces whatever
    is there: tables are not merged.

    Raises
    ------
    ExperimentError
        If the key leads nowhere, naming ``where``.
    """
    for table, last in _tables(mapping, key, where):
        table[last] = copy.deepcopy(value)


def remove_key(mapping: dict[str, Any], key: str, where: str) -> None:
    """Take a dotted key away, if it is there; as `set_key`."""
    for table, last in _tables(mapping, key, where):
        table.pop(last, None)


def _tables(mapping: dict[str, Any], key: str, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The tables that a dotted key is of, and its last part."""
    *way, last = key.split(".")
    nodes: list[Any] = [mapping]
    for depth, step in enumerate(way, 1):
        trail = f"{where}: {'.'.join(way[:depth])}"
        nodes = [child for node in nodes for child in _children(node, step, trail)]
    for node in nodes:
        if not isinstance(node, dict):
            raise ExperimentError(f"{where}: {key}: {'.'.join(way)} = {node!r}, expected a table; "
                                  f"correct the key")
        yield node, last


def _children(node: Any, step: str, trail: str) -> list[Any]:
    """What a step of a dotted key leads to; ``trail`` is the way so far, for messages."""
    if isinstance(node, dict):
        return [node.setdefault(step, {})]
    if not isinstance(node, list):
        raise ExperimentError(f"{trail}: expected a table or a list on the way, got {node!r}; "
                              f"correct the key")
    tables = [item for item in node if isinstance(item, dict)]
    found = node[int(step):int(step) + 1] if step.isdecimal() else \
        [table for table in tables if step in (table.get("kind"), table.get("name"))]
    if not found:
        kinds = dict.fromkeys(str(table.get("kind")) for table in tables)
        raise ExperimentError(f"{trail}: expected an index below {len(node)}, or a kind or name in "
                              f"the list ({', '.join(kinds)}); correct the key")
    return found
