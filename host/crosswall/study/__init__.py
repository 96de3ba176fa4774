"""Studies: many experiments from one file, run once, tabulated and drawn.

A study is a base experiment and axes of changes to it. `run` runs every point of it (a
combination of changes) with several seeds on the twin, keeps each result, and writes a table and
figures. A point that has been run before is not run again.
"""

from .api import Outcome, run
from .points import Options, Study

__all__ = ["Options", "Outcome", "Study", "run"]
