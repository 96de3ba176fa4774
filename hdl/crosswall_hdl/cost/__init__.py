"""How many cycles samples take, without simulating them: `docs/cost-model.md`."""

from .machine import SampleCycles, Schedule

__all__ = ["SampleCycles", "Schedule"]
