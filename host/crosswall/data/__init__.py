"""Data sets: digits and other small sets, IDX folders, NPZ and CSV files, as bytes with labels.

`load` gives the training and the test part of a set; every mistake in a file
or in the arguments is a `crosswall.errors.DataError`. The formats are
described in ``docs/data.md``. `encoding` makes several input lines of a
feature, `augment` moves, mirrors and permutes samples, `labels` spoils labels.
"""

from .builtin import BUILTIN_NAMES
from .dataset import Dataset
from .encoding import ComplementCoding, FeatureEncoding, TriangularFields
from .loading import load
from .locating import is_path, locate

__all__ = ["BUILTIN_NAMES", "ComplementCoding", "Dataset", "FeatureEncoding", "TriangularFields",
           "is_path", "load", "locate"]
