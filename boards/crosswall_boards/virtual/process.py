"""Runs the virtual board: a process behind a serial port that is a pseudo-terminal."""

from __future__ import annotations

import contextlib
import json
import selectors
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from crosswall.errors import BoardError, ToolError
from crosswall.spec.build import Build
from crosswall.spec.network import Network

from ..cache import Progress, programs_forbidden
from .compiler import UART_DIVISOR, compile_virtual_board

__all__ = ["BOARD_NAME", "Statistics", "VirtualBoard"]

BOARD_NAME = "virtual"
"""What the virtual board's identification registers say."""

_ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Statistics:
    """What a virtual board simulated so far.

    Parameters
    ----------
    cycles
        Clock cycles. The clock stands still while the machine is idle and nothing arrives.
    seconds
        Time spent on simulating them, by the clock on the wall.
    processor_seconds
        What the board's process used of a processor, whatever else ran beside it.
    """

    cycles: int
    seconds: float
    processor_seconds: float

    @property
    def cycles_per_second(self) -> float:
        """Speed of the simulation; 0 before it began."""
        return self.cycles / self.seconds if self.seconds else 0.0


class VirtualBoard:
    """The gateware as a process on this machine, behind a serial port like any board's.

    A context manager: ``with VirtualBoard(network, build) as board`` starts it, and
    ``board.port`` is what pyserial opens. State is lost when it stops, as in any board's RAM.

    Parameters
    ----------
    network, build
        What the board computes, and how.
    wire
        "uart": the serial port leads to the UART pins, simulated bit by bit at 4 clocks per bit.
        "bytes": to the byte streams behind the UART, a byte per clock; several times faster.
    progress
        Called with one line for each stage of a first build.

    Raises
    ------
    ValueError
        If the build cannot compute the network, or for an unknown wire.
    """

    def __init__(self, network: Network, build: Build, *, wire: str = "uart",
                 progress: Progress = lambda line: None) -> None:
        from crosswall_hdl.system import WIRES  # Amaranth is only imported when a board is built

        if wire not in WIRES:
            raise ValueError(f"`wire` must be one of {', '.join(WIRES)}: got {wire!r}")
        build.check_fits(network)
        self._network, self._build = network, build
        self.wire = wire
        self._progress = progress
        self._process: subprocess.Popen[str] | None = None
        self._messages: Any = None
        self.port = ""

    def start(self) -> str:
        """Compile the board if need be, start it, and return the path of its serial port.

        Raises ToolError if it cannot be compiled, HostError if it cannot be kept or run,
        BoardError if it does not start.
        """
        from crosswall_hdl.system import System

        if self._process is not None:
            raise RuntimeError("the virtual board was started before")
        system = System(self._network, self._build, wire=self.wire, board_name=BOARD_NAME,
                        clock_frequency=0, divisor=UART_DIVISOR)
        program = compile_virtual_board(system, self.wire, self._progress)
        self._messages = tempfile.TemporaryFile("w+")
        try:
            # A session of its own, because Ctrl-C is for the host, which then stops the board.
            self._process = subprocess.Popen(
                [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._messages, text=True, start_new_session=True)
        except OSError as error:
            self._messages.close()
            if isinstance(error, PermissionError) and program.stat().st_mode & stat.S_IXUSR:
                raise programs_forbidden() from error
            raise ToolError(f"cannot run {program} ({error.strerror}): remove its folder, and it "
                            f"will be compiled again") from error
        try:
            self.port = self._read_line()
        except BoardError:
            self.stop()
            raise
        return self.port

    @property
    def process_id(self) -> int:
        """Of the running board. Raises BoardError if it is not running."""
        self.check()
        return self._process.pid

    def check(self) -> None:
        """Raise BoardError if the board is not running any more."""
        if self._process is None or self._process.poll() is not None:
            raise self._died()

    def statistics(self) -> Statistics:
        """Return what was simulated so far. Raises BoardError if the board is not running."""
        self.check()
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return Statistics(**json.loads(self._read_line()))

    def stop(self) -> None:
        """Stop the board, if it is running."""
        if self._process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._messages.close()
        self._process = None

    def __enter__(self) -> VirtualBoard:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def _read_line(self) -> str:
        """One line of the process' output."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            answered = selector.select(_ANSWER_SECONDS)
        line = self._process.stdout.readline() if answered else ""
        if not line:
            raise self._died()
        return line.rstrip("\n")

    def _died(self) -> BoardError:
        """Why the process does not answer, and the end of it."""
        if self._process is None:
            return BoardError("the virtual board is not running: start it first")
        self._process.kill()
        code = self._process.wait()
        self._messages.seek(0)
        said = " | ".join(self._messages.read().split("\n")[-4:]).strip(" |")
        cause = said or (f"signal {-code}" if code < 0 else f"exit code {code}")
        return BoardError(f"the virtual board stopped ({cause}); start it again, its state is lost")
