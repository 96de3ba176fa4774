"""A board's memory for cocotb: `crosswall_hdl.burst.BurstMemory` with random pauses."""

import random
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

from crosswall.spec.store import BURST_WORDS, PLACE_UNIT, WORD_BYTES


class MemoryModel:
    """Does the bursts that the component asks for on its interface `name`.

    `probability` is the chance per cycle that a pause, before a burst or a word, ends. The memory
    holds `size` bytes of `content`, zero at first.
    """

    def __init__(self, dut: Any, name: str, size: int, *, generator: random.Random,
                 probability: float = 1.0) -> None:
        self.content = bytearray(size)
        self._clock = dut.clk
        self._ports = {port: getattr(dut, f"{name}__{port}") for port in (
            "request__valid", "request__ready", "request__payload", "write_data", "write_taken",
            "read_data", "read_valid")}
        self._places = size // PLACE_UNIT
        self._generator = generator
        self._probability = probability
        self._drive()
        cocotb.start_soon(self._run())

    def _drive(self, *, ready: int = 0, write_taken: int = 0, word: int | None = None) -> None:
        self._ports["request__ready"].value = ready
        self._ports["write_taken"].value = write_taken
        self._ports["read_valid"].value = word is not None
        self._ports["read_data"].value = self._generator.randrange(1 << 16) \
            if word is None else word

    async def _pause(self) -> None:
        """Until the falling edge of the next cycle in which something is done."""
        await FallingEdge(self._clock)
        while self._generator.random() >= self._probability:
            self._drive()
            await FallingEdge(self._clock)

    async def _run(self) -> None:
        while True:
            await self._pause()
            self._drive(ready=1)
            await ReadOnly()
            if self._ports["request__valid"].value != 1:
                continue
            request = int(self._ports["request__payload"].value)
            start = request % self._places * PLACE_UNIT
            for at in range(start, start + BURST_WORDS * WORD_BYTES, WORD_BYTES):
                await self._pause()
                if request // self._places:
                    self._drive(write_taken=1)
                    await ReadOnly()
                    word = int(self._ports["write_data"].value)
                    self.content[at:at + WORD_BYTES] = word.to_bytes(WORD_BYTES, "little")
                else:
                    self._drive(word=int.from_bytes(self.content[at:at + WORD_BYTES], "little"))
