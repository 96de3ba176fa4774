"""From the energy ledger to joules.

Reads follow the ledger's weights: a code ``v`` of at most ``v_max`` opens a
synapse of conductance ``G`` for ``v / v_max`` of the code time ``t`` at the read
voltage ``V``, which takes ``V² · G · t · v / v_max``. Everything else is a count
times a coefficient.

*Device* energy is what the synapse arrays take: reads, state reads and writes.
*With periphery* adds the neurons and the analogue periphery. Energies are
linear in the counters, so the energy of a part of a run (learning without
evaluation, say) is the energy of the difference of two ledgers
(`counter_difference`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from crosswall.errors import DeviceError
from crosswall.spec.ledger import COUNTER_BITS, COUNTERS, Counter
from crosswall.spec.network import CONDUCTANCE_BITS, Network

from .model import DeviceModel, check_number

Counters = Sequence[int] | Mapping[Counter, int]
"""A ledger: integers by `Counter`, all of them."""

WRITE_CORNERS = {
    "nominal": 1e-15,
    "simulation": 5e-15,
    "notch": 68e-15,
    "prototype": 16e-12,
}
"""Joules of one unit pulse. *nominal*: design target of a nanometre-scale synapse.
*simulation*: the order that published simulations of DW-MTJ synapses give. *notch*: derived, one
step between notches by 0.7 ns of 4×10¹¹ A/m². *prototype*: micrometre-scale devices as
fabricated."""


@dataclass(frozen=True)
class EnergyCoefficients:
    """What each operation takes, in SI units.

    Parameters
    ----------
    conductance_min, conductance_max
        Siemens, from the device (`EnergyCoefficients.of`).
    read_voltage
        Volts across a synapse while it is read. Default 0.1 V, low enough that a read does not
        move the wall.
    code_time
        Seconds that the largest code opens a line. Default 1 ns. With 60 to 120 µS a read at full
        amplitude takes 0.6 to 1.2 fJ.
    write_energy
        Joules of a unit pulse, whatever its direction. Default what the device knows (a compiled
        one with a conductor does), else 1 fJ, nominal; `WRITE_CORNERS` has the others, over four
        decades.
    state_read_pulses
        Full-amplitude reads that one state read of the *match* rule takes, at the mean of the
        two conductances (the ledger counts state reads, it does not weigh them). Default 1.
    fire_energy
        Joules of a neuron's fire. Default 0.24 pJ, the design's figure for a DW-MTJ neuron with
        its firing junction.
    reset_energy
        Joules of returning a neuron's wall. Default 0: the wall drifts back by the shape of its
        track (Brigner et al., IEEE Trans. Electron Devices 66, 4970, 2019).
    inhibition_energy
        Joules of holding one neuron back. Default 0: stray fields between the tracks do it
        (Hassan et al., J. Appl. Phys. 124, 152127, 2018).
    periphery_energy
        Joules of the analogue periphery (drivers, sensing, conversion) for each synapse read.
        Default 11 fJ, a proxy: the cost of a multiply-accumulate in an analogue accelerator.

    Raises
    ------
    DeviceError
        Naming the coefficient and its range.
    """

    conductance_min: float
    conductance_max: float
    read_voltage: float = 0.1
    code_time: float = 1e-9
    write_energy: float = WRITE_CORNERS["nominal"]
    state_read_pulses: float = 1.0
    fire_energy: float = 0.24e-12
    reset_energy: float = 0.0
    inhibition_energy: float = 0.0
    periphery_energy: float = 11e-15

    def __post_init__(self) -> None:
        limits = {"read_voltage": 10.0, "state_read_pulses": 1000.0}
        for field in fields(self):
            check_number(field.name, getattr(self, field.name), 0, limits.get(field.name, 1.0))
        if self.conductance_max < self.conductance_min:
            raise DeviceError(f"device parameter `conductance_max` must be at least "
                              f"conductance_min {self.conductance_min:g}: got "
                              f"{self.conductance_max:g}")

    @classmethod
    def of(cls, model: DeviceModel, settings: Mapping[str, Any] | None = None
           ) -> EnergyCoefficients:
        """The coefficients of a device: its conductances and its write energy if it knows that,
        and ``settings`` over the defaults.

        ``settings`` may name every coefficient but the conductances; ``write_energy`` may be a
        name of `WRITE_CORNERS`. DeviceError lists what is allowed.
        """
        settings = dict(settings or {})
        allowed = [field.name for field in fields(cls) if "conductance" not in field.name]
        for key in settings:
            if key not in allowed:
                raise DeviceError(f"unknown energy coefficient `{key}`; allowed are "
                                  f"{', '.join(allowed)}")
        corner = settings.get("write_energy")
        if isinstance(corner, str):
            if corner not in WRITE_CORNERS:
                raise DeviceError(f"device parameter `write_energy` must be joules or one of "
                                  f"{', '.join(WRITE_CORNERS)}: got {corner!r}")
            settings["write_energy"] = WRITE_CORNERS[corner]
        elif corner is None and model.write_energy is not None:
            settings["write_energy"] = model.write_energy
        return cls(model.conductance_min, model.conductance_max, **settings)

    def at_corner(self, corner: str) -> EnergyCoefficients:
        """The same with the write energy of a corner; KeyError unless in `WRITE_CORNERS`."""
        return replace(self, write_energy=WRITE_CORNERS[corner])

    def read_energy(self, conductance: float) -> float:
        """Joules of one full-amplitude read of a synapse of ``conductance`` siemens."""
        return self.read_voltage**2 * conductance * self.code_time

    @property
    def state_read_energy(self) -> float:
        """Joules of one state read."""
        mean = (self.conductance_min + self.conductance_max) / 2
        return self.state_read_pulses * self.read_energy(mean)


class EnergyStage(enum.StrEnum):
    """Where energy goes."""

    CLUSTERING = "clustering"
    READOUT = "readout"


class EnergyOperation(enum.StrEnum):
    """What energy is for."""

    READ = "read"
    STATE_READ = "state_read"
    POTENTIATE = "potentiate"
    DEPRESS = "depress"
    FIRE = "fire"
    RESET = "reset"
    INHIBITION = "inhibition"
    PERIPHERY = "periphery"


DEVICE_OPERATIONS = (EnergyOperation.READ, EnergyOperation.STATE_READ, EnergyOperation.POTENTIATE,
                     EnergyOperation.DEPRESS)
"""What the synapse arrays take."""

NEURON_OPERATIONS = (EnergyOperation.FIRE, EnergyOperation.RESET, EnergyOperation.INHIBITION)
"""What the neurons take."""


@dataclass(frozen=True)
class EnergyReport:
    """Joules by stage and operation (every pair is present), and their sums."""

    joules: Mapping[tuple[EnergyStage, EnergyOperation], float]

    def total(self, *operations: EnergyOperation, stage: EnergyStage | None = None) -> float:
        """Joules of some operations (all, if none is named) in one stage or in both."""
        return sum(joules for (where, what), joules in self.joules.items()
                   if (stage is None or where == stage) and (not operations or what in operations))

    @property
    def device(self) -> float:
        """Joules of the synapse arrays: reads, state reads and writes."""
        return self.total(*DEVICE_OPERATIONS)

    @property
    def neurons(self) -> float:
        """Joules of the neurons: fires, resets and inhibition."""
        return self.total(*NEURON_OPERATIONS)

    @property
    def periphery(self) -> float:
        """Joules of the analogue periphery."""
        return self.total(EnergyOperation.PERIPHERY)

    @property
    def with_periphery(self) -> float:
        """Joules of everything: arrays, neurons and analogue periphery."""
        return self.total()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for reports: the sums, and ``breakdown[stage][operation]``, in joules."""
        return {
            "device": self.device, "neurons": self.neurons, "periphery": self.periphery,
            "with_periphery": self.with_periphery,
            "breakdown": {stage.value: {operation.value: self.joules[stage, operation]
                                        for operation in EnergyOperation}
                          for stage in EnergyStage},
        }


def counter_difference(after: Counters, before: Counters) -> tuple[int, ...]:
    """What was counted between two ledgers, although counters wrap."""
    return tuple((int(after[counter]) - int(before[counter])) % (1 << COUNTER_BITS)
                 for counter in Counter)


def energy(counters: Counters, coefficients: EnergyCoefficients, network: Network) -> EnergyReport:
    """Joules that the counted operations would take in an analogue array.

    Parameters
    ----------
    counters
        A ledger, or the difference of two.
    coefficients
        SI coefficients, one device for both stages.
    network
        For the full amplitude of input codes and of features.

    Raises
    ------
    ValueError
        If the ledger does not have all counters.
    """
    if len(counters) != COUNTERS:
        raise ValueError(f"a ledger has {COUNTERS} counters: got {len(counters)}")
    code_max = {EnergyStage.CLUSTERING: (1 << network.code_bits) - 1,
                EnergyStage.READOUT: network.feature_max}
    lowest = coefficients.read_energy(coefficients.conductance_min)
    span = coefficients.read_energy(coefficients.conductance_max) - lowest
    joules: dict[tuple[EnergyStage, EnergyOperation], float] = {}
    for stage in EnergyStage:

        def count(name: str, stage: EnergyStage = stage) -> int:
            return int(counters[Counter[f"{stage.name}_{name}"]])

        # The read-out's teacher chooses from features alone: it reads no state.
        state_reads = count("STATE_READS") if stage is EnergyStage.CLUSTERING else 0
        charge = count("READ_CHARGE") / ((1 << CONDUCTANCE_BITS) - 1)
        joules |= {
            (stage, EnergyOperation.READ):
                (count("READ_DRIVE") * lowest + charge * span) / code_max[stage],
            (stage, EnergyOperation.STATE_READ): state_reads * coefficients.state_read_energy,
            (stage, EnergyOperation.POTENTIATE):
                count("POTENTIATION_LENGTH") * coefficients.write_energy,
            (stage, EnergyOperation.DEPRESS):
                count("DEPRESSION_LENGTH") * coefficients.write_energy,
            (stage, EnergyOperation.FIRE): count("FIRES") * coefficients.fire_energy,
            (stage, EnergyOperation.RESET): count("RESETS") * coefficients.reset_energy,
            (stage, EnergyOperation.INHIBITION):
                count("INHIBITIONS") * coefficients.inhibition_energy,
            (stage, EnergyOperation.PERIPHERY):
                (count("READS") + state_reads * coefficients.state_read_pulses)
                * coefficients.periphery_energy,
        }
    return EnergyReport(joules)
