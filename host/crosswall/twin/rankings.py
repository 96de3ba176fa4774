"""Rankings of a clustering stage that is frozen.

While no wall of the clustering stage moves, a sample's rankings depend on nothing that an
earlier sample left. So they are computed by all cores. Unless neurons race, they depend on the
pixels alone, and are kept for when the sample comes again, as in each pass of a teaching phase.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from crosswall.spec.network import Network, Neuron

from .kernel import Tally

MAX_BYTES = 768 << 20
"""Memory for kept rankings; when it is full, all are forgotten."""

Rank = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
"""Ranks samples: their places in the batch in, rankings and tallies out."""


class Rankings:
    """Rankings and tallies of samples by their pixels.

    Parameters
    ----------
    network
        Gives the shapes, and whether rankings may be kept: racing neurons draw anew for each
        sample.
    threads
        Cores that rank; by default those that the process may use.
    """

    def __init__(self, network: Network, threads: int | None = None) -> None:
        self._threads = threads or len(os.sched_getaffinity(0))
        self._keeps = network.neuron != Neuron.RACE
        self._shape = network.positions, network.winners
        self._row_bytes = 2 * network.positions * network.winners + 8 * len(Tally)
        self.clear()

    def clear(self) -> None:
        """Forget everything: the clustering stage has changed."""
        self._rows: dict[bytes | int, int] = {}
        self._rankings = np.empty((0, *self._shape), np.int16)
        self._tallies = np.empty((0, len(Tally)), np.int64)

    def find(self, pixels: np.ndarray, rank: Rank) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rankings of samples, ranked now unless they are known.

        Parameters
        ----------
        pixels
            ``uint8[n, pixels]``.
        rank
            Ranks the samples that are not known.

        Returns
        -------
        rankings, tallies, rows
            ``int16[m, positions, winners]``, ``int64[m, len(Tally)]`` and ``int64[n]``: sample
            ``k`` has row ``rows[k]`` of both. Good until the next call.
        """
        keys: Sequence[bytes | int] = range(len(pixels))
        if self._keeps:
            keys = [hashlib.blake2b(values, digest_size=16).digest() for values in pixels]
        if not self._keeps or (len(self._rows) + len(keys)) * self._row_bytes > MAX_BYTES:
            self.clear()
        new = {key: sample for sample, key in enumerate(keys) if key not in self._rows}
        known, total = len(self._rows), len(self._rows) + len(new)
        if new:
            self._reserve(total)
            self._rank(np.array(list(new.values())), slice(known, total), rank)
            self._rows.update(zip(new, range(known, total), strict=True))
        return self._rankings, self._tallies, np.array([self._rows[key] for key in keys], np.int64)

    def _reserve(self, rows: int) -> None:
        """Make room; capacity doubles, so that growing costs little."""
        if rows <= len(self._rankings):
            return
        capacity = max(rows, 2 * len(self._rankings))
        for name in ("_rankings", "_tallies"):
            kept = getattr(self, name)
            grown = np.empty((capacity, *kept.shape[1:]), kept.dtype)
            grown[:len(kept)] = kept
            setattr(self, name, grown)

    def _rank(self, samples: np.ndarray, place: slice, rank: Rank) -> None:
        """Rank samples into rows ``place``, each thread a share of them."""
        rankings, tallies = self._rankings[place], self._tallies[place]
        threads = min(self._threads, len(samples))
        shares = [slice(len(samples) * thread // threads, len(samples) * (thread + 1) // threads)
                  for thread in range(threads)]
        if threads == 1:
            rank(samples, rankings, tallies)
            return
        with ThreadPoolExecutor(threads) as pool:
            for finished in [pool.submit(rank, samples[share], rankings[share], tallies[share])
                             for share in shares]:
                finished.result()
