"""The compiled twin against the plain reference, on random machines."""

import numpy as np
import pytest

from crosswall.spec.network import Network
from crosswall.spec.sample import Flag, SampleHeader
from crosswall.twin import Headers, ReferenceMachine, Twin
from tests.machines import random_network, random_rules, random_samples, random_table


def as_headers(samples: list[tuple[SampleHeader, np.ndarray]]) -> Headers:
    columns = zip(*((header.number, int(header.flags), header.label,
                     header.clustering_pulse_shift, header.clustering_gate_shift,
                     header.readout_pulse_shift, header.readout_gate_shift)
                    for header, _ in samples), strict=True)
    numbers, *bytes_ = columns
    return Headers(np.array(numbers, np.uint32),
                   *(np.array(column, np.uint8) for column in bytes_))


def check(network: Network, random: np.random.Generator, count: int,
          different: int | None = None) -> None:
    rules = random_rules(random, network)
    tables = random_table(random, network), random_table(random, network)
    reference = ReferenceMachine(network, rules, *tables)
    twin = Twin(network, rules, *tables)
    samples = random_samples(random, network, count)
    if different:
        samples = [(header, samples[random.integers(different)][1]) for header, _ in samples]
    results = twin.process(as_headers(samples), np.array([pixels for _, pixels in samples]))
    for index, (header, pixels) in enumerate(samples):
        expected = reference.process(header, pixels)
        assert results.predictions[index] == expected.prediction
        assert results.result_flags[index] == expected.result_flags
        if header.flags & Flag.SEND_WINNERS:
            assert tuple(results.winners[index]) == expected.winners
        if expected.scores:
            assert tuple(results.scores[index]) == expected.scores
    assert list(reference.state.differences(twin.state)) == []


@pytest.mark.parametrize("geometry", ["S", "U", "W"])
@pytest.mark.parametrize("seed", range(8))
def test_results_states_and_ledger_are_equal(geometry: str, seed: int) -> None:
    print(f"seed {seed}")
    random = np.random.default_rng([seed, ord(geometry)])
    network = random_network(random, geometry, variant_bits=int(random.integers(3)))
    check(network, random, 12)


@pytest.mark.parametrize("geometry", ["S", "U", "W"])
@pytest.mark.parametrize("seed", range(4))
def test_guided_and_refined_machines_are_equal(geometry: str, seed: int) -> None:
    print(f"seed {seed}")
    random = np.random.default_rng([seed, ord(geometry)])
    network = random_network(random, geometry, labelled_neurons=True, classes=4)
    check(network, random, 24)


@pytest.mark.parametrize("seed", range(4))
def test_samples_that_come_again_while_clustering_is_frozen(seed: int) -> None:
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    network = random_network(random, "S")
    check(network, random, 40, different=7)
