"""An experiment: its file, checked, and everything that follows from it."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from crosswall import data as datasets
from crosswall import device as devices
from crosswall.board import BUILD_IT, Machine
from crosswall.data import ComplementCoding, Dataset, FeatureEncoding, TriangularFields
from crosswall.data.labels import with_noise
from crosswall.device import DeviceModel, EnergyCoefficients, EnergyReport, EnergyStage
from crosswall.errors import DeviceError, ExperimentError
from crosswall.spec import network as networks
from crosswall.spec.build import Build, WallMemory
from crosswall.spec.device_table import DeviceTable
from crosswall.spec.network import Encoding, Network, Neuron
from crosswall.spec.race import MAX_FIRE_THRESHOLD, Race
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.twin import MachineState

from . import config
from .config import (
    ClusterPhase,
    ExperimentFile,
    Groups,
    RefinePhase,
    TriangularSection,
    WholeImage,
)
from .initial import walls_from_samples
from .pulses import PulseScale
from .schedule import Schedule, make_schedule, subset
from .variants import COUNTS, Variants, bits_for, check_all_used, notices, with_variants

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Seeds:
    """The seeds that an experiment's ``seed`` stands for, 32 bits each.

    They are the words of ``numpy.random.SeedSequence(seed).generate_state(6)``, which NumPy
    keeps stable: one that the machine draws pulses with (also its initial state), one for what
    is fixed at fabrication (spread, stuck devices), one for the order of the samples and
    subsets, one for splitting a set into training and test, one for moving and mirroring
    samples, one for label noise.
    """

    learning: int
    static: int
    order: int
    split: int
    augmentation: int
    labels: int

    @classmethod
    def derive(cls, seed: int) -> Seeds:
        """The seeds of an experiment's ``seed``."""
        return cls(*(int(word) for word in np.random.SeedSequence(seed).generate_state(6)))


@dataclass(frozen=True)
class Experiment:
    """A checked experiment.

    Parameters
    ----------
    file
        Its content.
    where
        What messages call it.
    folder
        What relative paths in it start from.
    data
        Where the data are looked for (option ``--data``).
    device_source
        What ``crosswall.device.load`` takes, in place of the file's devices (``--device``).
    variants
        What ``formats.variant_bits`` was replaced by (``--variants``).
    source
        What `load` was given; None if the experiment does not come from a preset or file.

    Every method raises ExperimentError, naming ``where``, for values that fit the file's format
    but not each other or the data.
    """

    file: ExperimentFile
    where: str
    folder: Path
    data: str | None = None
    device_source: str | None = None
    variants: Variants | None = None
    source: str | None = None

    @classmethod
    def load(cls, source: str) -> Experiment:
        """A preset by name, or a TOML file by path."""
        mapping, where, folder = config.read(source)
        return replace(cls.from_mapping(mapping, where, folder), source=source)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], where: str = "experiment",
                     folder: Path | None = None) -> Experiment:
        """An experiment from what a TOML file would hold."""
        experiment = cls(config.validate(mapping, where), where, folder or Path.cwd())
        experiment.check()
        return experiment

    def check(self) -> None:
        """Refuse what can be refused without the data.

        Raises
        ------
        ExperimentError, DeviceError
            For the first value that does not suit the others.
        """
        self.coefficients()
        section = self.file.data
        self._check_phases(section.classes, _pair(section.shape),
                           section.shape is not None or section.features is None)
        if section.classes and (section.shape or section.features):
            network = self.network()
            self.tables(network)
            self.build(network, Build(lanes=1, readout_lanes=2))

    def with_options(self, *, seed: int | None = None, train: int | None = None,
                     test: int | None = None, data: str | None = None,
                     label: str | int | None = None, read_back: str | None = None,
                     device: str | None = None, variants: Variants | None = None) -> Experiment:
        """This experiment with some values replaced; None keeps a value.

        Raises
        ------
        ExperimentError, DeviceError
            As for `check`; also if there are more devices than ``variants="all"`` has room for.
        """
        mapping = self.as_mapping()
        for section, key, value in (("experiment", "seed", seed), ("data", "train", train),
                                    ("data", "test", test), ("data", "label", label),
                                    ("experiment", "read_back", read_back)):
            if value is not None:
                mapping[section][key] = value
        if variants is not None:
            mapping["formats"] = with_variants(mapping.get("formats", {}), variants)
        changed = replace(self, file=config.validate(mapping, self.where),
                          data=self.data if data is None else data,
                          device_source=self.device_source if device is None else device,
                          variants=self.variants if variants is None else variants)
        changed.check()
        if variants == "all":
            check_all_used(changed.devices)
        return changed

    def as_mapping(self) -> dict[str, Any]:
        """What the experiment's TOML file holds; `from_mapping` takes it back."""
        return self.file.model_dump(exclude_unset=True)

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.file.experiment.name

    @property
    def seeds(self) -> Seeds:
        """Seeds of everything random."""
        return Seeds.derive(self.file.experiment.seed)

    @property
    def _data_source(self) -> str:
        source = self.file.data.source
        return str(self.folder / source) if datasets.is_path(source) else source

    def data_place(self) -> str:
        """Where the data are: the absolute path of their file or folder, or the name of a set that
        is built in; DataError if they are not found."""
        found = datasets.locate(self._data_source, self.data)
        return found.title if found.path is None else str(found.path.resolve())

    def load_data(self, notice: Callable[[str], None] = lambda line: None
                  ) -> tuple[Dataset, Dataset]:
        """Training and test part, limited to ``train`` and ``test`` samples; ``notice`` as in
        `crosswall.data.load`.

        Raises
        ------
        DataError
            If the data cannot be read.
        """
        section = self.file.data
        train, test = datasets.load(
            self._data_source, data=self.data, test_fraction=section.test_fraction,
            split_seed=self.seeds.split,
            value_range=_pair(section.value_range), shape=_pair(section.shape),
            classes=section.classes, label=section.label,
            encoding=self._encoding(), notice=notice)
        parts = []
        for key, part in (("train", train), ("test", test)):
            limit = getattr(section, key)
            if limit is not None and limit > len(part):
                raise ExperimentError(f"{self.where}: data.{key} = {limit}: expected at most the "
                                      f"{len(part)} samples of {part.name}; lower it")
            parts.append(part if limit is None else
                         part.take(subset(len(part), limit, self.seeds.order)))
        return parts[0], parts[1]

    def network(self, dataset: Dataset | None = None) -> Network:
        """The machine's geometry and formats.

        Parameters
        ----------
        dataset
            Gives classes, and image shape or features; needed unless the file has them.
        """
        section, geometry = self.file.data, self.file.geometry
        shape = _pair(section.shape) or (dataset.shape if dataset else None)
        classes = dataset.classes if dataset else section.classes
        encoding = self._encoding()
        lines = encoding.lines if encoding else 1
        features = dataset.pixels // lines if dataset else \
            shape[0] * shape[1] if shape else section.features
        if classes is None or features is None:
            raise ExperimentError(f"{self.where}: data.classes, and data.shape or data.features, "
                                  f"are missing; they are needed where the data are not read")
        if dataset and section.features not in (None, features):
            raise ExperimentError(f"{self.where}: data.features = {section.features}: the samples "
                                  f"of {dataset.name} have {features} features; correct it")
        formats = self.file.formats.model_dump() | geometry.model_dump(
            include={"winners", "code_bits", "feature_bits"})
        formats["variant_bits"] = self.variant_bits
        formats["encoding"] = Encoding[geometry.encoding.upper()]
        formats["neuron"] = Neuron(self.file.neurons.kind)
        formats["labelled_neurons"] = any(
            isinstance(phase, RefinePhase) or (isinstance(phase, ClusterPhase) and phase.guided)
            for phase in self.file.phases)
        try:
            if isinstance(geometry, WholeImage):
                return networks.whole_image(features * lines, classes, geometry.neurons, **formats)
            if isinstance(geometry, Groups):
                return networks.feature_groups(
                    features, classes, geometry.neurons, group=geometry.group,
                    step=geometry.step, lines=lines, shared=geometry.shared, **formats)
            if shape is None:
                raise ExperimentError(
                    f"{self.where}: geometry.kind = 'receptive-fields': expected images, but "
                    f"the samples have {features * lines} values and no shape; set data.shape or "
                    f"use kind = 'groups' or 'whole-image'")
            return networks.receptive_fields(
                shape[0], shape[1], classes, geometry.neurons, field=geometry.field,
                stride=geometry.stride, regions=geometry.regions, shared=geometry.shared,
                **formats)
        except ValueError as error:
            raise ExperimentError(f"{self.where}: geometry: {error}") from error

    def _encoding(self) -> FeatureEncoding | None:
        section = self.file.data.encoding
        if section is None:
            return None
        return TriangularFields(section.fields) if isinstance(section, TriangularSection) \
            else ComplementCoding()

    def _check_phases(self, classes: int | None, shape: tuple[int, int] | None,
                      images: bool) -> None:
        """Refuse classes, shifts and mirroring that do not suit the data, as far as known."""
        for number, phase in enumerate(self.file.phases):
            where = f"{self.where}: phases[{number}]"
            for place, label in enumerate(phase.classes or ()):
                if classes is not None and label >= classes:
                    raise ExperimentError(f"{where}.classes[{place}] = {label}: expected a class "
                                          f"of the data, 0 to {classes - 1}")
            key = "shifts" if phase.shifts else "mirror" if phase.mirror else None
            if key is not None and not images:
                value = str(getattr(phase, key)).lower()
                raise ExperimentError(f"{where}.{key} = {value}: expected images, but the samples "
                                      f"have no shape; set data.shape, or remove {key}")
            if shape is not None and phase.shifts >= min(shape):
                raise ExperimentError(f"{where}.shifts = {phase.shifts}: expected less than the "
                                      f"{min(shape)} pixels of the image's shorter side")

    def build(self, network: Network, default: Build) -> Build:
        """How a board computes the network: its default, with what ``[build]`` says."""
        chosen = self.file.build.model_dump(exclude_none=True)
        if "readout_memory" in chosen:
            chosen["readout_memory"] = WallMemory(chosen["readout_memory"])
        build = replace(default, **chosen)
        try:
            build.check_fits(network)
        except ValueError as error:
            raise ExperimentError(f"{self.where}: build: {error}") from error
        return build

    def rules(self, network: Network) -> Rules:
        """The rules of plasticity and neurons with the experiment's seeds."""
        section, neurons = self.file.rules, self.file.neurons
        rise = section.threshold_rise
        return Rules(
            seed=self.seeds.learning, static_seed=self.seeds.static,
            threshold_rise=self.file.geometry.neurons if rise is None else rise,
            margin=self.scales(network)["readout"].margin(section.margin),
            refinement_margin=section.refinement_margin, threshold_decay=section.threshold_decay,
            silence=section.silence, clustering_rule=ClusteringRule(section.clustering_rule),
            stdp_probability=round(section.stdp_probability * 65536),
            race=Race(**{"fire_threshold": min(network.current_max // 2, MAX_FIRE_THRESHOLD),
                         "inhibition": (network.current_max >> 6).bit_length()}
                      | neurons.model_dump(exclude={"kind"}, exclude_none=True)))

    @functools.cached_property
    def devices(self) -> tuple[DeviceModel, DeviceModel]:
        """The devices of clustering and read-out, as many of each as there are variants, read
        once; DeviceError if one is wrong."""
        if self.device_source is not None:
            device = devices.load(self.device_source, limit=self._most_devices)
            return device, device
        mapping = dict(self.file.device)
        readout = mapping.pop("readout", mapping)
        return self._device("device", mapping), self._device("device.readout", readout)

    def _device(self, section: str, mapping: Any) -> DeviceModel:
        if not isinstance(mapping, dict):
            raise ExperimentError(f"{self.where}: {section} = {mapping!r}: expected a table")
        try:
            return devices.from_mapping(mapping or {"kind": "ideal"}, base=self.folder,
                                        limit=self._most_devices)
        except DeviceError as error:
            raise DeviceError(f"{self.where}: [{section}]: {error}") from error

    @property
    def variant_bits(self) -> int:
        """Device variants as a power of two: as the file says, else as many as hold the devices of
        both stages."""
        chosen = self.file.formats.variant_bits
        return max(bits_for(each.devices) for each in self.devices) if chosen is None else chosen

    @property
    def _most_devices(self) -> int:
        chosen = self.file.formats.variant_bits
        return COUNTS[-1] if chosen is None else COUNTS[chosen]

    def device_notices(self) -> list[str]:
        """What a user should know of the devices before a run: a line each."""
        return notices(self.devices, COUNTS[self.variant_bits])

    def board_remedy(self, board: str) -> str:
        """What to do about a board that holds another network: the commands, if it is known what
        the experiment was loaded from."""
        if self.source is None:
            return BUILD_IT
        return (f"build and flash it: `{self.board_command('build', board)}` and "
                f"`{self.board_command('flash', board)}`")

    def board_command(self, verb: str, board: str) -> str:
        """The call of ``crosswall build`` or ``flash`` that makes ``board`` fit this experiment,
        as it was loaded."""
        section = self.file.data
        options = {"device": self.device_source, "variants": self.variants}
        if verb == "build" and not (section.shape and section.classes):
            options["data"] = self.data
        return shlex.join(["crosswall", verb, board, str(self.source), *(
            word for name, value in options.items() if value is not None
            for word in (f"--{name}", str(value)))])

    def tables(self, network: Network) -> tuple[DeviceTable, DeviceTable]:
        """The integer tables of clustering and read-out devices."""
        formats = (network.wall_bits, network.bin_bits, network.quantile_bits,
                   network.variant_bits)
        clustering, readout = self.devices
        return devices.compile(clustering, *formats), devices.compile(readout, *formats)

    def scales(self, network: Network) -> dict[str, PulseScale]:
        """How the devices' pulses stand to the schedule's, by stage."""
        return dict(zip(("clustering", "readout"), map(PulseScale.of, self.tables(network)),
                        strict=True))

    def coefficients(self) -> tuple[EnergyCoefficients, EnergyCoefficients]:
        """The energy coefficients of clustering and read-out; DeviceError if one is wrong."""
        clustering, readout = self.devices
        try:
            return (EnergyCoefficients.of(clustering, self.file.energy),
                    EnergyCoefficients.of(readout, self.file.energy))
        except DeviceError as error:
            raise DeviceError(f"{self.where}: [energy]: {error}") from error

    def energy(self, counters: Sequence[int], network: Network) -> EnergyReport:
        """Joules of a ledger, or of the difference of two, each stage by its own device."""
        clustering, readout = (devices.energy(counters, coefficients, network)
                               for coefficients in self.coefficients())
        return EnergyReport({place: (clustering if place[0] == EnergyStage.CLUSTERING
                                     else readout).joules[place] for place in clustering.joules})

    def shown_labels(self, train: Dataset) -> np.ndarray:
        """Labels of the training part as the machine is taught them, ``int64[n]``: the true ones
        but for ``label_noise``."""
        return with_noise(train.labels, train.classes, self.file.data.label_noise,
                          self.seeds.labels)

    def schedule(self, train: Dataset, test: Dataset, limit: int | None = None) -> Schedule:
        """Header of every sample; ``limit`` as in `make_schedule`."""
        network = self.network(train)
        self._check_phases(train.classes, train.shape, train.shape is not None)
        try:
            return make_schedule(
                self.file.phases, train.labels, test.labels, order_seed=self.seeds.order,
                augmentation_seed=self.seeds.augmentation, shown_labels=self.shown_labels(train),
                read_back=self.file.experiment.read_back, limit=limit,
                scales=self.scales(network))
        except ExperimentError as error:
            raise ExperimentError(f"{self.where}: {error}") from error

    def initial_state(self, machine: Machine, train: Dataset) -> MachineState:
        """The state before the first sample, as ``rules.initial`` says; ``train`` is the
        training part."""
        state = machine.initial_state()
        if self.file.rules.initial == "samples":
            walls_from_samples(machine.network, machine.rules, state, train.samples)
        return state


def _pair(values: Sequence[Number] | None) -> tuple[Number, Number] | None:
    return None if values is None else (values[0], values[1])
