"""Frames to wire bytes and back: ``COBS(frame ‖ CRC-32) ‖ 0x00``."""

from __future__ import annotations

import zlib

from cobs import cobs

from crosswall.spec import frames

__all__ = ["DEFAULT_LONGEST", "FrameDecoder", "encode"]

DEFAULT_LONGEST = 1 << 17
"""Longest frame, CRC included, that a decoder keeps unless told otherwise."""


def encode(frame: bytes) -> bytes:
    """Return the wire bytes of `frame` (type byte and body): CRC added, stuffed, delimited."""
    return cobs.encode(frame + zlib.crc32(frame).to_bytes(4, "little")) + b"\x00"


class FrameDecoder:
    """Takes wire bytes as they come and gives the frames that are intact.

    Starts afresh after every 0x00, so a damaged frame costs itself and, if its delimiter was
    hit, the next one. A frame with no byte in it (delimiters in a row) is not an error.

    Parameters
    ----------
    longest
        Longest frame, CRC included; a longer one is dropped, and its bytes are not kept.

    Attributes
    ----------
    bad_frames : int
        Frames dropped so far: broken COBS, wrong CRC, too long.
    """

    def __init__(self, longest: int = DEFAULT_LONGEST) -> None:
        self.bad_frames = 0
        self._longest = longest
        # COBS adds one byte per 254, and one.
        self._longest_encoded = longest + longest // 254 + 1
        self._partial = b""
        self._overflow = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the intact frames (without CRC) that `data` completes, in order."""
        pieces = data.split(b"\x00")
        pieces[0] = self._partial + pieces[0]
        self._partial = pieces.pop()
        complete = []
        for piece in pieces:
            if self._overflow:
                self._overflow = False
                self.bad_frames += 1
            elif piece:
                frame = self._open(piece)
                if frame:
                    complete.append(frame)
        if len(self._partial) > self._longest_encoded:
            self._overflow = True
        if self._overflow:
            self._partial = b""
        return complete

    def _open(self, piece: bytes) -> bytes | None:
        try:
            data = cobs.decode(piece)
        except cobs.DecodeError:
            self.bad_frames += 1
            return None
        if not data:
            return None
        if (len(data) > self._longest or len(data) <= frames.CRC_BYTES
                or zlib.crc32(data) != frames.CRC_RESIDUE):
            self.bad_frames += 1
            return None
        return data[:-frames.CRC_BYTES]
