"""A study's figures, each with its data beside it."""

from __future__ import annotations

import io
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from crosswall.drawing import new_figure
from crosswall.experiment.plots import BLUE, GREY, ORANGE, joules, tidy

from .file import FigureSection
from .quantities import QUANTITIES, Quantity, summarise
from .table import Row, Table, csv_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, "#4a8a4f", "#7a5aa6", "#b08d00", "#a3315e", "#3aa6a0", "#5b6470")
"""Of lines, one after the other."""

_MARKERS = "osD^vP*X"

_MOST_COLUMNS = 4
"""Panels side by side."""

_MOST_LETTERS = 50
"""Names of places that fit below a panel side by side."""

Style = Literal["marks", "joined", "plain", "dashed"]
"""Marks alone, marks with a line, a line in a band, marks with a dashed line."""


@dataclass(frozen=True)
class Mark:
    """A mark or a place on a curve: ``x``, what is written there (for places by name), and ``y``
    over seeds."""

    x: float
    label: str
    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """Marks of one colour in one panel."""

    panel: str
    label: str
    marks: tuple[Mark, ...]
    style: Style


def lines(section: FigureSection, table: Table) -> list[Line]:
    """What a figure shows; points without the quantity are left out."""
    return _curve_lines(section, table) if section.kind == "curves" else \
        _point_lines(section, table)


def data(section: FigureSection, table: Table) -> str:
    """The data of a figure as CSV."""
    curves = section.kind == "curves"
    x = "sample" if curves else section.x
    header = ["panel", "line", x, section.y, f"{section.y}_lowest", f"{section.y}_highest"]
    rows = [[line.panel, line.label, mark.label or f"{mark.x:.12g}", mark.middle, mark.low,
             mark.high] for line in lines(section, table) for mark in line.marks]
    return csv_text(table.command, header, rows)


def picture(section: FigureSection, table: Table) -> bytes:
    """A figure as PNG, with the command that makes it written below.

    Raises
    ------
    ToolError
        If matplotlib is not installed.
    """
    shown = lines(section, table)
    panels = list(dict.fromkeys(line.panel for line in shown)) or [""]
    columns = min(len(panels), _MOST_COLUMNS)
    rows = math.ceil(len(panels) / columns)
    figure = new_figure((max(6.4, 4.8 * columns + 1.0), 0.8 + 3.8 * rows))
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, 0.035, 1, 0.965))  # type: ignore[call-arg]
    figure.text(0.995, 0.008, table.command, ha="right", va="bottom", fontsize=6, color=GREY)
    figure.suptitle(section.title or table.file.study.title, fontsize=12, fontweight="bold")
    labels = list(dict.fromkeys(line.label for line in shown))
    grid = figure.subplots(rows, columns, sharey=section.kind == "curves", squeeze=False).ravel()
    for axes in grid[len(panels):]:
        axes.remove()
    for axes, panel in zip(grid, panels, strict=False):
        for line in shown:
            if line.panel == panel:
                _draw(axes, line, labels.index(line.label))
        _dress(axes, section, table, [line for line in shown if line.panel == panel])
        axes.set_title(panel, fontsize=11)
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel(QUANTITIES[section.y].label)
    if len(labels) > 1:
        _legend(figure, labels, table.axis_label(section.lines) if section.lines else None)
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Description": table.command})
    return image.getvalue()


def _point_lines(section: FigureSection, table: Table) -> list[Line]:
    by_axis = section.x in [axis.name for axis in table.file.axes]
    number = table.axis(section.x) if by_axis else -1
    numeric = by_axis and all(row.places[number].at is not None for row in table.rows)
    order = list(dict.fromkeys(row.places[number].label for row in table.rows)) if by_axis else []
    found: dict[tuple[str, str], list[Mark]] = {}
    for row in table.rows:
        y = row.summary(section.y, table.statistic)
        if y is None:
            continue
        if not by_axis:
            x = row.summary(section.x, table.statistic)
            if x is None:
                continue
            place, label = x.middle, ""
        elif numeric:
            place, label = float(row.places[number].at or 0.0), ""
        else:
            label = row.places[number].label
            place = float(order.index(label))
        found.setdefault(_group(section, table, row), []).append(
            Mark(place, label, y.middle, y.low, y.high))
    style: Style = "joined" if numeric or not by_axis else "marks"
    return [Line(panel, label, tuple(sorted(marks, key=lambda mark: mark.x)), style)
            for (panel, label), marks in found.items()]


def _curve_lines(section: FigureSection, table: Table) -> list[Line]:
    """Accuracy over a run: before each sample is taught, window by window, and in evaluations."""
    found: list[Line] = []
    for row in table.rows:
        if not row.results:
            continue
        panel, label = _group(section, table, row)
        found.append(Line(panel, label or "before each is taught", tuple(_windows(table, row)),
                          "plain"))
        found += [Line(panel, f"{label}, {name}" if label else name, marks, "dashed")
                  for name, marks in _evaluations(section, table, row)]
    return [line for line in found if line.marks]


def _windows(table: Table, row: Row) -> Iterator[Mark]:
    """Test-then-train accuracy. Seeds may draw phases of different lengths: the n-th windows of a
    phase belong together, as far as all seeds have one."""
    seeds = []
    for result in row.results:
        curve, place = result["prequential"], Counter[int]()
        windows = {}
        for phase, sample, accuracy in zip(curve["phase"], curve["sample"], curve["accuracy"],
                                           strict=True):
            windows[phase, place[phase]] = sample, accuracy
            place[phase] += 1
        seeds.append(windows)
    for window in seeds[0]:
        if all(window in windows for windows in seeds):
            samples, accuracies = zip(*(windows[window] for windows in seeds), strict=True)
            yield Mark(statistics.median(samples), "", *_over_seeds(accuracies, table))


def _evaluations(section: FigureSection, table: Table, row: Row
                 ) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    """The evaluations over a run, a mark each; those of the same samples under one name."""
    key = "seen_accuracy" if section.y == "seen_accuracy" else "accuracy"
    evaluations = row.results[0]["evaluations"]
    starts = np.array([np.cumsum([0, *(phase["samples"] for phase in result["phases"])])[:-1]
                       for result in row.results])
    for kind in dict.fromkeys(_samples_of(evaluation) for evaluation in evaluations):
        marks = []
        for place, evaluation in enumerate(evaluations):
            values = [result["evaluations"][place][key] for result in row.results]
            if _samples_of(evaluation) == kind and None not in values:
                start = float(np.median(starts[:, evaluation["phase"]]))
                marks.append(Mark(start, "", *_over_seeds(values, table)))
        yield kind, tuple(marks)


def _samples_of(evaluation: Mapping[str, Any]) -> str:
    """What an evaluation is called after its samples."""
    return ("evaluation" + (" on training samples" if evaluation["part"] == "train" else "")
            + ("" if evaluation["permutation"] is None else ", permuted"))


def _over_seeds(values: Sequence[float], table: Table) -> tuple[float, float, float]:
    found = summarise(values, table.statistic)
    assert found is not None
    return found.middle, found.low, found.high


def _group(section: FigureSection, table: Table, row: Row) -> tuple[str, str]:
    """Panel and line of a row. Axes that the figure does not name tell lines apart, unless a
    quantity is horizontal: a line runs through these points then."""
    names = [axis.name for axis in table.file.axes]
    places = dict(zip(names, (place.label for place in row.places), strict=True))
    panel = places.pop(section.panels) if section.panels else ""
    if section.kind == "points":
        places.pop(section.x, None)
        if section.x in QUANTITIES and section.lines:
            return panel, places[section.lines]
    return panel, ", ".join(places.values())


def _legend(figure: Figure, labels: Sequence[str], title: str | None) -> None:
    """One legend for all panels, in the order of the lines: beside them if there are many."""
    handles: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    named = [label for label in labels if label]
    values = [handles[label] for label in named]
    style: dict[str, Any] = {"frameon": False, "fontsize": 8, "title": title,
                             "title_fontsize": 8}
    if len(named) > 8 or len(figure.axes) > _MOST_COLUMNS:
        figure.legend(values, named, loc="outside right upper", **style)
    else:
        figure.axes[-1].legend(values, named, **style)


def _draw(axes: Axes, line: Line, number: int) -> None:
    colour = COLOURS[number % len(COLOURS)]
    x = np.array([mark.x for mark in line.marks])
    y = np.array([mark.middle for mark in line.marks])
    low = np.array([mark.low for mark in line.marks])
    high = np.array([mark.high for mark in line.marks])
    if line.style == "plain":
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(x, y, color=colour, linewidth=1.5, label=line.label)
        return
    marker = _MARKERS[number % len(_MARKERS)]
    axes.errorbar(x, y, (y - low, high - y), color=colour, marker=marker, markersize=4.5,
                  linewidth=0 if line.style == "marks" else 1.4, elinewidth=1.1, capsize=2.5,
                  linestyle="--" if line.style == "dashed" else "-", label=line.label)


def _dress(axes: Axes, section: FigureSection, table: Table, shown: Sequence[Line]) -> None:
    """Scales, ticks and labels of one panel."""
    if section.line is not None:
        axes.axhline(section.line, color=GREY, linewidth=1, linestyle=":")
    y = QUANTITIES[section.y]
    if y.kind == "joules":
        axes.set_yscale("log")
    _format(axes.yaxis, y)
    marks = [mark for line in shown for mark in line.marks]
    if section.kind == "curves":
        axes.set_xlabel("samples presented")
        axes.xaxis.set_major_formatter(lambda number, _: f"{number:,.0f}")
    elif section.x in QUANTITIES:
        axes.set_xscale(section.scale)
        axes.set_xlabel(QUANTITIES[section.x].label)
        _format(axes.xaxis, QUANTITIES[section.x])
    else:
        axes.set_xlabel(table.axis_label(section.x))
        names = dict(sorted((mark.x, mark.label) for mark in marks if mark.label))
        if names:
            crowded = sum(map(len, names.values())) > _MOST_LETTERS
            axes.set_xticks(list(names), list(names.values()), rotation=35 if crowded else 0,
                            ha="right" if crowded else "center", rotation_mode="anchor")
            axes.set_xlim(min(names) - 0.5, max(names) + 0.5)
        else:
            _number_scale(axes, section, sorted({mark.x for mark in marks}))
    tidy(axes)


def _number_scale(axes: Axes, section: FigureSection, places: Sequence[float]) -> None:
    """The horizontal axis of an axis with numbers: ticks where points are, if these are few."""
    if section.scale == "symlog":
        positive = [place for place in places if place > 0]
        axes.set_xscale("symlog", linthresh=min(positive, default=1.0))
    else:
        axes.set_xscale(section.scale)
    if section.scale != "linear" and len(places) <= 12:
        axes.set_xticks(places, [f"{place:g}" for place in places])
        axes.set_xticks([], minor=True)


def _format(axis: Any, quantity: Quantity) -> None:
    """Ticks of a quantity's axis, as the table writes its values."""
    if axis.get_scale() == "log":
        from matplotlib.ticker import LogLocator, NullFormatter

        # Within a decade or two, powers of ten are too few.
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    if quantity.kind == "share":
        axis.set_major_formatter(lambda number, _: f"{100 * number:.4g}%")
    elif quantity.kind == "joules":
        axis.set_major_formatter(lambda number, _: joules(number))
    elif quantity.kind == "count":
        axis.set_major_formatter(lambda number, _: f"{number:,.0f}")
