"""A board's SDRAM: the controller on the chip's pins."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, connect, flipped

from crosswall_hdl.burst import BurstMemory
from crosswall_hdl.sdram import SdramChip, SdramController

__all__ = ["BoardSdram"]

_OUTPUTS = {"clk_en": "clock_enable", "cs": "select", "ras": "row", "cas": "column",
            "we": "write", "dqm": "mask", "ba": "bank", "a": "address"}
"""What amaranth-boards calls the controller's outputs."""


class BoardSdram(wiring.Component):
    """Memory for samples in the SDRAM that a platform calls ``sdram``.

    Every pin has a register beside it, clocked by ``sync``. The chip has the clock of domain
    ``memory``, which lags behind. So the lag must be longer than the chip's set-up time (1.5 ns):
    that long before the chip's edge an output is there. And a word that the chip gives is captured
    a period after the ``sync`` edge before the chip's: the period must be longer than the lag, the
    chip's access time (5.4 ns at CAS latency 3) and the way through two pins and the board (some
    4.5 ns) together.

    Parameters
    ----------
    chip : SdramChip
        The chip.
    clock_frequency : int
        Of ``sync`` and ``memory``, in Hz.

    Members
    -------
    memory : In(BurstMemory(chip.size))
        The memory.
    """

    def __init__(self, chip: SdramChip, clock_frequency: int) -> None:
        self._chip = chip
        self._clock_frequency = clock_frequency
        super().__init__({"memory": In(BurstMemory(chip.size))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.controller = controller = SdramController(
            self._chip, clock_frequency=self._clock_frequency)
        connect(m, flipped(self.memory), controller.memory)
        pins = platform.request("sdram", 0, dir="-")
        for pin, port in _OUTPUTS.items():
            m.submodules[pin] = buffer = io.FFBuffer("o", getattr(pins, pin))
            m.d.comb += buffer.o.eq(getattr(controller.pins, port))
        m.submodules.dq = dq = io.FFBuffer("io", pins.dq)
        m.d.comb += [
            dq.o.eq(controller.pins.data_out),
            dq.oe.eq(controller.pins.data_enable),
            controller.pins.data_in.eq(dq.i),
        ]
        # Through a register as the others, so that it takes as long to its pin.
        m.submodules.clk = clk = io.DDRBuffer("o", pins.clk, o_domain="memory")
        m.d.comb += [clk.o[0].eq(1), clk.o[1].eq(0)]
        return m
