"""The clustering stage for positions side by side, which share every row of walls."""

from typing import Any

from crosswall.spec.build import Build
from crosswall.spec.network import Network

from ..clustering import ClusteringStage
from .clustering import WideClusteringStage

__all__ = ["WideClusteringStage", "clustering_stage"]


def clustering_stage(network: Network, build: Build,
                     **memories: Any) -> ClusteringStage | WideClusteringStage:
    """The clustering stage of ``build``; ``memories`` are further arguments of a `ClusteringStage`
    for positions one by one. ValueError if it does not fit ``network``."""
    if build.positions > 1:
        return WideClusteringStage(network, build)
    return ClusteringStage(network, build, **memories)
