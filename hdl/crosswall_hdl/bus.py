"""Interfaces between a link (or a soft CPU) and the machine: control bus and packet streams."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_BITS", "DATA_BITS", "ControlBus", "PACKET_SHAPE", "PacketSignature",
           "sample_signature"]

ADDRESS_BITS = 16
DATA_BITS = 32


class ControlBus(wiring.Signature):
    """Register bus that one initiator at a time masters: the link now, a soft CPU later.

    Directions are the initiator's, so an initiator declares ``bus: Out(ControlBus())`` and a
    target (the register bank, the state window) declares ``bus: In(ControlBus())``.

    A transfer starts when ``strobe`` rises with ``address``, ``write`` and ``write_data`` valid.
    The initiator holds all four unchanged until ``acknowledge``, which the target raises for
    exactly one cycle, after any number of cycles and also in the very cycle ``strobe`` rises.
    ``read_data`` and ``error`` are sampled in that cycle and ignored in every other one. With
    ``strobe`` still high in the next cycle, the next transfer has begun; a target therefore
    must not raise ``acknowledge`` for a transfer that it has already acknowledged.

    Members
    -------
    strobe : Out(1)
        A transfer is pending.
    write : Out(1)
        1 for a write, 0 for a read.
    address : Out(16)
        Word address: consecutive 32-bit words are one apart.
    write_data : Out(32)
        Ignored by the target on a read.
    read_data : In(32)
        Valid with ``acknowledge`` on a read without ``error``.
    acknowledge : In(1)
        Ends the transfer. Must stay low while ``strobe`` is low.
    error : In(1)
        Sampled with ``acknowledge``: the target has no such address (or refuses this access
        kind) and nothing was changed.
    """

    def __init__(self) -> None:
        super().__init__({
            "strobe": Out(1),
            "write": Out(1),
            "address": Out(ADDRESS_BITS),
            "write_data": Out(DATA_BITS),
            "read_data": In(DATA_BITS),
            "acknowledge": In(1),
            "error": In(1),
        })

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ControlBus)

    def __repr__(self) -> str:
        return "ControlBus()"


PACKET_SHAPE = data.StructLayout({"data": 8, "last": 1})
"""One byte of a packet; ``last`` marks its final byte."""

PacketSignature = stream.Signature(PACKET_SHAPE)
"""Packet of bytes over an Amaranth stream, directions as seen by its source.

A source declares ``Out(PacketSignature)`` and a sink ``In(PacketSignature)``. A byte moves in
each cycle with ``valid`` and ``ready`` both high; ``valid`` and the payload hold until then. A
packet has at least one byte, and the byte after a ``last`` begins the next packet.
"""


def sample_signature(pixels_at_once: int) -> stream.Signature:
    """Packet of a sample over an Amaranth stream, directions as seen by its source: its header
    byte by byte, then its pixels in rows.

    With one pixel at once it is `PacketSignature`. With several the payload has:

    - ``data``, ``ArrayLayout(8, pixels_at_once)``: pixels of one row, each in its place; a byte
      of the header in place 0.
    - ``last``, 1 bit: the packet's end.
    - ``present``, ``pixels_at_once`` bits: which pixels of the row come in this cycle. A row may
      come in parts, ascending; its last place ends it. Beyond the sample's end it may be
      anything, and in the header it means nothing.

    Parameters
    ----------
    pixels_at_once
        Pixels of a row, a power of two.
    """
    if pixels_at_once == 1:
        return PacketSignature
    return stream.Signature(data.StructLayout({
        "data": data.ArrayLayout(8, pixels_at_once),
        "last": 1,
        "present": pixels_at_once,
    }))
