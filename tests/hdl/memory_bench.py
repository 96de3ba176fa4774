"""Random reads and writes of a few rows at both ends of a memory."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from drivers import start

CYCLES = 1500


@cocotb.test()
async def reads_give_what_was_written(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    parameters = bench_parameters()
    lanes, bits = parameters["lanes"], parameters["bits"]
    rows = [*range(6), *range(parameters["rows"] - 6, parameters["rows"])]
    lane_mask = (1 << bits) - 1
    contents = {}

    def drive(write_row, enable, words, read_row):
        dut.write_row.value, dut.write_enable.value = write_row, enable
        dut.write_data.value, dut.read_row.value = words, read_row
        for lane in range(lanes):
            if enable >> lane & 1:
                mask = lane_mask << bits * lane
                contents[write_row] = contents.get(write_row, 0) & ~mask | words & mask

    await start(dut)
    for row in rows:
        drive(row, (1 << lanes) - 1, generator.getrandbits(bits * lanes), rows[0])
        await FallingEdge(dut.clk)
    due, before = [None], None
    for _ in range(CYCLES):
        write_row, read_row = generator.sample(rows, 2)
        enable = generator.getrandbits(lanes) if generator.random() < 0.5 else 0
        if parameters["register_address"] and enable and write_row == before:
            due[-1] = None  # the row is read as it is written, which gives anything
        before = read_row
        readable = not (enable and parameters["single_port"])
        due.append(contents[read_row] if readable else None)
        drive(write_row, enable, generator.getrandbits(bits * lanes), read_row)
        await FallingEdge(dut.clk)
        expected = due.pop(0)
        if expected is not None:
            assert dut.read_data.value == expected
