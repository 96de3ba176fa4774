"""The feature stores count, list, saturate and clear."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall_hdl.features import FeatureBanks, FeatureStore


@pytest.mark.parametrize(("seed", "banks", "simulator"), [
    (0, 0, "icarus"), (1, 0, "verilator"), (0, 1, "icarus"), (1, 2, "icarus"),
    (0, 3, "icarus"), (1, 3, "verilator")])
def test_features_are_counted_replayed_and_cleared(seed, banks, simulator, tmp_path):
    network = random_case(seed, "S").network
    run_bench(FeatureBanks(network, banks) if banks else FeatureStore(network),
              Path(__file__).with_name("features_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"seed": seed, "banks": banks})


def test_a_store_without_banks_is_refused():
    with pytest.raises(ValueError, match="`banks` must be at least 1: got 0"):
        FeatureBanks(random_case(0, "S").network, 0)
