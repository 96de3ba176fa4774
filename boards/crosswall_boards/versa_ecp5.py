"""Lattice ECP5 Versa with an ECP5-45F: 100 MHz differential clock, FT2232H serial port."""

from __future__ import annotations

from typing import Any

from .ecp5 import ECP5_45F, Ecp5Board

__all__ = ["VersaEcp5"]


class VersaEcp5(Ecp5Board):
    """ECP5 Versa development kit (LFE5UM-45F)."""

    name = "versa-ecp5"
    description = "Lattice ECP5 Versa with an ECP5-45F, serial port at 3 Mbaud"
    capacity = ECP5_45F
    crystal = "clk100"
    crystal_frequency = 100_000_000
    clock_frequency = 60_000_000
    baud = 3_000_000
    programmer_options = ("--cable", "ft2232")  # openFPGALoader does not know the board by name

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.versa_ecp5 import VersaECP5Platform

        return VersaECP5Platform()
