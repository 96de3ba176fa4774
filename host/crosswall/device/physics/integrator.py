"""The Langevin equations of a wall, compiled by Numba: stochastic Heun, many trajectories.

Heun's predictor-corrector converges to the Stratonovich solution; with additive noise that is the
Itô solution too, with strong order 1, and order 2 without noise.
"""

from __future__ import annotations

from math import cos, sin, sqrt

from crosswall.compiling import compiled


@compiled(inline="always")
def _motion(rates, q, phi, scale):
    """dq/dt in m/s and dφ/dt in 1/s at a share ``scale`` of the drive."""
    beyond = min(q, 0.0) + max(q - rates.length, 0.0)
    sine, cosine = sin(phi), cos(phi)
    turn = (scale * (rates.push + rates.orbit * cosine)
            - rates.notch * sin(rates.wavenumber * q) - rates.end * beyond)
    slide = scale * rates.drift + (rates.chiral - 2 * rates.shape * cosine) * sine
    share = 1 / (1 + rates.damping * rates.damping)
    return (rates.width * (slide + rates.damping * turn) * share,
            (turn - rates.damping * slide) * share)


@compiled(nogil=True)
def advance(rates, q, phi, duration, steps, scale, final_scale, generator):
    """Integrate trajectories in place.

    Parameters
    ----------
    rates
        `crosswall.device.physics.domain_wall.Rates`.
    q, phi
        [trajectories], metres and radians; overwritten.
    duration, steps
        Seconds, and the equal steps that they are cut into.
    scale, final_scale
        Share of the drive at the start and at the end, linear between.
    generator
        NumPy's random generator; used trajectory by trajectory, so that the result depends on
        nothing but its state. Not used without noise.
    """
    if steps == 0:
        return
    step = duration / steps
    ramp = (final_scale - scale) / steps
    strength = sqrt(2 * rates.noise * step) / (1 + rates.damping * rates.damping)
    for index in range(len(q)):
        place, angle = q[index], phi[index]
        kick_q = kick_phi = 0.0
        for number in range(steps):
            drive = scale + ramp * number
            if strength > 0:
                first, second = generator.standard_normal(), generator.standard_normal()
                kick_q = rates.width * strength * (second + rates.damping * first)
                kick_phi = strength * (first - rates.damping * second)
            speed, turning = _motion(rates, place, angle, drive)
            later_speed, later_turning = _motion(
                rates, place + speed * step + kick_q, angle + turning * step + kick_phi,
                drive + ramp)
            place += (speed + later_speed) / 2 * step + kick_q
            angle += (turning + later_turning) / 2 * step + kick_phi
        q[index], phi[index] = place, angle
