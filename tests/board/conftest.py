"""A small machine, and boards that hold it."""

import numpy as np
import pytest

from crosswall.board import Machine
from crosswall.spec.build import Build
from tests.machines import random_network, random_rules, random_table


@pytest.fixture
def machine(rng: np.random.Generator) -> Machine:
    """A small machine of random geometry S, with devices that vary."""
    network = random_network(rng, "S", neurons=8)
    return Machine(network, random_rules(rng, network), random_table(rng, network),
                   random_table(rng, network))


@pytest.fixture
def build() -> Build:
    """A build that suits it."""
    return Build(lanes=4, readout_lanes=2, slots=4)
