"""The energy ledger: 64-bit counters in one memory, fed serially after each sample."""

import enum
from typing import NamedTuple

from amaranth import Array, C, Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall.spec.device_table import MAX_PULSE_SHIFT
from crosswall.spec.ledger import COUNTER_BITS, COUNTERS, Counter
from crosswall.spec.network import Network
from crosswall.spec.state import MemoryShape

from .control import ClusteringTallies, ReadoutTallies, SampleControl
from .state import StatePort

__all__ = ["LEDGER_SHAPE", "Ledger"]

LEDGER_SHAPE = MemoryShape(COUNTERS, 2, 32)
"""Shape of the ledger in the state window."""

_WORD_BITS = 16
_WORDS = COUNTER_BITS // _WORD_BITS


class _Source(enum.Enum):
    """What an operand can be loaded from."""

    ONE = enum.auto()
    SCORED = enum.auto()
    SILENT = enum.auto()
    ACTIVE_LINES = enum.auto()
    CODES = enum.auto()
    CLUSTERING_CHARGE = enum.auto()
    CLUSTERING_POTENTIATIONS = enum.auto()
    CLUSTERING_DEPRESSIONS = enum.auto()
    ACTIVE_FEATURES = enum.auto()
    FEATURES = enum.auto()
    READOUT_CHARGE = enum.auto()
    READOUT_POTENTIATIONS = enum.auto()
    READOUT_DEPRESSIONS = enum.auto()


class _Condition(enum.IntEnum):
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
    """Take the source numbered ``argument`` as the operand."""
    DOUBLE = 1
    SCALE_CLUSTERING = 2
    """Multiply by the sample's clustering pulse length."""
    SCALE_READOUT = 3
    """Multiply by the sample's read-out pulse length."""
    ADD = 4
    """Add the operand to counter ``argument`` if ``condition`` holds."""
    END = 5


class _Step(NamedTuple):
    action: _Action
    argument: int = 0
    condition: _Condition = _Condition.ALWAYS


class _Term(NamedTuple):
    """``counter += multiplier * source`` under ``condition``."""

    counter: Counter
    multiplier: int
    condition: _Condition = _Condition.ALWAYS


def _terms(network: Network) -> dict[_Source, list[_Term]]:
    """Every counter as a sum of constant multiples of tallies; pulse lengths are apart."""
    condition = _Condition
    synapses, winners, neurons = 2 * network.classes, network.winners, network.neurons
    per_position = [
        _Term(Counter.CLUSTERING_STATE_READS, network.lines, condition.STATE_READ),
        _Term(Counter.CLUSTERING_INTEGRATIONS, neurons),
    ]
    for fires, when in ((winners, condition.PREDICT), (1, condition.NO_PREDICT)):
        per_position += [
            _Term(Counter.CLUSTERING_FIRES, fires, when),
            _Term(Counter.CLUSTERING_RESETS, fires, when),
            _Term(Counter.CLUSTERING_INHIBITIONS, neurons - fires, when),
        ]
    return {
        _Source.ONE: [
            _Term(Counter.SAMPLES, 1),
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
        _Source.SILENT: [_Term(Counter.SILENT_POSITIONS, 1)],
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
        Counter.READOUT_POTENTIATION_LENGTH, 1, _Condition.PREDICT)),
    _Source.READOUT_DEPRESSIONS: (_Action.SCALE_READOUT, _Term(
        Counter.READOUT_DEPRESSION_LENGTH, 1, _Condition.PREDICT)),
}


def _sequence(network: Network) -> list[_Step]:
    """The steps of one sample: a source is loaded, doubled, and added where its multiple's
    binary digits say so."""
    steps = []
    for number, (source, terms) in enumerate(_terms(network).items()):
        steps.append(_Step(_Action.LOAD, number))
        for digit in range(max(term.multiplier for term in terms).bit_length()):
            if digit:
                steps.append(_Step(_Action.DOUBLE))
            steps += [_Step(_Action.ADD, term.counter, term.condition)
                      for term in terms if term.multiplier >> digit & 1]
        if source in _LENGTHS:
            scale, term = _LENGTHS[source]
            steps += [_Step(scale), _Step(_Action.ADD, term.counter, term.condition)]
    return [*steps, _Step(_Action.END)]


_STEP_LAYOUT = data.StructLayout({"action": _Action, "argument": 5, "condition": _Condition})


class Ledger(wiring.Component):
    """Adds each sample's tallies to the counters, keeps a captured copy of them.

    The counters lie in a memory of 16-bit words and are incremented serially, as a fixed sequence
    of steps prescribes: about eight cycles for each counter and binary digit of its multiplier
    (some 400 in all). Whole samples are added, so that a captured copy is always one between
    samples.

    Parameters
    ----------
    network
        Its sizes are the multipliers of the tallies.

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
        4 × ``COUNTERS`` cycles; ``state`` and the next sample wait for it.
    state : In(StatePort)
        Reads the captured copy, writes the live counters. Takes 3 cycles.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
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
        return {
            _Source.ONE: C(1),
            _Source.SCORED: self.clustering.scored,
            _Source.SILENT: (self._network.positions - self.clustering.scored)[
                :len(self.clustering.scored)],
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
        }[source]

    def _operand_bits(self) -> int:
        """Width of the largest multiple of a tally."""
        return min(COUNTER_BITS, max(
            len(self._source(source)) + max(
                max(term.multiplier for term in terms).bit_length() - 1,
                MAX_PULSE_SHIFT if source in _LENGTHS else 0)
            for source, terms in _terms(self._network).items()))

    def elaborate(self, platform: object) -> Module:
        m = Module()

        # Address of a word: live or captured, counter, place in the counter.
        place = data.StructLayout({"word": range(_WORDS), "counter": 5, "captured": 1})
        m.submodules.memory = memory = Memory(
            shape=_WORD_BITS, depth=1 << place.size, init=[])
        read, write = memory.read_port(), memory.write_port()
        read_place, write_place = Signal(place), Signal(place)
        m.d.comb += [
            read.addr.eq(read_place.as_value()),
            write.addr.eq(write_place.as_value()),
        ]

        steps = _sequence(self._network)
        m.submodules.sequence = sequence = Memory(
            shape=_STEP_LAYOUT, depth=len(steps),
            init=[step._asdict() for step in steps], attrs={"rom_block": 1})
        fetch = sequence.read_port()
        step = Signal(_STEP_LAYOUT)  # registered: block RAM is slow, and much depends on it
        counted, counted_next = Signal(range(len(steps))), Signal(range(len(steps)))
        m.d.comb += [counted_next.eq(counted), fetch.addr.eq(counted_next)]
        m.d.sync += [counted.eq(counted_next), step.eq(fetch.data)]

        conditions = Signal(len(_Condition))
        clustering_shift = Signal.like(self.control.clustering_pulse_shift)
        readout_shift = Signal.like(self.control.readout_pulse_shift)
        flags = self.control.flags
        adding = Signal()  # from `start` on
        copying = Signal()  # from `capture` on
        m.d.comb += self.busy.eq(adding)
        with m.If(self.start):
            m.d.sync += [
                adding.eq(1),
                clustering_shift.eq(self.control.clustering_pulse_shift),
                readout_shift.eq(self.control.readout_pulse_shift),
            ]
            for condition, holds in {
                _Condition.ALWAYS: 1,
                _Condition.PREDICT: flags.predict,
                _Condition.NO_PREDICT: ~flags.predict,
                _Condition.STATE_READ: flags.learn_clustering & ~self.stdp,
                _Condition.CLUSTERED: flags.learn_clustering,
                _Condition.LABELLED: flags.predict & self.readout.labelled,
                _Condition.TAUGHT: flags.predict & self.readout.taught,
                _Condition.INFERRED: ~(flags.learn_clustering | flags.learn_readout),
            }.items():
                m.d.sync += conditions[condition].eq(holds)
        with m.If(self.capture):
            m.d.sync += copying.eq(1)

        operand = Signal(self._operand_bits())
        doubled = Signal(range(MAX_PULSE_SHIFT + 1))
        word = Signal(range(_WORDS))
        carry = Signal()
        digit = Signal(_WORD_BITS)
        total = Signal(_WORD_BITS + 1)
        copied = Signal(range(COUNTERS * _WORDS))
        copied_next = Signal.like(copied)
        m.d.comb += [
            digit.eq(operand.word_select(word, _WORD_BITS)),
            total.eq(read.data + digit + carry),
            copied_next.eq(copied + 1),
        ]

        def follow() -> None:
            m.d.comb += counted_next.eq(counted + 1)
            m.next = "FETCH"

        def scale(shift: Signal) -> None:
            with m.If(doubled == shift):
                follow()
            with m.Else():
                m.d.sync += [operand.eq(operand << 1), doubled.eq(doubled + 1)]

        with m.FSM():
            with m.State("REST"):
                m.d.comb += counted_next.eq(0)
                m.d.sync += [word.eq(0), copied.eq(0)]
                with m.If(copying):
                    m.d.comb += read_place.eq(0)
                    m.next = "COPY"
                with m.Elif(adding):
                    m.next = "FETCH"
                with m.Elif(self.state.strobe):
                    m.d.comb += read_place.eq(Cat(C(0, 1), self.state.lane, self.state.row, C(1)))
                    m.next = "ACCESS-LOW"

            with m.State("FETCH"):
                m.next = "STEP"

            with m.State("STEP"):
                with m.Switch(step.action):
                    with m.Case(_Action.LOAD):
                        follow()
                        m.d.sync += [
                            operand.eq(Array(self._source(source) for source
                                             in _terms(self._network))[step.argument]),
                            doubled.eq(0),
                        ]
                    with m.Case(_Action.DOUBLE):
                        follow()
                        m.d.sync += operand.eq(operand << 1)
                    with m.Case(_Action.SCALE_CLUSTERING):
                        scale(clustering_shift)
                    with m.Case(_Action.SCALE_READOUT):
                        scale(readout_shift)
                    with m.Case(_Action.ADD):
                        m.d.comb += [
                            read_place.counter.eq(step.argument),
                            read_place.word.eq(0),
                        ]
                        m.d.sync += carry.eq(0)
                        with m.If(conditions.bit_select(step.condition, 1)):
                            m.next = "ADD"
                        with m.Else():
                            follow()
                    with m.Case(_Action.END):
                        m.d.sync += adding.eq(0)
                        m.next = "REST"

            with m.State("ADD"):
                m.d.comb += [
                    write_place.counter.eq(step.argument),
                    write_place.word.eq(word),
                    write.data.eq(total),
                    write.en.eq(1),
                    read_place.counter.eq(step.argument),
                    read_place.word.eq(word + 1),
                ]
                m.d.sync += [word.eq(word + 1), carry.eq(total[-1])]
                with m.If(word == _WORDS - 1):
                    follow()

            with m.State("COPY"):
                m.d.comb += [
                    read_place.eq(copied_next),
                    write_place.eq(copied),
                    write_place.captured.eq(1),
                    write.data.eq(read.data),
                    write.en.eq(1),
                ]
                m.d.sync += copied.eq(copied_next)
                with m.If(copied == COUNTERS * _WORDS - 1):
                    m.d.sync += copying.eq(0)
                    m.next = "REST"

            with m.State("ACCESS-LOW"):
                m.d.comb += [
                    read_place.eq(Cat(C(1, 1), self.state.lane, self.state.row, C(1))),
                    write_place.eq(Cat(C(0, 1), self.state.lane, self.state.row)),
                    write.data.eq(self.state.write_data[:_WORD_BITS]),
                    write.en.eq(self.state.write),
                ]
                m.d.sync += operand[:_WORD_BITS].eq(read.data)
                m.next = "ACCESS-HIGH"

            with m.State("ACCESS-HIGH"):
                m.d.comb += [
                    write_place.eq(Cat(C(1, 1), self.state.lane, self.state.row)),
                    write.data.eq(self.state.write_data[_WORD_BITS:]),
                    write.en.eq(self.state.write),
                    self.state.read_data.eq(Cat(operand[:_WORD_BITS], read.data)),
                    self.state.acknowledge.eq(1),
                ]
                m.next = "REST"
        return m
