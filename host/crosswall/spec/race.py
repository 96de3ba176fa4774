"""The race of physical neurons: what one step does to a neuron's wall.

A DW-MTJ neuron integrates its current by moving a wall along its own track, and fires when the
wall passes the junction at the track's end. It leaks because the wall drifts back to rest, and
neighbouring tracks inhibit each other by their stray fields: an integrating neuron pushes back
those of its neighbours that are behind it (Hassan et al., J. Appl. Phys. 124, 152127, 2018; Cui
et al., arXiv:1912.04505). All walls step together, from where they were before the step, so that
the outcome does not depend on how many are computed at once.

*The ideal race is the argmax.* Without leak, inhibition and jitter every wall that has not fired
stands at ``n * activation`` after ``n`` steps. If ``j`` fires in step ``n`` and ``k`` has not by
then, ``n * a_j >= threshold > n * a_k``; walls of one step are ranked by ``n * a`` and so by
``a``. Hence the order is that of the activations, whatever the threshold and the number of steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

STEP_BITS = 8
"""Width of a step's number; a wall has this many bits more than an activation, so that the
ideal race never saturates."""

MAX_STEPS = (1 << STEP_BITS) - 1
"""Longest race."""

MAX_REACH = 4
"""Farthest neighbour that inhibits; at distance ``d`` it does so by ``2**-(d - 1)`` of what the
nearest does."""

MAX_INHIBITION = 30
"""Strongest inhibition, as a power of two."""

MAX_JITTER = 16
"""Strongest jitter."""

MAX_FIRE_THRESHOLD = (1 << 31) - 1
"""Highest firing threshold."""

JITTER_CENTRE = 510
"""Mean of the sum of four bytes, which a draw has."""


@dataclass(frozen=True)
class Race:
    """Parameters of the race; a network without racing neurons ignores them.

    Parameters
    ----------
    fire_threshold
        A wall at or above this fires, in units of activation; 1 to ``2**31 - 1``.
    steps
        Longest race, 1 to ``MAX_STEPS`` steps. Neurons that have not fired by then are ranked by
        how far they came.
    leak
        Each step a wall falls back by ``wall >> leak``; 1 to 15, or 0 for no leak.
    inhibition_reach
        Neighbours on each side that inhibit, 0 (none) to ``MAX_REACH``.
    inhibition
        Each step the nearest neighbour holds a wall back by its lead, at most ``2**inhibition``
        units of activation; 0 to ``MAX_INHIBITION``.
    jitter
        Each step a wall jitters by zero-mean noise with a standard deviation of
        ``147.8 * 2**(jitter - 1)`` units of activation; 1 to ``MAX_JITTER``, or 0 for none.

    Raises
    ------
    ValueError
        Naming the parameter, its value and the range.
    """

    fire_threshold: int = 1 << 14
    steps: int = 64
    leak: int = 0
    inhibition_reach: int = 0
    inhibition: int = 8
    jitter: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("fire_threshold", 1, MAX_FIRE_THRESHOLD), ("steps", 1, MAX_STEPS),
                                ("leak", 0, 15), ("inhibition_reach", 0, MAX_REACH),
                                ("inhibition", 0, MAX_INHIBITION), ("jitter", 0, MAX_JITTER)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"`{name}` must be {low} to {high}: got {value}")


def race_place(neurons: int, position: int, step: int, neuron: int) -> int:
    """Place of the draw of a neuron in a step, both numbered from 0 (stage ``Stage.RACE``)."""
    return (position << STEP_BITS | step) * neurons + neuron


def jitter(race: Race, bits: int) -> int:
    """How far a 32-bit draw moves a wall: the sum of its bytes, which is close to a normal
    distribution, less the mean."""
    total = sum(bits >> shift & 0xFF for shift in (0, 8, 16, 24)) - JITTER_CENTRE
    return total << race.jitter - 1 if race.jitter else 0


def held_back(race: Race, walls: Sequence[int], neuron: int) -> int:
    """How far the neighbours hold a neuron's wall back in one step.

    Every neighbour within reach that is ahead counts, halved for each track in between: a wall
    feels the stray field of the part of the track that its neighbour's wall has passed, which
    grows with the lead and then saturates. There is no neighbour beyond the ends of ``walls``.
    """
    total = 0
    for distance in range(1, race.inhibition_reach + 1):
        for other in (neuron - distance, neuron + distance):
            if 0 <= other < len(walls):
                lead = max(0, walls[other] - walls[neuron])
                total += min(lead, 1 << race.inhibition) >> distance - 1
    return total


def advance(race: Race, wall_bits: int, wall: int, activation: int, held: int,
            jolt: int) -> int:
    """Where a wall that has not fired stands after one step.

    Parameters
    ----------
    wall_bits
        Signed width of a wall (``Network.race_bits``), at whose ends it stops. 0 is where it rests
        and starts; it may also be driven back from there.
    wall, activation
        Where it stood; the neuron's current less its threshold.
    held, jolt
        From :func:`held_back` and :func:`jitter`.
    """
    leaked = wall >> race.leak if race.leak else 0
    limit = 1 << wall_bits - 1
    return min(max(wall + activation - leaked - held + jolt, -limit), limit - 1)
