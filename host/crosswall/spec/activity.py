"""What a sample asks of the machine: everything about it that its cycles depend on."""

from __future__ import annotations

from dataclasses import dataclass

from .network import Network
from .sample import Flag, SampleHeader


@dataclass(frozen=True)
class ScoredPosition:
    """What a position that is not silent asks for.

    Parameters
    ----------
    events
        Lines with a code above 0, 0 to ``fan_in``.
    pulses
        For each sweep of the clustering plasticity over a neuron of this position, how many pulses
        it gives: nothing if no neuron learns, one number if one does, two if two are refined.
    race_steps
        Steps of its race; 0 without racing neurons.
    """

    events: int
    pulses: tuple[int, ...] = ()
    race_steps: int = 0


@dataclass(frozen=True)
class Activity:
    """One sample, as far as its cycles depend on it.

    Parameters
    ----------
    header
        What it asks for.
    positions
        For each position of the network what it asks for; None if it is silent.
    active_features
        Features above 0; 0 if it does not predict.
    taught
        It missed the margin: the read-out learned.
    readout_pulses
        Pulses that the read-out got.
    """

    header: SampleHeader
    positions: tuple[ScoredPosition | None, ...]
    active_features: int = 0
    taught: bool = False
    readout_pulses: int = 0

    def asks(self, flag: Flag) -> bool:
        """Whether the sample's flags contain ``flag``."""
        return bool(self.header.flags & flag)

    @property
    def scored(self) -> int:
        """Positions that are not silent."""
        return sum(position is not None for position in self.positions)

    @property
    def events(self) -> int:
        """Active lines of all positions."""
        return sum(position.events for position in self.positions if position is not None)


def full_activity(network: Network, flags: int, *, taught: bool = False) -> Activity:
    """The most that a sample with ``flags`` can ask for, but for steps of races and refined
    neurons: no position is silent, every pixel drives a line, every synapse that may gets a pulse,
    and as many features are active as winners can make."""
    learns = bool(flags & Flag.LEARN_CLUSTERING)
    position = ScoredPosition(network.fan_in, (network.lines,) if learns else ())
    predicts = bool(flags & Flag.PREDICT)
    features = min(network.features, network.positions * network.winners) if predicts else 0
    taught = taught and predicts
    return Activity(SampleHeader(0, flags, label=0), (position,) * network.positions, features,
                    taught, 2 * features if taught else 0)
