"""The twin: the machine in integers, bit-exact; a reference in Python and a compiled kernel."""

from .reference import ReferenceMachine
from .state import MachineState
from .twin import Headers, Results, Twin

__all__ = ["Headers", "MachineState", "ReferenceMachine", "Results", "Twin"]
