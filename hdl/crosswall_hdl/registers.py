"""The register bank: `crosswall.spec.registers` as a target of the control bus."""

from collections.abc import Mapping

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from crosswall.spec.registers import REGISTERS, Access, Register

from .bus import ControlBus
from .control import RuleValues
from .state import WindowPort

__all__ = ["CommandPort", "RegisterBank", "SharedPort"]

_LOW, _HIGH = "_low", "_high"


class CommandPort(wiring.Signature):
    """A command register, as the bank drives it.

    Members
    -------
    write : Out(1)
        For one cycle: software wrote ``data``.
    data : Out(width)
    """

    def __init__(self, register: Register) -> None:
        super().__init__({"write": Out(1), "data": Out(register.width)})


class SharedPort(wiring.Signature):
    """A shared register, as the bank drives it.

    Members
    -------
    value : In(width)
        What the register's keeper holds.
    ready : In(1)
        The keeper can take a value now. A write waits for it.
    write : Out(1)
        For one cycle, only while ``ready``: the keeper takes ``data``.
    data : Out(width)
    """

    def __init__(self, register: Register) -> None:
        super().__init__({"value": In(register.width), "ready": In(1), "write": Out(1),
                          "data": Out(register.width)})


def _layout(register: Register) -> data.StructLayout:
    return data.StructLayout({field.name: field.width for field in register.fields})


def _of(access: Access) -> list[Register]:
    return [register for register in REGISTERS if register.access == access]


class RegisterBank(wiring.Component):
    """All registers of `crosswall.spec.registers`, behind a control bus.

    Takes 2 cycles an access; the state window, and a write to a shared register, as long as they
    need. An unknown address, and a write to a constant or read-only register, gives an error and
    changes nothing.

    Constants and read-write registers are read back from one block RAM. A reset therefore leaves
    read-write registers as they are, as it leaves the machine's memories; they have their reset
    values from power-up.

    Parameters
    ----------
    constants
        Word of each constant register, by name.

    Members
    -------
    bus : In(ControlBus)
    window : Out(WindowPort)
        Registers ``state_memory``, ``state_row`` and ``state_data``.
    <read-only register> : In(StructLayout)
        Its fields. Of a pair ``<name>_low`` and ``<name>_high`` there is one input ``<name>`` of
        all their bits; reading the low word holds the high one for the next read.
    <read-write register> : Out(StructLayout)
        Its fields.
    <shared register> : Out(SharedPort)
    <command register> : Out(CommandPort)

    Raises
    ------
    ValueError
        ``constants`` does not name exactly the constant registers, or a word does not fit.
    """

    def __init__(self, constants: Mapping[str, int]) -> None:
        expected = {register.name for register in _of(Access.CONSTANT)}
        if set(constants) != expected:
            raise ValueError(f"`constants` must name {sorted(expected)}: got {sorted(constants)}")
        for name, word in constants.items():
            if not 0 <= word < 1 << REGISTERS[name].width:
                raise ValueError(f"constant `{name}` must fit {REGISTERS[name].width} bits: "
                                 f"got {word}")
        self._constants = dict(constants)
        ports = {"bus": In(ControlBus()), "window": Out(WindowPort())}
        for register in REGISTERS:
            match register.access:
                case Access.READ_ONLY if register.name.endswith(_LOW):
                    name = register.name.removesuffix(_LOW)
                    ports[name] = In(register.width + REGISTERS[name + _HIGH].width)
                case Access.READ_ONLY if register.name.endswith(_HIGH):
                    pass
                case Access.READ_ONLY:
                    ports[register.name] = In(_layout(register))
                case Access.READ_WRITE:
                    ports[register.name] = Out(_layout(register))
                case Access.SHARED:
                    ports[register.name] = Out(SharedPort(register))
                case Access.COMMAND if register.name != "state_row":
                    ports[register.name] = Out(CommandPort(register))
        super().__init__(ports)

    @property
    def rules(self) -> data.View:
        """The rule registers as `RuleValues`."""
        fields = {"stdp": self.clustering_rule.stdp,
                  "stdp_probability": self.clustering_rule.stdp_probability,
                  "race_steps": self.race.steps,
                  **{name: self.race[name]
                     for name in ("leak", "inhibition_reach", "inhibition", "jitter")}}
        return data.View(RuleValues, Cat(
            fields[name] if name in fields else getattr(self, name).value
            for name in RuleValues.as_shape().members))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bus, window = self.bus, self.window
        depth = 1 << max(register.address for register in REGISTERS).bit_length()

        # What is only ever read as it was written: constants and read-write registers.
        written = {REGISTERS[name].address: word for name, word in self._constants.items()}
        written |= {register.address: register.reset for register in _of(Access.READ_WRITE)}
        m.submodules.rows = memory = Memory(
            shape=32, depth=depth, init=[written.get(address, 0) for address in range(depth)])
        stored, store = memory.read_port(), memory.write_port()

        live = Signal(32)  # a register that is not in the memory
        is_live = Signal()
        refused, waits, is_window = Signal(), Signal(), Signal()
        mask = Signal(32)  # bits of a read-write register
        held = {}  # high words, as of the last read of the low ones
        look = Signal()  # the access is looked up in this cycle
        answer_refused = Signal()
        m.d.comb += [
            stored.addr.eq(bus.address),
            stored.en.eq(~bus.write),
            store.addr.eq(bus.address),
            store.data.eq(bus.write_data & mask),
            window.write.eq(bus.write),
            window.write_data.eq(bus.write_data),
            window.memory.eq(self.state_memory.value),
            window.row.eq(bus.write_data),
            bus.read_data.eq(Mux(window.strobe, window.read_data,
                                 Mux(is_live, live, stored.data))),
            bus.error.eq(Mux(window.strobe, window.error, answer_refused)),
        ]
        kept = {}
        for register in _of(Access.READ_WRITE):
            kept[register.name] = Signal(register.width, name=register.name,
                                         init=register.reset, reset_less=True)
            m.d.comb += getattr(self, register.name).eq(kept[register.name])
        for register in _of(Access.SHARED) + _of(Access.COMMAND):
            if register.name != "state_row":
                m.d.comb += getattr(self, register.name).data.eq(bus.write_data)

        def look_up(register: Register) -> None:
            """Say what an access to ``register`` gives, and do what it does."""
            name, port = register.name, getattr(self, register.name, None)
            match register.access:
                case Access.CONSTANT:
                    m.d.comb += refused.eq(bus.write)
                case Access.READ_ONLY if name.endswith(_LOW):
                    name = name.removesuffix(_LOW)
                    value = getattr(self, name)
                    m.d.comb += [refused.eq(bus.write), is_live.eq(1), live.eq(value[:32])]
                    held[name] = Signal(len(value) - 32, name=f"{name}_held")
                    # Held in the cycle in which the low word is answered.
                    with m.If(bus.acknowledge & ~bus.write):
                        m.d.sync += held[name].eq(value[32:])
                case Access.READ_ONLY if name.endswith(_HIGH):
                    m.d.comb += [refused.eq(bus.write), is_live.eq(1),
                                 live.eq(held[name.removesuffix(_HIGH)])]
                case Access.READ_ONLY:
                    m.d.comb += [refused.eq(bus.write), is_live.eq(1), live.eq(port)]
                case Access.READ_WRITE:
                    m.d.comb += [mask.eq((1 << register.width) - 1),
                                 store.en.eq(bus.write & look)]
                    with m.If(bus.write & look):
                        m.d.sync += kept[name].eq(bus.write_data)
                case Access.SHARED:
                    m.d.comb += [
                        is_live.eq(1),
                        live.eq(port.value),
                        waits.eq(bus.write & ~port.ready),
                        port.write.eq(bus.write & port.ready & look),
                    ]
                case Access.COMMAND:
                    m.d.comb += [is_live.eq(1), (window.goto if name == "state_row"
                                                 else port.write).eq(bus.write & look)]
                case Access.WINDOW:
                    m.d.comb += is_window.eq(1)

        # The initiator holds its request, so the address is decoded in both cycles alike.
        with m.Switch(bus.address):
            for register in REGISTERS:
                with m.Case(register.address):
                    look_up(register)
            with m.Default():
                m.d.comb += refused.eq(1)

        with m.FSM():
            with m.State("REST"):
                m.d.comb += look.eq(bus.strobe)
                m.d.sync += answer_refused.eq(refused)
                with m.If(bus.strobe & ~waits):
                    m.next = "ANSWER"
                    with m.If(is_window):
                        m.next = "WINDOW"

            with m.State("WINDOW"):
                m.d.comb += [window.strobe.eq(1), bus.acknowledge.eq(window.acknowledge)]
                with m.If(window.acknowledge):
                    m.next = "REST"

            with m.State("ANSWER"):
                m.d.comb += bus.acknowledge.eq(1)
                m.next = "REST"
        return m
