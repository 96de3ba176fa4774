"""A DW-MTJ synapse in physical units, and its compilation into an integer table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crosswall.errors import DeviceError
from crosswall.spec.device_table import GAIN_BITS, GAIN_ENTRIES, GAIN_ONE, STEP_BITS, DeviceTable

from .slices import Floats, gaussian_slice_means, interval_means, round_keeping_sum

SLICES = 512
"""Equiprobable slices of a model's step distribution: a multiple of every table's quantiles."""

MAX_GAIN_SPREAD = 0.5
"""Largest static spread: beyond it the weakest sixteenth of the devices would step backwards."""

MAX_CONDUCTANCE = 0.05
"""Siemens. Prototypes of domain-wall junctions have 29 Ω µm² (Alamdar et al., Appl. Phys. Lett.
118, 112401 (2021)), so 50 mS is a junction of 1.5 µm², larger than any track's; tables of 60 to
190 µS read as siemens in place of milli are beyond it."""

HIGH_CONDUCTANCE = 1e-3
"""Siemens: five times what the micromagnetic tables reach. More is possible, but worth a remark."""


@dataclass(frozen=True, eq=False)
class DeviceModel:
    """What one pulse does to a synapse, and what the synapse conducts.

    The state is the wall's position on its track, 0 to 1; the conductance is affine in it,
    ``conductance_min`` at 0 and ``conductance_max`` at 1.

    Parameters
    ----------
    name
        For reports and error messages.
    positions
        [points], from 0 to 1, strictly increasing. Between them steps are interpolated.
    steps
        [devices, 2, points, SLICES]: the step of a unit pulse as a signed fraction of the range,
        by device, `Direction`, position and equiprobable slice (conditional means, ascending).
    conductance_min, conductance_max
        Siemens.
    scalable_pulses
        Whether a pulse of ``n`` unit lengths moves the wall by ``n`` unit steps. False for
        measured or simulated tables, which know one pulse only.
    gain_spread
        Relative standard deviation of the step from synapse to synapse (Gaussian), 0 to 0.5.
    stuck_share
        Share of synapses whose wall never moves, 0 to 1.
    provenance
        Where the numbers come from: one line.
    write_energy
        Joules of a unit pulse, 0 to 1, if the source knows it.
    left_out
        Devices of the source that the model was not made from.
    remarks
        What may be wrong with the source: a line each.

    Raises
    ------
    DeviceError
        Naming the device and the value that is out of range.
    """

    name: str
    positions: Floats
    steps: Floats
    conductance_min: float
    conductance_max: float
    scalable_pulses: bool = True
    gain_spread: float = 0.0
    stuck_share: float = 0.0
    provenance: str = "unknown"
    write_energy: float | None = None
    left_out: int = 0
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        points = len(self.positions)
        if points < 2 or self.positions[0] != 0 or self.positions[-1] != 1 \
                or np.any(np.diff(self.positions) <= 0):
            raise DeviceError(f"device `{self.name}`: positions must increase from 0 to 1, "
                              f"at least two: got {points}")
        if self.steps.ndim != 4 or self.steps.shape[1:] != (2, points, SLICES) \
                or not len(self.steps):
            raise DeviceError(f"device `{self.name}`: steps must have the shape [devices, 2, "
                              f"{points}, {SLICES}]: got {list(self.steps.shape)}")
        if not np.all(np.isfinite(self.steps)):
            raise DeviceError(f"device `{self.name}`: every step must be a finite number")
        check_number("conductance_min", self.conductance_min, 0, MAX_CONDUCTANCE)
        check_number("conductance_max", self.conductance_max, 0, MAX_CONDUCTANCE)
        if self.conductance_max <= self.conductance_min:
            raise DeviceError(f"device `{self.name}`: conductance_max must be above "
                              f"conductance_min {self.conductance_min:g} S: got "
                              f"{self.conductance_max:g} S")
        check_number("spread", self.gain_spread, 0, MAX_GAIN_SPREAD)
        check_number("stuck", self.stuck_share, 0, 1)
        if self.write_energy is not None:
            check_number("write_energy", self.write_energy, 0, 1)
        for array in (self.positions, self.steps):
            array.flags.writeable = False

    @property
    def devices(self) -> int:
        """Devices that the model was made from; each becomes a variant."""
        return len(self.steps)

    def notices(self) -> tuple[str, ...]:
        """What a user should know before the device is used: a line each."""
        high = () if self.conductance_max <= HIGH_CONDUCTANCE else (
            f"device {self.name} conducts up to {self.conductance_max * 1e3:.3g} mS, more than "
            f"domain-wall junctions mostly do; check the unit of its conductances",)
        return (*self.remarks, *high)


def shown(value: object) -> str:
    """A user's value for a message, whatever it is: its beginning."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits, a nest of lists
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= 60 else text[:57] + "..."


def check_number(name: str, value: object, low: float, high: float) -> float:
    """Return ``value`` as a float; DeviceError unless it is a number from ``low`` to ``high``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise DeviceError(f"device parameter `{name}` must be a number from {low:g} to {high:g}: "
                          f"got {shown(value)}")
    return float(value)


def compile(model: DeviceModel, wall_bits: int, bin_bits: int, quantile_bits: int,  # noqa: A001
            variant_bits: int) -> DeviceTable:
    """The integer table of a device.

    The entry of a quantile is the mean of the step within that quantile and over the bin's
    positions, in wall units (the range is ``2**wall_bits - 1`` of them). Entries are rounded so
    that the mean step of each bin is exact to half a unit divided by the number of quantiles.
    Variant ``v`` is device ``v % model.devices``.

    Parameters
    ----------
    wall_bits, bin_bits, quantile_bits, variant_bits
        The network's formats: 8 to 16, 0 to 8, 0 to 7 and 0 to 4.

    Raises
    ------
    DeviceError
        If a step is too large for a table entry, or so small that the table is all zeros; or if
        the model has more devices than there are variants.
    """
    for name, value, low, high in (("wall_bits", wall_bits, 8, 16), ("bin_bits", bin_bits, 0, 8),
                                   ("quantile_bits", quantile_bits, 0, 7),
                                   ("variant_bits", variant_bits, 0, 4)):
        check_number(name, value, low, high)
    variants = 1 << variant_bits
    if model.devices > variants:
        raise DeviceError(f"device `{model.name}`: variant_bits = {variant_bits} has room for "
                          f"{variants} of its {model.devices} devices; raise it, or load fewer")
    edges = np.linspace(0, 1, (1 << bin_bits) + 1)
    by_position = np.moveaxis(model.steps, 2, 0)
    by_bin = np.moveaxis(interval_means(model.positions, by_position, edges), 0, 2)
    by_quantile = by_bin.reshape(*by_bin.shape[:3], 1 << quantile_bits, -1).mean(axis=-1)
    integers = round_keeping_sum(by_quantile * ((1 << wall_bits) - 1))

    largest = int(np.abs(integers).max())
    if largest >= 1 << STEP_BITS - 1:
        raise DeviceError(f"device `{model.name}`: a unit pulse moves the wall by up to {largest} "
                          f"wall units, a table entry holds {(1 << STEP_BITS - 1) - 1}; "
                          f"use fewer than wall_bits = {wall_bits} or a smaller step")
    if not np.all(np.any(integers, axis=(2, 3))):
        raise DeviceError(f"device `{model.name}`: the mean step is below what "
                          f"{1 << quantile_bits} quantiles resolve at wall_bits = {wall_bits}; "
                          "use more wall_bits (up to 16) or a larger step")
    repeated = integers[np.arange(variants) % len(integers)]
    gains = round_keeping_sum(
        (1 + model.gain_spread * gaussian_slice_means(GAIN_ENTRIES)) * GAIN_ONE)
    return DeviceTable(
        wall_bits=wall_bits, bin_bits=bin_bits, quantile_bits=quantile_bits,
        variant_bits=variant_bits,
        steps=tuple(repeated.ravel().tolist()),
        gains=tuple(np.clip(gains, 0, (1 << GAIN_BITS) - 1).tolist()),
        stuck_threshold=min(round(model.stuck_share * 65536), 0xFFFF),
        scalable_pulses=model.scalable_pulses, name=model.name)
