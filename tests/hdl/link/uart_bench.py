"""cocotb bench of the UART: bits are timed here, independently of the gateware's clock."""

import random

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge, Timer
from drivers import PERIOD_NS, StreamSink, StreamSource, start

DIVISOR = bench_parameters()["divisor"]
BIT_PS = DIVISOR * PERIOD_NS * 1000


async def send(dut, byte, *, bit_ps=BIT_PS, stop=1):
    """Put one frame on `rx`."""
    for level in (0, *((byte >> bit) & 1 for bit in range(8)), stop):
        dut.rx.value = level
        await Timer(bit_ps, "ps")
    dut.rx.value = 1


async def receive(dut):
    """Return the next byte on `tx`, which must be a correct frame with bits of exact length."""
    while dut.tx.value == 1:
        await FallingEdge(dut.clk)
    bits = []
    for _ in range(10):
        levels = set()
        for _ in range(DIVISOR):
            levels.add(int(dut.tx.value))
            await FallingEdge(dut.clk)
        assert len(levels) == 1, "the wire changed within a bit"
        bits.append(levels.pop())
    assert bits[0] == 0 and bits[9] == 1
    return sum(bit << place for place, bit in enumerate(bits[1:9]))


async def prepare(dut, ready=1.0):
    """Start the clock; return the generator and the drivers."""
    generator = random.Random(cocotb.RANDOM_SEED)
    dut.rx.value = 1
    source = StreamSource(dut, "to_send", generator=generator)
    sink = StreamSink(dut, "received", generator=generator, probability=ready)
    await start(dut)
    return generator, source, sink


@cocotb.test()
async def receiver_takes_bytes_back_to_back_at_either_end_of_the_baud_tolerance(dut):
    generator, _, sink = await prepare(dut)
    expected = []
    for error in (-0.02, 0.0, 0.02):
        await Timer(generator.randrange(1, PERIOD_NS * 1000), "ps")  # any phase
        for _ in range(20):
            expected.append(generator.randrange(256))
            await send(dut, expected[-1], bit_ps=round(BIT_PS * (1 + error)))
        await Timer(2 * BIT_PS, "ps")
    assert list(sink.received) == expected


@cocotb.test()
async def receiver_drops_framing_errors_spikes_and_breaks(dut):
    _, _, sink = await prepare(dut)
    await send(dut, 0x11)
    await send(dut, 0x22, stop=0)
    await Timer(2 * BIT_PS, "ps")
    dut.rx.value = 0
    await Timer(PERIOD_NS * 1000, "ps")  # a spike of one clock
    dut.rx.value = 1
    await Timer(2 * BIT_PS, "ps")
    dut.rx.value = 0
    await Timer(40 * BIT_PS, "ps")  # a break
    dut.rx.value = 1
    await Timer(2 * BIT_PS, "ps")
    await send(dut, 0x33)
    await Timer(2 * BIT_PS, "ps")
    assert list(sink.received) == [0x11, 0x33]


@cocotb.test()
async def transmitter_sends_back_to_back(dut):
    generator, source, _ = await prepare(dut)
    expected = [0x00, 0xFF, 0x55, *(generator.randrange(256) for _ in range(20))]
    source.send(expected)
    received = []
    for _ in expected:
        received.append(await receive(dut))
        # The next start bit follows at once: `receive` ends on its first clock.
        assert dut.tx.value == (0 if len(received) < len(expected) else 1)
    assert received == expected
