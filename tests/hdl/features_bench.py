"""Random rankings into the feature store; counters against plain addition."""

import random

import cocotb
from bench import bench_parameters
from cases import packed, random_case
from cocotb.triggers import FallingEdge
from drivers import StreamSource, start

from crosswall_hdl.control import Ranking
from crosswall_hdl.features import REPLAY_LATENCY


@cocotb.test()
async def features_equal_sums_of_ranks(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network = random_case(bench_parameters()["seed"], "S").network
    dut.clear.value = dut.replay.value = dut.accumulate.value = 0
    rankings = StreamSource(dut, "rankings", generator=generator, probability=0.5)
    await start(dut)
    for positions in (0, 1, 3, 60, 0, 60):
        accumulate = generator.random() < 0.8
        dut.accumulate.value = accumulate
        expected = {}
        for _ in range(positions):
            silent = generator.random() < 0.3
            region = generator.randrange(network.regions)
            winners = generator.sample(range(network.neurons), network.winners)
            rankings.send([packed(Ranking(network), region=region, silent=silent,
                                  winners=winners)])
            for rank, neuron in enumerate(winners if accumulate and not silent else ()):
                feature = region * network.neurons + neuron
                expected[feature] = min(network.feature_max,
                                        expected.get(feature, 0) + network.winners - rank)
        while rankings.busy or dut.rankings__ready.value != 1:
            await FallingEdge(dut.clk)
        assert dut.count.value == len(expected)
        replayed = []
        for place in range(len(expected) + REPLAY_LATENCY):
            dut.replay.value = min(place, max(0, len(expected) - 1))
            if place >= REPLAY_LATENCY:
                replayed.append((int(dut.feature.value), int(dut.value.value)))
            await FallingEdge(dut.clk)
        assert len(replayed) == len(expected)
        assert dict(replayed) == expected
        dut.clear.value = 1
        await FallingEdge(dut.clk)
        dut.clear.value = 0
    while dut.rankings__ready.value != 1:
        await FallingEdge(dut.clk)
    assert dut.count.value == 0
