"""The crossbar's currents are sums of code × conductance, in the order of the neurons."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.build import Build
from crosswall.spec.network import receptive_fields
from crosswall_hdl.crossbar import Crossbar

# Lanes, neurons, bits of a code, side of a field: a side of 2 has as many pixels as its places
# have numbers, which a multiplier's last slot goes beyond.
SHAPES = {"one lane": (1, 3, 1, 2), "few lanes": (2, 6, 2, 3), "one group": (16, 16, 4, 3),
          "wide codes": (4, 8, 8, 3), "clusters": (64, 128, 2, 3)}


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_currents_are_those_of_the_array(simulator, shape, compact, tmp_path):
    lanes, neurons, code_bits, field = SHAPES[shape]
    geometry = {"height": 6, "width": 6, "classes": 2, "neurons": neurons, "field": field,
                "stride": 1, "regions": 1, "winners": 2, "code_bits": code_bits}
    crossbar = Crossbar(receptive_fields(**geometry), Build(lanes, 2, compact=compact))
    run_bench(crossbar, Path(__file__).with_name("crossbar_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={
                  "geometry": geometry, "lanes": lanes, "latency": crossbar.latency,
                  "compact": compact})
