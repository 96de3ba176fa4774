"""Rankings are by activation descending, then by index ascending."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.network import whole_image
from crosswall_hdl.winner import Winner


@pytest.mark.parametrize("winners", [1, 4, 6])
def test_the_best_are_ranked(simulator, winners, tmp_path):
    run_bench(Winner(whole_image(4, 2, 6, winners=winners)),
              Path(__file__).with_name("winner_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"winners": winners})
