"""Results of many samples as arrays: put together, and what was not asked for left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from crosswall.spec.network import Network
from crosswall.spec.sample import Flag, Result
from crosswall.twin import Results

NOT_READ = -1
"""Winner of a position that was not read back; the same as of a silent one, so look at the
sample's flags first."""


def concatenate(network: Network, parts: Sequence[Results]) -> Results:
    """Results of consecutive samples as one; none for no parts."""
    parts = [Results.empty(network, 0), *parts]
    return Results(*(np.concatenate([getattr(part, item.name) for part in parts])
                     for item in fields(Results)))


def first(results: Results, count: int) -> Results:
    """The first ``count`` results."""
    return Results(*(getattr(results, item.name)[:count] for item in fields(Results)))


def masked(results: Results, *, winners: np.ndarray, scores: np.ndarray) -> Results:
    """Results with winners and scores kept only for the samples of these masks."""
    if not winners.all():
        results = replace(results, winners=np.where(winners[:, None], results.winners,
                                                    np.int16(NOT_READ)))
    if not scores.all():
        results = replace(results, scores=np.where(scores[:, None], results.scores, np.int32(0)))
    return results


def store(results: Results, place: int, result: Result) -> None:
    """Put one result packet's content into row ``place``."""
    results.predictions[place] = result.prediction
    results.result_flags[place] = result.result_flags
    results.winners[place] = result.winners if result.flags & Flag.SEND_WINNERS else NOT_READ
    results.scores[place] = result.scores if result.scores else 0
