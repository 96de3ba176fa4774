"""cocotb bench of the COBS encoder and decoder against the `cobs` package."""

import random

import cocotb
from cobs import cobs
from cocotb.triggers import ClockCycles
from drivers import StreamSink, StreamSource, start

END = 0x100
BROKEN = 0x200


def packets(generator, count):
    """Packets around the lengths where blocks end, poor and rich in zeros."""
    for _ in range(count):
        length = generator.choice([1, 2, 10, 253, 254, 255, 256, 508, 509, 600])
        zeros = generator.choice([0.0, 0.01, 0.5, 1.0])
        yield bytes(0 if generator.random() < zeros else generator.randrange(1, 256)
                    for _ in range(length))


async def until_quiet(dut, sink):
    """Wait until nothing more comes out."""
    count = -1
    while count != len(sink.received):
        count = len(sink.received)
        await ClockCycles(dut.clk, 700)


async def encode(dut, valid, ready):
    generator = random.Random(cocotb.RANDOM_SEED)
    source = StreamSource(dut, "packet", generator=generator, probability=valid)
    sink = StreamSink(dut, "encoded", generator=generator, probability=ready)
    await start(dut)
    sent = list(packets(generator, 12))
    for packet in sent:
        source.send_packet(packet)
    while source.busy:
        await ClockCycles(dut.clk, 100)
    await until_quiet(dut, sink)
    assert bytes(sink.received) == b"".join(cobs.encode(packet) + b"\0" for packet in sent)


@cocotb.test()
async def encoder_agrees_with_the_package_at_full_speed(dut):
    await encode(dut, 1.0, 1.0)


@cocotb.test()
async def encoder_agrees_with_the_package_when_both_sides_pause(dut):
    await encode(dut, 0.6, 0.4)


@cocotb.test()
async def encoder_takes_about_one_byte_per_cycle(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    source = StreamSource(dut, "packet", generator=generator)
    sink = StreamSink(dut, "encoded", generator=generator)
    await start(dut)
    for _ in range(8):
        source.send_packet(bytes([1] * 500))
    await ClockCycles(dut.clk, 4000)
    # A cycle per 254 bytes and two per packet go to codes; the first block is built unsent.
    assert len(sink.received) > 4000 - 254 - 8 * 6


@cocotb.test()
async def decoder_agrees_with_the_package_and_recovers_at_each_delimiter(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    source = StreamSource(dut, "wire", generator=generator, probability=0.8)
    sink = StreamSink(dut, "frame", generator=generator, probability=0.7)
    await start(dut)
    wire, expected = b"", []
    for packet in packets(generator, 16):
        encoded = cobs.encode(packet)
        if generator.random() < 0.4:  # cut off somewhere, perhaps within a block
            encoded = encoded[:generator.randrange(len(encoded))]
        wire += encoded + b"\0"
        try:
            expected.append(cobs.decode(encoded))
        except cobs.DecodeError:
            expected.append(None)
    source.send(wire)
    while source.busy:
        await ClockCycles(dut.clk, 100)
    await until_quiet(dut, sink)
    decoded, data = [], b""
    for token in sink.received:
        if token & END:
            decoded.append(None if token & BROKEN else data)
            data = b""
        else:
            data += bytes([token & 0xFF])
    assert decoded == expected
