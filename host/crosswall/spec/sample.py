"""Sample and result packets: what crosses the machine's two streams.

A *sample packet* is a header of 10 bytes and the sample's pixels, a byte each
unless it says that they are packed (:mod:`crosswall.spec.packing`). The header
carries everything that the rules vary over a run, so that no register is
written between samples and a retransmitted sample is learned identically.
A *result packet* is a header of 8 bytes and the parts that were asked for.
All integers are little-endian.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from .device_table import MAX_PULSE_SHIFT
from .draws import STATIC_SAMPLE
from .network import Network

MAX_GATE_SHIFT = 8
"""Largest right shift of a pulse probability."""

NO_PREDICTION = 0xFF
"""Prediction of a sample that did not ask for one."""

UNLABELLED = 0xFF
"""Label of a sample without one."""


class Flag(enum.IntFlag):
    """What a sample asks for."""

    LEARN_CLUSTERING = 1
    LEARN_READOUT = 2
    PREDICT = 4
    GUIDE_CLUSTERING = 8
    """With LEARN_CLUSTERING: among the neurons of the label's class the best one learns, the
    teacher holds the others back. Needs labelled neurons and a label."""
    SEND_WINNERS = 16
    SEND_SCORES = 32
    REFINE_CLUSTERING = 64
    """Instead of LEARN_CLUSTERING: where the label's best neuron does not beat the best other
    by the refinement margin, its active lines are potentiated and the other's depressed. Needs
    labelled neurons and a label."""


class ResultFlag(enum.IntFlag):
    """What happened to a sample."""

    TAUGHT = 1
    """The margin was missed: the read-out was potentiated and depressed."""
    REFINED = 2
    """The refinement margin was missed at a position: two of its neurons were written."""


_HEADER = struct.Struct("<IBBBBBB")

SAMPLE_HEADER_BYTES = _HEADER.size
_RESULT_HEADER = struct.Struct("<IBBBB")
RESULT_HEADER_BYTES = _RESULT_HEADER.size


@dataclass(frozen=True)
class SampleHeader:
    """Header of a sample packet, in wire order.

    Parameters
    ----------
    number
        The sample's number in the run, 0 to ``2**32 - 2``.
    flags
        :class:`Flag` bits.
    label
        Class, or ``UNLABELLED``.
    clustering_pulse_shift, readout_pulse_shift
        A pulse has ``2**shift`` unit lengths; 0 to ``MAX_PULSE_SHIFT``.
    clustering_gate_shift, readout_gate_shift
        Pulse probabilities are shifted right by this; 0 to ``MAX_GATE_SHIFT``.
    """

    number: int
    flags: int
    label: int = UNLABELLED
    clustering_pulse_shift: int = 0
    clustering_gate_shift: int = 0
    readout_pulse_shift: int = 0
    readout_gate_shift: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.number < STATIC_SAMPLE:
            raise ValueError(f"`number` must be 0 to {STATIC_SAMPLE - 1}: got {self.number}")
        if not 0 <= self.label <= 0xFF:
            raise ValueError(f"`label` must be 0 to 255: got {self.label}")
        for name, limit in (("clustering_pulse_shift", MAX_PULSE_SHIFT),
                            ("readout_pulse_shift", MAX_PULSE_SHIFT),
                            ("clustering_gate_shift", MAX_GATE_SHIFT),
                            ("readout_gate_shift", MAX_GATE_SHIFT)):
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise ValueError(f"`{name}` must be 0 to {limit}: got {value}")

    def pack(self, packing: int = 0) -> bytes:
        """The ten header bytes: number (4), flags, label, clustering pulse shift | gate
        shift << 4, read-out pulse shift | gate shift << 4, how the pixels that follow are packed
        (:mod:`crosswall.spec.packing`), a reserved zero byte."""
        return _HEADER.pack(self.number, self.flags, self.label,
                            self.clustering_pulse_shift | self.clustering_gate_shift << 4,
                            self.readout_pulse_shift | self.readout_gate_shift << 4, packing, 0)

    @classmethod
    def unpack(cls, packet: bytes) -> SampleHeader:
        """The header of a packed sample."""
        number, flags, label, clustering, readout, _, _ = _HEADER.unpack_from(packet)
        return cls(number, flags, label, clustering & 15, clustering >> 4,
                   readout & 15, readout >> 4)


def sample_packet_bytes(network: Network) -> int:
    """Length of every sample packet of a network whose pixels are not packed, and of the longest
    that are."""
    return SAMPLE_HEADER_BYTES + network.pixels


def winner_bytes(network: Network) -> int:
    """Bytes of one position's winner; all ones means a silent position."""
    return 1 if network.neurons <= 255 else 2


def silent_winner(network: Network) -> int:
    """Winner of a silent position on the wire."""
    return (1 << 8 * winner_bytes(network)) - 1


SCORE_BYTES = 4


def result_packet_bytes(network: Network, flags: int) -> int:
    """Length of the result packet that a sample with ``flags`` is answered by."""
    return (RESULT_HEADER_BYTES
            + (network.positions * winner_bytes(network) if flags & Flag.SEND_WINNERS else 0)
            + (network.classes * SCORE_BYTES
               if flags & Flag.SEND_SCORES and flags & Flag.PREDICT else 0))


def max_result_packet_bytes(network: Network) -> int:
    """Length of the longest result packet of a network."""
    return result_packet_bytes(network, Flag.SEND_WINNERS | Flag.SEND_SCORES | Flag.PREDICT)


@dataclass(frozen=True)
class Result:
    """Answer to one sample.

    Parameters
    ----------
    number, flags
        The sample's number and flags, echoed.
    prediction
        Class, or ``NO_PREDICTION``.
    result_flags
        :class:`ResultFlag` bits.
    winners
        For each position the best neuron, or ``-1`` where silent; empty if not asked for.
    scores
        Read-out scores by class; empty if not asked for or not predicted.
    """

    number: int
    flags: int
    prediction: int = NO_PREDICTION
    result_flags: int = 0
    winners: tuple[int, ...] = ()
    scores: tuple[int, ...] = ()

    def pack(self, network: Network) -> bytes:
        """The result packet: number (4), flags, prediction, result flags, a reserved zero byte;
        then winners; then scores as signed 32-bit integers."""
        width, silent = winner_bytes(network), silent_winner(network)
        parts = [_RESULT_HEADER.pack(self.number, self.flags, self.prediction,
                                     self.result_flags, 0)]
        parts += [(silent if winner < 0 else winner).to_bytes(width, "little")
                  for winner in self.winners]
        parts += [score.to_bytes(SCORE_BYTES, "little", signed=True) for score in self.scores]
        return b"".join(parts)

    @classmethod
    def unpack(cls, packet: bytes, network: Network) -> Result:
        """The result in a packet; ValueError if its length does not match its flags."""
        if len(packet) < RESULT_HEADER_BYTES:
            raise ValueError(f"a result packet has at least {RESULT_HEADER_BYTES} bytes: "
                             f"got {len(packet)}")
        number, flags, prediction, result_flags, _ = _RESULT_HEADER.unpack_from(packet)
        if len(packet) != result_packet_bytes(network, flags):
            raise ValueError(f"the result of sample {number} must have "
                             f"{result_packet_bytes(network, flags)} bytes: got {len(packet)}")
        width, silent = winner_bytes(network), silent_winner(network)
        start = RESULT_HEADER_BYTES
        winners: list[int] = []
        if flags & Flag.SEND_WINNERS:
            for _ in range(network.positions):
                winner = int.from_bytes(packet[start:start + width], "little")
                winners.append(-1 if winner == silent else winner)
                start += width
        scores = [int.from_bytes(packet[place:place + SCORE_BYTES], "little", signed=True)
                  for place in range(start, len(packet), SCORE_BYTES)]
        return cls(number, flags, prediction, result_flags, tuple(winners), tuple(scores))
