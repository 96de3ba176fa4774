"""An SDRAM for cocotb that checks what it is told to do, and when, by its makers' data sheets."""

from dataclasses import dataclass, fields
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly

BURST_WORDS = 8
COLUMN_BITS = 9
BANKS = 4


@dataclass(frozen=True)
class DataSheet:
    """What a maker asks for, in nanoseconds, or in clocks where the sheet says so."""

    power_up: float
    initial_refreshes: int
    activate_to_access: float  # tRCD
    precharge: float  # tRP
    row_cycle: float  # tRC
    row_active: float  # tRAS
    refresh: float  # tRFC
    write_recovery: float  # tWR, and of it so many clocks, which come on top
    write_recovery_clocks: int
    mode_set_clocks: int  # tMRD
    refresh_interval: float = 64e6 / 8192


# Chips of 16 M × 16 that boards carry in turn. Alliance: rev. 3.0 of 2015, whose tMRD of 14 ns is
# 2 clocks of its fastest. Micron and Winbond: their sheets of 256 Mbit. ISSI: as LiteDRAM has it.
DATA_SHEETS = {
    "Alliance AS4C16M16SA-7": DataSheet(200e3, 2, 21, 21, 63, 42, 63, 14, 0, 2),
    "Micron MT48LC16M16A2-7E": DataSheet(100e3, 2, 15, 15, 60, 37, 66, 7, 1, 2),
    "Winbond W9825G6KH-6": DataSheet(200e3, 8, 15, 15, 60, 42, 60, 0, 2, 2),
    "ISSI IS42S16160": DataSheet(200e3, 8, 20, 20, 60, 42, 70, 20, 0, 2),
}


class ChipModel:
    """Any of these chips, behind the pins of an `SdramController` registered once on either side.

    Times are the numbers of clock cycles × `period` nanoseconds. Everything that one of the data
    sheets forbids is an AssertionError; but for the time to power up, which is given.
    """

    def __init__(self, dut: Any, *, cas_latency: int, power_up: float, period: float) -> None:
        self.content: dict[tuple[int, int, int], int] = {}  # by bank, row, column
        self.refreshes = 0
        self._cas_latency = cas_latency
        self._power_up = power_up
        most = {field.name: max(getattr(sheet, field.name) for sheet in DATA_SHEETS.values())
                for field in fields(DataSheet)}
        self._asked = DataSheet(**most)
        self._write_recovery = max(sheet.write_recovery + sheet.write_recovery_clocks * period
                                   for sheet in DATA_SHEETS.values())
        self._period = period
        self._clock = dut.clk
        self._pins = {name: getattr(dut, f"pins__{name}") for name in (
            "clock_enable", "select", "row", "column", "write", "mask", "bank", "address",
            "data_out", "data_enable", "data_in")}
        self._now = 0
        self._mode: int | None = None
        self._since: dict[str, int] = {}  # the last command of a kind, or one to all banks
        self._open: dict[int, tuple[int, int]] = {}  # row of a bank, and when it was activated
        self._precharged: dict[int, float] = {}  # when a bank's precharge began, in ns
        self._activated: dict[int, int] = {}
        self._writes: dict[int, tuple[int, int, int]] = {}  # what comes, by cycle
        self._reads: dict[int, int] = {}
        cocotb.start_soon(self._run())

    def _elapsed(self, since: int) -> float:
        """Nanoseconds since a cycle."""
        return round((self._now - since) * self._period, 3)

    def _idle(self, bank: int) -> bool:
        """Whether a bank's row is closed, and its precharge over."""
        ends = self._precharged.get(bank, 0.0) + self._asked.precharge
        return bank not in self._open and round(self._now * self._period - ends, 3) >= 0

    async def _run(self) -> None:
        pins = self._pins
        while True:
            await FallingEdge(self._clock)
            self._now += 1
            # A word is on the bus for the cycle in which it is due; before and after it floats.
            pins["data_in"].value = self._reads.pop(self._now, 0xDEAD)
            await ReadOnly()
            assert not self._reads or pins["data_enable"].value == 0 or \
                min(self._reads) > self._now + self._cas_latency + 1, "both drive the data"
            if (target := self._writes.pop(self._now, None)) is not None:
                assert pins["data_enable"].value == 1 and pins["mask"].value == 0
                self.content[target] = int(pins["data_out"].value)
            if pins["select"].value != 1:
                continue
            assert pins["clock_enable"].value == 1
            strobes = "".join(name[0] for name in ("row", "column", "write")
                              if pins[name].value == 1)
            if strobes:
                self._check_pause()
                {"rw": self._precharge, "rc": self._refresh, "rcw": self._set_mode,
                 "r": self._activate, "c": self._access, "cw": self._access}[strobes]()
            if self._mode is not None:
                interval = self._elapsed(self._since["refresh"])
                assert interval <= self._asked.refresh_interval, f"not refreshed for {interval} ns"

    def _check_pause(self) -> None:
        asked = self._asked
        assert self._now * self._period >= self._power_up, "a command before power is stable"
        for kind, pause in (("refresh", asked.refresh),
                            ("mode", round(asked.mode_set_clocks * self._period, 3))):
            if kind in self._since:
                assert self._elapsed(self._since[kind]) >= pause, f"too soon after {kind}"

    def _precharge(self) -> None:
        assert int(self._pins["address"].value) >> 10 & 1, "only all banks at once"
        assert not self._open and not self._since
        self._since["precharge"] = self._now
        for bank in range(BANKS):
            self._precharged[bank] = self._now * self._period

    def _refresh(self) -> None:
        assert "precharge" in self._since, "the banks were never precharged"
        assert all(map(self._idle, range(BANKS)))
        self._since["refresh"] = self._now
        self.refreshes += 1

    def _set_mode(self) -> None:
        assert self.refreshes >= self._asked.initial_refreshes
        self._mode = int(self._pins["address"].value)
        self._since["mode"] = self._now
        assert self._mode == 0b011 | self._cas_latency << 4  # eight words in order

    def _activate(self) -> None:
        assert self._mode is not None
        bank = int(self._pins["bank"].value)
        assert self._idle(bank), "the bank is not precharged"
        if bank in self._activated:
            assert self._elapsed(self._activated[bank]) >= self._asked.row_cycle
        self._activated[bank] = self._now
        self._open[bank] = int(self._pins["address"].value), self._now

    def _access(self) -> None:
        asked, period = self._asked, self._period
        bank, address = int(self._pins["bank"].value), int(self._pins["address"].value)
        assert address >> 10 & 1, "without precharge"
        row, activated = self._open.pop(bank)
        assert self._elapsed(activated) >= asked.activate_to_access
        assert not self._writes and not self._reads, "a burst in a burst"
        column = address & (1 << COLUMN_BITS) - 1
        first = column // BURST_WORDS * BURST_WORDS
        cells = [(bank, row, first + (column + word) % BURST_WORDS)
                 for word in range(BURST_WORDS)]
        if self._pins["write"].value == 1:
            self._writes = {self._now + word: cell for word, cell in enumerate(cells)}
            assert self._pins["data_enable"].value == 1 and self._pins["mask"].value == 0
            self.content[self._writes.pop(self._now)] = int(self._pins["data_out"].value)
            ends = (self._now + BURST_WORDS - 1) * period + self._write_recovery
        else:
            late = self._now + self._cas_latency + 1
            self._reads = {late + word: self.content.get(cell, 0xFFFF)
                           for word, cell in enumerate(cells)}
            ends = (self._now + BURST_WORDS) * period
        self._precharged[bank] = max(ends, activated * period + asked.row_active)
