"""Icepi Zero (version 1.3) with an ECP5-25F: 50 MHz crystal, FT231X serial port."""

from __future__ import annotations

from typing import Any

from .ecp5 import ECP5_25F, Ecp5Board

__all__ = ["IcepiZero"]


class IcepiZero(Ecp5Board):
    """Icepi Zero 1.3."""

    name = "icepi-zero"
    description = "Icepi Zero with an ECP5-25F, serial port at 3 Mbaud"
    capacity = ECP5_25F
    crystal = "clk50"
    crystal_frequency = 50_000_000
    clock_frequency = 60_000_000
    baud = 3_000_000
    programmer_options = ("--board", "icepi-zero")

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.icepi_zero import IcepiZero1_3Platform

        return IcepiZero1_3Platform()
