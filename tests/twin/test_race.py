"""Races of whole positions: the ideal one is the argmax, the others do what physics says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosswall.spec.ledger import Counter
from crosswall.spec.network import Network, Neuron, whole_image
from crosswall.spec.race import MAX_FIRE_THRESHOLD, MAX_STEPS, Race
from crosswall.spec.rules import Rules
from crosswall.twin import Twin
from crosswall.twin.reference import race, rank
from tests.machines import random_network, random_rules, random_samples, random_table
from tests.twin.test_twin_equals_reference import as_headers

FIRES = (Counter.CLUSTERING_FIRES, Counter.CLUSTERING_RESETS, Counter.CLUSTERING_INHIBITIONS,
         Counter.CLUSTERING_RACE_STEPS)
"""What the ledger counts otherwise where neurons race."""


def racers(neurons: int, winners: int = 1, **formats: int) -> Network:
    return whole_image(4, 2, neurons, winners=winners, neuron=Neuron.RACE, **formats)


def rules(seed: int = 1, **parameters: int) -> Rules:
    return Rules(seed=seed, static_seed=1, threshold_rise=1, margin=1, race=Race(**parameters))


@given(st.data())
def test_an_ideal_race_is_the_argmax_for_any_threshold_and_length(data):
    bits = data.draw(st.integers(8, 31))
    neurons = data.draw(st.integers(2, 12))
    network = racers(neurons, data.draw(st.integers(1, min(neurons, 8))), threshold_bits=bits)
    limit = 1 << network.activation_bits - 1
    activations = data.draw(st.lists(
        st.integers(-limit, limit - 1) | st.integers(-3, 3), min_size=neurons, max_size=neurons))
    ideal = rules(fire_threshold=data.draw(st.integers(1, MAX_FIRE_THRESHOLD)),
                  steps=data.draw(st.integers(1, 9) | st.just(MAX_STEPS)))
    for fires in (1, network.winners):
        outcome = race(network, ideal, 0, 0, activations, fires)
        assert outcome.ranking == rank(activations, network.winners)
        assert outcome.fires <= fires


@pytest.mark.parametrize("geometry", ["S", "U", "W"])
@pytest.mark.parametrize("seed", range(3))
def test_a_machine_of_ideal_racers_learns_as_the_argmax(geometry, seed):
    print(f"seed {seed}")
    random = np.random.default_rng([seed, ord(geometry)])
    network = random_network(random, geometry)
    changed = replace(random_rules(random, network), race=Race(
        int(random.choice([1, 1000, 1 << 20])), int(random.integers(1, MAX_STEPS + 1))))
    tables = random_table(random, network), random_table(random, network)
    samples = random_samples(random, network, 40)
    results, states = [], []
    for neuron in Neuron:
        twin = Twin(replace(network, neuron=neuron), changed, *tables)
        results.append(twin.process(as_headers(samples),
                                    np.array([pixels for _, pixels in samples])))
        states.append(twin.state)
    for name in ("predictions", "result_flags", "winners", "scores"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))
    scored = int((results[0].winners >= 0).sum())
    assert sum(states[1].ledger[Counter.CLUSTERING_FIRES:Counter.CLUSTERING_INHIBITIONS + 1:2]
               .tolist()) == states[1].ledger[Counter.CLUSTERING_INTEGRATIONS]
    assert states[1].ledger[Counter.CLUSTERING_RACE_STEPS] >= scored
    for state in states:
        state.ledger[list(FIRES)] = 0
    assert list(states[0].differences(states[1])) == []


def test_a_race_ends_with_the_last_winner_and_says_what_it_took():
    outcome = race(racers(4, 2), rules(fire_threshold=100, steps=50), 0, 0, [10, 30, 20, -5], 2)
    assert outcome.ranking == [1, 2]
    assert outcome.fires == 2
    assert outcome.steps == 4 * 4 + 3  # 30 crosses in step 4, 20 in step 5
    assert outcome.inhibitions == 0


def test_racers_that_do_not_fire_in_time_are_ranked_by_their_way():
    outcome = race(racers(3, 3), rules(fire_threshold=100, steps=4), 0, 0, [24, 30, -2], 3)
    assert outcome.ranking == [1, 0, 2]
    assert outcome.fires == 1
    assert outcome.steps == 12


@pytest.mark.parametrize(("activation", "fires"), [(59, 0), (70, 1)])
def test_a_leaky_wall_stops_where_the_leak_equals_the_drive(activation, fires):
    # The wall comes to rest near activation × 2^leak = 944 or 1120.
    leaky = rules(fire_threshold=1000, steps=MAX_STEPS, leak=4)
    assert race(racers(2), leaky, 0, 0, [activation, 0], 1).fires == fires


def test_inhibition_lets_a_lone_runner_pass_the_leaders_neighbours():
    activations = [0, 98, 100, 98, 0, 0, 0, 0, 0, 97]
    network = racers(len(activations), 4)
    plain = rules(fire_threshold=1000, steps=MAX_STEPS)
    assert race(network, plain, 0, 0, activations, 4).ranking == [2, 1, 3, 9]
    inhibiting = rules(fire_threshold=1000, steps=MAX_STEPS, inhibition_reach=1, inhibition=5)
    assert race(network, inhibiting, 0, 0, activations, 4).ranking == [2, 9, 1, 3]


def test_inhibition_does_not_slow_the_leader():
    activations = [90, 100, 90]
    slowed = rules(fire_threshold=1000, inhibition_reach=2)
    assert race(racers(3), slowed, 0, 0, activations, 1).steps == 3 * 10


def test_jitter_decides_between_equals_without_preference():
    network, jittery = racers(2), rules(fire_threshold=3000, jitter=1)
    wins = sum(race(network, jittery, number, 0, [300, 300], 1).ranking[0]
               for number in range(600))
    assert abs(wins - 300) < 5 * 600**0.5 / 2


def test_jitter_depends_on_sample_position_and_seed():
    network = racers(8, 8)
    rankings = {tuple(race(network, rules(seed, jitter=8), number, position, [0] * 8, 8).ranking)
                for seed in (1, 2) for number in (0, 1) for position in (0, 1)}
    assert len(rankings) == 8
