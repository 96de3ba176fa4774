"""Clustering walls that start as samples."""

from __future__ import annotations

import itertools

import numpy as np

from crosswall.spec.network import Network
from crosswall.spec.rules import Rules
from crosswall.twin import MachineState
from crosswall.twin.reference import encode_position, replicate

_TRIES = 16
"""Draws for each neuron before it keeps its random walls, where most positions are silent."""


def walls_from_samples(network: Network, rules: Rules, state: MachineState,
                       samples: np.ndarray) -> None:
    """Set the clustering walls of a state, in place, to the codes of samples drawn at random.

    A neuron's conductances become the targets of rule *match* for one position of one sample, so
    that it is a winner from the start instead of only after it has been drawn towards some. Each
    crossbar draws its own samples, without repetition while they last, and for each sample one
    of its positions; silent ones are skipped. A neuron for which nothing is found in
    ``_TRIES · neurons`` draws keeps its walls. Drawn from
    ``numpy.random.RandomState([rules.seed, crossbar])``, whose stream is frozen.

    Parameters
    ----------
    samples
        ``uint8[n, pixels]``, at least one.
    """
    for crossbar in range(network.crossbars):
        random = np.random.RandomState([rules.seed, crossbar])
        positions = [place for place, used in enumerate(network.crossbar) if used == crossbar]
        passes = (random.permutation(len(samples)) for _ in itertools.count())
        tries = itertools.islice(itertools.chain.from_iterable(passes), _TRIES * network.neurons)
        neurons = iter(range(network.neurons))
        neuron = next(neurons, None)
        for sample in tries:
            if neuron is None:
                break
            encoded = encode_position(network, rules.silence, samples[sample],
                                      positions[random.randint(len(positions))])
            if encoded.silent:
                continue
            targets = [replicate(network, code) for code in encoded.codes]
            state.clustering_walls[crossbar, :, neuron] = np.array(
                targets, np.uint16) << network.conductance_shift
            neuron = next(neurons, None)
