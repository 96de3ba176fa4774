"""Random walls and events, positions one after the other without pauses and with."""

import random

import cocotb
import numpy as np
from bench import bench_parameters
from cocotb.triggers import ClockCycles, FallingEdge
from drivers import start

from crosswall.spec.build import Build
from crosswall.spec.network import receptive_fields
from crosswall.twin.reference import currents
from crosswall_hdl.encoder import Event
from crosswall_hdl.walls import CrossbarWalls, lane_clusters

POSITIONS = 20


class Memories:
    """Events and walls behind the crossbar: events with two cycles of latency, walls as late as
    their cluster of lanes has them."""

    def __init__(self, dut, network, build, walls):
        self.dut, self.network = dut, network
        self.rows = walls.reshape(-1, build.lanes)
        self.row_latency = CrossbarWalls.row_latency_of(build)
        self.clusters = lane_clusters(build)
        self.events = []

    async def run(self):
        dut = self.dut
        slots, rows = [0, 0], [0] * (self.row_latency + len(self.clusters) - 1)
        layout = Event(self.network)
        while True:
            await FallingEdge(dut.clk)
            slot = slots.pop(0)
            line, code = self.events[slot] if slot < len(self.events) else (0, 3)
            dut.event.value = layout.const({"line": line, "code": code}).as_bits()
            given = [(lane, self.rows[rows[-self.row_latency - number] % len(self.rows)][lane])
                     for number, cluster in enumerate(self.clusters) for lane in cluster]
            dut.walls.value = sum(int(wall) << self.network.wall_bits * lane
                                  for lane, wall in given)
            rows.pop(0)
            slots.append(int(dut.slot.value))
            rows.append(int(dut.row.value) if dut.row.value.is_resolvable else 0)


class Monitor:
    """What leaves the crossbar, and what it announced two cycles before."""

    def __init__(self, dut):
        self.dut = dut
        self.leaving = []
        self.cycle = 0

    async def run(self):
        dut = self.dut
        announced = [None, None]
        while True:
            await FallingEdge(dut.clk)
            self.cycle += 1
            due = announced.pop(0)
            announced.append(int(dut.upcoming.value) if dut.upcoming_valid.value == 1 else None)
            neuron = int(dut.neuron.value) if dut.current_valid.value == 1 else None
            assert neuron == due
            if neuron is not None:
                self.leaving.append((self.cycle, neuron, int(dut.current.value)))


@cocotb.test()
async def currents_leave_in_order(dut):
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network = receptive_fields(**parameters["geometry"])
    lanes, latency = parameters["lanes"], parameters["latency"]
    build = Build(lanes, 2, compact=parameters["compact"])
    groups = build.groups(network)
    highest = network.wall_max
    walls = np.array([generator.choice((0, highest, generator.randint(0, highest)))
                      for _ in range(network.clustering_synapses)])
    array = walls.reshape(network.lines, network.neurons)
    dut.start.value = dut.row_base.value = dut.walls.value = dut.event.value = 0
    await start(dut)
    memories, monitor = Memories(dut, network, build, walls), Monitor(dut)
    cocotb.start_soon(memories.run())
    cocotb.start_soon(monitor.run())
    expected, ends = [], []
    for number in range(POSITIONS):
        codes = [0] * network.lines
        for pixel in range(network.fan_in):
            off = generator.randrange(2) * network.fan_in
            # Sometimes all pixels have an event.
            codes[pixel + off] = generator.choice((int(number % 4 == 0), 1,
                                                   (1 << network.code_bits) - 1))
        if generator.random() < 0.1:
            codes = [0] * network.lines
        memories.events = [(line, code) for line, code in enumerate(codes) if code]
        generator.shuffle(memories.events)
        expected += list(enumerate(currents(network, array, codes)))
        dut.events.value = len(memories.events)
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        cycles = groups * max(len(memories.events) + parameters["compact"], lanes)
        await ClockCycles(dut.clk, cycles - 1)
        await FallingEdge(dut.clk)
        assert dut.finishing.value == 1
        ends.append(monitor.cycle + latency + lanes)
        await FallingEdge(dut.clk)
        assert dut.sweeping.value == 0
        await ClockCycles(dut.clk, generator.choice((0, 0, 1, 30)) + 2)
        await FallingEdge(dut.clk)
    await ClockCycles(dut.clk, latency + lanes + 2)
    assert [(neuron, current) for _, neuron, current in monitor.leaving] == expected
    last = [cycle for cycle, neuron, _ in monitor.leaving if neuron == network.neurons - 1]
    assert last == [end - 1 for end in ends]
