"""Random steps on random crossbars, then the thresholds are read back in both ways."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from drivers import start
from state_driver import StateDriver

from crosswall.spec.network import receptive_fields
from crosswall_hdl.control import RuleValues

STEPS = 40


@cocotb.test()
async def thresholds_rise_and_decay(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network = receptive_fields(**bench_parameters()["geometry"])
    neurons, highest = network.neurons, network.threshold_max
    thresholds = [generator.choice((0, highest, generator.randint(0, highest)))
                  for _ in range(network.crossbars * neurons)]
    state = StateDriver(dut, "state")
    dut.start.value = dut.row_base.value = dut.neuron.value = 0
    await start(dut)
    await state.write(thresholds)
    for _ in range(STEPS):
        base = neurons * generator.randrange(network.crossbars)
        winner = generator.randrange(neurons)
        # Up to the highest threshold or one more, and moves of one more than any threshold.
        to_highest = highest - thresholds[base + winner]
        moves = (0, 1, highest // 3, highest, highest + 1, 1 << 31, to_highest, to_highest + 1)
        rise, decay = (min(generator.choice(moves), (1 << 31) - 1) for _ in range(2))
        dut.rules.value = RuleValues.const({"threshold_rise": rise,
                                            "threshold_decay": decay}).as_bits()
        dut.row_base.value, dut.winner.value = base, winner
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        cycles = 1
        while dut.busy.value == 1:
            await FallingEdge(dut.clk)
            cycles += 1
        assert cycles == neurons + 5
        thresholds[base + winner] = min(highest, thresholds[base + winner] + rise)
        for place in range(base, base + neurons):
            thresholds[place] = max(0, thresholds[place] - decay)
    assert await state.read(len(thresholds)) == thresholds
    for neuron in range(neurons):
        dut.row_base.value, dut.neuron.value = neurons, neuron
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)
        assert dut.threshold.value == thresholds[neurons + neuron]
