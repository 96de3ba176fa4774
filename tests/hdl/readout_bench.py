"""Random rankings into the read-out stage; scores, walls and tallies against the reference."""

import random
from dataclasses import replace

import cocotb
from bench import bench_parameters
from cases import packed, random_case
from cocotb.triggers import FallingEdge
from drivers import StreamSource, start
from state_driver import StateDriver

from crosswall.spec.sample import Flag, SampleHeader
from crosswall.twin.reference import ReferenceMachine
from crosswall_hdl.control import Ranking, ReadoutTallies, RuleValues, SampleControl

SAMPLES = 12


def sample_control(header):
    """A header as the machine hands it to its stages."""
    names = ("number", "label", "clustering_pulse_shift", "clustering_gate_shift",
             "readout_pulse_shift", "readout_gate_shift")
    flags = {name: bool(header.flags & Flag[name.upper()])
             for name in ("learn_clustering", "learn_readout", "predict")}
    return packed(SampleControl, flags=flags, **{name: getattr(header, name) for name in names})


def rule_bits(rules, table):
    """The rules that the read-out stage follows."""
    return packed(RuleValues, seed=rules.seed, static_seed=rules.static_seed, margin=rules.margin,
                  readout_stuck=table.stuck_threshold)


@cocotb.test()
async def readout_equals_the_reference(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    case = random_case(bench_parameters()["seed"], "S")
    network, rules, table = case.network, case.rules, case.readout_table
    reference = ReferenceMachine(network, rules, case.clustering_table, table)
    walls = StateDriver(dut, "walls", lanes=case.build.readout_lanes)
    steps, gains = StateDriver(dut, "steps"), StateDriver(dut, "gains")
    dut.start.value = 0
    dut.rules.value = rule_bits(rules, table)
    dut.score_class.value = 0
    rankings = StreamSource(dut, "rankings", generator=generator, probability=0.4)
    await start(dut)
    await walls.write(reference.state.readout_walls.ravel().tolist())
    await steps.write(table.steps)
    await gains.write(table.gains)

    for number in range(SAMPLES):
        flags = generator.choice((Flag.PREDICT, Flag.PREDICT | Flag.LEARN_READOUT, Flag(0),
                                  Flag.PREDICT | Flag.LEARN_READOUT))
        header = SampleHeader(
            number * 77, flags, label=generator.choice((generator.randrange(network.classes),
                                                        network.classes - 1, network.classes)),
            readout_pulse_shift=generator.randrange(4), readout_gate_shift=generator.randrange(8))
        dut.sample.value = sample_control(header)
        dut.accumulate.value = bool(flags & Flag.PREDICT)
        features = [0] * network.features
        for position in range(generator.choice((0, 1, 4 * network.positions))):
            silent = generator.random() < 0.3
            winners = generator.sample(range(network.neurons), network.winners)
            region = generator.randrange(network.regions)
            rankings.send([packed(Ranking(network), position=position % network.positions,
                                  region=region, silent=silent, winners=winners)])
            for rank, neuron in enumerate([] if silent else winners):
                place = region * network.neurons + neuron
                features[place] = min(network.feature_max,
                                      features[place] + network.winners - rank)
        while rankings.busy:
            await FallingEdge(dut.clk)
        if not flags & Flag.PREDICT:
            continue
        before = reference.ledger
        scores = reference._score_readout(features)
        if header.label < network.classes:
            # A margin that the label's lead just keeps, or just misses.
            others = scores[:header.label] + scores[header.label + 1:]
            lead = scores[header.label] - max(others)
            margin = generator.choice((rules.margin, max(0, lead), max(0, lead + 1)))
            reference.rules = replace(rules, margin=margin)
            dut.rules.value = rule_bits(reference.rules, table)
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        while dut.done.value != 1:
            await FallingEdge(dut.clk)
        labelled = bool(flags & Flag.LEARN_READOUT) and header.label < network.classes
        taught = labelled and reference._teach(header, features, scores)
        counted = {name: value - before[name] for name, value in reference.ledger.items()}
        assert dut.prediction.value == scores.index(max(scores))
        for label, score in enumerate(scores):
            dut.score_class.value = label
            await FallingEdge(dut.clk)
            assert dut.score.value.to_signed() == score
        assert dut.tallies.value == packed(
            ReadoutTallies(network), labelled=labelled, taught=taught,
            active_features=sum(feature > 0 for feature in features), features=sum(features),
            charge=counted["readout_read_charge"],
            potentiations=counted["readout_potentiations"],
            depressions=counted["readout_depressions"])
    assert await walls.read(network.readout_synapses) \
        == reference.state.readout_walls.ravel().tolist()
