"""Clustering plasticity: one sweep over the lines of a winner, one line per cycle."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.device_table import Direction
from crosswall.spec.draws import STATIC_SAMPLE, Stage
from crosswall.spec.network import CONDUCTANCE_BITS, Encoding, Network
from crosswall.spec.state import StateMemory, memory_shapes

from .control import RuleValues, SampleControl, index_shape
from .draws import DrawPipeline
from .encoder import Code
from .memory import READ_LATENCY
from .plasticity import PlasticityEngine
from .state import StatePort

__all__ = ["Learner"]

_GATE_BITS = 16


class Learner(wiring.Component):
    """Applies the clustering rule to every synapse of the winner.

    Takes ``lines + latency + 1`` cycles, reading and writing one row of walls per cycle; a row is
    written after it was read and never read again.

    Parameters
    ----------
    network, build
        Geometry, lanes and static spread.

    Attributes
    ----------
    latency : int
        Cycles from the place of a line's draw to the write of its wall: 16, or 18 with static
        spread.

    Members
    -------
    sample : In(SampleControl), rules : In(RuleValues)
        Held while ``busy``.
    start : In(1)
        Not while ``busy``.
    busy : Out(1)
    place_base : In(28)
        Place of the draw of line 0. Taken with ``start``.
    row_base : In(range(rows))
        First row of the crossbar. Taken with ``start``.
    winner : In(range(neurons))
        Held while ``busy``.
    pixel : Out(range(fan_in)), code : In(Code(network))
        Code of a pixel, two cycles after ``pixel``.
    read_row : Out(range(rows)), walls : In(ArrayLayout(wall_bits, lanes))
        A row of walls, two cycles after ``read_row``.
    write_row : Out(range(rows)), write_wall : Out(wall_bits), write_enable : Out(lanes)
        The winner's new wall.
    potentiated, depressed : Out(1)
        A pulse, for the ledger: at most one of the two per cycle.
    steps, gains : In(StatePort)
        The device table; used while not ``busy``.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network, self._build = network, build
        self._engine = PlasticityEngine(network, build)
        self._draws = DrawPipeline()
        self.latency = self._draws.latency + 1 + self._engine.latency
        shapes = memory_shapes(network, build)
        self._row = index_shape(shapes[StateMemory.CLUSTERING_WALLS].rows)
        super().__init__({
            "sample": In(SampleControl),
            "rules": In(RuleValues),
            "start": In(1),
            "busy": Out(1),
            "place_base": In(28),
            "row_base": In(self._row),
            "winner": In(index_shape(network.neurons)),
            "pixel": Out(index_shape(network.fan_in)),
            "code": In(Code(network)),
            "read_row": Out(self._row),
            "walls": In(data.ArrayLayout(network.wall_bits, build.lanes)),
            "write_row": Out(self._row),
            "write_wall": Out(network.wall_bits),
            "write_enable": Out(build.lanes),
            "potentiated": Out(1),
            "depressed": Out(1),
            "steps": In(StatePort(shapes[StateMemory.CLUSTERING_STEPS])),
            "gains": In(StatePort(shapes[StateMemory.CLUSTERING_GAINS])),
        })

    def elaborate(self, platform) -> Module:
        network, lanes, groups = self._network, self._build.lanes, self._build.groups(self._network)
        contrast = network.encoding == Encoding.CONTRAST
        m = Module()
        m.submodules.draws = draws = self._draws
        m.submodules.engine = engine = self._engine
        wiring.connect(m, wiring.flipped(self.steps), engine.steps)
        wiring.connect(m, wiring.flipped(self.gains), engine.gains)

        # One line per cycle. The draw takes longest, so its place goes first and the wall and the
        # code are read to arrive with it. Bit n of `active`: the line whose place went n + 1
        # cycles ago.
        lane_bits = ceil_log2(lanes)
        lane = self.winner[:lane_bits]
        group = self.winner >> lane_bits
        line = Signal(index_shape(network.lines))
        launching = Signal()
        active = Signal(self.latency)
        compared = draws.latency  # the cycle in which the gate is compared with the draw
        row_cycle = compared - 3 - READ_LATENCY
        code_cycle = compared - 2 - READ_LATENCY
        place = Signal(28, reset_less=True)
        with m.If(self.start):
            m.d.sync += [
                launching.eq(1),
                line.eq(0),
                place.eq(self.place_base),
                self.read_row.eq(self.row_base + group),
                self.write_row.eq(self.row_base + group),
                self.pixel.eq(0),
            ]
        with m.Elif(launching):
            m.d.sync += [line.eq(line + 1), place.eq(place + 1)]
            with m.If(line == network.lines - 1):
                m.d.sync += launching.eq(0)
        with m.If(active[row_cycle - 1]):
            m.d.sync += self.read_row.eq(self.read_row + groups)
        with m.If(active[-1]):
            m.d.sync += self.write_row.eq(self.write_row + groups)
        m.d.sync += active.eq(active << 1 | launching)
        m.d.comb += [
            self.busy.eq(launching | active.any()),
            draws.seed.eq(self.rules.seed),
            draws.sample.eq(self.sample.number),
            draws.stage.eq(Stage.CLUSTERING),
            draws.place.eq(place),
            draws.valid.eq(launching),
        ]

        # The codes: all ON lines, then all OFF lines.
        off_line = Signal()
        with m.If(self.start):
            m.d.sync += off_line.eq(0)
        with m.Elif(active[code_cycle - 1]):
            m.d.sync += self.pixel.eq(self.pixel + 1)
            with m.If(self.pixel == network.fan_in - 1):
                m.d.sync += [self.pixel.eq(0), off_line.eq(1)]
        for stage in range(READ_LATENCY):
            register = Signal(name=f"off_line_{stage}", reset_less=True)
            m.d.sync += register.eq(off_line)
            off_line = register
        code = Signal(network.code_bits)
        m.d.comb += code.eq(Mux(self.code.off == off_line, self.code.code, 0) if contrast
                            else self.code.code)

        # The rule. `wall` arrives with `code`, two cycles before the comparison.
        wall = Signal(network.wall_bits, reset_less=True)
        error = Signal(signed(CONDUCTANCE_BITS + 1), reset_less=True)
        potentiates = [Signal(name=f"potentiates_{stage}", reset_less=True) for stage in range(3)]
        size = Signal(CONDUCTANCE_BITS)
        level = Signal(_GATE_BITS, reset_less=True)
        target = code.replicate(CONDUCTANCE_BITS // network.code_bits)
        error_now = Signal.like(error)
        gate_shift = self.sample.clustering_gate_shift
        m.d.comb += [
            error_now.eq(target - wall[network.conductance_shift:]),
            size.eq(Mux(error < 0, -error, error)),
        ]
        m.d.sync += [
            wall.eq(self.walls[lane] if lanes > 1 else self.walls[0]),
            error.eq(error_now),
            potentiates[0].eq(Mux(self.rules.stdp, code != 0, error_now > 0)),
            level.eq(Mux(self.rules.stdp, self.rules.stdp_probability, size << 8) >> gate_shift),
            potentiates[1].eq(potentiates[0]),
        ]

        # The pulse.
        pulse = Signal()
        m.d.sync += [
            pulse.eq(active[compared - 1] & (draws.draw[:_GATE_BITS] < level)),
            potentiates[2].eq(potentiates[1]),
        ]
        for stage in range(3):
            register = Signal(network.wall_bits, name=f"wall_{stage}", reset_less=True)
            m.d.sync += register.eq(wall)
            wall = register
        m.d.comb += [
            engine.valid.eq(pulse),
            engine.wall.eq(wall),
            engine.direction.eq(Mux(potentiates[2], Direction.POTENTIATE, Direction.DEPRESS)),
            engine.pulse_shift.eq(self.sample.clustering_pulse_shift),
            engine.stuck_threshold.eq(self.rules.clustering_stuck),
            self.potentiated.eq(pulse & potentiates[2]),
            self.depressed.eq(pulse & ~potentiates[2]),
            self.write_wall.eq(engine.result),
            self.write_enable.eq(engine.result_valid << lane if lanes > 1
                                 else engine.result_valid),
        ]
        if network.quantile_bits:
            quantile = Signal(network.quantile_bits, reset_less=True)
            m.d.sync += quantile.eq(draws.draw[_GATE_BITS:])
            m.d.comb += engine.quantile.eq(quantile)
        if self._build.static_spread:
            self._draw_statics(m, launching)
        return m

    def _draw_statics(self, m: Module, launching: Signal) -> None:
        """The winner's static draws, beside its learning draws."""
        network = self._network
        m.submodules.static_draws = draws = DrawPipeline()
        synapse = Signal(28, reset_less=True)
        with m.If(self.start):
            m.d.sync += synapse.eq(self.row_base * self._build.lanes + self.winner)
        with m.Elif(launching):
            m.d.sync += synapse.eq(synapse + network.neurons)
        static = Signal(32, reset_less=True)
        m.d.sync += static.eq(draws.draw)
        m.d.comb += [
            draws.seed.eq(self.rules.static_seed),
            draws.sample.eq(STATIC_SAMPLE),
            draws.stage.eq(Stage.STATIC_CLUSTERING),
            draws.place.eq(synapse),
            draws.valid.eq(launching),
            self._engine.static_draw.eq(static),
        ]
