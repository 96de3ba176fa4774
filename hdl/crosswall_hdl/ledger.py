"""The energy ledger: 64-bit counters in one memory, fed word by word after each sample."""

import enum
from collections.abc import Collection
from typing import NamedTuple

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, exact_log2

from crosswall.spec.build import Build
from crosswall.spec.device_table import MAX_PULSE_SHIFT
from crosswall.spec.ledger import COUNTER_BITS, COUNTERS, Counter
from crosswall.spec.network import Network, Neuron
from crosswall.spec.state import MemoryShape

from .control import ClusteringTallies, ReadoutTallies, SampleControl
from .state import StatePort

__all__ = ["LEDGER_SHAPE", "LEDGER_WORD_BITS", "Condition", "Ledger", "ledger_unit"]

LEDGER_SHAPE = MemoryShape(COUNTERS, 2, 32)
"""Shape of the ledger in the state window."""

LEDGER_WORD_BITS = (8, 16, 32)
"""What the ledger can add in a cycle."""


class _Source(enum.Enum):
    """What an operand can be loaded from."""

    ONE = enum.auto()
    SCORED = enum.auto()
    ACTIVE_LINES = enum.auto()
    CODES = enum.auto()
    CLUSTERING_CHARGE = enum.auto()
    CLUSTERING_POTENTIATIONS = enum.auto()
    CLUSTERING_DEPRESSIONS = enum.auto()
    CLUSTERING_FIRES = enum.auto()
    CLUSTERING_RACE_STEPS = enum.auto()
    CLUSTERING_RACE_INHIBITIONS = enum.auto()
    ACTIVE_FEATURES = enum.auto()
    FEATURES = enum.auto()
    READOUT_CHARGE = enum.auto()
    READOUT_POTENTIATIONS = enum.auto()
    READOUT_DEPRESSIONS = enum.auto()


class Condition(enum.IntEnum):
    """When an operand is added."""

    ALWAYS = 0
    PREDICT = 1
    NO_PREDICT = 2
    STATE_READ = 3
    CLUSTERED = 4
    LABELLED = 5
    TAUGHT = 6
    INFERRED = 7


class _Action(enum.IntEnum):
    """What one step of the sequence does."""

    LOAD = 0
    """Shift word ``argument`` of all sources into the operand, from its high end."""
    DOUBLE = 1
    SCALE_CLUSTERING = 2
    """Multiply by the sample's clustering pulse length."""
    SCALE_READOUT = 3
    """Multiply by the sample's read-out pulse length."""
    ADD = 4
    """Add the operand to counter ``argument``, or ``subtract`` it, if ``condition`` holds."""
    END = 5


class _Step(NamedTuple):
    action: _Action
    argument: int = 0
    condition: Condition = Condition.ALWAYS
    subtract: bool = False


class _Term(NamedTuple):
    """``counter += multiplier * source`` under ``condition``."""

    counter: Counter
    multiplier: int
    condition: Condition = Condition.ALWAYS


def _terms(network: Network) -> dict[_Source, list[_Term]]:
    """Every counter as a sum of constant multiples of tallies; pulse lengths are apart."""
    condition = Condition
    synapses, winners, neurons = 2 * network.classes, network.winners, network.neurons
    per_position = [
        _Term(Counter.CLUSTERING_STATE_READS, network.lines, condition.STATE_READ),
        _Term(Counter.CLUSTERING_INTEGRATIONS, neurons),
        _Term(Counter.SILENT_POSITIONS, -1),
    ]
    racing = {}
    if network.neuron == Neuron.RACE:
        per_position.append(_Term(Counter.CLUSTERING_INHIBITIONS, neurons))
        racing = {
            _Source.CLUSTERING_FIRES: [
                _Term(Counter.CLUSTERING_FIRES, 1),
                _Term(Counter.CLUSTERING_RESETS, 1),
                _Term(Counter.CLUSTERING_INHIBITIONS, -1),
            ],
            _Source.CLUSTERING_RACE_STEPS: [_Term(Counter.CLUSTERING_RACE_STEPS, 1)],
            _Source.CLUSTERING_RACE_INHIBITIONS: [
                _Term(Counter.CLUSTERING_RACE_INHIBITIONS, 1)],
        }
    else:
        for fires, when in ((winners, condition.PREDICT), (1, condition.NO_PREDICT)):
            per_position += [
                _Term(Counter.CLUSTERING_FIRES, fires, when),
                _Term(Counter.CLUSTERING_RESETS, fires, when),
                _Term(Counter.CLUSTERING_INHIBITIONS, neurons - fires, when),
            ]
    return racing | {
        _Source.ONE: [
            _Term(Counter.SAMPLES, 1),
            _Term(Counter.SILENT_POSITIONS, network.positions),
            _Term(Counter.SAMPLES_CLUSTERED, 1, condition.CLUSTERED),
            _Term(Counter.SAMPLES_LABELLED, 1, condition.LABELLED),
            _Term(Counter.SAMPLES_TAUGHT, 1, condition.TAUGHT),
            _Term(Counter.SAMPLES_INFERRED, 1, condition.INFERRED),
            _Term(Counter.READOUT_INTEGRATIONS, network.classes, condition.PREDICT),
            _Term(Counter.READOUT_FIRES, 1, condition.PREDICT),
            _Term(Counter.READOUT_RESETS, 1, condition.PREDICT),
            _Term(Counter.READOUT_INHIBITIONS, network.classes - 1, condition.PREDICT),
        ],
        _Source.SCORED: per_position,
        _Source.ACTIVE_LINES: [_Term(Counter.CLUSTERING_READS, neurons)],
        _Source.CODES: [_Term(Counter.CLUSTERING_READ_DRIVE, neurons)],
        _Source.CLUSTERING_CHARGE: [_Term(Counter.CLUSTERING_READ_CHARGE, 1)],
        _Source.CLUSTERING_POTENTIATIONS: [_Term(Counter.CLUSTERING_POTENTIATIONS, 1)],
        _Source.CLUSTERING_DEPRESSIONS: [_Term(Counter.CLUSTERING_DEPRESSIONS, 1)],
        _Source.ACTIVE_FEATURES: [_Term(Counter.READOUT_READS, synapses, condition.PREDICT)],
        _Source.FEATURES: [_Term(Counter.READOUT_READ_DRIVE, synapses, condition.PREDICT)],
        _Source.READOUT_CHARGE: [_Term(Counter.READOUT_READ_CHARGE, 1, condition.PREDICT)],
        _Source.READOUT_POTENTIATIONS: [
            _Term(Counter.READOUT_POTENTIATIONS, 1, condition.PREDICT)],
        _Source.READOUT_DEPRESSIONS: [_Term(Counter.READOUT_DEPRESSIONS, 1, condition.PREDICT)],
    }


# What follows a source's plain terms: its pulses in unit lengths.
_LENGTHS = {
    _Source.CLUSTERING_POTENTIATIONS: (_Action.SCALE_CLUSTERING, _Term(
        Counter.CLUSTERING_POTENTIATION_LENGTH, 1)),
    _Source.CLUSTERING_DEPRESSIONS: (_Action.SCALE_CLUSTERING, _Term(
        Counter.CLUSTERING_DEPRESSION_LENGTH, 1)),
    _Source.READOUT_POTENTIATIONS: (_Action.SCALE_READOUT, _Term(
        Counter.READOUT_POTENTIATION_LENGTH, 1, Condition.PREDICT)),
    _Source.READOUT_DEPRESSIONS: (_Action.SCALE_READOUT, _Term(
        Counter.READOUT_DEPRESSION_LENGTH, 1, Condition.PREDICT)),
}


class Ledger(wiring.Component):
    """Adds each sample's tallies to the counters, keeps a captured copy of them.

    The counters lie in a memory of words and are incremented serially, as a fixed sequence of
    steps prescribes: two cycles for each counter and binary digit of its multiplier, and one for
    each word that is added (see `cycles`: for the MNIST preset 408 to 444 with bytes, 300 to 331
    with words of 32 bits). Whole samples are added, so that a captured copy is always one between
    samples.

    Parameters
    ----------
    network
        Its sizes are the multipliers of the tallies.
    word_bits
        What is added in a cycle: 8, 16 or 32 bits. Bytes need the least logic; an addition then
        ends as soon as there is no carry beyond the operand. With more bits what is read goes
        through a register, and an addition through the whole counter, as the carry comes late.

    Members
    -------
    start : In(1)
        Add a sample: its ``control``, ``stdp`` and the tallies are valid. Not while ``busy``.
    control : In(SampleControl)
        Only looked at in the cycle of ``start``.
    stdp : In(1)
        Clustering follows rule *stdp*, which reads no state. Only looked at with ``start``.
    clustering : In(ClusteringTallies), readout : In(ReadoutTallies)
        Stable while ``busy``. ``readout`` counts only for samples that ask for a prediction.
    busy : Out(1)
        A sample is being added.
    capture : In(1)
        For one cycle: copy all counters as soon as no sample is being added. Takes
        ``COUNTERS`` × 64 ÷ ``word_bits`` cycles; ``state`` and the next sample wait for it.
    state : In(StatePort)
        Reads the captured copy, writes the live counters. Takes 3 + 32 ÷ ``word_bits`` cycles,
        and one more if ``word_bits`` is more than 8.

    Raises
    ------
    ValueError
        For another ``word_bits``.
    """

    def __init__(self, network: Network, *, word_bits: int = 8) -> None:
        if word_bits not in LEDGER_WORD_BITS:
            raise ValueError(f"`word_bits` must be one of "
                             f"{', '.join(map(str, LEDGER_WORD_BITS))}: got {word_bits}")
        self._network = network
        self._bits = word_bits
        self._words = COUNTER_BITS // word_bits  # of a counter
        self._state_words = LEDGER_SHAPE.bits // word_bits
        self._pipelined = word_bits > 8
        super().__init__({
            "start": In(1),
            "control": In(SampleControl),
            "stdp": In(1),
            "clustering": In(ClusteringTallies(network)),
            "readout": In(ReadoutTallies(network)),
            "busy": Out(1),
            "capture": In(1),
            "state": In(StatePort(LEDGER_SHAPE)),
        })

    def _source(self, source: _Source) -> Value:
        racing = {
            _Source.CLUSTERING_FIRES: self.clustering.fires,
            _Source.CLUSTERING_RACE_STEPS: self.clustering.race_steps,
            _Source.CLUSTERING_RACE_INHIBITIONS: self.clustering.race_inhibitions,
        } if self._network.neuron == Neuron.RACE else {}
        return (racing | {
            _Source.ONE: C(1),
            _Source.SCORED: self.clustering.scored,
            _Source.ACTIVE_LINES: self.clustering.active_lines,
            _Source.CODES: self.clustering.codes,
            _Source.CLUSTERING_CHARGE: self.clustering.charge,
            _Source.CLUSTERING_POTENTIATIONS: self.clustering.potentiations,
            _Source.CLUSTERING_DEPRESSIONS: self.clustering.depressions,
            _Source.ACTIVE_FEATURES: self.readout.active_features,
            _Source.FEATURES: self.readout.features,
            _Source.READOUT_CHARGE: self.readout.charge,
            _Source.READOUT_POTENTIATIONS: self.readout.potentiations,
            _Source.READOUT_DEPRESSIONS: self.readout.depressions,
        })[source]

    def _operand_words(self) -> int:
        """Length of the largest multiple of a tally, and of what the state window reads."""
        bits = max(
            len(self._source(source)) + max(
                max(abs(term.multiplier) for term in terms).bit_length() - 1,
                MAX_PULSE_SHIFT if source in _LENGTHS else 0)
            for source, terms in _terms(self._network).items())
        return min(self._words, max(self._state_words, -(-bits // self._bits)))

    def _sequence(self, first_word: dict[_Source, int], zero: int) -> list[_Step]:
        """The steps of one sample: a source is loaded, doubled, and added where its multiple's
        binary digits say so. The words of a source start at ``first_word``; ``zero`` is 0."""
        steps = []
        for source, terms in _terms(self._network).items():
            length = -(-len(self._source(source)) // self._bits)
            steps += [_Step(_Action.LOAD, first_word[source] + place if place < length else zero)
                      for place in range(self._operand_words())]
            for digit in range(max(abs(term.multiplier) for term in terms).bit_length()):
                if digit:
                    steps.append(_Step(_Action.DOUBLE))
                steps += [_Step(_Action.ADD, term.counter, term.condition, term.multiplier < 0)
                          for term in terms if abs(term.multiplier) >> digit & 1]
            if source in _LENGTHS:
                scale, term = _LENGTHS[source]
                steps += [_Step(scale), _Step(_Action.ADD, term.counter, term.condition)]
        return [*steps, _Step(_Action.END)]

    def cycles(self, holds: Collection[Condition], clustering_shift: int,
               readout_shift: int) -> int:
        """Cycles from ``start`` to the first that is not ``busy``.

        Parameters
        ----------
        holds
            The conditions that hold for the sample.
        clustering_shift, readout_shift
            Its pulse shifts.

        With bytes one cycle more for each byte that a carry passes beyond those of the operand:
        once in 2³² counts or less.
        """
        added = 1 + self._words if self._pipelined else self._operand_words()
        shifts = {_Action.SCALE_CLUSTERING: clustering_shift, _Action.SCALE_READOUT: readout_shift}
        zeros = dict.fromkeys(_Source, 0)
        return 2 + sum(
            2 + shifts.get(step.action, 0)
            + (added if step.action == _Action.ADD and step.condition in holds else 0)
            for step in self._sequence(zeros, 0))

    def elaborate(self, platform: object) -> Module:
        m = Module()

        bits = self._bits

        # Address of a word: live or captured, counter, place in the counter. None is read and
        # written in one cycle: adding reads one word ahead, the rest reads the other half.
        # There is room for one counter more than there are.
        counter_bits = bits_for(COUNTERS)
        place = data.StructLayout({"word": range(self._words), "counter": counter_bits,
                                   "captured": 1})
        m.submodules.rows = memory = Memory(shape=bits, depth=1 << place.size, init=[])
        read, write = memory.read_port(), memory.write_port()
        read_place, write_place = Signal(place), Signal(place)
        m.d.comb += [
            read.addr.eq(read_place.as_value()),
            write.addr.eq(write_place.as_value()),
        ]

        # All words that can be loaded: a zero, then the sources'.
        loadable = [C(0, bits)]
        first_word = {}
        for source in _terms(self._network):
            value = self._source(source)
            first_word[source] = sum(map(len, loadable)) // bits
            loadable.append(Cat(value, C(0, -len(value) % bits)))
        steps = self._sequence(first_word, 0)
        step_layout = data.StructLayout({
            "action": _Action,
            "argument": max(counter_bits, bits_for(sum(map(len, loadable)) // bits - 1)),
            "condition": Condition,
            "subtract": 1,
        })
        m.submodules.sequence = sequence = Memory(
            shape=step_layout, depth=len(steps),
            init=[step._asdict() for step in steps], attrs={"rom_block": 1})
        fetch = sequence.read_port()
        step = Signal(step_layout)  # registered: block RAM is slow, and much depends on it
        counted, counted_next = Signal(range(len(steps))), Signal(range(len(steps)))
        m.d.comb += [counted_next.eq(counted), fetch.addr.eq(counted_next)]
        m.d.sync += counted.eq(counted_next)

        clustering_shift = Signal.like(self.control.clustering_pulse_shift)
        readout_shift = Signal.like(self.control.readout_pulse_shift)
        flags = self.control.flags
        predict, state_read, clustered, inferred = Signal(), Signal(), Signal(), Signal()
        adding = Signal()  # from `start` on
        copying = Signal()  # from `capture` on
        m.d.comb += self.busy.eq(adding)
        matches = Signal()  # the clustering rule was followed
        m.d.comb += matches.eq(flags.learn_clustering)
        if self._network.labelled_neurons:
            with m.If(flags.refine_clustering | (flags.guide_clustering & (
                    self.control.label >= self._network.classes))):
                m.d.comb += matches.eq(0)
        with m.If(self.start):
            m.d.sync += [
                adding.eq(1),
                clustering_shift.eq(self.control.clustering_pulse_shift),
                readout_shift.eq(self.control.readout_pulse_shift),
                predict.eq(flags.predict),
                state_read.eq(matches & ~self.stdp),
                clustered.eq(flags.learn_clustering),
                inferred.eq(~(flags.learn_clustering | flags.learn_readout
                              | flags.refine_clustering)),
            ]
        with m.If(self.capture):
            m.d.sync += copying.eq(1)
        holds = {
            Condition.ALWAYS: C(1),
            Condition.PREDICT: predict,
            Condition.NO_PREDICT: ~predict,
            Condition.STATE_READ: state_read,
            Condition.CLUSTERED: clustered,
            Condition.LABELLED: predict & self.readout.labelled,
            Condition.TAUGHT: predict & self.readout.taught,
            Condition.INFERRED: inferred,
        }
        conditions = Cat(holds[condition] for condition in Condition)

        # Loaded, gone round once while it is added, or the word that the state window reads.
        operand = Signal(bits * self._operand_words())
        last = self._operand_words() - 1
        entering = Signal(bits)  # at the operand's high end
        shift, double = Signal(), Signal()
        with m.If(shift | double):
            m.d.sync += operand.eq(Mux(double, operand << 1, Cat(operand[bits:], entering)))

        # What is read is one word ahead of what is written, two with a register between, and both
        # start from -1.
        reading = Signal(place.size - 1)  # word of a counter, or of all
        following = Signal.like(reading)
        position, given, going = reading, read.data, C(1)
        if self._pipelined:
            position, going = Signal.like(reading), Signal()
            given = Signal(bits, reset_less=True)
            m.d.sync += [position.eq(reading), given.eq(read.data), going.eq(0)]
        word_bits = place["word"].width
        word = position[:word_bits]
        inner_bits = exact_log2(self._state_words)  # of the word in half a counter
        half = slice(inner_bits, inner_bits + 1)
        in_add, in_copy, in_access = Signal(), Signal(), Signal()
        in_operand = Signal()
        digit = Signal(bits)
        carry = Signal()
        total = Signal(bits + 1)
        m.d.comb += [
            following.eq(reading + 1),
            in_operand.eq(in_add & (word <= last) if last < self._words - 1 else in_add),
            digit.eq(Mux(in_operand, operand[:bits], 0)
                     ^ (in_add & step.subtract).replicate(bits)),
            total.eq(given + digit + carry),
            read_place.word.eq(following),
            read_place.captured.eq(in_access),
            write_place.word.eq(word),
            write_place.captured.eq(in_copy),
            self.state.read_data.eq(operand[-LEDGER_SHAPE.bits:]),
        ]
        with m.If(in_access):
            m.d.comb += [
                Cat(read_place.word[half], read_place.counter).eq(
                    Cat(self.state.lane, self.state.row)),
                Cat(write_place.word[half], write_place.counter).eq(
                    Cat(self.state.lane, self.state.row)),
                write.data.eq(self.state.write_data.word_select(word[:inner_bits], bits)
                              if inner_bits else self.state.write_data),
                entering.eq(given),
            ]
        with m.Else():
            m.d.comb += [
                read_place.counter.eq(Mux(in_copy, following[word_bits:], step.argument)),
                write_place.counter.eq(Mux(in_copy, position[word_bits:], step.argument)),
                write.data.eq(total),
                entering.eq(Mux(in_add, operand[:bits],
                                Cat(loadable).word_select(step.argument, bits))),
            ]
        doubled = Signal(range(MAX_PULSE_SHIFT + 1))

        def follow() -> None:
            m.d.comb += counted_next.eq(counted + 1)
            m.next = "FETCH"

        def go_on() -> None:
            m.d.sync += reading.eq(following)
            if self._pipelined:
                m.d.sync += going.eq(1)

        def scale(times: Signal) -> None:
            with m.If(doubled == times):
                follow()
            with m.Else():
                m.d.comb += double.eq(1)
                m.d.sync += doubled.eq(doubled + 1)

        with m.FSM():
            with m.State("REST"):
                m.d.comb += counted_next.eq(0)
                m.d.sync += [reading.eq(-1), carry.eq(0)]
                with m.If(copying):
                    m.next = "COPY"
                with m.Elif(adding):
                    m.next = "FETCH"
                with m.Elif(self.state.strobe):
                    m.next = "ACCESS"

            with m.State("FETCH"):
                m.d.sync += [reading.eq(-1), step.eq(fetch.data)]
                m.next = "STEP"

            with m.State("STEP"):
                m.d.sync += carry.eq(step.subtract)
                with m.Switch(step.action):
                    with m.Case(_Action.LOAD):
                        follow()
                        m.d.comb += shift.eq(1)
                        m.d.sync += doubled.eq(0)
                    with m.Case(_Action.DOUBLE):
                        follow()
                        m.d.comb += double.eq(1)
                    with m.Case(_Action.SCALE_CLUSTERING):
                        scale(clustering_shift)
                    with m.Case(_Action.SCALE_READOUT):
                        scale(readout_shift)
                    with m.Case(_Action.ADD):
                        # The next step is looked up before the sum, so that its address does
                        # not wait for the carry.
                        follow()
                        with m.If(conditions.bit_select(step.condition, 1)):
                            m.d.sync += reading.eq(following)
                            m.next = "ADD"
                    with m.Case(_Action.END):
                        m.d.sync += adding.eq(0)
                        m.next = "REST"

            with m.State("ADD"):
                go_on()
                m.d.comb += in_add.eq(1)
                over = word == self._words - 1
                if not self._pipelined:
                    # Beyond the operand, nothing changes without a carry or a borrow.
                    over |= (word >= last) & (total[-1] == step.subtract)
                with m.If(going):
                    m.d.comb += [shift.eq(in_operand), write.en.eq(1)]
                    m.d.sync += carry.eq(total[-1])
                    with m.If(over):
                        m.next = "FETCH"

            with m.State("COPY"):
                # What is written first, while `position` is -1, is beyond the last counter.
                go_on()
                m.d.comb += [in_copy.eq(1), write.en.eq(going)]
                with m.If(going & (position == COUNTERS * self._words - 1)):
                    m.d.sync += copying.eq(0)
                    m.next = "REST"

            with m.State("ACCESS"):
                # What enters first, while `position` is -1, leaves the operand again.
                m.d.comb += [
                    in_access.eq(1),
                    shift.eq(1),
                    write.en.eq(going & self.state.write & ~word[half]),
                ]
                go_on()
                with m.If(going & (word == self._state_words - 1)):
                    m.next = "ACKNOWLEDGE"

            with m.State("ACKNOWLEDGE"):
                m.d.comb += self.state.acknowledge.eq(1)
                m.next = "REST"
        return m


def ledger_unit(network: Network, build: Build) -> Ledger:
    """The ledger of a build: of bytes where logic is scarce, else of words of 32 bits."""
    return Ledger(network, word_bits=8 if build.compact else 32)
