"""Cycles of samples with the geometry of MNIST, silent positions or none, learning or not."""

import random

import cocotb
from bench import bench_parameters
from clustering_bench import Bench, RecordingMachine, check_sample, random_rules, random_table
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import start
from geometries import mnist_fields

from crosswall.spec.rules import ClusteringRule
from crosswall.spec.sample import Flag, SampleHeader
from crosswall.twin.state import MachineState
from crosswall_hdl.control import Ranking


def vivid(generator, network):
    """No position is silent."""
    return [generator.choice((0, 255)) for _ in range(network.pixels)]


def framed(generator, network):
    """Only the inner 14 × 14 pixels are not blank."""
    return [generator.choice((0, 255)) if 7 <= place // 28 < 21 and 7 <= place % 28 < 21 else 0
            for place in range(network.pixels)]


@cocotb.test()
async def cycles_are_those_of_the_formulas(dut):
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build = mnist_fields(parameters["neurons"], parameters["positions"])
    await start(dut)
    bench = Bench(dut, network, build, generator, 1.0)
    rules = random_rules(generator, network, ClusteringRule.MATCH)
    table = random_table(generator, network, build.static_spread)
    machine = RecordingMachine(network, rules, table, table,
                               MachineState.initial(network, rules.seed))
    await bench.load(machine)

    async def process(flags, pixels):
        """One sample; returns for each position whether it was silent, and the cycles."""
        header = SampleHeader(generator.getrandbits(31), flags | Flag.SEND_WINNERS, 0)
        before = machine.ledger
        result = machine.process(header, pixels)
        rankings, tallies, cycles = await bench.process(header, pixels)
        check_sample(network, machine, before, result, rankings, tallies)
        dut._log.info(f"{tallies.scored} positions scored in {cycles} cycles, flags {flags:#x}")
        return [neuron < 0 for neuron in result.winners], cycles

    fan_in, side_by_side = network.fan_in, build.positions
    latency, pace = parameters["latency"], parameters["pace"]
    silent, cycles = await process(0, vivid(generator, network))
    assert not any(silent)
    last = network.positions - 1
    assert cycles == (fan_in * (last // side_by_side) + parameters["gap"] * (last % side_by_side)
                      + latency)

    silent, cycles = await process(0, framed(generator, network))
    first, last = pace * silent.index(False), silent.count(False) - 1
    assert 0 < last < 2 * network.positions // 3
    assert cycles <= (first + fan_in * (last // side_by_side + 1) + latency
                      + silent[::-1].index(False))

    silent, cycles = await process(Flag.LEARN_CLUSTERING, framed(generator, network))
    first, last = pace * silent.index(False), silent.count(False) - 1
    learning = parameters["learning_cycles"]
    assert 0 <= cycles - (first + learning * last + latency) <= learning


@cocotb.test()
async def samples_follow_each_other_without_a_pause(dut):
    """So many of them that every slot changes from sample to sample, all rankings taken at once."""
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build = mnist_fields(parameters["neurons"], parameters["positions"])
    await start(dut)
    bench = Bench(dut, network, build, generator, 1.0)
    dut.sample.value = dut.rules.value = 0
    done = []

    async def give():
        """Ask for the rankings of the sample that was started, and wait for them."""
        dut.give.value = 1
        await FallingEdge(dut.clk)
        dut.give.value = 0
        cycles = 1
        while dut.done.value == 0:
            await FallingEdge(dut.clk)
            cycles += 1
        await FallingEdge(dut.clk)
        done.append(len(bench.sink.received))
        return cycles + 1

    async def begin():
        await bench.write(vivid(generator, network))
        while dut.ready.value == 0:
            await FallingEdge(dut.clk)
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0

    await begin()
    given = cocotb.start_soon(give())
    for _ in range(2):
        await begin()
        await given
        given = cocotb.start_soon(give())
    cycles = await given
    assert done == [network.positions * count for count in (1, 2, 3)]
    assert cycles == network.fan_in * network.positions // build.positions


@cocotb.test()
async def rankings_that_wait_for_long_keep_their_order(dut):
    """Until as many positions have begun as may, with another sample behind them."""
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build = mnist_fields(parameters["neurons"], parameters["positions"])
    await start(dut)
    bench = Bench(dut, network, build, generator, 0.0)
    rules = random_rules(generator, network, ClusteringRule.MATCH)
    table = random_table(generator, network, build.static_spread)
    machine = RecordingMachine(network, rules, table, table,
                               MachineState.initial(network, rules.seed))
    await bench.load(machine)
    dut.sample.value = 0
    expected = []

    async def begin():
        pixels = vivid(generator, network)
        machine.process(SampleHeader(0, 0), pixels)
        expected.append(machine.rankings)
        await bench.write(pixels)
        while dut.ready.value == 0:
            await FallingEdge(dut.clk)
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0

    await begin()
    following = cocotb.start_soon(begin())
    layout = Ranking(network)
    for sample in range(2):
        dut.give.value = 1
        await FallingEdge(dut.clk)
        dut.give.value = 0
        bench.sink.probability = 0
        await ClockCycles(dut.clk, network.fan_in * network.positions // build.positions)
        await FallingEdge(dut.clk)
        assert not bench.sink.received
        bench.sink.probability = 0.3
        while dut.done.value == 0:
            await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        rankings = [layout.from_bits(payload) for payload in bench.sink.received]
        assert [ranking.position for ranking in rankings] == list(range(network.positions))
        assert [[ranking.winners[place] for place in range(network.winners)]
                for ranking in rankings] == expected[sample]
        bench.sink.received.clear()
        await following
