"""Devices from physics: a wall in collective coordinates, integrated into CrossSim's tables.

`domain_wall` has the equations and their closed forms, `integrator` solves them, `parameters` is
the file that describes a device, `monte_carlo` samples its pulse, and `compiled` writes what
`crosswall.device.load` reads.
"""

from .compiled import compile_device
from .domain_wall import DomainWall
from .monte_carlo import PulseStatistics, sample_pulse
from .parameters import DeviceParameters, parse, preset_names, preset_text, read

__all__ = [
    "DeviceParameters",
    "DomainWall",
    "PulseStatistics",
    "compile_device",
    "parse",
    "preset_names",
    "preset_text",
    "read",
    "sample_pulse",
]
