"""Walls through the state window, by rows as sweeps read them, and one by one as learning does."""

import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import start
from state_driver import StateDriver
from test_walls import BUILD, NETWORK

from crosswall.spec.state import StateMemory, memory_shapes
from crosswall_hdl.walls import CrossbarWalls


@cocotb.test()
async def walls_are_read_and_written_in_every_way(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    shape = memory_shapes(NETWORK, BUILD)[StateMemory.CLUSTERING_WALLS]
    latencies = CrossbarWalls(NETWORK, BUILD)
    for name in ("learning", "lane", "row", "read_row", "write_row", "write_wall", "write_enable"):
        getattr(dut, name).value = 0
    state = StateDriver(dut, "state", lanes=shape.lanes)
    await start(dut)
    words = [generator.getrandbits(shape.bits) for _ in range(shape.rows * shape.lanes)]
    await state.write(words)

    def place():
        return generator.randrange(shape.rows), generator.randrange(shape.lanes)

    for _ in range(50):
        row, lane = place()
        dut.learning.value, dut.lane.value, dut.read_row.value = 1, lane, row
        dut.write_row.value, wall = row, generator.getrandbits(shape.bits)
        await ClockCycles(dut.clk, latencies.wall_latency)
        await FallingEdge(dut.clk)
        assert dut.wall.value == words[row * shape.lanes + lane]
        dut.write_wall.value, dut.write_enable.value = wall, 1
        await FallingEdge(dut.clk)
        dut.write_enable.value = 0
        words[row * shape.lanes + lane] = wall
    dut.learning.value = 0
    for _ in range(50):
        row, _ = place()
        dut.row.value = row
        await ClockCycles(dut.clk, latencies.row_latency)
        await FallingEdge(dut.clk)
        seen = int(dut.walls.value)
        assert [seen >> shape.bits * lane & (1 << shape.bits) - 1
                for lane in range(shape.lanes)] == words[row * shape.lanes:][:shape.lanes]
    assert await state.read(len(words)) == words
