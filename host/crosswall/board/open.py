"""From what a user calls a board to an open board."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from crosswall.compiling import tell_without_cache
from crosswall.errors import BoardError, ToolError, UsageError
from crosswall.link import SerialTransport
from crosswall.spec.build import Build
from crosswall.spec.network import Network

from .abstract import Board, Machine
from .remote import RemoteBoard
from .twin import TwinBoard

if TYPE_CHECKING:
    from crosswall_boards.virtual import VirtualBoard

TWIN, VIRTUAL = "twin", "virtual"

WIRES = ("uart", "bytes")
"""Wires of the virtual board."""

DEFAULT_BAUD = 3_000_000
"""Bits per second of a port, unless the board's file says otherwise."""

ChooseBuild = Callable[[Network, Build], Build]
"""From a board's default build to the one that is wanted."""


def open_board(name: str | None, machine: Machine, *, port: str | None = None,
               baud: int | None = None, wire: str | None = None,
               replay: bool | None = None,
               choose_build: ChooseBuild = lambda network, build: build,
               progress: Callable[[str], None] = lambda line: None) -> Board:
    """Open a board for a machine.

    Parameters
    ----------
    name
        ``twin``, ``virtual``, a board of `crosswall_boards`, or None for whatever is at
        ``port`` (the twin if there is no port).
    port, baud
        Serial port of a board that is plugged in.
    wire
        Of the virtual board: ``uart`` (default) or ``bytes``.
    replay
        Whether samples that come again are learned from the board's memory (default: yes); see
        `RemoteBoard`.
    choose_build
        Build of the virtual board.
    progress
        Called with a line for each stage of building the virtual board, or if the twin's compiled
        code cannot be kept.

    Raises
    ------
    UsageError
        If there is no board of that name, or an option has no effect on this one.
    ToolError
        If the virtual board cannot be built.
    LinkError, BoardError
        If the board does not answer, or is another.
    """
    if name is None and port is None:
        name = TWIN
    if name is not None and name not in (known := board_descriptions()):
        raise UsageError(f"no board {name!r}; boards are {', '.join(known)}")
    _refuse_without_effect(name, port=port, baud=baud, wire=wire, replay=replay)
    if name == TWIN:
        return _open_twin(machine, progress)
    replay = replay is not False
    if name == VIRTUAL:
        return _open_virtual(machine.network, wire or WIRES[0], replay, choose_build, progress)
    if port is None:
        raise UsageError(f"--board {name}: which port is it at? Add --port DEVICE")
    if name is not None and baud is None:
        baud = find_board(name).baud
    board = open_port(port, baud, replay=replay)
    if name is not None and board.name != name:
        answered = board.name
        board.close()
        raise BoardError(f"board {answered} answers at {port}, expected {name}; choose another "
                         f"port or board")
    return board


def _refuse_without_effect(name: str | None, **given: object) -> None:
    """Raise UsageError for an option that a board has no use for."""
    board = f"board {name}" if name else "a board at a port"
    unused = {TWIN: ("port", "baud", "wire", "replay"), VIRTUAL: ("port", "baud")}
    for option in unused.get(name or "", ("wire",)):
        value = given[option]
        if value is None:
            continue
        shown = f"--{option} {value}" if not isinstance(value, bool) else \
            f"--{option}" if value else f"--no-{option}"
        raise UsageError(f"{shown} has no effect: {board} has no {_MISSED[option]}; remove it, or "
                         "name another board")


_MISSED = {"port": "port", "baud": "serial line", "wire": "choice of wires",
           "replay": "memory of samples"}
"""What an option is about."""


def open_port(port: str, baud: int | None = None, *, replay: bool = True) -> RemoteBoard:
    """Open whatever board is at a serial port; LinkError or BoardError if there is none."""
    try:
        return RemoteBoard(SerialTransport(port, baud or DEFAULT_BAUD), replay=replay)
    except BoardError as error:
        raise BoardError(f"{port}: {error}") from error


def find_board(name: str) -> Any:
    """A board's description in `crosswall_boards`; UsageError if there is none of that name."""
    if name == TWIN:
        raise UsageError("board twin is software: there is nothing to build or flash")
    return _boards().find_board(name)


def board_descriptions() -> dict[str, str]:
    """Every board and what it is, the twin first; only the twin if the boards' package cannot
    be imported."""
    known = {TWIN: "the bit-exact model, in this process"}
    try:
        boards = _boards().BOARDS
    except ToolError:
        return known
    return known | {name: board.description for name, board in boards.items()}


def virtual_board(network: Network, choose_build: ChooseBuild = lambda network, build: build, *,
                  wire: str = "uart", progress: Callable[[str], None] = lambda line: None
                  ) -> VirtualBoard:
    """A virtual board for a network, not started yet."""
    if wire not in WIRES:
        raise UsageError(f"--wire {wire}: expected {' or '.join(WIRES)}")
    found = find_board(VIRTUAL)
    try:
        from crosswall_boards.virtual import VirtualBoard

        return VirtualBoard(network, choose_build(network, found.choose_build(network)),
                            wire=wire, progress=progress)
    except ImportError as error:
        raise _missing(error) from error


def _open_twin(machine: Machine, progress: Callable[[str], None]) -> TwinBoard:
    board = TwinBoard(machine)
    tell_without_cache(progress)
    return board


def _open_virtual(network: Network, wire: str, replay: bool, choose_build: ChooseBuild,
                  progress: Callable[[str], None]) -> RemoteBoard:
    virtual = virtual_board(network, choose_build, wire=wire, progress=progress)
    virtual.start()
    try:
        return RemoteBoard(SerialTransport(virtual.port), on_close=virtual.stop, replay=replay)
    except BaseException:
        virtual.stop()
        raise


def _boards() -> ModuleType:
    try:
        from crosswall_boards import registry
    except ImportError as error:
        raise _missing(error) from error
    return registry


def _missing(error: ImportError) -> ToolError:
    return ToolError(f"boards need the Python package `{error.name}`; install it with "
                     f"`pip install 'crosswall[virtual]'`")
