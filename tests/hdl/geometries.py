"""Small networks and builds that cover what the clustering stage can be built for."""

from crosswall.spec.build import Build
from crosswall.spec.network import Encoding, Network, Neuron, receptive_fields, whole_image

SMALL_TABLE = {"bin_bits": 2, "quantile_bits": 2}

GEOMETRIES: dict[str, tuple[Network, Build]] = {
    "shared fields": (
        receptive_fields(9, 9, 4, 8, field=3, stride=2, regions=2, **SMALL_TABLE),
        Build(4, 2)),
    "shared fields, one lane, three groups of regions": (
        receptive_fields(7, 6, 3, 6, field=2, stride=1, regions=3, winners=3, code_bits=2,
                         threshold_bits=9, **SMALL_TABLE),
        Build(1, 2, static_spread=False, compact=True)),
    "shared fields, one group": (
        receptive_fields(6, 6, 3, 16, field=4, stride=1, regions=1, winners=8, feature_bits=5,
                         code_bits=1, wall_bits=8, bin_bits=0, quantile_bits=0),
        Build(16, 2, static_spread=False)),
    "unshared fields": (
        receptive_fields(7, 7, 3, 12, field=3, stride=2, regions=1, shared=False, code_bits=4,
                         variant_bits=1, wall_bits=16, **SMALL_TABLE),
        Build(4, 2)),
    "whole image": (
        whole_image(30, 4, 6, code_bits=8, winners=1, **SMALL_TABLE),
        Build(2, 2, static_spread=False)),
    "whole image with contrast": (
        whole_image(21, 4, 4, encoding=Encoding.CONTRAST, **SMALL_TABLE),
        Build(4, 2)),
    "whole image, compact": (
        whole_image(14, 4, 4, encoding=Encoding.CONTRAST, **SMALL_TABLE),
        Build(2, 2, compact=True)),
    "racing neurons": (
        receptive_fields(6, 6, 3, 8, field=3, stride=1, regions=2, neuron=Neuron.RACE,
                         **SMALL_TABLE),
        Build(4, 2)),
    "racing neurons, compact": (
        receptive_fields(5, 6, 3, 6, field=3, stride=2, regions=1, shared=False,
                         neuron=Neuron.RACE, **SMALL_TABLE),
        Build(2, 2, static_spread=False, compact=True)),
    "labelled neurons": (
        receptive_fields(7, 6, 3, 8, field=3, stride=2, regions=1, labelled_neurons=True,
                         **SMALL_TABLE),
        Build(4, 2)),
    "labelled neurons, compact": (
        whole_image(20, 4, 6, winners=1, labelled_neurons=True, **SMALL_TABLE),
        Build(2, 2, static_spread=False, compact=True)),
    "free tables": (
        Network(pixels=20, classes=2, neurons=6, offset=(7, 0, 3, 4, 9), origin=(2, 0, 10, 5, 0, 7),
                crossbar=(1, 0, 0, 2, 1, 2), region=(0, 3, 1, 2, 0, 3),
                encoding=Encoding.INTENSITY, winners=6, **SMALL_TABLE),
        Build(2, 2)),
    "single pixels": (
        Network(pixels=3, classes=2, neurons=2, offset=(0,), origin=(2, 0), crossbar=(0, 0),
                region=(0, 0), encoding=Encoding.INTENSITY, winners=2, code_bits=8,
                **SMALL_TABLE),
        Build(2, 2)),
    "side by side": (
        receptive_fields(9, 9, 4, 8, field=3, stride=2, regions=2, **SMALL_TABLE),
        Build(8, 2, positions=2)),
    "side by side, more slots than pixels have time for": (
        receptive_fields(6, 6, 3, 4, field=2, stride=1, regions=3, winners=3, code_bits=2,
                         encoding=Encoding.INTENSITY, threshold_bits=9, **SMALL_TABLE),
        Build(4, 2, static_spread=False, positions=3, overlap=True)),
    "side by side, many winners": (
        receptive_fields(6, 7, 3, 8, field=4, stride=1, regions=1, winners=7, feature_bits=5,
                         code_bits=8, wall_bits=8, variant_bits=1, **SMALL_TABLE),
        Build(8, 2, positions=3, overlap=True)),
    # So many more neurons than lines that a position waits for their thresholds alone, as it does
    # with MNIST's fields from some hundred on; all are ranked, and their thresholds read, at once.
    "side by side, thresholds last": (
        receptive_fields(3, 3, 3, 32, field=2, stride=1, regions=1, code_bits=1, wall_bits=8,
                         encoding=Encoding.INTENSITY, threshold_bits=12, **SMALL_TABLE),
        Build(32, 2, static_spread=False, positions=4)),
}


def mnist_fields(neurons: int, positions: int) -> tuple[Network, Build]:
    """The geometry of the preset ``mnist``, and so many positions side by side, with overlap."""
    return (receptive_fields(28, 28, 10, neurons, field=5, stride=2, regions=4, **SMALL_TABLE),
            Build(neurons, 2, positions=positions, overlap=True))
