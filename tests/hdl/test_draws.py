"""Units that draw give the draws of `crosswall.spec.draws`."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall_hdl.draws import DrawPipeline, SerialDraw


@pytest.mark.parametrize("unit", [DrawPipeline, SerialDraw])
def test_draws_are_those_of_the_specification(simulator, unit, tmp_path):
    run_bench(unit(), Path(__file__).with_name("draws_bench.py"), simulator=simulator,
              build_dir=tmp_path,
              parameters={"latency": unit.latency, "interval": unit.interval})
