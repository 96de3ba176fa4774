"""A board at the other end of a link: a flashed FPGA or the virtual board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from crosswall.errors import BoardError
from crosswall.link import KeptSample, KeptSamples, Session, Transport, sample_packets
from crosswall.spec.build import Build, WallMemory
from crosswall.spec.device_table import GAIN_ONE, DeviceTable
from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.network import MAX_VARIANT_BITS, Network
from crosswall.spec.registers import MAGIC, REGISTERS, unpack_board_name
from crosswall.spec.sample import Result, SampleHeader
from crosswall.spec.state import StateMemory
from crosswall.twin import Headers, MachineState, Results

from .abstract import Identity, Machine, Progress, Stop
from .results import first, store

IDENTIFY_PATIENCE = 3.0
"""Seconds that a port gets to answer the first question."""

PATIENCE = 30.0
"""Seconds without an answer after which a board that did answer counts as lost."""

BUILD_IT = "build and flash it for this experiment"
"""What to do about a board that holds another network, unless more is known."""

_LOW_WORD = 0xFFFF_FFFF


class RemoteBoard:
    """A board behind a transport.

    Parameters
    ----------
    transport
        An open line; the board closes it.
    on_close
        Called after the transport was closed.
    replay
        Whether samples that come again are learned from the board's memory, where it has one and
        they fit (`crosswall.link.KeptSamples`); False: each comes over the line each time.

    Raises
    ------
    LinkError
        If nothing answers, or not in frames.
    BoardError
        If what answers is not crosswall, or speaks another protocol version.
    """

    def __init__(self, transport: Transport, on_close: Callable[[], None] | None = None, *,
                 replay: bool = True) -> None:
        self._transport = transport
        self._on_close = on_close
        self._bound: Network | None = None
        try:
            self._session = Session(transport, patience=IDENTIFY_PATIENCE)
            self._identity, self._build = self._identify()
        except BaseException:
            self.close()
            raise
        slots = self._build.slots
        self._session = Session(transport, slots=slots, patience=PATIENCE)
        self._kept = KeptSamples(self._build.store) if replay and self._build.store else None

    @property
    def name(self) -> str:
        """The board's own name."""
        return self._identity.name

    @property
    def session(self) -> Session:
        """The session with the board."""
        return self._session

    @property
    def kept(self) -> KeptSamples | None:
        """Which samples the board's memory holds; None if it has none, or is not used."""
        return self._kept

    def identify(self) -> Identity:
        """What the board said when it was opened."""
        return self._identity

    def _identify(self) -> tuple[Identity, Build]:
        magic, version = self._session.read(REGISTERS["magic"].address, 2)
        if magic != MAGIC:
            raise BoardError(f"what answers is not crosswall: its magic number is 0x{magic:08x}, "
                             f"expected 0x{MAGIC:08x}; choose another port or flash the board")
        if version != PROTOCOL_VERSION:
            raise BoardError(f"the board speaks protocol version {version}, this program version "
                             f"{PROTOCOL_VERSION}; flash a bitstream of this version")
        fields = {name: REGISTERS[name].unpack(self.read_register(name))
                  for name in ("network_digest", "build_lanes", "build_options",
                               "clock_frequency", "network_size", "network_shape")}
        options = fields["build_options"]
        lanes = fields["build_lanes"]
        build = Build(lanes["lanes"], lanes["readout_lanes"], slots=options["slots"],
                      static_spread=bool(options["static_spread"]),
                      compact=bool(options["compact"]),
                      overlap=bool(options["overlap"]), positions=options["positions"],
                      packed=bool(options["packed"]),
                      store=1 << options["store"] if options["store"] else 0,
                      readout_memory=WallMemory.SINGLE_PORT if options["single_port"]
                      else WallMemory.BLOCK)
        return Identity(
            name=unpack_board_name(tuple(self._session.read(REGISTERS["board_name_0"].address,
                                                            4))),
            protocol_version=version,
            network_digest=fields["network_digest"]["value"],
            build=build,
            clock_frequency=fields["clock_frequency"]["value"],
            size={**fields["network_size"], **fields["network_shape"]}), build

    def bind(self, network: Network, remedy: str = BUILD_IT) -> None:
        """Say which network the board is thought to hold, without changing anything on it;
        BoardError if it holds another, with the ``remedy``."""
        check_network(self._identity, network, remedy)
        self._bound = network

    def configure(self, machine: Machine) -> None:
        """Set rules and device tables; the learned state stays.

        Raises
        ------
        BoardError
            If the board holds another network, or cannot vary devices as the tables ask.
        """
        self.bind(machine.network)
        tables = (machine.clustering_table, machine.readout_table)
        if not self._build.static_spread and any(_has_spread(table) for table in tables):
            raise BoardError(f"board {self.name} was built without static_spread, but the "
                             f"experiment's devices vary; set spread and stuck to 0, or build it "
                             f"with static_spread = true")
        for name, word in machine.rules.register_words().items():
            self.write_register(name, word)
        for stage, table, steps, gains in (
                ("clustering", tables[0], StateMemory.CLUSTERING_STEPS,
                 StateMemory.CLUSTERING_GAINS),
                ("readout", tables[1], StateMemory.READOUT_STEPS, StateMemory.READOUT_GAINS)):
            self.write_register(f"{stage}_stuck", table.stuck_threshold)
            self._write_memory(steps, np.array(table.steps))
            self._write_memory(gains, np.array(table.gains))

    def load_state(self, state: MachineState) -> None:
        """Replace the learned state; DataError if it is not of this network."""
        state.check_fits(self._network)
        self._write_memory(StateMemory.CLUSTERING_WALLS, state.clustering_walls)
        self._write_memory(StateMemory.THRESHOLDS, state.thresholds)
        self._write_memory(StateMemory.READOUT_WALLS, state.readout_walls)
        ledger = state.ledger.astype(np.uint64)
        self._write_memory(StateMemory.LEDGER, np.stack(
            [ledger & np.uint64(_LOW_WORD), ledger >> np.uint64(32)], axis=1))
        self.write_register("next_sample", state.next_sample)

    def read_state(self) -> MachineState:
        """The learned state, after the samples that are in flight."""
        network = self._network
        return MachineState(
            self._read_memory(StateMemory.CLUSTERING_WALLS, network.clustering_synapses).astype(
                np.uint16).reshape(network.crossbars, network.lines, network.neurons),
            self._read_memory(StateMemory.THRESHOLDS, network.crossbars * network.neurons).astype(
                np.uint32).reshape(network.crossbars, network.neurons),
            self._read_memory(StateMemory.READOUT_WALLS, network.readout_synapses).astype(
                np.uint16).reshape(network.features, network.classes, 2),
            self.read_ledger(), self.next_sample())

    def read_ledger(self) -> np.ndarray:
        """The counters, all of one moment: ``uint64[COUNTERS]``."""
        self.write_register("ledger_capture", 1)
        halves = self._read_memory(StateMemory.LEDGER, 2 * COUNTERS).reshape(COUNTERS, 2)
        return halves[:, 0] | halves[:, 1] << np.uint64(32)

    def next_sample(self) -> int:
        """Number of the sample that the link expects."""
        return self.read_register("next_sample")

    def busy_cycles(self) -> int:
        """Clock cycles spent on samples since power-up."""
        low = self.read_register("busy_cycles_low")
        return self.read_register("busy_cycles_high") << 32 | low

    def stream(self, headers: Headers, pixels: np.ndarray, *, progress: Progress | None = None,
               stop: Stop | None = None) -> Results:
        """Samples through the machine; see `crosswall.board.Board.stream`."""
        network = self._network
        results = Results.empty(network, len(headers))
        if not len(headers):
            return results
        done = 0
        each = _until(stop, headers)
        packets: Iterable[bytes | KeptSample] = sample_packets(
            each, pixels, packed=self._build.packed) if self._kept is None \
            else self._kept.samples(each, pixels)
        for packet in self._session.stream(packets, int(headers.numbers[0])):
            result = Result.unpack(packet, network)
            if self._kept is not None:
                self._kept.answered(result.number)
            store(results, done, result)
            done += 1
            if progress is not None:
                progress(done)
        return first(results, done)

    def close(self) -> None:
        """Let go of the line."""
        self._transport.close()
        if self._on_close is not None:
            self._on_close()
            self._on_close = None

    def read_register(self, name: str) -> int:
        """The word in a register of `crosswall.spec.registers`."""
        return self._session.read(REGISTERS[name].address)[0]

    def write_register(self, name: str, word: int) -> None:
        """Set a register of `crosswall.spec.registers`."""
        self._session.write(REGISTERS[name].address, word)

    @property
    def _network(self) -> Network:
        if self._bound is None:
            raise RuntimeError("the board was neither configured nor bound to a network")
        return self._bound

    def _write_memory(self, memory: StateMemory, values: np.ndarray) -> None:
        self._select(memory)
        words = (values.astype(np.int64) & _LOW_WORD).ravel().tolist()
        self._session.write_window(REGISTERS["state_data"].address, words)

    def _read_memory(self, memory: StateMemory, words: int) -> np.ndarray:
        self._select(memory)
        return np.array(self._session.read_window(REGISTERS["state_data"].address, words),
                        np.uint64)

    def _select(self, memory: StateMemory) -> None:
        self.write_register("state_memory", memory)
        self.write_register("state_row", 0)


def check_network(identity: Identity, network: Network, remedy: str = BUILD_IT) -> None:
    """Raise BoardError, with the ``remedy``, unless a board holds ``network``."""
    if identity.network_digest == network.digest():
        return
    for bits in range(MAX_VARIANT_BITS + 1):
        if identity.network_digest == replace(network, variant_bits=bits).digest():
            raise BoardError(
                f"board {identity.name} was built for {_variants(bits)}, the experiment has "
                f"{_variants(network.variant_bits)}; {remedy}, or take what the board has with "
                f"--variants {1 << bits}")
    size = {key: getattr(network, key) for key in identity.size}
    raise BoardError(
        f"board {identity.name} holds network {identity.network_digest:08x} "
        f"({_describe(identity.size)}), the experiment needs {network.digest():08x} "
        f"({_describe(size)}); {remedy}")


def _describe(size: dict[str, int]) -> str:
    return ", ".join(f"{value} {name}" for name, value in size.items())


def _variants(bits: int) -> str:
    return "1 device variant" if bits == 0 else f"{1 << bits} device variants"


def _has_spread(table: DeviceTable) -> bool:
    return table.stuck_threshold > 0 or any(gain != GAIN_ONE for gain in table.gains)


def _until(stop: Stop | None, headers: Headers) -> Iterator[SampleHeader]:
    """One header after another, until ``stop``."""
    for index in range(len(headers)):
        if stop is not None and stop():
            return
        yield headers.header(index)
