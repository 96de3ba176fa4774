"""How long samples stay in the machine alone, and how often they leave it one behind the other."""

import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import StreamSink, StreamSource, start
from overlap_case import CYCLES_BETWEEN_LOADS, ENCODING, HAND_OVER, SAMPLES, overlap_case

from crosswall.spec.sample import RESULT_HEADER_BYTES, Flag, SampleHeader, sample_packet_bytes
from crosswall_hdl.control import RuleValues


@cocotb.test()
async def a_sample_takes_the_cycles_of_its_slowest_station(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build = overlap_case()
    pixels = generator.randbytes(network.pixels)
    dut.rules.value = RuleValues.const({}).as_value().value
    for name in ("capture", "window__strobe", "window__goto"):
        getattr(dut, name).value = 0
    samples = StreamSource(dut, "samples", generator=generator)
    results = StreamSink(dut, "results", generator=generator)
    await start(dut)

    async def busy_cycles(flags, count):
        """Cycles with a sample in the machine, for ``count`` samples one behind the other."""
        before = int(dut.busy_cycles.value)
        for number in range(count):
            samples.send_packet(SampleHeader(number, flags).pack() + pixels)
        for _ in range(count):
            while results.take_packet() is None:
                await FallingEdge(dut.clk)
        while dut.idle.value != 1:
            await FallingEdge(dut.clk)
        await ClockCycles(dut.clk, 2)
        return int(dut.busy_cycles.value) - before

    load = sample_packet_bytes(network) + CYCLES_BETWEEN_LOADS
    clustered = await busy_cycles(Flag(0), 1)
    read = await busy_cycles(Flag.PREDICT, 1)
    # The clustering station scores what is encoded, in less time.
    stations = {"load": load, "encode": ENCODING, "read out": read - clustered}
    print(stations)
    assert stations["read out"] > 1000
    assert stations["encode"] < clustered - load - RESULT_HEADER_BYTES < 2 * stations["encode"]
    several = await busy_cycles(Flag.PREDICT, SAMPLES)
    interval = (several - read) / (SAMPLES - 1)
    assert max(stations.values()) - HAND_OVER <= interval <= max(stations.values()) + HAND_OVER
