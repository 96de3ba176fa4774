"""Link frames: types, layouts, limits, CRC, and pure functions that pack and unpack them.

On the wire a frame travels as ``COBS(frame ‖ CRC-32) ‖ 0x00``. A *frame* is its type byte and
its body; every integer is little-endian. This module handles frames and their CRC; COBS belongs
to `crosswall.link.framing` on the host and to `crosswall_hdl.link.cobs` on the board.

======== ============== ===========================================================
type     direction      body
======== ============== ===========================================================
CONTROL  host to board  id u16, operation u8, address u16, count u8, words (writes)
SAMPLE   host to board  sample packet; its first field is the sample number u32
KEEP     host to board  place u24, sample packet
REPLAY   host to board  number u32, flags u8, clustering shifts u8, read-out shifts u8, and for
                        each sample place u24, label u8
REPLY    board to host  id u16, status u8, operation u8, address u16, count u8, words (reads)
RESULT   board to host  result packet; its first field is the sample number u32
GAP      board to host  expected sample number u32
======== ============== ===========================================================

*Control frames are executed once and in order.* The board executes the id after the last one
that it executed (any id after reset) and keeps the reply; every other id executes nothing and
gets that reply again. One transaction is in flight; a new session learns the id from any reply.

*Samples are learned once and in order.* The board admits exactly the expected number. A lower
one whose result is among the last `slots` is answered with it again; a higher one is answered
with GAP, once until the expected one arrives. The host sends sample n + `slots` only after it
has the results up to n, and sends unanswered samples again on GAP or time-out.

*Passes after the first need not bring their samples again.* KEEP is a SAMPLE whose pixels are also
written to a place of the board's memory (`crosswall.spec.store`), if the sample is admitted. REPLAY
stands for as many SAMPLE frames as it names places, of numbers that follow each other: the board
does with each what it would do with that frame, in order, so that everything said above holds for
them one by one. A place that holds no intact record counts as a damaged frame. Only boards with
memory for samples take these two (field ``store`` of register ``build_options``).
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "CONTROL_HEADER",
    "CRC_BYTES",
    "CRC_RESIDUE",
    "DELIMITER",
    "MAX_CONTROL_WORDS",
    "NUMBER_BYTES",
    "PROTOCOL_VERSION",
    "REPLY_HEADER",
    "Control",
    "FrameError",
    "FrameType",
    "MAX_REPLAY",
    "Operation",
    "PLACE_BYTES",
    "REPLAY_ENTRY_BYTES",
    "REPLAY_HEADER_BYTES",
    "Replay",
    "Reply",
    "Status",
    "append_crc",
    "control_frame_bytes",
    "pack_control",
    "pack_gap",
    "pack_keep",
    "pack_replay",
    "pack_reply",
    "pack_result",
    "pack_sample",
    "packet_number",
    "remove_crc",
    "unpack_control",
    "unpack_gap",
    "unpack_keep",
    "unpack_packet",
    "unpack_replay",
    "unpack_reply",
]

PROTOCOL_VERSION = 1
"""Version of everything in this module; the board reports it in its identification."""

DELIMITER = b"\x00"
"""Ends every frame on the wire. COBS keeps it out of the frame itself."""

CRC_BYTES = 4
"""CRC-32 as in Ethernet and zlib: polynomial 0x04C11DB7 reflected, initial value and final
inversion 0xFFFFFFFF; `zlib.crc32` in software, `amaranth.lib.crc.catalog.CRC32_ISO_HDLC` in
gateware. It covers the frame from its type byte on and is sent least significant byte first."""

CRC_RESIDUE = 0x2144DF1C
"""`zlib.crc32` of any frame followed by its own CRC."""

NUMBER_BYTES = 4
"""A sample or result packet begins with the sample number, u32 little-endian."""

MAX_CONTROL_WORDS = 64
"""Most words that one control frame reads or writes."""

PLACE_BYTES = 3
"""A place in the board's memory, u24; see `crosswall.spec.store`."""

MAX_REPLAY = 64
"""Most samples that one REPLAY frame stands for."""

_REPLAY_HEADER = struct.Struct("<IBBB")
REPLAY_HEADER_BYTES = _REPLAY_HEADER.size
"""Bytes of a REPLAY frame between its type and the first sample's place."""

REPLAY_ENTRY_BYTES = PLACE_BYTES + 1
"""Bytes of each sample of a REPLAY frame."""

CONTROL_HEADER = struct.Struct("<BHBHB")
"""Type, id, operation, address, count."""

REPLY_HEADER = struct.Struct("<BHBBHB")
"""Type, id, status, operation, address, count."""

_GAP = struct.Struct("<BI")
_NUMBER = struct.Struct("<I")
_REPLAYED = struct.Struct("<IBBBB")


class FrameError(ValueError):
    """A frame that the protocol does not allow: its receiver drops and counts it."""


class FrameType(IntEnum):
    """First byte of a frame; bit 7 is set in the frames that the board sends."""

    CONTROL = 0x01
    SAMPLE = 0x02
    KEEP = 0x04
    REPLAY = 0x06
    REPLY = 0x81
    RESULT = 0x82
    GAP = 0x83


class Operation(IntEnum):
    """What a control frame does. Bit 0: write. Bit 1: every word goes to the same address."""

    READ = 0
    WRITE = 1
    READ_WINDOW = 2
    WRITE_WINDOW = 3

    @property
    def is_write(self) -> bool:
        """Whether the control frame carries words (and the reply none)."""
        return bool(self & 1)

    @property
    def is_window(self) -> bool:
        """Whether the address stays (a data window) instead of stepping by one per word."""
        return bool(self & 2)


class Status(IntEnum):
    """Outcome in a reply."""

    OK = 0
    ADDRESS_ERROR = 1
    """The target refused a word. The words before it were executed: `count` says how many."""


@dataclass(frozen=True)
class Control:
    """A control transaction: `count` words (1 … 64) from `address`; `words` only for writes."""

    id: int
    operation: Operation
    address: int
    count: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reply:
    """Answer to the control transaction `id`; `count` is how many words were executed."""

    id: int
    status: Status
    operation: Operation
    address: int
    count: int
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What one REPLAY frame says.

    Parameters
    ----------
    number
        Of the first sample, 0 … 2³²−1; the others follow.
    flags, clustering_shifts, readout_shifts
        These bytes of every sample's header (`crosswall.spec.sample.SampleHeader.pack`).
    entries
        Place (0 … 2²⁴−1) and label (0 … 255) of each sample, 1 … ``MAX_REPLAY`` of them.
    """

    number: int
    flags: int
    clustering_shifts: int
    readout_shifts: int
    entries: tuple[tuple[int, int], ...]

    def headers(self) -> list[bytes]:
        """The header of each sample's packet as far as how its pixels are packed, 8 bytes."""
        return [_REPLAYED.pack(self.number + index & 0xFFFF_FFFF, self.flags, label,
                               self.clustering_shifts, self.readout_shifts)
                for index, (_, label) in enumerate(self.entries)]


def append_crc(frame: bytes) -> bytes:
    """Return `frame` followed by its CRC-32."""
    return frame + zlib.crc32(frame).to_bytes(CRC_BYTES, "little")


def remove_crc(data: bytes) -> bytes:
    """Return the frame in `data` = frame ‖ CRC. Raises FrameError if the CRC does not match."""
    if len(data) <= CRC_BYTES or zlib.crc32(data) != CRC_RESIDUE:
        raise FrameError(f"frame of {len(data)} bytes with a wrong CRC")
    return data[:-CRC_BYTES]


def control_frame_bytes(operation: Operation, count: int) -> int:
    """Length of the control frame (type byte to last word, no CRC) with `count` words."""
    return CONTROL_HEADER.size + (4 * count if operation.is_write else 0)


def pack_control(control: Control) -> bytes:
    """Return the CONTROL frame. Raises FrameError for a count, address or word out of range."""
    _check_count(control.count, least=1)
    expected = control.count if control.operation.is_write else 0
    return _pack_with_words(CONTROL_HEADER, control.words, expected, FrameType.CONTROL,
                            control.id, control.operation, control.address, control.count)


def unpack_control(frame: bytes) -> Control:
    """Parse a CONTROL frame. Raises FrameError for anything but an exact, well-formed one."""
    fields, words = _unpack_with_words(CONTROL_HEADER, frame, FrameType.CONTROL)
    transaction, operation, address, count = fields
    operation = _operation(operation)
    _check_count(count, least=1)
    if len(words) != (count if operation.is_write else 0):
        raise FrameError(f"{operation.name} of {count} words carries {len(words)}")
    return Control(transaction, operation, address, count, words)


def pack_reply(reply: Reply) -> bytes:
    """Return the REPLY frame. Raises FrameError for a count, address or word out of range."""
    _check_count(reply.count, least=0)
    expected = 0 if reply.operation.is_write else reply.count
    return _pack_with_words(REPLY_HEADER, reply.words, expected, FrameType.REPLY, reply.id,
                            reply.status, reply.operation, reply.address, reply.count)


def unpack_reply(frame: bytes) -> Reply:
    """Parse a REPLY frame. Raises FrameError for anything but an exact, well-formed one."""
    fields, words = _unpack_with_words(REPLY_HEADER, frame, FrameType.REPLY)
    transaction, status, operation, address, count = fields
    operation = _operation(operation)
    try:
        status = Status(status)
    except ValueError:
        raise FrameError(f"reply with unknown status {status}") from None
    _check_count(count, least=0)
    if len(words) != (0 if operation.is_write else count):
        raise FrameError(f"reply to {operation.name} of {count} words carries {len(words)}")
    return Reply(transaction, status, operation, address, count, words)


def pack_sample(packet: bytes) -> bytes:
    """Return the SAMPLE frame that carries `packet`."""
    return b"\x02" + packet


def pack_keep(place: int, packet: bytes) -> bytes:
    """Return the KEEP frame that carries `packet` for `place`. Raises FrameError for a place out
    of range."""
    return b"\x04" + _pack_place(place) + packet


def unpack_keep(frame: bytes) -> tuple[int, bytes]:
    """Return place and sample packet of a KEEP frame. Raises FrameError if it is none."""
    start = 1 + PLACE_BYTES
    if len(frame) < start + NUMBER_BYTES or frame[0] != FrameType.KEEP:
        raise FrameError(f"not a KEEP frame: {len(frame)} bytes")
    return int.from_bytes(frame[1:start], "little"), frame[start:]


def pack_replay(replay: Replay) -> bytes:
    """Return the REPLAY frame. Raises FrameError for a field or a number of samples out of
    range."""
    _check_replay(len(replay.entries))
    try:
        return b"\x06" + _REPLAY_HEADER.pack(
            replay.number, replay.flags, replay.clustering_shifts, replay.readout_shifts) \
            + b"".join(_pack_place(place) + struct.pack("<B", label)
                       for place, label in replay.entries)
    except struct.error as error:
        raise FrameError(f"replay field out of range: {error}") from None


def unpack_replay(frame: bytes) -> Replay:
    """Parse a REPLAY frame. Raises FrameError for anything but an exact, well-formed one."""
    start = 1 + REPLAY_HEADER_BYTES
    count, rest = divmod(len(frame) - start, REPLAY_ENTRY_BYTES)
    if rest or count < 0 or frame[0] != FrameType.REPLAY:
        raise FrameError(f"not a REPLAY frame: {len(frame)} bytes")
    _check_replay(count)
    entries = tuple(
        (int.from_bytes(frame[at:at + PLACE_BYTES], "little"), frame[at + PLACE_BYTES])
        for at in range(start, len(frame), REPLAY_ENTRY_BYTES))
    number, flags, clustering, readout = _REPLAY_HEADER.unpack_from(frame, 1)
    return Replay(number, flags, clustering, readout, entries)


def pack_result(packet: bytes) -> bytes:
    """Return the RESULT frame that carries `packet`."""
    return b"\x82" + packet


def pack_gap(expected: int) -> bytes:
    """Return the GAP frame naming the sample number that the board expects (0 … 2³²−1)."""
    return _GAP.pack(FrameType.GAP, expected)


def unpack_gap(frame: bytes) -> int:
    """Return the expected sample number of a GAP frame. Raises FrameError if it is none."""
    if len(frame) != _GAP.size or frame[0] != FrameType.GAP:
        raise FrameError(f"not a GAP frame: {len(frame)} bytes")
    return _GAP.unpack(frame)[1]


def unpack_packet(frame: bytes) -> bytes:
    """Return the packet of a SAMPLE or RESULT frame. Raises FrameError if too short for one."""
    if len(frame) < 1 + NUMBER_BYTES or frame[0] not in (FrameType.SAMPLE, FrameType.RESULT):
        raise FrameError(f"not a packet frame: {len(frame)} bytes")
    return frame[1:]


def packet_number(packet: bytes) -> int:
    """Return the sample number that `packet` (a sample or result packet) begins with."""
    return _NUMBER.unpack_from(packet)[0]


def _pack_place(place: int) -> bytes:
    if not 0 <= place < 1 << 8 * PLACE_BYTES:
        raise FrameError(f"place {place} is not in 0 … {(1 << 8 * PLACE_BYTES) - 1}")
    return place.to_bytes(PLACE_BYTES, "little")


def _check_replay(count: int) -> None:
    if not 1 <= count <= MAX_REPLAY:
        raise FrameError(f"replay of {count} samples: expected 1 … {MAX_REPLAY}")


def _operation(value: int) -> Operation:
    try:
        return Operation(value)
    except ValueError:
        raise FrameError(f"unknown control operation {value}") from None


def _check_count(count: int, *, least: int) -> None:
    if not least <= count <= MAX_CONTROL_WORDS:
        raise FrameError(f"control count {count} is not in {least} … {MAX_CONTROL_WORDS}")


def _pack_with_words(header: struct.Struct, words: Sequence[int], expected: int,
                     *fields: int) -> bytes:
    if len(words) != expected:
        raise FrameError(f"control frame needs {expected} words, got {len(words)}")
    try:
        return header.pack(*fields) + struct.pack(f"<{len(words)}I", *words)
    except struct.error as error:
        raise FrameError(f"control frame field out of range: {error}") from None


def _unpack_with_words(header: struct.Struct, frame: bytes,
                       kind: FrameType) -> tuple[tuple[int, ...], tuple[int, ...]]:
    count, rest = divmod(len(frame) - header.size, 4)
    if count < 0 or rest or frame[0] != kind:
        raise FrameError(f"not a {kind.name} frame: {len(frame)} bytes")
    fields = header.unpack_from(frame)
    return fields[1:], struct.unpack_from(f"<{count}I", frame, header.size)
