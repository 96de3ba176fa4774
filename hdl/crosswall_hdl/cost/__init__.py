"""How many cycles samples take, without simulating them: `docs/cost-model.md`."""

import warnings

from amaranth.hdl import UnusedElaboratable

from .machine import SampleCycles, Schedule

__all__ = ["SampleCycles", "Schedule"]

# Blocks are made here for what they say of their cycles; none is elaborated.
warnings.filterwarnings("ignore", category=UnusedElaboratable)
