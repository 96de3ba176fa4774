"""The clustering stage equals the machine in plain Python, for every kind of geometry."""

from pathlib import Path

import pytest
from bench import run_bench
from crosswall.spec.build import Build
from crosswall_hdl.clustering import ClusteringStage
from geometries import GEOMETRIES


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_samples_are_ranked_and_learned_as_specified(simulator, geometry, tmp_path):
    run_bench(ClusteringStage(*GEOMETRIES[geometry]), Path(__file__).with_name("clustering_bench.py"),
              simulator=simulator, build_dir=tmp_path,
              parameters={"geometry": geometry, "samples": 8})


def test_a_build_that_does_not_fit_is_refused():
    network, _ = GEOMETRIES["shared fields"]
    with pytest.raises(ValueError, match="`lanes` must be a power of two"):
        ClusteringStage(network, Build(3, 2))
