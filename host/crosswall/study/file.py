"""The study file: what it may say, and what it says when it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from crosswall.errors import ExperimentError
from crosswall.sections import (
    Library,
    Section,
    did_you_mean,
    integer,
    number,
    reference_table,
    validated,
    value,
)

from .quantities import QUANTITIES

MAX_SEEDS = 1000
"""Most seeds of one point."""

_NAME = r"^[A-Za-z0-9_-]+$"
_A_NAME = "a name of letters, digits, `-` and `_`"
_CHANGES = "a table from dotted keys of the experiment file to values"
_KEY = r"^[^.]+(\.[^.]+)*$"

_Changes = dict[Annotated[str, Field(pattern=_KEY)], Any]
_Value = bool | int | float | str


class StudySection(Section):
    """What is studied, and how much of it by default."""

    name: str = value(_A_NAME, "name of the study and of its folder", pattern=_NAME)
    title: str = value("a text", "heading of table and figures")
    description: str = value("a text", "what the study asks, for the table", default="")
    base: str = value("a preset's name or a path", "the experiment that the axes change; a path "
                      "is relative to this file")
    seeds: int = integer(1, MAX_SEEDS, "seeds 1, 2, … of each point", default=3)
    train: int | None = integer(1, 10**8, "`data.train` where no change sets it; `--train` "
                                "replaces it; default: all", default=None)
    test: int | None = integer(1, 10**8, "`data.test` likewise, `--test`; default: all",
                               default=None)
    set: _Changes = value(_CHANGES, "changes for all points", default_factory=dict)


class PointSection(Section):
    """One place on an axis that changes more than one key."""

    label: str = value("a text", "what tables and figures call it", min_length=1)
    at: float | None = number(-1e12, 1e12, "its place on a figure's numeric axis; default: a "
                              "place by name", default=None)
    base: str | None = value("a preset's name or a path", "another base experiment", default=None)
    seeds: int | None = integer(1, MAX_SEEDS, "at least so many seeds", default=None)
    remove: list[Annotated[str, Field(pattern=_KEY)]] = value(
        "a list of dotted keys", "keys that are taken away, if they are there, before the changes",
        default_factory=list)
    set: _Changes = value(_CHANGES, "changes", default_factory=dict)


class AxisSection(Section):
    """One thing that varies: a key with its values, or places with several changes each. The
    points of a study are all combinations of its axes' places."""

    name: str = value(_A_NAME, "what figures call it by", pattern=_NAME)
    label: str | None = value("a text", "what tables and figures show; default: the name",
                              default=None)
    key: str | None = value("a dotted key of the experiment file", "what `values` are values of; "
                            "in place of `points`", default=None, pattern=_KEY)
    values: list[_Value] | None = value("a list of numbers or texts", "values of the key, one "
                                        "after the other", default=None, min_length=1)
    points: list[PointSection] | None = value(
        "a list of tables", "places with their changes, in place of `key` and `values`",
        default=None, min_length=1)


class TableSection(Section):
    """What is tabulated."""

    statistic: Literal["median", "mean"] = value("'median' or 'mean'", "which one of the seeds",
                                                 default="median")
    quantities: list[Literal[tuple(QUANTITIES)]] = value(  # type: ignore[valid-type]
        "a list of quantities", "columns, beside the axes", min_length=1,
        default=["accuracy", "energy_device", "energy_with_periphery", "learned_samples"])


class FigureSection(Section):
    """A picture, and its data beside it."""

    name: str = value(_A_NAME, "name of its files", pattern=_NAME, default="figure")
    kind: Literal["points", "curves"] = value(
        "'points' or 'curves'", "points: a mark for each point of the study, the range over seeds "
        "as a bar; curves: accuracy over a run's samples, before each is taught and in "
        "evaluations, for each point",
        default="points")
    title: str | None = value("a text", "default: the study's title", default=None)
    x: str = value("an axis's name or a quantity", "horizontally, for `points`", default="")
    y: Literal[tuple(QUANTITIES)] = value(  # type: ignore[valid-type]
        "a quantity", "vertically", default="accuracy")
    lines: str | None = value("an axis's name", "a colour for each of its places", default=None)
    panels: str | None = value("an axis's name", "a panel for each of its places", default=None)
    scale: Literal["linear", "log", "symlog"] = value(
        "'linear', 'log' or 'symlog'", "horizontal scale of numbers", default="linear")
    line: float | None = number(-1e12, 1e12, "a horizontal line to compare with, in units of y",
                                default=None)


class CornersSection(Section):
    """What whole runs take at other energy coefficients, from the ledgers that are kept."""

    budget: float = number(0, 1, "joules that a run is compared with")
    set: dict[str, list[float | str]] = value(
        "a table from energy coefficients to lists of values",
        "all combinations are tabulated; coefficients as in `[energy]`", min_length=1)


class StudyFile(Section):
    """One study."""

    study: StudySection
    axes: list[AxisSection] = value("a list of [[axes]]", "what varies", min_length=1)
    table: TableSection = value("a table", "what is tabulated", default_factory=TableSection)
    figures: list[FigureSection] = value("a list of [[figures]]", "what is drawn",
                                         default_factory=list)
    corners: CornersSection | None = value("a table", "energies at other coefficients",
                                           default=None)


_STUDIES = Library(__package__, "study", "study", "studies", ExperimentError)


def study_names() -> tuple[str, ...]:
    """Names of the studies that come with crosswall."""
    return _STUDIES.names()


def study_text(name: str) -> str:
    """The file of a study that comes with crosswall; ExperimentError if there is none."""
    return _STUDIES.text(name)


def read(source: str) -> tuple[StudyFile, str, Path]:
    """A study by name or path: its file, what messages call it, the folder it lies in.

    Raises
    ------
    ExperimentError
        If there is no such study, or for the first mistake in it.
    """
    mapping, where, folder = _STUDIES.read(source)
    return validate(mapping, where), where, folder


def validate(mapping: Mapping[str, Any], where: str) -> StudyFile:
    """The study in a mapping; ``where`` names it in messages.

    Raises
    ------
    ExperimentError
        For the first unknown key, wrong value or name that stands for nothing.
    """
    file = validated(StudyFile, mapping, where, ExperimentError)
    names = [axis.name for axis in file.axes]
    _refuse_repeated(names, f"{where}: axes")
    _refuse_repeated([figure.name for figure in file.figures], f"{where}: figures")
    for number_, axis in enumerate(file.axes):
        _check_axis(axis, f"{where}: axes[{number_}]")
    for number_, figure in enumerate(file.figures):
        _check_figure(figure, names, f"{where}: figures[{number_}]")
    return file


def reference() -> str:
    """Every section and key as Markdown tables, for the documentation."""
    lines: list[str] = []
    for title, model in (("[study]", StudySection),
                         ("[[axes]]", AxisSection), ("[[axes]]: points", PointSection),
                         ("[table]", TableSection), ("[[figures]]", FigureSection),
                         ("[corners]", CornersSection)):
        lines += reference_table(title, model)
    lines += ["### Quantities", "", "| name | in tables | meaning |", "|---|---|---|"]
    lines += [f"| `{quantity.name}` | {quantity.label} | {quantity.meaning} |"
              for quantity in QUANTITIES.values()]
    return "\n".join(lines) + "\n"


def _check_axis(axis: AxisSection, where: str) -> None:
    if axis.points is not None and (axis.key is not None or axis.values is not None):
        raise ExperimentError(f"{where}: has `points` beside `key` or `values`; expected one of "
                              f"them, remove the other")
    if axis.points is None and (axis.key is None or axis.values is None):
        raise ExperimentError(f"{where}: expected `key` and `values`, or `points`; add them")
    labels = [point.label for point in axis.points] if axis.points is not None \
        else [str(value) for value in axis.values or ()]
    _refuse_repeated(labels, f"{where}: its places")


def _check_figure(figure: FigureSection, axes: list[str], where: str) -> None:
    for key in ("lines", "panels"):
        name = getattr(figure, key)
        if name is not None and name not in axes:
            raise ExperimentError(f"{where}.{key} = {name!r}: expected the name of an axis"
                                  f"{did_you_mean(name, axes)}; axes are {', '.join(axes)}")
    known = [*axes, *QUANTITIES]
    if figure.kind == "points" and figure.x not in known:
        raise ExperimentError(f"{where}.x = {figure.x!r}: expected an axis or a quantity"
                              f"{did_you_mean(figure.x, known)}; these are {', '.join(known)}")


def _refuse_repeated(names: list[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ExperimentError(f"{where}: {name!r} comes {names.count(name)} times; expected "
                                  f"different names")
