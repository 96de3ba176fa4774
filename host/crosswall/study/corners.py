"""What runs would take at other energy coefficients.

Energies are linear in the ledger's counters, so the ledgers that are kept suffice: nothing is run
again.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crosswall.experiment import Experiment
from crosswall.experiment.plots import joules
from crosswall.spec.ledger import Counter
from crosswall.spec.network import Network

from .file import CornersSection
from .table import Row, Table, csv_text, markdown_rows

Coefficients = Mapping[str, float | str]


@dataclass(frozen=True)
class Corners:
    """The energy of every point's whole run (all phases, both stages, neurons and periphery) at
    every combination of coefficients.

    Parameters
    ----------
    budget
        Joules to compare with.
    corners
        The combinations.
    energies
        ``energies[corner][row]``: joules, the median over seeds; None if all seeds failed.
    """

    table: Table
    budget: float
    corners: tuple[Coefficients, ...]
    energies: tuple[tuple[float | None, ...], ...]

    def markdown(self) -> str:
        """A line for each corner, what stays within the budget in bold."""
        names = list(self.corners[0])
        header = [*names, *(row.point.label for row in self.table.rows)]
        lines = [
            f"# {self.table.file.study.title}: corners", "",
            f"Energy of the whole run, evaluation included: arrays, neurons and analogue "
            f"periphery, at other coefficients (SI units). Bold: within {joules(self.budget)}. "
            f"Crosswall {self.table.code}. Made by", "", f"    {self.table.command}", ""]
        rows = ([*(f"{value}" for value in corner.values()), *map(self._cell, energies)]
                for corner, energies in zip(self.corners, self.energies, strict=True))
        return "\n".join([*lines, *markdown_rows(header, rows)]) + "\n"

    def csv(self) -> str:
        """A line for each corner and point."""
        names = list(self.corners[0])
        header = [*names, *(axis.name for axis in self.table.file.axes), "energy", "within_budget"]
        rows = [[*corner.values(), *(place.label for place in row.places),
                 "" if energy is None else energy,
                 "" if energy is None else str(energy <= self.budget).lower()]
                for corner, energies in zip(self.corners, self.energies, strict=True)
                for row, energy in zip(self.table.rows, energies, strict=True)]
        return csv_text(self.table.command, header, rows)

    def _cell(self, energy: float | None) -> str:
        if energy is None:
            return "–"
        return f"**{joules(energy)}**" if energy <= self.budget else joules(energy)


def combinations(section: CornersSection) -> tuple[Coefficients, ...]:
    """All combinations of the coefficients' values, the last varying fastest."""
    return tuple(dict(zip(section.set, values, strict=True))
                 for values in itertools.product(*section.set.values()))


def check(section: CornersSection, experiment: Experiment) -> None:
    """Refuse coefficients that no experiment could have.

    Raises
    ------
    DeviceError
        Naming the coefficient.
    """
    for corner in combinations(section):
        _at(experiment, corner).coefficients()


def corners(section: CornersSection, table: Table, networks: Sequence[Network]) -> Corners:
    """Energies of a table's points; ``networks`` are those of its rows."""
    found = combinations(section)
    return Corners(table, section.budget, found, tuple(
        tuple(_energy(row, network, corner)
              for row, network in zip(table.rows, networks, strict=True))
        for corner in found))


def _energy(row: Row, network: Network, corner: Coefficients) -> float | None:
    experiment = _at(row.point.experiments[0], corner)
    energies = [experiment.energy(_counters(result), network).with_periphery
                for result in row.results]
    return statistics.median(energies) if energies else None


def _at(experiment: Experiment, corner: Coefficients) -> Experiment:
    """The experiment with a corner's coefficients over its own."""
    changed: dict[str, Any] = {**experiment.file.energy, **corner}
    return replace(experiment, file=experiment.file.model_copy(update={"energy": changed}))


def _counters(result: Mapping[str, Any]) -> list[int]:
    return [result["ledger"][counter.name.lower()] for counter in Counter]

