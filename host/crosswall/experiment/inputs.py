"""What a result follows from, as hashes: equal inputs give equal results.

Two rules keep an input from being forgotten. Objects are hashed with all of their fields, so that a
new one counts; and sources count unless they are named as beside the point.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from crosswall import __version__
from crosswall.data import Dataset

from .experiment import Experiment

_PLACES: dict[type, set[str]] = {
    Experiment: {"where", "folder", "data", "device_source", "source", "variants"}}
"""Fields that say where something was found, or from which option it came: it is hashed itself."""

_BESIDE_THE_POINT = (
    "cli", "drawing.py", "errors.py", "files", "link", "reading", "study", "device/physics",
    "experiment/api.py", "experiment/benchmark.py", "experiment/folder.py", "experiment/plots.py",
    "experiment/verification.py")
"""Sources in the package ``crosswall`` that no result on the twin follows from: they present,
store, carry or compare it, or make files that are read."""

_COMPUTING = ("numpy", "numba")
"""Other people's packages that compute results."""


def inputs(experiment: Experiment, data: str) -> dict[str, str]:
    """SHA-256 of everything that a result follows from, in hexadecimal, by part; ``data`` is that
    of the data (`data_digest`)."""
    return {"experiment": digest(experiment), "data": data,
            "devices": devices_digest(experiment), "code": code_digest()}


def data_digest(train: Dataset, test: Dataset) -> str:
    """SHA-256 of the data as used: what `Experiment.load_data` gives."""
    return digest([train, test])


def devices_digest(experiment: Experiment) -> str:
    """SHA-256 of the devices of both stages: tables, conductances, spread, energies."""
    return digest([experiment.devices, experiment.coefficients()])


@functools.cache
def code_digest() -> str:
    """Hash of the sources that a result follows from, and of the packages' versions."""
    package = Path(str(resources.files("crosswall")))
    content: dict[str, Any] = {"crosswall": __version__}
    for name in _COMPUTING:
        try:
            content[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not any(name == each or name.startswith(f"{each}/") for each in _BESIDE_THE_POINT):
            content[name] = path.read_bytes()
    return digest(content)[:12]


def digest(value: Any) -> str:
    """SHA-256 of a value's content, in hexadecimal; arrays, models and dataclasses included.

    Raises
    ------
    TypeError
        If the value holds something whose content is not known.
    """
    found = hashlib.sha256()
    _feed(found, value)
    return found.hexdigest()


def _feed(found: Any, value: Any) -> None:
    """Hash a value after its kind and its size, so that no two values are confused."""
    if isinstance(value, np.ndarray):
        _feed(found, [value.dtype.str, value.shape])
        found.update(np.ascontiguousarray(value).data if value.size else b"")
    elif isinstance(value, bytes):
        found.update(b"bytes %d:" % len(value))
        found.update(value)
    elif isinstance(value, BaseModel):
        _feed(found, value.model_dump(mode="json"))
    elif is_dataclass(value) and not isinstance(value, type):
        left_out = _PLACES.get(type(value), set())
        _feed(found, {item.name: getattr(value, item.name) for item in fields(value)
                      if item.name not in left_out})
    elif isinstance(value, Mapping):
        found.update(b"mapping %d:" % len(value))
        for key in sorted(value):
            _feed(found, key)
            _feed(found, value[key])
    elif isinstance(value, list | tuple):
        found.update(b"list %d:" % len(value))
        for item in value:
            _feed(found, item)
    elif isinstance(value, np.generic):
        _feed(found, value.item())
    elif value is None or isinstance(value, str | bool | int | float | Enum | Path):
        _feed(found, f"{type(value).__name__} {value!r}".encode())
    else:
        raise TypeError(f"cannot hash a {type(value).__name__}")
