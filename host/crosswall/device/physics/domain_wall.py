"""A domain wall as two collective coordinates: its position q and the angle φ of its moment.

The film is magnetised out of plane, up on the left of the wall and down on its right. φ is the
in-plane angle of the moment at the wall's centre: 0 and π are Néel walls, ±π/2 Bloch walls. The
wall keeps its profile (rigid width Δ) and its plane (no tilt). With ``S = width · thickness`` and
``G = 2 µ0 Ms S / γ0``

    φ̇ + α q̇/Δ = β u/Δ + γ0 (H + (π/2) H_SH cos φ) − (1/G) dV/dq            + η₁
    q̇/Δ − α φ̇ =   u/Δ + γ0 ((π/2) H_D sin φ − (1/2) H_K sin 2φ)            + η₂

====== ===================================================================================
H_K    anisotropy field of the wall's own shape, ``Ms · t ln 2 / (π Δ)``: prefers Bloch
H_D    chiral field of the interfacial DMI, ``D / (µ0 Ms Δ)``: prefers φ = 0 if D > 0
u      spin drift of adiabatic spin-transfer torque, ``µ_B P J / (e Ms)``
β      non-adiabaticity
H_SH   field of the damping-like spin-orbit torque, ``ħ θ_SH J / (2 e µ0 Ms t)``
V(q)   notches, ``−(V0/2) cos(2π q/λ)``, and beyond the track's ends ``E (distance/width)²``
η      thermal field, ``⟨η_i(t) η_j(t')⟩ = 2 (α kT / (G Δ)) δ_ij δ(t − t')``
====== ===================================================================================

``J`` counts positive where the electrons flow towards +q, and a positive product ``θ_SH · D``
moves the wall the same way. The equations, H_D, H_SH and u agree term by term with those of
cmtj's ``DomainWallDynamics`` (github.com/LemurPwned/cmtj, cmtj/models/domain_dynamics.py, commit
155b440), which are solved for the two rates; the force of V stands where µ0 H does, as both are
energies that change with q alone. They are the model of Thiaville, Rohart, Jué, Cros and Fert,
*Dynamics of Dzyaloshinskii domain walls in ultrathin magnetic films*, EPL 100, 57002 (2012), with
the spin-transfer torque of Thiaville, Nakatani, Miltat and Suzuki, *Micromagnetic understanding of
current-driven domain wall motion in patterned nanowires*, Europhys. Lett. 69, 990 (2005),
arXiv:cond-mat/0407628; of these two only the records were at hand, not the pages.

What follows from the equations is derived where it stands, in the docstrings below, and held to
the integrator by tests. The noise follows from the fluctuation-dissipation theorem: the dissipated
power is ``G α (q̇²/Δ + Δ φ̇²)``, so each coordinate has its friction, and the gyrotropic coupling
does no work. It is additive: Itô and Stratonovich agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, atan, copysign, cos, hypot, inf, log, pi, sin, sqrt
from typing import NamedTuple

MU_0 = 1.25663706127e-6
"""Vacuum permeability in N/A² (CODATA 2022)."""

GAMMA_0 = 1.76085962784e11 * MU_0
"""Gyromagnetic ratio of the electron times µ0, in m/(A s) (CODATA 2022)."""

BOLTZMANN = 1.380649e-23
"""J/K, exact."""

ELEMENTARY_CHARGE = 1.602176634e-19
"""C, exact."""

HBAR = 1.054571817e-34
"""J s, exact to the digits given."""

BOHR_MAGNETON = 9.2740100657e-24
"""J/T (CODATA 2022)."""


class Rates(NamedTuple):
    """The equations' coefficients as the integrator wants them; rates in 1/s.

    ``drift``, ``push`` and ``orbit`` are of the whole drive; the others are of the wall.
    """

    width: float
    """Δ in metres."""
    damping: float
    shape: float
    """γ0 H_K / 2."""
    chiral: float
    """γ0 (π/2) H_D."""
    notch: float
    """Largest notch force over G."""
    wavenumber: float
    """2π/λ in 1/m; 0 without notches."""
    length: float
    """Track, in metres."""
    end: float
    """End force over G per metre beyond an end, 1/(m s)."""
    drift: float
    """u/Δ."""
    push: float
    """β u/Δ + γ0 H."""
    orbit: float
    """γ0 (π/2) H_SH."""
    noise: float
    """α kT / (G Δ)."""


@dataclass(frozen=True)
class DomainWall:
    """A wall, its track and its torques, in SI units; the closed forms of its motion.

    Parameters
    ----------
    magnetisation
        Saturation magnetisation Ms, A/m.
    exchange
        Exchange stiffness, J/m.
    anisotropy
        Uniaxial out-of-plane anisotropy without the shape's share, J/m³.
    damping
        Gilbert's α, above 0.
    length, track_width, thickness
        Of the magnetic track, metres.
    dmi
        Interfacial DMI, J/m², signed.
    shape_field
        H_K in A/m; None: of a thin film, see `anisotropy_field`.
    polarisation, nonadiabaticity
        P and β of spin-transfer torque.
    spin_hall_angle
        Effective θ_SH of the damping-like spin-orbit torque.
    notch_period, notch_barrier
        λ in metres and V0 in joules, the energy from a notch's centre to the top between two.
    end_width, end_energy
        The energy rises by ``end_energy`` joules within ``end_width`` metres beyond an end, as the
        square of the distance.

    Raises
    ------
    ValueError
        If the film is not magnetised out of plane: anisotropy below the shape's.
    """

    magnetisation: float
    exchange: float
    anisotropy: float
    damping: float
    length: float
    track_width: float
    thickness: float
    dmi: float = 0.0
    shape_field: float | None = None
    polarisation: float = 0.0
    nonadiabaticity: float = 0.0
    spin_hall_angle: float = 0.0
    notch_period: float = inf
    notch_barrier: float = 0.0
    end_width: float = inf
    end_energy: float = 0.0

    def __post_init__(self) -> None:
        if self.effective_anisotropy <= 0:
            raise ValueError(f"anisotropy {self.anisotropy:g} J/m³ is below the shape's "
                             f"{self.anisotropy - self.effective_anisotropy:.4g} J/m³")

    @property
    def effective_anisotropy(self) -> float:
        """Anisotropy less the shape's, ``µ0 N Ms²/2`` with the demagnetising factor N of a long
        strip across its film; J/m³.

        N is the field of the two charged faces, averaged over the strip's cross-section: the
        limit of an infinite prism in Aharoni, *Demagnetizing factors for rectangular
        ferromagnetic prisms*, J. Appl. Phys. 83, 3432 (1998). A test integrates it anew.
        """
        ratio = self.thickness / self.track_width
        factor = ((1 - ratio**2) / (2 * ratio) * log(1 + ratio**2) + ratio * log(ratio)
                  + 2 * atan(1 / ratio)) / pi
        return self.anisotropy - MU_0 * factor * self.magnetisation**2 / 2

    @property
    def width(self) -> float:
        """Wall width parameter Δ, ``√(A / K_eff)``, metres."""
        return sqrt(self.exchange / self.effective_anisotropy)

    @property
    def gyro(self) -> float:
        """``G = 2 µ0 Ms S / γ0``, kg/s."""
        area = self.track_width * self.thickness
        return 2 * MU_0 * self.magnetisation * area / GAMMA_0

    @property
    def anisotropy_field(self) -> float:
        """H_K, A/m; ``Ms t ln 2 / (π Δ)`` unless ``shape_field`` is given.

        A film much thinner than its wall is wide takes the demagnetising factor ``|k| t/2`` for
        charges of wave number k. With the wall's moment across it, ``sech(x/Δ)``, whose transform
        is ``π Δ sech(π k Δ/2)``, and ``∫ u sech² u du = ln 2`` from 0 up, that is an energy of
        ``µ0 Ms² t ln 2 / π`` for each unit of wall area. A uniform factor N costs ``µ0 Ms² N Δ``,
        so ``N = t ln 2 / (π Δ)`` and ``H_K = N Ms``.
        """
        if self.shape_field is not None:
            return self.shape_field
        return self.magnetisation * self.thickness * log(2) / (pi * self.width)

    @property
    def chiral_field(self) -> float:
        """H_D, A/m, signed as the DMI."""
        return self.dmi / (MU_0 * self.magnetisation * self.width)

    def spin_drift(self, current: float) -> float:
        """u in m/s at a current density in A/m²."""
        return (BOHR_MAGNETON * self.polarisation * current
                / (ELEMENTARY_CHARGE * self.magnetisation))

    def spin_hall_field(self, current: float) -> float:
        """H_SH in A/m at a current density in A/m²."""
        return (HBAR * self.spin_hall_angle * current
                / (2 * ELEMENTARY_CHARGE * MU_0 * self.magnetisation * self.thickness))

    def rates(self, current: float = 0.0, field: float = 0.0, temperature: float = 0.0) -> Rates:
        """The coefficients at a current density (A/m²), an out-of-plane field (A/m) and kelvins."""
        notched = self.notch_barrier > 0
        drift = self.spin_drift(current) / self.width
        return Rates(
            width=self.width, damping=self.damping, shape=GAMMA_0 * self.anisotropy_field / 2,
            chiral=GAMMA_0 * pi / 2 * self.chiral_field,
            notch=GAMMA_0 * self.depinning_field, length=self.length,
            wavenumber=2 * pi / self.notch_period if notched else 0.0,
            end=2 * self.end_energy / self.end_width**2 / self.gyro,
            drift=drift, push=self.nonadiabaticity * drift + GAMMA_0 * field,
            orbit=GAMMA_0 * pi / 2 * self.spin_hall_field(current),
            noise=self.damping * BOLTZMANN * temperature / (self.gyro * self.width))

    def fastest_rate(self, current: float) -> float:
        """An upper bound of the rates at which q and φ change or oscillate, 1/s: its inverse
        bounds the integrator's step."""
        rates = self.rates(current)
        turn = 2 * abs(rates.shape) + abs(rates.chiral)
        well = self.width * (rates.notch * rates.wavenumber + rates.end)
        drive = abs(rates.drift) + abs(rates.push) + abs(rates.orbit) + rates.notch
        return turn + drive + sqrt(turn * well) + self.damping * well

    @property
    def equilibrium_angle(self) -> float:
        """φ of least energy without drive, 0 to π; its mirror image −φ has the same energy.

        There the second equation's right side vanishes: ``sin φ ((π/2) H_D − H_K cos φ) = 0``.
        Néel where ``(π/2) |H_D| ≥ H_K``, else ``cos φ = (π/2) H_D / H_K``.
        """
        chiral, shape = pi / 2 * self.chiral_field, self.anisotropy_field
        if abs(chiral) >= shape:
            return 0.0 if chiral > 0 or shape < 0 else pi
        return acos(chiral / shape)

    @property
    def holding_field(self) -> float:
        """Largest field with which shape and DMI resist the turning of φ, A/m:
        the maximum over φ of ``|(π/2) H_D sin φ − (1/2) H_K sin 2φ|``."""
        chiral, shape = pi / 2 * self.chiral_field, self.anisotropy_field
        if shape == 0:
            return abs(chiral)
        root = hypot(chiral, sqrt(8) * shape)
        angles = [acos(cosine) for sign in (1, -1)
                  if abs(cosine := (chiral + sign * root) / (4 * shape)) <= 1]
        return max(abs(chiral * sin(angle) - shape / 2 * sin(2 * angle)) for angle in angles)

    @property
    def walker_field(self) -> float:
        """Out-of-plane field above which φ turns round and round, ``α`` times `holding_field`:
        with φ at rest the first equation gives ``q̇/Δ = γ0 H/α``, which the second must hold.
        Without DMI it is Walker's ``α H_K/2``."""
        return self.damping * self.holding_field

    @property
    def walker_drift(self) -> float:
        """The spin drift u in m/s of the same: at rest ``q̇ = β u/α``, of which the second equation
        must hold ``|β/α − 1| u = γ0 Δ · holding_field``; infinite where β = α."""
        excess = abs(self.nonadiabaticity / self.damping - 1)
        return inf if excess == 0 else GAMMA_0 * self.width * self.holding_field / excess

    def velocity(self, field: float = 0.0, drift: float = 0.0) -> float:
        """Mean velocity in m/s of a wall without DMI and pinning at T = 0, under a field (A/m) and
        a spin drift (m/s).

        Below breakdown ``(γ0 Δ H + β u)/α``. Above it φ turns at the mean rate
        ``√(a² − (α γ0 H_K/2)²) / (1 + α²)`` with ``a = γ0 H + (β − α) u/Δ``, and the wall is slower
        by Δ/α times that rate: eliminating q̇ leaves ``(1 + α²) φ̇ = a + (α γ0 H_K/2) sin 2φ``, one
        turn of which takes ``∫ dφ/φ̇``, and the first equation holds for the means too.

        Raises
        ------
        ValueError
            If the wall has DMI or notches.
        """
        if self.dmi or self.notch_barrier:
            raise ValueError("the closed form holds without DMI and notches")
        alpha = self.damping
        turning = GAMMA_0 * field + (self.nonadiabaticity - alpha) * drift / self.width
        held = alpha * GAMMA_0 * self.anisotropy_field / 2
        mean = sqrt(turning**2 - held**2) / (1 + alpha**2) if abs(turning) > abs(held) else 0.0
        return (GAMMA_0 * self.width * field + self.nonadiabaticity * drift
                - self.width * copysign(mean, turning)) / alpha

    @property
    def depinning_field(self) -> float:
        """Out-of-plane field in A/m that frees the wall at T = 0: ``π V0 / (2 µ0 Ms S λ)``, where
        its force ``2 µ0 Ms S H`` is the notch's largest slope ``π V0/λ``."""
        return pi * self.notch_barrier / (self.notch_period * self.gyro * GAMMA_0)

    @property
    def depinning_spin_hall_field(self) -> float:
        """H_SH in A/m that does the same: ``(π/2) H_SH cos φ`` stands beside H in the first
        equation and φ rests at its equilibrium, hence ``depinning_field · 2 / (π |cos φ|)``."""
        share = abs(cos(self.equilibrium_angle))
        return inf if share < 1e-12 else self.depinning_field * 2 / (pi * share)

    @property
    def depinning_drift(self) -> float:
        """The spin drift in m/s that does the same while φ does not turn (``u < γ0 Δ ·
        holding_field``): ``γ0 Δ depinning_field / β``."""
        if self.nonadiabaticity == 0:
            return inf
        return GAMMA_0 * self.width * self.depinning_field / self.nonadiabaticity

    def diffusion(self, temperature: float, *, angle_locked: bool) -> float:
        """D in m²/s of ``⟨q²⟩ = 2 D t`` without pinning.

        With φ free (neither shape nor DMI) the noise on φ carries over: ``α Δ kT / (G (1 + α²))``.
        With φ locked, at times long against its relaxation, its mean rate is nil and the mobility
        is ``Δ/(α G)``: ``Δ kT / (α G)``.
        """
        thermal = BOLTZMANN * temperature * self.width / self.gyro
        return thermal / self.damping if angle_locked \
            else thermal * self.damping / (1 + self.damping**2)
