"""The plasticity rules' parameters: what a host writes to the rule registers."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .race import Race
from .registers import REGISTERS

MAX_MARGIN = (1 << 31) - 1
"""Largest teaching and refinement margin."""


class ClusteringRule(enum.StrEnum):
    """How the best neuron's synapses follow a sample."""

    MATCH = "match"
    """Each conductance steps towards its line's code, with a probability that grows with
    the distance. Reads the wall first."""
    STDP = "stdp"
    """Active lines potentiate, inactive lines depress, with a fixed probability. Reads no state."""


@dataclass(frozen=True)
class Rules:
    """Parameters of a run, constant while samples are in flight.

    Parameters
    ----------
    seed, static_seed
        32-bit seeds of learning draws and of fabrication (spread, stuck devices).
    silence
        A position whose peak deviation is below this is silent, 0 to 256.
    clustering_rule
        See :class:`ClusteringRule`.
    stdp_probability
        Pulse probability of rule *stdp* × 65536, 0 to 65535.
    threshold_rise, threshold_decay
        Homeostasis, in units of current; 0 to ``2**31 - 1``.
    margin
        Teaching margin in units of score, 0 to ``2**31 - 1``.
    refinement_margin
        Margin of refinement in units of current, 0 to ``2**31 - 1``.
    race
        How physical neurons race.

    Raises
    ------
    ValueError
        Naming the parameter, its value and the range.
    """

    seed: int
    static_seed: int
    threshold_rise: int
    margin: int
    refinement_margin: int = 0
    threshold_decay: int = 1
    silence: int = 12
    clustering_rule: ClusteringRule = ClusteringRule.MATCH
    stdp_probability: int = 4096
    race: Race = Race()

    def __post_init__(self) -> None:
        self.register_words()
        if self.silence > 256:
            raise ValueError(f"`silence` must be 0 to 256: got {self.silence}")

    def register_words(self) -> dict[str, int]:
        """The words of the rule registers, by register name."""
        words = {name: REGISTERS[name].pack(value=getattr(self, name))
                 for name in ("seed", "static_seed", "silence", "threshold_rise",
                              "threshold_decay", "margin",
                              "refinement_margin")}
        words["clustering_rule"] = REGISTERS["clustering_rule"].pack(
            stdp=self.clustering_rule == ClusteringRule.STDP,
            stdp_probability=self.stdp_probability)
        words["fire_threshold"] = REGISTERS["fire_threshold"].pack(value=self.race.fire_threshold)
        words["race"] = REGISTERS["race"].pack(
            **{field.name: getattr(self.race, field.name) for field in REGISTERS["race"].fields})
        return words
