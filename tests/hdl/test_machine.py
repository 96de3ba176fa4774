"""The whole machine equals the reference machine: results, walls, thresholds and ledger."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case
from overlap_case import overlap_case
from stream_case import STREAMS

from crosswall.spec.network import Neuron
from crosswall_hdl.machine import Machine

SAMPLES = 16

BURSTS = (1, 1, 3)
"""Samples that the machine is given at once, when their cycles are counted."""

COUNTED = {("W", 5), ("S", 3), ("S", 4)}
"""Geometries and seeds of machines whose cycles are counted, on Icarus."""

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
def test_compact_builds_equal_the_reference(geometry, seed, simulator, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path, compact=True)


@pytest.mark.parametrize(("geometry", "seed", "simulator", "compact"), [
    ("W", 1, "icarus", False), ("S", 3, "icarus", False), ("U", 4, "icarus", False),
    ("S", 1, "icarus", True), ("S", 3, "verilator", False)])
def test_racing_neurons_equal_the_reference(geometry, seed, simulator, compact, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path, neuron=Neuron.RACE, compact=compact)


@pytest.mark.parametrize(("geometry", "seed", "simulator", "options"), [
    ("W", 1, "icarus", {}), ("S", 3, "icarus", {}), ("U", 4, "verilator", {}),
    ("W", 2, "verilator", {"compact": True}), ("S", 2, "icarus", {"neuron": Neuron.RACE})])
def test_labelled_neurons_equal_the_reference(geometry, seed, simulator, options, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path, labelled_neurons=True, **options)


@pytest.mark.parametrize(("geometry", "seed", "simulator", "options"), [
    ("W", 5, "icarus", {"packed": True}), ("S", 3, "icarus", {}),
    ("U", 4, "verilator", {"packed": True}),
    ("S", 2, "icarus", {"neuron": Neuron.RACE}), ("W", 1, "icarus", {"labelled_neurons": True})])
def test_overlapping_samples_equal_the_reference(geometry, seed, simulator, options, tmp_path):
    run_machine(geometry, seed, simulator, tmp_path, overlap=True, **options)


@pytest.mark.parametrize(("seed", "neurons", "options"), [
    (4, 8, {"positions": 2}), (1, 16, {"positions": 3, "overlap": True, "packed": True})])
def test_positions_side_by_side_equal_the_reference(seed, neurons, options, tmp_path):
    run_machine("S", seed, "icarus", tmp_path, lanes=neurons, **options)


# On Icarus alone: what is unknown shows there, and Verilator compiles for longer than it saves.
@pytest.mark.parametrize("stream", STREAMS)
def test_samples_in_the_machine_together_equal_the_reference(stream, tmp_path):
    network, build, _ = STREAMS[stream]
    run_bench(Machine(network, build), Path(__file__).with_name("stream_bench.py"),
              simulator="icarus", build_dir=tmp_path, parameters={"stream": stream})


def test_samples_overlap(tmp_path):
    run_bench(Machine(*overlap_case()), Path(__file__).with_name("overlap_bench.py"),
              simulator="icarus", build_dir=tmp_path)


def run_machine(geometry, seed, simulator, tmp_path, *, neuron=Neuron.ARGMAX,
                labelled_neurons=False, samples=SAMPLES, single_port_primitive="inferred",
                netlist=None, tests=None, **options):
    network = {"neuron": neuron, "labelled_neurons": labelled_neurons}
    case = random_case(seed, geometry, **network)
    build = replace(case.build, **options)
    print(f"geometry {geometry}, seed {seed}: {build} {case.rules} {case.network}")
    counted = (geometry, seed) in COUNTED and simulator == "icarus" and netlist is None
    run_bench(Machine(case.network, build, single_port_primitive=single_port_primitive),
              Path(__file__).with_name("machine_bench.py"),
              simulator=simulator, build_dir=tmp_path, netlist=netlist, test_filter=tests,
              parameters={"geometry": geometry, "seed": seed, "samples": samples,
                          "build": asdict(build), "bursts": BURSTS if counted else (),
                          **network})
