"""Figures that are written to files and never shown, so that no screen is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crosswall.errors import ToolError, UsageError, cause

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["available", "check_picture", "new_figure", "spared"]

_ENDINGS = (".png", ".svg", ".pdf")


def available() -> bool:
    """Whether matplotlib is installed."""
    try:
        _import()
    except ImportError:
        return False
    return True


def new_figure(size: tuple[float, float]) -> Figure:
    """An empty figure of so many inches; ToolError if matplotlib is missing."""
    try:
        _import()
    except ImportError as error:
        raise ToolError("drawing needs matplotlib: install it with "
                        "`pip install 'crosswall[plot]'`, or ask for no plots") from error
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


@contextmanager
def spared(results: str, notice: Callable[[str], None]) -> Iterator[None]:
    """Turn whatever goes wrong in drawing into a notice, as ``results``, which it names, are
    complete without."""
    try:
        yield
    except Exception as error:
        notice(f"no plots, {results} are complete: {cause(error)}")


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise UsageError unless the ending of a file's name is of a format that we draw."""
    if Path(path).suffix.lower() not in _ENDINGS:
        raise UsageError(f"{os.fspath(path)}: expected a name that ends in "
                         f"{', '.join(_ENDINGS[:-1])} or {_ENDINGS[-1]} for a picture")


def _import() -> None:
    """Import matplotlib. It fails if MPLBACKEND names a backend that this environment lacks, as a
    notebook's does; we need none."""
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib  # noqa: F401
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
