"""Results of points, kept so that nothing is run twice.

A result lies in a file that is named after everything it follows from: the whole experiment file
with its defaults and its seed, the content of the data and of the devices, and the code that
computes (`crosswall.experiment.inputs`). Studies share the folder, so a point that two studies have
in common is run once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosswall.data import Dataset
from crosswall.errors import HostError
from crosswall.experiment import Experiment
from crosswall.experiment.inputs import data_digest, digest, inputs
from crosswall.files import replacing_file
from crosswall.reading import UnreadableError, read_json
from crosswall.spec.network import Network

FORMAT = 2
"""Version of the files' keys: ``format``, ``key``, ``result``, the object of ``result.json``, and
``digest``, its SHA-256."""

MAX_BYTES = 1 << 28
"""Largest such file that is read."""


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
        """Keep a result; the file appears whole or not at all.

        Raises
        ------
        HostError
            If it cannot be written.
        """
        text = json.dumps(_as_kept(key, result))
        try:
            with replacing_file(self.path(key)) as new:
                new.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise HostError(f"{self._folder}: a result cannot be kept ({error.strerror or error}); "
                            f"make room or change its permissions, and call the study again: it "
                            f"goes on") from error


def _as_kept(key: str, result: Any) -> dict[str, Any]:
    """What a file says; whatever becomes of its bytes, it does not say anything else."""
    found = hashlib.sha256(json.dumps(result).encode()).hexdigest()
    return {"format": FORMAT, "key": key, "digest": found, "result": result}


@dataclass(frozen=True)
class DataSummary:
    """What studies need to know of an experiment's data: the size of its parts, one sample for
    the geometry, a hash of the content."""

    train: int
    test: int
    sample: Dataset
    digest: str


class Surveyor:
    """Looks at the data of experiments, at the same data only once.

    ``notice`` is called with what is probably wrong with the data (`crosswall.data.load`), once.
    """

    def __init__(self, notice: Callable[[str], None] = lambda line: None) -> None:
        self._notice = notice
        self._said: set[str] = set()
        self._data: dict[str, DataSummary] = {}

    def data(self, experiment: Experiment) -> DataSummary:
        """The data that an experiment uses.

        Raises
        ------
        DataError
            If they cannot be read.
        """
        place = digest([experiment.file.data, str(experiment.folder), experiment.data,
                        experiment.file.experiment.seed])
        if place not in self._data:
            train, test = experiment.load_data(self._tell)
            self._data[place] = DataSummary(len(train), len(test), train.take(np.arange(1)),
                                            data_digest(train, test))
        return self._data[place]

    def _tell(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._notice(line)

    def network(self, experiment: Experiment) -> Network:
        """The geometry of an experiment."""
        return experiment.network(self.data(experiment).sample)

    def key(self, experiment: Experiment) -> str:
        """What the result of an experiment is kept by: 24 hexadecimal digits."""
        return digest(inputs(experiment, self.data(experiment).digest))[:24]

    def work(self, experiment: Experiment) -> float:
        """How long an experiment takes, in no unit: samples times synapses that a sample reads."""
        data, network = self.data(experiment), self.network(experiment)
        samples = sum(
            (phase.samples or (phase.passes or 1) * (phase.subset or data.train))
            if phase.kind != "evaluate" else data.train if phase.part == "train" else data.test
            for phase in experiment.file.phases)
        return float(samples * network.positions * network.lines * network.neurons)
