"""Tables and corners from results by hand: seeds that are three, unequal in number, or failed."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from crosswall.spec.ledger import Counter
from crosswall.spec.network import whole_image
from crosswall.study import Options, Study
from crosswall.study.corners import check, combinations, corners
from crosswall.study.file import CornersSection
from crosswall.study.table import Row, Table
from tests.near import near


def result(accuracy: float, fires: int = 0) -> dict[str, Any]:
    """What a table of accuracies, and corners of the energy of fires, read of a result."""
    ledger = {counter.name.lower(): 0 for counter in Counter}
    return {"accuracy": accuracy, "ledger": ledger | {"clustering_fires": fires}}


def table_of(study: Study, *by_seed: tuple[dict[str, Any] | None, ...]) -> Table:
    """A table of accuracies, one row for each tuple of results."""
    accuracies = study.file.table.model_copy(update={"quantities": ("accuracy",)})
    file = study.file.model_copy(update={"table": accuracies})
    return Table(file, tuple(
        Row(study.points(Options(seeds=len(results)))[0][place], results)
        for place, results in enumerate(by_seed)), "crosswall study x", "1.0")


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))[1:]


def test_csv_has_a_column_for_each_seed_of_the_row_with_most(study):
    table = table_of(study, (result(0.5),), (result(0.1), result(0.9), result(0.2)),
                     (result(0.25), None))
    header, *rows = cells(table.csv())
    assert header == ["rule", "noise", "accuracy", "accuracy_lowest", "accuracy_highest", "seeds",
                      "accuracy_seed_1", "accuracy_seed_2", "accuracy_seed_3"]
    assert rows == [
        ["match", "0", "0.5", "0.5", "0.5", "1", "0.5", "", ""],
        ["match", "0.5", "0.2", "0.1", "0.9", "1 2 3", "0.1", "0.9", "0.2"],
        ["stdp", "0", "0.25", "0.25", "0.25", "1 2", "0.25", "", ""]]


def test_people_see_the_spread_and_each_seed(study):
    table = table_of(study, (result(0.5),), (result(0.1), result(0.9), result(0.2)), (None, None))
    lines = [line for line in table.markdown().splitlines() if line.startswith("|")]
    assert lines == [
        "| rule | noise (relative) | accuracy | lowest – highest | by seed | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
        "| match | 0 | 50.00% | 50.00% – 50.00% | 50.00% | 1 |",
        "| match | 0.5 | 20.00% | 10.00% – 90.00% | 10.00%, 90.00%, 20.00% | 1–3 |",
        "| stdp | 0 | – | – | failed, failed | 1–2 |"]
    alone = table_of(study, (result(0.5),)).markdown()
    assert "| rule | noise (relative) | accuracy | by seed | seeds |" in alone


@pytest.mark.parametrize(("seeds", "shown"), [(5, True), (6, False)])
def test_many_seeds_are_in_the_csv_only(study, seeds, shown):
    table = table_of(study, (result(0.5),) * seeds)
    assert ("by seed" in table.markdown()) == shown
    assert f"accuracy_seed_{seeds}" in table.csv()


def test_corners_take_the_median_over_the_seeds_that_did_not_fail(study):
    table = table_of(study, (result(0, 1), result(0, 100), result(0, 5)),
                     (result(0, 2), None, result(0, 4)), (None,))
    section = CornersSection(budget=5e-12, set={"fire_energy": [1e-12, 2e-12]})
    found = corners(section, table, [whole_image(4, 2, 2, winners=1)] * 3)
    assert found.energies[0][:2] == near((5e-12, 3e-12))
    assert found.energies[1][:2] == near((10e-12, 6e-12))
    assert found.energies[0][2] is None and found.energies[1][2] is None
    header, *rows = cells(found.csv())
    assert header == ["fire_energy", "rule", "noise", "energy", "within_budget"]
    assert [row[-1] for row in rows] == ["true", "true", "", "false", "false", ""]
    assert rows[4] == ["2e-12", "match", "0.5", "6e-12", "false"]
    lines = [line for line in found.markdown().splitlines() if line.startswith("|")]
    assert lines[2:] == ["| 1e-12 | **5 pJ** | **3 pJ** | – |", "| 2e-12 | 10 pJ | 6 pJ | – |"]


def test_the_last_coefficient_varies_fastest(study):
    section = CornersSection(budget=1, set={"write_energy": ["nominal", 2e-15],
                                            "fire_energy": [0.0, 1e-12]})
    assert combinations(section) == (
        {"write_energy": "nominal", "fire_energy": 0.0},
        {"write_energy": "nominal", "fire_energy": 1e-12},
        {"write_energy": 2e-15, "fire_energy": 0.0},
        {"write_energy": 2e-15, "fire_energy": 1e-12})
    check(section, study.points(Options(seeds=1))[0][0].experiments[0])
