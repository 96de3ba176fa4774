"""Data that the machine does not see: positions whose peak is below ``rules.silence``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from crosswall.spec.network import Network
from crosswall.twin.reference import encode_position

SILENT_SHARE = 0.99
"""Share of silent positions that is said."""

_LOOKED_AT = 512
"""Positions that are looked at."""


def note_silence(network: Network, silence: int, samples: np.ndarray,
                 notice: Callable[[str], None]) -> None:
    """Say if nearly all positions of the training samples are silent, so that nothing is learned.

    Parameters
    ----------
    samples
        ``uint8[n, pixels]``, at least one. Some positions are looked at, spread over all.
    """
    total = len(samples) * network.positions
    # A prime, so that every position of every part of the samples takes its turn.
    places = np.arange(min(_LOOKED_AT, total)) * 1_000_003 % total
    silent = sum(encode_position(network, silence, samples[place // network.positions],
                                 place % network.positions).silent for place in places.tolist())
    if silent >= SILENT_SHARE * len(places):
        notice(f"{silent} of {len(places)} positions of training samples are silent: their peaks "
               f"are below rules.silence = {silence}, and they teach nothing; see "
               f"`data.value_range`, or lower rules.silence")
