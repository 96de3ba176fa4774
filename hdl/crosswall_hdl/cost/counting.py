"""When the read-out stage's feature counters take rankings."""

from ..readout import ReadoutStage

__all__ = ["Counting"]


class Counting:
    """The feature counters while the rankings of one sample come, in cycles of the caller's clock.

    Parameters
    ----------
    readout
        The stage that has the counters.
    adds
        The sample asks for a prediction: what its winners are is counted.
    ready
        First cycle in which a ranking can be taken.
    """

    def __init__(self, readout: ReadoutStage, *, adds: bool, ready: int) -> None:
        self._features = readout.features
        self._adds, self._ready = adds, ready
        self._counted = ready

    def take(self, cycle: int, *, silent: bool) -> int:
        """The cycle in which a ranking is taken that is offered from ``cycle`` on."""
        taken = max(cycle, self._ready)
        self._ready = taken + 1
        if self._adds and not silent:
            self._ready = taken + self._features.ranking_cycles
            self._counted = taken + self._features.counting_latency
        return taken

    def counted(self, finish: int) -> int:
        """The cycle in which all is known to be counted, if the sample's rankings end with
        ``finish``."""
        return max(self._counted, finish + self._features.finish_latency)
