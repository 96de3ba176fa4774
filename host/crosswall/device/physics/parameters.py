"""The file that describes a device by its physics: what it may say, and the presets."""

from __future__ import annotations

import difflib
import os
import tomllib
from importlib import resources
from math import inf
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crosswall.errors import DeviceError

from .domain_wall import DomainWall

MAX_NOTCHES = 1024
"""The most notch periods of a track: as many steps of a table are kept."""

_WHOLE = 1e-6
"""Of a notch period: how far the track may be off a whole number of them, for rounding."""


def _number(low: float, high: float, unit: str, meaning: str, **options: Any) -> Any:
    text = f"a number, {low:g} to {high:g}" + (f" {unit}" if unit else "")
    return Field(ge=low, le=high, description=meaning, json_schema_extra={"expected": text},
                 **options)


def _text(meaning: str, **options: Any) -> Any:
    return Field(description=meaning, json_schema_extra={"expected": "a text"}, **options)


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Material(_Section):
    """The magnetic film."""

    magnetisation: float = _number(1e4, 3e6, "A/m", "saturation magnetisation")
    exchange: float = _number(1e-13, 1e-10, "J/m", "exchange stiffness")
    anisotropy: float = _number(1e3, 1e7, "J/m³", "uniaxial out-of-plane anisotropy, without the "
                                "shape's share")
    damping: float = _number(1e-3, 1, "", "Gilbert damping")
    dmi: float = _number(-1e-2, 1e-2, "J/m²", "interfacial Dzyaloshinskii-Moriya interaction",
                         default=0.0)
    shape_field: float | None = _number(-1e6, 1e6, "A/m", "anisotropy field of the wall's shape; "
                                        "default: of a thin film", default=None)


class Torque(_Section):
    """What a current does."""

    polarisation: float = _number(-1, 1, "", "spin polarisation of spin-transfer torque",
                                  default=0.0)
    nonadiabaticity: float = _number(0, 10, "", "β of spin-transfer torque", default=0.0)
    spin_hall_angle: float = _number(-5, 5, "", "effective angle of damping-like spin-orbit "
                                     "torque", default=0.0)


class Track(_Section):
    """Geometry and energy landscape."""

    length: float = _number(1e-8, 1e-4, "m", "way of the wall under the junction")
    width: float = _number(1e-9, 1e-5, "m", "width of the track")
    thickness: float = _number(1e-10, 1e-8, "m", "thickness of the magnetic film")
    notch_period: float | None = _number(1e-9, 1e-4, "m", "distance of notches; default: none",
                                         default=None)
    notch_barrier: float = _number(0, 1e-16, "J", "energy from a notch to the top between two",
                                   default=0.0)
    end_width: float = _number(1e-9, 1e-5, "m", "way beyond an end in which the energy rises by "
                               "end_energy")
    end_energy: float = _number(1e-22, 1e-15, "J", "see end_width")


class Pulse(_Section):
    """One unit pulse; a depressing one is its negative."""

    current_density: float = _number(1e8, 1e14, "A/m²", "of the plateau")
    duration: float = _number(1e-11, 1e-6, "s", "of the plateau")
    rise: float = _number(0, 1e-7, "s", "of each linear edge", default=0.0)
    relaxation: float = _number(1e-11, 1e-5, "s", "without current, before the pulse and after it")
    temperature: float = _number(0, 1000, "K", "of the thermal field", default=300.0)
    step: float | None = _number(1e-16, 1e-9, "s", "of the integrator; default: a tenth of the "
                                 "wall's fastest time", default=None)


class Junction(_Section):
    """The read-out."""

    conductance_min: float = _number(0, 1, "S", "with the wall at the track's start")
    conductance_max: float = _number(0, 1, "S", "with the wall at its end")


class Conductor(_Section):
    """What carries the current of a pulse, for its energy."""

    resistivity: float = _number(1e-9, 1e-3, "Ω m", "of the conductor")
    thickness: float = _number(1e-10, 1e-6, "m", "of everything that carries current")


class DeviceParameters(_Section):
    """A device by its physics, SI units throughout."""

    name: str = Field(description="for reports and the output folder",
                      pattern=r"^[A-Za-z0-9_-]+$",
                      json_schema_extra={"expected": "a name of letters, digits, `-` and `_`"})
    description: str = _text("what it is", default="")
    sources: list[str] = Field(description="where the numbers are from", default_factory=list,
                               json_schema_extra={"expected": "a list of texts"})
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


def preset_names() -> tuple[str, ...]:
    """Names of the devices that come with crosswall."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _presets().iterdir()
                        if entry.name.endswith(".toml")))


def preset_text(name: str) -> str:
    """The file of a preset; DeviceError if there is none of that name."""
    if name not in preset_names():
        raise DeviceError(f"no device preset {name!r}{_did_you_mean(name, preset_names())}; "
                          f"presets are {', '.join(preset_names())}")
    return (_presets() / f"{name}.toml").read_text(encoding="utf-8")


def read(source: str | os.PathLike[str]) -> DeviceParameters:
    """The parameters of a preset or a TOML file.

    Raises
    ------
    DeviceError
        If there is no such preset or file, or for the first mistake in it: the key, its value,
        what was expected.
    """
    text = os.fspath(source)
    if text in preset_names():
        return parse(preset_text(text), f"preset {text}")
    path = Path(text)
    if path.suffix != ".toml" and not path.exists():
        raise DeviceError(f"no preset or file {text!r}{_did_you_mean(text, preset_names())}; "
                          f"presets are {', '.join(preset_names())}, a file ends in .toml")
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise DeviceError(f"{path}: cannot be read ({error.strerror or error}); check the "
                          "path") from error
    except UnicodeDecodeError as error:
        raise DeviceError(f"{path}: is not UTF-8 text (byte {error.start}); a device file is "
                          "TOML") from error


def parse(text: str, where: str) -> DeviceParameters:
    """The parameters in a TOML text; ``where`` names it in messages. DeviceError as for `read`."""
    try:
        parameters = DeviceParameters.model_validate(tomllib.loads(text))
        _check(parameters)
    except tomllib.TOMLDecodeError as error:
        raise DeviceError(f"{where}: is not valid TOML: {error}; write key = value lines") \
            from error
    except ValidationError as error:
        raise DeviceError(f"{where}: {_explain(error)}") from None
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


def _explain(error: ValidationError) -> str:
    """The first mistake in one line, and how many more there are."""
    # An unknown key comes first: it is often the reason why another one is missing.
    problems = sorted(error.errors(include_url=False),
                      key=lambda problem: problem["type"] != "extra_forbidden")
    first, more = problems[0], len(problems) - 1
    section: type[BaseModel] = DeviceParameters
    info = None
    for key in first["loc"]:
        info = section.model_fields.get(str(key))
        annotation = getattr(info, "annotation", None)
        candidates = getattr(annotation, "__args__", (annotation,))
        section = next((kind for kind in candidates
                        if isinstance(kind, type) and issubclass(kind, BaseModel)), section)
    path = ".".join(map(str, first["loc"]))
    extra = info.json_schema_extra if info else None
    expected = str(extra["expected"]) if isinstance(extra, dict) else "a table"
    meaning = f" ({info.description})" if info and info.description else ""
    if first["type"] == "extra_forbidden":
        known = list(section.model_fields)
        line = (f"unknown key {path}{_did_you_mean(str(first['loc'][-1]), known)}; expected one of "
                f"{', '.join(known)}")
    elif first["type"] == "missing":
        line = f"{path} is missing; expected {expected}{meaning}"
    else:
        line = f"{path} = {first['input']!r:.60}: expected {expected}{meaning}"
    return line + (f" (and {more} more mistake{'s' if more > 1 else ''})" if more else "")


def _did_you_mean(name: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _presets() -> Any:
    return resources.files(__package__) / "presets"
