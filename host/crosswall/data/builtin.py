"""The small sets that scikit-learn carries in its package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crosswall.errors import ToolError

from .dataset import RawSet, raw_part

_LOADERS = {
    "digits": "load_digits",
    "iris": "load_iris",
    "wine": "load_wine",
    "breast-cancer": "load_breast_cancer",
}

BUILTIN_NAMES = tuple(_LOADERS)

_DIGIT_RANGE = (0.0, 16.0)
"""A digit's value counts the set pixels of a 4×4 block of the original image."""


def read_builtin(name: str) -> RawSet:
    """Read a set of `BUILTIN_NAMES`.

    Raises
    ------
    ToolError
        If scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ToolError(
            f"the data set {name} needs scikit-learn; run: pip install 'crosswall[data]'"
        ) from error
    loader: Callable[[], Any] = getattr(datasets, _LOADERS[name])
    bunch = loader()
    values = bunch.images if name == "digits" else bunch.data
    return RawSet(
        raw_part(name, values, bunch.target),
        None,
        _DIGIT_RANGE if name == "digits" else None,
        tuple(map(str, bunch.target_names)),
    )
