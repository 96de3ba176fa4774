"""The draw pipeline gives the draws of `crosswall.spec.draws`."""

# The first line is for components that refuse their parameters and are never elaborated.

from pathlib import Path

import pytest
from bench import run_bench

from crosswall_hdl.draws import DrawPipeline


@pytest.mark.parametrize("rounds_per_cycle", [1, 2])
def test_draws_are_those_of_the_specification(simulator, rounds_per_cycle, tmp_path):
    pipeline = DrawPipeline(rounds_per_cycle)
    run_bench(pipeline, Path(__file__).with_name("draws_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"latency": pipeline.latency})


def test_rounds_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="`rounds_per_cycle` must be 1 to 10: got 11"):
        DrawPipeline(11)
