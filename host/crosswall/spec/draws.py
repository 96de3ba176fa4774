"""The random draw: counter-based, so that results never depend on parallelism.

A draw is a function of its coordinates only: the seed, the sample's number, the
stage and the place within the sample. It is a ten-round ARX permutation with
the round of Speck32 (Beaulieu et al. 2013, "The SIMON and SPECK families of
lightweight block ciphers"), keyed by sample number and seed. It is noise for a
physical model, not cryptography. One 16-bit adder per round makes it cheap in
LUTs, with no multiplier, and it pipelines to one draw per cycle.
"""

from __future__ import annotations

import enum

ROUNDS = 10
"""Rounds of the permutation."""

PLACE_BITS = 28
"""Width of a place."""

STAGE_SHIFT = PLACE_BITS
"""The stage fills the block above this bit."""

STATIC_SAMPLE = 0xFFFF_FFFF
"""Sample number reserved for what is fixed at fabrication (spread, stuck devices)."""


class Stage(enum.IntEnum):
    """Who draws."""

    CLUSTERING = 0
    """Plasticity of the clustering crossbars; place = position * lines + line."""
    READOUT = 1
    """Plasticity of the read-out; place = feature."""
    INITIAL_CLUSTERING = 2
    """Initial walls of the clustering crossbars; place = synapse address."""
    INITIAL_READOUT = 3
    """Initial walls of the read-out; place = synapse address."""
    STATIC_CLUSTERING = 4
    """Static spread of the clustering crossbars; place = synapse address."""
    STATIC_READOUT = 5
    """Static spread of the read-out; place = synapse address."""
    RACE = 6
    """Jitter of racing neurons; place by :func:`crosswall.spec.race.race_place`."""
    REFINEMENT = 7
    """Refinement of the clustering crossbars, the rival's pulses; place as for `CLUSTERING`, which
    the pulses of the label's neuron draw from."""


def round_keys(seed: int, sample: int) -> tuple[int, ...]:
    """The ten 16-bit round keys: sample low, sample high, seed low, seed high, and again,
    each with its round's number added by XOR (so that equal words do not cancel)."""
    words = (sample & 0xFFFF, sample >> 16, seed & 0xFFFF, seed >> 16)
    return tuple(words[number % 4] ^ number for number in range(ROUNDS))


def draw(seed: int, sample: int, stage: int, place: int) -> int:
    """One draw.

    Parameters
    ----------
    seed, sample
        Unsigned 32-bit integers.
    stage
        A :class:`Stage`.
    place
        Place of the draw in its stage, 0 to ``2**28 - 1``.

    Returns
    -------
    int
        Unsigned 32 bits. ``result[0:16]`` and ``result[16:32]`` are its halves.
    """
    block = stage << STAGE_SHIFT | place
    left, right = block >> 16, block & 0xFFFF
    for key in round_keys(seed, sample):
        left = (((left >> 7 | left << 9) & 0xFFFF) + right & 0xFFFF) ^ key
        right = (right << 2 | right >> 14) & 0xFFFF ^ left
    return left << 16 | right
