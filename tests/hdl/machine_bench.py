"""Samples of all kinds through the whole machine; results and state against the reference."""

import random

import cocotb
import numpy as np
from bench import bench_parameters
from cases import packed, random_case, random_pixels, rule_values
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly
from drivers import StreamSink, StreamSource, start

from crosswall.spec.build import Build
from crosswall.spec.network import Neuron
from crosswall.spec.rules import ClusteringRule
from crosswall.spec.sample import Flag, Result, SampleHeader
from crosswall.spec.state import StateMemory
from crosswall.twin.activity import ObservedMachine
from crosswall.twin.reference import ReferenceMachine
from crosswall_hdl.control import RuleValues
from crosswall_hdl.cost import Schedule

LEARNED = (StateMemory.CLUSTERING_WALLS, StateMemory.THRESHOLDS, StateMemory.READOUT_WALLS)


class Window:
    """Uses the machine's state window as the register bank does."""

    def __init__(self, dut):
        self._dut = dut
        for name in ("goto", "strobe"):
            getattr(dut, f"window__{name}").value = 0

    async def access(self, word=None):
        """Read or, with a `word`, write the next word; None if the window refuses."""
        dut = self._dut
        dut.window__strobe.value, dut.window__write.value = 1, word is not None
        dut.window__write_data.value = (word or 0) & 0xFFFF_FFFF
        while True:
            await ReadOnly()
            acknowledged = dut.window__acknowledge.value == 1
            refused = acknowledged and dut.window__error.value == 1
            data = word  # what a write reads may be unknown
            if refused:
                data = None
            elif acknowledged and word is None:
                data = int(dut.window__read_data.value)
            await FallingEdge(dut.clk)
            if acknowledged:
                dut.window__strobe.value = 0
                await FallingEdge(dut.clk)
                return data

    async def goto(self, memory, row=0):
        self._dut.window__memory.value = memory
        self._dut.window__row.value = row
        self._dut.window__goto.value = 1
        await FallingEdge(self._dut.clk)
        self._dut.window__goto.value = 0
        await FallingEdge(self._dut.clk)

    async def write(self, memory, words):
        await self.goto(memory)
        for word in np.ravel(words).tolist():
            assert await self.access(word) is not None

    async def read(self, memory, count):
        await self.goto(memory)
        return [await self.access() for _ in range(count)]


def bench_case(parameters):
    """The machine under test."""
    return random_case(parameters["seed"], parameters["geometry"],
                       neuron=Neuron(parameters["neuron"]),
                       labelled_neurons=parameters["labelled_neurons"])


def random_header(generator, network, number):
    """Every flag; labels that exist and labels that do not."""
    flags = sum((flag for flag in Flag if generator.random() < 0.75), Flag(0))
    return SampleHeader(
        number, flags,
        label=generator.choice((generator.randrange(network.classes), network.classes, 0xFF, 0)),
        clustering_pulse_shift=generator.randrange(5), clustering_gate_shift=generator.randrange(4),
        readout_pulse_shift=generator.randrange(5), readout_gate_shift=generator.randrange(5))


@cocotb.test()
async def machine_equals_the_reference(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    parameters = bench_parameters()
    case = bench_case(parameters)
    network, rules, tables = case.network, case.rules, (case.clustering_table, case.readout_table)
    at_once = Build(**parameters["build"]).pixels_at_once
    reference = ReferenceMachine(network, rules, *tables)
    state = reference.state
    dut.rules.value = packed(RuleValues, **rule_values(
        rules, *(table.stuck_threshold for table in tables)))
    dut.capture.value = 0
    window = Window(dut)
    samples = StreamSource(dut, "samples", generator=generator,
                           probability=generator.choice((0.5, 1)))
    results = StreamSink(dut, "results", generator=generator,
                         probability=generator.choice((0.5, 1)))
    await start(dut)
    state.ledger[:] = [generator.getrandbits(64) for _ in state.ledger]
    await load(window, state, tables)

    expected, history = [], [snapshot(state)]
    for number in range(parameters["samples"]):
        header = random_header(generator, network, number * 0x0102_0305 % 0xFFFF_FFFF)
        pixels = random_pixels(generator, network)
        samples.send_sample(header.pack() + pixels, at_once)
        expected.append(reference.process(header, pixels))
        history.append(snapshot(state))
    answered = 0

    async def look() -> None:
        """Window accesses and captures while samples wait see the state between two samples."""
        while answered < len(expected) - 1:
            await ClockCycles(dut.clk, generator.randrange(1, 3000))
            await FallingEdge(dut.clk)
            memory = generator.choice((*LEARNED, StateMemory.LEDGER))
            before = answered
            if memory == StateMemory.LEDGER:
                await capture(dut)
                seen = await window.read(memory, 2 * len(state.ledger))
                assert seen in [halves(past["ledger"]) for past in history[before:answered + 2]]
                continue
            await window.goto(memory)
            for place in range(generator.randrange(1, 5)):
                before, seen = answered, await window.access()
                assert seen in [past[memory][place] for past in history[before:answered + 2]]

    looking = cocotb.start_soon(look())
    for result in expected:
        while (packet := results.take_packet()) is None:
            await FallingEdge(dut.clk)
        assert Result.unpack(packet, network) == result
        assert packet == result.pack(network)
        answered += 1
    await looking
    await FallingEdge(dut.clk)
    # The ledger may still be adding the last sample: a capture waits for it.
    await capture(dut)
    assert await window.read(StateMemory.LEDGER, 2 * len(state.ledger)) == halves(state.ledger)
    assert dut.idle.value == 1
    for memory, words in snapshot(state).items():
        if memory in LEARNED:
            assert await window.read(memory, len(words)) == words


async def load(window, state, tables):
    """Put the reference's state and device tables into the machine."""
    for memory in LEARNED:
        await window.write(memory, getattr(state, memory.name.lower()))
    await window.write(StateMemory.LEDGER, halves(state.ledger))
    for stage, table in enumerate(tables):
        await window.write((StateMemory.CLUSTERING_STEPS, StateMemory.READOUT_STEPS)[stage],
                           table.steps)
        await window.write((StateMemory.CLUSTERING_GAINS, StateMemory.READOUT_GAINS)[stage],
                           table.gains)


async def capture(dut):
    """Copy the ledger's counters."""
    dut.capture.value = 1
    await FallingEdge(dut.clk)
    dut.capture.value = 0


def snapshot(state):
    """The words of each learned memory in the order of the state window, and the ledger."""
    return {memory: getattr(state, memory.name.lower()).ravel().tolist()
            for memory in LEARNED} | {"ledger": state.ledger.copy()}


def halves(ledger):
    """The words of the ledger in the state window."""
    return [int(counter) >> shift & 0xFFFF_FFFF for counter in ledger for shift in (0, 32)]


@cocotb.test(skip=not bench_parameters().get("bursts"))
async def samples_take_the_cycles_of_the_cost_model(dut):
    """Samples without a pause, with the answers' flags and what is learned at random."""
    generator = random.Random(cocotb.RANDOM_SEED)
    parameters = bench_parameters()
    case = bench_case(parameters)
    network, tables = case.network, (case.clustering_table, case.readout_table)
    build = Build(**parameters["build"])
    reference = ObservedMachine(network, case.rules, *tables)
    schedule = Schedule(network, build, stdp=case.rules.clustering_rule == ClusteringRule.STDP)
    dut.rules.value = packed(RuleValues, **rule_values(
        case.rules, *(table.stuck_threshold for table in tables)))
    dut.capture.value = 0
    window = Window(dut)
    samples = StreamSource(dut, "samples", generator=generator)
    results = StreamSink(dut, "results", generator=generator)
    await start(dut)
    await load(window, reference.state, tables)
    for burst in parameters["bursts"]:
        for number in range(burst):
            header = random_header(generator, network, number)
            pixels = random_pixels(generator, network)
            reference.process(header, pixels)
            about = reference.activity
            dut._log.info(f"{about.header}, {about.scored} scored: {schedule.add(about)}")
            samples.send_sample(header.pack() + pixels, build.pixels_at_once, in_parts=False)
        for _ in range(burst):
            while results.take_packet() is None:
                await FallingEdge(dut.clk)
        while dut.idle.value != 1:
            await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        schedule.rest()
        assert dut.busy_cycles.value == schedule.busy_cycles


@cocotb.test()
async def packets_of_wrong_length_are_answered(dut):
    """Too short, too long, or with flags and a label that mean nothing: never wedged."""
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network = bench_case(parameters).network
    at_once = Build(**parameters["build"]).pixels_at_once
    dut.capture.value = 0
    Window(dut)
    samples = StreamSource(dut, "samples", generator=generator)
    results = StreamSink(dut, "results", generator=generator)
    await start(dut)
    for number, length in enumerate((1, 10, 11, 9 + network.pixels, 11 + network.pixels)):
        packet = bytes([number, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        samples.send_sample((packet + generator.randbytes(length))[:length], at_once)
        while (answer := results.take_packet()) is None:
            await FallingEdge(dut.clk)
        assert answer[0] == number


@cocotb.test()
async def window_steps_through_lanes_and_rows_and_refuses_the_rest(dut):
    parameters = bench_parameters()
    network = bench_case(parameters).network
    dut.capture.value = 0
    dut.samples__valid.value = 0
    window = Window(dut)
    await start(dut)
    words = list(range(network.readout_synapses))
    limit = network.wall_max + 1
    await window.write(StateMemory.READOUT_WALLS, words)
    assert await window.access() is None, "beyond the last row"
    assert await window.read(StateMemory.READOUT_WALLS, len(words)) \
        == [word % limit for word in words]
    await window.goto(StateMemory.READOUT_STEPS)
    assert await window.access() is None, "device tables are write-only"
    for row in (network.readout_synapses, 1 << 31, 0xFFFF_FFFF):  # 1 << 31 has low bits of row 0
        await window.goto(StateMemory.READOUT_WALLS, row)
        assert await window.access(1) is None, "far beyond the last row"
    assert await window.read(StateMemory.READOUT_WALLS, len(words)) \
        == [word % limit for word in words]
