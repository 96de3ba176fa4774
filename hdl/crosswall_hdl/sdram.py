"""Controller of a single-data-rate SDRAM of 16 bits, in bursts of eight words."""

import math
from dataclasses import dataclass

from amaranth.hdl import C, Cat, Module, Mux, Signal, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .burst import BURST_WORDS, WORD_BITS, BurstMemory

__all__ = ["INITIAL_REFRESHES", "SdramChip", "SdramController", "SdramPins"]

INITIAL_REFRESHES = 8
"""Refreshes after power-up: some makers ask for two, some for eight."""

_AUTO_PRECHARGE = 10  # the bit of the address that asks for it; in a precharge: of all banks


@dataclass(frozen=True)
class SdramChip:
    """Geometry of a chip, and times in nanoseconds.

    The defaults suit every chip of 256 Mbit (16 M × 16) that boards carry in turn: they are those
    of Alliance's AS4C16M16SA-7 (data sheet, rev. 3.0, 2015, table 16), but for a refresh, which
    takes longer in Micron's MT48LC16M16A2-7E (66 ns) and ISSI's IS42S16160 (70 ns).

    Parameters
    ----------
    bank_bits, row_bits, column_bits
        Bits of an address of 16-bit words.
    cas_latency
        Clocks from a read to its data: 2 or 3.
    power_up
        From stable power to the first command.
    activate_to_access
        From activating a row to a read or write (tRCD).
    precharge
        Until a row may be activated again (tRP).
    row_cycle
        From activating a row to activating another of the bank (tRC).
    row_active
        From activating a row to its precharge (tRAS).
    write_recovery
        From the last word written to the precharge (tWR).
    refresh
        Duration of a refresh (tRFC).
    refresh_interval
        Longest time between refreshes (tREFI).
    mode_set_clocks
        Duration of setting the mode, in clocks (tMRD): 2, however slow they are.
    """

    bank_bits: int = 2
    row_bits: int = 13
    column_bits: int = 9
    cas_latency: int = 3
    power_up: float = 200_000
    activate_to_access: float = 21
    precharge: float = 21
    row_cycle: float = 63
    row_active: float = 42
    write_recovery: float = 14
    refresh: float = 70
    refresh_interval: float = 7800
    mode_set_clocks: int = 2

    @property
    def size(self) -> int:
        """Bytes."""
        return WORD_BITS // 8 << self.bank_bits + self.row_bits + self.column_bits


class SdramPins(wiring.Signature):
    """What a controller drives of a chip, all active high but for the clock, which a board makes.

    ``select`` is always high; ``row``, ``column`` and ``write`` are the strobes that the chip
    calls RAS, CAS and WE.
    """

    def __init__(self, chip: SdramChip) -> None:
        self.chip = chip
        super().__init__({
            "clock_enable": Out(1),
            "select": Out(1),
            "row": Out(1),
            "column": Out(1),
            "write": Out(1),
            "mask": Out(WORD_BITS // 8),
            "bank": Out(chip.bank_bits),
            "address": Out(chip.row_bits),
            "data_out": Out(WORD_BITS),
            "data_enable": Out(1),
            "data_in": In(WORD_BITS),
        })

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SdramPins) and other.chip == self.chip

    def __repr__(self) -> str:
        return f"SdramPins({self.chip})"


class SdramController(wiring.Component):
    """Serves `BurstMemory` with an SDRAM: a row is opened for each burst, and closed behind it.

    Latency: from a request to the first word read `activate_to_access` + `cas_latency` +
    `io_delay` and 1 cycle, in whole cycles; a request is taken every
    `activate_to_access` + 8 + `precharge` cycles, for a write `write_recovery` more: 12 cycles a
    read at 60 to 95 MHz, so 16 bytes in 12 cycles. A refresh, which goes first, takes 4 to 7
    cycles every 7.8 µs. The first request waits for the chip's power-up, 200 µs.

    Parameters
    ----------
    chip : SdramChip
        What is controlled.
    clock_frequency : int
        Of ``sync``, in Hz.
    io_delay : int
        Cycles that the board adds to the chip's latency, in and out together: 1 where both are
        registered once, and the chip's clock is late by less than the time from its edge to the
        data's capture.

    Members
    -------
    memory : In(BurstMemory(chip.size))
        The memory.
    pins : Out(SdramPins(chip))
        To the chip, from registers.

    Raises
    ------
    ValueError
        For a chip that does not suit bursts of eight words, or a clock so slow that it cannot be
        refreshed in time.
    """

    def __init__(self, chip: SdramChip, *, clock_frequency: int, io_delay: int = 1) -> None:
        if chip.column_bits < exact_log2(BURST_WORDS) or not \
                chip.column_bits <= _AUTO_PRECHARGE < chip.row_bits:
            raise ValueError(f"a chip must have 3 to {_AUTO_PRECHARGE} column bits and more row "
                             f"bits than that: got {chip.column_bits}, {chip.row_bits}")
        if chip.cas_latency not in (2, 3):
            raise ValueError(f"`cas_latency` must be 2 or 3: got {chip.cas_latency}")
        self.chip = chip
        self.clock_frequency = clock_frequency
        self.io_delay = io_delay
        self._activate = self._cycles(chip.activate_to_access)
        # The chip precharges by itself: after the burst, or its write recovery.
        ends = max(self._activate + BURST_WORDS, self._cycles(chip.row_active))
        self._after_read = max(ends + self._cycles(chip.precharge),
                               self._cycles(chip.row_cycle)) - self._activate
        self._after_write = self._after_read + self._cycles(chip.write_recovery)
        # A refresh that is due may find a burst under way.
        self._interval = math.floor(chip.refresh_interval * clock_frequency * 1e-9) \
            - self._activate - self._after_write - 1
        if self._interval <= self._cycles(chip.refresh):
            raise ValueError(f"a clock of {clock_frequency} Hz is too slow to refresh the chip "
                             f"every {chip.refresh_interval} ns")
        super().__init__({"memory": In(BurstMemory(chip.size)), "pins": Out(SdramPins(chip))})

    def _cycles(self, nanoseconds: float) -> int:
        return max(1, math.ceil(nanoseconds * self.clock_frequency * 1e-9))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chip, memory, pins = self.chip, self.memory, self.pins
        request = memory.request.p
        column_places = chip.column_bits - exact_log2(BURST_WORDS)

        # Commands leave from registers; without one of these it is none.
        m.d.sync += [pins.row.eq(0), pins.column.eq(0), pins.write.eq(0), pins.select.eq(1),
                     pins.clock_enable.eq(1)]
        wait = Signal(range(self._cycles(chip.power_up)), init=self._cycles(chip.power_up) - 1)
        waited = Signal()  # registered, as `wait` is wide
        m.d.sync += waited.eq(wait <= 1)
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)

        def command(*strobes: Signal, then: ValueLike, address: ValueLike = 0,
                    bank: ValueLike = 0) -> None:
            """Give a command; the next one may follow `then` cycles later."""
            m.d.sync += [*(strobe.eq(1) for strobe in strobes), pins.address.eq(address),
                         pins.bank.eq(bank), wait.eq(then - 1), waited.eq(then == 1)]

        left = Signal(range(self._interval), init=self._interval - 1)
        due = Signal()
        refreshed = Signal()
        with m.If(left == 0):
            m.d.sync += [left.eq(self._interval - 1), due.eq(1)]
        with m.Else():
            m.d.sync += left.eq(left - 1)
        with m.If(refreshed):
            m.d.sync += due.eq(0)

        writes = Signal()
        column, bank = Signal(column_places), Signal(chip.bank_bits)
        words = Signal(range(BURST_WORDS + 1))  # of the burst, still to move
        is_access = Signal()
        initial = Signal(range(INITIAL_REFRESHES + 1), init=INITIAL_REFRESHES)
        m.d.comb += memory.write_taken.eq(writes & (is_access | (words != 0)))
        m.d.sync += [
            pins.data_out.eq(memory.write_data),
            pins.data_enable.eq(memory.write_taken),
        ]
        with m.If(is_access):
            m.d.sync += words.eq(BURST_WORDS - 1)
        with m.Elif(words != 0):
            m.d.sync += words.eq(words - 1)

        # Words come as late as their read command does, and the chip's latency and the board's.
        reading = Signal()
        arriving = Signal(1 + chip.cas_latency + self.io_delay)
        m.d.comb += [
            reading.eq(~writes & (is_access | (words != 0))),
            memory.read_data.eq(pins.data_in),
            memory.read_valid.eq(arriving[-1]),
        ]
        m.d.sync += arriving.eq(Cat(reading, arriving))

        refresh_cycles = self._cycles(chip.refresh)
        with m.FSM():
            with m.State("POWER UP"):
                m.d.sync += pins.mask.eq(~0)
                with m.If(waited):
                    command(pins.row, pins.write, address=1 << _AUTO_PRECHARGE,
                            then=self._cycles(chip.precharge))
                    m.next = "FIRST REFRESHES"
            with m.State("FIRST REFRESHES"):
                with m.If(waited):
                    m.d.sync += initial.eq(initial - 1)
                    command(pins.row, pins.column, then=refresh_cycles)
                    with m.If(initial == 1):
                        m.next = "SET MODE"
            with m.State("SET MODE"):
                with m.If(waited):
                    command(pins.row, pins.column, pins.write, then=chip.mode_set_clocks,
                            address=exact_log2(BURST_WORDS) | chip.cas_latency << 4)
                    m.next = "READY"
            with m.State("READY"):
                m.d.sync += pins.mask.eq(0)
                with m.If(waited):
                    with m.If(due):
                        m.d.comb += refreshed.eq(1)
                        command(pins.row, pins.column, then=refresh_cycles)
                    with m.Elif(memory.request.valid):
                        m.d.comb += memory.request.ready.eq(1)
                        m.d.sync += [writes.eq(request.write),
                                     Cat(column, bank).eq(request.place)]
                        command(pins.row, then=self._activate,
                                bank=request.place[column_places:],
                                address=request.place[column_places + chip.bank_bits:])
                        m.next = "ACCESS"
            with m.State("ACCESS"):
                with m.If(waited):
                    m.d.comb += is_access.eq(1)
                    m.d.sync += pins.write.eq(writes)
                    command(pins.column, bank=bank,
                            then=Mux(writes, self._after_write, self._after_read),
                            address=Cat(C(0, exact_log2(BURST_WORDS)), column)
                            | 1 << _AUTO_PRECHARGE)
                    m.next = "READY"
        return m
