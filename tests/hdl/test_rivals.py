"""The label's best neuron, its best rival, and whether the one leads by the refinement margin."""

import random
from pathlib import Path

import pytest
from bench import run_bench
from cases import random_network

from crosswall_hdl.rivals import Rivals


@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_of_two_sides_are_found(seed, tmp_path):
    network = random_network(random.Random(seed), "W", labelled_neurons=True)
    print(network)
    run_bench(Rivals(network), Path(__file__).with_name("rivals_bench.py"), simulator="icarus",
              build_dir=tmp_path, parameters={"seed": seed})
