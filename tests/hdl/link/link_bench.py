"""cocotb benches of the whole link: in step with the board model, and under the host's session."""

import random

import cocotb
import numpy as np
from bench import bench_parameters
from burst_memory import MemoryModel
from cobs import cobs
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly
from cocotb.utils import get_sim_time
from drivers import PERIOD_NS, StreamSink, StreamSource, start

from crosswall.link import BoardModel, KeptSamples, Session, sample_packets
from crosswall.link.framing import encode
from crosswall.spec import frames
from crosswall.spec.frames import Control, Operation, Replay
from crosswall.spec.packing import PACKING_PLACE, PACKINGS, unpack_sample
from crosswall.spec.sample import SAMPLE_HEADER_BYTES, SampleHeader
from crosswall.spec.store import PLACE_UNIT
from tests.link.faults import FaultyTransport
from tests.link.machine import Machine, Registers, result, sample

SLOTS = bench_parameters()["slots"]
SAMPLE_BYTES = bench_parameters()["sample_bytes"]
RESULT_BYTES = bench_parameters()["result_bytes"]
PACKED = bench_parameters()["packed"]
STORE = bench_parameters()["store"]
BYTE_CYCLES = 8 if bench_parameters()["serial"] else 1
PIXELS = SAMPLE_BYTES - SAMPLE_HEADER_BYTES
REGISTERS = 64


def packet(number):
    """Return the sample packet `number`, which may be packed, well or badly."""
    plain = sample(number, SAMPLE_BYTES)
    if not PACKED:
        return plain
    generator = random.Random(number)
    header = bytearray(plain[:SAMPLE_HEADER_BYTES])
    header[PACKING_PLACE] = generator.randrange(PACKINGS)
    pixels = SAMPLE_BYTES - SAMPLE_HEADER_BYTES
    length = generator.choice([0, 1, pixels // 2, pixels, generator.randint(0, pixels)])
    body = [generator.choice([0, 255, generator.randrange(256), generator.randrange(32)])
            for _ in range(length)]
    return bytes(header) + bytes(body)


def plain(packet):
    """Return what the machine must be given of `packet`."""
    return unpack_sample(packet, SAMPLE_BYTES - SAMPLE_HEADER_BYTES) if PACKED else packet


class Bench:
    """The link with a wire, registers and a machine around it, each with random pauses."""

    def __init__(self, dut, *, valid=1.0, ready=1.0, latency=0):
        self.dut = dut
        self.generator = random.Random(cocotb.RANDOM_SEED)
        self.to_board = StreamSource(dut, "wire_in", generator=self.generator, probability=valid)
        self.to_host = StreamSink(dut, "wire_out", generator=self.generator, probability=ready)
        self.samples = StreamSink(dut, "samples", generator=self.generator, probability=ready)
        self.results = StreamSource(dut, "results", generator=self.generator, probability=valid)
        self.registers = Registers(REGISTERS)
        self.memory = MemoryModel(dut, "memory", STORE, generator=self.generator,
                                  probability=valid) if STORE else None
        self.learned = []
        self._latency = latency
        dut.next_sample_strobe.value = 0
        dut.bus__acknowledge.value = 0
        dut.bus__error.value = 0
        dut.bus__read_data.value = 0

    async def start(self):
        await start(self.dut)
        cocotb.start_soon(self._serve_bus())

    async def _serve_bus(self):
        dut = self.dut
        while True:
            await FallingEdge(dut.clk)
            dut.bus__acknowledge.value = 0
            await ReadOnly()
            if dut.bus__strobe.value != 1:
                continue
            before = self._request()
            for _ in range(self.generator.randint(0, self._latency)):
                await FallingEdge(dut.clk)
                await ReadOnly()
                assert self._request() == before, "the request changed before its acknowledge"
            await FallingEdge(dut.clk)
            write, address, word = before
            try:
                if write:
                    self.registers.write(address, word)
                else:
                    dut.bus__read_data.value = self.registers.read(address)
                dut.bus__error.value = 0
            except LookupError:
                dut.bus__error.value = 1
            dut.bus__acknowledge.value = 1

    def _request(self):
        dut = self.dut
        assert dut.bus__strobe.value == 1
        return int(dut.bus__write.value), int(dut.bus__address.value), int(
            dut.bus__write_data.value)

    def answer(self):
        """Let the machine answer the oldest sample it was given; False if there is none."""
        packet = self.samples.take_packet()
        if packet is None:
            return False
        self.learned.append(packet)
        self.results.send_packet(result(packet, RESULT_BYTES))
        return True

    async def answer_always(self):
        """Be a machine that takes some time for each sample."""
        while True:
            await ClockCycles(self.dut.clk, self.generator.randint(1, 200))
            self.answer()

    async def until_quiet(self):
        """Wait until nothing has moved for longer than the longest silence, which is the
        encoder's while it builds a block of 254 bytes, or that of a queue before the decoder."""
        longest = (1500 if STORE and BYTE_CYCLES > 1 else 300) * BYTE_CYCLES
        quiet = 0
        before = None
        while quiet < longest:
            await FallingEdge(self.dut.clk)
            now = (self.to_board.sent, self.results.sent, len(self.samples.received),
                   len(self.to_host.received), len(self.registers.accesses))
            busy = self.to_board.busy or self.results.busy or now != before or self.dut.busy.value
            quiet = 0 if busy else quiet + 1
            before = now

    def take_output(self):
        """Remove and return the wire bytes received so far."""
        data = bytes(self.to_host.received)
        self.to_host.received.clear()
        return data


class Wire:
    """Makes wire bytes, right and wrong, for a board in the state of `model`."""

    def __init__(self, generator, model):
        self.generator = generator
        self.model = model
        self.identifier = generator.randrange(1 << 16)
        self.places = [0]

    def chunk(self):
        """Return one frame, or what is left of one."""
        choose = self.generator
        stored = 1 if STORE else 0
        make = choose.choices(
            [self.expected, self.duplicate, self.ahead, self.control, self.old_control,
             self.malformed, self.damaged, self.garbage, self.keep, self.replay],
            [6, 3, 1, 5, 1, 2, 3, 1, 4 * stored, 6 * stored])[0]
        return make()

    def expected(self):
        return self.sample(self.model.next_sample)

    def duplicate(self):
        age = self.generator.randint(1, 2 * SLOTS + 2)
        return self.sample(max(0, self.model.next_sample - age))

    def ahead(self):
        distance = self.generator.choice([1, 2, SLOTS, 1 << 30, (1 << 32) - 1])
        return self.sample(min((1 << 32) - 1, self.model.next_sample + distance))

    def sample(self, number):
        return encode(frames.pack_sample(packet(number)))

    def keep(self):
        choose = self.generator
        number = self.model.next_sample + choose.choice([0, 0, 0, 0, -1, 1])
        # Where nothing else is, or across what is there; the last goes on at the beginning.
        place = choose.choice([*range(0, STORE // PLACE_UNIT, 6), choose.randrange(1 << 24)])
        self.places.append(place)
        return encode(frames.pack_keep(place, packet(max(0, number))))

    def replay(self):
        choose = self.generator
        number = self.model.next_sample + choose.choice([0, 0, 0, 0, -1, -2, -SLOTS, 1])
        count = choose.choice([*[1, 1, 2, 3, SLOTS] * 4, frames.MAX_REPLAY])
        return encode(frames.pack_replay(Replay(
            max(0, number), choose.randrange(256), choose.randrange(256), choose.randrange(256),
            tuple((choose.choice([*self.places[-8:], choose.randrange(1 << 24)]),
                   choose.randrange(256)) for _ in range(count)))))

    def control(self):
        self.identifier = self.identifier + 1 & 0xFFFF
        return self.same_control()

    def old_control(self):
        return self.same_control(self.identifier - self.generator.choice([0, 1, 2, 100]))

    def same_control(self, identifier=None):
        choose = self.generator
        operation = choose.choice(list(Operation))
        count = choose.choice([1, 1, 2, 3, 7, 64])
        # Some run off the end of the registers.
        address = choose.choice([choose.randrange(REGISTERS), 0, REGISTERS - 2, 0xFFFF])
        words = tuple(choose.randrange(1 << 32) for _ in range(count))
        return encode(frames.pack_control(Control(
            (self.identifier if identifier is None else identifier) & 0xFFFF, operation, address,
            count, words if operation.is_write else ())))

    def malformed(self):
        """A frame with a correct CRC that no receiver may take."""
        return self.generator.choice(self.all_malformed())

    def all_malformed(self):
        """One of every kind."""
        choose = self.generator
        packet = sample(self.model.next_sample, SAMPLE_BYTES)
        if PACKED:
            packet = packet[:PACKING_PLACE] + b"\0\0" + packet[SAMPLE_HEADER_BYTES:]
        # What is shorter than a sample, or says that it is packed as none can be.
        short = packet[:SAMPLE_HEADER_BYTES - 1] if PACKED else packet[:-1]
        unknown = bytearray(packet)
        unknown[PACKING_PLACE] = choose.choice([PACKINGS, 0xFF, 0x80])
        header = frames.CONTROL_HEADER.pack
        entries = choose.randrange(1, 4)
        next_id = self.identifier + 1 & 0xFFFF
        return list(map(encode, [
            frames.pack_sample(short),
            frames.pack_sample(bytes(unknown) if PACKED else short[:-1]),
            frames.pack_sample(packet + b"\0"),
            frames.pack_sample(packet + packet * 8),
            frames.pack_keep(0, short if PACKED else packet),
            frames.pack_keep(0, bytes(unknown)),
            frames.pack_keep(0, packet + b"\0"),
            b"\x04" + bytes(choose.randrange(4)),
            b"\x06" + bytes(frames.REPLAY_HEADER_BYTES * choose.randrange(2)),
            b"\x06" + bytes(frames.REPLAY_HEADER_BYTES
                            + entries * frames.REPLAY_ENTRY_BYTES + choose.choice([-1, 1, 2])),
            b"\x06" + bytes(frames.REPLAY_HEADER_BYTES + choose.choice([65, 66, 200])
                            * frames.REPLAY_ENTRY_BYTES),
            b"\x06" + bytes(frames.REPLAY_HEADER_BYTES + 4 * (0 if STORE else entries)),
            b"\x02", b"\x01", b"\x00", b"\x03" + packet, b"\x82" + packet, b"\xff",
            header(1, next_id, 0, 0, 0),
            header(1, next_id, 1, 0, 0),
            header(1, next_id, 0, 0, 65),
            header(1, next_id, 1, 0, 65) + bytes(4 * 65),
            header(1, next_id, 4, 0, 1),
            header(1, next_id, 0x81, 0, 1) + bytes(4),
            header(1, next_id, 0, 0, 1) + bytes(4),
            header(1, next_id, 1, 0, 2) + bytes(4),
            header(1, next_id, 1, 0, 1) + bytes(5),
            header(1, next_id, 1, 0, 255) + bytes(4 * 255),
            header(1, next_id, 0, 0, 1)[:choose.randrange(1, 7)],
        ]))

    def damaged(self):
        choose = self.generator
        stored = [self.keep, self.replay] if STORE else []
        data = bytearray(choose.choice([self.expected, self.same_control, *stored])())
        place = choose.randrange(len(data) - 1)
        fault = choose.choice(["corrupt", "truncate", "insert", "remove", "zero"])
        if fault == "corrupt":
            data[place] ^= choose.randrange(1, 256)
        elif fault == "truncate":
            del data[place:-1]
        elif fault == "insert":
            data.insert(place, choose.randrange(256))
        elif fault == "remove":
            del data[place]
        else:
            data[place] = 0
        return bytes(data)

    def garbage(self):
        choose = self.generator
        return choose.choice([
            b"\0\0",
            b"\x0e\0",  # broken before its first byte
            choose.randbytes(choose.randrange(1, 30)) + b"\0",
            cobs.encode(choose.randbytes(choose.randrange(700, 1200))) + b"\0",
        ])


class InStep:
    """The link and the board model, which are given the same and must do the same."""

    def __init__(self, bench):
        self.machine = Machine(RESULT_BYTES)
        self.registers = Registers(REGISTERS)
        self.model = BoardModel(slots=SLOTS, sample_bytes=SAMPLE_BYTES, machine=self.machine,
                                control=self.registers, packed=PACKED, store=STORE)
        self.wire = Wire(bench.generator, self.model)
        self._bench = bench

    async def send(self, chunk):
        self.model.feed(chunk)
        self._bench.to_board.send(chunk)
        await self.compare()

    async def answer(self):
        """One sample, if any waits for it."""
        stepped = self.model.step()
        assert self._bench.answer() == stepped
        await self.compare()

    async def compare(self):
        """Everything, once nothing moves."""
        bench, model, dut = self._bench, self.model, self._bench.dut
        await bench.until_quiet()
        assert bench.take_output() == model.take_output()
        assert bench.registers.accesses == self.registers.accesses
        assert bench.learned == self.machine.learned
        assert int(dut.next_sample.value) == model.next_sample
        assert int(dut.idle.value) == model.idle
        assert int(dut.dropped_frames.value) == model.dropped_frames
        assert int(dut.duplicate_samples.value) == model.duplicate_samples
        assert int(dut.gaps.value) == model.gaps
        assert not STORE or bench.memory.content == model.memory


async def walk_in_step(bench, steps):
    """Do the same to the link and to the board model, and compare everything after each step."""
    dut, generator = bench.dut, bench.generator
    both = InStep(bench)
    model = both.model
    await bench.start()
    for _ in range(steps):
        action = generator.choices(["wire", "answer", "number"], [10, 4, 1])[0]
        if action == "wire":
            await both.send(both.wire.chunk())
        elif action == "answer":
            await both.answer()
        else:
            await FallingEdge(dut.clk)
            model.next_sample = generator.choice([0, 1000, model.next_sample + 3])
            dut.next_sample_value.value = model.next_sample
            dut.next_sample_strobe.value = model.idle
            await FallingEdge(dut.clk)
            dut.next_sample_strobe.value = 0
            await both.compare()
    assert len(both.machine.learned) > steps // 20


@cocotb.test()
async def link_does_what_the_board_model_does_at_full_speed(dut):
    await walk_in_step(Bench(dut), bench_parameters()["steps"])


@cocotb.test()
async def link_does_what_the_board_model_does_when_everything_pauses(dut):
    await walk_in_step(Bench(dut, valid=0.5, ready=0.6, latency=10),
                       bench_parameters()["steps"] // 2)


@cocotb.test()
async def every_frame_that_is_none_is_dropped(dut):
    """Control frames of no words and of 65 among them; the id that they had is still the next."""
    bench = Bench(dut)
    both = InStep(bench)
    await bench.start()
    await both.send(both.wire.control())
    frames_ = both.wire.all_malformed()
    await both.send(b"".join(frames_))
    assert int(dut.dropped_frames.value) == len(frames_)
    executed = len(bench.registers.accesses)
    await both.send(both.wire.control())
    assert len(bench.registers.accesses) > executed


async def ids_in_order(dut, first):
    bench = Bench(dut)
    both = InStep(bench)
    await bench.start()
    for step, executed in ((0, True), (0, False), (1, True), (0, False), (2, True), (4, False),
                           (3, True), (3, False)):
        before = len(bench.registers.accesses)
        await both.send(encode(frames.pack_control(
            Control(first + step & 0xFFFF, Operation.READ, 5, 1, ()))))
        assert len(bench.registers.accesses) - before == executed


@cocotb.test()
async def ids_of_control_frames_go_on_at_0_after_the_highest(dut):
    await ids_in_order(dut, 0xFFFE)


@cocotb.test()
async def ids_of_control_frames_carry_from_byte_to_byte(dut):
    await ids_in_order(dut, 0x01FE)


@cocotb.test()
async def half_a_frame_at_the_start_costs_no_more_than_the_one_behind_it(dut):
    bench = Bench(dut)
    both = InStep(bench)
    await bench.start()
    whole = both.wire.expected()
    await both.send(whole[len(whole) // 2:] + whole)  # the end of one, on the line before
    assert (int(dut.dropped_frames.value), int(dut.next_sample.value)) == (1, 1)
    await both.send(whole[:len(whole) // 2])  # a beginning: the host was stopped, and starts again
    await both.send(b"\0" + both.wire.expected())
    assert (int(dut.dropped_frames.value), int(dut.next_sample.value)) == (2, 2)


@cocotb.test(skip=SLOTS != frames.MAX_REPLAY)
async def as_many_samples_as_a_frame_can_name_fill_the_memory_and_are_replayed(dut):
    bench = Bench(dut)
    both = InStep(bench)
    await bench.start()
    count = frames.MAX_REPLAY
    assert STORE == count * PLACE_UNIT
    await both.send(b"".join(encode(frames.pack_keep(place, packet(place)))
                             for place in range(count)))
    for _ in range(count):
        assert both.model.step() and bench.answer()
    await both.compare()
    entries = tuple((place, place % 7) for place in bench.generator.sample(range(count), count))
    for passes in range(2):
        await both.send(encode(frames.pack_replay(
            Replay(count * (1 + passes), 1, 2, 3, entries))))
        for _ in range(count):
            assert both.model.step() and bench.answer()
        await both.compare()
    assert len(bench.learned) == 3 * count
    assert int(dut.dropped_frames.value) == 0


class SimulatedLine:
    """Transport of a session that runs in a thread beside the simulation."""

    def __init__(self, bench):
        self._bench = bench

    @resume
    async def _wait(self, cycles):
        """Return what arrives within `cycles`."""
        for _ in range(cycles):
            if self._bench.to_host.received:
                break
            await FallingEdge(self._bench.dut.clk)
        return self._bench.take_output()

    def read(self, max_bytes, timeout):
        return self._wait(max(1, round(timeout * 1e9 / PERIOD_NS)))

    @resume
    async def _send(self, data):
        self._bench.to_board.send(data)
        while self._bench.to_board.busy:
            await FallingEdge(self._bench.dut.clk)

    def write(self, data):
        if data:
            self._send(data)

    def close(self):
        pass


async def stream_over_a_bad_line(dut, rate, count):
    bench = Bench(dut, valid=0.9, ready=0.9, latency=3)
    await bench.start()
    cocotb.start_soon(bench.answer_always())
    line = FaultyTransport(SimulatedLine(bench), bench.generator, rate)
    packets = [packet(number) for number in range(count)]

    @bridge
    def run():
        session = Session(line, slots=SLOTS, timeout=10e-6 * BYTE_CYCLES, patience=1.0,
                          generator=bench.generator, clock=lambda: get_sim_time("ns") * 1e-9)
        results = []
        for index, packet in enumerate(session.stream(packets, 0)):
            results.append(packet)
            if index % 8 == 0:
                session.write(index % REGISTERS, [index, index + 1])
                assert session.read(index % REGISTERS, 2) == [index, index + 1]
        return results, session.counters

    results, counters = await run()
    samples = [plain(packet) for packet in packets]
    assert bench.learned == samples
    assert results == [result(sample, RESULT_BYTES) for sample in samples]
    writes = [access for access in bench.registers.accesses if access[0] == "write"]
    assert writes == [("write", index + word, index + word)
                      for index in range(0, count, 8) for word in (0, 1)]
    assert int(dut.next_sample.value) == count
    return counters


@cocotb.test()
async def session_streams_over_a_good_line_without_repeating_anything(dut):
    counters = await stream_over_a_bad_line(dut, 0.0, 24)
    assert (counters.retransmitted, counters.control_retries, counters.bad_frames) == (0, 0, 0)


@cocotb.test()
async def session_streams_over_a_bad_line_and_nothing_is_learned_twice_or_lost(dut):
    counters = await stream_over_a_bad_line(dut, 0.2, 12)
    assert counters.retransmitted > 0


@cocotb.test(skip=not STORE)
async def passes_after_the_first_come_from_memory_over_a_bad_line(dut):
    bench = Bench(dut, valid=0.9, ready=0.9, latency=3)
    await bench.start()
    cocotb.start_soon(bench.answer_always())
    line = FaultyTransport(SimulatedLine(bench), bench.generator, 0.1)
    pixels = np.frombuffer(bench.generator.randbytes(6 * PIXELS), np.uint8).reshape(6, PIXELS)
    kept = KeptSamples(STORE)
    passes = []
    for each in range(3):
        order = bench.generator.sample(range(6), 6)
        passes.append(([SampleHeader(6 * each + place, 0, label=index)
                        for place, index in enumerate(order)], pixels[order]))

    @bridge
    def run():
        session = Session(line, slots=SLOTS, timeout=10e-6 * BYTE_CYCLES, patience=1.0,
                          generator=bench.generator, clock=lambda: get_sim_time("ns") * 1e-9)
        for headers, images in passes:
            for answer in session.stream(kept.samples(headers, images), headers[0].number):
                kept.answered(frames.packet_number(answer))

    await run()
    assert len(kept) == 6
    assert bench.learned == [sample for headers, images in passes
                             for sample in sample_packets(headers, images, packed=False)]


@cocotb.test(skip=not STORE)
async def a_replayed_sample_takes_a_cycle_for_each_byte_and_a_few_more(dut):
    bench = Bench(dut)
    await bench.start()
    header = SampleHeader(0, 0).pack()
    bench.to_board.send(encode(frames.pack_keep(0, header + bytes([7] * PIXELS))))
    await bench.until_quiet()
    assert bench.answer()
    bench.to_board.send(encode(frames.pack_replay(Replay(1, 0, 0, 0, ((0, 0),) * SLOTS))))
    while not dut.busy.value:
        await FallingEdge(dut.clk)
    cycles = 0
    while dut.busy.value:
        await FallingEdge(dut.clk)
        cycles += 1
    dut._log.info("%d cycles for %d samples of %d bytes", cycles, SLOTS, PIXELS)
    assert cycles <= 20 + SLOTS * (PIXELS + 45)
    await bench.until_quiet()
    assert int(dut.next_sample.value) == 1 + SLOTS


@cocotb.test()
async def link_keeps_up_with_its_wire_and_never_waits_long(dut):
    bench = Bench(dut)
    await bench.start()
    data = b"".join(encode(frames.pack_sample(packet(number)))
                    for number in range(SLOTS)) * 20
    before = get_sim_time("ns")
    bench.to_board.send(data)
    while bench.to_board.busy:
        await FallingEdge(dut.clk)
    cycles = (get_sim_time("ns") - before) / PERIOD_NS
    assert cycles <= BYTE_CYCLES * len(data) + 20 * SLOTS + 8
    await bench.until_quiet()
    assert int(dut.next_sample.value) == SLOTS
    assert int(dut.duplicate_samples.value) == 19 * SLOTS
    assert int(dut.dropped_frames.value) == 0
