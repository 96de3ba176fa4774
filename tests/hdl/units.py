"""A stage together with the units that draw and pulse for it, which the machine has beside it."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from crosswall.spec.build import Build
from crosswall.spec.draws import STATIC_SAMPLE
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes
from crosswall_hdl.draws import draw_unit
from crosswall_hdl.plasticity import PlasticityEngine
from crosswall_hdl.state import StatePort

_UNITS = ("draws", "static_draws", "pulses")


class StageWithUnits(wiring.Component):
    """``stage``, a `ClusteringStage` or (with ``readout``) a `ReadoutStage`, with its units.

    Has the stage's other ports, and ``steps`` and ``gains`` for the stage's device table.
    """

    def __init__(self, stage: wiring.Component, network: Network, build: Build, *,
                 readout: bool) -> None:
        self._stage, self._network, self._build, self._readout = stage, network, build, readout
        shapes = memory_shapes(network, build)
        super().__init__({
            **{name: member for name, member in stage.signature.members.items()
               if name not in _UNITS},
            "steps": In(StatePort(shapes[StateMemory.CLUSTERING_STEPS])),
            "gains": In(StatePort(shapes[StateMemory.CLUSTERING_GAINS])),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.stage = stage = self._stage
        m.submodules.engine = engine = PlasticityEngine(self._network, self._build)
        m.submodules.draws = draws = draw_unit(self._build)()
        for name, member in stage.signature.members.items():
            if name in _UNITS:
                continue
            inner, outer = getattr(stage, name), getattr(self, name)
            if member.is_signature:
                connect(m, inner, flipped(outer))
            else:
                m.d.comb += (inner.eq(outer) if member.flow is In else outer.eq(inner))
        m.d.comb += [
            engine.readout.eq(self._readout),
            draws.seed.eq(self.rules.seed),
            draws.sample.eq(self.sample.number),
        ]
        connect(m, stage.draws, draws.draws)
        connect(m, stage.pulses, engine.pulses)
        side = "readout" if self._readout else "clustering"
        connect(m, flipped(self.steps), getattr(engine, f"{side}_steps"))
        connect(m, flipped(self.gains), getattr(engine, f"{side}_gains"))
        if self._build.static_spread:
            m.submodules.static_draws = static_draws = draw_unit(self._build)()
            m.d.comb += [
                static_draws.seed.eq(self.rules.static_seed),
                static_draws.sample.eq(STATIC_SAMPLE),
            ]
            connect(m, stage.static_draws, static_draws.draws)
        return m
