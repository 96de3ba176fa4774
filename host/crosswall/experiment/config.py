"""The experiment file: what it may say, and what it says when it is wrong.

The sections are pydantic models, strict and closed: an unknown key, a value of
another type or out of range is refused by :class:`crosswall.errors.ExperimentError`
in one line that names the file, the key, the value and what was expected.
:func:`reference` lists every key for the documentation.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from crosswall.errors import ExperimentError
from crosswall.spec.device_table import MAX_PULSE_SHIFT
from crosswall.spec.sample import MAX_GATE_SHIFT

PULSE_LENGTHS = tuple(1 << shift for shift in range(MAX_PULSE_SHIFT + 1))
"""Pulse lengths that a schedule may use, in unit pulses."""

READ_BACK = ("class", "winners", "scores", "all")
"""What is read back of each sample: its class; also its winners; also its scores; both."""


def _integer(low: int, high: int, meaning: str, **options: Any) -> Any:
    return Field(ge=low, le=high, description=meaning,
                 json_schema_extra={"expected": f"a whole number, {low} to {high}"}, **options)


def _number(low: float, high: float, meaning: str, **options: Any) -> Any:
    return Field(ge=low, le=high, description=meaning,
                 json_schema_extra={"expected": f"a number, {low:g} to {high:g}"}, **options)


def _value(expected: str, meaning: str, **options: Any) -> Any:
    return Field(description=meaning, json_schema_extra={"expected": expected}, **options)


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ExperimentSection(_Section):
    """What the experiment is called and which random numbers it uses."""

    name: str = _value("a name of letters, digits, `-` and `_`", "name of the run, for titles and "
                       "the output folder", pattern=r"^[A-Za-z0-9_-]+$")
    description: str = _value("a text", "what the experiment is about", default="")
    seed: int = _integer(0, 2**32 - 1, "seed of everything random", default=1)
    read_back: Literal["class", "winners", "scores", "all"] = _value(
        "one of " + ", ".join(f"'{name}'" for name in READ_BACK),
        "what the board sends of each sample beside its class", default="winners")


class DataSection(_Section):
    """Which data, and how much of it."""

    source: str = _value("a data set's name or path", "`digits`, another set's name, or the path "
                         "of an IDX folder, an NPZ or a CSV file (relative to this file)")
    shape: list[Annotated[int, Field(ge=1, le=65535)]] | None = _value(
        "[height, width]", "image shape in pixels; default: as the data say", default=None,
        min_length=2, max_length=2)
    classes: int | None = _integer(2, 64, "number of classes; default: as the data say",
                                   default=None)
    test_fraction: float = _number(0.01, 0.99, "share that is split off if the set has no test "
                                   "part", default=0.25)
    value_range: list[float] | None = _value(
        "[lowest, highest]", "values that become pixels 0 and 255; default: as the data say",
        default=None, min_length=2, max_length=2)
    train: int | None = _integer(1, 10**8, "training samples to use, drawn at random; default: "
                                 "all", default=None)
    test: int | None = _integer(1, 10**8, "test samples to use, drawn at random; default: all",
                                default=None)


_Encoding = Literal["contrast", "intensity"]


class _Geometry(_Section):
    neurons: int = _integer(2, 1024, "neurons of a clustering crossbar")
    winners: int = _integer(1, 8, "best neurons of a position that become features", default=4)
    code_bits: Literal[1, 2, 4, 8] = _value("1, 2, 4 or 8", "width of an input code", default=4)
    feature_bits: int = _integer(1, 8, "width of the saturating feature counters", default=4)


class ReceptiveFields(_Geometry):
    """Geometries S and U: square receptive fields over an image."""

    kind: Literal["receptive-fields"]
    field: int = _integer(1, 255, "side of a receptive field, in pixels")
    stride: int = _integer(1, 255, "step between receptive fields, in pixels")
    regions: int = _integer(1, 255, "regions along each side of the image")
    shared: bool = _value("true or false", "true: one crossbar for all positions (S); false: one "
                          "each (U)", default=True)
    encoding: _Encoding = _value("'contrast' or 'intensity'", "how pixels become codes",
                                 default="contrast")


class WholeImage(_Geometry):
    """Geometry W: one crossbar whose lines are all inputs."""

    kind: Literal["whole-image"]
    encoding: _Encoding = _value("'contrast' or 'intensity'", "how pixels become codes",
                                 default="intensity")


class FormatsSection(_Section):
    """Integer widths of the machine."""

    wall_bits: int = _integer(8, 16, "width of a wall position", default=12)
    threshold_bits: int = _integer(8, 31, "width of an adaptive threshold", default=22)
    bin_bits: int = _integer(0, 8, "wall bins of the device table, as a power of two", default=5)
    quantile_bits: int = _integer(0, 7, "quantiles of a step's distribution, as a power of two",
                                  default=4)
    variant_bits: int = _integer(0, 4, "device variants, as a power of two", default=0)


class RulesSection(_Section):
    """Plasticity, homeostasis and teacher."""

    clustering_rule: Literal["match", "stdp"] = _value(
        "'match' or 'stdp'", "how the winner's synapses follow a sample", default="match")
    stdp_probability: float = _number(0, 65535 / 65536, "pulse probability of rule `stdp`",
                                      default=0.0625)
    silence: int = _integer(0, 256, "a position whose peak is below this is skipped", default=12)
    threshold_rise: int | None = _integer(0, 2**31 - 1, "the winner's threshold rises by this; "
                                          "default: the number of neurons", default=None)
    threshold_decay: int = _integer(0, 2**31 - 1, "then every threshold falls by this", default=1)
    margin: int = _integer(0, 2**31 - 1, "lead in score below which the read-out is taught",
                           default=6144)


class Plasticity(_Section):
    """How long and how probable a stage's pulses are over a phase."""

    pulse_lengths: list[Literal[PULSE_LENGTHS]] = _value(  # type: ignore[valid-type]
        f"a list of powers of two, 1 to {PULSE_LENGTHS[-1]}",
        "pulse lengths in unit pulses, one after the other", default=[1], min_length=1)
    gate_shifts: list[Annotated[int, Field(ge=0, le=MAX_GATE_SHIFT)]] = _value(
        f"a list of whole numbers, 0 to {MAX_GATE_SHIFT}",
        "a pulse's probability is halved this many times", default=[0], min_length=1)
    boundaries: list[Annotated[float, Field(gt=0, lt=1)]] | None = _value(
        "rising fractions of the phase, between 0 and 1",
        "where the lists step to their next entry; default: equal steps", default=None)


class _Learning(_Section):
    samples: int | None = _integer(1, 10**8, "samples of the phase; default: `passes` over the "
                                   "training part", default=None)
    passes: int | None = _integer(1, 10_000, "passes over the training part; default: 1, unless "
                                  "`samples` is given", default=None)
    subset: int | None = _integer(1, 10**8, "training samples that the phase may use; default: "
                                  "all", default=None)


class ClusterPhase(_Learning, Plasticity):
    """Clustering learns without labels; nothing is predicted."""

    kind: Literal["cluster"]


class TeachPhase(_Learning, Plasticity):
    """The read-out learns from labels; clustering is frozen."""

    kind: Literal["teach"]


class OnlinePhase(_Learning):
    """Both stages learn at once: each sample is predicted, then learned."""

    kind: Literal["online"]
    clustering: Plasticity = _value("a table", "pulses of the clustering stage",
                                    default_factory=Plasticity)
    readout: Plasticity = _value("a table", "pulses of the read-out stage",
                                 default_factory=Plasticity)


class EvaluatePhase(_Section):
    """Predict, learn nothing."""

    kind: Literal["evaluate"]
    part: Literal["test", "train"] = _value("'test' or 'train'", "which part is predicted",
                                            default="test")


Phase = Annotated[ClusterPhase | TeachPhase | OnlinePhase | EvaluatePhase,
                  Field(discriminator="kind")]


class BuildSection(_Section):
    """How the gateware computes it; never changes a result. Default: as the board says."""

    lanes: int | None = _integer(1, 1024, "clustering neurons in parallel, a power of two",
                                 default=None)
    readout_lanes: int | None = _integer(2, 128, "read-out synapses in one memory row, even",
                                         default=None)
    readout_memory: Literal["block", "single-port"] | None = _value(
        "'block' or 'single-port'", "where the read-out's walls are kept", default=None)
    static_spread: bool | None = _value("true or false", "whether devices can vary from synapse "
                                        "to synapse", default=None)
    serial_draws: bool | None = _value("true or false", "whether draws are made one at a time, in "
                                       "less logic", default=None)
    slots: int | None = _integer(2, 64, "samples that the link holds, a power of two",
                                 default=None)


class ExperimentFile(_Section):
    """One experiment."""

    experiment: ExperimentSection
    data: DataSection
    geometry: Annotated[ReceptiveFields | WholeImage, Field(discriminator="kind")]
    formats: FormatsSection = _value("a table", "integer widths", default_factory=FormatsSection)
    device: dict[str, Any] = _value("a table", "the device of both stages; `[device.readout]` "
                                    "replaces it for the read-out", default_factory=dict)
    rules: RulesSection = _value("a table", "plasticity rules", default_factory=RulesSection)
    phases: list[Phase] = _value("a list of [[phases]]", "what is done, in order", min_length=1)
    build: BuildSection = _value("a table", "parallelism of the gateware",
                                 default_factory=BuildSection)
    energy: dict[str, Any] = _value("a table", "energy coefficients that replace the device's",
                                    default_factory=dict)


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with crosswall."""
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in _presets().iterdir()
                        if entry.name.endswith(".toml")))


def preset_text(name: str) -> str:
    """The experiment file of a preset; ExperimentError if there is none of that name."""
    if name not in preset_names():
        raise ExperimentError(f"no preset {name!r}{_did_you_mean(name, preset_names())}; presets "
                              f"are {', '.join(preset_names())}")
    return (_presets() / f"{name}.toml").read_text(encoding="utf-8")


def read(source: str) -> tuple[dict[str, Any], str, Path]:
    """The content of a preset or file: the mapping, what to call it in messages, its folder.

    Raises
    ------
    ExperimentError
        If there is no such preset or file, or it is not TOML.
    """
    if source in preset_names():
        return _parse(preset_text(source), f"preset {source}"), f"preset {source}", Path.cwd()
    path = Path(source)
    if path.suffix != ".toml" and not path.exists():
        raise ExperimentError(
            f"no preset or file {source!r}{_did_you_mean(source, preset_names())}; presets are "
            f"{', '.join(preset_names())}, an experiment file ends in .toml")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read ({error.strerror or error}); check the "
                              f"path") from error
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path}: is not UTF-8 text (byte {error.start}); an experiment "
                              f"file is TOML") from error
    return _parse(text, str(path)), str(path), path.resolve().parent


def validate(mapping: Mapping[str, Any], where: str) -> ExperimentFile:
    """The experiment in a mapping; ``where`` names it in messages.

    Raises
    ------
    ExperimentError
        For the first unknown key or wrong value.
    """
    try:
        file = ExperimentFile.model_validate(mapping)
    except ValidationError as error:
        raise ExperimentError(f"{where}: {_explain(error)}") from None
    for number, phase in enumerate(file.phases):
        _check_phase(phase, f"{where}: phases[{number}]")
    return file


def reference() -> str:
    """Every section and key as Markdown tables, for the documentation."""
    lines = []
    sections: list[tuple[str, type[BaseModel]]] = [
        ("[experiment]", ExperimentSection), ("[data]", DataSection),
        ("[geometry], kind = \"receptive-fields\"", ReceptiveFields),
        ("[geometry], kind = \"whole-image\"", WholeImage), ("[formats]", FormatsSection),
        ("[rules]", RulesSection), ("[[phases]], kind = \"cluster\"", ClusterPhase),
        ("[[phases]], kind = \"teach\"", TeachPhase),
        ("[[phases]], kind = \"online\"", OnlinePhase),
        ("[[phases]], kind = \"evaluate\"", EvaluatePhase), ("[build]", BuildSection)]
    for title, model in sections:
        lines += [f"### `{title}`", "", str(model.__doc__), "", "| key | value | default | meaning "
                  "|", "|---|---|---|---|"]
        for name, info in model.model_fields.items():
            if name == "kind":
                continue
            default = "required" if info.is_required() else _default(info)
            lines.append(f"| `{name}` | {_expected(info)} | {default} | {info.description} |")
        lines.append("")
    return "\n".join(lines)


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    return "" if value is None else f"`{value}`" if not isinstance(value, bool) \
        else f"`{str(value).lower()}`"


def _presets() -> Any:
    return resources.files(__package__) / "presets"


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExperimentError(f"{where}: is not valid TOML: {error}") from error


def _check_phase(phase: Phase, where: str) -> None:
    if isinstance(phase, EvaluatePhase):
        return
    if phase.samples is not None and phase.passes is not None:
        raise ExperimentError(f"{where}: has both samples = {phase.samples} and passes = "
                              f"{phase.passes}; expected one of them, remove the other")
    stages = [("clustering.", phase.clustering), ("readout.", phase.readout)] \
        if isinstance(phase, OnlinePhase) else [("", phase)]
    for name, stage in stages:
        boundaries = stage.boundaries
        if boundaries is None:
            continue
        if boundaries != sorted(set(boundaries)):
            raise ExperimentError(f"{where}.{name}boundaries = {boundaries}: expected rising "
                                  f"fractions of the phase; sort them")
        for key in ("pulse_lengths", "gate_shifts"):
            length = len(getattr(stage, key))
            if length not in (1, len(boundaries) + 1):
                raise ExperimentError(
                    f"{where}.{name}{key} has {length} entries: expected 1 or "
                    f"{len(boundaries) + 1}, as there are {len(boundaries)} boundaries")


def _did_you_mean(name: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _explain(error: ValidationError) -> str:
    """The first mistake in one line, and how many more there are."""
    problems = error.errors(include_url=False)
    # An unknown key comes first: it is often the reason why another one is missing.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    text = _explain_one(first["type"], first["loc"], first["input"], first.get("ctx", {}))
    more = len(problems) - 1
    return text + (f" (and {more} more mistake{'s' if more > 1 else ''})" if more else "")


def _explain_one(kind: str, location: tuple[int | str, ...], value: Any,
                 context: Mapping[str, Any]) -> str:
    trail = list(_walk(location))
    path = _path([key for key, _, _ in trail])
    if kind == "extra_forbidden":
        model = trail[-1][1]
        known = list(model.model_fields) if model else []
        return (f"unknown key {path}{_did_you_mean(str(location[-1]), known)}; expected one of "
                f"{', '.join(known)}")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        expected = f"one of {context.get('expected_tags', 'the known kinds')}" \
            if kind == "union_tag_invalid" else "a table with the key `kind`"
        given = f" = {context['tag']!r}" if "tag" in context else ""
        return f"{path}.kind{given}: expected {expected}" if given else \
            f"{path}.kind is missing; expected a table with the key `kind`"
    info = next((info for _, _, info in reversed(trail) if info is not None), None)
    expected = _expected(info) if info else str(context.get("expected", "another value"))
    meaning = f" ({info.description})" if info and info.description else ""
    if kind == "missing":
        return f"{path} is missing; expected {expected}{meaning}"
    return f"{path} = {_shown(value)}: expected {expected}{meaning}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) and "expected" in extra else "a table"


def _path(keys: list[int | str]) -> str:
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


def _walk(location: tuple[int | str, ...]
          ) -> Iterator[tuple[int | str, type[BaseModel] | None, FieldInfo | None]]:
    """Each key of an error's location with the model it belongs to and what is known of it.

    The tags that pydantic puts into locations of discriminated unions are left out.
    """
    candidates: list[type[BaseModel]] = [ExperimentFile]
    for key in location:
        tagged = [model for model in candidates if _tag(model) == key]
        if len(tagged) == 1 and not any(key in model.model_fields for model in candidates):
            candidates = tagged
            continue
        model = candidates[0] if len(candidates) == 1 else None
        info = model.model_fields.get(key) if model and isinstance(key, str) else None
        yield key, model, info
        if info is not None:
            candidates = list(_models(info.annotation))
        elif not isinstance(key, int):
            candidates = []


def _tag(model: type[BaseModel]) -> str | None:
    info = model.model_fields.get("kind")
    return get_args(info.annotation)[0] if info else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and not get_origin(annotation) \
            and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
