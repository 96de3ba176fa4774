"""A machine small enough to be configured, run and read back through simulated UART pins."""

import random

from cases import Case, random_table

from crosswall.spec.build import Build
from crosswall.spec.network import whole_image
from crosswall.spec.rules import Rules

BOARD_NAME = "bench"
DIVISOR = 4
MEMORY_BYTES = 1 << 10
"""Where samples may be packed, the board keeps them too."""


def system_case(seed: int, *, packed: bool = False, compact: bool = False) -> Case:
    """Network, build, random rules and devices."""
    generator = random.Random(seed)
    network = whole_image(6, 2, 4, winners=2, bin_bits=1, quantile_bits=1, wall_bits=10,
                          threshold_bits=12)
    rules = Rules(seed=generator.getrandbits(32), static_seed=0, threshold_rise=30,
                  margin=generator.randrange(500, 3000), silence=12)
    return Case(network, Build(lanes=2, readout_lanes=2, static_spread=False, slots=2,
                               packed=packed, compact=compact,
                               store=MEMORY_BYTES if packed else 0), rules,
                random_table(generator, network, static_spread=False),
                random_table(generator, network, static_spread=False))
