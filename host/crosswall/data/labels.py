"""Wrong labels on purpose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def with_noise(
    labels: NDArray[np.int64], classes: int, share: float, seed: int
) -> NDArray[np.int64]:
    """Return labels of which a share is wrong (symmetric label noise).

    Exactly ``floor(share · samples + 1/2)`` labels, of samples chosen at random, become another
    class, each other class being as likely. They are drawn from
    ``numpy.random.RandomState(seed)``, whose stream is frozen; with more noise of the same seed,
    the samples that were wrong before stay wrong, in the same way.

    Parameters
    ----------
    labels
        Integers [samples], 0 to ``classes - 1``.
    share
        0 to 1.
    seed
        0 to ``2**32 - 1``.
    """
    random = np.random.RandomState(seed)
    order = random.permutation(len(labels))
    steps = random.randint(1, classes, len(labels))
    wrong = order[: int(np.floor(share * len(labels) + 0.5))]
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + steps[wrong]) % classes
    return noisy
