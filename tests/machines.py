"""Small random machines for tests: networks, rules, device tables and samples."""

from __future__ import annotations

import numpy as np

from crosswall.spec.device_table import GAIN_ENTRIES, DeviceTable
from crosswall.spec.network import Encoding, Network, Neuron, receptive_fields, whole_image
from crosswall.spec.race import MAX_REACH, Race
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag, SampleHeader


def random_network(random: np.random.Generator, geometry: str, **formats) -> Network:
    """A small network of geometry ``"S"``, ``"U"`` or ``"W"``."""
    formats.setdefault("code_bits", int(random.choice([1, 2, 4, 8])))
    formats.setdefault("wall_bits", int(random.integers(8, 17)))
    formats.setdefault("threshold_bits", int(random.integers(10, 23)))
    formats.setdefault("bin_bits", int(random.integers(0, 6)))
    formats.setdefault("quantile_bits", int(random.integers(0, 6)))
    formats.setdefault("encoding", Encoding(int(random.integers(2))))
    formats.setdefault("winners", int(random.integers(1, 5)))
    formats.setdefault("neuron", Neuron(random.choice(list(Neuron))))
    neurons = formats.pop("neurons", int(random.choice([8, 12, 16])))
    classes = formats.pop("classes", int(random.choice([3, 4, 10])))
    if geometry == "W":
        return whole_image(int(random.integers(9, 40)), classes, neurons, **formats)
    return receptive_fields(6, 7, classes, neurons, field=3, stride=int(random.integers(1, 3)),
                            regions=2, shared=geometry == "S", **formats)


def random_table(random: np.random.Generator, network: Network) -> DeviceTable:
    """A noisy, asymmetric device with spread and stuck synapses."""
    directions = np.array([-1, 1])[None, :, None, None]
    shape = (1 << network.variant_bits, 2, 1 << network.bin_bits, 1 << network.quantile_bits)
    size = max(2, network.wall_max // 40)
    steps = directions * random.integers(-size // 4, size + 1, shape)
    spread = network.variant_bits or random.integers(2)
    gains = random.integers(128, 400, GAIN_ENTRIES) if spread else np.full(GAIN_ENTRIES, 256)
    return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits,
                       network.variant_bits, tuple(int(step) for step in steps.ravel()),
                       tuple(int(gain) for gain in gains),
                       int(random.integers(3000)) if spread else 0, name="random")


def plain_table(random: np.random.Generator, network: Network) -> DeviceTable:
    """A noisy device without static spread, for gateware built without it."""
    table = random_table(random, network)
    return DeviceTable(table.wall_bits, table.bin_bits, table.quantile_bits, table.variant_bits,
                       table.steps, name="plain")


def random_race(random: np.random.Generator) -> Race:
    """A race in which most neurons fire, and none or all of the effects are felt."""
    return Race(
        fire_threshold=int(random.choice([1, 5000, 40000])), steps=int(random.integers(1, 12)),
        leak=int(random.integers(0, 6)), inhibition_reach=int(random.integers(MAX_REACH + 1)),
        inhibition=int(random.integers(14)), jitter=int(random.integers(0, 8)))


def random_rules(random: np.random.Generator, network: Network,
                 rule: ClusteringRule | None = None) -> Rules:
    """Rules that fire often enough to exercise a small machine."""
    return Rules(
        seed=int(random.integers(1 << 32)), static_seed=int(random.integers(1 << 32)),
        threshold_rise=int(random.integers(1, 200)), threshold_decay=int(random.integers(0, 4)),
        margin=int(random.integers(0, 4000)), refinement_margin=int(random.integers(30000)),
        silence=int(random.integers(0, 40)),
        clustering_rule=rule or ClusteringRule(random.choice(list(ClusteringRule))),
        stdp_probability=int(random.integers(2000, 40000)), race=random_race(random))


def random_samples(random: np.random.Generator, network: Network, count: int,
                   first: int = 0) -> list[tuple[SampleHeader, np.ndarray]]:
    """Samples with every combination of flags, some unlabelled, some partly silent."""
    samples = []
    for number in range(first, first + count):
        pixels = random.integers(0, 256, network.pixels).astype(np.uint8)
        if random.random() < 0.5:
            pixels[random.random(network.pixels) < 0.6] = 0
        if random.random() < 0.2:
            pixels >>= 5
        flags = int(random.choice([0, 1, 4, 5, 6, 7, 7])) | int(random.choice([0, 16, 32, 48]))
        flags |= int(random.choice([0, 0, 8, 64, 72]))
        label = int(random.integers(network.classes)) if random.random() < 0.9 else 255
        samples.append((SampleHeader(
            number, Flag(flags), label, int(random.integers(4)), int(random.integers(3)),
            int(random.integers(4)), int(random.integers(5))), pixels))
    return samples
