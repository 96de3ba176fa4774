"""From a device's physics to the distribution of its conductance change, by Monte Carlo."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from math import ceil

import numpy as np

from crosswall.device.slices import Floats
from crosswall.errors import DeviceError, ToolError
from crosswall.spec.device_table import Direction

from .domain_wall import DomainWall
from .parameters import DeviceParameters, Pulse

SMOOTH_POINTS = 33
"""Start positions on a track without notches; with notches, each is one."""

STEP_SHARE = 0.1
"""The integrator's step by default, as a share of the inverse of the wall's fastest rate."""

MAX_STEP_SHARE = 0.5
"""The largest step that is accepted, as the same share; Heun is unstable from 2 on."""

MAX_STEPS = 10**7
"""The most steps of one trajectory."""

MAX_SAMPLES = 10_000
"""The most trajectories for each start and direction: a table has a row for each."""

BLOCK = 50
"""Trajectories that are simulated at a time, with a random stream of their own: few enough for
progress and Ctrl-C. It is part of what a seed means."""

Progress = Callable[[int, int], None]
"""Called with the number of blocks done and their total."""


@dataclass(frozen=True, eq=False)
class PulseStatistics:
    """What one pulse does.

    ``conductance`` [points] in siemens, increasing; ``change`` [2, points, samples] in siemens by
    `Direction`, each ascending; ``step`` of the integrator in seconds.
    """

    conductance: Floats
    change: Floats
    step: float


def sample_pulse(parameters: DeviceParameters, *, samples: int, seed: int,
                 progress: Progress | None = None) -> PulseStatistics:
    """Distribution of ΔG after one pulse, for each start conductance and direction.

    A wall starts in a notch (without notches, at one of `SMOOTH_POINTS` places), takes its thermal
    distribution during one relaxation time, receives the pulse and relaxes again. ΔG is the
    conductance then less that of the start's place; the conductance is affine in q, and constant
    beyond the track's ends. Walls at ±φ with the same energy start in equal shares.

    The result depends on parameters, samples and seed alone, not on the number of threads.

    Parameters
    ----------
    samples
        Trajectories for each start and direction, 2 to `MAX_SAMPLES`.
    seed
        0 or more.
    progress
        Called after each block of trajectories, from this thread.

    Raises
    ------
    ValueError
        If ``samples`` is out of range.
    DeviceError
        If the step that is asked for is too long for this wall, or the pulse too long for the
        step.
    ToolError
        If Numba is not installed.
    """
    if not 2 <= samples <= MAX_SAMPLES:
        raise ValueError(f"samples must be 2 to {MAX_SAMPLES}: got {samples}")
    wall = parameters.wall()
    step = _time_step(parameters.pulse, wall)
    _integrator()
    intervals = parameters.notches or SMOOTH_POINTS - 1
    starts = np.linspace(0, parameters.track.length, intervals + 1)
    change = np.empty((2, len(starts), samples))

    def block(direction: Direction, point: int, first: int) -> None:
        generator = np.random.Generator(np.random.PCG64(
            np.random.SeedSequence(seed, spawn_key=(int(direction), point, first))))
        ends = _one_pulse(parameters, wall, step, direction, float(starts[point]),
                          min(BLOCK, samples - first), generator)
        moved = np.clip(ends, 0, parameters.track.length) - starts[point]
        change[direction, point, first:first + BLOCK] = moved

    executor = ThreadPoolExecutor(os.cpu_count())
    try:
        blocks = [executor.submit(block, direction, point, first) for direction in Direction
                  for point in range(len(starts)) for first in range(0, samples, BLOCK)]
        for done, future in enumerate(as_completed(blocks), start=1):
            future.result()
            if progress is not None:
                progress(done, len(blocks))
    finally:
        # After Ctrl-C, only the blocks under way are waited for.
        executor.shutdown(cancel_futures=True)
    low, high = parameters.junction.conductance_min, parameters.junction.conductance_max
    slope = (high - low) / parameters.track.length
    change.sort(axis=-1)
    return PulseStatistics(np.linspace(low, high, len(starts)), change * slope, step)


def _one_pulse(parameters: DeviceParameters, wall: DomainWall, step: float, direction: Direction,
               start: float, samples: int, generator: np.random.Generator) -> Floats:
    """Positions [samples] after thermalisation, pulse and relaxation; metres."""
    advance = _integrator()
    pulse = parameters.pulse
    sign = 1 if direction is Direction.POTENTIATE else -1
    rates = wall.rates(sign * pulse.current_density, temperature=pulse.temperature)
    q = np.full(samples, start)
    phi = np.full(samples, wall.equilibrium_angle)
    phi[1::2] *= -1

    def during(time: float, scale: float, final_scale: float) -> None:
        advance(rates, q, phi, time, ceil(time / step), scale, final_scale, generator)

    during(pulse.relaxation, 0.0, 0.0)
    if parameters.notches is None:
        q[:] = start  # nothing holds it there: only φ takes its thermal distribution
    during(pulse.rise, 0.0, 1.0)
    during(pulse.duration, 1.0, 1.0)
    during(pulse.rise, 1.0, 0.0)
    during(pulse.relaxation, 0.0, 0.0)
    return q


def _time_step(pulse: Pulse, wall: DomainWall) -> float:
    """The integrator's step in seconds."""
    fastest = 1 / wall.fastest_rate(pulse.current_density)
    step = STEP_SHARE * fastest if pulse.step is None else pulse.step
    if step > MAX_STEP_SHARE * fastest:
        raise DeviceError(f"pulse.step = {step:g}: expected at most {MAX_STEP_SHARE * fastest:.2g} "
                          "s for this wall and current; make it shorter or leave it out")
    time = 2 * (pulse.relaxation + pulse.rise) + pulse.duration
    if time / step > MAX_STEPS:
        raise DeviceError(f"pulse: {time:g} s take {time / step:.2g} steps of {step:.2g} s: "
                          f"expected at most {MAX_STEPS:.0e}; shorten pulse or relaxation")
    return step


def _integrator() -> Callable[..., None]:
    try:
        from .integrator import advance
    except ImportError as error:
        raise ToolError("a device's physics needs numba; run: pip install "
                        "'crosswall[twin]'") from error
    return advance
