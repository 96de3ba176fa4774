"""The system: machine, registers and link; everything but pins and clocks."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from crosswall.spec.build import Build
from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.network import Network
from crosswall.spec.registers import MAGIC, REGISTERS, pack_board_name
from crosswall.spec.sample import max_result_packet_bytes, sample_packet_bytes

from .burst import BurstMemory
from .link import Link
from .link.uart import UartReceiver, UartTransmitter, check_divisor
from .machine import Machine
from .registers import RegisterBank

__all__ = ["System", "WIRES", "identification"]

WIRES = ("uart", "bytes")
"""What a system's serial side can be: UART pins, or the byte streams behind them."""


def identification(network: Network, build: Build, board_name: str,
                   clock_frequency: int) -> dict[str, int]:
    """Return the word of every constant register, by name.

    Raises ValueError for a name or a frequency (Hz) that does not fit its registers.
    """
    words = {
        "magic": MAGIC,
        "protocol_version": PROTOCOL_VERSION,
        "network_digest": network.digest(),
        "build_lanes": REGISTERS["build_lanes"].pack(
            lanes=build.lanes, readout_lanes=build.readout_lanes),
        "build_options": REGISTERS["build_options"].pack(**build.options),
        "clock_frequency": REGISTERS["clock_frequency"].pack(value=clock_frequency),
        "network_size": REGISTERS["network_size"].pack(
            pixels=network.pixels, classes=network.classes),
        "network_shape": REGISTERS["network_shape"].pack(
            positions=network.positions, neurons=network.neurons),
    }
    words |= {f"board_name_{place}": word
              for place, word in enumerate(pack_board_name(board_name))}
    return words


class System(wiring.Component):
    """A learning machine that a host reaches over one wire.

    Parameters
    ----------
    network, build
        What is computed, and how.
    wire
        "uart" or "bytes".
    board_name
        1 to 16 ASCII characters, for the identification registers.
    clock_frequency
        Of domain ``sync`` in Hz, for the identification registers; 0 in simulation.
    divisor
        Clocks per bit of the UART, at least 4.
    single_port_primitive
        Memory primitive of single-port RAM; see `crosswall_hdl.memory.WallMemory`.

    Members
    -------
    rx : In(1), tx : Out(1)
        Wire "uart": 8N1, idle high. ``rx`` may be asynchronous.
    rx : In(stream.Signature(8)), tx : Out(stream.Signature(8))
        Wire "bytes": a byte per cycle at most. ``rx`` waits for one cycle now and then, and while
        a sample is kept or replayed; ``tx``
        may wait for any time, and the machine then waits with it once its answers' slots are
        full.
    memory : Out(BurstMemory(build.store))
        The board's memory for samples; only if the build has a store.
    idle : Out(1)
        No sample is being processed or waiting.

    Raises
    ------
    ValueError
        For an unknown wire, a build that cannot compute the network, or a name, frequency or
        divisor out of range.
    """

    def __init__(self, network: Network, build: Build, *, wire: str, board_name: str,
                 clock_frequency: int = 0, divisor: int = 4,
                 single_port_primitive: str = "inferred") -> None:
        if wire not in WIRES:
            raise ValueError(f"`wire` must be one of {', '.join(WIRES)}: got {wire!r}")
        build.check_fits(network)
        check_divisor(divisor)
        self._network, self._build = network, build
        self._constants = identification(network, build, board_name, clock_frequency)
        self._wire = wire
        self._divisor = divisor
        self._single_port_primitive = single_port_primitive
        super().__init__({
            **({"rx": In(1, init=1), "tx": Out(1, init=1)} if wire == "uart" else
               {"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))}),
            **({"memory": Out(BurstMemory(build.store))} if build.store else {}),
            "idle": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, build = self._network, self._build
        primitive = self._single_port_primitive
        m.submodules.machine = machine = Machine(network, build,
                                                 single_port_primitive=primitive)
        m.submodules.registers = registers = RegisterBank(self._constants)
        m.submodules.link = link = Link(slots=build.slots,
                                        sample_bytes=sample_packet_bytes(network),
                                        result_bytes=max_result_packet_bytes(network),
                                        serial=self._wire == "uart", packed=build.packed,
                                        pixels_at_once=build.pixels_at_once, store=build.store)

        if self._wire == "uart":
            m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
            m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
            m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
            connect(m, receiver.bytes, link.wire_in)
            connect(m, link.wire_out, transmitter.bytes)
        else:
            connect(m, flipped(self.rx), link.wire_in)
            connect(m, link.wire_out, flipped(self.tx))

        if build.store:
            connect(m, link.memory, flipped(self.memory))
        connect(m, link.bus, registers.bus)
        connect(m, link.samples, machine.samples)
        connect(m, machine.results, link.results)
        connect(m, registers.window, machine.window)
        m.d.comb += [
            machine.rules.eq(registers.rules),
            machine.capture.eq(registers.ledger_capture.write),

            registers.next_sample.value.eq(link.next_sample),
            registers.next_sample.ready.eq(link.idle),
            link.next_sample_value.eq(registers.next_sample.data),
            link.next_sample_strobe.eq(registers.next_sample.write),
            registers.dropped_frames.value.eq(link.dropped_frames),
            registers.duplicate_samples.value.eq(link.duplicate_samples),
            registers.gaps.value.eq(link.gaps),

            self.idle.eq(machine.idle & link.idle & ~link.busy),
            registers.status.idle.eq(self.idle),
            registers.busy_cycles.eq(machine.busy_cycles),
        ]
        return m
