"""Races of random activations, against the race in plain Python."""

import random
from dataclasses import replace

import cocotb
from bench import bench_parameters
from cases import packed, random_race, random_rules, rule_values
from cocotb.triggers import FallingEdge
from drivers import start

from crosswall.spec.network import Neuron, whole_image
from crosswall.spec.race import MAX_STEPS, Race
from crosswall.twin.reference import race, rank
from crosswall_hdl.control import RuleValues

RACES = 40
PARAMETERS = bench_parameters()
NETWORK = whole_image(**PARAMETERS["geometry"], neuron=Neuron.RACE)


class Bench:
    """Gives activations to a race and watches it."""

    def __init__(self, dut, generator):
        self.dut, self.generator = dut, generator
        dut.valid.value = dut.predict.value = 0

    def activations(self):
        """Of one size or another, with ties."""
        limit = 1 << NETWORK.activation_bits - 1
        size = self.generator.choice((2, 400, limit // 64, limit))
        return [self.generator.choice((-size, size - 1, 0, self.generator.randrange(-size, size)))
                for _ in range(NETWORK.neurons)]

    async def run(self, rules, number, place_base, predict, activations):
        """One race: ranking, fires, steps, inhibitions, cycles from its last activation."""
        dut = self.dut
        dut.rules.value = packed(RuleValues, **rule_values(rules))
        dut.seed.value, dut.sample.value = rules.seed, number
        dut.place_base.value, dut.predict.value = place_base, predict
        pause = self.generator.choice((0, 0.3))
        for neuron, activation in enumerate(activations):
            while self.generator.random() < pause:
                dut.valid.value = 0
                await FallingEdge(dut.clk)
            dut.valid.value, dut.neuron.value = 1, neuron
            dut.activation.value = activation % (1 << NETWORK.activation_bits)
            assert dut.busy.value == 0
            await FallingEdge(dut.clk)
        dut.valid.value = 0
        cycles, stepped, inhibited = 1, 0, 0
        while True:
            stepped += int(dut.stepped.value)
            inhibited += int(dut.inhibited.value)
            assert dut.busy.value == 1
            if dut.done.value == 1:
                break
            await FallingEdge(dut.clk)
            cycles += 1
        fires = int(dut.fires.value)
        await FallingEdge(dut.clk)
        bits = max(1, (NETWORK.neurons - 1).bit_length())
        ranking = [int(dut.winners.value) >> bits * place & (1 << bits) - 1
                   for place in range(NETWORK.winners)]
        return ranking, fires, stepped, inhibited, cycles


@cocotb.test()
async def races_equal_the_reference(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, generator)
    await start(dut)
    inhibited = 0
    for _ in range(RACES):
        rules = random_rules(generator, NETWORK, random_race(generator, NETWORK))
        number, position = generator.getrandbits(32), generator.randrange(1 << 10)
        predict = generator.random() < 0.5
        activations = bench.activations()
        met = [activation for activation in activations if 0 < activation < 1 << 31]
        if met and generator.random() < 0.4:
            # A wall stops just on the threshold, while others go on.
            rules = replace(rules, race=Race(generator.choice(met), generator.randint(2, 9)))
        expected = race(NETWORK, rules, number, position, activations,
                        NETWORK.winners if predict else 1)
        *outcome, cycles = await bench.run(rules, number, position * NETWORK.neurons << 8,
                                           predict, activations)
        assert outcome == [expected.ranking, expected.fires, expected.steps, expected.inhibitions]
        assert cycles % PARAMETERS["step_cycles"] == 0
        assert cycles <= PARAMETERS["step_cycles"] * rules.race.steps
        inhibited += expected.inhibitions
    assert inhibited > 0


@cocotb.test()
async def an_ideal_race_is_the_argmax_whatever_its_length(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    bench = Bench(dut, generator)
    await start(dut)
    for _ in range(RACES // 4):
        steps = generator.choice((1, 2, 7, MAX_STEPS if NETWORK.neurons < 10 else 20))
        rules = random_rules(generator, NETWORK, Race(
            generator.randrange(1, 2 << generator.randrange(31)), steps))
        activations = bench.activations()
        ranking, *_, cycles = await bench.run(rules, 0, 0, generator.randrange(2), activations)
        assert ranking == rank(activations, NETWORK.winners)
        assert cycles <= PARAMETERS["step_cycles"] * steps
