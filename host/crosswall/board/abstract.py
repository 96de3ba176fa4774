"""What an experiment needs of a board, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from crosswall.spec.build import Build
from crosswall.spec.device_table import DeviceTable
from crosswall.spec.network import Network
from crosswall.spec.rules import Rules
from crosswall.twin import Headers, MachineState, Results

Progress = Callable[[int], None]
"""Called with the number of samples answered so far."""

Stop = Callable[[], bool]
"""Asked between samples; True ends a stream after the samples that are in flight."""


@dataclass(frozen=True)
class Machine:
    """What a board is to be: a network, its rules and its devices.

    Raises
    ------
    ValueError
        If a table does not fit the network.
    """

    network: Network
    rules: Rules
    clustering_table: DeviceTable
    readout_table: DeviceTable

    def __post_init__(self) -> None:
        self.clustering_table.check_fits(self.network)
        self.readout_table.check_fits(self.network)

    def initial_state(self) -> MachineState:
        """The state before the first sample."""
        return MachineState.initial(self.network, self.rules.seed)


@dataclass(frozen=True)
class Identity:
    """What a board says it is.

    Parameters
    ----------
    name
        Name of the board.
    protocol_version
        Version of link, packets and register map.
    network_digest
        Fingerprint of the network, ``Network.digest``.
    build
        Parallelism and buffers; None for the twin.
    clock_frequency
        Hz; 0 where there is no clock, or only a simulated one.
    size
        Pixels, classes, positions, neurons.
    """

    name: str
    protocol_version: int
    network_digest: int
    build: Build | None
    clock_frequency: int
    size: dict[str, int]


class Board(Protocol):
    """A machine that learns samples.

    A board keeps its state until it is closed or another is loaded. Everything that talks to
    it may raise LinkError.
    """

    @property
    def name(self) -> str:
        """Name of the board."""

    def identify(self) -> Identity:
        """What the board is."""

    def configure(self, machine: Machine) -> None:
        """Set rules and device tables; the learned state stays.

        Raises
        ------
        BoardError
            If the board holds another network, or a build that cannot do this.
        """

    def load_state(self, state: MachineState) -> None:
        """Replace the learned state, the ledger and the number of the next sample."""

    def read_state(self) -> MachineState:
        """The learned state, after the samples that are in flight."""

    def read_ledger(self) -> np.ndarray:
        """The counters: ``uint64[COUNTERS]``, all of one moment between samples."""

    def next_sample(self) -> int:
        """Number of the sample that the board expects."""

    def stream(self, headers: Headers, pixels: np.ndarray, *, progress: Progress | None = None,
               stop: Stop | None = None) -> Results:
        """Samples through the machine, in order.

        Parameters
        ----------
        headers
            Headers of ``n`` samples; numbers follow each other from `next_sample`.
        pixels
            ``uint8[n, pixels]``.
        progress
            See `Progress`.
        stop
            See `Stop`.

        Returns
        -------
        Results
            Of the ``n`` samples, or of as many as were answered before ``stop``. Winners and
            scores that were not asked for are -1 and 0.
        """

    def close(self) -> None:
        """Let go of the board."""
