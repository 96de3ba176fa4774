"""cocotb driver of one memory's state port (`crosswall_hdl.state.StatePort`)."""

from collections.abc import Iterable
from typing import Any

from cocotb.triggers import FallingEdge, ReadOnly


class StateDriver:
    """Accesses the state port `name` of `dut` in canonical order, as the state window does.

    Call its coroutines right after a falling edge of the clock; they return at one.
    """

    def __init__(self, dut: Any, name: str, *, lanes: int = 1) -> None:
        self._dut = dut
        self._name = name
        self._lanes = lanes
        self._set("strobe", 0)

    async def write(self, words: Iterable[int]) -> None:
        """Write `words` from the first on."""
        for index, word in enumerate(words):
            await self._access(index, 1, int(word) & 0xFFFF_FFFF)

    async def read(self, count: int) -> list[int]:
        """Read the first `count` words."""
        return [await self._access(index, 0, 0) for index in range(count)]

    async def _access(self, index: int, write: int, word: int) -> int:
        self._set("strobe", 1)
        self._set("write", write)
        self._set("row", index // self._lanes)
        self._set("lane", index % self._lanes)
        self._set("write_data", word)
        while True:
            await ReadOnly()
            acknowledged = self._get("acknowledge").value == 1
            data = 0 if write else int(self._get("read_data").value) if acknowledged else 0
            await FallingEdge(self._dut.clk)
            if acknowledged:
                self._set("strobe", 0)
                if not write:
                    await FallingEdge(self._dut.clk)
                return data

    def _get(self, port: str) -> Any:
        return getattr(self._dut, f"{self._name}__{port}")

    def _set(self, port: str, value: int) -> None:
        self._get(port).value = value
