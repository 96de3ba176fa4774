"""A compiled device: a folder with the pair of tables and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from crosswall import __version__
from crosswall.device.provenance import PROVENANCE, Provenance
from crosswall.device.slices import Floats
from crosswall.errors import DeviceError
from crosswall.files import OutputFolder
from crosswall.spec.device_table import Direction

from .domain_wall import BOLTZMANN
from .monte_carlo import Progress, PulseStatistics, sample_pulse
from .parameters import DeviceParameters

TABLES = {Direction.POTENTIATE: "dG_increasing.txt", Direction.DEPRESS: "dG_decreasing.txt"}
"""The tables of a compiled device, by direction."""

DEFAULT_SAMPLES = 500
"""Trajectories for each start and direction; the mean step's standard error is then 4.5 % of its
spread."""


def compile_device(parameters: DeviceParameters, folder: str | os.PathLike[str], *,
                   force: bool = False, samples: int = DEFAULT_SAMPLES, seed: int = 1,
                   progress: Progress | None = None) -> Path:
    """Sample a device's pulse and write it to a folder that `crosswall.device.load` reads.

    Parameters
    ----------
    folder
        Missing or empty.
    force
        Whether it may hold something. Files that its ``provenance.json`` lists are replaced,
        nothing else is touched.
    samples, seed, progress
        As for `sample_pulse`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    UsageError, HostError
        If the folder is not to be written, or cannot be (`OutputFolder.claim`).
    DeviceError
        If the pulse does not move the wall forward on average, and as for `sample_pulse`.
    """
    with OutputFolder.claim(Path(folder), PROVENANCE, tuple(TABLES.values()), force=force) as place:
        statistics = sample_pulse(parameters, samples=samples, seed=seed, progress=progress)
        _check_motion(parameters, statistics)

        def fill(new: Path) -> None:
            for direction, name in TABLES.items():
                (new / name).write_text(table_text(parameters, statistics, direction),
                                        encoding="utf-8")

        place.write(_record(parameters, statistics, samples, seed), fill)
        return place.path


def table_text(parameters: DeviceParameters, statistics: PulseStatistics,
               direction: Direction) -> str:
    """One table in CrossSim's format.

    Row i + 1 of n + 2 is the i-th of n samples in ascending order, at the cumulative probability
    (i + 1/2)/n; the first and the last row close the distribution at its extremes. So the mean of
    the piecewise linear quantile function is the mean of the samples.
    """
    change = statistics.change[direction]
    samples = change.shape[-1]
    cdf = np.r_[0.0, (np.arange(samples) + 0.5) / samples, 1.0]
    rows = np.concatenate([change[:, :1], change, change[:, -1:]], axis=1).T
    word = "increasing" if direction is Direction.POTENTIATE else "decreasing"

    def line(values: Floats) -> str:
        return ",".join(f"{value:.9g}" for value in values)

    return "\n".join([f"{parameters.name}, {word}, by crosswall: conductance (S), CDF, then dG (S) "
                      "with a row for each CDF value", line(statistics.conductance), line(cdf),
                      *map(line, rows), ""])


def _record(parameters: DeviceParameters, statistics: PulseStatistics, samples: int,
            seed: int) -> dict[str, Any]:
    """The content of the provenance file, which is the folder's manifest."""
    wall, thermal = parameters.wall(), BOLTZMANN * parameters.pulse.temperature
    derived: dict[str, Any] = {
        "wall_width": wall.width, "anisotropy_field": wall.anisotropy_field,
        "chiral_field": wall.chiral_field, "walker_field": wall.walker_field,
        "depinning_field": wall.depinning_field,
        "barrier_over_thermal_energy":
            parameters.track.notch_barrier / thermal if thermal else None,
        "integrator_step": statistics.step,
    }
    provenance = Provenance(
        name=parameters.name,
        text=f"domain wall in collective coordinates, {samples} trajectories for each of "
             f"{len(statistics.conductance)} starts, seed {seed}, crosswall "
             f"{__version__}",
        write_energy=parameters.write_energy)
    return {**provenance.as_dict(), "crosswall": __version__, "seed": seed, "samples": samples,
            "derived": derived, "parameters": parameters.model_dump(exclude_none=True)}


def _check_motion(parameters: DeviceParameters, statistics: PulseStatistics) -> None:
    """Refuse a pulse that leaves the wall where it is, or moves it the wrong way."""
    span = statistics.conductance[-1] - statistics.conductance[0]
    for direction, sign in ((Direction.POTENTIATE, 1), (Direction.DEPRESS, -1)):
        mean = sign * statistics.change[direction].mean() / span
        if mean < 1e-4:
            raise DeviceError(
                f"pulse.current_density = {parameters.pulse.current_density:g}: expected one that "
                f"{direction.name.lower()}s, but the mean step is {mean:.2%} of the range; raise "
                "it or the duration, or change the sign of dmi or spin_hall_angle if it is "
                "negative")
