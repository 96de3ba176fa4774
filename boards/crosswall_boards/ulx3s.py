"""ULX3S with an ECP5-85F: 25 MHz crystal, FT231X serial port."""

from __future__ import annotations

from typing import Any

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from .board import FpgaBoard, lanes_within, readout_lanes_within

__all__ = ["Ulx3s"]

_CRYSTAL = 25_000_000
_REFERENCE = 5_000_000
"""What the PLL compares: the crystal divided by 5."""
_OSCILLATOR = 600_000_000
"""Where the PLL's oscillator should run, within 400 to 800 MHz."""


class Ulx3s(FpgaBoard):
    """ULX3S-85F."""

    name = "ulx3s"
    description = "Radiona ULX3S with an ECP5-85F, serial port at 3 Mbaud"
    clock_frequency = 60_000_000
    baud = 3_000_000
    programmer_options = ("--board", "ulx3s")

    def choose_build(self, network: Network) -> Build:
        """16 lanes, and a whole feature's read-out in one memory row where it is not too wide."""
        return Build(lanes=lanes_within(network, 16),
                     readout_lanes=readout_lanes_within(network, 20), slots=8)

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.ulx3s import ULX3S_85F_Platform

        return ULX3S_85F_Platform()

    def clocking(self, platform: Any) -> Any:
        """PLL from the crystal; reset until it has locked."""
        from amaranth.hdl import ClockSignal, Instance, Module, Signal
        from amaranth.lib import io
        from amaranth.lib.cdc import ResetSynchronizer

        m = Module()
        crystal = platform.request("clk25", dir="-")
        m.submodules.crystal = buffer = io.Buffer("i", crystal)
        clock, locked = Signal(name="pll_clock"), Signal(name="pll_locked")
        divider = round(_OSCILLATOR / self.clock_frequency)
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=str(_CRYSTAL / 1e6),
            a_FREQUENCY_PIN_CLKOP=str(self.clock_frequency / 1e6),
            p_CLKI_DIV=_CRYSTAL // _REFERENCE,
            p_CLKFB_DIV=self.clock_frequency // _REFERENCE,
            p_CLKOP_DIV=divider, p_CLKOP_CPHASE=divider - 1,
            p_CLKOP_ENABLE="ENABLED", p_FEEDBK_PATH="CLKOP",
            i_CLKI=buffer.i, i_CLKFB=clock, i_RST=0, i_STDBY=0,
            i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0, i_PHASESTEP=0, i_PHASELOADREG=0,
            i_PLLWAKESYNC=0, i_ENCLKOP=0,
            o_CLKOP=clock, o_LOCK=locked)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)
        platform.add_clock_constraint(clock, self.clock_frequency)
        return m

    def recipe(self) -> dict[str, Any]:
        """Products in LUTs, and the router that copes with many lanes."""
        return {"synth_opts": "-nodsp",
                "nextpnr_opts": "--placer heap --router router2",
                "ecppack_opts": "--compress"}
