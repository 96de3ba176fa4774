"""The read-out stage scores, predicts and teaches as the reference machine does."""

from dataclasses import replace
from pathlib import Path

import pytest
from bench import run_bench
from cases import random_case
from units import StageWithUnits

from crosswall_hdl.readout import ReadoutStage


@pytest.mark.parametrize(("seed", "simulator"), [
    *((seed, "icarus") for seed in range(4)), (3, "verilator"),
])
@pytest.mark.parametrize("compact", [False, True])
def test_scores_predictions_and_pulses_equal_the_reference(seed, simulator, compact, tmp_path):
    print(f"case {seed} S")
    case = random_case(seed, "S")
    build = replace(case.build, compact=compact)
    stage = ReadoutStage(case.network, build)
    run_bench(StageWithUnits(stage, case.network, build, readout=True),
              Path(__file__).with_name("readout_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"seed": seed})
