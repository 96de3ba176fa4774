"""cocotb bench of the SDRAM controller: what is written comes back, by the chip's rules."""

import random
from collections import deque

import cocotb
from bench import bench_parameters
from cocotb.triggers import FallingEdge, ReadOnly
from drivers import StreamSource, start
from sdram_chip import ChipModel

from crosswall.spec.store import BURST_WORDS
from crosswall_hdl.sdram import SdramChip

CHIP = SdramChip(**bench_parameters()["chip"])
PERIOD = 1e9 / bench_parameters()["clock_frequency"]
PLACES = CHIP.size // 16


class User:
    """Asks for bursts; ``read`` is what came back."""

    def __init__(self, dut, *, probability=1.0):
        self.dut = dut
        self.generator = random.Random(cocotb.RANDOM_SEED)
        self.requests = StreamSource(dut, "memory__request", generator=self.generator,
                                     probability=probability)
        self.read = []
        self._to_write = deque()
        self.chip = ChipModel(dut, cas_latency=CHIP.cas_latency, power_up=CHIP.power_up,
                              period=PERIOD)
        cocotb.start_soon(self._move())

    def ask(self, place, words=None):
        self._to_write.extend(words or ())
        self.requests.send([place | (words is not None) * PLACES])

    async def _move(self):
        while True:
            await FallingEdge(self.dut.clk)
            self.dut.memory__write_data.value = self._to_write[0] if self._to_write else 0xBAD
            await ReadOnly()
            if self.dut.memory__write_taken.value == 1:
                self._to_write.popleft()
            if self.dut.memory__read_valid.value == 1:
                self.read.append(int(self.dut.memory__read_data.value))

    async def until_done(self, words):
        """Return the cycles until all is asked for and `words` were read."""
        cycles = 0
        while self.requests.busy or self._to_write or len(self.read) < words:
            await FallingEdge(self.dut.clk)
            cycles += 1
            assert cycles < 100_000
        return cycles


async def read_what_was_written(dut, bursts, probability):
    user = User(dut, probability=probability)
    await start(dut)
    expected, written = [], {}
    choose = user.generator
    # Few rows and banks, so that a bank is used again at once, and the highest address.
    places = [PLACES - 1, *(choose.randrange(PLACES) for _ in range(6)), *range(4)]
    for _ in range(bursts):
        place = choose.choice(places)
        if choose.randrange(2) or place not in written:
            written[place] = [choose.randrange(1 << 16) for _ in range(BURST_WORDS)]
            user.ask(place, written[place])
        else:
            user.ask(place)
            expected += written[place]
    await user.until_done(len(expected))
    assert user.read == expected
    assert len(user.chip.content) == BURST_WORDS * len(written)


@cocotb.test()
async def memory_gives_back_what_was_written_without_a_pause(dut):
    await read_what_was_written(dut, 150, 1.0)


@cocotb.test()
async def memory_gives_back_what_was_written_and_is_refreshed_while_it_rests(dut):
    await read_what_was_written(dut, 100, 0.02)


@cocotb.test()
async def reading_keeps_ahead_of_a_byte_in_a_cycle(dut):
    user = User(dut)
    await start(dut)
    user.ask(0)
    await user.until_done(BURST_WORDS)
    for place in range(64):
        user.ask(place)
    cycles = await user.until_done(65 * BURST_WORDS)
    dut._log.info("%.2f cycles a burst", cycles / 64)
    assert cycles / 64 < 2 * BURST_WORDS
