"""Positions side by side take the cycles that they are said to take."""

from pathlib import Path

import pytest
from bench import run_bench
from geometries import GEOMETRIES, mnist_fields
from units import StageWithUnits

from crosswall_hdl.clustering import ClusteringStage
from crosswall_hdl.wide import WideClusteringStage, clustering_stage


@pytest.mark.parametrize("positions", [4])
def test_cycles_of_a_sample_are_those_of_the_formulas(positions, tmp_path):
    network, build = mnist_fields(8, positions)
    stage = WideClusteringStage(network, build)
    run_bench(StageWithUnits(stage, network, build, readout=False),
              Path(__file__).with_name("wide_bench.py"), simulator="icarus", build_dir=tmp_path,
              parameters={"neurons": 8, "positions": positions, "gap": stage.gap,
                          "pace": stage.pace, "latency": stage.latency,
                          "learning_cycles": stage.learning_cycles})


def test_one_position_at_a_time_keeps_its_own_stage():
    network, build = GEOMETRIES["shared fields"]
    assert isinstance(clustering_stage(network, build), ClusteringStage)
    with pytest.raises(ValueError, match="`positions` must be at least 2"):
        WideClusteringStage(network, build)
