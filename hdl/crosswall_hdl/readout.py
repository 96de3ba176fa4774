"""The read-out stage: scores classes over the active features, and the teacher that pulses it."""

import operator
from functools import reduce

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, PureInterface, connect, flipped
from amaranth.utils import bits_for

from crosswall.spec.build import Build
from crosswall.spec.build import WallMemory as Kind
from crosswall.spec.draws import Stage
from crosswall.spec.network import CONDUCTANCE_BITS, Network
from crosswall.spec.sample import SCORE_BYTES
from crosswall.spec.state import StateMemory, memory_shapes

from .control import Ranking, ReadoutTallies, RuleValues, SampleControl, index_shape
from .draws import DrawPort, draw_unit
from .features import FeatureBanks, FeatureStore
from .memory import READ_LATENCY, SplitMemory, StateAccess, WallMemory
from .plasticity import PlasticityEngine, PulsePort
from .state import StatePort

__all__ = ["Delay", "ReadoutStage"]

_GATE_BITS = 8

# One bank of features is counted, one replayed, one cleared.
_OVERLAP_BANKS = 3

# Cycles from a row's data to its sum in the accumulators, but for the product: difference, sum,
# charge.
_SUM_LATENCY = 3
_PARTIAL_PAIRS = 4


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
    spread).

    With ``active`` features and ``pairs = readout_lanes ÷ 2`` that takes
    ``groups * (active + pairs + 14)`` cycles and at most ``winners`` + 12 more, and teaching
    ``2 * active + 26`` (``2 * active + 37`` with static spread; twice ``active`` more in
    single-port memory). A compact build adds about 10 cycles to each sweep and
    ``pairs`` to each group.

    The feature counters are cleared after ``done``, in the background. With `Build.overlap` the
    next sample's features may be counted from ``start`` on; otherwise ``rankings`` is not ready
    until they are cleared.

    Parameters
    ----------
    network, build
        What is computed, and how.
    primitive
        Of the walls' memory; see `WallMemory`.
    low_rows
        See `SplitMemory`, with `Network.conductance_shift` low bits. Compact builds only.
    score_rows
        Ports of a memory of the scores, with one lane and as wide or wider, that is read in one
        cycle, to use in the place of an own one. Compact builds only.

    Members
    -------
    start : In(1), done : Out(1)
        One cycle each. Only for samples that ask for a prediction, after the last ranking.
    sample : In(SampleControl), rules : In(RuleValues)
        Stable from ``start`` to ``done``.
    rankings : In(stream of Ranking)
        Taken, and counted with ``accumulate``.
    accumulate : In(1)
        The sample that is clustered asks for a prediction. Changes between samples only.
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

    def __init__(self, network: Network, build: Build, *, primitive: str = "inferred",
                 low_rows: PureInterface | None = None,
                 score_rows: PureInterface | None = None) -> None:
        build.check_fits(network)
        if network.score_bits > 8 * SCORE_BYTES:
            raise ValueError(
                f"a score must fit {8 * SCORE_BYTES} bits: {network.features} features of "
                f"{network.feature_bits} bits need {network.score_bits}")
        self._network, self._build, self._primitive = network, build, primitive
        self._low_rows, self._score_rows = low_rows, score_rows
        self.features: FeatureStore | FeatureBanks = FeatureStore(network) if build.compact \
            else FeatureBanks(network, _OVERLAP_BANKS if build.overlap else 1)
        self._product_latency = 1 if build.compact else 2
        self._partial_latency = 0 if build.compact else 1  # sums of some pairs, before the row's
        # From a visit to its row's address, and from there to the end of what the row is used for.
        self._visit_latency = self.features.replay_latency + 1
        self._row_latency = (READ_LATENCY + _SUM_LATENCY + self._partial_latency
                             + self._product_latency)
        wait = draw_unit(build).latency - READ_LATENCY if build.static_spread else 0
        self._teach_latency = (self.features.replay_latency + draw_unit(build).latency + 1
                               + READ_LATENCY + PlasticityEngine.latency_of(build) + wait)
        shapes = memory_shapes(network, build)
        super().__init__({
            "start": In(1),
            "done": Out(1),
            "sample": In(SampleControl),
            "rules": In(RuleValues),
            "rankings": In(stream.Signature(Ranking(network))),
            "accumulate": In(1),
            "tallies": Out(ReadoutTallies(network)),
            "prediction": Out(8),
            "score_class": In(index_shape(network.classes)),
            "score": Out(signed(network.score_bits)),
            "walls": In(StatePort(shapes[StateMemory.READOUT_WALLS])),
            "draws": Out(DrawPort()),
            "pulses": Out(PulsePort(network, build)),
            **({"static_draws": Out(DrawPort())} if build.static_spread else {}),
        })

    def cycles(self, active: int, *, taught: bool = False, pulses: int = 0) -> int:
        """Cycles from the one in which the features are known to be counted to ``done``: with
        ``active`` features above 0 and, if it is ``taught``, ``pulses``, which only a compact
        build's cycles depend on."""
        groups, pairs = self._build.readout_groups(self._network), self._build.readout_lanes // 2
        compact = self._build.compact
        drain = self._visit_latency + self._row_latency if active else 1
        store = 2 * pairs - 1 if compact else pairs
        look_up = 2 if compact else 0  # the best scores
        scored = groups * (active + 1 + drain + store) + look_up + 2
        return scored + (self._teach_cycles(active, pulses) if taught else 0) + 1

    def _teach_cycles(self, active: int, pulses: int) -> int:
        if self._build.compact:
            # A visit, the draw and the decision; then perhaps a synapse's own draw and the pulse.
            visit = self.features.replay_latency + draw_unit(self._build).latency + 2
            pulse = PlasticityEngine.latency_of(self._build) \
                + (draw_unit(self._build).latency if self._build.static_spread else 0)
            return 2 * (active * visit + 1) + pulses * pulse
        pace = 2 if self._build.readout_memory == Kind.SINGLE_PORT else 1
        write_drain = self._teach_latency - 2

        def swept(begin: int) -> int:
            """The cycle after the last visit of a sweep that may begin in a cycle."""
            return -(-begin // pace) * pace + pace * (active - 1) + 1 if active else begin

        turn = max(swept(0), write_drain)
        return swept(turn + 1) + 1 + write_drain + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, build = self._network, self._build
        groups, lanes = build.readout_groups(network), build.readout_lanes
        pairs = lanes // 2
        shape = memory_shapes(network, build)[StateMemory.READOUT_WALLS]
        single_port = build.readout_memory == Kind.SINGLE_PORT
        compact = build.compact
        draws, pulses = self.draws, self.pulses

        features = self.features
        if not compact:
            m.d.comb += features.finish.eq(self.start)
        m.submodules.features = features
        memory: WallMemory | SplitMemory
        if self._low_rows is None:
            memory = WallMemory(shape.rows, lanes, shape.bits, kind=build.readout_memory,
                                primitive=self._primitive, register_address=compact)
        else:
            memory = SplitMemory(shape.rows, lanes, shape.bits,
                                 low_bits=network.conductance_shift, kind=build.readout_memory,
                                 primitive=self._primitive, low=self._low_rows)
        m.submodules.memory = memory
        m.submodules.access = access = StateAccess(shape)
        connect(m, features.rankings, flipped(self.rankings))
        connect(m, access.state, flipped(self.walls))
        m.d.comb += features.accumulate.eq(self.accumulate)

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
        # when teaching, the label's pairs and then the rival's, the second close behind the first.
        visit = Signal()
        teaching = Signal()
        place = Signal(bits_for(network.features))
        sweep = Signal(index_shape(max(groups, 2)))
        group = Signal(index_shape(groups))
        pair = Signal(index_shape(pairs))

        visited = Signal(self._visit_latency)
        row = Signal(index_shape(shape.rows), reset_less=True)
        value = Signal(network.feature_bits, reset_less=True)
        label_group, rival_group = Signal.like(group), Signal.like(group)
        label_pair, rival_pair = Signal.like(pair), Signal.like(pair)
        rival_turn = sweep[0]  # when teaching
        rival_visited = rival_turn
        group_visited = group
        if not compact:
            for cycle in range(features.replay_latency):
                register = Signal(name=f"rival_visited_{cycle + 1}")
                m.d.sync += register.eq(rival_visited)
                rival_visited = register
            group_visited = Mux(teaching, Mux(rival_visited, rival_group, label_group), group)
        m.d.comb += features.replay.eq(place)
        m.d.sync += [
            visited.eq(visited << 1 | visit),
            row.eq(features.feature * groups + group_visited),
            value.eq(features.value),
        ]

        # Score: conductances, differences, products, sums.
        product_latency, partial_latency = self._product_latency, self._partial_latency
        row_valid = Signal(self._row_latency)
        m.d.sync += row_valid.eq(row_valid << 1 | (visited[-1] & ~teaching))
        conductances = [wall[network.conductance_shift:] for wall in memory.read_data]
        value_read = delayed(value, READ_LATENCY, "value_read")
        value_difference = delayed(value_read, 1, "value_difference")
        value_charge = delayed(value_difference, 1 + partial_latency, "value_charge")

        def multiply(factor: Signal, by: Value, product: Signal, name: str) -> None:
            """``product = factor * by``, ``product_latency`` cycles later: a product in LUTs is
            slow, so where the clock is fast it is made from the halves of ``by``."""
            if compact:
                m.d.sync += product.eq(factor * by)
                return
            half = -(-len(by) // 2)
            low = Signal.like(product, name=f"{name}_low", reset_less=True)
            high = Signal.like(product, name=f"{name}_high", reset_less=True)
            m.d.sync += [
                low.eq(factor * by[:half]),
                high.eq(factor * by[half:] if len(by) > half else 0),
                product.eq(low + (high << half)),
            ]

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
            ]
            multiply(difference, value_difference, product, f"product_{index}")
            with m.If(row_valid[READ_LATENCY + product_latency]):
                m.d.sync += scores[index].eq(scores[index] + product)
            pair_sums.append(pair_sum)
        row_sum = Signal(bits_for(lanes * ((1 << CONDUCTANCE_BITS) - 1)), reset_less=True)
        row_charge = Signal(len(row_sum) + network.feature_bits, reset_less=True)
        if not compact:
            partial_sums = []
            for first in range(0, pairs, _PARTIAL_PAIRS):
                partial = Signal.like(row_sum, name=f"partial_sum_{first}")
                m.d.sync += partial.eq(reduce(operator.add,
                                              pair_sums[first:first + _PARTIAL_PAIRS]))
                partial_sums.append(partial)
            pair_sums = partial_sums
        m.d.sync += row_sum.eq(reduce(operator.add, pair_sums))
        multiply(row_sum, value_charge, row_charge, "row_charge")

        # Score memory, and the best class without the label.
        recalled = Signal(signed(network.score_bits))
        recalled_class = Signal(index_shape(network.classes))
        stored = Signal(index_shape(network.classes))
        rival = Signal.like(stored)
        rival_known = Signal()
        # A compact build looks the best scores up in the memory.
        label_score = recalled if compact else Signal(signed(network.score_bits))
        rival_score = recalled if compact else Signal(signed(network.score_bits))
        label_valid = Signal()
        is_label = Signal()
        is_rival = Signal()
        m.d.comb += [
            label_valid.eq(self.sample.label < network.classes),
            recalled_class.eq(self.score_class),
            self.score.eq(recalled),
            is_label.eq(stored == self.sample.label),
            is_rival.eq(~is_label & (~rival_known | (scores[0] > rival_score))),
        ]
        if self._score_rows is None:
            m.submodules.score_memory = score_memory = Memory(
                shape=signed(network.score_bits), depth=network.classes, init=[])
            score_read, score_write = score_memory.read_port(), score_memory.write_port()
            m.d.comb += [
                score_read.addr.eq(recalled_class),
                recalled.eq(score_read.data),
                score_write.addr.eq(stored),
                score_write.data.eq(scores[0]),
                score_write.en.eq(storing),
                # A read and a write never meet, so that no block RAM needs collision logic.
                score_read.en.eq(~storing),
            ]
        else:
            m.d.comb += [
                self._score_rows.read_row.eq(recalled_class),
                recalled.eq(self._score_rows.read_data[0]),
                self._score_rows.write_row.eq(stored),
                self._score_rows.write_data[0].eq(scores[0]),
                self._score_rows.write_enable.eq(storing),
            ]
        with m.If(storing):
            # The sums move down and leave zeros for the next group.
            m.d.sync += [score.eq(following) for score, following
                         in zip(scores, [*scores[1:], 0], strict=True)]
            with m.If(is_label):
                m.d.sync += [label_group.eq(sweep), label_pair.eq(pair)]
                if not compact:
                    m.d.sync += label_score.eq(scores[0])
            with m.If(is_rival):
                m.d.sync += [rival_group.eq(sweep), rival_pair.eq(pair), rival.eq(stored),
                             rival_known.eq(1)]
                if not compact:
                    m.d.sync += rival_score.eq(scores[0])
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
        half = Signal(16)
        threshold = Signal(network.feature_bits + _GATE_BITS)
        with_rival = {} if compact else {"rival": 1}
        visit_layout = data.StructLayout({"row": row.shape(), "value": value.shape()}
                                         | with_rival)
        synapse_layout = data.StructLayout({"row": row.shape(), "side": 1} | with_rival)
        pulse_layout = data.StructLayout({"synapse": synapse_layout,
                                          "quantile": network.quantile_bits})

        def held(value: Value, cycles: int, name: str) -> Value:
            """``value``, ``cycles`` cycles ago; or as it is where it is held for so long."""
            return value if compact else delayed(value, cycles, name)

        def of_rival(visit: data.View) -> Value:
            """Whether a visit or synapse is the rival's."""
            return rival_turn if compact else visit.rival

        def pair_of(synapse: data.View) -> Value:
            """Which pair of a row the synapse belongs to."""
            return pair if compact else Mux(synapse.rival, rival_pair, label_pair)

        unit = draw_unit(build)
        visit_bits = Cat(row, value)
        if not compact:
            rival_row = Signal(reset_less=True)
            m.d.sync += rival_row.eq(rival_visited)
            visit_bits = Cat(visit_bits, rival_row)
        drawn = held(data.View(visit_layout, visit_bits), unit.latency - 1, "drawn")
        drawn_pulse = Signal(pulse_layout)
        pulse_valid = Signal()
        m.d.comb += [
            half.eq(Mux(of_rival(drawn), draws.draw[16:], draws.draw[:16])),
            threshold.eq((drawn.value << _GATE_BITS) >> self.sample.readout_gate_shift),
            drawn_pulse.synapse.row.eq(drawn.row),
            drawn_pulse.synapse.side.eq(half[_GATE_BITS]),
            drawn_pulse.quantile.eq(half[_GATE_BITS + 1:][:network.quantile_bits]),
        ]
        if not compact:
            m.d.comb += drawn_pulse.synapse.rival.eq(drawn.rival)
        m.d.sync += pulse_valid.eq(draws.draw_valid & (half[:_GATE_BITS] < threshold))
        pulse = held(drawn_pulse, 1, "pulse")
        reading, reading_valid = pulse, pulse_valid
        if build.static_spread:
            static = self.static_draws
            m.d.comb += [
                static.stage.eq(Stage.STATIC_READOUT),
                static.place.eq(pulse.synapse.row * lanes
                                + (pair_of(pulse.synapse) << 1 | pulse.synapse.side)),
                static.valid.eq(pulse_valid),
                pulses.static_draw.eq(static.draw),
            ]
            if compact:
                reading_valid = static.draw_valid
            else:
                wait = unit.latency - READ_LATENCY
                reading = delayed(pulse, wait, "reading")
                reading_valid = Signal(wait)
                m.d.sync += reading_valid.eq(reading_valid << 1 | pulse_valid)
                reading_valid = reading_valid[-1]

        synapse = held(reading.synapse, READ_LATENCY, "synapse")
        potentiate = Signal()
        m.d.comb += [
            potentiate.eq(synapse.side == of_rival(synapse)),
            pulses.wall.eq(memory.read_data[pair_of(synapse) << 1 | synapse.side]),
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
            m.d.comb += memory.write_enable.eq(1 << (pair_of(written) << 1 | written.side))
        access.serve(m, memory)

        tallies = self.tallies
        with m.If(visited[-1] & ~teaching & (sweep == 0)):
            m.d.sync += tallies.features.eq(tallies.features + value)
        with m.If(row_valid[READ_LATENCY + 1 + partial_latency + product_latency]):
            m.d.sync += tallies.charge.eq(tallies.charge + row_charge)
        with m.If(pulses.valid):
            with m.If(potentiate):
                m.d.sync += tallies.potentiations.eq(tallies.potentiations + 1)
            with m.Else():
                m.d.sync += tallies.depressions.eq(tallies.depressions + 1)

        last_visited = Signal()
        m.d.comb += last_visited.eq(place == features.count)
        write_drain = self._teach_latency - 2  # two cycles of a visit's latency pass before
        drain = Signal(range(write_drain + 1))
        turn = Signal()  # single-port memory: visits take every other cycle

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
                with m.If(features.counted):
                    m.next = "SCORE"

            with m.State("SCORE"):
                m.d.comb += visit.eq(~last_visited)
                m.d.sync += place.eq(place + 1)
                with m.If(last_visited):
                    m.next = "SUM"

            with m.State("SUM"):
                if compact:
                    m.d.comb += recalled_class.eq(rival)
                m.d.sync += place.eq(0)
                with m.If(~visited.any() & ~row_valid.any()):
                    m.next = "STORE"

            with m.State("STORE"):
                m.d.comb += storing.eq(1)
                m.d.sync += [stored.eq(stored + 1), pair.eq(pair + 1)]
                if compact:
                    m.next = "RECALL"
                with m.If(pair == pairs - 1):
                    m.d.sync += [pair.eq(0), sweep.eq(sweep + 1), group.eq(group + 1)]
                    m.next = "SCORE"
                    with m.If(stored == network.classes - 1):
                        m.next = "LABEL" if compact else "COMPARE"

            if compact:
                with m.State("RECALL"):
                    m.d.comb += recalled_class.eq(rival)
                    m.next = "STORE"

                with m.State("LABEL"):
                    m.d.comb += recalled_class.eq(self.sample.label)
                    m.next = "RIVAL"

                with m.State("RIVAL"):
                    m.d.comb += recalled_class.eq(rival)
                    m.d.sync += lead.eq(label_score)
                    m.next = "COMPARE"

            with m.State("COMPARE"):
                m.d.sync += lead.eq((lead if compact else label_score) - rival_score)
                m.next = "DECIDE"

            with m.State("DECIDE"):
                m.d.sync += [
                    self.prediction.eq(Mux(label_wins, self.sample.label, rival)),
                    tallies.labelled.eq(self.sample.flags.learn_readout & label_valid),
                    tallies.taught.eq(self.sample.flags.learn_readout & label_valid & missed),
                    teaching.eq(1),
                    drain.eq(write_drain),
                    sweep.eq(0),
                    group.eq(label_group),
                    pair.eq(label_pair),
                ]
                m.next = "DONE"
                with m.If(self.sample.flags.learn_readout & label_valid & missed):
                    m.next = "TEACH"

            if compact:
                with m.State("TEACH"):
                    m.d.comb += visit.eq(~last_visited)
                    m.next = "PULSE"
                    with m.If(last_visited):
                        m.d.sync += [sweep.eq(sweep + 1), group.eq(rival_group),
                                     pair.eq(rival_pair), place.eq(0)]
                        m.next = "TEACH"
                        with m.If(rival_turn):
                            m.next = "DONE"

                with m.State("PULSE"):
                    with m.If(next_visit):
                        m.d.sync += place.eq(place + 1)
                        m.next = "TEACH"
            else:
                with m.State("TEACH"):
                    m.d.comb += visit.eq(~last_visited & ~turn)
                    if single_port:
                        m.d.sync += turn.eq(~turn)
                    with m.If(visit):
                        m.d.sync += place.eq(place + 1)
                    # The rival's sweep waits for the label's first write: a row is never read
                    # while it is written.
                    with m.If(drain != 0):
                        m.d.sync += drain.eq(drain - 1)
                    with m.If(last_visited & rival_turn):
                        m.d.sync += drain.eq(write_drain)
                        m.next = "WRITE"
                    with m.Elif(last_visited & (drain == 0)):
                        m.d.sync += [sweep.eq(sweep + 1), place.eq(0)]

                with m.State("WRITE"):
                    m.d.sync += [drain.eq(drain - 1), turn.eq(0)]
                    with m.If(drain == 0):
                        m.next = "DONE"

            with m.State("DONE"):
                m.d.comb += [self.done.eq(1), features.clear.eq(1)]
                m.next = "REST"
        return m
