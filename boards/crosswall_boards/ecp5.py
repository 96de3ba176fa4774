"""What boards with a Lattice ECP5 share: the PLL, the tools' options, the sizes of the devices."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from .board import FpgaBoard, roomy_build

__all__ = ["ECP5_25F", "ECP5_45F", "ECP5_85F", "Ecp5Board", "pll_dividers"]

ECP5_25F = {"LUT": 24_288, "flip-flop": 24_288, "block RAM": 56, "DSP": 28}
ECP5_45F = {"LUT": 43_848, "flip-flop": 43_848, "block RAM": 108, "DSP": 72}
ECP5_85F = {"LUT": 83_640, "flip-flop": 83_640, "block RAM": 208, "DSP": 156}

_SLOWEST_COMPARISON = 3_125_000
"""Hz that the PLL's phases are compared at, at least."""
_OSCILLATOR = 600_000_000
"""Where the PLL's oscillator should run, within 400 to 800 MHz."""


def pll_dividers(crystal: int, clock: int) -> tuple[int, int, int]:
    """Dividers of the PLL's input, feedback and output that make `clock` of `crystal`, in Hz.

    The output feeds back, so that ``crystal / input * feedback == clock``, and the oscillator runs
    at ``clock * output``.

    Raises ValueError if there are none.
    """
    reference = math.gcd(crystal, clock)
    dividers = crystal // reference, clock // reference, round(_OSCILLATOR / clock)
    if reference < _SLOWEST_COMPARISON or not all(1 <= divider <= 128 for divider in dividers):
        raise ValueError(f"an ECP5's PLL cannot make {clock} Hz of {crystal} Hz")
    return dividers


class Ecp5Board(FpgaBoard):
    """A board with an ECP5 and a crystal.

    Members
    -------
    crystal : str
        The platform's resource.
    crystal_frequency : int
        In Hz.
    memory_clock_lag : float | None
        Part of a clock's period by which domain ``memory``, for the clock of a memory chip, lags
        behind domain ``sync``; rounded to the oscillator's period. None if it has no memory.
    """

    crystal: ClassVar[str]
    crystal_frequency: ClassVar[int]
    memory_clock_lag: ClassVar[float | None] = None
    output_registers = True

    def choose_build(self, network: Network) -> Build:
        """As `roomy_build`."""
        return roomy_build(network, slots=16, store=self.memory_bytes)

    def clocking(self, platform: Any) -> Any:
        """PLL from the crystal; reset until it has locked."""
        from amaranth.hdl import ClockSignal, Instance, Module, Signal
        from amaranth.lib import io
        from amaranth.lib.cdc import ResetSynchronizer

        m = Module()
        m.submodules.crystal = buffer = io.Buffer("i", platform.request(self.crystal, dir="-"))
        clock, locked = Signal(name="pll_clock"), Signal(name="pll_locked")
        divider, feedback, output = pll_dividers(self.crystal_frequency, self.clock_frequency)
        second = {}
        if self.memory_clock_lag is not None:
            late = Signal(name="memory_clock")
            m.d.comb += ClockSignal("memory").eq(late)
            platform.add_clock_constraint(late, self.clock_frequency)
            second = {"p_CLKOS_ENABLE": "ENABLED", "p_CLKOS_DIV": output,
                      "p_CLKOS_CPHASE": output - 1 + round(self.memory_clock_lag * output),
                      "o_CLKOS": late}
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=str(self.crystal_frequency / 1e6),
            a_FREQUENCY_PIN_CLKOP=str(self.clock_frequency / 1e6),
            p_CLKI_DIV=divider, p_CLKFB_DIV=feedback,
            p_CLKOP_DIV=output, p_CLKOP_CPHASE=output - 1,
            p_CLKOP_ENABLE="ENABLED", p_FEEDBK_PATH="CLKOP",
            i_CLKI=buffer.i, i_CLKFB=clock, i_RST=0, i_STDBY=0,
            i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0, i_PHASESTEP=0, i_PHASELOADREG=0,
            i_PLLWAKESYNC=0, i_ENCLKOP=0,
            o_CLKOP=clock, o_LOCK=locked, **second)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)
        platform.add_clock_constraint(clock, self.clock_frequency)
        return m

    def recipe(self) -> dict[str, Any]:
        """Products in LUTs, and the router that copes with many lanes."""
        return {"synth_opts": "-nodsp",
                "nextpnr_opts": "--placer heap --router router2",
                "ecppack_opts": "--compress"}
