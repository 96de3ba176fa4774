"""Boards as the host sees them: one interface for the twin, the virtual board and hardware."""

from .abstract import Board, Identity, Machine
from .open import (
    TWIN,
    VIRTUAL,
    WIRES,
    board_descriptions,
    find_board,
    open_board,
    open_port,
    virtual_board,
)
from .remote import BUILD_IT, RemoteBoard, check_network
from .twin import TwinBoard

__all__ = [
    "BUILD_IT",
    "TWIN",
    "VIRTUAL",
    "WIRES",
    "Board",
    "Identity",
    "Machine",
    "RemoteBoard",
    "TwinBoard",
    "board_descriptions",
    "check_network",
    "find_board",
    "open_board",
    "open_port",
    "virtual_board",
]
