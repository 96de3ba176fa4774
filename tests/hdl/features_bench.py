"""Random rankings into the feature store; counters against plain addition."""

import random

import cocotb
from bench import bench_parameters
from cases import packed, random_case
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import StreamSource, start

from crosswall_hdl.control import Ranking
from crosswall_hdl.features import FeatureBanks, FeatureStore

POSITIONS = (0, 1, 3, 60, 0, 60, 25)


async def pulse(dut, name):
    """Raise a port for one cycle."""
    getattr(dut, name).value = 1
    await FallingEdge(dut.clk)
    getattr(dut, name).value = 0


def random_rankings(generator, network, positions):
    """Payloads and the features they add up to; a few neurons win again and again."""
    favourites = generator.sample(range(network.neurons), network.winners)
    expected, payloads = {}, []
    for _ in range(positions):
        silent = generator.random() < 0.2
        region = generator.choice((0, generator.randrange(network.regions)))
        winners = generator.choice((generator.sample(range(network.neurons), network.winners),
                                    generator.sample(favourites, network.winners)))
        payloads.append(packed(Ranking(network), region=region, silent=silent, winners=winners))
        for rank, neuron in enumerate(() if silent else winners):
            feature = region * network.neurons + neuron
            expected[feature] = min(network.feature_max,
                                    expected.get(feature, 0) + network.winners - rank)
    return payloads, expected


async def check_replay(dut, expected, latency):
    """What is replayed is the expected counters, each once."""
    assert dut.count.value == len(expected)
    replayed = []
    for place in range(len(expected) + latency):
        dut.replay.value = min(place, max(0, len(expected) - 1))
        if place >= latency:
            replayed.append((int(dut.feature.value), int(dut.value.value)))
        await FallingEdge(dut.clk)
    assert len(replayed) == len(expected)
    assert dict(replayed) == expected


async def started(dut):
    """Start the clock with all inputs at rest; return network, stream and generator."""
    generator = random.Random(cocotb.RANDOM_SEED)
    network = random_case(bench_parameters()["seed"], "S").network
    dut.clear.value = dut.replay.value = dut.accumulate.value = 0
    if bench_parameters()["banks"]:
        dut.finish.value = 0
    rankings = StreamSource(dut, "rankings", generator=generator,
                            probability=generator.choice((0.5, 1)))
    await start(dut)
    return generator, network, rankings


@cocotb.test()
async def features_equal_sums_of_ranks(dut):
    generator, network, rankings = await started(dut)
    banks = bench_parameters()["banks"]
    latency = (FeatureBanks if banks else FeatureStore).replay_latency
    for positions in POSITIONS:
        accumulate = generator.random() < 0.8
        dut.accumulate.value = accumulate
        payloads, expected = random_rankings(generator, network, positions)
        rankings.send(payloads)
        while rankings.busy:
            await FallingEdge(dut.clk)
        if banks:
            await pulse(dut, "finish")
        while dut.counted.value != 1:
            await FallingEdge(dut.clk)
        await check_replay(dut, expected if accumulate else {}, latency)
        await pulse(dut, "clear")
    await ClockCycles(dut.clk, network.features + 8)  # cleared, for the next test


@cocotb.test(skip=bench_parameters().get("banks", 0) < 2)
async def a_sample_is_counted_while_the_one_before_it_is_replayed(dut):
    generator, network, rankings = await started(dut)
    dut.accumulate.value = 1
    payloads, counted = random_rankings(generator, network, POSITIONS[0])
    rankings.send(payloads)
    for positions in (*POSITIONS[1:], 0):
        while rankings.busy:
            await FallingEdge(dut.clk)
        await pulse(dut, "finish")
        payloads, following = random_rankings(generator, network, positions)
        rankings.send(payloads)
        while dut.counted.value != 1:
            await FallingEdge(dut.clk)
        await check_replay(dut, counted, FeatureBanks.replay_latency)
        await pulse(dut, "clear")
        counted = following
    await ClockCycles(dut.clk, network.features + 8)


@cocotb.test(skip=not bench_parameters().get("banks", 0))
async def a_winner_takes_a_cycle(dut):
    generator, network, rankings = await started(dut)
    rankings.probability = 1
    dut.accumulate.value = 1
    positions = 40
    payloads, _ = random_rankings(generator, network, positions)
    silent = sum(Ranking(network).from_bits(payload).silent for payload in payloads)
    rankings.send(payloads)
    cycles = 0
    while rankings.busy:
        await FallingEdge(dut.clk)
        cycles += 1
    assert cycles <= (positions - silent) * network.winners + silent + 2
