"""One step of a racing wall against values worked out by hand."""

import pytest

from crosswall.spec.draws import PLACE_BITS, draw
from crosswall.spec.network import Neuron, whole_image
from crosswall.spec.race import (
    MAX_FIRE_THRESHOLD,
    MAX_STEPS,
    Race,
    advance,
    held_back,
    jitter,
    race_place,
)
from crosswall.spec.registers import REGISTERS
from crosswall.spec.rules import Rules
from tests.near import near


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("fire_threshold", 0, "1 to 2147483647"), ("fire_threshold", 1 << 31, "1 to 2147483647"),
    ("steps", 0, "1 to 255"), ("steps", 256, "1 to 255"), ("leak", 16, "0 to 15"),
    ("inhibition_reach", 5, "0 to 4"), ("inhibition", 31, "0 to 30"),
    ("jitter", 17, "0 to 16")])
def test_a_parameter_out_of_range_is_refused(name, value, expected):
    with pytest.raises(ValueError, match=f"`{name}` must be {expected}: got {value}"):
        Race(**{name: value})


def test_the_registers_hold_every_parameter_and_its_default():
    largest = Race(MAX_FIRE_THRESHOLD, MAX_STEPS, 15, 4, 30, 16)
    words = Rules(seed=1, static_seed=1, threshold_rise=1, margin=1, race=largest).register_words()
    assert words["fire_threshold"] == MAX_FIRE_THRESHOLD
    assert REGISTERS["race"].unpack(words["race"]) == {
        "steps": 255, "leak": 15, "inhibition_reach": 4, "inhibition": 30, "jitter": 16}
    default = Rules(seed=1, static_seed=1, threshold_rise=1, margin=1).register_words()
    assert default["race"] == REGISTERS["race"].reset
    assert default["fire_threshold"] == REGISTERS["fire_threshold"].reset


def test_a_wall_advances_leaks_and_stops_at_the_ends_of_its_track():
    assert advance(Race(), 16, 100, 30, 0, 0) == 130
    assert advance(Race(leak=3), 16, 100, 30, 0, 0) == 118  # 100 / 8 = 12.5
    assert advance(Race(leak=3), 16, -100, 30, 0, 0) == -57
    assert advance(Race(), 16, 100, 30, 50, -4) == 76
    assert advance(Race(), 8, 100, 30, 0, 0) == 127
    assert advance(Race(), 8, -100, -30, 0, 0) == -128


def test_neighbours_that_are_ahead_hold_back_by_a_limited_lead_halved_for_each_track():
    walls = [40, 0, 10, 15, 90, 8]
    assert held_back(Race(inhibition_reach=0), walls, 2) == 0
    assert held_back(Race(inhibition_reach=1), walls, 2) == 5  # 15 − 10; the other is behind
    assert held_back(Race(inhibition_reach=2), walls, 2) == 5 + 80 // 2 + 30 // 2
    assert held_back(Race(inhibition_reach=2, inhibition=5), walls, 2) == 5 + 32 // 2 + 30 // 2
    assert held_back(Race(inhibition_reach=2, inhibition=0), walls, 2) == 1
    assert held_back(Race(inhibition_reach=4), walls, 0) == 50 // 8
    assert held_back(Race(inhibition_reach=4), walls, 4) == 0, "nobody is ahead of the first"


def test_jitter_is_the_centred_sum_of_a_draws_bytes():
    assert jitter(Race(jitter=0), 0xFFFF_FFFF) == 0
    assert jitter(Race(jitter=1), 0xFFFF_FFFF) == 510
    assert jitter(Race(jitter=1), 0) == -510
    assert jitter(Race(jitter=4), 0x0102_0304) == (10 - 510) * 8


def test_jitter_has_no_mean_and_the_stated_deviation():
    values = [jitter(Race(jitter=2), draw(3, 0, 6, place)) for place in range(10_000)]
    deviation = 147.8 * 2
    assert abs(sum(values) / len(values)) < 5 * deviation / 100
    assert sum(value**2 for value in values) / len(values) == near(deviation**2, rel=0.05)


def test_every_neuron_draws_at_a_place_of_its_own():
    places = [race_place(3, position, step, neuron)
              for position in range(2) for step in range(MAX_STEPS) for neuron in range(3)]
    assert len(set(places)) == len(places)
    assert race_place(3, 1, 2, 1) == (1 * 256 + 2) * 3 + 1


def test_more_racing_neurons_than_places_are_refused():
    network = whole_image(4, 2, 1024, neuron=Neuron.RACE)
    assert race_place(1024, 1023, MAX_STEPS, 1023) < 1 << PLACE_BITS
    many = {"pixels": 1025, "classes": 2, "neurons": 1024, "offset": (0,), "region": (0,) * 1025,
            "origin": tuple(range(1025)), "crossbar": (0,) * 1025, "feature_bits": 4}
    type(network)(**many)
    with pytest.raises(ValueError, match="at most 1048576 at all positions together.*1025 × 1024"):
        type(network)(**many, neuron=Neuron.RACE)
