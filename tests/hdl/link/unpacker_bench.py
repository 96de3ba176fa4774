"""cocotb benches of the unpacker: any bytes, and how long well packed samples take."""

import random

import cocotb
import numpy as np
from bench import bench_parameters
from cocotb.triggers import FallingEdge
from cocotb.utils import get_sim_time
from drivers import PERIOD_NS, StreamSink, StreamSource, start

from crosswall.link import pack_pixels
from crosswall.spec.packing import (
    MAX_ZEROS,
    PACKING_PLACE,
    PACKINGS,
    RUNS,
    ZERO_BITS,
    unpack_sample,
)
from crosswall.spec.sample import SAMPLE_HEADER_BYTES

PIXELS = bench_parameters()["pixels"]
HEADER = bytes(PACKING_PLACE)
SAMPLES = 80


def any_packet(generator):
    """A packed sample as no host would make it."""
    length = generator.choice([0, PIXELS, generator.randint(0, PIXELS), min(2, PIXELS)])
    body = bytes(generator.choice([0, generator.randrange(256), generator.randrange(256) | 0xC0,
                                   generator.randrange(MAX_ZEROS + 1)]) for _ in range(length))
    return (generator.randbytes(PACKING_PLACE) + bytes([generator.randrange(PACKINGS)])
            + generator.randbytes(1) + body)


def packed_samples(generator):
    """Sparse and dense images of all widths, each in its shortest packing."""
    random = np.random.default_rng(generator.getrandbits(32))
    shape = (SAMPLES, PIXELS)
    unit = random.choice([1, 17, 85, 255], (SAMPLES, 1))
    ink = random.random(shape) < random.random((SAMPLES, 1))
    pixels = np.where(ink, random.integers(0, 256, shape) // unit * unit, 0).astype(np.uint8)
    return [HEADER + bytes([packing, 0]) + data for packing, data in pack_pixels(pixels)]


def tokens_without_zeros(packet):
    """How many runs of a packet begin with no zeros."""
    if not packet[PACKING_PLACE] & RUNS:
        return 0
    count, place = 0, SAMPLE_HEADER_BYTES
    while place < len(packet):
        count += packet[place] & MAX_ZEROS == 0
        place += 1 + (packet[place] >> ZERO_BITS)
    return count


async def unpack(dut, packets, *, valid=1.0, ready=1.0):
    """Send packets through; return the cycles that they took."""
    generator = random.Random(cocotb.RANDOM_SEED)
    source = StreamSource(dut, "packed", generator=generator, probability=valid)
    sink = StreamSink(dut, "samples", generator=generator, probability=ready)
    await start(dut)
    begin = get_sim_time("ns")
    for packet in packets:
        source.send_packet(packet)
    expected = [unpack_sample(packet, PIXELS) for packet in packets]
    while len(sink.received) < sum(map(len, expected)) or source.busy:
        await FallingEdge(dut.clk)
    cycles = round((get_sim_time("ns") - begin) / PERIOD_NS)
    for each in expected:
        assert sink.take_packet() == each
    assert not sink.received
    return cycles


@cocotb.test()
async def any_bytes_become_whole_samples_at_full_speed(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    await unpack(dut, [any_packet(generator) for _ in range(SAMPLES)])


@cocotb.test()
async def any_bytes_become_whole_samples_when_both_sides_pause(dut):
    generator = random.Random(cocotb.RANDOM_SEED + 1)
    await unpack(dut, [any_packet(generator) for _ in range(SAMPLES)], valid=0.5, ready=0.6)


@cocotb.test()
async def a_pixel_takes_a_cycle_and_so_does_a_token_without_zeros(dut):
    generator = random.Random(cocotb.RANDOM_SEED + 2)
    packets = packed_samples(generator)
    cycles = await unpack(dut, packets)
    expected = sum(SAMPLE_HEADER_BYTES + PIXELS + tokens_without_zeros(packet)
                   for packet in packets)
    assert expected <= cycles <= expected + 4
