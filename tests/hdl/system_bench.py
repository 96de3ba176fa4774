"""A host in cocotb: frames on the wire of a system, some of them damaged or repeated."""

import random
from collections import deque

import cocotb
import numpy as np
from bench import bench_parameters
from burst_memory import MemoryModel
from cocotb.triggers import FallingEdge, Timer
from drivers import PERIOD_NS, StreamSink, StreamSource, start
from system_case import BOARD_NAME, DIVISOR, system_case

from crosswall.link import pack_pixels
from crosswall.link.framing import FrameDecoder, encode
from crosswall.spec import frames
from crosswall.spec.frames import Control, FrameType, Operation, Replay
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.registers import REGISTERS
from crosswall.spec.sample import Flag, SampleHeader
from crosswall.spec.state import StateMemory
from crosswall.twin.reference import ReferenceMachine
from crosswall_hdl.system import identification

PARAMETERS = bench_parameters()
PATIENCE = 20_000
SAMPLES = 6


class ByteLine:
    """The byte streams, with random pauses on both sides."""

    def __init__(self, dut, generator):
        self._source = StreamSource(dut, "rx", generator=generator, probability=0.7)
        self._sink = StreamSink(dut, "tx", generator=generator, probability=0.7)

    def write(self, data):
        self._source.send(data)

    def read(self):
        data = bytes(self._sink.received)
        self._sink.received.clear()
        return data


class UartLine:
    """The UART pins. Bits are timed here, 1 % slower than the gateware's clock makes them."""

    BIT_PS = round(1.01 * DIVISOR * PERIOD_NS * 1000)

    def __init__(self, dut, generator):
        self._dut = dut
        self._to_send = deque()
        self._received = bytearray()
        dut.rx.value = 1
        cocotb.start_soon(self._send(generator))
        cocotb.start_soon(self._receive())

    def write(self, data):
        self._to_send.extend(data)

    def read(self):
        data = bytes(self._received)
        self._received.clear()
        return data

    async def _send(self, generator):
        while True:
            if not self._to_send:
                await Timer(generator.randrange(1, 3 * self.BIT_PS), "ps")  # any phase
                continue
            byte = self._to_send.popleft()
            for level in (0, *((byte >> bit) & 1 for bit in range(8)), 1):
                self._dut.rx.value = level
                await Timer(self.BIT_PS, "ps")

    async def _receive(self):
        half = DIVISOR // 2
        while True:
            await self._cycles(1)
            if self._dut.tx.value == 1:
                continue
            await self._cycles(half)
            byte = 0
            for bit in range(8):
                await self._cycles(DIVISOR)
                byte |= int(self._dut.tx.value) << bit
            await self._cycles(DIVISOR)
            assert self._dut.tx.value == 1, "no stop bit"
            self._received.append(byte)

    async def _cycles(self, count):
        for _ in range(count):
            await FallingEdge(self._dut.clk)


class Host:
    """Control transactions and samples over a line."""

    def __init__(self, dut, line):
        self._dut = dut
        self._line = line
        self._decoder = FrameDecoder()
        self._frames = deque()
        self._id = 0

    def send(self, frame, *, damaged=False):
        data = bytearray(encode(frame))
        if damaged:
            data[len(data) // 2] ^= 0x41 if data[len(data) // 2] != 0x41 else 0x02
        self._line.write(bytes(data))

    async def frame(self):
        """The next frame from the board."""
        for _ in range(PATIENCE):
            self._frames.extend(self._decoder.feed(self._line.read()))
            if self._frames:
                assert self._decoder.bad_frames == 0
                return self._frames.popleft()
            await FallingEdge(self._dut.clk)
        raise AssertionError(f"no frame within {PATIENCE} cycles")

    async def control(self, operation, name, count, words=()):
        self._id += 1
        self.send(frames.pack_control(Control(self._id, operation, REGISTERS[name].address, count,
                                              tuple(words))))
        reply = frames.unpack_reply(await self.frame())
        assert (reply.id, reply.status, reply.count) == (self._id, frames.Status.OK, count)
        return list(reply.words)

    async def read(self, name, count=1):
        return await self.control(Operation.READ, name, count)

    async def write(self, name, *words):
        await self.control(Operation.WRITE, name, len(words), words)

    async def select(self, memory):
        await self.write("state_memory", memory, 0)  # and state_row, which follows it

    async def load(self, memory, values):
        await self.select(memory)
        words = [int(value) & 0xFFFF_FFFF for value in np.ravel(values)]
        for place in range(0, len(words), frames.MAX_CONTROL_WORDS):
            part = words[place:place + frames.MAX_CONTROL_WORDS]
            await self.control(Operation.WRITE_WINDOW, "state_data", len(part), part)

    async def dump(self, memory, count):
        await self.select(memory)
        return await self.control(Operation.READ_WINDOW, "state_data", count)


@cocotb.test()
async def host_configures_teaches_and_reads_back(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    case = system_case(PARAMETERS["seed"], packed=PARAMETERS["packed"],
                       compact=PARAMETERS.get("compact", False))
    network = case.network
    reference = ReferenceMachine(network, case.rules, case.clustering_table, case.readout_table)
    state = reference.state
    line = {"uart": UartLine, "bytes": ByteLine}[PARAMETERS["wire"]](dut, generator)
    host = Host(dut, line)
    if case.build.store:
        MemoryModel(dut, "memory", case.build.store, generator=generator, probability=0.7)
    await start(dut)
    line.write(b"noise\x00")

    expected = identification(network, case.build, BOARD_NAME, 24_000_000)
    words = await host.read("magic", len(expected))
    assert words == [expected[register.name] for register in REGISTERS
                     if register.name in expected]

    for name, word in case.rules.register_words().items():
        await host.write(name, word)
    await host.load(StateMemory.CLUSTERING_STEPS, case.clustering_table.steps)
    await host.load(StateMemory.READOUT_STEPS, case.readout_table.steps)
    await host.load(StateMemory.CLUSTERING_WALLS, state.clustering_walls)
    await host.load(StateMemory.READOUT_WALLS, state.readout_walls)

    everything = sum(Flag, Flag(0))
    damaged = generator.randrange(SAMPLES)
    images = []
    for number in range(SAMPLES):
        pixels = np.array([generator.choice([0, generator.randrange(256)])
                           for _ in range(network.pixels)], np.uint8)
        pixels = pixels // 17 * 17 if number % 2 else pixels
        header = SampleHeader(number, everything, label=generator.randrange(network.classes),
                              clustering_pulse_shift=generator.randrange(3))
        packing, body = pack_pixels(pixels[None])[0] if case.build.packed \
            else (0, pixels.tobytes())
        frame = frames.pack_sample(header.pack(packing) + body)
        if case.build.store:
            frame = frames.pack_keep(8 * number, header.pack(packing) + body)
        images.append(pixels)
        if number == damaged:
            host.send(frame, damaged=True)
        host.send(frame)
        answer = frames.pack_result(reference.process(header, pixels).pack(network))
        assert await host.frame() == answer
        host.send(frame)  # the same once more: answered, not learned
        assert await host.frame() == answer
    learned, repeated = SAMPLES, SAMPLES
    if case.build.store:
        # As many as there are slots, in another order, and with other labels and settings.
        replayed = [(SAMPLES - 1, 0), (2, 1)]
        frame = frames.pack_replay(Replay(SAMPLES, everything, 0x01, 0x20, tuple(
            (8 * image, label) for image, label in replayed)))
        answers = []
        for image, label in replayed:
            header = SampleHeader(learned, everything, label, clustering_pulse_shift=1,
                                  readout_gate_shift=2)
            answers.append(frames.pack_result(reference.process(header, images[image])
                                              .pack(network)))
            learned += 1
        for _ in range(2):
            host.send(frame, damaged=True)
            host.send(frame)
            assert [await host.frame() for _ in replayed] == answers
        repeated += len(replayed)
    host.send(frames.pack_sample(SampleHeader(learned + 1, 0).pack() + bytes(network.pixels)))
    gap = await host.frame()
    assert (gap[0], frames.unpack_gap(gap)) == (FrameType.GAP, learned)

    assert await host.read("next_sample") == [learned]
    dropped, duplicates, gaps = await host.read("dropped_frames", 3)
    # The noise and the damaged ones.
    assert (dropped, duplicates, gaps) == (2 if learned == SAMPLES else 4, repeated, 1)
    assert (await host.read("status"))[0] & 1
    assert dut.idle.value == 1
    low, high = await host.read("busy_cycles_low", 2)
    assert 0 < low < 100_000 and high == 0

    async def same(memory, values):
        values = np.ravel(values).tolist()
        assert await host.dump(memory, len(values)) == values

    await same(StateMemory.CLUSTERING_WALLS, state.clustering_walls)
    await same(StateMemory.THRESHOLDS, state.thresholds)
    await same(StateMemory.READOUT_WALLS, state.readout_walls)
    await host.write("ledger_capture", 1)
    halves = await host.dump(StateMemory.LEDGER, 2 * COUNTERS)
    assert [low | high << 32 for low, high in zip(halves[::2], halves[1::2], strict=True)] \
        == state.ledger.tolist()
