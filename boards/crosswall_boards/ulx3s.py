"""ULX3S with an ECP5-85F: 25 MHz crystal, FT231X serial port, 32 MiB of SDRAM."""

from __future__ import annotations

from typing import Any

from .ecp5 import ECP5_85F, Ecp5Board

__all__ = ["Ulx3s"]


class Ulx3s(Ecp5Board):
    """ULX3S-85F."""

    name = "ulx3s"
    description = "Radiona ULX3S with an ECP5-85F, serial port at 3 Mbaud"
    capacity = ECP5_85F
    crystal = "clk25"
    crystal_frequency = 25_000_000
    clock_frequency = 60_000_000
    baud = 3_000_000
    memory_bytes = 1 << 25
    # 3.3 ns: see `BoardSdram`, which with it needs a period of 13.3 ns, 75 MHz.
    memory_clock_lag = 0.2
    programmer_options = ("--board", "ulx3s")

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.ulx3s import ULX3S_85F_Platform

        return ULX3S_85F_Platform()

    def memory(self, platform: Any) -> Any:
        """The SDRAM: 256 Mbit, by several makers."""
        from crosswall_hdl.sdram import SdramChip

        from .sdram import BoardSdram

        return BoardSdram(SdramChip(), self.clock_frequency)
