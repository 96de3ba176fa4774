"""DW-MTJ devices: from parameters or tables to the integer table of the machine, and to joules.

`load` and `from_mapping` give a `DeviceModel`; `compile` turns it into the
`crosswall.spec.device_table.DeviceTable` that twin and gateware use; `energy`
turns a ledger into joules. Every mistake of a user is a
`crosswall.errors.DeviceError`.
"""

from .description import describe, draw
from .energy import (
    WRITE_CORNERS,
    EnergyCoefficients,
    EnergyOperation,
    EnergyReport,
    EnergyStage,
    counter_difference,
    energy,
)
from .ideal import ideal
from .model import DeviceModel, compile  # noqa: A004
from .source import NAMES, from_mapping, load
from .table import read_devices

__all__ = [
    "NAMES",
    "WRITE_CORNERS",
    "DeviceModel",
    "EnergyCoefficients",
    "EnergyOperation",
    "EnergyReport",
    "EnergyStage",
    "compile",
    "counter_difference",
    "describe",
    "draw",
    "energy",
    "from_mapping",
    "ideal",
    "load",
    "read_devices",
]
