"""A board in Python: link, registers and state window around a twin; in process or on a pty."""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from crosswall.link import BoardModel
from crosswall.spec.build import Build
from crosswall.spec.device_table import GAIN_ENTRIES, DeviceTable
from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.network import Network
from crosswall.spec.race import Race
from crosswall.spec.registers import MAGIC, REGISTERS, Access, pack_board_name
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, Result, SampleHeader, sample_packet_bytes
from crosswall.spec.state import StateMemory, memory_shapes
from crosswall.twin import Headers, MachineState, Twin

_BY_ADDRESS = {register.address: register for register in REGISTERS}


class FakeBoard:
    """Control bus and machine of a board; ``model`` is its link."""

    def __init__(self, network: Network, build: Build, *, name: str = "fake",
                 magic: int = MAGIC, protocol_version: int = PROTOCOL_VERSION) -> None:
        self.network = network
        shapes = memory_shapes(network, build)
        self.memories = {memory: np.zeros(shape.words, np.uint64)
                         for memory, shape in shapes.items()}
        self._captured = np.zeros(2 * COUNTERS, np.uint64)
        self._place = 0
        self._lanes = {memory: shape.lanes for memory, shape in shapes.items()}
        self.words = {register.name: register.reset for register in REGISTERS} | {
            "magic": magic, "protocol_version": protocol_version,
            "network_digest": network.digest(),
            "build_lanes": REGISTERS["build_lanes"].pack(
                lanes=build.lanes, readout_lanes=build.readout_lanes),
            "build_options": REGISTERS["build_options"].pack(**build.options),
            "network_size": REGISTERS["network_size"].pack(pixels=network.pixels,
                                                           classes=network.classes),
            "network_shape": REGISTERS["network_shape"].pack(positions=network.positions,
                                                             neurons=network.neurons),
            **{f"board_name_{place}": word
               for place, word in enumerate(pack_board_name(name))}}
        self.samples = 0
        self.fault: int | None = None
        """Number of a sample whose learning flips a bit of the first threshold."""
        self.model = BoardModel(slots=build.slots, sample_bytes=sample_packet_bytes(network),
                                machine=self._learn, control=self, packed=build.packed,
                                store=build.store)
        # Numba compiles at the first sample that learns or does not; a host that waits for one may
        # have little patience.
        for flags in (0, Flag.LEARN_CLUSTERING):
            self._twin().process(Headers.uniform(np.arange(1), flags),
                                 np.zeros((1, network.pixels), np.uint8))

    def read(self, address: int) -> int:
        register = self._register(address)
        if register.name == "next_sample":
            return self.model.next_sample
        if register.name == "state_data":
            memory = self._selected
            data = self._captured if memory == StateMemory.LEDGER else self.memories[memory]
            word = int(data[self._place])
            self._place += 1
            return word
        return self.words[register.name]

    def write(self, address: int, word: int) -> None:
        register = self._register(address)
        if register.access in (Access.CONSTANT, Access.READ_ONLY):
            raise LookupError(address)
        if register.name == "next_sample":
            self.model.next_sample = word
        elif register.name == "state_row":
            self._place = word * self._lanes[self._selected]
        elif register.name == "state_data":
            self.memories[self._selected][self._place] = word
            self._place += 1
        elif register.name == "ledger_capture":
            self._captured = self.memories[StateMemory.LEDGER].copy()
        else:
            self.words[register.name] = word

    @property
    def _selected(self) -> StateMemory:
        return StateMemory(self.words["state_memory"])

    def _register(self, address: int):
        if address not in _BY_ADDRESS:
            raise LookupError(address)
        return _BY_ADDRESS[address]

    def _learn(self, packet: bytes) -> bytes:
        """One sample by a twin made of what is in the memories and registers."""
        header = SampleHeader.unpack(packet)
        twin = self._twin()
        columns = [np.array([value]) for value in (
            header.number, header.flags, header.label, header.clustering_pulse_shift,
            header.clustering_gate_shift, header.readout_pulse_shift, header.readout_gate_shift)]
        headers = Headers(columns[0].astype(np.uint32),
                          *(column.astype(np.uint8) for column in columns[1:]))
        # A copy, because Numba compiles once more for arrays that cannot be written.
        pixels = np.frombuffer(packet, np.uint8)[-self.network.pixels:][None].copy()
        results = twin.process(headers, pixels)
        self._keep(twin.state)
        self.samples += 1
        if header.number == self.fault:
            self.memories[StateMemory.THRESHOLDS][0] ^= np.uint64(1)
        winners, scores = (), ()
        if header.flags & Flag.SEND_WINNERS:
            winners = tuple(map(int, results.winners[0]))
        if header.flags & Flag.SEND_SCORES and header.flags & Flag.PREDICT:
            scores = tuple(map(int, results.scores[0]))
        return Result(header.number, header.flags, int(results.predictions[0]),
                      int(results.result_flags[0]), winners, scores).pack(self.network)

    @property
    def rules(self) -> Rules:
        rule = REGISTERS["clustering_rule"].unpack(self.words["clustering_rule"])
        return Rules(
            **{name: self.words[name] for name in (
                "seed", "static_seed", "silence", "margin", "refinement_margin",
                "threshold_rise", "threshold_decay")},
            clustering_rule=ClusteringRule.STDP if rule["stdp"] else ClusteringRule.MATCH,
            stdp_probability=rule["stdp_probability"],
            race=Race(self.words["fire_threshold"],
                      **REGISTERS["race"].unpack(self.words["race"])))

    @property
    def state(self) -> MachineState:
        """The learned state."""
        network, memories = self.network, self.memories
        halves = memories[StateMemory.LEDGER].reshape(COUNTERS, 2)
        return MachineState(
            memories[StateMemory.CLUSTERING_WALLS].astype(np.uint16).reshape(
                network.crossbars, network.lines, network.neurons),
            memories[StateMemory.THRESHOLDS].astype(np.uint32).reshape(
                network.crossbars, network.neurons),
            memories[StateMemory.READOUT_WALLS].astype(np.uint16).reshape(
                network.features, network.classes, 2),
            halves[:, 0] | halves[:, 1] << np.uint64(32), self.model.next_sample)

    def _twin(self) -> Twin:
        """A twin that stands where the board stands."""
        return Twin(self.network, self.rules, self._table("clustering"), self._table("readout"),
                    self.state)

    def _keep(self, state: MachineState) -> None:
        memories = self.memories
        memories[StateMemory.CLUSTERING_WALLS] = state.clustering_walls.ravel().astype(np.uint64)
        memories[StateMemory.THRESHOLDS] = state.thresholds.ravel().astype(np.uint64)
        memories[StateMemory.READOUT_WALLS] = state.readout_walls.ravel().astype(np.uint64)
        memories[StateMemory.LEDGER] = np.stack(
            [state.ledger & np.uint64(0xFFFFFFFF), state.ledger >> np.uint64(32)], axis=1).ravel()

    def _table(self, stage: str) -> DeviceTable:
        network = self.network
        steps = self.memories[StateMemory[f"{stage.upper()}_STEPS"]].astype(np.uint16)
        gains = self.memories[StateMemory[f"{stage.upper()}_GAINS"]][:GAIN_ENTRIES]
        return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits,
                           network.variant_bits, tuple(steps.astype(np.int16).tolist()),
                           tuple(map(int, gains)), self.words[f"{stage}_stuck"])


@contextmanager
def on_terminal(board: FakeBoard | None, noise: bytes = b"") -> Iterator[str]:
    """Serve a board behind a pseudo-terminal; yields its path. Without a board every byte is
    answered by ``noise``."""
    primary, secondary = pty.openpty()
    tty.setraw(primary)
    tty.setraw(secondary)
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if not select.select([primary], [], [], 0.02)[0]:
                continue
            data = os.read(primary, 4096)
            if board is None:
                os.write(primary, noise)
                continue
            board.model.feed(data)
            board.model.drain()
            if answer := board.model.take_output():
                os.write(primary, answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield os.ttyname(secondary)
    finally:
        stop.set()
        thread.join()
        os.close(primary)
        os.close(secondary)
