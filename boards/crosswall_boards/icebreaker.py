"""iCEBreaker with an iCE40UP5K: 12 MHz crystal, FT2232H serial port."""

from __future__ import annotations

from typing import Any

from crosswall.spec.build import Build, WallMemory
from crosswall.spec.network import Network

from .board import FpgaBoard, lanes_within, readout_lanes_within

__all__ = ["IceBreaker"]

_RESET_CYCLES = 1 << 10
"""43 µs at 24 MHz; block RAM reads as zeros for the first 3 µs after configuration."""


class IceBreaker(FpgaBoard):
    """1BitSquared iCEBreaker."""

    name = "icebreaker"
    description = "1BitSquared iCEBreaker with an iCE40UP5K, serial port at 3 Mbaud"
    capacity = {"logic cell": 5_280, "block RAM": 30, "single-port RAM": 4, "DSP": 8}
    block_ram_bits = 4 << 10
    clock_frequency = 24_000_000
    baud = 3_000_000
    single_port_primitive = "SB_SPRAM256KA"
    programmer_options = ("--board", "icebreaker")

    def choose_build(self, network: Network) -> Build:
        """Few lanes, one synapse at a time, the read-out's walls in single-port RAM, no spread
        where it is not needed. Of the 8 multipliers a lane takes one, the read-out 3, the spread
        3; with the spread, two lanes do not fit the digits by one logic cell."""
        spread = network.variant_bits > 0
        return Build(lanes=lanes_within(network, 1 if spread else 4),
                     readout_lanes=readout_lanes_within(network, 2),
                     readout_memory=WallMemory.SINGLE_PORT,
                     static_spread=spread, compact=True, slots=2)

    def platform(self) -> Any:
        """The platform of amaranth-boards."""
        from amaranth_boards.icebreaker import ICEBreakerPlatform

        return ICEBreakerPlatform()

    def clocking(self, platform: Any) -> Any:
        """PLL from the crystal, 12 MHz × 64 / 32; reset until it has locked and RAM is usable."""
        from amaranth.hdl import (
            ClockDomain,
            ClockSignal,
            Const,
            Instance,
            Module,
            ResetSignal,
            Signal,
        )

        m = Module()
        crystal = platform.request("clk12", dir="-")
        clock, locked = Signal(name="pll_clock"), Signal(name="pll_locked")
        m.submodules.pll = Instance(
            "SB_PLL40_PAD",
            p_FEEDBACK_PATH="SIMPLE", p_PLLOUT_SELECT="GENCLK", p_FILTER_RANGE=Const(1, 3),
            p_DIVR=Const(0, 4), p_DIVF=Const(63, 7), p_DIVQ=Const(5, 3),
            i_PACKAGEPIN=crystal.io, i_RESETB=1, i_BYPASS=0,
            o_PLLOUTGLOBAL=clock, o_LOCK=locked)
        m.domains.start = ClockDomain(reset_less=True, local=True)
        m.d.comb += [ClockSignal("start").eq(clock), ClockSignal("sync").eq(clock)]
        waited = Signal(range(_RESET_CYCLES + 1))
        with m.If(~locked):
            m.d.start += waited.eq(0)
        with m.Elif(waited != _RESET_CYCLES):
            m.d.start += waited.eq(waited + 1)
        reset = Signal(init=1)
        m.d.start += reset.eq(waited != _RESET_CYCLES)
        m.d.comb += ResetSignal("sync").eq(reset)
        platform.add_clock_constraint(clock, self.clock_frequency)
        return m

    def recipe(self) -> dict[str, Any]:
        """Products in multipliers, and the placer that copes with a full device."""
        return {"nextpnr_opts": "--placer heap", "synth_opts": "-dsp"}
