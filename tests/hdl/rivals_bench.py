"""Candidates with ties and extremes; margins that the own neuron's lead keeps, or just misses."""

import random

import cocotb
from bench import bench_parameters
from cases import random_network
from cocotb.triggers import FallingEdge
from drivers import start

POSITIONS = 150
HIGHEST_MARGIN = (1 << 31) - 1


@cocotb.test()
async def best_of_a_class_and_of_the_others_are_found(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network = random_network(random.Random(bench_parameters()["seed"]), "W", labelled_neurons=True)
    neurons, classes = network.neurons, network.classes
    lowest, highest = -network.threshold_max, network.fan_in * 255 * ((1 << network.code_bits) - 1)
    dut.valid.value = 0
    await start(dut)
    for _ in range(POSITIONS):
        several = [generator.randint(lowest, highest) for _ in range(3)] + [lowest, highest]
        activations = [generator.choice(several) for _ in range(neurons)]
        label = generator.randrange(classes)
        own = max(range(label, neurons, classes), key=lambda j: (activations[j], -j))
        rival = max((j for j in range(neurons) if j % classes != label),
                    key=lambda j: (activations[j], -j))
        lead = activations[own] - activations[rival]
        margin = max(0, min(HIGHEST_MARGIN, lead + generator.choice((-1, 0, 1))))
        dut.label.value, dut.margin.value = label, margin
        for neuron, activation in enumerate(activations):
            while generator.random() < 0.2:
                dut.valid.value = 0
                await FallingEdge(dut.clk)
            dut.valid.value, dut.neuron.value = 1, neuron
            dut.activation.value = activation
            await FallingEdge(dut.clk)
        dut.valid.value = 0
        await FallingEdge(dut.clk)
        assert (int(dut.own.value), int(dut.rival.value)) == (own, rival)
        assert dut.missed.value == (lead < margin)
