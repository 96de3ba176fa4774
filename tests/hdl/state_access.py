"""Reads and writes memories of a bench's component through their state ports."""

from collections.abc import Iterable
from typing import Any

from cocotb.triggers import FallingEdge, ReadOnly
from crosswall.spec.state import MemoryShape


async def access(dut: Any, port: str, row: int, lane: int, write_data: int | None = None) -> int:
    """One access of a state port, from one falling edge to another; returns what was read."""
    def pin(name: str) -> Any:
        return getattr(dut, f"{port}__{name}")

    pin("strobe").value, pin("row").value, pin("lane").value = 1, row, lane
    pin("write").value = write_data is not None
    pin("write_data").value = (write_data or 0) & 0xFFFF_FFFF
    while True:
        await ReadOnly()
        acknowledged = pin("acknowledge").value == 1
        word = int(pin("read_data").value) if acknowledged and write_data is None else 0
        await FallingEdge(dut.clk)
        if acknowledged:
            pin("strobe").value = 0
            return word


async def write_memory(dut: Any, port: str, shape: MemoryShape, words: Iterable[int]) -> None:
    """Write a whole memory, in canonical order."""
    for place, word in enumerate(words):
        await access(dut, port, place // shape.lanes, place % shape.lanes, word)


async def read_memory(dut: Any, port: str, shape: MemoryShape) -> list[int]:
    """Read a whole memory, in canonical order."""
    return [await access(dut, port, place // shape.lanes, place % shape.lanes)
            for place in range(shape.words)]
