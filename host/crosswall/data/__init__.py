"""Data sets: digits and other small sets, IDX folders, NPZ and CSV files, as bytes with labels.

`load` gives the training and the test part of a set; every mistake in a file
or in the arguments is a `crosswall.errors.DataError`. The formats are
described in ``docs/data.md``.
"""

from .dataset import Dataset
from .loading import load

__all__ = ["Dataset", "load"]
