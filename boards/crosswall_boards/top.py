"""The top of an FPGA design: a system on a board's pins and clock."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io
from amaranth.lib.wiring import connect

from crosswall.errors import ToolError
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall_hdl.link.uart import divisor_for
from crosswall_hdl.system import System

from .board import FpgaBoard

__all__ = ["BoardTop", "board_system"]


def board_system(board: FpgaBoard, network: Network, build: Build) -> System:
    """The system that `board` carries.

    Raises ValueError if `build` cannot compute `network`, ToolError if it has a store that is not
    the board's memory.
    """
    if build.store not in (0, board.memory_bytes):
        raise ToolError(f"board {board.name} cannot keep samples in {build.store} bytes: `store` "
                        f"must be {f'0 or {board.memory_bytes}' if board.memory_bytes else '0'}")
    return System(network, build, wire="uart", board_name=board.name,
                  clock_frequency=board.clock_frequency,
                  divisor=divisor_for(board.clock_frequency, board.baud),
                  single_port_primitive=board.single_port_primitive)


class BoardTop(Elaboratable):
    """Connects a system's wire to the serial port, and its activity to an LED.

    Parameters
    ----------
    board
        Pins and clocks.
    system
        A component with the ports of `crosswall_hdl.system.System` for wire "uart".
    """

    def __init__(self, board: FpgaBoard, system: Any) -> None:
        self._board = board
        self._system = system

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        if self._board.memory_bytes:
            m.domains.memory = ClockDomain(reset_less=True)
        m.submodules.clocking = self._board.clocking(platform)
        m.submodules.system = system = self._system
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        if getattr(system, "memory", None) is not None:
            m.submodules.memory = memory = self._board.memory(platform)
            connect(m, system.memory, memory.memory)
        m.submodules.led = led = io.Buffer("o", self._board.light(platform))
        m.d.comb += [system.rx.eq(rx.i), tx.o.eq(system.tx)]
        m.d.sync += led.o.eq(~system.idle)
        return m
