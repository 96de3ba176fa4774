"""The virtual board: the gateware compiled by Verilator, behind a pseudo-terminal."""

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from ..board import Board, roomy_build
from .process import BOARD_NAME, Statistics, VirtualBoard

__all__ = ["MEMORY_BYTES", "Statistics", "Virtual", "VirtualBoard"]

MEMORY_BYTES = 1 << 25
"""Memory for samples: as much as a ULX3S has."""


class Virtual(Board):
    """This machine, through Verilator."""

    name = BOARD_NAME
    description = "the gateware compiled by Verilator, behind a pseudo-terminal"

    def choose_build(self, network: Network) -> Build:
        """As `roomy_build`, which is as parallel as pays in simulation."""
        return roomy_build(network, slots=8, store=MEMORY_BYTES)
