"""The ledger adds tallies to 64-bit counters and captures them at once."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall.spec.network import Neuron
from crosswall_hdl.ledger import Ledger


@pytest.mark.parametrize(("seed", "neuron"), [*enumerate(Neuron)])
def test_counters_add_tallies_and_are_captured(simulator, seed, neuron, tmp_path):
    run_bench(Ledger(random_case(seed, "U", neuron=neuron).network),
              Path(__file__).with_name("ledger_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"seed": seed, "neuron": neuron})
