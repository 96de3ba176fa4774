"""A machine whose encoding and read-out take about as long, and whose samples overlap."""

from crosswall.spec.build import Build
from crosswall.spec.network import Network, receptive_fields

SAMPLES = 6

CYCLES_BETWEEN_LOADS = 2
HAND_OVER = 5
"""Cycles that a station may need to take a sample over, and to be free again."""

ENCODING = 64 * (2 * 9 + 25)
"""Cycles of the encoder for 64 positions of 9 pixels with contrast."""


def overlap_case() -> tuple[Network, Build]:
    """64 positions, which the encoder bounds, and 64 sweeps over 27 features."""
    network = receptive_fields(10, 10, 64, 4, field=3, stride=1, regions=3, winners=3)
    return network, Build(4, 2, static_spread=False, overlap=True)
