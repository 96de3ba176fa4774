"""Everything that a machine has learned, as arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from crosswall.errors import DataError
from crosswall.files import replacing_file
from crosswall.spec.draws import Stage
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
        shapes = {
            "clustering_walls": ((network.crossbars, network.lines, network.neurons),
                                 network.wall_max),
            "thresholds": ((network.crossbars, network.neurons), network.threshold_max),
            "readout_walls": ((network.features, network.classes, 2), network.wall_max),
            "ledger": ((COUNTERS,), 2**64 - 1),
        }
        for name, (shape, limit) in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise DataError(f"snapshot: `{name}` has shape {array.shape}, the network needs "
                                f"{shape}; restore it with the experiment that saved it")
            if array.size and int(array.max()) > limit:
                raise DataError(f"snapshot: `{name}` holds {int(array.max())}, the network "
                                f"allows at most {limit}")

    def differences(self, other: MachineState) -> Iterator[tuple[str, int, int, int]]:
        """Each place where ``other`` differs: name, flat index, value here, value there."""
        for item in fields(self):
            here, there = np.ravel(getattr(self, item.name)), np.ravel(getattr(other, item.name))
            for index in np.flatnonzero(here != there):
                yield item.name, int(index), int(here[index]), int(there[index])

    def save(self, path: Path, network: Network) -> None:
        """Write a snapshot (NPZ) that names its network; replaces ``path`` at once."""
        with replacing_file(path) as new, new.open("wb") as file:
            np.savez_compressed(file, network_digest=np.uint32(network.digest()),
                                **{item.name: getattr(self, item.name) for item in fields(self)})

    @classmethod
    def load(cls, path: Path, network: Network) -> MachineState:
        """Read a snapshot; DataError if it is not one, or not of ``network``."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                values = {name: archive[name] for name in archive.files}
        except (OSError, ValueError, EOFError, TypeError, AttributeError,
                zipfile.BadZipFile) as error:
            raise DataError(f"{path}: not a snapshot ({error}); pass a file written by "
                            f"`crosswall snapshot save`") from error
        missing = [name for name in (*(item.name for item in fields(cls)), "network_digest")
                   if name not in values]
        if missing:
            raise DataError(f"{path}: not a snapshot (no `{missing[0]}`); pass a file written by "
                            f"`crosswall snapshot save`")
        if int(values.pop("network_digest")) != network.digest():
            raise DataError(f"{path}: snapshot of another network; restore it with the "
                            f"experiment that saved it")
        state = cls(values["clustering_walls"].astype(np.uint16),
                    values["thresholds"].astype(np.uint32),
                    values["readout_walls"].astype(np.uint16),
                    values["ledger"].astype(np.uint64), int(values["next_sample"]))
        state.check_fits(network)
        return state
