"""crosswall: hardware-in-the-loop emulation of a DW-MTJ learning machine."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("crosswall")
except PackageNotFoundError:  # imported from a source tree that is not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
