"""The clustering stage that scores several positions side by side."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.utils import ceil_log2

from crosswall.spec.build import Build
from crosswall.spec.network import Encoding, Network

from ..clustering import clustering_ports
from ..control import ClusteringTallies, PixelPort, index_shape
from ..homeostasis import Homeostasis
from ..learner import Learner
from ..memory import READ_LATENCY, ConstantTable, RowMemory
from ..winner import activation_shape
from .coder import CODE_LATENCY, Coder, Drive
from .lanes import LaneGroup, SharedLane
from .pipeline import delayed, pipelined_sum
from .pixels import BANKS
from .ranking import Ranker
from .survey import QUEUE_CYCLES, Survey

__all__ = ["WideClusteringStage"]

_ROW_STAGE = CODE_LATENCY - READ_LATENCY
"""Cycles from a place in the field to its row's address, so that walls come with codes."""

_ACTIVATION_CYCLES = 3
"""From the end of a sum to the activation: out of the lane, the choice of group, the threshold."""


class WideClusteringStage(wiring.Component):
    """A `ClusteringStage` whose positions share every row of walls: `Build.positions` slots, each
    with its sums in all lanes, see the same walls at the same time.

    Rows go round all the time, and a sum may begin with any of them, so a slot takes the next
    position that is not silent when it is free, whatever the others do. A position takes its slot
    for ``fan_in`` cycles, both lines of a pixel at once, and then ``rows`` cycles of the ranking:
    as many, a power of two, as let it keep up with all slots.

    The ``n``-th position that is not silent, from 0, begins ``fan_in * (n // P) + gap * (n % P)``
    cycles after the first of them, with ``P`` positions side by side, if the `Survey` has come so
    far: it takes ``pace`` cycles for each position, silent or not. If clustering learns, it begins
    ``learning_cycles * n`` after. A sample takes ``latency`` cycles more than that of its last
    position, and one more for each silent position at the end.

    With `Build.overlap` samples that do not learn follow each other without a pause: the next one's
    positions are surveyed meanwhile, and take the slots as they come free. So ``P`` positions take
    ``fan_in`` cycles, whatever sample they are of, as long as pixels are there in time and
    rankings are taken: up to ``queue`` positions are begun before that.

    Parameters
    ----------
    network, build
        Geometry, and positions side by side, 2 or more; ValueError if they do not fit each other.

    Attributes
    ----------
    gap, pace : int
        Cycles from a position to the next, at least, when they begin and in the survey.
    latency : int
        Cycles from ``start`` to ``done`` of a sample with one position that does not learn, if its
        ranking is accepted at once.
    learning_cycles : int
        From a position that learns to the next.
    queue : int
        Positions that have begun and whose ranking has not been offered, at most.
    scoring_cycles : int
        From a position's beginning to the last row of its activations.
    learning_pause : int
        From the start of learning to the next position, at least.
    noting_latency : int
        From a position's beginning, or its being skipped, to its ranking's place in the order.
    survey, ranker, learner
        The parts that have latencies of their own.

    Members
    -------
    As those of `ClusteringStage`, but a wall that the state window reads is acknowledged
    ``rows + 3`` cycles after its strobe, and with `Build.overlap`:

    ready : Out(1)
        Another sample may be started: ``start`` begins with its survey, and scores it, whether or
        not the one before is done. At most one more is started than was given with ``give``,
        and a sample that learns only before or after all others. ``pixels`` of the next sample may
        follow.
    give : In(1)
        For one cycle, later than ``start``, and than the last sample's ``done``: rankings of
        the next sample may be offered; ``done`` and ``tallies`` are that sample's, and ``sample``
        from the next cycle on.
    """

    def __init__(self, network: Network, build: Build) -> None:
        build.check_fits(network)
        if build.positions < 2:
            raise ValueError(f"`positions` must be at least 2 for lanes that positions share: "
                             f"got {build.positions}")
        self._network, self._build = network, build
        # A row for the ranking is a group of lanes; as narrow as keeps up with the slots.
        rows = 1 << max(1, network.fan_in // build.positions).bit_length() - 1
        self._rows = min(rows, network.neurons)
        self._width = network.neurons // self._rows
        self.gap = max(2, self._rows)
        # With overlap, a read-out that teaches keeps rankings waiting.
        self.queue = (16 if build.overlap else 4) << ceil_log2(build.positions)
        self.ranker = Ranker(network, self._width)
        wall_latency = 1 + READ_LATENCY + self._rows  # address, memory, the way through the groups
        self.learner = Learner(network, build, wall_latency=wall_latency)
        self._ending_stage = CODE_LATENCY + SharedLane.latency_of(network)
        self.survey = Survey(network, build)
        self.pace = self.survey.pace
        self.learning_pause = self._pause()
        self.noting_latency = 1 + QUEUE_CYCLES  # by way of a register
        self.scoring_cycles = (network.fan_in + self._ending_stage + _ACTIVATION_CYCLES
                               + self._rows - 1)
        self.latency = (self.survey.latency + self.scoring_cycles + self.ranker.latency
                        + QUEUE_CYCLES + 2)
        self.learning_cycles = (self.scoring_cycles + self.ranker.best_latency + 1
                                + self.learning_pause)
        super().__init__(clustering_ports(network, build))

    def _pause(self) -> int:
        """Cycles from the learner's ``start`` to the earliest start of the next position."""
        network, learner = self._network, self.learner
        return max(
            1,
            # The row's address is free again.
            1 + network.lines + learner.read_at - _ROW_STAGE,
            # A wall is written before it is read: row by row, those of the last lines are late.
            2 + network.lines - network.fan_in + learner.draw_at + learner.latency - _ROW_STAGE,
            # The learner has taken a code before the next one takes its place.
            1 + network.lines - network.fan_in + learner.code_at - CODE_LATENCY,
            # Thresholds are up to date when they are first read.
            network.neurons + 5 - network.fan_in - self._ending_stage)

    def elaborate(self, platform) -> Module:
        network, build = self._network, self._build
        slots = build.positions
        m = Module()
        m.submodules.survey = survey = self.survey
        m.submodules.homeostasis = homeostasis = Homeostasis(network, build)
        m.submodules.learner = learner = self.learner
        m.submodules.ranker = ranker = self.ranker
        coders = [Coder(network, build) for _ in range(slots)]
        groups = [LaneGroup(network, slots, self._width, number) for number in range(self._rows)]
        learns = self.sample.flags.learn_clustering

        bank = self._spread_pixels(m, survey, coders)
        m.d.comb += [survey.start.eq(self.start), survey.silence.eq(self.rules.silence)]
        if build.overlap:
            m.d.comb += self.ready.eq(survey.ready)

        # Which position begins in which slot, and when.
        field = survey.fields.payload
        place = Signal(index_shape(network.fan_in))
        m.submodules.offset = offset = ConstantTable(network.offset)
        m.submodules.origin = origin = ConstantTable(network.origin)
        turn = Signal(slots, init=1)
        gap = Signal(range(self.gap))
        begin, begun = Signal(), Signal()
        skip, skipped = Signal(), Signal()  # a silent position, at a sample's end
        field_begun = Signal.like(field, reset_less=True)
        free = Signal()
        open_ = Signal(range(self.queue + 1))  # begun or skipped, and not yet offered
        may_rank = Signal()  # there is room for the ranking
        scoring = Signal()  # a position that learns has not yet been ranked
        # Until the walls are as the last position left them.
        rest = Signal(range(self.learning_pause))
        m.d.comb += [
            free.eq(Cat(coder.free for coder in coders) & turn != 0),
            begin.eq(survey.fields.valid & ~field.silent & free & (gap == 0) & may_rank & ~scoring
                     & (rest == 0)),
            skip.eq(survey.fields.valid & field.silent & may_rank),
            survey.fields.ready.eq(begin | skip),
            offset.index.eq(place),
            origin.index.eq(field.position),
        ]
        m.d.sync += [
            place.eq(Mux(place == network.fan_in - 1, 0, place + 1)),
            begun.eq(begin),
            skipped.eq(skip),
            field_begun.eq(field),
        ]
        with m.If(learns):
            m.d.sync += turn.eq(1)
        with m.Elif(begun):
            m.d.sync += turn.eq(turn.rotate_left(1))
        with m.If(begin):
            m.d.sync += gap.eq(self.gap - 1)
            with m.If(learns):
                # The walls of the last lines are written while those of the first are read.
                m.d.sync += [scoring.eq(1), place.eq(0)]
        with m.Elif(gap != 0):
            m.d.sync += gap.eq(gap - 1)

        for index, coder in enumerate(coders):
            m.submodules[f"coder_{index}"] = coder
            m.d.comb += [
                coder.offset.eq(offset.value),
                coder.origin.eq(origin.value),
                coder.mean.eq(field_begun.mean),
                coder.shift.eq(field_begun.shift),
                coder.begin.eq(begun & turn[index]),
            ]
            if build.overlap:
                m.d.comb += coder.bank.eq(field_begun.bank)

        # Sweeps, from group to group.
        ending = delayed(m, Cat(coder.ending for coder in coders), self._ending_stage, "ending",
                         reset_less=False)
        sweep = groups[0].inward
        m.d.comb += [
            sweep.ending.eq(ending),
            *(drive.eq(coder.drive) for drive, coder in zip(sweep.drives, coders, strict=True)),
        ]
        for number, group in enumerate(groups):
            m.submodules[f"group_{number}"] = group
            if number:
                m.d.comb += group.inward.eq(groups[number - 1].onward)
        winner = Signal(index_shape(network.neurons), reset_less=True)
        self._connect_walls(m, sweep, groups[-1].onward.wall, winner,
                            delayed(m, place, _ROW_STAGE - 1, "place"))

        # A row of currents for the ranking in every cycle: only one of the groups gives any.
        currents = [Signal(network.current_bits, name=f"current_{lane}", reset_less=True)
                    for lane in range(self._width)]
        row = Signal(index_shape(self._rows))
        row_valid = Signal()
        m.d.comb += row_valid.eq(ending.any() | (row != 0))
        with m.If(row_valid):
            m.d.sync += row.eq(row + 1 if self._rows > 1 else 0)
        thresholds = self._copy_thresholds(m, homeostasis, row)
        for lane, current in enumerate(currents):
            given = 0
            for group in groups:
                given = given | group.currents[lane]
            activation = Signal(activation_shape(network), name=f"activation_{lane}",
                                reset_less=True)
            m.d.sync += [current.eq(given), activation.eq(current - thresholds[lane])]
            m.d.comb += ranker.activations[lane].eq(activation)
        m.d.comb += ranker.valid.eq(delayed(m, row_valid, _ACTIVATION_CYCLES, "row_valid",
                                            reset_less=False))

        # Learning: the best neuron, as soon as it is known.
        learning = Signal()
        m.d.sync += learning.eq(ranker.best_done & learns)
        with m.If(ranker.best_done):
            m.d.sync += winner.eq(ranker.best)
        with m.If(learning):
            m.d.sync += [scoring.eq(0), rest.eq(self.learning_pause - 1)]
        with m.Elif(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        m.submodules.place_base = place_base = ConstantTable(
            [position * network.lines for position in range(network.positions)])
        learned = Signal(index_shape(network.positions), reset_less=True)
        with m.If(begun):
            m.d.sync += learned.eq(field_begun.position)
        m.d.comb += [
            place_base.index.eq(learned),
            learner.sample.eq(self.sample),
            learner.rules.eq(self.rules),
            learner.start.eq(learning),
            learner.winner.eq(winner),
            learner.place_base.eq(place_base.value),
            homeostasis.rules.eq(self.rules),
            homeostasis.start.eq(learning),
            homeostasis.winner.eq(winner),
        ]
        wiring.connect(m, wiring.flipped(self.thresholds), homeostasis.state)
        wiring.connect(m, learner.draws, wiring.flipped(self.draws))
        wiring.connect(m, learner.pulses, wiring.flipped(self.pulses))
        if build.static_spread:
            wiring.connect(m, learner.static_draws, wiring.flipped(self.static_draws))
        self._keep_codes(m, coders[0], delayed(m, place, CODE_LATENCY, "coded_place"))

        give = self.give if build.overlap else self.start
        m.d.comb += may_rank.eq(open_ != self.queue)
        over, offered = self._give_rankings(m, field_begun, begun | skipped, give)
        m.d.sync += open_.eq(open_ + (begin | skip) - offered)
        running = Signal()
        m.d.comb += self.done.eq(running & over & ~self.rankings.valid & ~learner.busy
                                 & ~homeostasis.busy)
        with m.If(give):
            m.d.sync += running.eq(1)
        with m.Elif(self.done):
            m.d.sync += running.eq(0)
        odd_row = self._row_is_odd(m, ending, coders) if build.overlap else Const(0)
        self._count(m, begun, field_begun, coders, currents, odd_row, bank)
        return m

    def _spread_pixels(self, m: Module, survey: Survey, coders: list[Coder]) -> Signal | None:
        """What is written goes to every copy of the pixels, by way of a register; with overlap
        gives the bank of the sample that was started last."""
        users = [survey, *coders]
        port = PixelPort(self._network, self._build)
        pixels = port.create(path=("written",))
        m.d.sync += [getattr(pixels, name).eq(getattr(self.pixels, name))
                     for name in port.members]
        for user in users:
            m.d.comb += [getattr(user.pixels, name).eq(getattr(pixels, name))
                         for name in port.members]
        if not self._build.overlap:
            return None
        bank, written_bank = Signal(range(BANKS)), Signal(range(BANKS), init=1)
        with m.If(self.start):
            m.d.sync += [bank.eq(bank + 1), written_bank.eq(written_bank + 1)]
        m.d.comb += [survey.bank.eq(bank), *(user.written_bank.eq(written_bank) for user in users)]
        return bank

    def _connect_walls(self, m: Module, sweep, given: Signal, winner: Signal,
                       place: Signal) -> None:
        """Rows are read for the sweep, walls for the learner and the state window."""
        network, learner, state = self._network, self.learner, self.walls
        contrast = network.encoding == Encoding.CONTRAST
        read_line, write_line = Signal.like(learner.read_row), Signal.like(learner.read_row)
        write, write_wall = Signal(), Signal(network.wall_bits)
        m.d.comb += [
            learner.wall.eq(given),
            read_line.eq(Mux(state.strobe, state.row, learner.read_row)),
            write_line.eq(Mux(state.strobe, state.row, learner.write_row)),
            write_wall.eq(Mux(state.strobe, state.write_data, learner.write_wall)),
            write.eq(Mux(state.strobe, state.write, learner.write_enable)),
        ]

        def located(line: Signal, name: str):
            """Place in the field of a line's pixel, and whether the line is an OFF line."""
            if not contrast:
                return line, 0
            off = Signal(name=f"{name}_off")
            m.d.comb += off.eq(line >= network.fan_in)
            return Mux(off, line - network.fan_in, line), off

        read_place, read_off = located(read_line, "read")
        write_place, write_off = located(write_line, "write")
        row, neuron = Signal.like(sweep.row), Signal.like(sweep.neuron)
        written_row, written_wall = Signal.like(sweep.row), Signal.like(sweep.write_wall)
        written_on, off = Signal(), Signal()
        m.d.sync += [
            row.eq(Mux(learner.reading | state.strobe, read_place, place)),
            off.eq(read_off),
            neuron.eq(Mux(state.strobe, state.lane, winner)),
            written_row.eq(write_place),
            written_wall.eq(write_wall),
            written_on.eq(write & ~write_off if contrast else write),
        ]
        m.d.comb += [
            sweep.row.eq(row),
            sweep.neuron.eq(neuron),
            sweep.write_row.eq(written_row),
            sweep.write_wall.eq(written_wall),
            sweep.write_on.eq(written_on),
        ]
        if contrast:
            written_off = Signal()
            m.d.sync += written_off.eq(write & write_off)
            m.d.comb += [sweep.write_off.eq(written_off),
                         sweep.off.eq(delayed(m, off, READ_LATENCY, "off"))]

        # The state window waits for a wall that it reads as long as the learner does.
        waited = Signal(1 + READ_LATENCY + self._rows)
        reading = Signal()
        m.d.comb += [
            reading.eq(state.strobe & ~state.write),
            state.read_data.eq(given),
            state.acknowledge.eq(Mux(state.write, state.strobe, reading & waited[-1])),
        ]
        m.d.sync += waited.eq(Mux(reading & ~waited[-1], waited << 1 | 1, 0))

    def _copy_thresholds(self, m: Module, homeostasis: Homeostasis, row: Signal):
        """The thresholds of a row of neurons, two cycles after ``row``."""
        lane_bits = ceil_log2(self._width)
        m.submodules.thresholds_copy = memory = RowMemory(
            self._rows, self._width, self._network.threshold_bits)
        m.d.comb += [
            memory.read_row.eq(row),
            memory.write_row.eq(homeostasis.write_row >> lane_bits),
            *(word.eq(homeostasis.write_threshold) for word in memory.write_data),
            memory.write_enable.eq(homeostasis.write_enable << homeostasis.write_row[:lane_bits]
                                   if self._width > 1 else homeostasis.write_enable),
        ]
        return memory.read_data

    def _keep_codes(self, m: Module, coder: Coder, place: Signal) -> None:
        """The codes of the position that learns, for the learner."""
        network, code = self._network, self.learner.code
        drive = Drive(network)
        m.submodules.codes = memory = RowMemory(network.fan_in, 1, drive.size)
        kept = Signal(drive)
        m.d.comb += [
            memory.write_row.eq(place),
            memory.write_data[0].eq(coder.drive),
            memory.write_enable.eq(coder.coding),
            memory.read_row.eq(self.learner.pixel),
            kept.eq(memory.read_data[0]),
            code.code.eq(kept.on),
        ]
        if network.encoding == Encoding.CONTRAST:
            m.d.comb += [code.code.eq(kept.on | kept.off), code.off.eq(kept.off != 0)]

    def _give_rankings(self, m: Module, field: Value, begun_or_skipped: Value,
                       give: Signal) -> tuple[Signal, Signal]:
        """Rankings of all positions in order; those that were not begun are silent.

        Gives whether the last one was offered, of this sample, and whether one that was begun or
        skipped is being offered.
        """
        network, ranker = self._network, self.ranker
        depth = self.queue
        entry = data.StructLayout({"position": index_shape(network.positions), "silent": 1})
        m.submodules.begun = begun = SyncFIFOBuffered(width=entry.size, depth=depth)
        m.submodules.ranked = ranked = SyncFIFOBuffered(width=len(ranker.winners.as_value()),
                                                        depth=depth)
        upcoming = Signal(index_shape(network.positions))
        over = Signal(init=1)
        head = data.View(entry, begun.r_data)
        passed = Signal()  # what comes is silent, because a later position was begun or skipped
        offer, silent = Signal(), Signal()
        following = Signal.like(upcoming)
        last = Signal()
        # A table answers one cycle after it is asked.
        m.submodules.region = region = ConstantTable(network.region)
        # Two places, so that no more depends on whether the first is free in this cycle.
        offered = Signal.like(self.rankings.payload)
        second = Signal.like(offered, reset_less=True)
        second_valid = Signal()
        m.d.comb += [
            begun.w_data.eq(Cat(field.position, field.silent)),
            begun.w_en.eq(begun_or_skipped),
            ranked.w_data.eq(ranker.winners.as_value()),
            ranked.w_en.eq(ranker.done),
            passed.eq(head.position != upcoming),
            silent.eq(passed | head.silent),
            offer.eq(begun.r_rdy & (silent | ranked.r_rdy) & ~over & ~second_valid),
            begun.r_en.eq(offer & ~passed),
            ranked.r_en.eq(offer & ~silent),
            last.eq(upcoming == network.positions - 1),
            following.eq(Mux(offer, Mux(last, 0, upcoming + 1), upcoming)),
            region.index.eq(following),
            offered.position.eq(upcoming),
            offered.region.eq(region.value),
            offered.silent.eq(silent),
            offered.winners.eq(ranked.r_data),
        ]
        m.d.sync += upcoming.eq(following)
        with m.If(give):
            m.d.sync += over.eq(0)
        with m.Elif(offer & last):
            m.d.sync += over.eq(1)
        with m.If(~second_valid):
            m.d.sync += second.eq(offered)
        with m.If(~self.rankings.valid | self.rankings.ready):
            m.d.sync += [
                self.rankings.payload.eq(Mux(second_valid, second, offered)),
                self.rankings.valid.eq(second_valid | offer),
                second_valid.eq(0),
            ]
        with m.Elif(offer):
            m.d.sync += second_valid.eq(1)
        return over, begun.r_en

    def _row_is_odd(self, m: Module, ending: Signal, coders: list[Coder]) -> Value:
        """Whether the row of currents that the lanes give belongs to a sample of an odd bank."""
        ended_odd = delayed(m, Cat(coder.ending_odd for coder in coders).any(),
                            self._ending_stage, "ended_odd")
        odd, odd_now = Signal(), Signal()
        m.d.comb += odd_now.eq(Mux(ending.any(), ended_odd, odd))
        m.d.sync += odd.eq(odd_now)
        # As long as a row's currents take to be chosen.
        return delayed(m, odd_now, 2, "odd_row")

    def _count(self, m: Module, begun: Signal, field: Value, coders: list[Coder],
               currents: list[Signal], odd_row: Value, bank: Signal | None) -> None:
        """Tallies, with overlap of two samples: those of odd banks, and of even ones."""
        learner, layout = self.learner, ClusteringTallies(self._network)
        codes = []
        for index, coder in enumerate(coders):
            code = Signal(self._network.code_bits, name=f"code_{index}")
            lines = [getattr(coder.drive, line) for line in Drive(self._network).members]
            m.d.comb += code.eq(lines[0] | lines[-1])
            codes.append(code)
        charge = pipelined_sum(m, currents, "charge")
        odd_charge = delayed(m, odd_row, ceil_log2(len(currents)), "odd_charge")
        counts = []
        for odd in range(1 if bank is None else 2):
            def of_sample(value: Value, is_odd: Value, odd: int = odd) -> Value:
                """``value``, or 0 if it is of the other sample."""
                return value if bank is None else Mux(is_odd == odd, value, 0)

            own = []
            for index, (code, coder) in enumerate(zip(codes, coders, strict=True)):
                own_code = Signal.like(code, name=f"own_code_{odd}_{index}", reset_less=True)
                m.d.sync += own_code.eq(of_sample(
                    code, coder.drive_odd if bank is not None else Const(0)))
                own.append(own_code)
            active = pipelined_sum(m, [code != 0 for code in own], f"active_{odd}")
            total = pipelined_sum(m, own, f"codes_{odd}")
            count = Signal(layout, name=f"tallies_{odd}")
            counts.append(count)
            # With overlap, the bank of the sample that starts is the one after `bank`.
            starts = self.start if bank is None else self.start & (bank[0] != odd)
            with m.If(starts):
                m.d.sync += count.eq(0)
            with m.Else():
                m.d.sync += [
                    count.scored.eq(count.scored + of_sample(
                        begun, field.bank[0] if bank is not None else Const(0))),
                    count.active_lines.eq(count.active_lines + active),
                    count.codes.eq(count.codes + total),
                    count.charge.eq(count.charge + of_sample(charge, odd_charge)),
                ]
        m.d.comb += self.tallies.eq(counts[0])
        if bank is not None:
            given = Signal()  # the bank of the sample that is given is an odd one
            m.d.sync += given.eq(given ^ self.give)
            m.d.comb += self.tallies.eq(Mux(given, counts[1], counts[0]))
        # A sample that learns is alone.
        potentiations, depressions = (
            Signal.like(getattr(self.tallies, name), name=name)
            for name in ("potentiations", "depressions"))
        with m.If(self.start):
            m.d.sync += [potentiations.eq(0), depressions.eq(0)]
        with m.Else():
            m.d.sync += [potentiations.eq(potentiations + learner.potentiated),
                         depressions.eq(depressions + learner.depressed)]
        m.d.comb += [self.tallies.potentiations.eq(potentiations),
                     self.tallies.depressions.eq(depressions)]
