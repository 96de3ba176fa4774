"""From a name, a path or an experiment file's section to a device."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from crosswall import sections
from crosswall.errors import DeviceError

from .ideal import ideal
from .model import DeviceModel, shown
from .table import read_devices

DATA_VARIABLE = "CROSSWALL_DATA"
"""Environment variable: a folder of data, with ``dwmtj-lut`` in it (or that folder itself)."""

NAMED_TABLES = {
    "stt-0k": "STT/0K",
    "stt-300k": "STT/300K",
    "sot-0k": "SOT/0K",
    "sot-300k": "SOT/300K",
}
"""Micromagnetic DW-MTJ tables of Sandia National Laboratories and UT Austin by name, and where
they are in ``dwmtj-lut``; spin-transfer and spin-orbit torque at two temperatures."""

NAMES = ("ideal", *NAMED_TABLES)
"""What `load` knows by name."""

_IDEAL_KEYS = ("name", "step", "noise", "asymmetry", "nonlinearity", "spread", "stuck",
               "conductance_min", "conductance_max")
_TABLE_KEYS = ("name", "path", "devices", "range", "spread", "stuck")
_KINDS = {"ideal": _IDEAL_KEYS, "table": _TABLE_KEYS}


def load(source: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None,
         limit: int | None = None) -> DeviceModel:
    """A device by name or from a path.

    Parameters
    ----------
    source
        A name (`NAMES`), a directory of tables, a table file (``.txt``, ``.txt.gz``; its
        partner is found beside it), or a TOML file that describes a device.
    data
        Folder that holds ``dwmtj-lut``, for the named tables. By default the folder that the
        environment names in ``CROSSWALL_DATA``, else ``../shared/data`` of a source tree.
    limit
        Use only so many of a table's devices, the first; None: all.

    Raises
    ------
    DeviceError
        If there is no such device, or its description is not valid.
    """
    text = os.fspath(source)
    if text == "ideal":
        return ideal()
    if text in NAMED_TABLES:
        return _named_device(text, data, limit=limit)
    path = Path(text)
    if not os.path.lexists(text):  # False also for what cannot be a path
        raise DeviceError(f"device {shown(text)} not found; give one of {', '.join(NAMES)}, a "
                          "directory of tables, a table or a TOML file")
    if path.suffix == ".toml":
        return _from_toml(path, data, limit)
    return read_devices(path, limit=limit)


def from_mapping(mapping: Mapping[str, Any], *, base: str | os.PathLike[str] = ".",
                 data: str | os.PathLike[str] | None = None,
                 limit: int | None = None) -> DeviceModel:
    """A device from the ``[device]`` section of an experiment file, or a device file.

    Parameters
    ----------
    mapping
        ``kind`` is ``"ideal"`` (the parameters of `crosswall.device.ideal`) or ``"table"``
        (``path``: a name such as ``stt-300k``, a directory or a table file; and optionally
        ``name``, ``devices``, ``range``, ``spread``, ``stuck`` as in `read_devices`).
    base
        Folder that a relative ``path`` counts from.
    data, limit
        As for `load`.

    Raises
    ------
    DeviceError
        Naming the key, what was found and what is allowed.
    """
    kind = mapping.get("kind")
    if kind is None and "material" in mapping:
        raise DeviceError("this file describes a device by its physics; compile it first: "
                          "crosswall device compile FILE.toml, and use the folder that it writes")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise DeviceError(f"device parameter `kind` must be one of {', '.join(_KINDS)}: "
                          f"got {shown(kind)}")
    parameters = {key: value for key, value in mapping.items() if key != "kind"}
    for key in parameters:
        if key not in _KINDS[kind]:
            raise DeviceError(f"unknown device parameter `{key:.60}`; kind = {kind!r} allows "
                              f"{', '.join(_KINDS[kind])}")
    for key in ("name", "path", "range"):
        if not isinstance(parameters.get(key, ""), str):
            raise DeviceError(f"device parameter `{key}` must be text: got "
                              f"{shown(parameters[key])}")
    devices = parameters.get("devices", [])
    if not isinstance(devices, list) or any(type(device) is not int for device in devices):
        raise DeviceError("device parameter `devices` must be a list of numbers such as [0, 1]: "
                          f"got {shown(devices)}")
    if kind == "ideal":
        return ideal(**parameters)
    if "path" not in parameters:
        raise DeviceError("device parameter `path` is missing; name a directory of tables or one "
                          f"of {', '.join(NAMED_TABLES)}")
    path = parameters.pop("path")
    if "range" in parameters:
        parameters["span"] = parameters.pop("range")
    if path in NAMED_TABLES:
        return _named_device(path, data, limit=limit, **parameters)
    return read_devices(Path(base, path), limit=limit, **parameters)


def _from_toml(path: Path, data: str | os.PathLike[str] | None, limit: int | None) -> DeviceModel:
    mapping = sections.read(path, DeviceError)
    try:
        return from_mapping({"name": path.stem, **mapping}, base=path.parent, data=data,
                            limit=limit)
    except DeviceError as error:
        raise DeviceError(f"{path}: {error}") from error


def _named_device(tables: str, data: str | os.PathLike[str] | None,
                  **parameters: Any) -> DeviceModel:
    """A device of `NAMED_TABLES`; its provenance does not depend on where the tables lie."""
    folder = _named_folder(tables, data)
    model = read_devices(folder, **{"name": tables, **parameters})
    return replace(model, provenance="micromagnetic DW-MTJ (Sandia National Laboratories, UT "
                   f"Austin), {model.provenance.replace(str(folder), NAMED_TABLES[tables])}")


def _named_folder(name: str, data: str | os.PathLike[str] | None) -> Path:
    """Folder of a named table; DeviceError says where it was looked for."""
    if data is not None:
        roots = [Path(data)]
    elif variable := os.environ.get(DATA_VARIABLE):
        roots = [Path(variable)]
    else:
        roots = [Path(__file__).resolve().parents[4] / "shared" / "data",
                 Path("..", "shared", "data")]
    candidates = [folder / NAMED_TABLES[name] for root in roots
                  for folder in (root / "dwmtj-lut", root)]
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise DeviceError(f"the tables of device {name!r} were not found (looked in "
                      f"{', '.join(map(str, candidates))}); set {DATA_VARIABLE} to a folder that "
                      "holds dwmtj-lut, or use the device `ideal`")
