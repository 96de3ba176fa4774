"""The boards that crosswall knows, by name."""

from crosswall.errors import UsageError

from .arty_a7 import ArtyA7
from .board import Board, FpgaBoard
from .ecpix5 import Ecpix5, Ecpix5Small
from .icebreaker import IceBreaker
from .icepi_zero import IcepiZero
from .ulx3s import Ulx3s
from .versa_ecp5 import VersaEcp5
from .virtual import Virtual

__all__ = ["BOARDS", "find_board", "find_fpga_board"]

BOARDS: dict[str, Board] = {board.name: board for board in (
    Virtual(), IceBreaker(), IcepiZero(), Ulx3s(), VersaEcp5(), Ecpix5(), Ecpix5Small(),
    ArtyA7())}
"""Every board, by name."""


def find_board(name: str) -> Board:
    """Return the board called `name`. Raises UsageError that lists the names."""
    if name not in BOARDS:
        raise UsageError(f"no board `{name}`: expected one of {', '.join(BOARDS)}")
    return BOARDS[name]


def find_fpga_board(name: str) -> FpgaBoard:
    """Return the board called `name` if it has an FPGA. Raises UsageError if not."""
    board = find_board(name)
    if not isinstance(board, FpgaBoard):
        names = ", ".join(key for key, value in BOARDS.items() if isinstance(value, FpgaBoard))
        raise UsageError(f"board `{name}` has no bitstream: expected one of {names}")
    return board
