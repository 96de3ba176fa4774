"""The read-out stage: scores classes over the active features, and the teacher that pulses it."""

import operator
from functools import reduce

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import bits_for

from crosswall.spec.build import Build
from crosswall.spec.build import WallMemory as Kind
from crosswall.spec.draws import Stage
from crosswall.spec.network import CONDUCTANCE_BITS, Network
from crosswall.spec.sample import SCORE_BYTES
from crosswall.spec.state import StateMemory, memory_shapes

from .control import Ranking, ReadoutTallies, RuleValues, SampleControl, index_shape
from .draws import DrawPort, draw_unit
from .features import REPLAY_LATENCY, FeatureStore
from .memory import READ_LATENCY, StateAccess, WallMemory
from .plasticity import PlasticityEngine, PulsePort
from .state import StatePort

__all__ = ["Delay", "ReadoutStage"]

_GATE_BITS = 8

# Cycles from a row's data to its sum in the accumulators: difference, product, sum, charge.
_SUM_LATENCY = 4


class Delay(wiring.Component):
    """A delay line in a memory, for widths and lengths that would waste registers.

    Parameters
    ----------
    shape
        What passes.
    cycles
        How long it takes, 2 or more.

    Members
    -------
    i : In(shape)
    o : Out(shape)
        What ``i`` was ``cycles`` cycles before; anything in the first ``cycles`` cycles.
    """

    def __init__(self, shape: ShapeLike, cycles: int) -> None:
        if cycles < 2:
            raise ValueError(f"`cycles` must be at least 2: got {cycles}")
        self._shape, self._cycles = shape, cycles
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The word read next is the oldest one: a read and a write never meet.
        m.submodules.rows = memory = Memory(shape=self._shape, depth=self._cycles, init=[])
        read, write = memory.read_port(), memory.write_port()
        place, place_next = Signal(range(self._cycles)), Signal(range(self._cycles))
        m.d.comb += [
            place_next.eq(Mux(place == self._cycles - 1, 0, place + 1)),
            write.addr.eq(place),
            write.data.eq(self.i),
            write.en.eq(1),
            read.addr.eq(place_next),
            self.o.eq(read.data),
        ]
        m.d.sync += place.eq(place_next)
        return m


class ReadoutStage(wiring.Component):
    """Counts features, scores all classes, and teaches if the margin is missed.

    Features are counted from ``rankings`` while the clustering stage runs. ``start`` then scores
    (``groups`` sweeps over the active features, one memory row a cycle), and teaches where asked
    and needed (a sweep for the label and one for the rival: a synapse a cycle, every other
    cycle in single-port memory, or every 16 or 21 with `Build.compact`, 12 more with static
    spread). A sweep has about 10 cycles of its own, 20 when teaching (30 with static spread).
    The feature counters are cleared after ``done``, in the background; ``rankings`` is not ready
    meanwhile.

    Parameters
    ----------
    network, build
        What is computed, and how.
    primitive
        Of the walls' memory; see `WallMemory`.

    Members
    -------
    start : In(1), done : Out(1)
        One cycle each. Only for samples that ask for a prediction, after the last ranking.
    sample : In(SampleControl), rules : In(RuleValues)
        Stable from the first ranking to ``done``.
    rankings : In(stream of Ranking)
        Always taken; counted if the sample asks for a prediction.
    tallies : Out(ReadoutTallies)
    prediction : Out(8)
        Best class. Stable from ``done`` to the next ``start``, like ``tallies`` and ``score``.
    score_class : In, score : Out(signed)
        A class and, one cycle later, its score.
    draws : Out(DrawPort()), pulses : Out(PulsePort(network, build))
        Used between ``start`` and ``done``.
    static_draws : Out(DrawPort())
        Likewise; with static spread only.
    walls : In(StatePort)

    Raises
    ------
    ValueError
        The build does not fit the network, or a score would not fit a result packet.
    """

    def __init__(self, network: Network, build: Build, *, primitive: str = "inferred") -> None:
        build.check_fits(network)
        if network.score_bits > 8 * SCORE_BYTES:
            raise ValueError(
                f"a score must fit {8 * SCORE_BYTES} bits: {network.features} features of "
                f"{network.feature_bits} bits need {network.score_bits}")
        self._network, self._build, self._primitive = network, build, primitive
        shapes = memory_shapes(network, build)
        super().__init__({
            "start": In(1),
            "done": Out(1),
            "sample": In(SampleControl),
            "rules": In(RuleValues),
            "rankings": In(stream.Signature(Ranking(network))),
            "tallies": Out(ReadoutTallies(network)),
            "prediction": Out(8),
            "score_class": In(index_shape(network.classes)),
            "score": Out(signed(network.score_bits)),
            "walls": In(StatePort(shapes[StateMemory.READOUT_WALLS])),
            "draws": Out(DrawPort()),
            "pulses": Out(PulsePort(network, build)),
            **({"static_draws": Out(DrawPort())} if build.static_spread else {}),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, build = self._network, self._build
        groups, lanes = build.readout_groups(network), build.readout_lanes
        pairs = lanes // 2
        shape = memory_shapes(network, build)[StateMemory.READOUT_WALLS]
        single_port = build.readout_memory == Kind.SINGLE_PORT
        compact = build.compact
        draws, pulses = self.draws, self.pulses

        m.submodules.features = features = FeatureStore(network)
        m.submodules.memory = memory = WallMemory(
            shape.rows, lanes, shape.bits, kind=build.readout_memory, primitive=self._primitive,
            register_address=compact)
        m.submodules.access = access = StateAccess(shape)
        connect(m, features.rankings, flipped(self.rankings))
        connect(m, access.state, flipped(self.walls))
        m.d.comb += features.accumulate.eq(self.sample.flags.predict)

        def delayed(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago; long delays in a memory."""
            if cycles > 3:
                m.submodules[f"{name}_delay"] = delay = Delay(value.shape(), cycles)
                m.d.comb += delay.i.eq(value)
                return delay.o
            for cycle in range(cycles):
                register = Signal.like(value, name=f"{name}_{cycle + 1}", reset_less=True)
                m.d.sync += register.eq(value)
                value = register
            return value

        # One sweep visits every active feature. When scoring, a sweep is one group of classes;
        # when teaching, the label's pairs and then the rival's.
        visit = Signal()
        teaching = Signal()
        place = Signal(bits_for(network.features))
        sweep = Signal(index_shape(max(groups, 2)))
        group = Signal(index_shape(groups))
        pair = Signal(index_shape(pairs))

        visited = Signal(REPLAY_LATENCY + 1)
        row = Signal(index_shape(shape.rows), reset_less=True)
        value = Signal(network.feature_bits, reset_less=True)
        m.d.comb += features.replay.eq(place)
        m.d.sync += [
            visited.eq(visited << 1 | visit),
            row.eq(features.feature * groups + group),
            value.eq(features.value),
        ]

        # Score: conductances, differences, products, sums.
        row_valid = Signal(READ_LATENCY + _SUM_LATENCY)
        m.d.sync += row_valid.eq(row_valid << 1 | (visited[-1] & ~teaching))
        conductances = [wall[network.conductance_shift:] for wall in memory.read_data]
        value_read = delayed(value, READ_LATENCY, "value_read")
        value_difference = delayed(value_read, 1, "value_difference")
        value_product = delayed(value_difference, 1, "value_product")
        scores = [Signal(signed(network.score_bits), name=f"score_{index}")
                  for index in range(pairs)]
        storing = Signal()
        pair_sums = []
        for index in range(pairs):
            plus, minus = conductances[2 * index], conductances[2 * index + 1]
            difference = Signal(signed(CONDUCTANCE_BITS + 1), name=f"difference_{index}",
                                reset_less=True)
            pair_sum = Signal(CONDUCTANCE_BITS + 1, name=f"pair_sum_{index}", reset_less=True)
            product = Signal(signed(len(difference) + network.feature_bits),
                             name=f"product_{index}", reset_less=True)
            m.d.sync += [
                difference.eq(plus - minus),
                pair_sum.eq(plus + minus),
                product.eq(difference * value_difference),
            ]
            with m.If(row_valid[READ_LATENCY + 1]):
                m.d.sync += scores[index].eq(scores[index] + product)
            pair_sums.append(pair_sum)
        row_sum = Signal(bits_for(lanes * ((1 << CONDUCTANCE_BITS) - 1)), reset_less=True)
        row_charge = Signal(len(row_sum) + network.feature_bits, reset_less=True)
        m.d.sync += [
            row_sum.eq(reduce(operator.add, pair_sums)),
            row_charge.eq(row_sum * value_product),
        ]

        # Score memory, and the best class without the label.
        m.submodules.score_memory = score_memory = Memory(
            shape=signed(network.score_bits), depth=network.classes, init=[])
        score_read, score_write = score_memory.read_port(), score_memory.write_port()
        stored = Signal(index_shape(network.classes))
        label_group, rival_group = Signal.like(group), Signal.like(group)
        label_pair, rival_pair = Signal.like(pair), Signal.like(pair)
        rival = Signal.like(stored)
        rival_known = Signal()
        label_valid = Signal()
        is_label = Signal()
        is_rival = Signal()
        m.d.comb += [
            label_valid.eq(self.sample.label < network.classes),
            score_read.addr.eq(self.score_class),
            self.score.eq(score_read.data),
            score_write.addr.eq(stored),
            score_write.data.eq(scores[0]),
            score_write.en.eq(storing),
            # A read and a write never meet, so that no block RAM needs collision logic.
            score_read.en.eq(~storing),
            is_label.eq(stored == self.sample.label),
            is_rival.eq(~is_label & (~rival_known | (scores[0] > score_read.data))),
        ]
        with m.If(storing):
            # The sums move down and leave zeros for the next group.
            m.d.sync += [score.eq(following) for score, following
                         in zip(scores, [*scores[1:], 0], strict=True)]
            with m.If(is_label):
                m.d.sync += [label_group.eq(sweep), label_pair.eq(pair)]
            with m.If(is_rival):
                m.d.sync += [rival_group.eq(sweep), rival_pair.eq(pair), rival.eq(stored),
                             rival_known.eq(1)]
        lead = Signal(signed(network.score_bits + 1))  # of the label over the rival
        label_wins = Signal()
        missed = Signal()
        m.d.comb += [
            label_wins.eq(label_valid & ((lead > 0) | ((lead == 0) & (self.sample.label < rival)))),
            missed.eq(lead < self.rules.margin),
        ]

        # Teach: draw, gate, read the wall, move it, write it back. Synapses of one sweep are
        # distinct, so that order and overlap do not matter.
        m.d.comb += [
            draws.stage.eq(Stage.READOUT),
            draws.place.eq(features.feature),
            draws.valid.eq(visited[-2] & teaching),
        ]
        rival_turn = sweep[0]
        half = Signal(16)
        threshold = Signal(network.feature_bits + _GATE_BITS)
        visit_layout = data.StructLayout({"row": row.shape(), "value": value.shape()})
        synapse_layout = data.StructLayout({"row": row.shape(), "side": 1})
        pulse_layout = data.StructLayout({"synapse": synapse_layout,
                                          "quantile": network.quantile_bits})

        def held(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago; or as it is where it is held for so long."""
            return value if compact else delayed(value, cycles, name)

        unit = draw_unit(build)
        drawn = held(data.View(visit_layout, Cat(row, value)), unit.latency - 1, "drawn")
        drawn_pulse = Signal(pulse_layout)
        pulse_valid = Signal()
        m.d.comb += [
            half.eq(Mux(rival_turn, draws.draw[16:], draws.draw[:16])),
            threshold.eq((drawn.value << _GATE_BITS) >> self.sample.readout_gate_shift),
            drawn_pulse.synapse.row.eq(drawn.row),
            drawn_pulse.synapse.side.eq(half[_GATE_BITS]),
            drawn_pulse.quantile.eq(half[_GATE_BITS + 1:][:network.quantile_bits]),
        ]
        m.d.sync += pulse_valid.eq(draws.draw_valid & (half[:_GATE_BITS] < threshold))
        pulse = held(drawn_pulse, 1, "pulse")
        reading, reading_valid = pulse, pulse_valid
        latency = (REPLAY_LATENCY + unit.latency + 1 + READ_LATENCY
                   + PlasticityEngine.latency_of(build))
        if build.static_spread:
            static = self.static_draws
            m.d.comb += [
                static.stage.eq(Stage.STATIC_READOUT),
                static.place.eq(pulse.synapse.row * lanes + (pair << 1 | pulse.synapse.side)),
                static.valid.eq(pulse_valid),
                pulses.static_draw.eq(static.draw),
            ]
            if compact:
                reading_valid = static.draw_valid
            else:
                wait = unit.latency - READ_LATENCY
                latency += wait
                reading = delayed(pulse, wait, "reading")
                reading_valid = Signal(wait)
                m.d.sync += reading_valid.eq(reading_valid << 1 | pulse_valid)
                reading_valid = reading_valid[-1]

        side = held(reading.synapse.side, READ_LATENCY, "side")
        potentiate = Signal()
        m.d.comb += [
            potentiate.eq(side == rival_turn),
            pulses.wall.eq(memory.read_data[pair << 1 | side]),
            pulses.direction.eq(potentiate),
            pulses.pulse_shift.eq(self.sample.readout_pulse_shift),
            pulses.stuck_threshold.eq(self.rules.readout_stuck),
            memory.read_row.eq(row if compact else Mux(teaching, reading.synapse.row, row)),
        ]
        if compact:
            # One synapse at a time: all is held from its visit until its pulse is over.
            next_visit = Signal()
            decided = Signal()
            m.d.sync += decided.eq(draws.draw_valid)
            m.d.comb += [
                pulses.valid.eq(reading_valid),
                next_visit.eq(decided & ~pulse_valid | pulses.result_valid),
            ]
        else:
            read_valid = Signal(READ_LATENCY)
            m.d.sync += read_valid.eq(read_valid << 1 | reading_valid)
            m.d.comb += pulses.valid.eq(read_valid[-1])
        if network.quantile_bits:
            m.d.comb += pulses.quantile.eq(held(reading.quantile, READ_LATENCY, "quantile"))

        # In single-port memory reads take the even slots after a visit and writes the odd ones:
        # READ_LATENCY + the engine's latency is odd.
        written = held(reading.synapse, READ_LATENCY + PlasticityEngine.latency_of(build),
                       "written")
        m.d.comb += memory.write_row.eq(written.row)
        m.d.comb += [wall.eq(pulses.result) for wall in memory.write_data]
        with m.If(pulses.result_valid):
            m.d.comb += memory.write_enable.eq(1 << (pair << 1 | written.side))
        access.serve(m, memory)

        tallies = self.tallies
        with m.If(visited[-1] & ~teaching & (sweep == 0)):
            m.d.sync += tallies.features.eq(tallies.features + value)
        with m.If(row_valid[READ_LATENCY + 2]):
            m.d.sync += tallies.charge.eq(tallies.charge + row_charge)
        with m.If(pulses.valid):
            with m.If(potentiate):
                m.d.sync += tallies.potentiations.eq(tallies.potentiations + 1)
            with m.Else():
                m.d.sync += tallies.depressions.eq(tallies.depressions + 1)

        last_visited = Signal()
        m.d.comb += last_visited.eq(place == features.count)

        with m.FSM():
            with m.State("REST"):
                m.d.sync += [
                    sweep.eq(0), group.eq(0), pair.eq(0), place.eq(0), stored.eq(0),
                    rival_known.eq(0), teaching.eq(0),
                ]
                with m.If(self.start):
                    m.d.sync += tallies.eq(0)
                    m.next = "COUNT"

            with m.State("COUNT"):
                m.d.sync += tallies.active_features.eq(features.count)
                with m.If(features.rankings.ready):
                    m.next = "SCORE"

            with m.State("SCORE"):
                m.d.comb += visit.eq(~last_visited)
                m.d.sync += place.eq(place + 1)
                with m.If(last_visited):
                    m.next = "SUM"

            with m.State("SUM"):
                m.d.comb += score_read.addr.eq(rival)
                m.d.sync += place.eq(0)
                with m.If(~visited.any() & ~row_valid.any()):
                    m.next = "STORE"

            with m.State("STORE"):
                m.d.comb += storing.eq(1)
                m.d.sync += [stored.eq(stored + 1), pair.eq(pair + 1)]
                m.next = "RECALL"
                with m.If(pair == pairs - 1):
                    m.d.sync += [pair.eq(0), sweep.eq(sweep + 1), group.eq(group + 1)]
                    m.next = "SCORE"
                    with m.If(stored == network.classes - 1):
                        m.next = "LABEL"

            with m.State("RECALL"):
                m.d.comb += score_read.addr.eq(rival)
                m.next = "STORE"

            with m.State("LABEL"):
                m.d.comb += score_read.addr.eq(self.sample.label)
                m.next = "RIVAL"

            with m.State("RIVAL"):
                m.d.comb += score_read.addr.eq(rival)
                m.d.sync += lead.eq(score_read.data)
                m.next = "COMPARE"

            with m.State("COMPARE"):
                m.d.sync += lead.eq(lead - score_read.data)
                m.next = "DECIDE"

            with m.State("DECIDE"):
                m.d.sync += [
                    self.prediction.eq(Mux(label_wins, self.sample.label, rival)),
                    tallies.labelled.eq(self.sample.flags.learn_readout & label_valid),
                    tallies.taught.eq(self.sample.flags.learn_readout & label_valid & missed),
                    teaching.eq(1),
                    sweep.eq(0),
                    group.eq(label_group),
                    pair.eq(label_pair),
                ]
                m.next = "DONE"
                with m.If(self.sample.flags.learn_readout & label_valid & missed):
                    m.next = "TEACH"

            def next_sweep() -> None:
                m.d.sync += [sweep.eq(sweep + 1), group.eq(rival_group), pair.eq(rival_pair),
                             place.eq(0)]
                m.next = "TEACH"
                with m.If(rival_turn):
                    m.next = "DONE"

            if compact:
                with m.State("TEACH"):
                    m.d.comb += visit.eq(~last_visited)
                    m.next = "PULSE"
                    with m.If(last_visited):
                        next_sweep()

                with m.State("PULSE"):
                    with m.If(next_visit):
                        m.d.sync += place.eq(place + 1)
                        m.next = "TEACH"
            else:
                write_drain = latency - 2  # two cycles of a visit's latency pass before
                drain = Signal(range(write_drain + 1))
                turn = Signal()  # single-port memory: visits take every other cycle

                with m.State("TEACH"):
                    m.d.comb += visit.eq(~last_visited & ~turn)
                    if single_port:
                        m.d.sync += turn.eq(~turn)
                    with m.If(visit):
                        m.d.sync += place.eq(place + 1)
                    m.d.sync += drain.eq(write_drain)
                    with m.If(last_visited):
                        m.next = "WRITE"

                with m.State("WRITE"):
                    m.d.sync += [drain.eq(drain - 1), turn.eq(0)]
                    with m.If(drain == 0):
                        next_sweep()

            with m.State("DONE"):
                m.d.comb += [self.done.eq(1), features.clear.eq(1)]
                m.next = "REST"
        return m
