"""The table of what each board reaches: which configurations, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CONFIGURATIONS", "Configuration", "Row", "as_markdown"]


@dataclass(frozen=True)
class Configuration:
    """A board, an experiment's preset, and what its build says beside the board's defaults."""

    board: str
    preset: str
    build: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The command that makes its bitstream."""
        options = "".join(f" --{name.replace('_', '-')}" if value is True else
                          f" --no-{name.replace('_', '-')}" if value is False else
                          f" --{name.replace('_', '-')} {value}"
                          for name, value in self.build.items())
        return f"crosswall build {self.board} {self.preset}{options}"


_WIDE = {"lanes": 64, "positions": 4}

CONFIGURATIONS = (
    Configuration("icebreaker", "digits"),
    Configuration("icebreaker", "mnist"),
    Configuration("icepi-zero", "mnist"),
    Configuration("versa-ecp5", "mnist", {"lanes": 64}),
    Configuration("ecpix5-45", "mnist", {"lanes": 64}),
    Configuration("ulx3s", "mnist"),
    Configuration("ulx3s", "mnist", _WIDE),
    Configuration("ulx3s", "mnist-large"),
    Configuration("ulx3s", "mnist-whole", {"lanes": 64}),
    Configuration("ecpix5", "mnist", _WIDE),
    Configuration("ecpix5", "mnist-whole", {"lanes": 64}),
    Configuration("arty-a7", "mnist"),
)
"""The rows of the table."""


@dataclass(frozen=True)
class Row:
    """What was found of one configuration; what is unknown stays empty.

    Parameters
    ----------
    configuration
        Which.
    used
        Resources by kind, see `report.BuildReport`.
    clock
        MHz that place and route reached; None without place and route.
    cycles
        Of the machine for a sample, by phase: "clustering", "readout", "inference".
    note
        What a reader must know, or why something is missing.
    """

    configuration: Configuration
    used: Mapping[str, int] = field(default_factory=dict)
    clock: float | None = None
    cycles: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def rates(self) -> dict[str, float]:
        """Samples a second by phase, at the clock that was reached."""
        if self.clock is None:
            return {}
        return {phase: 1e6 * self.clock / cycles for phase, cycles in self.cycles.items()}


_PHASES = ("clustering", "readout", "inference")
_HEADS = ("build", "LUT", "flip-flop", "block RAM", "DSP", "clock, MHz", "cycles: clustering",
          "read-out", "inference", "images/s: clustering", "read-out", "inference")


def as_markdown(rows: Iterable[Row]) -> str:
    """The table, and the notes below it."""
    lines = [f"| {' | '.join(_HEADS)} |", f"|{'---|' * len(_HEADS)}"]
    notes = []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" ({len(notes)})"
        used = [_count(row.used.get(kind)) for kind in ("flip-flop", "block RAM", "DSP")]
        cells = f"{row.used['logic cell']:,} cells" if "logic cell" in row.used \
            else _count(row.used.get("LUT"))
        lines.append("| " + " | ".join([
            f"`{row.configuration.name}`{mark}", cells, *used,
            "" if row.clock is None else f"{row.clock:.1f}",
            *(_count(row.cycles.get(phase)) for phase in _PHASES),
            *(_count(row.rates.get(phase)) for phase in _PHASES)]) + " |")
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))] if notes else []
    return "\n".join(lines) + "\n"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
