"""The virtual board: the gateware compiled by Verilator, behind a pseudo-terminal."""

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from ..board import Board, lanes_within, readout_lanes_within
from .process import BOARD_NAME, Statistics, VirtualBoard

__all__ = ["Statistics", "Virtual", "VirtualBoard"]


class Virtual(Board):
    """This machine, through Verilator."""

    name = BOARD_NAME
    description = "the gateware compiled by Verilator, behind a pseudo-terminal"

    def choose_build(self, network: Network) -> Build:
        """As parallel as pays in simulation."""
        return Build(lanes=lanes_within(network, 16),
                     readout_lanes=readout_lanes_within(network, 20), slots=8, packed=True,
                     overlap=True)
