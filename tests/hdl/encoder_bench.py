"""Random samples, some just silent and some just not; headers are accepted after random pauses,
and slots read meanwhile."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import start
from geometries import GEOMETRIES

from crosswall.twin.reference import encode_position
from crosswall_hdl.encoder import Code, Event, PositionHeader

SAMPLES = 16
WAIT_LIMIT = 200


async def read(dut, address, data, index):
    """A word of one of the encoder's two memories."""
    getattr(dut, address).value = index
    await FallingEdge(dut.clk)
    getattr(dut, address).value = 0
    await FallingEdge(dut.clk)
    return int(getattr(dut, data).value)


async def check_position(dut, network, encoded):
    """The offered position is the encoded one."""
    header = PositionHeader(network).from_bits(int(dut.headers__payload.value))
    active = [(line, code) for line, code in enumerate(encoded.codes) if code]
    assert header.silent == encoded.silent
    assert header.active_lines == len(active)
    assert header.codes == sum(encoded.codes)
    if encoded.silent:
        return
    events = [Event(network).from_bits(await read(dut, "slot", "event", slot))
              for slot in range(len(active))]
    assert sorted((event.line, event.code) for event in events) == active
    places = [event.line % network.fan_in for event in events]
    assert places == sorted(places), "events must ascend in pixels"
    for pixel in range(network.fan_in):
        code = Code(network).from_bits(await read(dut, "pixel", "code", pixel))
        lines = encoded.codes[pixel::network.fan_in]
        assert code.code == sum(lines)
        assert code.code == lines[code.off]


@cocotb.test()
async def positions_are_encoded(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network, _ = GEOMETRIES[bench_parameters()["geometry"]]
    dut.start.value = dut.headers__ready.value = dut.pixels__enable.value = 0
    await start(dut)
    for _ in range(SAMPLES):
        level, noise = generator.choice((0, 10, 60, 255)), generator.choice((0, 3, 20, 200))
        pixels = [min(255, max(0, level + generator.randint(-noise, noise)))
                  for _ in range(network.pixels)]
        peak = max(silence for silence in range(257)
                   if not encode_position(network, silence, pixels, 0).silent)
        silence = generator.choice((0, 5, 40, 256, peak, min(256, peak + 1)))
        dut.silence.value = silence
        dut.pixels__enable.value = 1
        for address, pixel in enumerate(pixels):
            dut.pixels__address.value, dut.pixels__data.value = address, pixel
            await FallingEdge(dut.clk)
        dut.pixels__enable.value = 0
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        for position in range(network.positions):
            for _ in range(WAIT_LIMIT):
                if dut.headers__valid.value == 1:
                    break
                await FallingEdge(dut.clk)
            await check_position(dut, network, encode_position(network, silence, pixels, position))
            await ClockCycles(dut.clk, generator.choice((1, 2, 100)))
            await FallingEdge(dut.clk)
            dut.headers__ready.value = 1
            await FallingEdge(dut.clk)
            dut.headers__ready.value = 0
        assert dut.headers__valid.value == 0
