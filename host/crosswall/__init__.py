"""crosswall: hardware-in-the-loop emulation of a DW-MTJ learning machine.

The main job from Python::

    import crosswall

    experiment = crosswall.Experiment.load("digits").with_options(train=500)
    result = crosswall.run(experiment, board="twin")

`run`, `resume` and `verify` do what the commands of these names do; `open_board` opens a board to
stream samples of one's own; `Network`, `Rules` and `Twin` are the machine without an experiment.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("crosswall")
except PackageNotFoundError:  # imported from a source tree that is not installed
    __version__ = "0+unknown"

# Imported when first used: a host that only streams has neither Numba nor plots.
_HOME = {
    "run": "crosswall.experiment",
    "resume": "crosswall.experiment",
    "verify": "crosswall.experiment",
    "Experiment": "crosswall.experiment",
    "open_board": "crosswall.board",
    "Network": "crosswall.spec.network",
    "Rules": "crosswall.spec.rules",
    "Twin": "crosswall.twin",
    "Headers": "crosswall.twin",
    "MachineState": "crosswall.twin",
    "CrosswallError": "crosswall.errors",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'crosswall' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
