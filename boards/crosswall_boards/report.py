"""What a bitstream uses of its device, and how fast its clocks are: read from nextpnr's report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from crosswall.errors import ToolError
from crosswall.reading import UnreadableError, parse_json, read_text

__all__ = ["BuildReport", "ClockReport", "ResourceReport", "overfull", "parse_nextpnr",
           "read_report", "resource_line"]

MAX_REPORT_BYTES = 1 << 26
"""Largest report of a tool's that is read."""

Parsed = TypeVar("Parsed")

_RESOURCES = {
    "TRELLIS_COMB": "LUT", "TRELLIS_FF": "flip-flop", "DP16KD": "block RAM", "MULT18X18D": "DSP",
    "ICESTORM_LC": "logic cell", "ICESTORM_RAM": "block RAM", "ICESTORM_DSP": "DSP",
    "ICESTORM_SPRAM": "single-port RAM",
}
"""nextpnr's names of what is worth reporting, and what the field calls it."""


@dataclass(frozen=True)
class ResourceReport:
    """How many of the device's `available` elements of one kind are `used`."""

    used: int
    available: int


@dataclass(frozen=True)
class ClockReport:
    """One clock after place and route, in MHz: what it `achieved`, and the `constraint`."""

    achieved: float
    constraint: float

    @property
    def met(self) -> bool:
        """Whether the clock is as fast as it must be."""
        return self.achieved >= self.constraint


@dataclass(frozen=True)
class BuildReport:
    """What a bitstream is.

    Parameters
    ----------
    board
        Name of the board.
    build
        `crosswall.spec.build.Build` as plain values.
    network_digest
        What the board will identify its network by.
    synapses
        Synapses of the network.
    resources
        By kind: "LUT", "flip-flop", "logic cell", "block RAM", "single-port RAM", "DSP".
    clocks
        By net.
    estimate
        By kind: what was expected after synthesis; see `estimate.parse_stat`.
    """

    board: str
    build: dict[str, Any]
    network_digest: int
    synapses: int
    resources: dict[str, ResourceReport]
    clocks: dict[str, ClockReport]
    estimate: dict[str, int] = field(default_factory=dict)

    @property
    def timing_met(self) -> bool:
        """Whether every clock is as fast as it must be."""
        return all(clock.met for clock in self.clocks.values())

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for programs."""
        return {**asdict(self), "timing_met": self.timing_met}

    def as_text(self) -> str:
        """The report as text, for people."""
        build = ", ".join(f"{name} {value}" for name, value in self.build.items())
        lines = [f"board            {self.board}",
                 f"network          {self.network_digest:08x}, {self.synapses} synapses",
                 f"build            {build}"]
        lines += [resource_line(name, item.used, item.available)
                  + (f"  (estimate {self.estimate[name]})" if name in self.estimate else "")
                  for name, item in self.resources.items()]
        lines += [f"clock            {clock.achieved:6.1f} MHz achieved, {clock.constraint:.1f} "
                  f"MHz asked for: {'met' if clock.met else 'NOT met'} ({net})"
                  for net, clock in self.clocks.items()]
        return "\n".join(lines) + "\n"


def resource_line(kind: str, used: int, available: int) -> str:
    """A line of a report: how many of the device's resources of a kind are used."""
    return f"{kind:<16} {used:>6} of {available:>6}  {100 * used / available:5.1f} %"


def parse_nextpnr(text: str) -> tuple[dict[str, ResourceReport], dict[str, ClockReport]]:
    """Return resources and clocks from the text that nextpnr's ``--report`` writes.

    Raises ValueError if the text is not such a report.
    """
    try:
        report = parse_json(text)
        resources = {
            _RESOURCES[name]: ResourceReport(int(item["used"]), int(item["available"]))
            for name, item in report["utilization"].items()
            if name in _RESOURCES and int(item["available"])}
        clocks = {net: ClockReport(float(item["achieved"]), float(item["constraint"]))
                  for net, item in report["fmax"].items()}
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError,
            UnreadableError) as error:
        raise ValueError(f"not a report of nextpnr's: {error!r}") from error
    return resources, clocks


def read_report(path: Path, parse: Callable[[str], Parsed]) -> Parsed:
    """What ``parse`` makes of a report that a tool left in the cache.

    Raises
    ------
    ToolError
        If it cannot be read, or ``parse`` raises ValueError.
    """
    try:
        return parse(read_text(path, MAX_REPORT_BYTES))
    except (UnreadableError, ValueError) as error:
        raise ToolError(f"{path}: {error}; remove {path.parent} and build again") from error


def overfull(log: str) -> dict[str, ResourceReport]:
    """Return the resources of which nextpnr's log says that more are used than there are."""
    found = re.findall(r"^Info:\s+(\w+):\s+(\d+)\s*/\s*(\d+)\s+\d+%", log, re.MULTILINE)
    return {_RESOURCES.get(name, name): ResourceReport(int(used), int(available))
            for name, used, available in found if int(used) > int(available)}
