"""The figures of a run that studies tabulate and draw, and their statistics over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from crosswall.experiment.plots import joules


@dataclass(frozen=True)
class Quantity:
    """A number of every run.

    Parameters
    ----------
    name
        What study files call it.
    label
        What tables and figures call it.
    meaning
        One line for the documentation.
    get
        It, from the object of ``result.json`` (`crosswall.experiment.report.result`); None if the
        run has none.
    kind
        What number it is: a ``share`` of 1, a ``count``, ``joules`` or another ``number``.
    """

    name: str
    label: str
    meaning: str
    get: Callable[[Mapping[str, Any]], float | None]
    kind: Literal["share", "count", "joules", "number"]

    def show(self, number: float) -> str:
        """A value as text, with its unit."""
        return _SHOW[self.kind](number)


_SHOW: dict[str, Callable[[float], str]] = {
    "share": lambda number: f"{number:.2%}", "count": lambda number: f"{number:,.0f}",
    "joules": joules, "number": lambda number: f"{number:.3f}"}


def _learned(result: Mapping[str, Any]) -> float:
    return sum(phase["samples"] for phase in result["phases"] if phase["kind"] != "evaluate")


def _last_evaluation(result: Mapping[str, Any], key: str) -> float | None:
    return result["evaluations"][-1][key] if result["evaluations"] else None


def _labelled(result: Mapping[str, Any]) -> float:
    return result["ledger"]["samples_labelled"]


def _written(result: Mapping[str, Any]) -> float:
    return sum(result["ledger"][f"{stage}_{way}"] for stage in ("clustering", "readout")
               for way in ("potentiations", "depressions"))


QUANTITIES = {quantity.name: quantity for quantity in (
    Quantity("accuracy", "accuracy", "share of right predictions in the last evaluation",
             lambda result: result["accuracy"], "share"),
    Quantity("seen_accuracy", "accuracy on classes seen",
             "the same, of samples whose class was taught before",
             lambda result: _last_evaluation(result, "seen_accuracy"), "share"),
    Quantity("prequential_accuracy", "test-then-train accuracy",
             "of the predictions made before each label was first shown",
             lambda result: result["prequential_accuracy"], "share"),
    Quantity("cluster_purity", "cluster purity", "share of samples in the commonest class of "
             "their cluster, in the last evaluation",
             lambda result: result["cluster_purity"], "share"),
    Quantity("nmi", "NMI", "normalised mutual information of cluster and class",
             lambda result: result["nmi"], "number"),
    Quantity("energy_device", "device energy to learn",
             "joules of the synapse arrays in the phases that learn",
             lambda result: result["energy_joules"]["learning"]["device"], "joules"),
    Quantity("energy_with_periphery", "with periphery",
             "joules of everything in the phases that learn",
             lambda result: result["energy_joules"]["learning"]["with_periphery"], "joules"),
    Quantity("energy_run", "device energy of the run",
             "joules of the synapse arrays in all phases",
             lambda result: result["energy_joules"]["device"], "joules"),
    Quantity("learned_samples", "samples learned",
             "samples presented in the phases that learn, each as often as it is presented",
             _learned, "count"),
    Quantity("labels_shown", "labels shown", "samples presented with their label", _labelled,
             "count"),
    Quantity("pulses", "pulses", "write pulses in both stages", _written, "count"),
    Quantity("synapses", "synapses", "synapses of both stages",
             lambda result: result["network"]["synapses"], "count"),
)}
"""Every quantity, by name."""


@dataclass(frozen=True)
class Summary:
    """A quantity over the seeds of a point: the statistic, the lowest, the highest, all values."""

    middle: float
    low: float
    high: float
    values: tuple[float, ...]


def summarise(values: Sequence[float | None], statistic: str) -> Summary | None:
    """The ``median`` or the ``mean`` of some values; None if one of them is None, or there is
    none."""
    numbers = tuple(float(value) for value in values if value is not None)
    if not numbers or len(numbers) < len(values):
        return None
    middle = statistics.median(numbers) if statistic == "median" else statistics.fmean(numbers)
    return Summary(middle, min(numbers), max(numbers), numbers)
