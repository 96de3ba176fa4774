"""ECPIX-5 with an ECP5-85F or -45F: 100 MHz crystal, FT2232H serial port."""

from __future__ import annotations

from typing import Any

from .ecp5 import ECP5_45F, ECP5_85F, Ecp5Board

__all__ = ["Ecpix5", "Ecpix5Small"]


class Ecpix5(Ecp5Board):
    """ECPIX-5 85F."""

    name = "ecpix5"
    description = "LambdaConcept ECPIX-5 with an ECP5-85F, serial port at 3 Mbaud"
    capacity = ECP5_85F
    crystal = "clk100"
    crystal_frequency = 100_000_000
    clock_frequency = 60_000_000
    baud = 3_000_000
    programmer_options = ("--board", "ecpix5")

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.ecpix5 import ECPIX585Platform

        return ECPIX585Platform()

    def light(self, platform: Any) -> Any:
        """The green part of a coloured LED: there is no other."""
        return platform.request("rgb_led", 0, dir={"r": "-", "g": "-", "b": "-"}).g


class Ecpix5Small(Ecpix5):
    """ECPIX-5 45F."""

    name = "ecpix5-45"
    description = "LambdaConcept ECPIX-5 with an ECP5-45F, serial port at 3 Mbaud"
    capacity = ECP5_45F

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.ecpix5 import ECPIX545Platform

        return ECPIX545Platform()
