"""Arty A7 with an Artix-7 35T: 100 MHz crystal, FT2232H serial port; its tools are AMD's."""

from __future__ import annotations

from typing import Any

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from .board import FpgaBoard, roomy_build

__all__ = ["ArtyA7"]

_CRYSTAL = 100_000_000
_MULTIPLIER = 9
"""Of the crystal: the PLL's oscillator runs at 900 MHz, within 800 to 1,600 MHz."""


class ArtyA7(FpgaBoard):
    """Digilent Arty A7-35T."""

    name = "arty-a7"
    description = "Digilent Arty A7-35T with an Artix-7, serial port at 3 Mbaud (needs Vivado)"
    capacity = {"LUT": 20_800, "flip-flop": 41_600, "block RAM": 100, "DSP": 90}
    toolchain = "vivado"
    clock_frequency = 75_000_000
    baud = 3_000_000
    programmer_options = ("--board", "arty_a7_35t")

    def choose_build(self, network: Network) -> Build:
        """As `roomy_build`."""
        return roomy_build(network, slots=8)

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.arty_a7 import ArtyA7_35Platform

        return ArtyA7_35Platform(toolchain="Vivado")

    def clocking(self, platform: Any) -> Any:
        """PLL from the crystal; reset until it has locked."""
        from amaranth.hdl import ClockSignal, Instance, Module, Signal
        from amaranth.lib import io
        from amaranth.lib.cdc import ResetSynchronizer

        m = Module()
        m.submodules.crystal = crystal = io.Buffer("i", platform.request("clk100", dir="-"))
        made, clock, locked = (Signal(name=f"pll_{name}") for name in ("made", "clock", "locked"))
        feedback = Signal(name="pll_feedback")
        m.submodules.pll = Instance(
            "PLLE2_BASE",
            p_CLKIN1_PERIOD=1e9 / _CRYSTAL, p_CLKFBOUT_MULT=_MULTIPLIER,
            p_CLKOUT0_DIVIDE=_CRYSTAL * _MULTIPLIER // self.clock_frequency,
            i_CLKIN1=crystal.i, i_CLKFBIN=feedback, i_RST=0, i_PWRDWN=0,
            o_CLKFBOUT=feedback, o_CLKOUT0=made, o_LOCKED=locked)
        m.submodules.buffer = Instance("BUFG", i_I=made, o_O=clock)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)
        return m

    def recipe(self) -> dict[str, Any]:
        """Nothing beside what amaranth-boards says: Vivado derives the PLL's clock itself."""
        return {}
