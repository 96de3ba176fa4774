"""The twin as a board: the same machine, in this process."""

from __future__ import annotations

import numpy as np

from crosswall.errors import ToolError
from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.sample import Flag
from crosswall.twin import Headers, MachineState, Results

from .abstract import Identity, Machine, Progress, Stop
from .results import concatenate, masked

BATCH = 256
"""Samples between two looks at ``stop``."""


class TwinBoard:
    """A board in software.

    Parameters
    ----------
    machine
        What it computes; it starts in the initial state.

    Raises
    ------
    ToolError
        If Numba is not installed.
    """

    name = "twin"

    def __init__(self, machine: Machine) -> None:
        self._start(machine, machine.initial_state())

    def _start(self, machine: Machine, state: MachineState) -> None:
        try:
            from crosswall.twin import Twin
        except ImportError as error:
            raise ToolError(f"the twin needs {error.name}; run: pip install 'crosswall[twin]', or "
                            f"use a board") from error
        self._machine = machine
        self._twin = Twin(machine.network, machine.rules, machine.clustering_table,
                          machine.readout_table, state)

    def identify(self) -> Identity:
        """What the board is."""
        network = self._machine.network
        return Identity(
            name=self.name, protocol_version=PROTOCOL_VERSION,
            network_digest=network.digest(), build=None, clock_frequency=0,
            size={key: getattr(network, key)
                  for key in ("pixels", "classes", "positions", "neurons")})

    def configure(self, machine: Machine) -> None:
        """Set rules and device tables; the learned state stays."""
        self._start(machine, self._twin.state)

    def load_state(self, state: MachineState) -> None:
        """Replace the learned state; DataError if it is not of this network."""
        self._twin.state = state.copy()

    def read_state(self) -> MachineState:
        """A copy of the learned state."""
        return self._twin.state.copy()

    def read_ledger(self) -> np.ndarray:
        """The counters: ``uint64[COUNTERS]``."""
        return self._twin.state.ledger.copy()

    def next_sample(self) -> int:
        """Number of the sample that comes next."""
        return self._twin.state.next_sample

    def stream(self, headers: Headers, pixels: np.ndarray, *, progress: Progress | None = None,
               stop: Stop | None = None) -> Results:
        """Samples through the machine; see `crosswall.board.Board.stream`."""
        parts = []
        for start in range(0, len(headers), BATCH):
            if stop is not None and stop():
                break
            place = slice(start, min(start + BATCH, len(headers)))
            parts.append(self._twin.process(headers[place], pixels[place]))
            if progress is not None:
                progress(place.stop)
        results = concatenate(self._machine.network, parts)
        flags = headers.flags[:len(results.predictions)]
        return masked(results, winners=flags & Flag.SEND_WINNERS != 0,
                      scores=flags & Flag.SEND_SCORES != 0)

    def close(self) -> None:
        """Nothing to let go of."""
