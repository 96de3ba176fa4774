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
    latency, interval = bench_parameters()["latency"], bench_parameters()["interval"]
    dut.draws__valid.value = 0
    await start(dut)
    for key in range(KEYS):
        seed = generator.getrandbits(32)
        sample = STATIC_SAMPLE if key == 0 else generator.getrandbits(32)
        dut.seed.value, dut.sample.value = seed, sample
        expected = []
        last = -interval
        for cycle in range(CYCLES * interval + latency):
            valid = (cycle < CYCLES * interval and cycle - last >= interval
                     and generator.random() < 0.7)
            last = cycle if valid else last
            stage, place = generator.choice(list(Stage)), generator.getrandbits(28)
            dut.draws__valid.value = valid
            dut.draws__stage.value, dut.draws__place.value = stage, place
            expected.append(draw(seed, sample, stage, place) if valid else None)
            await FallingEdge(dut.clk)
            due = expected[cycle + 1 - latency] if cycle + 1 >= latency else None
            assert dut.draws__draw_valid.value == (due is not None)
            if due is not None:
                assert dut.draws__draw.value == due
