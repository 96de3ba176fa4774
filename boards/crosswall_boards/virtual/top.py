"""The top of the virtual board: a system with ports that suit a C++ bridge."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal, Value

__all__ = ["VirtualTop"]


class VirtualTop(Elaboratable):
    """A system whose inputs lead to flip-flops and nowhere else.

    Verilator evaluates what depends on an input each time, even if nothing changed. So there is
    no reset either, on which every register would depend: what a register starts with is enough
    where power-up is the start of a process. And no output depends on an input: outputs are
    settled after a clock edge, and new inputs need no evaluation before the next.

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
        ``tx_valid``, ``tx_payload``. A byte is received if ``rx_ready`` and ``rx_valid``; a
        byte that is sent must be taken at once.
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
            self._rx_valid, self._rx_payload, self._rx_ready = Signal(), Signal(8), Signal()
            self._add_ports(rx_valid=self._rx_valid, rx_payload=self._rx_payload,
                            rx_ready=self._rx_ready, tx_valid=system.tx.valid,
                            tx_payload=system.tx.payload)

    def _add_ports(self, **values: Value) -> None:
        self.ports |= {name: (value, None) for name, value in values.items()}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains += self._domain
        m.submodules.system = system = self._system
        m.d.comb += self._idle.eq(system.idle)
        if self._wire == "bytes":
            m.d.comb += [self._rx_ready.eq(~system.rx.valid | system.rx.ready),
                         system.tx.ready.eq(1)]
            with m.If(self._rx_ready):
                m.d.sync += [system.rx.valid.eq(self._rx_valid),
                             system.rx.payload.eq(self._rx_payload)]
        return m
