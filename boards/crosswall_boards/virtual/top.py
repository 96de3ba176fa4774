"""The top of the virtual board: a system with ports that suit a C++ bridge."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal, Value
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import connect

__all__ = ["VirtualTop"]

_DEPTH = 4


class VirtualTop(Elaboratable):
    """A system whose inputs lead to flip-flops and nowhere else.

    Verilator evaluates what depends on an input at every clock edge, both of them, even if
    nothing changed. So there is no reset either, on which every register would depend: what a
    register starts with is enough where power-up is the start of a process.

    Parameters
    ----------
    system
        A `crosswall_hdl.system.System`, or any component with its ports.
    wire
        "uart" or "bytes": which of the two interfaces it has.

    Members
    -------
    ports
        Ports by name, without double underscores, which Verilator would spell otherwise:
        ``clk``, ``idle`` and ``rx``, ``tx`` or ``rx_valid``, ``rx_payload``, ``rx_ready``,
        ``tx_valid``, ``tx_payload``, ``tx_ready``.
    """

    def __init__(self, system: Any, wire: str) -> None:
        self._system = system
        self._wire = wire
        self._domain = ClockDomain("sync", reset_less=True)
        self._idle = Signal()
        self.ports: dict[str, tuple[Value, None]] = {}
        self._add_ports(clk=self._domain.clk, idle=self._idle)
        if wire == "uart":
            self._add_ports(rx=system.rx, tx=system.tx)
        else:
            self._received = SyncFIFOBuffered(width=8, depth=_DEPTH)
            self._sent = SyncFIFOBuffered(width=8, depth=_DEPTH)
            self._add_ports(rx_valid=self._received.w_en, rx_payload=self._received.w_data,
                            rx_ready=self._received.w_rdy, tx_valid=self._sent.r_rdy,
                            tx_payload=self._sent.r_data, tx_ready=self._sent.r_en)

    def _add_ports(self, **values: Value) -> None:
        self.ports |= {name: (value, None) for name, value in values.items()}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains += self._domain
        m.submodules.system = self._system
        m.d.comb += self._idle.eq(self._system.idle)
        if self._wire == "bytes":
            m.submodules.received = self._received
            m.submodules.sent = self._sent
            connect(m, self._received.r_stream, self._system.rx)
            connect(m, self._system.tx, self._sent.w_stream)
        return m
