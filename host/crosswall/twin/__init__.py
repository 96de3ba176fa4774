"""The twin: the machine in integers, bit-exact; a reference in Python and a compiled kernel.

`Twin` needs the extra ``twin`` (Numba) and is imported when first used: a host that only streams
to a board uses the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .batch import Headers, Results
from .reference import ReferenceMachine
from .state import MachineState

if TYPE_CHECKING:
    from .twin import Twin

__all__ = ["Headers", "MachineState", "ReferenceMachine", "Results", "Twin"]


def __getattr__(name: str) -> Any:
    if name != "Twin":
        raise AttributeError(f"module 'crosswall.twin' has no attribute {name!r}")
    from .twin import Twin

    return Twin
