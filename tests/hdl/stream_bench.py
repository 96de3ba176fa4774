"""Samples of every kind behind samples of every kind, several in the machine at once."""

import random

import cocotb
from bench import bench_parameters
from cases import packed, random_pixels, random_race, random_rules, random_table, rule_values
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly
from drivers import StreamSink, StreamSource, start
from machine_bench import LEARNED, Window, capture, halves, load
from stream_case import STREAMS, each_after_each

from crosswall.spec.rules import ClusteringRule
from crosswall.spec.sample import Result, SampleHeader
from crosswall.spec.state import StateMemory
from crosswall.twin.activity import ObservedMachine
from crosswall_hdl.control import RuleValues
from crosswall_hdl.cost import Schedule

AT_ONCE = 3
"""Samples that are in the machine together at some time, at least; one, if they took turns."""

PAUSED = 20
"""Samples in a row where answers wait, which takes long."""


class Together:
    """Counts the samples whose last byte came and whose answer is not complete."""

    def __init__(self, dut, at_once):
        self.most = 0
        self._dut, self._last = dut, 8 * at_once
        cocotb.start_soon(self._run())

    async def _run(self):
        dut, now = self._dut, 0
        while True:
            await FallingEdge(dut.clk)
            await ReadOnly()
            if dut.samples__valid.value == 1 and dut.samples__ready.value == 1:
                now += int(dut.samples__payload.value) >> self._last & 1
            if dut.results__valid.value == 1 and dut.results__ready.value == 1:
                now -= int(dut.results__payload.value) >> 8 & 1
            self.most = max(self.most, now)


async def pause(sink, generator, clock):
    """Let the sink take what comes, now and then, or nothing for longer than a sample takes."""
    while True:
        for probability, longest in ((1, 600), (0.1, 200), (1, 600), (0, 2000)):
            sink.probability = probability
            await ClockCycles(clock, generator.randint(1, longest))


async def stream(dut, *, pauses):
    """All samples; returns the reference, its cost model and how many were in the machine."""
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build, kinds = STREAMS[bench_parameters()["stream"]]
    rules = random_rules(generator, network, random_race(generator, network))
    tables = [random_table(generator, network, static_spread=build.static_spread)
              for _ in range(2)]
    reference = ObservedMachine(network, rules, *tables)
    state = reference.state
    dut.rules.value = packed(RuleValues, **rule_values(
        rules, *(table.stuck_threshold for table in tables)))
    dut.capture.value = 0
    window = Window(dut)
    samples = StreamSource(dut, "samples", generator=generator)
    results = StreamSink(dut, "results", generator=generator)
    together = Together(dut, build.pixels_at_once)
    await start(dut)
    await load(window, state, tables)

    model = {"stdp": rules.clustering_rule == ClusteringRule.STDP}
    schedule, alone = Schedule(network, build, **model), Schedule(network, build, **model)
    expected = []
    sequence = each_after_each(kinds)
    if pauses:
        first = generator.randrange(len(sequence) - PAUSED)
        sequence = sequence[first:first + PAUSED]
    for number, flags in enumerate(sequence):
        header = SampleHeader(
            number, flags, label=generator.choice((generator.randrange(network.classes),
                                                   generator.randrange(network.classes), 0xFF)),
            clustering_pulse_shift=generator.randrange(5),
            clustering_gate_shift=generator.randrange(4),
            readout_pulse_shift=generator.randrange(5), readout_gate_shift=generator.randrange(5))
        pixels = random_pixels(generator, network)
        expected.append(reference.process(header, pixels))
        schedule.add(reference.activity)
        alone.add(reference.activity)
        alone.rest()
        samples.send_sample(header.pack() + pixels, build.pixels_at_once, in_parts=pauses)
    if pauses:
        cocotb.start_soon(pause(results, generator, dut.clk))
    for result in expected:
        while (packet := results.take_packet()) is None:
            await FallingEdge(dut.clk)
        assert Result.unpack(packet, network) == result
        assert packet == result.pack(network)
    # After pauses the state is read behind the last answer, whatever is still going on.
    while dut.idle.value != 1 and not pauses:
        await FallingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut._log.info(f"{dut.busy_cycles.value.to_unsigned()} cycles, {schedule.busy_cycles} said, "
                  f"{alone.busy_cycles} alone; {together.most} at once")
    await capture(dut)
    assert await window.read(StateMemory.LEDGER, 2 * len(state.ledger)) == halves(state.ledger)
    for memory in LEARNED:
        words = getattr(state, memory.name.lower()).ravel().tolist()
        assert await window.read(memory, len(words)) == words
    assert together.most >= AT_ONCE
    return schedule.busy_cycles, alone.busy_cycles


@cocotb.test()
async def each_kind_of_sample_follows_each_without_a_pause(dut):
    together, alone = await stream(dut, pauses=False)
    assert dut.busy_cycles.value == together
    assert together != alone  # which is what they take one at a time


@cocotb.test()
async def each_kind_of_sample_follows_each_while_answers_wait(dut):
    await stream(dut, pauses=True)
