"""The plasticity engine: what a pulse does to a wall, one pulse per cycle."""

from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crosswall.spec.build import Build
from crosswall.spec.build import WallMemory as Kind
from crosswall.spec.device_table import (
    GAIN_BITS,
    GAIN_ENTRIES,
    GAIN_ONE,
    MAX_PULSE_SHIFT,
    STEP_BITS,
)
from crosswall.spec.network import Network
from crosswall.spec.state import StateMemory, memory_shapes

from .memory import READ_LATENCY, RowMemory, WallMemory
from .state import StatePort

__all__ = ["PlasticityEngine", "PulsePort"]

_GAIN_SHIFT = GAIN_ONE.bit_length() - 1
_GAIN_INDEX_BITS = GAIN_ENTRIES.bit_length() - 1


class PulsePort(wiring.Signature):
    """Way of a stage to a plasticity engine; directions are the stage's.

    There is no backpressure. With `Build.compact` all that belongs to a pulse is held from
    ``valid`` to ``result_valid``, and one pulse is under way at a time.

    Parameters
    ----------
    network, build
        Formats, and whether there is a static draw.

    Members
    -------
    valid : Out(1)
        A pulse; the following four belong to it.
    wall : Out(wall_bits)
    direction : Out(1)
        A `spec.device_table.Direction`.
    quantile : Out(quantile_bits)
        Does not exist where the network has no quantiles.
    static_draw : Out(32)
        The synapse's static draw. With static spread only.
    pulse_shift : Out(range(8))
        The pulse has ``2**pulse_shift`` unit lengths. Held while pulses are under way.
    stuck_threshold : Out(16)
        Held while pulses are under way.
    result_valid : In(1)
        Exactly the engine's ``latency`` cycles after ``valid``.
    result : In(wall_bits)
    """

    def __init__(self, network: Network, build: Build) -> None:
        members = {
            "valid": Out(1),
            "wall": Out(network.wall_bits),
            "direction": Out(1),
            "pulse_shift": Out(range(MAX_PULSE_SHIFT + 1)),
            "stuck_threshold": Out(16),
            "result_valid": In(1),
            "result": In(network.wall_bits),
        }
        if network.quantile_bits:
            members["quantile"] = Out(network.quantile_bits)
        if build.static_spread:
            members["static_draw"] = Out(32)
        super().__init__(members)


class PlasticityEngine(wiring.Component):
    """Moves a wall by one pulse, bit-equal to `spec.device_table.apply_pulse`.

    Holds the device tables of both stages and, with static spread, their gains.

    Parameters
    ----------
    network
        Formats of walls and table.
    build
        With `Build.static_spread` gain, variant and stuck devices follow the static draw.
        Without it every device is nominal: gain one, never stuck; gains are acknowledged and
        ignored.
    primitive
        Of the steps' memory where `Build.spares_block_ram`; see `WallMemory`.

    Attributes
    ----------
    latency : int
        Cycles from ``valid`` to ``result_valid``: 7, or 9 with static spread; 2 less if
        compact.

    Members
    -------
    readout : In(1)
        Whose devices the pulses move: 0 clustering, 1 read-out. Held while pulses are under way.
    pulses : In(PulsePort(network, build))
    clustering_steps, readout_steps, clustering_gains, readout_gains : In(StatePort)
        Write-only; one at a time, while no pulse is under way.
    """

    def __init__(self, network: Network, build: Build, *, primitive: str = "inferred") -> None:
        self._network = network
        self._spread, self._held = build.static_spread, build.compact
        self._single_port, self._primitive = build.spares_block_ram, primitive
        self.latency = self.latency_of(build)
        shapes = memory_shapes(network, build)
        super().__init__({
            "readout": In(1),
            "pulses": In(PulsePort(network, build)),
            **{memory.name.lower(): In(StatePort(shapes[memory])) for memory in (
                StateMemory.CLUSTERING_STEPS, StateMemory.READOUT_STEPS,
                StateMemory.CLUSTERING_GAINS, StateMemory.READOUT_GAINS)},
        })

    @staticmethod
    def latency_of(build: Build) -> int:
        """The latency of an engine of ``build``."""
        return READ_LATENCY + (5 if build.static_spread else 3) + (0 if build.compact else 2)

    def elaborate(self, platform) -> Module:
        network, pulses = self._network, self.pulses
        m = Module()

        # A pulse is registered as it comes: it passed choices of lane and stage.
        taken = {name: getattr(pulses, name) for name in (
            "wall", "direction", "quantile", "static_draw") if hasattr(pulses, name)}
        if not self._held:
            for name, value in taken.items():
                taken[name] = Signal.like(value, name=f"{name}_taken", reset_less=True)
                m.d.sync += taken[name].eq(value)

        def delayed(value, cycles: int, name: str):
            for stage in range(0 if self._held else cycles):
                register = Signal.like(value, name=f"{name}_{stage}", reset_less=True)
                m.d.sync += register.eq(value)
                value = register
            return value

        step = self._nominal_step(m, taken)
        before_shift = self.latency - (3 if self._held else 4)
        if self._spread:
            step = self._spread_step(m, taken, step)
        else:
            step = delayed(step, 1, "step")
        lengthened = Signal(signed(len(step) + MAX_PULSE_SHIFT), reset_less=True)
        total = Signal(signed(max(len(lengthened), network.wall_bits + 1) + 1), reset_less=True)
        wall = delayed(taken["wall"], before_shift + 1, "wall")
        length = Signal(signed(MAX_PULSE_SHIFT + 2))
        m.d.comb += length.eq(1 << pulses.pulse_shift)
        m.d.sync += [
            # A multiplier shifts in the place of logic, where that is scarce.
            lengthened.eq(step * length if self._held else step << pulses.pulse_shift),
            total.eq(lengthened + wall),
        ]
        moved = Signal(network.wall_bits)
        above = total[network.wall_bits:-1].any()
        m.d.comb += moved.eq(Mux(total[-1], 0, total[:network.wall_bits]
                                 | above.replicate(network.wall_bits)))
        if self._spread:
            stuck = Signal(reset_less=True)
            m.d.sync += stuck.eq(taken["static_draw"][16:] < pulses.stuck_threshold)
            stuck = delayed(stuck, before_shift + 1, "stuck")
            wall_last = delayed(wall, 1, "wall_last")
            moved = Mux(stuck, wall_last, moved)
        result = Signal(network.wall_bits, reset_less=True)
        m.d.sync += result.eq(moved)
        m.d.comb += pulses.result.eq(result)
        valid = Signal(self.latency)
        m.d.sync += valid.eq(valid << 1 | pulses.valid)
        m.d.comb += pulses.result_valid.eq(valid[-1])
        return m

    def _nominal_step(self, m: Module, taken: dict[str, Value]) -> Signal:
        """Entry of the device table, `READ_LATENCY` cycles after ``taken``."""
        network = self._network
        row = self.readout
        if network.variant_bits:
            variant = taken["static_draw"][_GAIN_INDEX_BITS:][:network.variant_bits]
            row = row << network.variant_bits | variant
        row = row << 1 | taken["direction"]
        if network.bin_bits:
            row = row << network.bin_bits | taken["wall"][-network.bin_bits:]
        if network.quantile_bits:
            row = row << network.quantile_bits | taken["quantile"]
        word = self._table(m, "steps", row, STEP_BITS, self.clustering_steps, self.readout_steps)
        step = Signal(signed(STEP_BITS))
        m.d.comb += step.eq(word.as_signed())
        if not self._spread:
            for port in (self.clustering_gains, self.readout_gains):
                m.d.comb += port.acknowledge.eq(port.strobe)
        return step

    def _spread_step(self, m: Module, taken: dict[str, Value], step: Signal) -> Signal:
        """The step times the synapse's gain, rounded; three cycles after ``step``, or two if
        compact."""
        index = taken["static_draw"][:_GAIN_INDEX_BITS]
        gain = self._table(m, "gains", self.readout << _GAIN_INDEX_BITS | index, GAIN_BITS,
                           self.clustering_gains, self.readout_gains)
        product = Signal(signed(STEP_BITS + GAIN_BITS + 1), reset_less=True)
        scaled = Signal(signed(len(product) - _GAIN_SHIFT), reset_less=True)
        if self._held:
            m.d.sync += product.eq(step * gain)
        else:
            # In halves: a product in LUTs is slow.
            half = GAIN_BITS // 2
            low = Signal(signed(STEP_BITS + half + 1), reset_less=True)
            high = Signal(signed(STEP_BITS + GAIN_BITS - half + 1), reset_less=True)
            m.d.sync += [
                low.eq(step * gain[:half]),
                high.eq(step * gain[half:]),
                product.eq(low + (high << half)),
            ]
        m.d.sync += scaled.eq(product + Const(GAIN_ONE // 2) >> _GAIN_SHIFT)
        return scaled

    def _table(self, m: Module, name: str, row: Value, bits: int, clustering: StatePort,
               readout: StatePort) -> Value:
        """Word of ``row`` in a memory of two tables, the read-out's behind the clustering's."""
        rows = 1 << len(clustering.row)
        table: RowMemory | WallMemory
        if self._single_port and name == "steps":
            table = WallMemory(2 * rows, 1, bits, kind=Kind.SINGLE_PORT,
                               primitive=self._primitive, register_address=True)
        else:
            table = RowMemory(2 * rows, 1, bits, register_address=self._held)
        m.submodules[name] = table
        m.d.comb += [
            table.read_row.eq(row),
            table.write_row.eq(Mux(readout.strobe, rows | readout.row, clustering.row)),
            table.write_data[0].eq(Mux(readout.strobe, readout.write_data,
                                       clustering.write_data)),
            table.write_enable.eq(clustering.strobe & clustering.write
                                  | readout.strobe & readout.write),
            clustering.acknowledge.eq(clustering.strobe),
            readout.acknowledge.eq(readout.strobe),
        ]
        return table.read_data[0]
