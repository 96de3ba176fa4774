"""The draw: reference vectors of its round function, and its statistics."""

import numpy as np
import pytest

from crosswall.spec.draws import (
    PLACE_BITS,
    ROUNDS,
    STAGE_SHIFT,
    STATIC_SAMPLE,
    Stage,
    draw,
    round_keys,
)
from crosswall.twin import kernel
from crosswall.twin.draws import draws


def speck32_encrypt(left: int, right: int, keys: list[int]) -> tuple[int, int]:
    """Speck32's encryption as its authors give it (ePrint 2013/404)."""
    for key in keys:
        left = ((((left >> 7) | (left << 9 & 0xFFFF)) + right) & 0xFFFF) ^ key
        right = ((right << 2 & 0xFFFF) | right >> 14) ^ left
    return left, right


def speck32_64_keys(words: list[int]) -> list[int]:
    """Key schedule of Speck32/64, 22 rounds; ``words`` from the highest to the lowest."""
    key, *schedule = words[::-1]
    keys = [key]
    for number in range(21):
        word = schedule[number]
        word = ((((word >> 7) | (word << 9 & 0xFFFF)) + key) & 0xFFFF) ^ number
        key = ((key << 2 & 0xFFFF) | key >> 14) ^ word
        schedule.append(word)
        keys.append(key)
    return keys


def test_the_round_used_here_is_that_of_the_published_cipher():
    keys = speck32_64_keys([0x1918, 0x1110, 0x0908, 0x0100])
    assert speck32_encrypt(0x6574, 0x694C, keys) == (0xA868, 0x42F2)  # the paper's vector


def test_a_draw_is_ten_published_rounds_with_our_keys():
    for seed, sample, stage, place in ((0, 0, 0, 0), (0xDEADBEEF, 12345, 1, 77),
                                       (1, STATIC_SAMPLE, 5, (1 << 28) - 1)):
        keys = list(round_keys(seed, sample))
        assert len(keys) == ROUNDS
        block = stage << 28 | place
        left, right = speck32_encrypt(block >> 16, block & 0xFFFF, keys)
        assert draw(seed, sample, stage, place) == left << 16 | right


@pytest.mark.parametrize(("seed", "sample", "stage", "place", "value"), [
    (0, 0, 0, 0, 0xD038F1ED), (0x12345678, 0x9ABCDEF0, 3, 0x1234567, 0x4481E482),
    (1, 0xFFFFFFFF, 5, 0xFFFFFFF, 0xCD64A732), (7, 0, 1, 0x10000, 0x1D042531)])
def test_draws_have_the_values_they_always_had(seed, sample, stage, place, value):
    # From a program of its own, written from the module's description.
    assert draw(seed, sample, stage, place) == value


def test_round_keys_are_the_words_of_sample_and_seed_with_the_rounds_number():
    assert round_keys(0x12345678, 0x9ABCDEF0) == (
        0xDEF0, 0x9ABD, 0x567A, 0x1237, 0xDEF4, 0x9AB9, 0x567E, 0x1233, 0xDEF8, 0x9AB5)


def test_stages_and_the_static_sample_keep_their_numbers():
    assert [stage.name for stage in Stage] == [
        "CLUSTERING", "READOUT", "INITIAL_CLUSTERING", "INITIAL_READOUT", "STATIC_CLUSTERING",
        "STATIC_READOUT", "RACE", "REFINEMENT"]
    assert [int(stage) for stage in Stage] == list(range(8))
    assert STATIC_SAMPLE == 4_294_967_295
    assert (ROUNDS, PLACE_BITS, STAGE_SHIFT) == (10, 28, 28)


def test_array_and_compiled_draws_equal_the_specification():
    random = np.random.default_rng(7)
    places = random.integers(0, 1 << 28, 200, dtype=np.uint32)
    for seed, sample in random.integers(0, 1 << 32, (5, 2)):
        expected = [draw(int(seed), int(sample), Stage.READOUT, int(place)) for place in places]
        assert draws(int(seed), int(sample), Stage.READOUT, places).tolist() == expected
        assert [kernel.draw(seed, sample, Stage.READOUT, place) for place in places] == expected


def test_fields_of_draws_are_uniform_and_uncorrelated_between_neighbours():
    places = np.arange(7200, dtype=np.uint32)
    block = np.array([draws(3, sample, Stage.CLUSTERING, places) for sample in range(64)])
    for field in (block & 0xFFFF, block >> 16, block & 0xFF, block >> 24):
        scaled = field / field.max() - 0.5
        deviations = np.sqrt(block.size)
        assert abs(scaled.mean()) < 5 / np.sqrt(12) / deviations
        assert abs(scaled.var() - 1 / 12) < 5 / deviations
        for other in (np.roll(scaled, 1, axis=0), np.roll(scaled, 1, axis=1)):
            assert abs((scaled * other).mean() * 12) < 5 / deviations


def test_stages_and_seeds_draw_independently():
    places = np.arange(10000, dtype=np.uint32)
    one = draws(1, 5, Stage.CLUSTERING, places)
    for other in (draws(1, 5, Stage.READOUT, places), draws(2, 5, Stage.CLUSTERING, places),
                  draws(1, 6, Stage.CLUSTERING, places)):
        differing = np.unpackbits((one ^ other).view(np.uint8)).mean()
        assert abs(differing - 0.5) < 5 * 0.5 / np.sqrt(one.size * 32)
