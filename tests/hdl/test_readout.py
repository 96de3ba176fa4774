"""The read-out stage scores, predicts and teaches as the reference machine does."""

from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case

from crosswall_hdl.readout import ReadoutStage


@pytest.mark.parametrize(("seed", "simulator"), [
    *((seed, "icarus") for seed in range(4)), (3, "verilator"),
])
def test_scores_predictions_and_pulses_equal_the_reference(seed, simulator, tmp_path):
    print(f"case {seed} S")
    case = random_case(seed, "S")
    run_bench(ReadoutStage(case.network, case.build), Path(__file__).with_name("readout_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"seed": seed})
