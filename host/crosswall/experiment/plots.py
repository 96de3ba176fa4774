"""Pictures of a run: what the crossbar learned, accuracy, confusion, energy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crosswall.drawing import new_figure
from crosswall.spec.network import Encoding, Network
from crosswall.twin import MachineState

from .runner import Plan, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILES = ("receptive_fields.png", "learning_curve.png", "confusion.png", "energy.png",
         "summary.png")
"""What `draw` writes."""

BLUE, ORANGE, GREY = "#0b6e99", "#c2571a", "#8a8f98"
"""Colours of the first two things compared, and of what is beside the point."""
_PHASE_COLOURS = {"cluster": "#e8eef2", "refine": "#e4f0f2", "teach": "#f6ece4",
                  "online": "#efeaf5", "evaluate": "#eaf3ea"}
_MOST_FIELDS = 100
_TICK_LETTERS, _LEVEL_LETTERS = 16, 3
"""Letters that are shown of a class's name, and that fit below a column of the confusion matrix."""
_LETTER = 0.014
"""Width of a letter of a phase's name, as a share of the learning curve's width."""


def draw(folder: Path, plan: Plan, record: Record, report: dict[str, Any]) -> None:
    """Write ``receptive_fields.png``, ``learning_curve.png``, ``confusion.png``, ``energy.png``
    and all of them together, ``summary.png``, into ``folder``.

    Raises
    ------
    ToolError
        If matplotlib is not installed.
    """
    panels = {
        "receptive_fields": lambda figure: _receptive_fields(figure, plan, record.state),
        "learning_curve": lambda figure: _learning_curve(figure, report),
        "confusion": lambda figure: _confusion(figure, report),
        "energy": lambda figure: _energy(figure, report),
    }
    for name, panel in panels.items():
        figure = new_figure((6.4, 5.2))
        panel(figure)
        figure.savefig(folder / f"{name}.png")
    summary = new_figure((13, 10.8))
    title, body = _parts(summary, 2, 1, height_ratios=(1, 22))
    title.suptitle(_title(report), fontsize=13, fontweight="bold")
    for part, panel in zip(_parts(body, 2, 2, wspace=0.03, hspace=0.03), panels.values(),
                           strict=True):
        panel(part)
    summary.savefig(folder / "summary.png")


def _parts(figure: Any, rows: int, columns: int, **layout: Any) -> list[Any]:
    return list(figure.subfigures(rows, columns, **layout).ravel())


def _title(report: dict[str, Any]) -> str:
    accuracy = report["accuracy"]
    parts = [f"{report['name']} on {report['board']}"]
    if accuracy is not None:
        last = report["evaluations"][-1]
        held_out = "held-out" if last["part"] == "test" else "training"
        parts.append(f"{accuracy:.2%} of {last['samples']} {held_out} samples")
    parts.append(f"{joules(report['energy_joules']['learning']['device'])} to learn "
                 f"({report['devices']['clustering']} device)")
    return "  ·  ".join(parts)


def joules(value: float) -> str:
    """Joules with an SI prefix, three digits."""
    if value <= 0:
        return "0 J"
    exponent = min(0, max(-18, 3 * math.floor(math.log10(value) / 3)))
    prefix = {0: "", -3: "m", -6: "µ", -9: "n", -12: "p", -15: "f", -18: "a"}[exponent]
    return f"{value / 10.0**exponent:.3g} {prefix}J"


def _receptive_fields(figure: Figure, plan: Plan, state: MachineState) -> None:
    """Conductances of the first crossbar's neurons as images (ON minus OFF in *contrast*)."""
    network = plan.network
    images, side = _images(network, state, plan.test.shape)
    shown = min(len(images), _MOST_FIELDS)
    columns = math.ceil(math.sqrt(shown))
    rows = math.ceil(shown / columns)
    height, width = side
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for index in range(shown):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        mosaic[top:top + height, left:left + width] = images[index]
    axes = figure.subplots()
    signed = network.encoding == Encoding.CONTRAST
    picture = axes.imshow(mosaic, cmap="RdBu_r" if signed else "magma",
                          vmin=-255 if signed else 0, vmax=255, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(f"Receptive fields: {shown} of {network.neurons} neurons", fontsize=11)
    bar = figure.colorbar(picture, ax=axes, shrink=0.75, ticks=[-255, 0, 255] if signed
                          else [0, 255])
    bar.ax.set_yticklabels(["OFF", "0", "ON"] if signed else ["G min", "G max"], fontsize=8)
    bar.outline.set_visible(False)


def _images(network: Network, state: MachineState, shape: tuple[int, int] | None
            ) -> tuple[np.ndarray, tuple[int, int]]:
    """One image a neuron, ``int[neurons, height, width]``, and its size."""
    conductances = (state.clustering_walls[0] >> network.conductance_shift).astype(int).T
    if network.encoding == Encoding.CONTRAST:
        conductances = conductances[:, :network.fan_in] - conductances[:, network.fan_in:]
    side = math.isqrt(network.fan_in)
    if network.positions == 1 and shape is not None:
        size = shape
    elif side * side == network.fan_in:
        size = (side, side)
    else:
        size = (1, network.fan_in)
    return conductances.reshape(network.neurons, *size), size


def _learning_curve(figure: Figure, report: dict[str, Any]) -> None:
    """Prequential accuracy and evaluations over the run, phases as bands."""
    axes = figure.subplots()
    curve = report["prequential"]
    evaluations = {each["phase"]: each for each in report["evaluations"] if each["samples"]}
    total = max(1, report["samples"])
    lowest, start = [1.0], 0
    for number, phase in enumerate(report["phases"]):
        stop = start + phase["samples"]
        axes.axvspan(start, stop, color=_PHASE_COLOURS[phase["kind"]], linewidth=0)
        if number:
            axes.axvline(start, color=GREY, linewidth=0.6, linestyle=":")
        if len(phase["name"]) * _LETTER * total < stop - start:
            axes.text((start + stop) / 2, 1.005, phase["name"], ha="center", va="bottom",
                      fontsize=8, color="0.35", transform=axes.get_xaxis_transform())
        windows = [place for place, of in enumerate(curve["phase"]) if of == number]
        if windows:
            values = [curve["accuracy"][place] for place in windows]
            axes.plot([curve["sample"][place] for place in windows], values, color=BLUE,
                      linewidth=1.4, marker=".", markersize=3, label="before each is taught")
            # The first windows of a machine that knows nothing need not all be seen.
            lowest.append(float(np.quantile(values, 0.02)))
        if evaluation := evaluations.get(number):
            value, seen = evaluation["accuracy"], evaluation["seen_accuracy"]
            axes.plot([start, stop], [value, value], color=ORANGE, linewidth=2.2,
                      label="evaluation")
            axes.annotate(f"{value:.2%}", (stop, value), ha="right", va="top", fontsize=9,
                          xytext=(0, -5), textcoords="offset points", color=ORANGE)
            lowest.append(value)
            if seen is not None and seen != value:
                axes.plot([start, stop], [seen, seen], color=ORANGE, linewidth=1.2,
                          linestyle="--", label="evaluation, classes taught before")
        start = stop
    axes.set(xlim=(0, total), ylim=(max(0.0, min(lowest) - 0.08), 1.005), xlabel="sample",
             ylabel="accuracy")
    axes.set_title(f"Learning curve ({curve['window']} samples a point)", fontsize=11, pad=18)
    handles, labels = axes.get_legend_handles_labels()
    legend = dict(zip(labels, handles, strict=True))
    if legend:
        axes.legend(legend.values(), legend.keys(), frameon=False, fontsize=8, loc="best")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    tidy(axes)


def _confusion(figure: Figure, report: dict[str, Any]) -> None:
    """Confusion matrix of the last evaluation, coloured by share of the true class."""
    axes = figure.subplots()
    if report["confusion"] is None:
        axes.text(0.5, 0.5, "no evaluation in this run", ha="center", va="center", color=GREY)
        axes.set_axis_off()
        return
    counts = np.array(report["confusion"])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    classes = len(counts)
    if classes <= 16:
        for row in range(classes):
            for column in range(classes):
                if counts[row, column]:
                    axes.text(column, row, counts[row, column], ha="center", va="center",
                              fontsize=7, color="white" if shares[row, column] > 0.5 else "0.2")
        names = list(map(_tick, report["data"]["class_names"]))
        turned = any(len(name) > _LEVEL_LETTERS for name in names)
        axes.set_xticks(range(classes), names, rotation=45 if turned else 0,
                        ha="right" if turned else "center")
        axes.set_yticks(range(classes), names)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title("Confusion", fontsize=11)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _tick(name: str) -> str:
    """A class's name as matplotlib shows it literally, cut short."""
    short = name if len(name) <= _TICK_LETTERS else name[:_TICK_LETTERS - 1] + "…"
    return short.replace("$", r"\$")


def _energy(figure: Figure, report: dict[str, Any]) -> None:
    """Energy by operation, both stages, on a logarithmic axis."""
    axes = figure.subplots()
    breakdown = report["energy_joules"]["breakdown"]
    operations = [name for name in breakdown["clustering"]
                  if any(stage[name] > 0 for stage in breakdown.values())]
    places = np.arange(len(operations))
    for offset, (stage, colour) in zip((-0.2, 0.2), (("clustering", BLUE), ("readout", ORANGE)),
                                       strict=True):
        values = [breakdown[stage][name] for name in operations]
        bars = axes.barh(places + offset, values, 0.38, color=colour, label=stage)
        axes.bar_label(bars, [joules(value) if value else "" for value in values], fontsize=8,
                       padding=3)
    positive = [stage[name] for stage in breakdown.values() for name in operations
                if stage[name] > 0]
    axes.set_xscale("log")
    if positive:
        axes.set_xlim(min(positive) / 3, max(positive) * 30)
    axes.set_yticks(places, [name.replace("_", " ") for name in operations])
    axes.invert_yaxis()
    axes.set_xlabel("joules, whole run")
    total = report["energy_joules"]
    axes.set_title(f"Energy: device {joules(total['device'])}, with periphery "
                   f"{joules(total['with_periphery'])}", fontsize=11)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    tidy(axes)


def tidy(axes: Axes) -> None:
    """No frame at the top and on the right, a faint grid behind."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
