"""The file that describes a device by its physics: what it may say, and the presets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import inf
from typing import Any

from crosswall.device.model import MAX_CONDUCTANCE
from crosswall.errors import DeviceError
from crosswall.sections import Library, Section, number, parsed, validated, value

from .domain_wall import DomainWall

MAX_NOTCHES = 1024
"""The most notch periods of a track: as many steps of a table are kept."""

_WHOLE = 1e-6
"""Of a notch period: how far the track may be off a whole number of them, for rounding."""


class Material(Section):
    """The magnetic film."""

    magnetisation: float = number(1e4, 3e6, "saturation magnetisation", unit="A/m")
    exchange: float = number(1e-13, 1e-10, "exchange stiffness", unit="J/m")
    anisotropy: float = number(1e3, 1e7, "uniaxial out-of-plane anisotropy, without the shape's "
                               "share", unit="J/m³")
    damping: float = number(1e-3, 1, "Gilbert damping")
    dmi: float = number(-1e-2, 1e-2, "interfacial Dzyaloshinskii-Moriya interaction",
                        unit="J/m²", default=0.0)
    shape_field: float | None = number(-1e6, 1e6, "anisotropy field of the wall's shape; "
                                       "default: of a thin film", unit="A/m", default=None)


class Torque(Section):
    """What a current does."""

    polarisation: float = number(-1, 1, "spin polarisation of spin-transfer torque", default=0.0)
    nonadiabaticity: float = number(0, 10, "β of spin-transfer torque", default=0.0)
    spin_hall_angle: float = number(-5, 5, "effective angle of damping-like spin-orbit torque",
                                    default=0.0)


class Track(Section):
    """Geometry and energy landscape."""

    length: float = number(1e-8, 1e-4, "way of the wall under the junction", unit="m")
    width: float = number(1e-9, 1e-5, "width of the track", unit="m")
    thickness: float = number(1e-10, 1e-8, "thickness of the magnetic film", unit="m")
    notch_period: float | None = number(1e-9, 1e-4, "distance of notches; default: none",
                                        unit="m", default=None)
    notch_barrier: float = number(0, 1e-16, "energy from a notch to the top between two",
                                  unit="J", default=0.0)
    end_width: float = number(1e-9, 1e-5, "way beyond an end in which the energy rises by "
                              "end_energy", unit="m")
    end_energy: float = number(1e-22, 1e-15, "see end_width", unit="J")


class Pulse(Section):
    """One unit pulse; a depressing one is its negative."""

    current_density: float = number(1e8, 1e14, "of the plateau", unit="A/m²")
    duration: float = number(1e-11, 1e-6, "of the plateau", unit="s")
    rise: float = number(0, 1e-7, "of each linear edge", unit="s", default=0.0)
    relaxation: float = number(1e-11, 1e-5, "without current, before the pulse and after it",
                               unit="s")
    temperature: float = number(0, 1000, "of the thermal field", unit="K", default=300.0)
    step: float | None = number(1e-16, 1e-9, "of the integrator; default: a tenth of the wall's "
                                "fastest time", unit="s", default=None)


class Junction(Section):
    """The read-out."""

    conductance_min: float = number(0, MAX_CONDUCTANCE, "with the wall at the track's start",
                                    unit="S")
    conductance_max: float = number(0, MAX_CONDUCTANCE, "with the wall at its end", unit="S")


class Conductor(Section):
    """What carries the current of a pulse, for its energy."""

    resistivity: float = number(1e-9, 1e-3, "of the conductor", unit="Ω m")
    thickness: float = number(1e-10, 1e-6, "of everything that carries current", unit="m")


class DeviceParameters(Section):
    """A device by its physics, SI units throughout."""

    name: str = value("a name of letters, digits, `-` and `_`", "for reports and the output folder",
                      pattern=r"^[A-Za-z0-9_-]+$")
    description: str = value("a text", "what it is", default="")
    sources: list[str] = value("a list of texts", "where the numbers are from",
                               default_factory=list)
    material: Material
    torque: Torque
    track: Track
    pulse: Pulse
    junction: Junction
    conductor: Conductor | None = None

    def wall(self) -> DomainWall:
        """The wall on its track; DeviceError unless the film is magnetised out of plane."""
        track = self.track
        try:
            return DomainWall(
                **self.material.model_dump(), **self.torque.model_dump(), length=track.length,
                track_width=track.width, thickness=track.thickness,
                notch_period=track.notch_period or inf, notch_barrier=track.notch_barrier,
                end_width=track.end_width, end_energy=track.end_energy)
        except ValueError as error:
            raise DeviceError(f"material.{error}; the film must be magnetised out of plane, raise "
                              "the anisotropy") from None

    @property
    def notches(self) -> int | None:
        """Notch periods along the track; None without notches."""
        period = self.track.notch_period
        return None if period is None or self.track.notch_barrier == 0 \
            else round(self.track.length / period)

    @property
    def write_energy(self) -> float | None:
        """Joules of one pulse: the power ``ρ J² · volume`` of the conductor along the whole track
        over the plateau and both edges, whose mean square is a third; None without conductor."""
        if self.conductor is None:
            return None
        volume = self.track.length * self.track.width * self.conductor.thickness
        return (self.conductor.resistivity * self.pulse.current_density**2 * volume
                * (self.pulse.duration + 2 / 3 * self.pulse.rise))


_PRESETS = Library(__package__, "device", "preset", "presets", DeviceError)


def preset_names() -> tuple[str, ...]:
    """Names of the devices that come with crosswall."""
    return _PRESETS.names()


def preset_text(name: str) -> str:
    """The file of a preset; DeviceError if there is none of that name."""
    return _PRESETS.text(name)


def read(source: str | os.PathLike[str]) -> DeviceParameters:
    """The parameters of a preset or a TOML file.

    Raises
    ------
    DeviceError
        If there is no such preset or file, or for the first mistake in it: the key, its value,
        what was expected.
    """
    mapping, where, _ = _PRESETS.read(os.fspath(source))
    return _validate(mapping, where)


def parse(text: str, where: str) -> DeviceParameters:
    """The parameters in a TOML text; ``where`` names it in messages. DeviceError as for `read`."""
    return _validate(parsed(text, where, DeviceError), where)


def _validate(mapping: Mapping[str, Any], where: str) -> DeviceParameters:
    parameters = validated(DeviceParameters, mapping, where, DeviceError)
    try:
        _check(parameters)
    except DeviceError as error:
        raise DeviceError(f"{where}: {error}") from None
    return parameters


def _check(parameters: DeviceParameters) -> None:
    """What one value asks of another."""
    parameters.wall()
    torque, track, junction = parameters.torque, parameters.track, parameters.junction
    if torque.polarisation == 0 and torque.spin_hall_angle == 0:
        raise DeviceError("torque: polarisation and spin_hall_angle are both 0: expected one that "
                          "moves the wall; set it")
    if junction.conductance_max <= junction.conductance_min:
        raise DeviceError(f"junction.conductance_max = {junction.conductance_max:g}: expected more "
                          f"than conductance_min = {junction.conductance_min:g}; exchange them?")
    if track.notch_barrier > 0 and track.notch_period is None:
        raise DeviceError(f"track.notch_period is missing: expected with notch_barrier = "
                          f"{track.notch_barrier:g}; give the distance of notches in metres")
    if parameters.notches is not None and track.notch_period is not None:
        periods = track.length / track.notch_period
        if parameters.notches < 1 or abs(periods - parameters.notches) > _WHOLE * periods:
            raise DeviceError(f"track.length = {track.length:g}: expected a whole number of notch "
                              f"periods of {track.notch_period:g} m, got {periods:.4g}; notches "
                              "are at both ends")
        if parameters.notches > MAX_NOTCHES:
            raise DeviceError(f"track.notch_period = {track.notch_period:g}: expected at most "
                              f"{MAX_NOTCHES} notch periods along the track, got "
                              f"{parameters.notches}; shorten the track")
