"""Samples as they might have been seen: moved, mirrored, through permuted wires."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dataset import Shape


def moved(
    samples: NDArray[np.uint8], shape: Shape, offsets: NDArray[Any]
) -> NDArray[np.uint8]:
    """Return images moved by whole pixels; what comes in at an edge is the image's ground.

    The ground is the commonest value of the image's border (the lowest of several): a figure
    that touches the border is not smeared over it, and a ground other than 0 gets no false edge.

    Parameters
    ----------
    samples
        uint8 [samples, height · width].
    shape
        Height and width, in pixels.
    offsets
        Integers [samples, 2]: pixels down and to the right, each of any size.
    """
    height, width = shape
    images = samples.reshape(-1, height, width)
    rows = np.arange(height) - offsets[:, :1]
    columns = np.arange(width) - offsets[:, 1:]
    inside = (
        ((rows >= 0) & (rows < height))[:, :, None]
        & ((columns >= 0) & (columns < width))[:, None, :]
    )
    picked = images[
        np.arange(len(images))[:, None, None],
        np.clip(rows, 0, height - 1)[:, :, None],
        np.clip(columns, 0, width - 1)[:, None, :],
    ]
    result = np.where(inside, picked, _grounds(images)[:, None, None])
    return result.reshape(len(samples), -1)


def mirrored(samples: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Return images with left and right exchanged; shapes as for `moved`."""
    return samples.reshape(-1, *shape)[:, :, ::-1].reshape(len(samples), -1)


def permutation(pixels: int, seed: int) -> NDArray[np.int64]:
    """Return the permutation of a seed: int64 [pixels], where each input's value comes from.

    It is drawn from ``numpy.random.RandomState(seed)``, whose stream is frozen.
    """
    return np.random.RandomState(seed).permutation(pixels).astype(np.int64)


def _grounds(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the commonest border value of each image."""
    border = np.ones(images.shape[1:], bool)
    border[1:-1, 1:-1] = False
    values = images[:, border]
    return np.array(
        [np.bincount(value, minlength=1).argmax() for value in values], np.uint8
    )
