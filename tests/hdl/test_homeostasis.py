"""Thresholds move as specified, saturate at both ends, and are those of one crossbar only."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.build import Build
from crosswall.spec.network import receptive_fields
from crosswall_hdl.homeostasis import Homeostasis


@pytest.mark.parametrize("threshold_bits", [8, 31])
def test_thresholds_rise_and_decay(simulator, threshold_bits, tmp_path):
    geometry = {"height": 4, "width": 4, "classes": 2, "neurons": 6, "field": 2, "stride": 2,
                "regions": 1, "shared": False, "threshold_bits": threshold_bits}
    run_bench(Homeostasis(receptive_fields(**geometry), Build(2, 2)),
              Path(__file__).with_name("homeostasis_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"geometry": geometry})
