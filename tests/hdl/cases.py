"""Random small machines for the benches: networks, builds, rules and devices."""

import random
from dataclasses import asdict, dataclass

from crosswall.spec.build import Build, WallMemory
from crosswall.spec.device_table import GAIN_ENTRIES, GAIN_ONE, DeviceTable
from crosswall.spec.network import Encoding, Network, receptive_fields, whole_image
from crosswall.spec.race import MAX_INHIBITION, MAX_JITTER, MAX_REACH, Race
from crosswall.spec.rules import ClusteringRule, Rules


@dataclass(frozen=True)
class Case:
    """A machine and what it is told."""

    network: Network
    build: Build
    rules: Rules
    clustering_table: DeviceTable
    readout_table: DeviceTable


def random_table(generator: random.Random, network: Network, *, static_spread: bool) -> DeviceTable:
    """Steps of every size, so that walls also run into both ends."""
    steps = []
    for _ in range(1 << network.variant_bits):
        for sign in (-1, 1):
            size = generator.choice((network.wall_max // 40 + 1, network.wall_max // 4))
            steps += [sign * generator.randint(-size // 8, size)
                      for _ in range(1 << network.bin_bits + network.quantile_bits)]
    spread = {"gains": tuple(generator.randint(GAIN_ONE // 2, 2 * GAIN_ONE)
                             for _ in range(GAIN_ENTRIES)),
              "stuck_threshold": generator.choice((0, 0x1000, 0x8000))} if static_spread else {}
    return DeviceTable(network.wall_bits, network.bin_bits, network.quantile_bits,
                       network.variant_bits, tuple(steps), **spread)


def random_network(generator: random.Random, geometry: str, **fixed: object) -> Network:
    """A small network of geometry W, S or U, some of whose values may be ``fixed``."""
    formats = {
        "encoding": generator.choice((Encoding.INTENSITY, Encoding.CONTRAST)),
        "code_bits": generator.choice((1, 2, 4, 8)),
        "winners": generator.randint(1, 3),
        "feature_bits": generator.randint(2, 6),
        "wall_bits": generator.randint(8, 16),
        "threshold_bits": generator.randint(8, 24),
        "bin_bits": generator.randint(0, 5),
        "quantile_bits": generator.randint(0, 4),
        "variant_bits": generator.choice((0, 0, 1)),
    } | fixed
    classes = formats.pop("classes", generator.randint(2, 7))
    neurons = formats.pop("neurons", 4 * generator.randint(1, 4))
    if formats.get("labelled_neurons"):
        neurons = max(neurons, 8)
    if geometry == "W":
        return whole_image(generator.randint(3, 24), classes, neurons, **formats)
    return receptive_fields(generator.randint(5, 7), generator.randint(5, 7), classes, neurons,
                            field=generator.randint(2, 3), stride=generator.randint(1, 2),
                            regions=generator.randint(1, 2), shared=geometry == "S", **formats)


def random_build(generator: random.Random, network: Network, **fixed: object) -> Build:
    """A build that fits ``network``."""
    lanes = [lanes for lanes in (1, 2, 4, 8) if network.neurons % lanes == 0]
    readout_lanes = [2 * pairs for pairs in range(1, network.classes + 1)
                     if network.classes % pairs == 0]
    return Build(**({
        "lanes": generator.choice(lanes),
        "readout_lanes": generator.choice(readout_lanes),
        "readout_memory": generator.choice(list(WallMemory)),
        "static_spread": network.variant_bits > 0 or generator.random() < 0.5,
    } | fixed))


def random_race(generator: random.Random, network: Network) -> Race:
    """Short races with some or all effects, whose walls may run into the ends of their tracks."""
    return Race(
        fire_threshold=generator.choice((1, 1000, min(1 << network.activation_bits, 1 << 30))),
        steps=generator.randint(1, 9), leak=generator.choice((0, 1, 4, 15)),
        inhibition_reach=generator.randint(0, MAX_REACH),
        inhibition=generator.choice((0, 3, 10, MAX_INHIBITION)),
        jitter=generator.choice((0, 1, 6, MAX_JITTER)))


def random_rules(generator: random.Random, network: Network, race: Race) -> Rules:
    """Rules that learn often."""
    return Rules(
        seed=generator.getrandbits(32), static_seed=generator.getrandbits(32),
        silence=generator.choice((0, 12, 60)),
        clustering_rule=generator.choice(list(ClusteringRule)),
        stdp_probability=generator.choice((4096, 30000)),
        threshold_rise=generator.choice((0, 40, network.threshold_max)),
        threshold_decay=generator.choice((0, 1, 7)),
        margin=generator.choice((0, 6144, (1 << 31) - 1)),
        refinement_margin=generator.choice((0, 6144, (1 << 31) - 1)), race=race)


def random_case(seed: int, geometry: str, **fixed: object) -> Case:
    """The machine number ``seed`` of a geometry; ``fixed`` as for `random_network`."""
    generator = random.Random(f"{seed} {geometry}")
    network = random_network(generator, geometry, **fixed)
    build = random_build(generator, network)
    race = random_race(random.Random(f"race {seed} {geometry}"), network)
    return Case(network, build, random_rules(generator, network, race),
                *(random_table(generator, network, static_spread=build.static_spread)
                  for _ in range(2)))


def random_pixels(generator: random.Random, network: Network) -> bytes:
    """A sample with flat parts, so that some positions are silent."""
    level = generator.randrange(256)
    contrast = generator.choice((0, 10, 80, 255))
    return bytes(min(255, max(0, level + generator.randint(-contrast, contrast)))
                 for _ in range(network.pixels))


def rule_values(rules: Rules, *stuck: int) -> dict[str, int]:
    """Fields of `RuleValues`; ``stuck`` are the stuck thresholds of the two stages."""
    names = ("seed", "static_seed", "silence", "stdp_probability", "threshold_rise",
             "threshold_decay", "margin", "refinement_margin")
    race = asdict(rules.race)
    race["race_steps"] = race.pop("steps")
    return {
        **{name: getattr(rules, name) for name in names}, **race,
        "stdp": rules.clustering_rule == ClusteringRule.STDP,
        **dict(zip(("clustering_stuck", "readout_stuck"), stuck, strict=False)),
    }


def packed(layout: object, **values: object) -> int:
    """Bits of a struct with these field values, which may be nested dictionaries."""
    return layout.const(values).as_value().value
