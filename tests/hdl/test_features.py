"""The feature store counts, lists, saturates and clears."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall_hdl.features import FeatureStore


@pytest.mark.parametrize("seed", range(2))
def test_features_are_counted_replayed_and_cleared(simulator, seed, tmp_path):
    run_bench(FeatureStore(random_case(seed, "S").network),
              Path(__file__).with_name("features_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"seed": seed})
