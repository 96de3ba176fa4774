"""The machine compiled by Numba; equals :mod:`crosswall.twin.reference` bit for bit.

Arrays are passed one by one, as Numba likes them. Shapes are those of
:class:`crosswall.twin.state.MachineState`; besides the walls, the kernel keeps
their conductances (``uint8``), because scoring reads nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from crosswall.spec.device_table import GAIN_ENTRIES, Direction
from crosswall.spec.draws import ROUNDS, STAGE_SHIFT, STATIC_SAMPLE, Stage
from crosswall.spec.ledger import COUNTERS, Counter
from crosswall.spec.sample import NO_PREDICTION, Flag, ResultFlag

_LEARN_CLUSTERING = int(Flag.LEARN_CLUSTERING)
_LEARN_READOUT = int(Flag.LEARN_READOUT)
_PREDICT = int(Flag.PREDICT)
_TAUGHT = int(ResultFlag.TAUGHT)
_POTENTIATE, _DEPRESS = int(Direction.POTENTIATE), int(Direction.DEPRESS)
_CLUSTERING, _READOUT = int(Stage.CLUSTERING), int(Stage.READOUT)
_STATIC_CLUSTERING, _STATIC_READOUT = int(Stage.STATIC_CLUSTERING), int(Stage.STATIC_READOUT)
_GAIN_MASK = GAIN_ENTRIES - 1
_VARIANT_SHIFT = GAIN_ENTRIES.bit_length() - 1

_READS = int(Counter.CLUSTERING_READS)
_DRIVE = int(Counter.CLUSTERING_READ_DRIVE)
_CHARGE = int(Counter.CLUSTERING_READ_CHARGE)
_STATE_READS = int(Counter.CLUSTERING_STATE_READS)
_PULSES = int(Counter.CLUSTERING_POTENTIATIONS)
_INTEGRATIONS = int(Counter.CLUSTERING_INTEGRATIONS)
_FIRES = int(Counter.CLUSTERING_FIRES)
_RESETS = int(Counter.CLUSTERING_RESETS)
_INHIBITIONS = int(Counter.CLUSTERING_INHIBITIONS)
_SILENT = int(Counter.SILENT_POSITIONS)
_READOUT_READS = int(Counter.READOUT_READS)
_READOUT_DRIVE = int(Counter.READOUT_READ_DRIVE)
_READOUT_CHARGE = int(Counter.READOUT_READ_CHARGE)
_READOUT_PULSES = int(Counter.READOUT_POTENTIATIONS)
_READOUT_INTEGRATIONS = int(Counter.READOUT_INTEGRATIONS)
_READOUT_FIRES = int(Counter.READOUT_FIRES)
_READOUT_RESETS = int(Counter.READOUT_RESETS)
_READOUT_INHIBITIONS = int(Counter.READOUT_INHIBITIONS)
_SAMPLES = int(Counter.SAMPLES)
_CLUSTERED = int(Counter.SAMPLES_CLUSTERED)
_LABELLED = int(Counter.SAMPLES_LABELLED)
_TAUGHT_SAMPLES = int(Counter.SAMPLES_TAUGHT)
_INFERRED = int(Counter.SAMPLES_INFERRED)


class Shape(NamedTuple):
    """The network and the rules as the kernel wants them."""

    neurons: int
    classes: int
    winners: int
    contrast: bool
    code_bits: int
    feature_max: int
    wall_bits: int
    wall_max: int
    threshold_max: int
    bin_shift: int
    quantile_bits: int
    bin_bits: int
    variant_mask: int
    seed: int
    static_seed: int
    silence: int
    stdp: bool
    stdp_probability: int
    threshold_rise: int
    threshold_decay: int
    margin: int


class Tables(NamedTuple):
    """Geometry and devices as arrays."""

    offset: np.ndarray
    origin: np.ndarray
    crossbar: np.ndarray
    region: np.ndarray
    clustering_steps: np.ndarray
    clustering_gains: np.ndarray
    clustering_stuck: int
    readout_steps: np.ndarray
    readout_gains: np.ndarray
    readout_stuck: int


@numba.njit(numba.uint32(numba.uint32, numba.uint32, numba.uint32, numba.uint32),
            cache=True, inline="always")
def draw(seed, sample, stage, place):
    """One draw; unsigned 32-bit integers in and out. Equal to ``crosswall.spec.draws.draw``."""
    half = np.uint32(0xFFFF)
    block = np.uint32(stage << np.uint32(STAGE_SHIFT)) | place
    left = block >> np.uint32(16)
    right = block & half
    for number in range(ROUNDS):
        word = sample if number & 2 == 0 else seed
        if number & 1:
            word = word >> np.uint32(16)
        rotated = (left >> np.uint32(7) | left << np.uint32(9)) & half
        left = (rotated + right & half) ^ (word & half) ^ np.uint32(number)
        right = (right << np.uint32(2) | right >> np.uint32(14)) & half ^ left
    return left << np.uint32(16) | right


@numba.njit(cache=True, inline="always")
def _bit_length(value):
    length = 0
    while value:
        value >>= 1
        length += 1
    return length


@numba.njit(cache=True)
def _pulse(shape, steps, gains, stuck, wall, direction, quantile, shift, static):
    if static >> np.uint32(16) < stuck:
        return wall
    variant = (static >> np.uint32(_VARIANT_SHIFT)) & shape.variant_mask
    index = (((np.int64(variant) << 1 | direction) << shape.bin_bits | wall >> shape.bin_shift)
             << shape.quantile_bits | quantile)
    step = np.int64(steps[index]) * np.int64(gains[static & np.uint32(_GAIN_MASK)]) + 128 >> 8
    return min(max(wall + (step << shift), 0), shape.wall_max)


@numba.njit(cache=True)
def _encode(shape, tables, pixels, position, lines, codes):
    """Event list of a position: number of events, or -1 where silent."""
    fan_in = tables.offset.size
    origin = tables.origin[position]
    mean = 0
    if shape.contrast:
        total = 0
        for pixel in range(fan_in):
            total += np.int64(pixels[origin + tables.offset[pixel]])
        mean = (2 * total + fan_in) // (2 * fan_in)
    peak = 0
    for pixel in range(fan_in):
        peak = max(peak, abs(np.int64(pixels[origin + tables.offset[pixel]]) - mean))
    if peak < shape.silence:
        return -1
    shift = max(0, _bit_length(peak) - shape.code_bits)
    events = 0
    for pixel in range(fan_in):
        deviation = np.int64(pixels[origin + tables.offset[pixel]]) - mean
        code = abs(deviation) >> shift
        if code:
            lines[events] = pixel if deviation > 0 else fan_in + pixel
            codes[events] = code
            events += 1
    return events


@numba.njit(cache=True)
def _rank(activations, winners, ranking, best):
    """The best neurons by insertion: a later neuron must be strictly larger to pass."""
    for place in range(winners):
        best[place] = np.iinfo(np.int64).min
    for neuron in range(activations.size):
        activation = np.int64(activations[neuron])
        if activation <= best[winners - 1]:
            continue
        place = winners - 1
        while place > 0 and activation > best[place - 1]:
            best[place] = best[place - 1]
            ranking[place] = ranking[place - 1]
            place -= 1
        best[place] = activation
        ranking[place] = neuron


@numba.njit(cache=True)
def _learn_position(shape, tables, walls, conductances, thresholds, ledger, number, position,
                    crossbar, winner, dense, pulse_shift, gate_shift):
    lines = dense.size
    conductance_shift = shape.wall_bits - 8
    quantile_mask = np.uint32((1 << shape.quantile_bits) - 1)
    for line in range(lines):
        bits = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(_CLUSTERING),
                    np.uint32(position * lines + line))
        gate = np.int64(bits & np.uint32(0xFFFF))
        code = dense[line]
        wall = np.int64(walls[line, winner])
        if shape.stdp:
            if gate >= shape.stdp_probability >> gate_shift:
                continue
            potentiate = code > 0
        else:
            target = np.int64(0)
            for _ in range(8 // shape.code_bits):
                target = target << shape.code_bits | code
            error = target - (wall >> conductance_shift)
            if gate >= (abs(error) << 8) >> gate_shift:
                continue
            potentiate = error > 0
        static = draw(np.uint32(shape.static_seed), np.uint32(STATIC_SAMPLE),
                      np.uint32(_STATIC_CLUSTERING),
                      np.uint32((crossbar * lines + line) * shape.neurons + winner))
        moved = _pulse(shape, tables.clustering_steps, tables.clustering_gains,
                       tables.clustering_stuck, wall, _POTENTIATE if potentiate else _DEPRESS,
                       np.int64((bits >> np.uint32(16)) & quantile_mask), pulse_shift, static)
        walls[line, winner] = moved
        conductances[line, winner] = moved >> conductance_shift
        place = _PULSES if potentiate else _PULSES + 1
        ledger[place] += np.uint64(1)
        ledger[place + 2] += np.uint64(1 << pulse_shift)
    if not shape.stdp:
        ledger[_STATE_READS] += np.uint64(lines)
    thresholds[winner] = min(shape.threshold_max,
                             np.int64(thresholds[winner]) + shape.threshold_rise)
    for neuron in range(shape.neurons):
        thresholds[neuron] = max(0, np.int64(thresholds[neuron]) - shape.threshold_decay)


@numba.njit(cache=True)
def _score_readout(shape, conductances, features, active, ledger, scores):
    scores[:] = 0
    charge = np.int64(0)
    drive = np.int64(0)
    for feature in active:
        value = np.int64(features[feature])
        drive += value
        total = np.int64(0)
        for label in range(shape.classes):
            plus = np.int64(conductances[feature, label, 0])
            minus = np.int64(conductances[feature, label, 1])
            scores[label] += value * (plus - minus)
            total += plus + minus
        charge += value * total
    ledger[_READOUT_READS] += np.uint64(active.size * 2 * shape.classes)
    ledger[_READOUT_DRIVE] += np.uint64(drive * 2 * shape.classes)
    ledger[_READOUT_CHARGE] += np.uint64(charge)
    ledger[_READOUT_INTEGRATIONS] += np.uint64(shape.classes)
    ledger[_READOUT_FIRES] += np.uint64(1)
    ledger[_READOUT_RESETS] += np.uint64(1)
    ledger[_READOUT_INHIBITIONS] += np.uint64(shape.classes - 1)


@numba.njit(cache=True)
def _teach(shape, tables, walls, conductances, features, active, ledger, number, label, scores,
           pulse_shift, gate_shift):
    rival = -1
    for other in range(shape.classes):
        if other != label and (rival < 0 or scores[other] > scores[rival]):
            rival = other
    if scores[label] - scores[rival] >= shape.margin:
        return False
    conductance_shift = shape.wall_bits - 8
    quantile_mask = (1 << shape.quantile_bits) - 1
    for feature in active:
        bits = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(_READOUT),
                    np.uint32(feature))
        gate_limit = (np.int64(features[feature]) << 8) >> gate_shift
        for role in range(2):
            half = np.int64(bits & np.uint32(0xFFFF) if role == 0 else bits >> np.uint32(16))
            if half & 0xFF >= gate_limit:
                continue
            taught = label if role == 0 else rival
            side = half >> 8 & 1
            potentiate = side == role
            static = draw(np.uint32(shape.static_seed), np.uint32(STATIC_SAMPLE),
                          np.uint32(_STATIC_READOUT),
                          np.uint32((feature * shape.classes + taught) * 2 + side))
            moved = _pulse(shape, tables.readout_steps, tables.readout_gains,
                           tables.readout_stuck, np.int64(walls[feature, taught, side]),
                           _POTENTIATE if potentiate else _DEPRESS,
                           half >> 9 & quantile_mask, pulse_shift, static)
            walls[feature, taught, side] = moved
            conductances[feature, taught, side] = moved >> conductance_shift
            place = _READOUT_PULSES if potentiate else _READOUT_PULSES + 1
            ledger[place] += np.uint64(1)
            ledger[place + 2] += np.uint64(1 << pulse_shift)
    return True


@numba.njit(cache=True)
def process(shape, tables, clustering_walls, clustering_conductances, thresholds, readout_walls,
            readout_conductances, ledger, numbers, flags, labels, clustering_pulse_shifts,
            clustering_gate_shifts, readout_pulse_shifts, readout_gate_shifts, pixels,
            predictions, result_flags, winners, scores):
    """Samples through the machine, in order; the last four arrays receive the results."""
    lines = clustering_walls.shape[1]
    fan_in = tables.offset.size
    positions = tables.origin.size
    event_lines = np.empty(fan_in, np.int64)
    event_codes = np.empty(fan_in, np.int64)
    dense = np.zeros(lines, np.int64)
    current = np.empty(shape.neurons, np.int32)
    activation = np.empty(shape.neurons, np.int64)
    ranking = np.zeros(shape.winners, np.int64)
    best = np.empty(shape.winners, np.int64)
    features = np.zeros(readout_walls.shape[0], np.uint8)
    active = np.empty(features.size, np.int64)
    score = np.empty(shape.classes, np.int64)
    tally = np.zeros(COUNTERS, np.uint64)
    for sample in range(numbers.size):
        flag = flags[sample]
        predict = flag & _PREDICT != 0
        learn = flag & _LEARN_CLUSTERING != 0
        fires = shape.winners if predict else 1
        scored = 0
        for position in range(positions):
            events = _encode(shape, tables, pixels[sample], position, event_lines, event_codes)
            if events < 0:
                tally[_SILENT] += np.uint64(1)
                winners[sample, position] = -1
                continue
            scored += 1
            crossbar = tables.crossbar[position]
            rows = clustering_conductances[crossbar]
            current[:] = 0
            drive = np.int64(0)
            for event in range(events):
                code = np.int32(event_codes[event])
                drive += code
                row = rows[event_lines[event]]
                for neuron in range(shape.neurons):
                    current[neuron] += code * np.int32(row[neuron])
            charge = np.int64(0)
            for neuron in range(shape.neurons):
                charge += np.int64(current[neuron])
                activation[neuron] = (np.int64(current[neuron])
                                      - np.int64(thresholds[crossbar, neuron]))
            tally[_READS] += np.uint64(events * shape.neurons)
            tally[_DRIVE] += np.uint64(drive * shape.neurons)
            tally[_CHARGE] += np.uint64(charge)
            _rank(activation, shape.winners, ranking, best)
            winners[sample, position] = ranking[0]
            if predict:
                base = tables.region[position] * shape.neurons
                for place in range(shape.winners):
                    feature = base + ranking[place]
                    features[feature] = min(shape.feature_max,
                                            np.int64(features[feature]) + shape.winners - place)
            if learn:
                for event in range(events):
                    dense[event_lines[event]] = event_codes[event]
                _learn_position(shape, tables, clustering_walls[crossbar],
                                clustering_conductances[crossbar], thresholds[crossbar], tally,
                                numbers[sample], position, crossbar, ranking[0], dense,
                                np.int64(clustering_pulse_shifts[sample]),
                                np.int64(clustering_gate_shifts[sample]))
                for event in range(events):
                    dense[event_lines[event]] = 0
        tally[_INTEGRATIONS] += np.uint64(scored * shape.neurons)
        tally[_FIRES] += np.uint64(scored * fires)
        tally[_RESETS] += np.uint64(scored * fires)
        tally[_INHIBITIONS] += np.uint64(scored * (shape.neurons - fires))
        predictions[sample] = NO_PREDICTION
        result_flags[sample] = 0
        if predict:
            count = 0
            for feature in range(features.size):
                if features[feature]:
                    active[count] = feature
                    count += 1
            _score_readout(shape, readout_conductances, features, active[:count], tally, score)
            winner = 0
            for label in range(shape.classes):
                scores[sample, label] = score[label]
                if score[label] > score[winner]:
                    winner = label
            predictions[sample] = winner
            if flag & _LEARN_READOUT != 0 and labels[sample] < shape.classes:
                tally[_LABELLED] += np.uint64(1)
                if _teach(shape, tables, readout_walls, readout_conductances, features,
                          active[:count], tally, numbers[sample], np.int64(labels[sample]), score,
                          np.int64(readout_pulse_shifts[sample]),
                          np.int64(readout_gate_shifts[sample])):
                    tally[_TAUGHT_SAMPLES] += np.uint64(1)
                    result_flags[sample] = _TAUGHT
            features[:] = 0
        tally[_SAMPLES] += np.uint64(1)
        if learn:
            tally[_CLUSTERED] += np.uint64(1)
        if flag & (_LEARN_CLUSTERING | _LEARN_READOUT) == 0:
            tally[_INFERRED] += np.uint64(1)
    for counter in range(COUNTERS):
        ledger[counter] += tally[counter]
