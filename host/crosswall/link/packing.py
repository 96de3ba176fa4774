"""Packs many samples for the wire at once, each in its shortest packing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from crosswall.spec.packing import MAX_LITERALS, MAX_ZEROS, RUNS, ZERO_BITS, pixel_bits
from crosswall.spec.sample import SampleHeader

__all__ = ["pack_pixels", "sample_packets"]

_BATCH = 64
"""Samples that are packed at once: enough to share NumPy's cost of a call."""

_NARROWS = range(4)


def _narrowest() -> np.ndarray:
    """For each pixel value the fewest bits that hold it, as `narrow` of `crosswall.spec.packing`:
    uint8[256]."""
    values = np.arange(256)
    narrowest = np.zeros(256, np.uint8)
    for narrow in _NARROWS:
        narrowest[values % (255 // ((1 << pixel_bits(narrow)) - 1)) == 0] = narrow
    return narrowest


_NARROWEST = _narrowest()


def sample_packets(headers: Iterable[SampleHeader], pixels: np.ndarray, *,
                   packed: bool) -> Iterator[bytes]:
    """Sample packets for a session to stream, made as they are asked for.

    Parameters
    ----------
    headers
        Of the samples, in order; where they end early, so do the packets.
    pixels
        uint8[samples, pixels].
    packed
        Whether the board takes packed samples.
    """
    if packed:
        bodies = (body for start in range(0, len(pixels), _BATCH)
                  for body in pack_pixels(pixels[start:start + _BATCH]))
    else:
        bodies = ((0, sample.tobytes()) for sample in pixels)
    for header, (packing, body) in zip(headers, bodies, strict=False):
        yield header.pack(packing) + body


def pack_pixels(pixels: np.ndarray) -> list[tuple[int, bytes]]:
    """Pack samples.

    Parameters
    ----------
    pixels
        uint8[samples, pixels].

    Returns
    -------
    list[tuple[int, bytes]]
        For each sample the packing (`crosswall.spec.packing`) that takes the fewest bytes, and
        these bytes: at most ``pixels``.
    """
    narrow = _NARROWEST[pixels].min(axis=1, initial=_NARROWS[-1])
    packed: list[tuple[int, bytes]] = [(0, b"")] * len(pixels)
    for each in np.unique(narrow).tolist():
        rows = np.flatnonzero(narrow == each)
        for row, (packing, data) in zip(rows.tolist(), _pack_narrow(pixels[rows], each),
                                        strict=True):
            packed[row] = packing, data
    return packed


def _pack_narrow(pixels: np.ndarray, narrow: int) -> list[tuple[int, bytes]]:
    """Pack samples whose pixels fit ``pixel_bits(narrow)`` bits."""
    bits = pixel_bits(narrow)
    per_byte = 8 // bits
    plain = pixels
    if narrow:
        values = np.pad(pixels >> (8 - bits), ((0, 0), (0, -pixels.shape[1] % per_byte)))
        plain = np.zeros((len(pixels), values.shape[1] // per_byte), np.uint8)
        for place in range(per_byte):
            plain |= values[:, place::per_byte] << np.uint8(bits * place)
    runs, run_ends = _code_runs(plain)
    used = np.where(plain, np.arange(1, plain.shape[1] + 1), 0).max(axis=1, initial=0)
    choices = []
    start = 0
    for row, (length, end) in enumerate(zip(used.tolist(), run_ends.tolist(), strict=True)):
        if end - start < length:
            choices.append((narrow | RUNS, runs[start:end]))
        else:
            # Zeros at the end need not be sent.
            choices.append((narrow, plain[row, :length].tobytes()))
        start = end
    return choices


def _code_runs(rows: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Code every row of uint8[samples, bytes] as runs.

    Returns the runs of all rows, and int[samples]: where the runs of each row end in them. Every
    zero of a row is in a token, every other byte is a literal; no zeros at a row's end are coded.
    """
    samples, width = rows.shape
    # A zero on either side keeps apart what belongs to different rows.
    edges = np.zeros((samples, width + 2), np.int8)
    edges[:, 1:-1] = rows != 0
    edges = np.diff(edges, axis=1)  # 1 where literals begin, −1 behind their end
    row, begins = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    literals = ends - begins
    previous = np.zeros_like(ends)
    if len(ends):
        previous[1:] = np.where(row[1:] == row[:-1], ends[:-1], 0)
    zeros = begins - previous
    only_zeros = np.maximum(zeros - 1, 0) // MAX_ZEROS  # tokens before the one with literals
    lengths = only_zeros + literals + -(-literals // MAX_LITERALS)
    starts = np.cumsum(lengths) - lengths

    # Literals of all rows in order, and `place`, which one of its stretch each is.
    stretch = np.repeat(np.arange(len(literals)), literals)
    place = np.arange(len(stretch)) - np.repeat(np.cumsum(literals) - literals, literals)
    target = (starts + only_zeros)[stretch] + 1 + place + place // MAX_LITERALS
    coded = np.full(int(lengths.sum()), MAX_ZEROS, np.uint8)  # but for what follows: only zeros
    coded[target] = rows[rows != 0]
    leads = place % MAX_LITERALS == 0
    stretch, place = stretch[leads], place[leads]
    zeros_left = np.where(place == 0, (zeros - MAX_ZEROS * only_zeros)[stretch], 0)
    coded[target[leads] - 1] = (zeros_left
                                | np.minimum(literals[stretch] - place, MAX_LITERALS) << ZERO_BITS)
    return coded.tobytes(), np.cumsum(np.bincount(row, lengths, samples)).astype(np.int64)
