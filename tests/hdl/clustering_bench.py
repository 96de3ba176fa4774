"""Samples that learn and samples that do not, against the machine in plain Python."""

import random
from dataclasses import replace

import cocotb
from bench import bench_parameters
from cases import packed, random_race, rule_values
from cocotb.triggers import FallingEdge
from drivers import StreamSink, start
from geometries import GEOMETRIES
from state_driver import StateDriver

from crosswall.spec.device_table import GAIN_ENTRIES, DeviceTable
from crosswall.spec.draws import Stage, draw
from crosswall.spec.network import Neuron
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, ResultFlag, SampleHeader
from crosswall.twin.reference import ReferenceMachine
from crosswall.twin.state import MachineState
from crosswall_hdl.control import ClusteringTallies, Ranking, RuleValues, SampleControl

CYCLE_LIMIT = 20_000


class RecordingMachine(ReferenceMachine):
    """Keeps the rankings of the last sample."""

    def process(self, header, pixels):
        self.rankings = []
        return super().process(header, pixels)

    def _score(self, *position):
        ranking, activations = super()._score(*position)
        self.rankings.append(ranking)
        return ranking, activations


def random_table(generator, network, spread):
    """A device table that moves walls a lot."""
    reach = network.wall_max // 3
    steps = [generator.randint(-reach // 8, reach) * (1 if index >> network.bin_bits
                                                      + network.quantile_bits & 1 else -1)
             for index in range(1 << network.variant_bits + 1 + network.bin_bits
                                + network.quantile_bits)]
    gains = [generator.randrange(128, 400) if spread else 256 for _ in range(GAIN_ENTRIES)]
    return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits,
                       network.variant_bits, tuple(steps), tuple(gains),
                       generator.randrange(0x4000) if spread else 0)


def random_pixels(generator, network):
    """Blank, flat, saturated or noisy."""
    level = generator.choice((0, 10, 60, 255))
    noise = generator.choice((0, 3, 20, 200))
    return [min(255, max(0, level + generator.randint(-noise, noise)))
            for _ in range(network.pixels)]


def vivid_pixels(generator, network):
    """No position is silent."""
    return [generator.choice((64, 255)) for _ in range(network.pixels)]


def random_rules(generator, network, rule):
    scale = 255 * network.fan_in
    return Rules(seed=generator.getrandbits(32), static_seed=generator.getrandbits(32),
                 threshold_rise=generator.choice((scale, 1 << 30)),
                 threshold_decay=generator.choice((1, scale // 4)), margin=0,
                 silence=generator.choice((0, 5, 40)), clustering_rule=rule,
                 refinement_margin=generator.choice((0, scale, (1 << 31) - 1)),
                 race=random_race(generator, network))


def just_missed(generator, network, rules, number):
    """A probability that a line of a sample draws, so that it just gets no pulse."""
    draws = [draw(rules.seed, number, Stage.CLUSTERING, place) % (1 << 16)
             for place in range(network.positions * network.lines)]
    return generator.choice([gate for gate in draws if gate >= 0x8000] or [0x8000])


class Bench:
    """Drives one clustering stage as the machine does."""

    def __init__(self, dut, network, build, generator, probability):
        self.dut, self.network = dut, network
        self.walls = StateDriver(dut, "walls", lanes=build.lanes)
        self.others = {name: StateDriver(dut, name) for name in ("thresholds", "steps", "gains")}
        self.sink = StreamSink(dut, "rankings", generator=generator, probability=probability)
        dut.pixels__enable.value = 0
        self._begin(0)

    def _begin(self, begins):
        """Raise or lower ``start``, and ``give`` where a stage has it."""
        self.dut.start.value = begins
        if hasattr(self.dut, "give"):
            self.dut.give.value = begins

    async def load(self, machine):
        """Put the reference's rules, device table and state into the stage."""
        rules = machine.rules
        table = machine.tables[0]
        self.dut.rules.value = packed(RuleValues, **rule_values(rules, table.stuck_threshold))
        await self.walls.write(machine.state.clustering_walls.ravel())
        await self.others["thresholds"].write(machine.state.thresholds.ravel())
        await self.others["steps"].write(table.steps)
        await self.others["gains"].write(table.gains)

    async def write(self, pixels):
        """The pixels of the next sample, one in each cycle."""
        dut = self.dut
        for address, pixel in enumerate(pixels):
            dut.pixels__enable.value = 1
            dut.pixels__address.value, dut.pixels__data.value = address, pixel
            await FallingEdge(dut.clk)
        dut.pixels__enable.value = 0

    async def process(self, header, pixels):
        """One sample; returns its rankings, its tallies and the cycles it took."""
        dut = self.dut
        await self.write(pixels)
        dut.sample.value = SampleControl.const({
            "number": header.number,
            "flags": {"learn_clustering": bool(header.flags & Flag.LEARN_CLUSTERING),
                      "predict": bool(header.flags & Flag.PREDICT),
                      "guide_clustering": bool(header.flags & Flag.GUIDE_CLUSTERING),
                      "refine_clustering": bool(header.flags & Flag.REFINE_CLUSTERING)},
            "label": header.label,
            "clustering_pulse_shift": header.clustering_pulse_shift,
            "clustering_gate_shift": header.clustering_gate_shift,
        }).as_bits()
        self.sink.received.clear()
        self._begin(1)
        await FallingEdge(dut.clk)
        self._begin(0)
        cycles = 1
        while dut.done.value == 0:
            assert cycles < CYCLE_LIMIT, "the stage is stuck"
            await FallingEdge(dut.clk)
            cycles += 1
        await FallingEdge(dut.clk)
        layout = Ranking(self.network)
        rankings = [layout.from_bits(payload) for payload in self.sink.received]
        tallies = ClusteringTallies(self.network).from_bits(int(dut.tallies.value))
        return rankings, tallies, cycles


def check_sample(network, machine, before, result, rankings, tallies):
    """Rankings and tallies are those of the reference."""
    assert [ranking.position for ranking in rankings] == list(range(network.positions))
    assert [ranking.region for ranking in rankings] == list(network.region)
    assert [bool(ranking.silent) for ranking in rankings] \
        == [neuron < 0 for neuron in result.winners]
    places = [[ranking.winners[place] for place in range(network.winners)]
              for ranking in rankings if not ranking.silent]
    assert places == machine.rankings
    counted = {name: machine.ledger[name] - before[name] for name in before}
    neurons = network.neurons
    assert tallies.scored * neurons == counted["clustering_integrations"]
    assert network.positions - tallies.scored == counted["silent_positions"]
    assert tallies.active_lines * neurons == counted["clustering_reads"]
    assert tallies.codes * neurons == counted["clustering_read_drive"]
    assert tallies.charge == counted["clustering_read_charge"]
    assert tallies.potentiations == counted["clustering_potentiations"]
    assert tallies.depressions == counted["clustering_depressions"]
    if network.labelled_neurons:
        assert tallies.refined == bool(result.result_flags & ResultFlag.REFINED)
    if network.neuron == Neuron.RACE:
        assert tallies.fires == counted["clustering_fires"]
        assert tallies.race_steps == counted["clustering_race_steps"]
        assert tallies.race_inhibitions == counted["clustering_race_inhibitions"]


async def run(dut, rule):
    parameters = bench_parameters()
    generator = random.Random(cocotb.RANDOM_SEED)
    network, build = GEOMETRIES[parameters["geometry"]]
    await start(dut)
    bench = Bench(dut, network, build, generator, generator.choice((1.0, 0.02)))
    rules, first = random_rules(generator, network, rule), generator.getrandbits(31)
    rules = replace(rules, stdp_probability=just_missed(generator, network, rules, first))
    table = random_table(generator, network, build.static_spread)
    state = MachineState.initial(network, rules.seed)
    state.thresholds[...] = generator.randrange(network.threshold_max // 2)
    if build.positions > 1:
        # The last neuron, whose threshold follows last, wins until it has risen.
        state.clustering_walls[..., -1] = network.wall_max
    machine = RecordingMachine(network, rules, table, table, state)
    await bench.load(machine)
    for index in range(parameters["samples"]):
        # The first sample is sure to learn something.
        learns = index == 0 or generator.random() < 0.7
        taught = generator.choice((0, Flag.GUIDE_CLUSTERING, Flag.REFINE_CLUSTERING)) \
            if index else 0
        header = SampleHeader(generator.getrandbits(31) if index else first,
                              (Flag.LEARN_CLUSTERING if learns else 0) | taught
                              | generator.choice((0, Flag.PREDICT)) | Flag.SEND_WINNERS,
                              generator.choice((0, network.classes - 1, network.classes)),
                              clustering_pulse_shift=generator.choice((0, 1, 7)),
                              clustering_gate_shift=generator.choice((0, 2, 8)) if index else 0)
        pixels = random_pixels(generator, network) if index else vivid_pixels(generator, network)
        before = machine.ledger
        result = machine.process(header, pixels)
        rankings, tallies, cycles = await bench.process(header, pixels)
        dut._log.info(f"sample {index}: {cycles} cycles, {tallies.scored} positions scored, "
                      f"{'learns' if learns else 'reads'}")
        check_sample(network, machine, before, result, rankings, tallies)
    walls = machine.state.clustering_walls.ravel()
    assert await bench.walls.read(walls.size) == walls.tolist()
    thresholds = machine.state.thresholds.ravel()
    assert await bench.others["thresholds"].read(thresholds.size) == thresholds.tolist()
    if network.lines >= 5:
        assert machine.ledger["clustering_potentiations"] > 0


@cocotb.test()
async def match_rule_learns_as_the_reference(dut):
    await run(dut, ClusteringRule.MATCH)


@cocotb.test()
async def stdp_rule_learns_as_the_reference(dut):
    await run(dut, ClusteringRule.STDP)
