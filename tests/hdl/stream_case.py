"""Machines in which samples overlap, each with the kinds of samples that it is given."""

from crosswall.spec.build import Build
from crosswall.spec.network import Encoding, Network, Neuron, receptive_fields
from crosswall.spec.sample import Flag

_INFER, _LEARN, _TEACH = Flag.PREDICT, Flag.LEARN_CLUSTERING, Flag.PREDICT | Flag.LEARN_READOUT
_GUIDE = Flag.LEARN_CLUSTERING | Flag.GUIDE_CLUSTERING
_SCORES = Flag.SEND_SCORES | Flag.SEND_WINNERS

# That of nothing has a part sent of what was not asked for.
KINDS = (Flag.SEND_SCORES, _LEARN, _INFER | _SCORES, _LEARN | _INFER, _TEACH,
         _LEARN | _TEACH | _SCORES)
LABELLED_KINDS = (Flag(0), _INFER | _SCORES, _TEACH, _GUIDE | _INFER, Flag.REFINE_CLUSTERING,
                  Flag.REFINE_CLUSTERING | _TEACH | _SCORES)
"""Flags of samples; each kind follows each."""

_TABLE = {"bin_bits": 2, "quantile_bits": 2}

STREAMS: dict[str, tuple[Network, Build, tuple[Flag, ...]]] = {
    "one position at a time": (
        receptive_fields(7, 6, 4, 8, field=3, stride=2, regions=2, code_bits=2, wall_bits=10,
                         threshold_bits=16, **_TABLE),
        Build(8, 2, overlap=True), KINDS),
    "labelled neurons": (
        receptive_fields(6, 5, 3, 8, field=3, stride=1, regions=1, labelled_neurons=True,
                         **_TABLE),
        Build(4, 2, static_spread=False, overlap=True, packed=True), LABELLED_KINDS),
    "racing neurons": (
        receptive_fields(5, 5, 3, 4, field=3, stride=2, regions=1, shared=False,
                         neuron=Neuron.RACE, **_TABLE),
        Build(4, 2, overlap=True), KINDS),
    "side by side": (
        receptive_fields(5, 5, 4, 8, field=2, stride=1, regions=2, winners=3, wall_bits=9,
                         variant_bits=1, **_TABLE),
        Build(8, 2, positions=4, overlap=True), KINDS),
    "side by side, packed": (
        receptive_fields(6, 6, 4, 8, field=3, stride=1, regions=1, code_bits=2,
                         encoding=Encoding.INTENSITY, threshold_bits=12, **_TABLE),
        Build(8, 4, static_spread=False, positions=2, overlap=True, packed=True), KINDS),
}


def each_after_each(kinds: tuple[Flag, ...]) -> list[Flag]:
    """Every kind after every kind, itself too: a de Bruijn sequence of pairs, closed."""
    sequence = []
    for place, kind in enumerate(kinds):
        sequence.append(kind)
        for later in kinds[place + 1:]:
            sequence += [kind, later]
    return [*sequence, kinds[0]]
