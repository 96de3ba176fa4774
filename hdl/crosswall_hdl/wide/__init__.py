"""The clustering stage for positions side by side, which share every row of walls."""

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from ..clustering import ClusteringStage
from .clustering import WideClusteringStage

__all__ = ["WideClusteringStage", "clustering_stage"]


def clustering_stage(network: Network, build: Build) -> ClusteringStage | WideClusteringStage:
    """The clustering stage of ``build``. ValueError if it does not fit ``network``."""
    return (WideClusteringStage if build.positions > 1 else ClusteringStage)(network, build)
