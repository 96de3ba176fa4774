"""Places with random gaps, over several keys."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from drivers import start

from crosswall.spec.draws import STATIC_SAMPLE, Stage, draw

KEYS = 4
CYCLES = 200


@cocotb.test()
async def every_place_gets_its_draw(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    latency = bench_parameters()["latency"]
    dut.valid.value = 0
    await start(dut)
    for key in range(KEYS):
        seed = generator.getrandbits(32)
        sample = STATIC_SAMPLE if key == 0 else generator.getrandbits(32)
        dut.seed.value, dut.sample.value = seed, sample
        expected = []
        for cycle in range(CYCLES + latency):
            valid = cycle < CYCLES and generator.random() < 0.7
            stage, place = generator.choice(list(Stage)), generator.getrandbits(28)
            dut.valid.value, dut.stage.value, dut.place.value = valid, stage, place
            expected.append(draw(seed, sample, stage, place) if valid else None)
            await FallingEdge(dut.clk)
            due = expected[cycle + 1 - latency] if cycle + 1 >= latency else None
            assert dut.draw_valid.value == (due is not None)
            if due is not None:
                assert dut.draw.value == due
