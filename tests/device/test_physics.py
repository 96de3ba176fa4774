"""The wall of `crosswall.device.physics` against closed forms of its equations.

Expected values are recomputed here from the textbook formulas wherever they are short; otherwise
they are `DomainWall`'s closed forms, and the integration is what is tested.
"""

from __future__ import annotations

from dataclasses import replace
from math import acos, log, pi, sqrt

import numpy as np
import pytest

from crosswall.device.physics.domain_wall import BOLTZMANN, GAMMA_0, MU_0, DomainWall
from crosswall.device.physics.integrator import advance
from tests.near import near

SEED = 20
"""Of every thermal field here."""

LONG = 1.0
"""A track without ends, for all purposes; metres."""

STT = DomainWall(magnetisation=600e3, exchange=10e-12, anisotropy=590e3, damping=0.02, length=LONG,
                 track_width=100e-9, thickness=1e-9, polarisation=0.5, nonadiabaticity=0.05)
SOT = DomainWall(magnetisation=800e3, exchange=15e-12, anisotropy=800e3, damping=0.1, length=LONG,
                 track_width=100e-9, thickness=1e-9, dmi=0.5e-3, spin_hall_angle=0.15)


def current_of(wall: DomainWall, drift: float) -> float:
    """Current density of a spin drift."""
    return drift / wall.spin_drift(1.0)


def move(wall: DomainWall, time: float, *, current: float = 0.0, field: float = 0.0,
         temperature: float = 0.0, walls: int = 1, phi: float | None = None,
         start: float = LONG / 2, step: float = 2e-12, settle: float = 0.0, ramp: bool = False
         ) -> tuple[np.ndarray, np.ndarray]:
    """Displacements and turns [walls] in ``time``, after ``settle`` under the same drive."""
    q = np.full(walls, start)
    angle = np.full(walls, wall.equilibrium_angle if phi is None else phi)
    rates = wall.rates(current, field, temperature)
    generator = np.random.default_rng(SEED)
    advance(rates, q, angle, settle, round(settle / step), 0.0 if ramp else 1.0, 1.0, generator)
    before = q.copy(), angle.copy()
    advance(rates, q, angle, time, round(time / step), 1.0, 1.0, generator)
    return q - before[0], angle - before[1]


def speed(wall: DomainWall, time: float, **drive: float) -> float:
    """Mean speed over ``time`` once the start is forgotten."""
    return float(move(wall, time, settle=1e-6, **drive)[0][0]) / time


def test_wall_of_a_wide_film_has_the_textbook_width_and_fields():
    wall = replace(SOT, track_width=1e-3)
    effective = 800e3 - MU_0 * 800e3**2 / 2
    assert wall.width == near(sqrt(15e-12 / effective), rel=1e-4)
    assert wall.chiral_field == near(0.5e-3 / (MU_0 * 800e3 * wall.width))
    assert wall.anisotropy_field == near(800e3 * 1e-9 * log(2) / (pi * wall.width))


@pytest.mark.parametrize("ratio", [0.01, 0.1, 0.5])
def test_a_strips_demagnetising_factor_is_the_mean_field_of_its_charged_faces(ratio):
    """A face seen under an angle ψ from within gives a share ψ/2π of the magnetisation."""
    across = (np.arange(4000) + 0.5) / 4000 - 0.5
    depths, weights = np.polynomial.legendre.leggauss(100)
    factor = sum(weight / (2 * pi) * np.mean(np.arctan((0.5 - across) / depth)
                                             + np.arctan((0.5 + across) / depth))
                 for depth, weight in zip(ratio * (1 + depths) / 2, weights, strict=True))
    strip = replace(STT, track_width=1e-7, thickness=ratio * 1e-7)
    assert STT.anisotropy - strip.effective_anisotropy \
        == near(MU_0 * factor * STT.magnetisation**2 / 2, rel=1e-5)


def test_the_walls_shape_field_is_that_of_its_stray_field():
    """The stray field's energy of a sech profile, by wave number u = πkΔ/2, in a thin film."""
    wall = replace(SOT, thickness=1e-13, track_width=1e-7)
    numbers, weights = np.polynomial.legendre.leggauss(200)
    numbers, weights = 20 * (1 + numbers), 20 * weights
    wave = 2 * numbers / (pi * wall.width)
    film = 1 - (1 - np.exp(-wave * wall.thickness)) / (wave * wall.thickness)
    moment = pi * wall.width / np.cosh(numbers)
    energy = MU_0 * wall.magnetisation**2 / 2 * float(
        np.sum(weights * moment**2 * film)) * 2 / (pi * wall.width) / pi
    uniform = MU_0 * wall.magnetisation * wall.anisotropy_field / 2 * 2 * wall.width
    assert uniform == near(energy, rel=1e-3)


def test_a_square_wire_has_half_of_the_films_demagnetising_factor():
    wire = replace(STT, track_width=1e-9)
    assert wire.effective_anisotropy == near(590e3 - MU_0 * 600e3**2 / 4)


def test_in_plane_film_is_refused():
    with pytest.raises(ValueError, match=r"anisotropy 100000 J/m³ is below the shape's"):
        replace(STT, anisotropy=1e5)


@pytest.mark.parametrize("share", [0.3, 0.95, -0.5])
def test_field_below_walker_drives_with_the_linear_mobility(share):
    field = share * 0.02 * STT.anisotropy_field / 2  # α H_K / 2
    assert speed(STT, 100e-9, field=field) == near(
        GAMMA_0 * STT.width / 0.02 * field, rel=1e-5)


@pytest.mark.parametrize("share", [0.3, 0.95])
@pytest.mark.parametrize("beta", [0.05, 0.01])
def test_spin_transfer_below_walker_drives_with_beta_over_alpha(share, beta):
    wall = replace(STT, nonadiabaticity=beta)
    drift = share * GAMMA_0 * wall.width * wall.anisotropy_field / 2 / abs(beta / 0.02 - 1)
    assert speed(wall, 200e-9, current=current_of(wall, drift)) == near(
        beta / 0.02 * drift, rel=1e-4)


def test_equal_alpha_and_beta_never_break_down():
    wall = replace(STT, nonadiabaticity=0.02)
    assert wall.walker_drift == np.inf
    assert speed(wall, 20e-9, current=current_of(wall, 300.0)) == near(300, rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("share", [1.3, 4.0])
def test_spin_transfer_above_walker_precesses_at_the_closed_form(beta, share):
    wall = replace(STT, nonadiabaticity=beta)
    drift = share * wall.walker_drift
    turn = (beta - 0.02) * drift / wall.width
    rate = sqrt(turn**2 - (0.02 * GAMMA_0 * wall.anisotropy_field / 2)**2) / (1 + 0.02**2)
    turns = 5  # of φ by π, which is the period of the shape
    moved, turned = move(wall, turns * pi / rate, current=current_of(wall, drift), step=4e-12)
    assert turned[0] == near(np.copysign(turns * pi, turn), rel=1e-3)
    assert moved[0] * rate / (turns * pi) == near(
        (beta * drift - wall.width * np.copysign(rate, turn)) / 0.02, rel=1e-3)
    assert wall.velocity(drift=drift) == near(moved[0] * rate / (turns * pi), rel=1e-3)


@pytest.mark.parametrize("wall", [STT, replace(STT, dmi=0.02e-3), replace(STT, dmi=-0.3e-3)],
                         ids=["no-dmi", "weak-dmi", "strong-dmi"])
@pytest.mark.parametrize("drive", ["field", "current"])
def test_breakdown_is_at_the_closed_form(wall, drive):
    angles = np.linspace(0, 2 * pi, 20001)
    holding = np.abs(pi / 2 * wall.chiral_field * np.sin(angles)
                     - wall.anisotropy_field / 2 * np.sin(2 * angles)).max()
    assert wall.holding_field == near(holding, rel=1e-6)

    def turns(share: float) -> bool:
        if drive == "field":
            size = {"field": share * 0.02 * holding}
        else:
            drift = share * GAMMA_0 * wall.width * holding / 1.5  # |β/α − 1|
            size = {"current": current_of(wall, drift)}
        # A slow ramp: a sudden drive carries φ over the top below the threshold.
        return bool(abs(move(wall, 300e-9, settle=300e-9, step=5e-12, ramp=True, **size)[1][0])
                    > pi)

    assert not turns(0.98) and turns(1.02)


def test_spin_orbit_torque_saturates_with_the_chiral_field():
    wall = replace(SOT, shape_field=0.0)
    for current in (1e11, 1e12, 5e12):
        ratio = 0.1 * wall.chiral_field / wall.spin_hall_field(current)
        expected = GAMMA_0 * wall.width * pi / 2 * wall.chiral_field / sqrt(1 + ratio**2)
        assert speed(wall, 10e-9, current=current, step=1e-12) == near(expected, rel=1e-5)
        assert speed(replace(wall, dmi=-wall.dmi), 10e-9, current=current, step=1e-12) \
            == near(-expected, rel=1e-5)


def test_spin_orbit_torque_alone_does_not_move_a_bloch_wall_for_long():
    assert abs(speed(replace(SOT, dmi=0.0), 10e-9, current=1e11)) < 1e-3


def test_angle_rests_where_shape_and_dmi_balance():
    weak = replace(SOT, dmi=0.02e-3)
    assert weak.equilibrium_angle == near(
        acos(pi / 2 * weak.chiral_field / weak.anisotropy_field))
    assert SOT.equilibrium_angle == 0 and replace(SOT, dmi=-1e-3).equilibrium_angle == pi
    round_wall = replace(SOT, shape_field=0.0)
    assert replace(round_wall, dmi=1e-9).equilibrium_angle == 0, "however weak"
    assert replace(round_wall, dmi=-1e-9).equilibrium_angle == pi
    for wall in (weak, SOT, replace(SOT, dmi=-1e-3)):
        _, turned = move(wall, 60e-9, phi=wall.equilibrium_angle + 0.1)
        assert turned[0] == pytest.approx(-0.1, abs=1e-3)


@pytest.mark.parametrize("drive", ["field", "spin-hall", "spin-hall quasi-Bloch", "spin-transfer"])
def test_wall_leaves_its_notch_at_the_steepest_slope(drive):
    barrier, period = 4e-20, 50e-9
    notched = {"notch_barrier": barrier, "notch_period": period}
    slope = pi * barrier / period
    if drive.startswith("spin-hall"):
        wall = replace(SOT, **notched, dmi=0.03e-3 if "Bloch" in drive else SOT.dmi)
        cosine = min(1.0, pi / 2 * wall.chiral_field / wall.anisotropy_field)
        assert (cosine < 0.9) == ("Bloch" in drive)
        force = 2 * MU_0 * 800e3 * 100e-18 * pi / 2 * cosine * wall.spin_hall_field(1.0)
        threshold = {"current": slope / force}
        assert wall.spin_hall_field(threshold["current"]) == near(
            wall.depinning_spin_hall_field)
    elif drive == "field":
        wall = replace(STT, **notched, damping=0.1)
        threshold = {"field": slope / (2 * MU_0 * 600e3 * 100e-18)}
        assert threshold["field"] == near(wall.depinning_field)
    else:
        wall = replace(STT, **notched, damping=0.3, nonadiabaticity=5.0)
        drift = slope * wall.width / (5.0 * wall.gyro)
        assert drift < GAMMA_0 * wall.width * wall.holding_field
        assert drift == near(wall.depinning_drift)
        threshold = {"current": current_of(wall, drift)}
    for share, free in ((0.97, False), (1.03, True)):
        (name, size), = threshold.items()
        q, phi = np.zeros(1), np.full(1, wall.equilibrium_angle)
        rates = wall.rates(**{name: share * size})
        q += round(LONG / 2 / period) * period
        start = q[0]
        for scales in ((0.0, 1.0), (1.0, 1.0)):  # a slow edge: no inertia
            advance(rates, q, phi, 200e-9, 60_000, *scales, np.random.default_rng(SEED))
        assert (abs(q[0] - start) > period) == free


@pytest.mark.parametrize("locked", [False, True])
def test_free_wall_diffuses_at_the_closed_form(locked):
    wall = replace(SOT, dmi=SOT.dmi if locked else 0.0,
                   shape_field=None if locked else 0.0, damping=0.2)
    time, walls = 10e-9, 4000
    moved, _ = move(wall, time, temperature=300, walls=walls, settle=1e-9,
                    step=4e-12 if locked else 20e-12)
    mobility = 0.2 / (1 + 0.2**2) if not locked else 1 / 0.2
    gyro = 2 * MU_0 * 800e3 * 100e-18 / GAMMA_0
    expected = 2 * mobility * BOLTZMANN * 300 * wall.width / gyro * time
    # The variance of a Gaussian sample of n scatters by √(2/n).
    assert np.mean(moved**2) == near(expected, rel=4 * sqrt(2 / walls))
    assert 2 * wall.diffusion(300, angle_locked=locked) * time == near(expected)


def test_harmonic_well_and_angle_hold_half_kt_each():
    # A track of length nil is nothing but its two ends: harmonic in q.
    wall = replace(SOT, length=0.0, end_width=20e-9, end_energy=20 * BOLTZMANN * 300, damping=0.3)
    stiffness = 2 * wall.end_energy / wall.end_width**2
    walls = 10000
    q, phi = np.zeros(walls), np.zeros(walls)
    rates = wall.rates(temperature=300.0)
    advance(rates, q, phi, 2e-9, 800, 1.0, 1.0, np.random.default_rng(SEED))
    energy = np.mean(q**2) * stiffness / (BOLTZMANN * 300)
    assert energy == pytest.approx(1, abs=4 * sqrt(2 / walls))
    # φ is Boltzmann's, in the exact periodic energy.
    area, angles = 100e-18, np.linspace(-pi, pi, 4001)
    landscape = MU_0 * 800e3 * wall.width * area * (
        wall.anisotropy_field * np.cos(angles)**2 - pi * wall.chiral_field * np.cos(angles))
    weight = np.exp(-(landscape - landscape.min()) / (BOLTZMANN * 300))
    expected = (weight * angles**2).sum() / weight.sum()
    assert np.mean(phi**2) == near(expected, rel=4 * sqrt(2 / walls))
    assert abs(np.mean(q * phi)) < 4 * sqrt(np.mean(q**2) * np.mean(phi**2) / walls)


def test_noise_free_integration_converges_with_the_square_of_the_step():
    drive = {"current": current_of(STT, 40.0), "phi": 0.3}
    exact = move(STT, 5e-9, step=1e-13, **drive)[0][0]
    errors = [abs(move(STT, 5e-9, step=step, **drive)[0][0] - exact) for step in (8e-12, 4e-12)]
    assert errors[1] < 1e-3 * abs(exact)
    assert errors[0] / errors[1] == near(4, rel=0.15)


def test_hopping_over_a_barrier_does_not_depend_on_the_step():
    wall = replace(SOT, notch_period=30e-9, notch_barrier=2 * BOLTZMANN * 300, damping=0.3)
    walls, left = 3000, []
    start = round(LONG / 2 / 30e-9) * 30e-9
    for step in (4e-12, 1e-12):
        moved, _ = move(wall, 4e-9, temperature=300, walls=walls, step=step, start=start)
        left.append(np.mean(np.abs(moved) > 15e-9))
    assert 0.1 < left[1] < 0.9
    assert left[0] == pytest.approx(left[1], abs=5 * sqrt(left[1] * (1 - left[1]) * 2 / walls))


def test_trajectories_are_reproduced_bit_for_bit_and_differ_with_the_seed():
    first, second = (move(STT, 1e-9, temperature=300, walls=5)[0] for _ in range(2))
    assert np.array_equal(first, second) and len(set(first.tolist())) == 5


def test_drift_and_spin_hall_field_are_those_of_the_electron():
    # u = g µB P J / (2 e Ms); ħ θ J / (2 e µ0 Ms t), worked by hand for 1 TA/m².
    assert STT.spin_drift(1e12) == near(9.27401e-24 * 0.5 * 1e12 / (1.602177e-19 * 6e5),
                                                 rel=1e-5)
    assert MU_0 * SOT.spin_hall_field(1e12) == near(
        1.054572e-34 * 0.15 * 1e12 / (2 * 1.602177e-19 * 8e5 * 1e-9), rel=1e-5)
