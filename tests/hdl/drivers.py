"""cocotb drivers of Amaranth streams with random valid and ready, and of clock and reset.

Everything is driven at the falling edge and sampled in the read-only phase that follows, when
all drivers have written and logic has settled: what is seen there is what the next rising edge
acts on, in every simulator.
"""

import random
from collections import deque
from collections.abc import Iterable
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

from crosswall.spec.sample import SAMPLE_HEADER_BYTES

PERIOD_NS = 10


async def start(dut: Any, *, reset_cycles: int = 8) -> None:
    """Start the clock `clk` and hold `rst` high for `reset_cycles` cycles.

    Enough cycles, that is, for what memories give before their first read, X in Icarus, to leave
    the pipelines: a multiplier makes X of 0 × X, and a sum would keep it.
    """
    cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
    dut.rst.value = 1
    for _ in range(reset_cycles):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


class StreamSource:
    """Drives the stream `name` of `dut` with queued payloads, each one valid after a random pause.

    `probability` is the chance per cycle that a pause ends; 1 keeps `valid` high while there is
    something to send. Once raised, `valid` and the payload hold until `ready`.
    """

    def __init__(self, dut: Any, name: str, *, generator: random.Random,
                 probability: float = 1.0) -> None:
        self.queue: deque[int] = deque()
        self.probability = probability
        self.sent = 0
        self._offered = False
        self._clock = dut.clk
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._generator = generator
        self._valid.value = 0
        self._payload.value = 0
        cocotb.start_soon(self._run())

    def send(self, payloads: Iterable[int]) -> None:
        """Queue `payloads`."""
        self.queue.extend(payloads)

    def send_packet(self, packet: bytes) -> None:
        """Queue `packet` as {data, last} payloads (bit 8 is last)."""
        self.queue.extend(packet[:-1])
        self.queue.append(packet[-1] | 0x100)

    def send_sample(self, packet: bytes, pixels_at_once: int, *, in_parts: bool = True) -> None:
        """Queue `packet` as `sample_signature(pixels_at_once)` has it, rows whole or in random
        parts."""
        if pixels_at_once == 1:
            self.send_packet(packet)
            return
        last, present = 1 << 8 * pixels_at_once, 2 << 8 * pixels_at_once
        payloads = list(packet[:SAMPLE_HEADER_BYTES])
        place = SAMPLE_HEADER_BYTES
        while place < len(packet):
            first = (place - SAMPLE_HEADER_BYTES) % pixels_at_once
            count = pixels_at_once - first
            if in_parts:
                count = self._generator.randint(1, count)
            count = min(count, len(packet) - place)
            row = bytearray(self._generator.randbytes(pixels_at_once))
            row[first:first + count] = packet[place:place + count]
            payloads.append(int.from_bytes(row, "little")
                            | present * ((1 << count) - 1 << first))
            place += count
        payloads[-1] |= last
        self.queue.extend(payloads)

    @property
    def busy(self) -> bool:
        """Whether anything is still queued or offered."""
        return bool(self.queue) or self._offered

    async def _run(self) -> None:
        while True:
            await FallingEdge(self._clock)
            if not self._offered:
                self._offered = bool(self.queue) and self._generator.random() < self.probability
                self._valid.value = self._offered
                if self._offered:
                    self._payload.value = self.queue.popleft()
            await ReadOnly()
            if self._offered and self._ready.value == 1:
                self._offered = False
                self.sent += 1


class StreamSink:
    """Takes payloads from the stream `name` of `dut`, `ready` with `probability` per cycle.

    Checks that `valid`, once raised, holds with its payload until `ready`.
    """

    def __init__(self, dut: Any, name: str, *, generator: random.Random,
                 probability: float = 1.0) -> None:
        self.received: deque[int] = deque()
        self.probability = probability
        self._clock = dut.clk
        self._payload = getattr(dut, f"{name}__payload")
        self._valid = getattr(dut, f"{name}__valid")
        self._ready = getattr(dut, f"{name}__ready")
        self._generator = generator
        self._ready.value = 0
        cocotb.start_soon(self._run())

    def take_packet(self) -> bytes | None:
        """Remove and return the oldest whole packet of {data, last} payloads, if there is one."""
        for index, payload in enumerate(self.received):
            if payload & 0x100:
                return bytes(self.received.popleft() & 0xFF for _ in range(index + 1))
        return None

    def take_sample(self, pixels_at_once: int) -> bytes | None:
        """Remove and return the oldest whole packet as `sample_signature(pixels_at_once)` has it,
        if there is one."""
        if pixels_at_once == 1:
            return self.take_packet()
        end = 8 * pixels_at_once
        if not any(payload >> end & 1 for payload in self.received):
            return None
        packet = bytearray()
        while True:
            payload = self.received.popleft()
            row = payload.to_bytes(end // 8 + 1, "little")[:pixels_at_once]
            first = (len(packet) - SAMPLE_HEADER_BYTES) % pixels_at_once
            if len(packet) < SAMPLE_HEADER_BYTES:
                packet.append(row[0])
            else:
                count = (payload >> end + 1).bit_count()
                assert payload >> end + 1 == (1 << count) - 1 << first, "a row comes in order"
                packet += row[first:first + count]
            if payload >> end & 1:
                return bytes(packet)

    async def _run(self) -> None:
        waiting: int | None = None
        while True:
            await FallingEdge(self._clock)
            ready = self._generator.random() < self.probability
            self._ready.value = ready
            await ReadOnly()
            if self._valid.value == 1:
                payload = int(self._payload.value)
                assert waiting in (None, payload), "payload changed before it was taken"
                waiting = None if ready else payload
                if ready:
                    self.received.append(payload)
            else:
                assert waiting is None, "valid fell before the payload was taken"
