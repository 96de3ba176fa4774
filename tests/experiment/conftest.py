"""A small experiment on the digits that runs in a fraction of a second."""

import copy
from typing import Any

import pytest

from crosswall.experiment import Experiment

SMALL = {
    "experiment": {"name": "small", "seed": 3, "read_back": "all"},
    "data": {"source": "digits", "shape": [8, 8], "classes": 10, "train": 60, "test": 20},
    "geometry": {"kind": "receptive-fields", "field": 3, "stride": 2, "regions": 2,
                 "neurons": 8, "winners": 2},
    "phases": [
        {"kind": "cluster", "passes": 1, "pulse_lengths": [8, 2]},
        {"kind": "teach", "samples": 90, "gate_shifts": [2, 4]},
        {"kind": "evaluate"},
    ],
}


@pytest.fixture
def mapping() -> dict[str, Any]:
    """The small experiment's file, to change."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def small(mapping) -> Experiment:
    """The small experiment."""
    return Experiment.from_mapping(mapping)
