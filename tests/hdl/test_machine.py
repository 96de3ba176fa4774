"""The whole machine equals the reference machine: results, walls, thresholds and ledger."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall_hdl.machine import Machine

SAMPLES = 16

# Between them: both encodings, rules, memories and kinds of spread; device variants; one and
# several groups of lanes in both stages; margins that are missed sometimes and always.
CASES = [("W", 1), ("W", 5), ("S", 1), ("S", 3), ("U", 2), ("U", 4)]


@pytest.mark.parametrize(("geometry", "seed", "simulator"), [
    *((geometry, seed, "icarus") for geometry, seed in CASES),
    ("S", 3, "verilator"), ("U", 1, "verilator"),
])
def test_random_machines_equal_the_reference(geometry, seed, simulator, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path)


@pytest.mark.parametrize(("geometry", "seed", "simulator"), [
    *((geometry, seed, "icarus") for geometry, seed in CASES), ("S", 1, "verilator"),
])
def test_serial_draws_equal_the_reference(geometry, seed, simulator, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path, serial_draws=True)


def run_machine(geometry, seed, simulator, tmp_path, **options):
    case = random_case(seed, geometry)
    build = replace(case.build, **options)
    print(f"geometry {geometry}, seed {seed}: {build} {case.rules} {case.network}")
    run_bench(Machine(case.network, build), Path(__file__).with_name("machine_bench.py"),
              simulator=simulator, build_dir=tmp_path,
              parameters={"geometry": geometry, "seed": seed, "samples": SAMPLES})
