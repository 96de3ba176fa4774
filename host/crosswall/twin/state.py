"""Everything that a machine has learned, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from crosswall.errors import DataError
from crosswall.files import replacing_file
from crosswall.reading import UnreadableError, opened_archive
from crosswall.spec.draws import STATIC_SAMPLE, Stage
from crosswall.spec.ledger import COUNTERS
from crosswall.spec.network import Network

from .draws import draws


@dataclass
class MachineState:
    """Learned state of a machine, in canonical order.

    Parameters
    ----------
    clustering_walls
        ``uint16[crossbars, lines, neurons]``, wall positions.
    thresholds
        ``uint32[crossbars, neurons]``, in units of current.
    readout_walls
        ``uint16[features, classes, 2]``, wall positions; side 0 is G⁺, 1 is G⁻.
    ledger
        ``uint64[COUNTERS]``, in the order of :class:`crosswall.spec.ledger.Counter`.
    next_sample
        Number of the sample that comes next.
    """

    clustering_walls: np.ndarray
    thresholds: np.ndarray
    readout_walls: np.ndarray
    ledger: np.ndarray
    next_sample: int = 0

    @classmethod
    def initial(cls, network: Network, seed: int) -> MachineState:
        """The state before the first sample.

        Clustering walls are uniform over the track; read-out walls are within
        1/32 of the track of its middle, so that pairs start near zero. Both come
        from ``draws`` of ``seed`` at the synapse's address.
        """
        clustering = draws(seed, 0, Stage.INITIAL_CLUSTERING,
                           np.arange(network.clustering_synapses, dtype=np.uint32))
        readout = draws(seed, 0, Stage.INITIAL_READOUT,
                        np.arange(network.readout_synapses, dtype=np.uint32))
        middle = 1 << network.wall_bits - 1
        narrow = network.wall_bits - 4
        return cls(
            (clustering >> np.uint32(32 - network.wall_bits)).astype(np.uint16).reshape(
                network.crossbars, network.lines, network.neurons),
            np.zeros((network.crossbars, network.neurons), np.uint32),
            ((readout >> np.uint32(32 - narrow)) + np.uint32(middle - (1 << narrow - 1))).astype(
                np.uint16).reshape(network.features, network.classes, 2),
            np.zeros(COUNTERS, np.uint64))

    def copy(self) -> MachineState:
        """An independent copy."""
        return MachineState(self.clustering_walls.copy(), self.thresholds.copy(),
                            self.readout_walls.copy(), self.ledger.copy(), self.next_sample)

    def check_fits(self, network: Network) -> None:
        """Raise DataError unless shapes and values are those of ``network``."""
        for name, (_, shape, limit) in _forms(network).items():
            array = getattr(self, name)
            if array.shape != shape:
                raise DataError(f"snapshot: `{name}` has shape {array.shape}, the network needs "
                                f"{shape}; restore it with the experiment that saved it")
            if array.size and int(array.max()) > limit:
                raise DataError(f"snapshot: `{name}` holds {int(array.max())}, the network "
                                f"allows at most {limit}")
        if not 0 <= self.next_sample <= STATIC_SAMPLE:
            raise DataError(f"snapshot: `next_sample` is {self.next_sample}; expected 0 to "
                            f"{STATIC_SAMPLE}")

    def differences(self, other: MachineState) -> Iterator[tuple[str, int, int, int]]:
        """Each place where ``other`` differs: name, flat index, value here, value there."""
        for item in fields(self):
            here, there = np.ravel(getattr(self, item.name)), np.ravel(getattr(other, item.name))
            for index in np.flatnonzero(here != there):
                yield item.name, int(index), int(here[index]), int(there[index])

    def save(self, path: Path, network: Network) -> None:
        """Write a snapshot (NPZ) that names its network; replaces ``path`` at once."""
        with replacing_file(path) as new, new.open("wb") as file:
            np.savez_compressed(file, **self.arrays(network))  # type: ignore[arg-type]

    def arrays(self, network: Network) -> dict[str, np.ndarray]:
        """What a snapshot holds, by name."""
        return {"network_digest": np.array(network.digest(), np.uint32),
                **{item.name: np.asarray(getattr(self, item.name)) for item in fields(self)}}

    @classmethod
    def load(cls, path: Path, network: Network) -> MachineState:
        """Read a snapshot; DataError if it is not one, or not of ``network``."""
        try:
            with opened_archive(path) as archive:
                if int(archive.read("network_digest", np.uint32, ())) != network.digest():
                    raise DataError(f"{path}: snapshot of another network; restore it with the "
                                    f"experiment that saved it")
                arrays = {name: archive.read(name, dtype, shape)
                          for name, (dtype, shape, _) in _forms(network).items()}
                next_sample = int(archive.read("next_sample", np.int64, ()))
        except UnreadableError as error:
            raise DataError(f"{path}: not a snapshot ({error.reason}); pass a file written by "
                            f"`crosswall snapshot save`") from error
        state = cls(**arrays, next_sample=next_sample)
        try:
            state.check_fits(network)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        return state


def _forms(network: Network) -> dict[str, tuple[type[np.generic], tuple[int, ...], int]]:
    """Type, shape and largest value of each array of a network's state."""
    return {
        "clustering_walls": (np.uint16, (network.crossbars, network.lines, network.neurons),
                             network.wall_max),
        "thresholds": (np.uint32, (network.crossbars, network.neurons), network.threshold_max),
        "readout_walls": (np.uint16, (network.features, network.classes, 2), network.wall_max),
        "ledger": (np.uint64, (COUNTERS,), 2**64 - 1),
    }
