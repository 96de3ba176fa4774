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
    unpack_sample,
)
from crosswall_hdl.link.unpacker import SampleUnpacker

PIXELS, AT_ONCE = (bench_parameters()[name] for name in ("pixels", "at_once"))
UNPACKER = SampleUnpacker(pixels=PIXELS, pixels_at_once=AT_ONCE)
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
    received = []
    while len(received) < len(packets) or source.busy:
        await FallingEdge(dut.clk)
        while (sample := sink.take_sample(AT_ONCE)) is not None:
            assert len(sample) - len(expected[0]) < AT_ONCE
            received.append(sample[:len(expected[0])])  # the last row's rest means nothing
    cycles = round((get_sim_time("ns") - begin) / PERIOD_NS)
    assert received == expected
    assert not sink.received
    return cycles


@cocotb.test()
async def any_bytes_become_whole_samples_in_the_cycles_said(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    packets = [any_packet(generator) for _ in range(SAMPLES)]
    expected = sum(map(UNPACKER.cycles, packets))
    assert expected <= await unpack(dut, packets) <= expected + 4


@cocotb.test()
async def any_bytes_become_whole_samples_when_both_sides_pause(dut):
    generator = random.Random(cocotb.RANDOM_SEED + 1)
    await unpack(dut, [any_packet(generator) for _ in range(SAMPLES)], valid=0.5, ready=0.6)


@cocotb.test()
async def well_packed_samples_become_whole_ones(dut):
    generator = random.Random(cocotb.RANDOM_SEED + 2)
    packets = packed_samples(generator)
    expected = sum(map(UNPACKER.cycles, packets))
    assert expected <= await unpack(dut, packets) <= expected + 4
