"""Host side of the link: framing, sessions, transports and a model of the board's side."""

from .board_model import BoardModel, BoardTransport, ControlTarget
from .kept import KeptSample, KeptSamples
from .packing import pack_pixels, sample_packets
from .session import Session, SessionCounters
from .transports import MAX_BAUD, PairTransport, SerialTransport, Transport

__all__ = [
    "BoardModel",
    "BoardTransport",
    "ControlTarget",
    "KeptSample",
    "KeptSamples",
    "MAX_BAUD",
    "PairTransport",
    "SerialTransport",
    "Session",
    "SessionCounters",
    "Transport",
    "pack_pixels",
    "sample_packets",
]
