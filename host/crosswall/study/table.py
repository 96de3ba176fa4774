"""A study's results as a table: Markdown to read, CSV with every seed, plain values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .file import StudyFile
from .points import Place, Point
from .quantities import QUANTITIES, Summary, summarise

MOST_SEEDS_SHOWN = 5
"""With more seeds than this, each seed's accuracy is in the CSV only."""


@dataclass(frozen=True)
class Row:
    """A point with the result of each of its seeds; None for a seed that failed."""

    point: Point
    by_seed: tuple[dict[str, Any] | None, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the point lies on each axis."""
        return self.point.places

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, ascending."""
        return tuple(experiment.file.experiment.seed for experiment in self.point.experiments)

    @property
    def results(self) -> tuple[dict[str, Any], ...]:
        """Results of the seeds that did not fail."""
        return tuple(result for result in self.by_seed if result is not None)

    def summary(self, quantity: str, statistic: str) -> Summary | None:
        """A quantity over the seeds that did not fail; None if the point has none."""
        return summarise([QUANTITIES[quantity].get(result) for result in self.results], statistic)


@dataclass(frozen=True)
class Table:
    """The rows of a study, in the order of its axes.

    Parameters
    ----------
    command
        The command that makes it again.
    code
        Version of crosswall and digest of the code that computed it.
    """

    file: StudyFile
    rows: tuple[Row, ...]
    command: str
    code: str

    @property
    def statistic(self) -> str:
        """What stands for the seeds: median or mean."""
        return self.file.table.statistic

    def axis_labels(self) -> list[str]:
        """What the axes are called, in order."""
        return [axis.label or axis.name for axis in self.file.axes]

    def axis(self, name: str) -> int:
        """Index of the axis of a name."""
        return [axis.name for axis in self.file.axes].index(name)

    def axis_label(self, name: str) -> str:
        """What the axis of a name is called."""
        return self.axis_labels()[self.axis(name)]

    def markdown(self) -> str:
        """The table with its heading, for people."""
        section = self.file.study
        quantities = self.file.table.quantities
        seeds = max(len(row.seeds) for row in self.rows)
        header = [*self.axis_labels()]
        for name in quantities:
            header.append(QUANTITIES[name].label)
            if name == quantities[0] and seeds > 1:
                header.append("lowest – highest")
        if seeds <= MOST_SEEDS_SHOWN:
            header.append("by seed")
        header.append("seeds")
        lines = [f"# {section.title}", ""]
        if section.description:
            lines += [" ".join(section.description.split()), ""]
        lines += [f"{self.statistic.capitalize()} over seeds; crosswall {self.code}. Made by", "",
                  f"    {self.command}", ""]
        return "\n".join([*lines, *markdown_rows(header, (
            self._cells(row, quantities, seeds) for row in self.rows))]) + "\n"

    def _cells(self, row: Row, quantities: Sequence[str], seeds: int) -> list[str]:
        cells = [place.label for place in row.places]
        for name in quantities:
            show, summary = QUANTITIES[name].show, row.summary(name, self.statistic)
            cells.append("–" if summary is None else show(summary.middle))
            if name == quantities[0] and seeds > 1:
                cells.append("–" if summary is None else
                             f"{show(summary.low)} – {show(summary.high)}")
        if seeds <= MOST_SEEDS_SHOWN:
            first = QUANTITIES[quantities[0]]
            values = [None if result is None else first.get(result) for result in row.by_seed]
            cells.append(", ".join("failed" if value is None else first.show(value)
                                   for value in values))
        return [*cells, _seeds(row.seeds)]

    def csv(self) -> str:
        """The table for programs: numbers in SI units, the first quantity of every seed."""
        quantities = self.file.table.quantities
        first = quantities[0]
        most = max(len(row.seeds) for row in self.rows)
        header = [axis.name for axis in self.file.axes]
        for name in quantities:
            header += [name, f"{name}_lowest", f"{name}_highest"]
        header += ["seeds", *(f"{first}_seed_{seed}" for seed in range(1, most + 1))]
        body = []
        for row in self.rows:
            cells: list[Any] = [place.label for place in row.places]
            for name in quantities:
                summary = row.summary(name, self.statistic)
                cells += ["", "", ""] if summary is None else [summary.middle, summary.low,
                                                               summary.high]
            values = [None if result is None else QUANTITIES[first].get(result)
                      for result in row.by_seed]
            cells += [" ".join(map(str, row.seeds)),
                      *("" if value is None else value for value in values),
                      *[""] * (most - len(values))]
            body.append(cells)
        return csv_text(self.command, header, body)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for ``--json``."""
        return {
            "study": self.file.study.name, "title": self.file.study.title,
            "command": self.command, "code": self.code, "statistic": self.statistic,
            "axes": [axis.name for axis in self.file.axes],
            "rows": [{
                "places": [place.label for place in row.places],
                "seeds": list(row.seeds),
                **{name: None if (summary := row.summary(name, self.statistic)) is None else
                   {self.statistic: summary.middle, "lowest": summary.low,
                    "highest": summary.high, "values": list(summary.values)}
                   for name in self.file.table.quantities},
            } for row in self.rows],
        }


def markdown_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
            for cells in (header, ["---"] * len(header), *rows)]


def csv_text(command: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV whose first line is a comment with the command that makes it; nine digits a number."""
    text = io.StringIO()
    text.write(f"# {command}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{cell:.9g}" if isinstance(cell, float) else cell for cell in row]
                     for row in rows)
    return text.getvalue()


def _seeds(seeds: Sequence[int]) -> str:
    return f"{seeds[0]}–{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
