"""Random tallies into the ledger; counters against the meaning that the specification gives."""

import random

import cocotb
from bench import bench_parameters
from cases import packed, random_case
from cocotb.triggers import FallingEdge
from drivers import start
from state_driver import StateDriver

from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.network import Neuron
from crosswall_hdl.control import ClusteringTallies, ReadoutTallies, SampleControl
from crosswall_hdl.ledger import Condition, Ledger

FLAGS = ("learn_clustering", "learn_readout", "predict")


def counted(network, flags, control, clustering, readout, stdp):
    """What one sample adds, by `crosswall.spec.ledger`."""
    predict = flags["predict"]
    scored, racing = clustering["scored"], network.neuron == Neuron.RACE
    fires = clustering["fires"] if racing else scored * (network.winners if predict else 1)
    amounts = {
        "clustering_reads": clustering["active_lines"] * network.neurons,
        "clustering_read_drive": clustering["codes"] * network.neurons,
        "clustering_read_charge": clustering["charge"],
        "clustering_state_reads": scored * network.lines * (flags["learn_clustering"] and not stdp),
        "clustering_integrations": scored * network.neurons,
        "clustering_fires": fires,
        "clustering_resets": fires,
        "clustering_inhibitions": scored * network.neurons - fires,
        "silent_positions": network.positions - scored,
        "samples": 1,
        "samples_clustered": flags["learn_clustering"],
        "samples_inferred": not (flags["learn_clustering"] or flags["learn_readout"]),
    }
    if racing:
        amounts |= {name: clustering[name.removeprefix("clustering_")]
                    for name in ("clustering_race_steps", "clustering_race_inhibitions")}
    stages = [("clustering", clustering)]
    if predict:
        stages.append(("readout", readout))
        amounts |= {
            "readout_reads": readout["active_features"] * 2 * network.classes,
            "readout_read_drive": readout["features"] * 2 * network.classes,
            "readout_read_charge": readout["charge"],
            "readout_integrations": network.classes,
            "readout_fires": 1,
            "readout_resets": 1,
            "readout_inhibitions": network.classes - 1,
            "samples_labelled": readout["labelled"],
            "samples_taught": readout["taught"],
        }
    for stage, tallies in stages:
        for kind in ("potentiation", "depression"):
            pulses = tallies[f"{kind}s"]
            amounts[f"{stage}_{kind}s"] = pulses
            amounts[f"{stage}_{kind}_length"] = pulses << control[f"{stage}_pulse_shift"]
    return amounts


def holding(flags, readout, stdp):
    """The conditions that hold for a sample."""
    predict, learns = flags["predict"], flags["learn_clustering"]
    held = {
        Condition.ALWAYS: True,
        Condition.PREDICT: predict,
        Condition.NO_PREDICT: not predict,
        Condition.STATE_READ: learns and not stdp,
        Condition.CLUSTERED: learns,
        Condition.LABELLED: predict and readout["labelled"],
        Condition.TAUGHT: predict and readout["taught"],
        Condition.INFERRED: not (learns or flags["learn_readout"]),
    }
    return {condition for condition, holds in held.items() if holds}


@cocotb.test()
async def counters_follow_the_specification(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network = random_case(bench_parameters()["seed"], "U",
                          neuron=Neuron(bench_parameters()["neuron"])).network
    dut.start.value = dut.capture.value = 0
    window = StateDriver(dut, "state", lanes=2)
    await start(dut)
    counters = [generator.choice((0, (1 << 64) - 1, generator.getrandbits(64)))
                for _ in range(COUNTERS)]
    await window.write(counter >> shift & 0xFFFF_FFFF for counter in counters for shift in (0, 32))

    def tallies(layout):
        return {name: generator.choice((0, (1 << field.width) - 1,
                                        generator.getrandbits(field.width)))
                for name, field in layout}

    async def strobe(pin):
        pin.value = 1
        await FallingEdge(dut.clk)
        pin.value = 0

    for _ in range(12):
        clustering, readout = tallies(ClusteringTallies(network)), tallies(ReadoutTallies(network))
        clustering["scored"] %= network.positions + 1
        flags = {name: generator.randrange(2) for name in FLAGS}
        control = {f"{stage}_pulse_shift": generator.randrange(8)
                   for stage in ("clustering", "readout")}
        stdp = generator.randrange(2)
        captured = list(counters)
        for name, amount in counted(network, flags, control, clustering, readout, stdp).items():
            place = Counter[name.upper()]
            counters[place] = (counters[place] + amount) % (1 << 64)
        dut.clustering.value = packed(ClusteringTallies(network), **clustering)
        dut.readout.value = packed(ReadoutTallies(network), **readout)
        dut.control.value = packed(SampleControl, flags=flags, **control)
        dut.stdp.value = stdp
        before = generator.random() < 0.5
        if before:
            await strobe(dut.capture)
        await strobe(dut.start)
        # What came with `start` need not stay.
        dut.control.value, dut.stdp.value = generator.getrandbits(60), 1 - stdp
        if not before:
            for _ in range(generator.choice((0, 50))):
                await FallingEdge(dut.clk)
            captured = counters
            await strobe(dut.capture)
        words = await window.read(2 * COUNTERS)
        assert dict(zip(Counter, (low | high << 32 for low, high
                                  in zip(words[::2], words[1::2], strict=True)), strict=True)) \
            == dict(zip(Counter, captured, strict=True))
        while dut.busy.value == 1:
            await FallingEdge(dut.clk)


@cocotb.test()
async def a_sample_takes_the_cycles_said(dut):
    generator = random.Random(cocotb.RANDOM_SEED)
    network = random_case(bench_parameters()["seed"], "U",
                          neuron=Neuron(bench_parameters()["neuron"])).network
    ledger = Ledger(network, word_bits=bench_parameters()["word_bits"])
    dut.capture.value = 0
    window = StateDriver(dut, "state", lanes=2)
    dut.clustering.value = 0  # nor any carries
    await start(dut)
    await window.write([0] * 2 * COUNTERS)
    for _ in range(8):
        flags = {name: generator.randrange(2) for name in FLAGS}
        readout = {name: generator.randrange(2) for name in ("labelled", "taught")}
        control = {f"{stage}_pulse_shift": generator.randrange(8)
                   for stage in ("clustering", "readout")}
        stdp = generator.randrange(2)
        dut.readout.value = packed(ReadoutTallies(network), **readout)
        dut.control.value = packed(SampleControl, flags=flags, **control)
        dut.stdp.value = stdp
        dut.start.value = 1
        await FallingEdge(dut.clk)
        dut.start.value = 0
        cycles = 1
        while dut.busy.value == 1:
            await FallingEdge(dut.clk)
            cycles += 1
        assert cycles == ledger.cycles(holding(flags, readout, stdp), *control.values())
