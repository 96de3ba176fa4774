"""The whole machine equals the reference machine: results, walls, thresholds and ledger."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case
from crosswall_hdl.machine import Machine

SAMPLES = 24


@pytest.mark.parametrize(("geometry", "seed", "simulator"), [
    *((geometry, seed, "icarus") for geometry in "WSU" for seed in range(3)),
    *((geometry, 0, "verilator") for geometry in "WSU"),
])
def test_random_machines_equal_the_reference(geometry, seed, simulator, tmp_path):
    case = random_case(seed, geometry)
    print(f"geometry {geometry}, seed {seed}: {case.build} {case.rules} {case.network}")
    run_bench(Machine(case.network, case.build), Path(__file__).with_name("machine_bench.py"),
              simulator=simulator, build_dir=tmp_path,
              parameters={"geometry": geometry, "seed": seed, "samples": SAMPLES})
