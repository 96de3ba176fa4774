"""Every kind of file that crosswall reads: a valid one, how it is read, what can happen to it."""

from __future__ import annotations

import gzip
import json
import struct
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crosswall import data, device
from crosswall.device import physics
from crosswall.errors import (
    CrosswallError,
    DataError,
    DeviceError,
    ExperimentError,
    ToolError,
    UsageError,
)
from crosswall.experiment import Experiment
from crosswall.experiment.folder import RunFolder
from crosswall.experiment.runner import Plan, Record
from crosswall.spec.network import receptive_fields
from crosswall.study import Options, Study
from crosswall.study.store import Store
from crosswall.twin import MachineState, Results
from crosswall_boards.estimate import parse_stat
from crosswall_boards.report import BuildReport, parse_nextpnr, read_report
from tests.boards.test_report import ECP5
from tests.device.tables import DECREASING, INCREASING, table_text
from tests.fuzz import mutations
from tests.fuzz.mutations import Draw

NETWORK = receptive_fields(5, 5, 3, 4, field=3, stride=1, regions=2)

EXPERIMENT = """\
# An experiment.
[experiment]
name = "small"
seed = 3
[data]
source = "digits"
shape = [8, 8]
classes = 10
value_range = [0.0, 16.0]
[geometry]
kind = "receptive-fields"
field = 3
stride = 2
regions = 2
neurons = 4
[formats]
wall_bits = 8
[device]
kind = "ideal"
step = 0.02
noise = 0.1
name = "own"
[device.readout]
kind = "ideal"
[neurons]
kind = "argmax"
[rules]
margin = 12
[energy]
write_energy = 1e-15
[build]
lanes = 2
[[phases]]
kind = "cluster"
passes = 1
pulse_lengths = [8, 2]
boundaries = [0.5]
[[phases]]
kind = "teach"
subset = 9
gate_shifts = [2, 4]
portion = [0.0, 0.5]
classes = [0, 1]
[[phases]]
kind = "evaluate"
"""

CSV = "a,b,label\n1,2.5,0\n3,4e1,1\n-5,6,0\n7,8,1\n"

RUN = """\
experiment = {name = "small", read_back = "all"}
data = {source = "set.csv", test_fraction = 0.5, encoding = {kind = "complement"}}
geometry = {kind = "whole-image", neurons = 4}
phases = [{kind = "cluster", samples = 9, pulse_lengths = [8]}, {kind = "evaluate"}]
"""

STUDY = """\
[study]
name = "small"
title = "Small: how it depends"
base = "iris"
seeds = 2
train = 30
set = {"rules.silence" = 3}
[[axes]]
name = "noise"
key = "device.noise"
values = [0.0, 0.5]
[[axes]]
name = "rule"
[[axes.points]]
label = "match"
at = 1.0
set = {"rules.clustering_rule" = "match"}
[[axes.points]]
label = "stdp"
remove = ["rules.silence"]
set = {"rules.clustering_rule" = "stdp"}
[table]
quantities = ["accuracy", "energy_device"]
[[figures]]
x = "noise"
y = "accuracy"
lines = "rule"
scale = "symlog"
[corners]
budget = 1e-8
[corners.set]
write_energy = [1e-15, 2e-15]
"""

DEVICE = 'kind = "ideal"\nname = "own"\nstep = 0.02\nnoise = 0.1\nspread = 0.2\nstuck = 0.1\n' \
         "asymmetry = 0.1\nnonlinearity = 0.5\nconductance_min = 6e-5\nconductance_max = 1.2e-4\n"

TABLE_DEVICE = 'kind = "table"\npath = "tables"\nname = "own"\ndevices = [0]\nrange = "own"\n' \
               "spread = 0.1\nstuck = 0.01\n"


STAT = '{"design": {"num_cells_by_type": {"LUT4": 120, "TRELLIS_FF": 80, "DP16KD": 3, "CCU2C": 9}}}'


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    file
        Its name, in a folder of its own.
    make
        Fills the folder with that file and those that belong to it.
    read
        Reads it from the folder, as commands do.
    change
        What happens to its bytes.
    error
        What a file that is wrong raises; None if none may.
    """

    file: str
    make: Callable[[Path], Any]
    read: Callable[[Path], Any]
    change: Callable[[Draw, bytes], bytes]
    error: type[CrosswallError] | tuple[type[CrosswallError], ...] | None


def _text(name: str, content: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


def _snapshot(folder: Path) -> None:
    state = MachineState.initial(NETWORK, 3)
    state.next_sample = 70
    state.save(folder / "state.npz", NETWORK)


def _npz(folder: Path) -> None:
    x = np.arange(60, dtype=np.uint8).reshape(6, 10)
    np.savez(folder / "set.npz", x_train=x, y_train=[0, 1, 2] * 2, x_test=x[3:].astype(np.float32),
             y_test=[0, 1, 2])


def _npz_whole(folder: Path) -> None:
    x = np.arange(60, dtype=np.float32).reshape(6, 2, 5)
    np.savez_compressed(folder / "set.npz", x=x, y=np.array([0, 1, 2] * 2, np.uint8))


def _idx(suffix: str = "") -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        pack = gzip.compress if suffix else bytes
        for part in ("train", "t10k"):
            for kind, array in (("images-idx3", np.arange(36).reshape(6, 2, 3)),
                                ("labels-idx1", np.array([0, 1, 2] * 2))):
                (folder / f"{part}-{kind}-ubyte{suffix}").write_bytes(pack(
                    struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
                    + array.astype(np.uint8).tobytes()))
    return make


def _tables(folder: Path, suffix: str = "") -> None:
    for word, rows in (("increasing", INCREASING), ("decreasing", DECREASING)):
        content = table_text(rows).encode()
        (folder / f"dG_{word}.txt{suffix}").write_bytes(
            gzip.compress(content, mtime=0) if suffix else content)


def _provenance(folder: Path) -> None:
    _tables(folder)
    (folder / "provenance.json").write_text(json.dumps(
        {"name": "own", "provenance": "made here", "write_energy": 1e-15}))


def _table_device(folder: Path) -> None:
    (folder / "tables").mkdir()
    _tables(folder / "tables")
    (folder / "own.toml").write_text(TABLE_DEVICE)


def _point(folder: Path) -> None:
    Store(folder).save("0123456789abcdef", {
        "accuracy": 0.5, "energy_joules": {"device": 1e-9, "with_periphery": 2e-9},
        "phases": [{"kind": "teach", "samples": 9}], "name": "own"})


def _unfinished(folder: Path) -> None:
    (folder / "set.csv").write_text(CSV)
    plan = Plan.make(Experiment.from_mapping(tomllib.loads(RUN), folder=folder))
    state = plan.initial_state()
    state.next_sample = 5
    with RunFolder.claim(folder / "out") as claimed:
        claimed.save(plan, Record(Results.empty(plan.network, 5), state, [], [0.1]), "twin")


def _resume(folder: Path) -> None:
    with RunFolder.claim(folder / "out", resume=True) as claimed:
        claimed.read()


def _read_device(source: Path) -> None:
    device.compile(device.load(source), 12, 3, 3, 1)


def _read_nextpnr(folder: Path) -> None:
    resources, clocks = read_report(folder / "report.json", parse_nextpnr)
    BuildReport("board", {}, 0, 1, resources, clocks).as_text()


def _read_point(folder: Path) -> None:
    kept = Store(folder).load("0123456789abcdef")
    whole = {"accuracy": 0.5, "energy_joules": {"device": 1e-9, "with_periphery": 2e-9},
             "phases": [{"kind": "teach", "samples": 9}], "name": "own"}
    assert kept in (None, whole)


def _idx_kind(name: str) -> Kind:
    suffix = ".gz" if name.endswith(".gz") else ""
    return Kind(name, _idx(suffix), data.load,
                mutations.gzip_changed if suffix else mutations.bytes_changed, DataError)


def _table_kind(name: str, suffix: str = "") -> Kind:
    def change(draw: Draw, content: bytes) -> bytes:
        return mutations.gzip_changed(draw, content) if suffix else \
            mutations.bytes_changed(draw, content)

    return Kind(name + suffix, lambda folder: _tables(folder, suffix), _read_device, change,
                DeviceError)


KINDS = {
    "snapshot": Kind("state.npz", _snapshot,
                     lambda folder: MachineState.load(folder / "state.npz", NETWORK),
                     mutations.npz_changed, DataError),
    "npz": Kind("set.npz", _npz, lambda folder: data.load(folder / "set.npz"),
                mutations.npz_changed, DataError),
    "npz of images": Kind("set.npz", _npz_whole, lambda folder: data.load(folder / "set.npz"),
                          mutations.npz_changed, DataError),
    "idx images": _idx_kind("train-images-idx3-ubyte"),
    "idx labels": _idx_kind("t10k-labels-idx1-ubyte"),
    "idx images, packed": _idx_kind("t10k-images-idx3-ubyte.gz"),
    "csv": Kind("set.csv", _text("set.csv", CSV),
                lambda folder: data.load(folder / "set.csv"), mutations.bytes_changed, DataError),
    "experiment": Kind("own.toml", _text("own.toml", EXPERIMENT),
                       lambda folder: Experiment.load(str(folder / "own.toml")),
                       mutations.toml_changed, (ExperimentError, DeviceError)),
    "study": Kind("own.toml", _text("own.toml", STUDY),
                  lambda folder: Study.load(str(folder / "own.toml")).points(Options(seeds=1)),
                  mutations.toml_changed, (ExperimentError, DeviceError)),
    "device": Kind("own.toml", _text("own.toml", DEVICE),
                   lambda folder: _read_device(folder / "own.toml"), mutations.toml_changed,
                   DeviceError),
    "device of tables": Kind("own.toml", _table_device,
                             lambda folder: _read_device(folder / "own.toml"),
                             mutations.toml_changed, DeviceError),
    "device table": _table_kind("dG_increasing.txt"),
    "device table, packed": _table_kind("dG_decreasing.txt", ".gz"),
    "provenance": Kind("provenance.json", _provenance, _read_device, mutations.json_changed,
                       DeviceError),
    "physics": Kind("own.toml", _text("own.toml", physics.preset_text("stt-pma")),
                    lambda folder: physics.read(folder / "own.toml"), mutations.toml_changed,
                    DeviceError),
    "nextpnr's report": Kind("report.json", _text("report.json", ECP5), _read_nextpnr,
                             mutations.json_changed, ToolError),
    "yosys' count": Kind("stat.json", _text("stat.json", STAT),
                         lambda folder: read_report(folder / "stat.json", parse_stat),
                         mutations.json_changed, ToolError),
    "unfinished run": Kind("out/unfinished.npz", _unfinished, _resume, mutations.npz_changed,
                           (DataError, ExperimentError, DeviceError, UsageError)),
    "study point": Kind("0123456789abcdef.json", _point, _read_point, mutations.json_changed,
                        None),
}
