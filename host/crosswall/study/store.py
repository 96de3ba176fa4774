"""Results of points, kept so that nothing is run twice.

A result lies in a file that is named after everything it follows from: the whole experiment file
with its defaults and its seed, the content of the data and of the devices' tables, and the code
that computes. Studies share the folder, so a point that two studies have in common is run once.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from crosswall import __version__
from crosswall.data import Dataset
from crosswall.experiment import Experiment
from crosswall.files import replacing_file
from crosswall.reading import UnreadableError, read_json
from crosswall.spec.network import Network

FORMAT = 2
"""Version of the files' keys: ``format``, ``key``, ``result``, the object of ``result.json``, and
``digest``, its SHA-256."""

MAX_BYTES = 1 << 28
"""Largest such file that is read."""

_CODE = ("spec", "twin", "device", "data", "experiment/experiment.py", "experiment/initial.py",
         "experiment/pulses.py", "experiment/schedule.py", "experiment/runner.py",
         "experiment/metrics.py", "experiment/report.py")
"""Sources, in the package ``crosswall``, that a result follows from; of the experiment file's
defaults (``experiment/config.py``) a key holds the values."""


class Store:
    """The results in a folder, one JSON file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str) -> Path:
        """Where the result of a key lies."""
        return self._folder / f"{key}.json"

    def load(self, key: str) -> dict[str, Any] | None:
        """The result of a key; None if it is not there, damaged or of another format."""
        try:
            kept = read_json(self.path(key), MAX_BYTES)
        except UnreadableError:
            return None
        return kept["result"] if isinstance(kept, dict) and \
            kept == _as_kept(key, kept.get("result")) else None

    def save(self, key: str, result: dict[str, Any]) -> None:
        """Keep a result; the file appears whole or not at all."""
        text = json.dumps(_as_kept(key, result))
        with replacing_file(self.path(key)) as new:
            new.write_text(text + "\n", encoding="utf-8")


def _as_kept(key: str, result: Any) -> dict[str, Any]:
    """What a file says; whatever becomes of its bytes, it does not say anything else."""
    digest = hashlib.sha256(json.dumps(result).encode()).hexdigest()
    return {"format": FORMAT, "key": key, "digest": digest, "result": result}


@functools.cache
def code_digest() -> str:
    """Hash of crosswall's version and of the sources that a result follows from."""
    digest = hashlib.sha256(__version__.encode())
    package = Path(str(resources.files("crosswall")))
    for name in _CODE:
        place = package / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class DataSummary:
    """What studies need to know of an experiment's data: the size of its parts, one sample for
    the geometry, a hash of the content."""

    train: int
    test: int
    sample: Dataset
    digest: str


class Surveyor:
    """Looks at data and devices of experiments, at each only once.

    ``notice`` is called with what is probably wrong with the data (`crosswall.data.load`).
    """

    def __init__(self, notice: Callable[[str], None] = lambda line: None) -> None:
        self._notice = notice
        self._data: dict[str, DataSummary] = {}
        self._devices: dict[str, str] = {}

    def data(self, experiment: Experiment) -> DataSummary:
        """The whole data set of an experiment, whatever share of it is used.

        Raises
        ------
        DataError
            If the data cannot be read.
        """
        mapping = experiment.as_mapping()
        for key in ("train", "test"):
            mapping["data"].pop(key, None)
        mapping["experiment"]["seed"] = 1  # a set is split by the seed, but always the same set
        place = json.dumps([mapping["data"], str(experiment.folder), experiment.data])
        if place not in self._data:
            whole = Experiment.from_mapping(mapping, experiment.where, experiment.folder)
            train, test = whole.with_options(data=experiment.data).load_data(self._notice)
            digest = hashlib.sha256()
            for part in (train, test):
                digest.update(part.samples.tobytes())
                digest.update(part.labels.tobytes())
            self._data[place] = DataSummary(len(train), len(test), train.take(np.arange(1)),
                                            digest.hexdigest())
        return self._data[place]

    def network(self, experiment: Experiment) -> Network:
        """The geometry of an experiment."""
        return experiment.network(self.data(experiment).sample)

    def key(self, experiment: Experiment) -> str:
        """What the result of an experiment is kept by: 24 hexadecimal digits."""
        content = [experiment.file.model_dump(mode="json"), self.data(experiment).digest,
                   self._tables(experiment), code_digest()]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def work(self, experiment: Experiment) -> float:
        """How long an experiment takes, in no unit: samples times synapses that a sample reads."""
        data, network = self.data(experiment), self.network(experiment)
        section = experiment.file.data
        train, test = min(section.train or data.train, data.train), section.test or data.test
        samples = sum(
            (phase.samples or (phase.passes or 1) * (phase.subset or train))
            if phase.kind != "evaluate" else train if phase.part == "train" else test
            for phase in experiment.file.phases)
        return float(samples * network.positions * network.lines * network.neurons)

    def _tables(self, experiment: Experiment) -> str:
        """Hash of the devices' compiled tables, which may come from files."""
        network = self.network(experiment)
        file = experiment.file
        place = json.dumps([file.device, str(experiment.folder), network.wall_bits,
                            network.bin_bits, network.quantile_bits, network.variant_bits])
        if place not in self._devices:
            tables = experiment.tables(network)
            self._devices[place] = hashlib.sha256(repr(tables).encode()).hexdigest()
        return self._devices[place]
