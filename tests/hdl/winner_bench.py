"""Rankings full of ties, with and without pauses between candidates."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from drivers import start

from crosswall.spec.network import whole_image
from crosswall.twin.reference import rank
from crosswall_hdl.winner import activation_shape

RANKINGS = 200


@cocotb.test()
async def the_best_are_ranked(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    winners = bench_parameters()["winners"]
    network = whole_image(4, 2, 6, winners=winners)
    width = activation_shape(network).width
    limit = 1 << width - 1
    neuron_bits = (network.neurons - 1).bit_length()
    dut.valid.value = 0
    await start(dut)
    for _ in range(RANKINGS):
        reach = generator.choice((0, 1, 3, limit - 1))
        activations = [generator.choice((-limit, limit - 1, generator.randint(-reach, reach)))
                       if generator.random() < 0.3 else generator.randint(-reach, reach)
                       for _ in range(network.neurons)]
        pause = generator.choice((0, 0.5))
        for neuron, activation in enumerate(activations):
            while generator.random() < pause:
                dut.valid.value = 0
                await FallingEdge(dut.clk)
                assert dut.done.value == 0
            dut.valid.value, dut.neuron.value = 1, neuron
            dut.activation.value = activation % (2 * limit)
            await FallingEdge(dut.clk)
            assert dut.done.value == (neuron == network.neurons - 1)
        dut.valid.value = 0
        ranking = int(dut.winners.value)
        assert [ranking >> neuron_bits * place & (1 << neuron_bits) - 1
                for place in range(winners)] == rank(activations, winners)
