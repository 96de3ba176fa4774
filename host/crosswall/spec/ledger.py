"""The energy ledger: per-operation counters that twin and gateware keep alike.

Every counter has 64 bits and wraps. The host turns counts into joules with the
device's coefficients (:mod:`crosswall.device.energy`).

Reads are weighted as the analogue array would weigh them: *drive* is the sum of
input codes over the synapses read, *charge* the sum of code × conductance. With
a conductance ``G_min + (G_max − G_min)·g/255`` the charge through the array is
``drive·G_min + charge·(G_max − G_min)/255`` in units of volt × code time.
"""

from __future__ import annotations

import enum

COUNTER_BITS = 64


class Counter(enum.IntEnum):
    """The counters, in the order of the ledger's memory."""

    CLUSTERING_READS = 0
    """Synapses read: active lines × neurons, over scored positions."""
    CLUSTERING_READ_DRIVE = 1
    """Sum of codes × neurons."""
    CLUSTERING_READ_CHARGE = 2
    """Sum of all neurons' currents before the threshold."""
    CLUSTERING_STATE_READS = 3
    """Single synapses that the *match* rule read before it chose a pulse: lines of each winner
    that learned. The *stdp* rule reads no state and counts none."""
    CLUSTERING_POTENTIATIONS = 4
    CLUSTERING_DEPRESSIONS = 5
    CLUSTERING_POTENTIATION_LENGTH = 6
    """Potentiating pulses in unit pulse lengths."""
    CLUSTERING_DEPRESSION_LENGTH = 7
    CLUSTERING_INTEGRATIONS = 8
    """Neurons that integrated a current: neurons × scored positions."""
    CLUSTERING_FIRES = 9
    """Neurons that fired: 1 per scored position, `winners` per scored position if features
    are counted (flag PREDICT); fewer where a race ended with its last step."""
    CLUSTERING_RESETS = 10
    """Neuron walls returned after firing: one per fire."""
    CLUSTERING_INHIBITIONS = 11
    """Neurons held back: neurons − fires, per scored position."""
    SILENT_POSITIONS = 12
    """Positions skipped."""
    READOUT_READS = 13
    """Synapses read: active features × 2 × classes."""
    READOUT_READ_DRIVE = 14
    """Sum of features × 2 × classes."""
    READOUT_READ_CHARGE = 15
    """Sum of feature × (G⁺ + G⁻) over features and classes."""
    READOUT_POTENTIATIONS = 16
    READOUT_DEPRESSIONS = 17
    READOUT_POTENTIATION_LENGTH = 18
    READOUT_DEPRESSION_LENGTH = 19
    READOUT_INTEGRATIONS = 20
    """Classes per predicted sample."""
    READOUT_FIRES = 21
    """One per predicted sample."""
    READOUT_RESETS = 22
    """One per read-out fire."""
    READOUT_INHIBITIONS = 23
    """Classes − 1 per predicted sample."""
    SAMPLES = 24
    """Samples answered."""
    SAMPLES_CLUSTERED = 25
    """Samples with LEARN_CLUSTERING."""
    SAMPLES_LABELLED = 26
    """Samples with PREDICT, LEARN_READOUT and a valid label."""
    SAMPLES_TAUGHT = 27
    """Labelled samples that missed the margin, so that the read-out was written."""
    SAMPLES_INFERRED = 28
    """Samples that learned nothing: neither a LEARN flag nor REFINE_CLUSTERING."""
    CLUSTERING_RACE_STEPS = 29
    """Steps that the walls of racing neurons made, each wall's counted."""
    CLUSTERING_RACE_INHIBITIONS = 30
    """Of these, steps in which neighbours that were ahead held the wall back."""


COUNTERS = len(Counter)
