"""Features of a table as the bytes of several input lines each.

A crossbar has positive conductances only and scores by a sum of products, so
that a line which carries a feature itself can tell *much* from *little*, but
has no neuron that prefers *little*. Both encodings give every value, low or
high, lines of its own that it drives, and (but for rounding) the same total
drive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_FIELDS, MAX_FIELDS = 2, 32
"""Fewest and most triangular fields of a feature."""


@dataclass(frozen=True)
class TriangularFields:
    """Each feature as its membership in overlapping triangles.

    The triangles' centres divide the feature's range into equal parts, the first at its lowest
    and the last at its highest value; each falls to zero at its neighbours' centres, so that the
    memberships of a value add up to one (the triangular membership functions of fuzzy sets).

    Parameters
    ----------
    fields
        Triangles of each feature, 2 to 32.

    Raises
    ------
    ValueError
        If `fields` is out of range.
    """

    fields: int

    def __post_init__(self) -> None:
        if not MIN_FIELDS <= self.fields <= MAX_FIELDS:
            raise ValueError(f"`fields` must be {MIN_FIELDS} to {MAX_FIELDS}: got {self.fields}")

    @property
    def lines(self) -> int:
        """Input lines of each feature."""
        return self.fields

    def encode(self, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return places in their features' ranges as bytes.

        Parameters
        ----------
        shares
            Float64 [samples, features], 0 to 1.

        Returns
        -------
        NDArray[np.uint8]
            uint8 [samples, features · fields], the lines of a feature beside each other:
            ``floor(255 · max(0, 1 − |share · (fields − 1) − k|) + 1/2)`` for field ``k``.
        """
        places = shares[:, :, None] * (self.fields - 1)
        memberships = np.maximum(0, 1 - np.abs(places - np.arange(self.fields)))
        return _bytes(memberships).reshape(len(shares), -1)


@dataclass(frozen=True)
class ComplementCoding:
    """Each feature as itself and what it falls short of its highest value by.

    Complement coding is that of Carpenter, Grossberg and Rosen, *Fuzzy ART*, Neural Networks 4
    (1991) 759.
    """

    @property
    def lines(self) -> int:
        """Input lines of each feature."""
        return 2

    def encode(self, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return places in their features' ranges as bytes.

        Parameters
        ----------
        shares
            Float64 [samples, features], 0 to 1.

        Returns
        -------
        NDArray[np.uint8]
            uint8 [samples, features · 2]: of each feature ``x = floor(255 · share + 1/2)`` and
            beside it ``255 − x``.
        """
        values = _bytes(shares)
        return np.stack([values, 255 - values], axis=2).reshape(len(shares), -1)


FeatureEncoding = TriangularFields | ComplementCoding


def _bytes(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.floor(shares * 255 + 0.5).astype(np.uint8)
