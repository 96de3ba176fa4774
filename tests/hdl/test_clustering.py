"""The clustering stage equals the machine in plain Python, for every kind of geometry."""

# The first line is for components that refuse their parameters and are never elaborated.

from pathlib import Path

import pytest
from bench import run_bench
from geometries import GEOMETRIES
from units import StageWithUnits

from crosswall.spec.build import Build
from crosswall_hdl.clustering import ClusteringStage
from crosswall_hdl.wide import clustering_stage

COMPILED = ("shared fields", "unshared fields", "whole image", "side by side")
"""Geometries that Verilator runs too, as it takes long to compile."""


@pytest.mark.parametrize(("simulator", "geometry"), [
    *(("icarus", geometry) for geometry in GEOMETRIES),
    *(("verilator", geometry) for geometry in COMPILED)])
def test_samples_are_ranked_and_learned_as_specified(simulator, geometry, tmp_path):
    network, build = GEOMETRIES[geometry]
    stage = clustering_stage(network, build)
    run_bench(StageWithUnits(stage, network, build, readout=False),
              Path(__file__).with_name("clustering_bench.py"), simulator=simulator,
              build_dir=tmp_path,
              parameters={"geometry": geometry, "samples": 8})


def test_a_position_waits_for_thresholds_where_neurons_are_many():
    network, build = GEOMETRIES["side by side, thresholds last"]
    stage = clustering_stage(network, build)
    # Written 5 cycles after the first, one in a cycle; and read once the next one's sum is there.
    assert stage.learning_pause == network.neurons + 5 - (stage.scoring_cycles - 3)
    assert stage.gap == 2  # one row of neurons


def test_a_build_that_does_not_fit_is_refused():
    network, _ = GEOMETRIES["shared fields"]
    with pytest.raises(ValueError, match="`lanes` must be a power of two"):
        ClusteringStage(network, Build(3, 2))
