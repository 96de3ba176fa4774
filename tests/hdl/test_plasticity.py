"""The plasticity engine moves walls as `crosswall.spec.device_table.apply_pulse` does."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.build import Build
from crosswall.spec.network import whole_image
from crosswall_hdl.plasticity import PlasticityEngine

FORMATS = {
    "default": {},
    "widest": {"wall_bits": 16, "bin_bits": 3, "quantile_bits": 5, "variant_bits": 2},
    "narrowest": {"wall_bits": 8, "bin_bits": 0, "quantile_bits": 0},
}


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize(("formats", "static_spread"), [
    ("default", True), ("default", False), ("widest", True), ("narrowest", False)])
def test_pulses_move_walls_as_specified(simulator, formats, static_spread, compact, tmp_path):
    chosen = FORMATS[formats]
    network = whole_image(4, 2, 4, **chosen)
    engine = PlasticityEngine(network, Build(1, 2, static_spread=static_spread,
                                             compact=compact))
    run_bench(engine, Path(__file__).with_name("plasticity_bench.py"), simulator=simulator,
              build_dir=tmp_path,
              parameters={"formats": chosen, "static_spread": static_spread,
                          "compact": compact, "latency": engine.latency})
