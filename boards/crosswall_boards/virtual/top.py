"""The top of the virtual board: a system with ports that suit a C++ bridge."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockDomain, Elaboratable, Module, Signal, Value
from amaranth.utils import exact_log2

from crosswall_hdl.burst import BURST_WORDS, WORD_BITS

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
        byte that is sent must be taken at once. If the system has a memory, ``memory_write``,
        ``memory_read``, ``memory_address``, ``memory_data`` and ``memory_word``: with
        ``memory_write`` the word ``memory_data`` goes to ``memory_address``, with ``memory_read``
        the word there is given as ``memory_word`` at the coming clock edge.
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

        self._memory = getattr(system, "memory", None)
        if self._memory is not None:
            self._read, self._write = Signal(), Signal()
            self._address = Signal(self._memory.signature.place_bits + exact_log2(BURST_WORDS))
            self._word = Signal(WORD_BITS)
            self._add_ports(memory_read=self._read, memory_write=self._write,
                            memory_address=self._address, memory_data=self._memory.write_data,
                            memory_word=self._word)

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
        if self._memory is not None:
            self._serve_bursts(m)
        return m

    def _serve_bursts(self, m: Module) -> None:
        """Word by word, one in a cycle; a word that is read comes a cycle later."""
        memory = self._memory
        place, writes = Signal.like(memory.request.p.place), Signal()
        left, word = Signal(range(BURST_WORDS + 1)), Signal(range(BURST_WORDS))
        m.d.comb += [
            memory.request.ready.eq(left == 0),
            self._address.eq(Cat(word, place)),
            self._write.eq((left != 0) & writes),
            self._read.eq((left != 0) & ~writes),
            memory.write_taken.eq(self._write),
        ]
        m.d.sync += [memory.read_data.eq(self._word), memory.read_valid.eq(self._read)]
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), word.eq(word + 1)]
        with m.Elif(memory.request.valid):
            m.d.sync += [left.eq(BURST_WORDS), place.eq(memory.request.p.place),
                         writes.eq(memory.request.p.write)]
