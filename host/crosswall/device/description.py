"""A device in figures and in a picture: model against compiled table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crosswall.drawing import check_picture, new_figure
from crosswall.files import replacing_file
from crosswall.spec.device_table import GAIN_ONE, DeviceTable, Direction, apply_pulse

from .energy import EnergyCoefficients
from .model import DeviceModel
from .slices import Floats, interval_means

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = {Direction.POTENTIATE: "potentiate", Direction.DEPRESS: "depress"}
_COLOURS = {Direction.POTENTIATE: "#0b6e99", Direction.DEPRESS: "#c2571a"}


def table_array(table: DeviceTable) -> NDArray[np.int64]:
    """The steps of a table as [variant, direction, bin, quantile], in wall units."""
    return np.array(table.steps).reshape(1 << table.variant_bits, 2, 1 << table.bin_bits,
                                         1 << table.quantile_bits)


def describe(model: DeviceModel, table: DeviceTable) -> dict[str, Any]:
    """A device in plain values, for reports and ``crosswall device show``.

    Shares are of the wall's range and signed; conductances in siemens; energies in joules at the
    default coefficients. For each direction, over the positions of all devices:

    ``mean``, ``sigma``
        Mean step, and root mean square over positions of its standard deviation.
    ``at_start``, ``at_end``
        Mean step where the pulse's way along the track begins and ends.
    ``pulses_end_to_end``
        Unit pulses from one end to the other at the mean step of each position; None where
        the mean step turns back on the way.
    ``table_mean``, ``table_sigma``
        The same of the compiled table.

    ``levels`` is how many mean steps the range has room for. In tables of a common conductance
    range, means include positions beyond a device's own track, from which every pulse returns.
    """
    coefficients = EnergyCoefficients.of(model)
    width = (1 << table.wall_bits) - 1
    compiled = table_array(table) / width
    directions: dict[str, dict[str, float | None]] = {}
    sizes = []
    for direction, word in _WORDS.items():
        mean, sigma = _moments(model, direction)
        along = mean if direction is Direction.POTENTIATE else -mean
        middle = (along[:, 1:] + along[:, :-1]) / 2
        forward = bool(np.all(middle > 0))
        pulses = (np.diff(model.positions) / middle).sum(axis=1).mean() if forward else None
        sizes.append(_average(model.positions, along))
        ends = mean[:, ::1 if direction is Direction.POTENTIATE else -1]
        directions[word] = {
            "mean": _average(model.positions, mean),
            "sigma": float(np.sqrt(_average(model.positions, sigma**2))),
            "at_start": float(ends[:, 0].mean()),
            "at_end": float(ends[:, -1].mean()),
            "pulses_end_to_end": None if pulses is None else float(pulses),
            "table_mean": float(compiled[:, direction].mean()),
            "table_sigma": float(np.sqrt(compiled[:, direction].var(axis=-1).mean())),
        }
    gains = np.array(table.gains) / GAIN_ONE
    return {
        "name": model.name,
        "provenance": model.provenance,
        "devices": model.devices,
        "conductance_min": model.conductance_min,
        "conductance_max": model.conductance_max,
        "scalable_pulses": model.scalable_pulses,
        "levels": 1 + len(sizes) / sum(sizes),
        **directions,
        "static_spread": float(gains.std()),
        "stuck_share": table.stuck_threshold / 65536,
        "table": {"wall_bits": table.wall_bits, "bin_bits": table.bin_bits,
                  "quantile_bits": table.quantile_bits, "variant_bits": table.variant_bits,
                  "entries": table.entries},
        "energy": {
            "read_min": coefficients.read_energy(model.conductance_min),
            "read_max": coefficients.read_energy(model.conductance_max),
            "state_read": coefficients.state_read_energy,
            "write": coefficients.write_energy,
        },
    }


def draw(model: DeviceModel, table: DeviceTable, path: str | os.PathLike[str], *, walks: int = 12,
         seed: int = 1) -> None:
    """Draw a device and its compiled table to an image file.

    Three panels: the step against conductance (model: line and ±σ; table: steps with ±σ), the
    walls of some synapses under potentiating and then depressing unit pulses (of the table, with
    its static spread), and the distribution of the step in the middle of the range.

    Parameters
    ----------
    path
        Its ending chooses the format (PNG, SVG, PDF).
    walks
        Synapses in the second panel.
    seed
        Of the second panel's pulses.

    Raises
    ------
    UsageError
        If the ending is of no such format.
    ToolError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    check_picture(path)
    figure = new_figure((13, 4.3))
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(wspace=0.04)  # type: ignore[call-arg]
    step, walk, spread = figure.subplots(1, 3, width_ratios=(1.25, 1.25, 1))
    figure.suptitle(f"{model.name}: {model.conductance_min * 1e6:.0f} to "
                    f"{model.conductance_max * 1e6:.0f} µS, "
                    f"{table.entries} table entries", fontweight="bold", fontsize=11)
    _draw_step(step, model, table)
    _draw_walks(walk, model, table, walks, seed)
    _draw_distribution(spread, model, table)
    for axes in (step, walk, spread):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
    with replacing_file(Path(path)) as unfinished:
        figure.savefig(unfinished)


def _moments(model: DeviceModel, direction: Direction) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the step, [devices, positions], shares of the range."""
    steps = model.steps[:, direction]
    return steps.mean(axis=-1), steps.std(axis=-1)


def _average(positions: Floats, values: Floats) -> float:
    """Mean over the track of piecewise linear ``values`` [devices, positions]."""
    return float(interval_means(positions, values.T, np.array([0.0, 1.0])).mean())


def _microsiemens(model: DeviceModel, position: Floats | float) -> Any:
    span = model.conductance_max - model.conductance_min
    return (model.conductance_min + span * position) * 1e6


def _draw_step(axes: Axes, model: DeviceModel, table: DeviceTable) -> None:
    """Mean step ± σ against conductance, percent of the range; the first device."""
    compiled = table_array(table)[0] * 100 / ((1 << table.wall_bits) - 1)
    edges = _microsiemens(model, np.linspace(0, 1, compiled.shape[1] + 1))
    centres = (edges[1:] + edges[:-1]) / 2
    for direction, word in _WORDS.items():
        mean, sigma = (100 * moment[0] for moment in _moments(model, direction))
        place, colour = _microsiemens(model, model.positions), _COLOURS[direction]
        axes.fill_between(place, mean - sigma, mean + sigma, color=colour, alpha=0.18, linewidth=0)
        axes.plot(place, mean, color=colour, linewidth=1, alpha=0.7, label=f"{word}, model ± σ")
        axes.stairs(compiled[direction].mean(axis=-1), edges, baseline=None, color=colour,
                    linewidth=1.6)
        axes.errorbar(centres, compiled[direction].mean(axis=-1),
                      compiled[direction].std(axis=-1), fmt="none", ecolor=colour, elinewidth=0.9,
                      capsize=1.5, label=f"{word}, table ± σ")
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set_title("Step of a unit pulse", fontsize=10)
    axes.set(xlabel="conductance (µS)", ylabel="step (% of range)")
    axes.margins(x=0.01)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.18 * (high - low))  # room for the legend
    axes.legend(fontsize=7, ncols=2, loc="upper center", frameon=False)


def _draw_walks(axes: Axes, model: DeviceModel, table: DeviceTable, walks: int, seed: int) -> None:
    """Conductance of some synapses under unit pulses, up and then down, by the machine's rule."""
    random = np.random.default_rng(seed)
    mean_step = np.abs(table_array(table)).mean() / ((1 << table.wall_bits) - 1)
    # Room for slow synapses; a readable number of pulses for very fine devices.
    length = int(np.clip(np.ceil(1.5 / mean_step), 4, 1000))
    order = [Direction.POTENTIATE] * length + [Direction.DEPRESS] * length
    static = random.integers(0, 1 << 32, walks).tolist()
    walls = np.zeros((walks, len(order) + 1), dtype=np.int64)
    quantiles = random.integers(0, 1 << table.quantile_bits, (walks, len(order)))
    for synapse in range(walks):
        for pulse, direction in enumerate(order):
            walls[synapse, pulse + 1] = apply_pulse(
                table, int(walls[synapse, pulse]), direction, int(quantiles[synapse, pulse]), 0,
                static[synapse])
    conductance = _microsiemens(model, walls / ((1 << table.wall_bits) - 1))
    pulses = np.arange(len(order) + 1)
    for part, direction in ((slice(0, length + 1), Direction.POTENTIATE),
                            (slice(length, None), Direction.DEPRESS)):
        axes.plot(pulses[part], conductance[:, part].T, color=_COLOURS[direction], linewidth=0.7,
                  alpha=0.45, drawstyle="steps-post")
        axes.plot(pulses[part], conductance[:, part].mean(axis=0), color=_COLOURS[direction],
                  linewidth=2)
    axes.axvline(length, color="0.3", linewidth=0.8, linestyle=":")
    axes.set_title(f"{walks} synapses of the table (bold: their mean)", fontsize=10)
    axes.set(xlabel="unit pulses", ylabel="conductance (µS)")
    axes.margins(x=0.01)


def _draw_distribution(axes: Axes, model: DeviceModel, table: DeviceTable) -> None:
    """Cumulative distribution of the step's size in the bin at mid-range, model and table."""
    compiled = table_array(table)[0]
    middle = compiled.shape[1] // 2
    edges = np.array([middle, middle + 1]) / compiled.shape[1]
    largest = 0.0
    for direction, word in _WORDS.items():
        sign = 1 if direction is Direction.POTENTIATE else -1
        exact = np.sort(sign * 100 * interval_means(
            model.positions, model.steps[0, direction], edges)[0])
        entries = np.sort(sign * 100 * compiled[direction, middle]) / ((1 << table.wall_bits) - 1)
        colour = _COLOURS[direction]
        axes.plot(exact, (np.arange(len(exact)) + 0.5) / len(exact), color=colour, linewidth=1,
                  alpha=0.7, label=f"{word}, model")
        axes.step(np.r_[entries[0], entries], np.arange(len(entries) + 1) / len(entries),
                  where="post", color=colour, linewidth=1.6, label=f"{word}, table")
        largest = max(largest, exact[-1], entries[-1])
    low, high = _microsiemens(model, edges)
    axes.set_title(f"Step at {low:.1f} to {high:.1f} µS", fontsize=10)
    axes.set(xlabel="size of the step (% of range)", ylabel="cumulative probability",
             xlim=(min(0.0, axes.get_xlim()[0]), 1.12 * largest))
    axes.legend(fontsize=7, loc="best", frameon=False)
