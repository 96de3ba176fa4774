"""NPZ archives of NumPy: ``x``, ``y`` or ``x_train``, ``y_train``, ``x_test``, ``y_test``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crosswall.errors import DataError

from .dataset import RawPart, RawSet, raw_part

_WHOLE = {"x", "y"}
_SPLIT = {"x_train", "y_train", "x_test", "y_test"}


def read_npz(path: Path) -> RawSet:
    """Read samples and labels from an archive; arrays of Python objects are never unpickled.

    Raises
    ------
    DataError
        If the file is no archive, is damaged, or has other keys.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path}: one array, not an NPZ archive; save it with numpy.savez")
            keys = set(archive.files)
            for wanted in (_SPLIT, _WHOLE):
                if wanted <= keys:
                    arrays = {key: archive[key] for key in wanted}
                    break
            else:
                raise DataError(
                    f"{path}: the keys must be x, y or x_train, y_train, x_test, y_test: "
                    f"got {', '.join(sorted(keys)) or 'none'}"
                )
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise nearly anything on a damaged archive
        raise DataError(
            f"{path}: not an NPZ archive of plain numbers, or damaged; save it with numpy.savez"
        ) from error

    def part(suffix: str) -> RawPart:
        where = f"{path} (x{suffix}, y{suffix})"
        return raw_part(where, arrays[f"x{suffix}"], arrays[f"y{suffix}"])

    if "x" in arrays:
        return RawSet(part(""), None)
    return RawSet(part("_train"), part("_test"))
