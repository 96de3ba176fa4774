"""The experiment file: what it may say, and what it says when it is wrong.

The sections are strict (`crosswall.sections`): whatever is wrong is refused in one
line that names the file, the key, the value and what was expected. :func:`reference` lists every
key for the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from crosswall.data.encoding import MAX_FIELDS, MIN_FIELDS
from crosswall.errors import ExperimentError
from crosswall.sections import (
    Library,
    Section,
    integer,
    number,
    reference_table,
    validated,
    value,
)
from crosswall.spec.device_table import MAX_PULSE_SHIFT
from crosswall.spec.network import MAX_VARIANT_BITS
from crosswall.spec.race import (
    MAX_FIRE_THRESHOLD,
    MAX_INHIBITION,
    MAX_JITTER,
    MAX_REACH,
    MAX_STEPS,
    Race,
)
from crosswall.spec.sample import MAX_GATE_SHIFT

PULSE_LENGTHS = tuple(1 << shift for shift in range(MAX_PULSE_SHIFT + 1))
"""Pulse lengths that a schedule may use, in unit pulses."""

READ_BACK = ("class", "winners", "scores", "all")
"""What is read back of each sample: its class; also its winners; also its scores; both."""


class ExperimentSection(Section):
    """What the experiment is called and which random numbers it uses."""

    name: str = value("a name of letters, digits, `-` and `_`", "name of the run, for titles and "
                      "the output folder", pattern=r"^[A-Za-z0-9_-]+$")
    description: str = value("a text", "what the experiment is about", default="")
    seed: int = integer(0, 2**32 - 1, "seed of everything random", default=1)
    read_back: Literal["class", "winners", "scores", "all"] = value(
        "one of " + ", ".join(f"'{name}'" for name in READ_BACK),
        "what the board sends of each sample beside its class", default="winners")
    window: int | None = integer(1, 10**8, "samples of a window of the prequential curve; "
                                 "default: a fortieth of those taught, at least 20",
                                 default=None)


class TriangularSection(Section):
    """Each feature as its membership in overlapping triangles over its range in the training
    part."""

    kind: Literal["triangular"]
    fields: int = integer(MIN_FIELDS, MAX_FIELDS, "triangles, and so input lines, of each feature")


class ComplementSection(Section):
    """Each feature as itself, x, and as 255 − x: two input lines."""

    kind: Literal["complement"]


class DataSection(Section):
    """Which data, and how much of it."""

    source: str = value("a data set's name or path", "`digits`, another set's name, or the path "
                        "of an IDX folder, an NPZ or a CSV file (relative to this file); a path "
                        "has a `/` or an extension")
    shape: list[Annotated[int, Field(ge=1, le=65535)]] | None = value(
        "[height, width]", "image shape in pixels; default: as the data say", default=None,
        min_length=2, max_length=2)
    features: int | None = integer(1, 65535, "values of a sample that is no image; default: as "
                                   "the data say", default=None)
    classes: int | None = integer(2, 64, "number of classes; default: as the data say",
                                  default=None)
    label: str | int | None = value(
        "a column's name, or its number from 1", "which column of a CSV table has the labels; "
        "default: as its header says", default=None)
    encoding: Annotated[TriangularSection | ComplementSection,
                        Field(discriminator="kind")] | None = value(
        "a table", "how features become input lines, see `[data.encoding]`; default: a line each",
        default=None)
    label_noise: float = number(0, 1, "share of the training labels that are shown to the "
                                "machine as another class", default=0.0)
    test_fraction: float = number(0.01, 0.99, "share that is split off if the set has no test "
                                  "part", default=0.25)
    value_range: list[float] | None = value(
        "[lowest, highest]", "values that become pixels 0 and 255; default: as the data say",
        default=None, min_length=2, max_length=2)
    train: int | None = integer(1, 10**8, "training samples to use, drawn at random; default: "
                                "all", default=None)
    test: int | None = integer(1, 10**8, "test samples to use, drawn at random; default: all",
                               default=None)


_Encoding = Literal["contrast", "intensity"]


class _Geometry(Section):
    neurons: int = integer(2, 1024, "neurons of a clustering crossbar")
    winners: int = integer(1, 8, "best neurons of a position that become features", default=4)
    code_bits: Literal[1, 2, 4, 8] = value("1, 2, 4 or 8", "width of an input code", default=4)
    feature_bits: int = integer(1, 8, "width of the saturating feature counters", default=4)


class ReceptiveFields(_Geometry):
    """Geometries S and U: square receptive fields over an image."""

    kind: Literal["receptive-fields"]
    field: int = integer(1, 255, "side of a receptive field, in pixels")
    stride: int = integer(1, 255, "step between receptive fields, in pixels")
    regions: int = integer(1, 255, "regions along each side of the image")
    shared: bool = value("true or false", "true: one crossbar for all positions (S); false: one "
                         "each (U)", default=True)
    encoding: _Encoding = value("'contrast' or 'intensity'", "how pixels become codes",
                                default="contrast")


class WholeImage(_Geometry):
    """Geometry W: one crossbar whose lines are all inputs."""

    kind: Literal["whole-image"]
    encoding: _Encoding = value("'contrast' or 'intensity'", "how pixels become codes",
                                default="intensity")


class Groups(_Geometry):
    """Groups of neighbouring features of a table, each with its own region."""

    kind: Literal["groups"]
    group: int = integer(1, 65535, "features of a group")
    step: int = integer(1, 65535, "features from one group to the next; the last group ends with "
                        "the last feature")
    shared: bool = value("true or false", "true: one crossbar for all groups (S); false: one "
                         "each (U)", default=False)
    encoding: _Encoding = value("'contrast' or 'intensity'", "how input values become codes",
                                default="intensity")


class ArgmaxNeurons(Section):
    """The neurons with the largest currents less thresholds win: the default."""

    kind: Literal["argmax"]


class RacingNeurons(Section):
    """Physical neurons: their walls race to a threshold. Without leak, inhibition and jitter the
    race equals the argmax."""

    kind: Literal["race"]
    fire_threshold: int | None = integer(
        1, MAX_FIRE_THRESHOLD, "a wall at or above this fires; each step a wall advances by its "
        "neuron's current less its threshold; default: half of the largest current", default=None)
    steps: int = integer(1, MAX_STEPS, "longest race; the farthest walls win then",
                         default=Race.steps)
    leak: int = integer(0, 15, "each step walls fall back by 2^-leak of their way; 0: no leak",
                        default=Race.leak)
    inhibition_reach: int = integer(0, MAX_REACH, "neighbours on each side that hold a wall "
                                    "back while they are ahead; 0: none",
                                    default=Race.inhibition_reach)
    inhibition: int | None = integer(
        0, MAX_INHIBITION, "each step the nearest neighbour holds a wall back by its lead, at most "
        "by 2^inhibition, the next by half of that, …; default: about a sixty-fourth of the "
        "largest current", default=None)
    jitter: int = integer(0, MAX_JITTER, "each step walls jitter by 147.8 × 2^(jitter − 1), "
                          "standard deviation; 0: none", default=Race.jitter)


class FormatsSection(Section):
    """Integer widths of the machine."""

    wall_bits: int = integer(8, 16, "width of a wall position", default=12)
    threshold_bits: int = integer(8, 31, "width of an adaptive threshold", default=22)
    bin_bits: int = integer(0, 8, "wall bins of the device table, as a power of two", default=5)
    quantile_bits: int = integer(0, 7, "quantiles of a step's distribution, as a power of two",
                                 default=4)
    variant_bits: int | None = integer(0, MAX_VARIANT_BITS, "device variants, as a power of two; "
                                       "default: as many as hold all devices of both stages",
                                       default=None)


class RulesSection(Section):
    """Plasticity, homeostasis and teacher."""

    clustering_rule: Literal["match", "stdp"] = value(
        "'match' or 'stdp'", "how the winner's synapses follow a sample", default="match")
    stdp_probability: float = number(0, 65535 / 65536, "pulse probability of rule `stdp`",
                                     default=0.0625)
    silence: int = integer(0, 256, "a position whose peak is below this is skipped", default=12)
    threshold_rise: int | None = integer(0, 2**31 - 1, "the winner's threshold rises by this; "
                                         "default: the number of neurons", default=None)
    threshold_decay: int = integer(0, 2**31 - 1, "then every threshold falls by this", default=1)
    margin: int = integer(0, 2**31 - 1, "lead in score below which the read-out is taught; for "
                          "a device that moves by 2^k/256 of the track, this × 2^⌊k/2⌋",
                          default=6144)
    refinement_margin: int = integer(0, 2**31 - 1, "lead in current below which the label's best "
                                     "neuron and the best other are refined", default=16384)
    initial: Literal["random", "samples"] = value(
        "'random' or 'samples'", "clustering walls before the first sample: uniform over the "
        "track, or each neuron's as the codes of a training sample drawn at random",
        default="random")


class Plasticity(Section):
    """How long and how probable a stage's pulses are over a phase."""

    pulse_lengths: list[Literal[PULSE_LENGTHS]] = value(  # type: ignore[valid-type]
        f"a list of powers of two, 1 to {PULSE_LENGTHS[-1]}",
        "pulse lengths in unit pulses, one after the other; of clustering in 1/256 of the track: a "
        "device that moves farther gets shorter pulses, or fewer", default=[1], min_length=1)
    gate_shifts: list[Annotated[int, Field(ge=0, le=MAX_GATE_SHIFT)]] = value(
        f"a list of whole numbers, 0 to {MAX_GATE_SHIFT}",
        "a pulse's probability is halved this many times", default=[0], min_length=1)
    boundaries: list[Annotated[float, Field(gt=0, lt=1)]] | None = value(
        "rising fractions of the phase, between 0 and 1",
        "where the lists step to their next entry; default: equal steps", default=None)


class OnlinePlasticity(Plasticity):
    """A stage's pulses in an online phase, over which it may be frozen early."""

    until: int | None = integer(1, 10**8, "the stage learns from this many samples at the "
                                "beginning of the phase, over which the lists step, and is frozen "
                                "then; default: from all", default=None)


class _Stream(Section):
    """Which samples a phase presents, and as what."""

    name: str | None = value("a text of at most 40 characters", "what reports and plots call the "
                             "phase; default: its kind", default=None, min_length=1,
                             max_length=40)
    classes: list[Annotated[int, Field(ge=0, le=63)]] | None = value(
        "a list of different classes, 0 to 63", "only samples of these classes; default: all",
        default=None, min_length=1)
    permutation: int | None = integer(0, 2**32 - 1, "seed of a permutation of the samples' "
                                      "values that holds in this phase; default: none",
                                      default=None)
    shifts: int = integer(0, 254, "each presented image is moved at random by up to this many "
                          "pixels along each axis", default=0)
    mirror: bool = value("true or false", "each presented image is mirrored left to right with "
                         "probability 1/2", default=False)


class _Learning(_Stream):
    samples: int | None = integer(1, 10**8, "samples of the phase; default: `passes` over the "
                                  "training part", default=None)
    passes: int | None = integer(1, 10_000, "passes over the training part; default: 1, unless "
                                 "`samples` is given", default=None)
    portion: list[Annotated[float, Field(ge=0, le=1)]] | None = value(
        "[from, to], rising fractions from 0 to 1", "which part of the training samples, in an "
        "order at random, the phase may use; default: all", default=None, min_length=2,
        max_length=2)
    subset: int | None = integer(1, 10**8, "training samples that the phase may use; default: "
                                 "all", default=None)
    balanced: bool = value("true or false", "whether the subset has as many samples of each "
                           "class, as far as there are", default=False)


class ClusterPhase(_Learning, Plasticity):
    """Clustering learns without labels, unless it is guided; nothing is predicted."""

    kind: Literal["cluster"]
    guided: bool = value("true or false", "whether only neurons that stand for the sample's class "
                         "may learn; neuron n stands for class n modulo the classes",
                         default=False)


class RefinePhase(_Learning, Plasticity):
    """The teacher refines clustering: where the best neuron that stands for the sample's class
    does not lead by `refinement_margin`, its active lines are potentiated, those of the best
    other neuron are depressed. Nothing is predicted."""

    kind: Literal["refine"]


class TeachPhase(_Learning, Plasticity):
    """The read-out learns from labels; clustering is frozen."""

    kind: Literal["teach"]


class OnlinePhase(_Learning):
    """Both stages learn at once: each sample is predicted, then learned."""

    kind: Literal["online"]
    clustering: OnlinePlasticity = value("a table", "pulses of the clustering stage, see "
                                         "`clustering`, `readout`",
                                         default_factory=OnlinePlasticity)
    readout: OnlinePlasticity = value("a table", "pulses of the read-out stage, likewise",
                                      default_factory=OnlinePlasticity)
    rehearsal: float = number(0, 0.95, "share of the presented samples that are taught again from "
                              "earlier phases; they come on top of `samples` or `passes`",
                              default=0.0)
    rehearsal_buffer: int = integer(1, 10**8, "samples that the host keeps for it, of each class "
                                    "as many, as far as there are", default=2000)


class EvaluatePhase(_Stream):
    """Predict, learn nothing."""

    kind: Literal["evaluate"]
    part: Literal["test", "train"] = value("'test' or 'train'", "which part is predicted",
                                           default="test")


Phase = Annotated[ClusterPhase | RefinePhase | TeachPhase | OnlinePhase | EvaluatePhase,
                  Field(discriminator="kind")]


class BuildSection(Section):
    """How the gateware computes it; never changes a result. Default: as the board says."""

    lanes: int | None = integer(1, 1024, "clustering neurons in parallel, a power of two",
                                default=None)
    readout_lanes: int | None = integer(2, 128, "read-out synapses in one memory row, even",
                                        default=None)
    readout_memory: Literal["block", "single-port"] | None = value(
        "'block' or 'single-port'", "where the read-out's walls are kept", default=None)
    static_spread: bool | None = value("true or false", "whether devices can vary from synapse "
                                       "to synapse", default=None)
    compact: bool | None = value("true or false", "for small FPGAs: draws and pulses one at a "
                                 "time, products in DSP blocks", default=None)
    slots: int | None = integer(2, 64, "samples that the link holds, a power of two",
                                default=None)
    positions: int | None = integer(1, 64, "positions scored side by side; more than one needs as "
                                    "many lanes as neurons", default=None)
    overlap: bool | None = value("true or false", "whether a sample is read out while the next is "
                                 "clustered", default=None)
    packed: bool | None = value("true or false", "whether samples can come packed, which shortens "
                                "them on the wire", default=None)
    store: int | None = integer(0, 1 << 28, "bytes of the board's memory for samples, so that "
                                "they cross the wire once; 0: none", default=None)


class ExperimentFile(Section):
    """One experiment."""

    experiment: ExperimentSection
    data: DataSection
    geometry: Annotated[ReceptiveFields | WholeImage | Groups, Field(discriminator="kind")]
    neurons: Annotated[ArgmaxNeurons | RacingNeurons, Field(discriminator="kind")] = value(
        "a table", "how neurons compete", default_factory=lambda: ArgmaxNeurons(kind="argmax"))
    formats: FormatsSection = value("a table", "integer widths", default_factory=FormatsSection)
    device: dict[str, Any] = value("a table", "the device of both stages; `[device.readout]` "
                                   "replaces it for the read-out", default_factory=dict)
    rules: RulesSection = value("a table", "plasticity rules", default_factory=RulesSection)
    phases: list[Phase] = value("a list of [[phases]]", "what is done, in order", min_length=1)
    build: BuildSection = value("a table", "parallelism of the gateware",
                                default_factory=BuildSection)
    energy: dict[str, Any] = value("a table", "energy coefficients that replace the device's",
                                   default_factory=dict)


_PRESETS = Library(__package__, "experiment", "preset", "presets", ExperimentError)


def preset_names() -> tuple[str, ...]:
    """Names of the presets that come with crosswall."""
    return _PRESETS.names()


def preset_text(name: str) -> str:
    """The experiment file of a preset; ExperimentError if there is none of that name."""
    return _PRESETS.text(name)


def read(source: str) -> tuple[dict[str, Any], str, Path]:
    """The content of a preset or file: the mapping, what to call it in messages, its folder.

    Raises
    ------
    ExperimentError
        If there is no such preset or file, or it is not TOML.
    """
    return _PRESETS.read(source)


def validate(mapping: Mapping[str, Any], where: str) -> ExperimentFile:
    """The experiment in a mapping; ``where`` names it in messages.

    Raises
    ------
    ExperimentError
        For the first unknown key or wrong value.
    """
    file = validated(ExperimentFile, mapping, where, ExperimentError)
    teaching = False
    for index, phase in enumerate(file.phases):
        _check_phase(phase, f"{where}: phases[{index}]")
        if isinstance(phase, OnlinePhase) and phase.rehearsal and not teaching:
            raise ExperimentError(f"{where}: phases[{index}].rehearsal = {phase.rehearsal}: "
                                  f"expected an earlier phase that teaches; remove rehearsal")
        teaching |= isinstance(phase, TeachPhase | OnlinePhase)
    section = file.data
    if section.shape is not None and (section.features is not None
                                      or section.encoding is not None):
        other = "features" if section.features is not None else "encoding"
        raise ExperimentError(f"{where}: data has both shape and {other}; expected shape for "
                              f"images, or {other} for a table: remove one")
    return file


def reference() -> str:
    """Every section and key as Markdown tables, for the documentation."""
    lines: list[str] = []
    sections: list[tuple[str, type[BaseModel]]] = [
        ("[experiment]", ExperimentSection), ("[data]", DataSection),
        ("[data.encoding], kind = \"triangular\"", TriangularSection),
        ("[data.encoding], kind = \"complement\"", ComplementSection),
        ("[geometry], kind = \"receptive-fields\"", ReceptiveFields),
        ("[geometry], kind = \"whole-image\"", WholeImage),
        ("[geometry], kind = \"groups\"", Groups),
        ("[neurons], kind = \"argmax\"", ArgmaxNeurons),
        ("[neurons], kind = \"race\"", RacingNeurons), ("[formats]", FormatsSection),
        ("[rules]", RulesSection), ("[[phases]], kind = \"cluster\"", ClusterPhase),
        ("[[phases]], kind = \"refine\"", RefinePhase),
        ("[[phases]], kind = \"teach\"", TeachPhase),
        ("[[phases]], kind = \"online\"", OnlinePhase),
        ("[[phases]], kind = \"online\": clustering, readout", OnlinePlasticity),
        ("[[phases]], kind = \"evaluate\"", EvaluatePhase), ("[build]", BuildSection)]
    for title, model in sections:
        lines += reference_table(title, model)
    return "\n".join(lines)


def _check_phase(phase: Phase, where: str) -> None:
    if phase.classes is not None and len(set(phase.classes)) < len(phase.classes):
        raise ExperimentError(f"{where}.classes = {phase.classes}: expected different classes; "
                              f"name each once")
    if isinstance(phase, EvaluatePhase):
        return
    if phase.portion is not None and phase.portion[0] >= phase.portion[1]:
        raise ExperimentError(f"{where}.portion = {phase.portion}: expected rising fractions, "
                              f"such as [0.0, 0.5]")
    if phase.balanced and phase.subset is None:
        raise ExperimentError(f"{where}.balanced = true: expected a subset to balance; set "
                              f"subset, or remove balanced")
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
