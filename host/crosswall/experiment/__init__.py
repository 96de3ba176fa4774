"""Experiments: the file that describes one, and what runs, verifies and reports it.

`run`, `resume` and `verify` do the main job; the parts they are made of are in the modules.
"""

from .api import resume, run, verify
from .experiment import Experiment, Seeds
from .runner import Plan, Record
from .schedule import Schedule

__all__ = ["Experiment", "Plan", "Record", "Schedule", "Seeds", "resume", "run", "verify"]
