"""Clustering plasticity: one sweep over the lines of a neuron."""

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.device_table import Direction
from crosswall.spec.draws import Stage
from crosswall.spec.network import CONDUCTANCE_BITS, Encoding, Network
from crosswall.spec.state import StateMemory, memory_shapes

from .control import RuleValues, SampleControl, index_shape
from .draws import DrawPort, draw_unit
from .encoder import Code
from .memory import READ_LATENCY
from .plasticity import PlasticityEngine, PulsePort

__all__ = ["Learner"]

_GATE_BITS = 16

_RULE_CYCLES = 2
"""From a wall and a code to the level that the draw is compared with."""


class Learner(wiring.Component):
    """Applies the clustering rule to every synapse of the winner; or, to refine it, potentiates
    or depresses its active lines.

    Takes ``lines + draw_at + latency + 1`` cycles, reading and writing one row of walls per cycle.
    With `Build.compact` one line is under way at a time: 14 cycles for each, and ``latency + 2``
    for a line that gets a pulse. A row is written after it was read and never read again.

    Parameters
    ----------
    network, build
        Geometry, lanes and static spread.
    wall_latency
        Cycles from ``read_row`` to ``wall``.

    Attributes
    ----------
    read_at, code_at, draw_at : int
        Cycles from the one after ``start`` to the first line's ``read_row``, ``pixel`` and draw.
        Not if compact.
    latency : int
        Cycles from the place of a line's draw to the write of its wall: 19, or 21 with static
        spread; 2 less if compact.

    Members
    -------
    sample : In(SampleControl), rules : In(RuleValues)
        Held while ``busy``.
    start : In(1)
        Not while ``busy``.
    busy : Out(1)
    place_base : In(range(positions * lines))
        Place of the draw of line 0. Taken with ``start``.
    row_base : In(range(rows))
        First row of the crossbar. Taken with ``start``.
    winner : In(range(neurons))
        Neuron that is written. Taken with ``start``.
    refines, depresses : In(1)
        With labelled neurons only: refine, and in which direction. Held while ``busy``.
    pixel : Out(range(fan_in)), code : In(Code(network))
        Code of a pixel, two cycles after ``pixel``.
    read_row : Out(range(rows)), wall : In(wall_bits)
        The winner's wall in a row, ``wall_latency`` cycles after ``read_row``.
    reading : Out(1)
        A line's ``read_row``; it will be the next line's in the next cycle.
    write_row : Out(range(rows)), write_wall : Out(wall_bits), write_enable : Out(1)
        The winner's new wall.
    potentiated, depressed : Out(1)
        A pulse, for the ledger: at most one of the two per cycle.
    draws : Out(DrawPort()), pulses : Out(PulsePort(network, build))
    static_draws : Out(DrawPort())
        With static spread only.
    """

    def __init__(self, network: Network, build: Build, *,
                 wall_latency: int = READ_LATENCY + 1) -> None:
        self._network, self._build = network, build
        # Draw, wall and code of a line are asked for so that they meet at the gate.
        gate_at = max(draw_unit(build).latency, wall_latency + _RULE_CYCLES)
        self.draw_at = gate_at - draw_unit(build).latency
        self.read_at = gate_at - _RULE_CYCLES - wall_latency
        self.code_at = gate_at - _RULE_CYCLES - READ_LATENCY
        self.latency = draw_unit(build).latency + 1 + PlasticityEngine.latency_of(build)
        shapes = memory_shapes(network, build)
        self._row = index_shape(shapes[StateMemory.CLUSTERING_WALLS].rows)
        static = {"static_draws": Out(DrawPort())} if build.static_spread else {}
        refines = {"refines": In(1), "depresses": In(1)} if network.labelled_neurons else {}
        super().__init__({
            "sample": In(SampleControl),
            "rules": In(RuleValues),
            "start": In(1),
            "busy": Out(1),
            "place_base": In(index_shape(network.positions * network.lines)),
            "row_base": In(self._row),
            "winner": In(index_shape(network.neurons)),
            "pixel": Out(index_shape(network.fan_in)),
            "code": In(Code(network)),
            "read_row": Out(self._row),
            "wall": In(network.wall_bits),
            "reading": Out(1),
            "write_row": Out(self._row),
            "write_wall": Out(network.wall_bits),
            "write_enable": Out(1),
            "potentiated": Out(1),
            "depressed": Out(1),
            "draws": Out(DrawPort()),
            "pulses": Out(PulsePort(network, build)),
            **static,
            **refines,
        })

    def cycles(self, pulses: int) -> int:
        """Cycles from ``start`` to the first that is not ``busy``, with so many ``pulses``."""
        lines = self._network.lines
        if not self._build.compact:
            return lines + self.draw_at + self.latency + 1
        decision = draw_unit(self._build).latency + 2
        return 1 + lines * decision + pulses * PlasticityEngine.latency_of(self._build)

    def elaborate(self, platform) -> Module:
        network, lanes, groups = self._network, self._build.lanes, self._build.groups(self._network)
        contrast = network.encoding == Encoding.CONTRAST
        draws, pulses = self.draws, self.pulses
        m = Module()

        group = self.winner >> ceil_log2(lanes)
        line = Signal(index_shape(network.lines))
        place = Signal(index_shape(network.positions * network.lines), reset_less=True)
        launching = Signal()
        last = Signal()
        pulse = Signal()
        draw = Signal()
        next_line, next_place, next_code = Signal(), Signal(), Signal()
        if self._build.compact:
            # One line at a time: everything is held until the line's pulse is over.
            decided = Signal()
            m.d.sync += [
                decided.eq(draws.draw_valid),
                launching.eq(self.start | (next_place & ~last)),
                self.busy.eq(self.start | (self.busy & ~(next_place & last))),
            ]
            m.d.comb += [
                draw.eq(launching),
                next_place.eq(decided & ~pulse | pulses.result_valid),
                next_line.eq(next_place),
                self.reading.eq(next_place),
                next_code.eq(next_place),
                self.write_row.eq(self.read_row),
            ]
        else:
            # One line per cycle.
            active = Signal(self.draw_at + self.latency)

            def launched(cycles: int) -> Value:
                """A line was launched ``cycles`` cycles ago."""
                return active[cycles - 1] if cycles else launching

            m.d.sync += active.eq(active << 1 | launching)
            with m.If(self.start | (launching & last)):
                m.d.sync += launching.eq(self.start)
            m.d.comb += [
                next_line.eq(launching),
                draw.eq(launched(self.draw_at)),
                next_place.eq(draw),
                self.reading.eq(launched(self.read_at)),
                next_code.eq(launched(self.code_at)),
                self.busy.eq(launching | active.any()),
            ]
            with m.If(self.start):
                m.d.sync += self.write_row.eq(self.row_base + group)
            with m.Elif(active[-1]):
                m.d.sync += self.write_row.eq(self.write_row + groups)
        with m.If(self.start):
            m.d.sync += [
                line.eq(0),
                place.eq(self.place_base),
                self.read_row.eq(self.row_base + group),
            ]
        with m.Else():
            with m.If(next_line):
                m.d.sync += line.eq(line + 1)
            with m.If(next_place):
                m.d.sync += place.eq(place + 1)
            with m.If(self.reading):
                m.d.sync += self.read_row.eq(self.read_row + groups)
        m.d.comb += [
            last.eq(line == network.lines - 1),
            draws.place.eq(place),
            draws.valid.eq(draw),
            draws.stage.eq(Stage.CLUSTERING),
        ]
        if network.labelled_neurons:
            with m.If(self.refines & self.depresses):
                m.d.comb += draws.stage.eq(Stage.REFINEMENT)

        # The codes: all ON lines, then all OFF lines.
        off_line = Signal()
        with m.If(self.start):
            m.d.sync += [off_line.eq(0), self.pixel.eq(0)]
        with m.Elif(next_code):
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

        # The rule. `wall` arrives with `code`.
        error = Signal(signed(CONDUCTANCE_BITS + 1), reset_less=True)
        potentiates = Signal(reset_less=True)
        size = Signal(CONDUCTANCE_BITS)
        level = Signal(_GATE_BITS, reset_less=True)
        target = code.replicate(CONDUCTANCE_BITS // network.code_bits)
        error_now = Signal.like(error)
        gate_shift = self.sample.clustering_gate_shift
        m.d.comb += [
            error_now.eq(target - self.wall[network.conductance_shift:]),
            size.eq(Mux(error < 0, -error, error)),
        ]
        certainty = Signal(_GATE_BITS)
        direction = Signal()
        m.d.comb += [
            certainty.eq(Mux(self.rules.stdp, self.rules.stdp_probability, size << 8)),
            direction.eq(Mux(self.rules.stdp, code != 0, error_now > 0)),
        ]
        if network.labelled_neurons:
            read_code = Signal(network.code_bits, reset_less=True)
            m.d.sync += read_code.eq(code)
            with m.If(self.refines):
                m.d.comb += [
                    certainty.eq(read_code << _GATE_BITS - network.code_bits),
                    direction.eq(~self.depresses),
                ]
        m.d.sync += [
            error.eq(error_now),
            potentiates.eq(direction),
            level.eq(certainty >> gate_shift),
        ]

        def delayed(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago; or as it is, where it is held."""
            for stage in range(0 if self._build.compact else cycles):
                register = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
                m.d.sync += register.eq(value)
                value = register
            return value

        # The pulse.
        potentiates = delayed(potentiates, 2, "potentiates")
        m.d.sync += pulse.eq(draws.draw_valid & (draws.draw[:_GATE_BITS] < level))
        m.d.comb += [
            pulses.valid.eq(pulse),
            pulses.wall.eq(delayed(self.wall, 3, "wall")),
            pulses.direction.eq(Mux(potentiates, Direction.POTENTIATE, Direction.DEPRESS)),
            pulses.pulse_shift.eq(self.sample.clustering_pulse_shift),
            pulses.stuck_threshold.eq(self.rules.clustering_stuck),
            self.potentiated.eq(pulse & potentiates),
            self.depressed.eq(pulse & ~potentiates),
            self.write_wall.eq(pulses.result),
            self.write_enable.eq(pulses.result_valid),
        ]
        if network.quantile_bits:
            quantile = draws.draw[_GATE_BITS:][:network.quantile_bits]
            m.d.comb += pulses.quantile.eq(delayed(quantile, 1, "quantile"))
        if self._build.static_spread:
            # The winner's static draws, beside its learning draws.
            synapse = Signal(28, reset_less=True)
            with m.If(self.start):
                m.d.sync += synapse.eq(self.row_base * lanes + self.winner)
            with m.Elif(next_place):
                m.d.sync += synapse.eq(synapse + network.neurons)
            m.d.comb += [
                self.static_draws.stage.eq(Stage.STATIC_CLUSTERING),
                self.static_draws.place.eq(synapse),
                self.static_draws.valid.eq(draw),
                pulses.static_draw.eq(delayed(self.static_draws.draw, 1, "static")),
            ]
        return m
