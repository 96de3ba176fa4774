"""Small tables in CrossSim's format for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SHARED_TABLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "dwmtj-lut"

CONDUCTANCE = (10e-6, 20e-6, 30e-6)
CDF = (0.0, 0.5, 1.0)
INCREASING = ((1e-6, 1e-6, 1e-6), (2e-6, 2e-6, 2e-6), (3e-6, 3e-6, 3e-6))
DECREASING = ((-4e-6, -2e-6, 0.0), (-4e-6, -2e-6, 0.0), (-4e-6, -2e-6, 0.0))


def table_text(rows: Sequence[Sequence[float]], conductance: Sequence[float] = CONDUCTANCE,
               cdf: Sequence[float] = CDF) -> str:
    """A table file's text; a blank line before the rows, as in the published files."""
    def line(values: Sequence[float]) -> str:
        return ",".join(f"{value:.9g}" for value in values)

    return "\n".join(["a comment", line(conductance), line(cdf), "", *map(line, rows), ""])


def write_pair(folder: Path, scale: float = 1.0) -> Path:
    """A folder with one device, every conductance and ΔG times ``scale``."""
    folder.mkdir(exist_ok=True)
    for name, rows in (("increasing", INCREASING), ("decreasing", DECREASING)):
        (folder / f"dG_{name}.txt").write_text(table_text(
            [[scale * value for value in row] for row in rows],
            [scale * value for value in CONDUCTANCE]))
    return folder
