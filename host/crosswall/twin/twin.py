"""The twin: a machine in software, equal to the gateware bit for bit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, fields

import numpy as np

from crosswall.errors import DataError
from crosswall.spec.device_table import DeviceTable
from crosswall.spec.draws import STATIC_SAMPLE, Stage
from crosswall.spec.network import Encoding, Network, Neuron
from crosswall.spec.rules import ClusteringRule, Rules
from crosswall.spec.sample import Flag

from . import kernel
from .batch import Headers, Results
from .draws import draws
from .rankings import Rankings
from .state import MachineState


class Twin:
    """A machine in software.

    Parameters
    ----------
    network, rules, clustering_table, readout_table
        What the machine is built from; tables must fit the network (ValueError).
    state
        Where it starts; ``MachineState.initial(network, rules.seed)`` if not given. The twin
        keeps and changes it.
    """

    def __init__(self, network: Network, rules: Rules, clustering_table: DeviceTable,
                 readout_table: DeviceTable, state: MachineState | None = None) -> None:
        clustering_table.check_fits(network)
        readout_table.check_fits(network)
        self.network = network
        self._shape = kernel.Shape(
            network.neurons, network.classes, network.winners,
            network.encoding == Encoding.CONTRAST, network.code_bits, network.feature_max,
            network.wall_bits, network.wall_max, network.threshold_max,
            network.wall_bits - network.bin_bits, network.quantile_bits, network.bin_bits,
            (1 << network.variant_bits) - 1, rules.seed, rules.static_seed, rules.silence,
            rules.clustering_rule == ClusteringRule.STDP, rules.stdp_probability,
            rules.threshold_rise, rules.threshold_decay, rules.margin,
            network.labelled_neurons, rules.refinement_margin,
            kernel.Race(network.neuron == Neuron.RACE, **asdict(rules.race),
                        limit=1 << network.race_bits - 1))
        self._tables = kernel.Tables(
            np.array(network.offset, np.uintp), np.array(network.origin, np.uintp),
            np.array(network.crossbar), np.array(network.region),
            np.array(clustering_table.steps, np.int16), np.array(clustering_table.gains, np.int16),
            clustering_table.stuck_threshold,
            _static_draws(clustering_table, rules.static_seed, Stage.STATIC_CLUSTERING,
                          (network.crossbars, network.lines, network.neurons)),
            np.array(readout_table.steps, np.int16), np.array(readout_table.gains, np.int16),
            readout_table.stuck_threshold,
            _static_draws(readout_table, rules.static_seed, Stage.STATIC_READOUT,
                          (network.features, network.classes, 2)))
        self._rankings = Rankings(network)
        self.state = state or MachineState.initial(network, rules.seed)

    @property
    def state(self) -> MachineState:
        """The learned state; assign to restore a snapshot."""
        return self._state

    @state.setter
    def state(self, state: MachineState) -> None:
        state.check_fits(self.network)
        self._state = state
        shift = self.network.conductance_shift
        # The narrowest type in which every sum of a current is exact.
        currents = np.float32 if self.network.current_bits <= 24 else np.float64
        self._clustering_conductances = (state.clustering_walls >> shift).astype(currents)
        self._readout_conductances = (state.readout_walls >> shift).astype(np.uint8)
        self._rankings.clear()

    def process(self, headers: Headers, pixels: np.ndarray) -> Results:
        """Samples through the machine, in order.

        Parameters
        ----------
        headers
            Headers of ``n`` samples.
        pixels
            ``uint8[n, pixels]``.

        Raises
        ------
        DataError
            If ``pixels`` has another shape or type.
        """
        expected = (len(headers), self.network.pixels)
        if pixels.shape != expected or pixels.dtype != np.uint8:
            raise DataError(f"samples have shape {pixels.shape} of {pixels.dtype}, the network "
                            f"needs {expected} of uint8; check the data set against [geometry]")
        results = Results.empty(self.network, len(headers))
        pixels = np.ascontiguousarray(pixels)
        for place, learns in self._runs(headers):
            if learns:
                self._rankings.clear()
                self._process(headers[place], pixels[place], results[place])
            else:
                self._process_frozen(headers[place], pixels[place], results[place])
        if len(headers):
            self._state.next_sample = int(headers.numbers[-1]) + 1
        return results

    def _runs(self, headers: Headers) -> Iterator[tuple[slice, bool]]:
        """Runs of samples over which clustering learns, or is frozen."""
        learns = headers.flags & (Flag.LEARN_CLUSTERING | Flag.REFINE_CLUSTERING) != 0
        bounds = np.flatnonzero(np.diff(learns)) + 1
        for start, stop in itertools.pairwise((0, *bounds.tolist(), len(learns))):
            if stop > start:
                yield slice(start, stop), bool(learns[start])

    def _process(self, headers: Headers, pixels: np.ndarray, results: Results) -> None:
        state = self._state
        kernel.process(self._shape, self._tables, state.clustering_walls,
                       self._clustering_conductances, state.thresholds, state.readout_walls,
                       self._readout_conductances, state.ledger,
                       *(getattr(headers, item.name) for item in fields(headers)), pixels,
                       results.predictions, results.result_flags, results.winners, results.scores)

    def _process_frozen(self, headers: Headers, pixels: np.ndarray, results: Results) -> None:
        state = self._state

        def rank(samples: np.ndarray, rankings: np.ndarray, tallies: np.ndarray) -> None:
            kernel.rank(self._shape, self._tables, self._clustering_conductances,
                        state.thresholds, headers.numbers[samples], headers.flags[samples],
                        pixels[samples], rankings, tallies)

        kernel.read_out(self._shape, self._tables, *self._rankings.find(pixels, rank),
                        state.readout_walls, self._readout_conductances, state.ledger,
                        headers.numbers, headers.flags, headers.labels,
                        headers.readout_pulse_shifts, headers.readout_gate_shifts,
                        results.predictions, results.result_flags, results.winners,
                        results.scores)


def _static_draws(table: DeviceTable, seed: int, stage: Stage, shape: tuple[int, ...]
                  ) -> np.ndarray:
    """Static draw of every synapse, ``uint32`` of ``shape``; zeros, which take no memory until
    written, if the devices are all alike."""
    if not table.stuck_threshold and not table.variant_bits and len(set(table.gains)) == 1:
        return np.zeros(shape, np.uint32)
    return draws(seed, STATIC_SAMPLE, stage,
                 np.arange(math.prod(shape), dtype=np.uint32)).reshape(shape)
