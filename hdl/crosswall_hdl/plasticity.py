"""The plasticity engine: what a pulse does to a wall, one pulse per cycle."""

from amaranth import Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.build import Build
from crosswall.spec.device_table import (
    GAIN_BITS,
    GAIN_ENTRIES,
    GAIN_ONE,
    MAX_PULSE_SHIFT,
    STEP_BITS,
)
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes

from .memory import READ_LATENCY, RowMemory
from .state import StatePort

__all__ = ["PlasticityEngine"]

_GAIN_SHIFT = GAIN_ONE.bit_length() - 1
_GAIN_INDEX_BITS = GAIN_ENTRIES.bit_length() - 1


class PlasticityEngine(wiring.Component):
    """Moves a wall by one pulse, bit-equal to `spec.device_table.apply_pulse`.

    Holds the stage's device table and, with static spread, its gains. There is no backpressure:
    a wall that comes with ``valid`` leaves, moved, with ``result_valid`` exactly ``latency``
    cycles later.

    Parameters
    ----------
    network
        Formats of walls and table.
    build
        With `Build.static_spread` gain, variant and stuck devices follow the static draw.
        Without it every device is nominal: gain one, never stuck; ``gains`` is acknowledged and
        ignored, and the port ``static_draw`` does not exist.

    Attributes
    ----------
    latency : int
        Cycles from ``valid`` to ``result_valid``: 5, or 7 with static spread.

    Members
    -------
    valid : In(1)
        A pulse; the following five belong to it.
    wall : In(wall_bits)
    direction : In(1)
        A `spec.device_table.Direction`.
    quantile : In(quantile_bits)
        Does not exist where the network has no quantiles.
    static_draw : In(32)
        The synapse's static draw. With static spread only.
    pulse_shift : In(range(8))
        The pulse has ``2**pulse_shift`` unit lengths. Held while pulses are under way.
    stuck_threshold : In(16)
        Held while pulses are under way.
    result_valid : Out(1)
    result : Out(wall_bits)
    steps, gains : In(StatePort)
        Write-only. Used while no pulse is under way.
    """

    def __init__(self, network: Network, build: Build) -> None:
        self._network = network
        self._spread = build.static_spread
        self.latency = READ_LATENCY + (5 if self._spread else 3)
        shapes = memory_shapes(network, build)
        ports = {
            "valid": In(1),
            "wall": In(network.wall_bits),
            "direction": In(1),
            "pulse_shift": In(range(MAX_PULSE_SHIFT + 1)),
            "stuck_threshold": In(16),
            "result_valid": Out(1),
            "result": Out(network.wall_bits),
            "steps": In(StatePort(shapes[StateMemory.CLUSTERING_STEPS])),
            "gains": In(StatePort(shapes[StateMemory.CLUSTERING_GAINS])),
        }
        if network.quantile_bits:
            ports["quantile"] = In(network.quantile_bits)
        if self._spread:
            ports["static_draw"] = In(32)
        super().__init__(ports)

    def elaborate(self, platform) -> Module:
        network = self._network
        m = Module()

        def delayed(value, cycles: int, name: str):
            for stage in range(cycles):
                register = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
                m.d.sync += register.eq(value)
                value = register
            return value

        step = self._nominal_step(m)
        before_shift = self.latency - 3
        if self._spread:
            step = self._spread_step(m, step)
        lengthened = Signal(signed(len(step) + MAX_PULSE_SHIFT), reset_less=True)
        total = Signal(signed(max(len(lengthened), network.wall_bits + 1) + 1), reset_less=True)
        wall = delayed(self.wall, before_shift + 1, "wall")
        m.d.sync += [
            lengthened.eq(step << self.pulse_shift),
            total.eq(lengthened + wall),
        ]
        moved = Signal(network.wall_bits)
        above = total[network.wall_bits:-1].any()
        m.d.comb += moved.eq(Mux(total[-1], 0, total[:network.wall_bits]
                                 | above.replicate(network.wall_bits)))
        if self._spread:
            stuck = Signal(reset_less=True)
            m.d.sync += stuck.eq(self.static_draw[16:] < self.stuck_threshold)
            stuck = delayed(stuck, before_shift + 1, "stuck")
            wall_last = delayed(wall, 1, "wall_last")
            moved = Mux(stuck, wall_last, moved)
        result = Signal(network.wall_bits, reset_less=True)
        m.d.sync += result.eq(moved)
        m.d.comb += self.result.eq(result)
        valid = Signal(self.latency)
        m.d.sync += valid.eq(valid << 1 | self.valid)
        m.d.comb += self.result_valid.eq(valid[-1])
        return m

    def _nominal_step(self, m: Module) -> Signal:
        """Entry of the device table, `READ_LATENCY` cycles after the request."""
        network = self._network
        m.submodules.steps = table = RowMemory(
            1 << network.variant_bits + 1 + network.bin_bits + network.quantile_bits, 1,
            STEP_BITS)
        row = self.direction
        if network.variant_bits:
            row = self.static_draw[_GAIN_INDEX_BITS:][:network.variant_bits] << 1 | row
        if network.bin_bits:
            row = row << network.bin_bits | self.wall[-network.bin_bits:]
        if network.quantile_bits:
            row = row << network.quantile_bits | self.quantile
        step = Signal(signed(STEP_BITS))
        m.d.comb += [
            table.read_row.eq(row),
            table.write_row.eq(self.steps.row),
            table.write_data[0].eq(self.steps.write_data),
            table.write_enable.eq(self.steps.strobe & self.steps.write),
            self.steps.acknowledge.eq(self.steps.strobe),
            self.steps.read_data.eq(0),
            self.gains.acknowledge.eq(self.gains.strobe),
            self.gains.read_data.eq(0),
            step.eq(table.read_data[0].as_signed()),
        ]
        return step

    def _spread_step(self, m: Module, step: Signal) -> Signal:
        """The step times the synapse's gain, rounded; two cycles after ``step``."""
        m.submodules.gains = gains = RowMemory(GAIN_ENTRIES, 1, GAIN_BITS)
        product = Signal(signed(STEP_BITS + GAIN_BITS + 1), reset_less=True)
        scaled = Signal(signed(len(product) - _GAIN_SHIFT), reset_less=True)
        m.d.comb += [
            gains.read_row.eq(self.static_draw[:_GAIN_INDEX_BITS]),
            gains.write_row.eq(self.gains.row),
            gains.write_data[0].eq(self.gains.write_data),
            gains.write_enable.eq(self.gains.strobe & self.gains.write),
        ]
        m.d.sync += [
            product.eq(step * gains.read_data[0]),
            scaled.eq(product + Const(GAIN_ONE // 2) >> _GAIN_SHIFT),
        ]
        return scaled
