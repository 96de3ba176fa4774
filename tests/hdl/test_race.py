"""Races end as specified, whatever leaks, inhibits and jitters; a step takes the time it should."""

from pathlib import Path

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect
from bench import run_bench

from crosswall.spec.build import Build
from crosswall.spec.network import Neuron, whole_image
from crosswall_hdl.draws import draw_unit
from crosswall_hdl.race import Race

NETWORKS = {
    "smallest": {"neurons": 2, "winners": 1, "threshold_bits": 8},
    "shorter than the reach": {"neurons": 4, "winners": 4, "threshold_bits": 12},
    "usual": {"neurons": 24, "winners": 4, "threshold_bits": 22},
    "wide": {"neurons": 9, "winners": 8, "threshold_bits": 31},
}


class RaceWithDraws(wiring.Component):
    """A race and the unit that draws for it; ``seed`` and ``sample`` in place of ``draws``."""

    def __init__(self, race, build):
        self._race, self._build = race, build
        members = dict(race.signature.members.items())
        del members["draws"]
        super().__init__({**members, "seed": In(32), "sample": In(32)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.race = race = self._race
        m.submodules.draws = draws = draw_unit(self._build)()
        connect(m, race.draws, draws.draws)
        m.d.comb += [draws.seed.eq(self.seed), draws.sample.eq(self.sample)]
        for name in self.signature.members:
            if name not in ("seed", "sample"):
                inner, outer = getattr(race, name), getattr(self, name)
                m.d.comb += (inner.eq(outer) if race.signature.members[name].flow is In
                             else outer.eq(inner))
        return m


@pytest.mark.parametrize(("simulator", "name", "compact"), [
    *(("icarus", name, False) for name in NETWORKS), ("icarus", "usual", True),
    ("verilator", "usual", False), ("verilator", "wide", True)])
def test_races_end_as_specified(simulator, name, compact, tmp_path):
    geometry = {"pixels": 40, "classes": 2, "feature_bits": 8, **NETWORKS[name]}
    build = Build(1, 2, compact=compact)
    race = Race(whole_image(**geometry, neuron=Neuron.RACE), build)
    run_bench(RaceWithDraws(race, build), Path(__file__).with_name("race_bench.py"),
              simulator=simulator, build_dir=tmp_path,
              parameters={"geometry": geometry, "step_cycles": race.step_cycles})
