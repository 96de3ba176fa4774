"""Samples that a board keeps in its memory, so that they cross the wire once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from crosswall.spec.packing import PACKING_PLACE
from crosswall.spec.sample import SampleHeader
from crosswall.spec.store import PLACE_UNIT, record_places

from .packing import pack_pixels

__all__ = ["KeptSample", "KeptSamples"]

_DIGEST_BYTES = 16
_BATCH = 64  # samples that are looked up, and packed if need be, at once


class KeptSample:
    """A sample for `Session.stream` that the board keeps, or is to keep.

    Parameters
    ----------
    header
        Of the sample's packet, as with packing 0: ``SAMPLE_HEADER_BYTES`` bytes.
    pixels
        uint8[pixels].
    place
        In the board's memory; see `crosswall.spec.store`.
    packed
        How the pixels are packed, and the packed pixels; None to pack them when they are needed.
    is_there
        Whether the board keeps it already.
    """

    __slots__ = ("_packed", "_pixels", "header", "is_there", "place")

    def __init__(self, header: bytes, pixels: np.ndarray, place: int, *,
                 packed: tuple[int, bytes] | None = None, is_there: bool) -> None:
        self.header = header
        self.place = place
        self.is_there = is_there
        self._pixels = pixels
        self._packed = packed

    @property
    def label(self) -> int:
        """The header's label."""
        return self.header[5]

    @property
    def settings(self) -> tuple[int, int, int]:
        """The header's flags and its bytes of clustering and read-out shifts."""
        return self.header[4], self.header[6], self.header[7]

    def packet(self) -> bytes:
        """The whole sample packet."""
        packing, data = self._packed or pack_pixels(self._pixels[None])[0]
        return (self.header[:PACKING_PLACE] + bytes([packing]) + self.header[PACKING_PLACE + 1:]
                + data)


class KeptSamples:
    """Which samples a board's memory holds, and where; the host divides that memory.

    Samples are told apart by their pixels, so it does not matter in which order, phase or with
    which header one comes again. They are kept in the order in which they come, until the next
    one does not fit; what is not kept comes over the wire each time.

    Parameters
    ----------
    size
        The board's memory, in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size // PLACE_UNIT
        self._used = 0
        self._places: dict[bytes, int] = {}
        self._coming: dict[int, tuple[bytes, int]] = {}  # by number: digest and place
        self._reserved: set[bytes] = set()  # digests of those

    def __len__(self) -> int:
        """Samples that the board keeps."""
        return len(self._places)

    @property
    def used_bytes(self) -> int:
        """How much of the memory is divided."""
        return self._used * PLACE_UNIT

    def samples(self, headers: Iterable[SampleHeader], pixels: np.ndarray
                ) -> Iterator[bytes | KeptSample]:
        """What a session is to stream, made as it is asked for.

        Parameters
        ----------
        headers
            Of the samples, in order; where they end early, so do the packets.
        pixels
            uint8[samples, pixels].
        """
        # What an earlier stream left behind unanswered may not have arrived.
        self._coming.clear()
        self._reserved.clear()
        source = iter(headers)
        for start in range(0, len(pixels), _BATCH):
            part = pixels[start:start + _BATCH]
            digests = [hashlib.blake2b(sample, digest_size=_DIGEST_BYTES).digest()
                       for sample in part]
            new = [row for row, digest in enumerate(digests) if digest not in self._places]
            packed = dict(zip(new, pack_pixels(part[new]), strict=True)) if new else {}
            for row, digest in enumerate(digests):
                header = next(source, None)
                if header is None:
                    return
                yield self._sample(header, part[row], digest, packed.get(row))

    def answered(self, number: int) -> None:
        """Sample ``number`` was answered: if it was to be kept, it is."""
        if number in self._coming:
            digest, place = self._coming.pop(number)
            self._reserved.discard(digest)
            self._places[digest] = place

    def _sample(self, header: SampleHeader, pixels: np.ndarray, digest: bytes,
                packed: tuple[int, bytes] | None) -> bytes | KeptSample:
        if (place := self._places.get(digest)) is not None:
            return KeptSample(header.pack(), pixels, place, packed=packed, is_there=True)
        packing, data = packed or pack_pixels(pixels[None])[0]
        places = record_places(len(data))
        if digest in self._reserved or self._used + places > self._size:
            return header.pack(packing) + data
        place, self._used = self._used, self._used + places
        self._coming[header.number] = digest, place
        self._reserved.add(digest)
        return KeptSample(header.pack(), pixels, place, packed=(packing, data), is_there=False)
