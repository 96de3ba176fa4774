"""The machine compiled by Numba; equals :mod:`crosswall.twin.reference` bit for bit.

Arrays are passed one by one, as Numba likes them. Shapes are those of
:class:`crosswall.twin.state.MachineState`; besides the walls, the kernel keeps
their conductances, because scoring reads nothing else: those of the clustering stage in a
floating-point type that holds every current exactly (processors multiply and add it fastest),
those of the read-out as ``uint8``.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

import numba
import numpy as np

from crosswall.spec.device_table import GAIN_ENTRIES, Direction
from crosswall.spec.draws import ROUNDS, STAGE_SHIFT, STATIC_SAMPLE, Stage
from crosswall.spec.ledger import Counter
from crosswall.spec.race import JITTER_CENTRE, STEP_BITS
from crosswall.spec.sample import NO_PREDICTION, Flag, ResultFlag

_LEARN_CLUSTERING = int(Flag.LEARN_CLUSTERING)
_LEARN_READOUT = int(Flag.LEARN_READOUT)
_PREDICT = int(Flag.PREDICT)
_GUIDE = int(Flag.GUIDE_CLUSTERING)
_REFINE = int(Flag.REFINE_CLUSTERING)
_TAUGHT, _REFINED = int(ResultFlag.TAUGHT), int(ResultFlag.REFINED)
_POTENTIATE, _DEPRESS = int(Direction.POTENTIATE), int(Direction.DEPRESS)
_CLUSTERING, _READOUT = int(Stage.CLUSTERING), int(Stage.READOUT)
_STATIC_CLUSTERING, _STATIC_READOUT = int(Stage.STATIC_CLUSTERING), int(Stage.STATIC_READOUT)
_RACE, _REFINEMENT = int(Stage.RACE), int(Stage.REFINEMENT)
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
_RACE_STEPS = int(Counter.CLUSTERING_RACE_STEPS)
_RACE_INHIBITIONS = int(Counter.CLUSTERING_RACE_INHIBITIONS)
_SAMPLES = int(Counter.SAMPLES)
_CLUSTERED = int(Counter.SAMPLES_CLUSTERED)
_LABELLED = int(Counter.SAMPLES_LABELLED)
_TAUGHT_SAMPLES = int(Counter.SAMPLES_TAUGHT)
_INFERRED = int(Counter.SAMPLES_INFERRED)


class Tally(enum.IntEnum):
    """What `rank` counts of each sample, before it is multiplied by the neurons."""

    SILENT = 0
    READS = 1
    DRIVE = 2
    CHARGE = 3


_TALLY_SILENT, _TALLY_READS = int(Tally.SILENT), int(Tally.READS)
_TALLY_DRIVE, _TALLY_CHARGE = int(Tally.DRIVE), int(Tally.CHARGE)


class Race(NamedTuple):
    """How neurons compete: ``races`` or not, and what :mod:`crosswall.spec.race` says."""

    races: bool
    fire_threshold: int
    steps: int
    leak: int
    inhibition_reach: int
    inhibition: int
    jitter: int
    limit: int


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
    labelled_neurons: bool
    refinement_margin: int
    race: Race


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
    total = np.int64(0)
    for pixel in range(fan_in):
        codes[pixel] = pixels[origin + tables.offset[pixel]]
        total += codes[pixel]
    mean = (2 * total + fan_in) // (2 * fan_in) if shape.contrast else 0
    peak = 0
    for pixel in range(fan_in):
        codes[pixel] -= mean
        peak = max(peak, abs(codes[pixel]))
    if peak < shape.silence:
        return -1
    shift = max(0, _bit_length(peak) - shape.code_bits)
    events = 0
    for pixel in range(fan_in):
        deviation = codes[pixel]
        code = abs(deviation) >> shift
        if code:
            lines[events] = pixel if deviation > 0 else fan_in + pixel
            codes[events] = code
            events += 1
    return events


@numba.njit(cache=True)
def _rank(values, first, ranking, best):
    """The best neurons from place ``first`` on, largest value first; a neuron must be strictly
    larger to pass an earlier one."""
    last = best.size - 1
    best[first:] = np.iinfo(np.int64).min
    for neuron in range(values.size):
        value = values[neuron]
        if value > best[last]:
            place = last
            while place > first and value > best[place - 1]:
                best[place] = best[place - 1]
                ranking[place] = ranking[place - 1]
                place -= 1
            best[place] = value
            ranking[place] = neuron


@numba.njit(cache=True)
def _race(shape, number, position, activations, fires, walls, before, running, ranking,
          best, ledger):
    """The race of a position; gives the number of neurons that fired."""
    race = shape.race
    neurons = activations.size
    walls[:] = 0
    fired = 0
    made = 0
    inhibited = 0
    for step in range(race.steps):
        before[:] = walls
        crossed = 0
        for neuron in range(neurons):
            wall = before[neuron]
            if wall >= race.fire_threshold:
                running[neuron] = np.iinfo(np.int64).min
                continue
            moved = wall + activations[neuron]
            if race.leak:
                moved -= wall >> race.leak
            held = np.int64(0)
            for distance in range(1, race.inhibition_reach + 1):
                for other in (neuron - distance, neuron + distance):
                    if 0 <= other < neurons:
                        lead = max(0, before[other] - wall)
                        held += min(lead, 1 << race.inhibition) >> (distance - 1)
            moved -= held
            inhibited += held > 0
            if race.jitter:
                bits = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(_RACE),
                            np.uint32((position << STEP_BITS | step) * neurons + neuron))
                total = np.int64(0)
                for byte in range(4):
                    total += np.int64(bits >> np.uint32(8 * byte) & np.uint32(0xFF))
                moved += (total - JITTER_CENTRE) << (race.jitter - 1)
            moved = min(max(moved, -race.limit), race.limit - 1)
            walls[neuron] = moved
            made += 1
            crossed += moved >= race.fire_threshold
            running[neuron] = moved
        _rank(running, fired, ranking, best)
        fired = min(fires, fired + crossed)
        if fired == fires:
            break
    ledger[_RACE_STEPS] += np.uint64(made)
    ledger[_RACE_INHIBITIONS] += np.uint64(inhibited)
    return fired


@numba.njit(cache=True)
def _learn_position(shape, tables, walls, conductances, thresholds, ledger, number, flag, label,
                    position, crossbar, winner, activations, dense, pulse_shift, gate_shift):
    """Plasticity of a scored position, as the sample's flags ask for; True if it was refined."""
    guided = shape.labelled_neurons and flag & _GUIDE != 0
    refined = shape.labelled_neurons and flag & _REFINE != 0
    if not guided and not refined:
        if flag & _LEARN_CLUSTERING != 0:
            _match(shape, tables, walls, conductances, thresholds, ledger, number, position,
                   crossbar, winner, dense, pulse_shift, gate_shift)
        return False
    if label >= shape.classes:
        return False
    own, rival = -1, -1
    for neuron in range(shape.neurons):
        if neuron % shape.classes == label:
            if own < 0 or activations[neuron] > activations[own]:
                own = neuron
        elif rival < 0 or activations[neuron] > activations[rival]:
            rival = neuron
    if refined:
        if activations[own] - activations[rival] >= shape.refinement_margin:
            return False
        _refine(shape, tables, walls, conductances, thresholds, ledger, number, position,
                crossbar, own, rival, dense, pulse_shift, gate_shift)
        return True
    if flag & _LEARN_CLUSTERING != 0:
        _match(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
               own, dense, pulse_shift, gate_shift)
    return False


@numba.njit(cache=True)
def _pulse_clustering(shape, tables, walls, conductances, ledger, crossbar, line, neuron,
                      potentiate, bits, pulse_shift):
    """A pulse on a clustering synapse, and its counts; ``bits`` are the draw's upper half."""
    static = draw(np.uint32(shape.static_seed), np.uint32(STATIC_SAMPLE),
                  np.uint32(_STATIC_CLUSTERING),
                  np.uint32((crossbar * walls.shape[0] + line) * shape.neurons + neuron))
    moved = _pulse(shape, tables.clustering_steps, tables.clustering_gains,
                   tables.clustering_stuck, np.int64(walls[line, neuron]),
                   _POTENTIATE if potentiate else _DEPRESS,
                   np.int64(bits) & (1 << shape.quantile_bits) - 1, pulse_shift, static)
    walls[line, neuron] = moved
    conductances[line, neuron] = moved >> shape.wall_bits - 8
    place = _PULSES if potentiate else _PULSES + 1
    ledger[place] += np.uint64(1)
    ledger[place + 2] += np.uint64(1 << pulse_shift)


@numba.njit(cache=True)
def _refine(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
            own, rival, dense, pulse_shift, gate_shift):
    """Potentiate the active lines of the label's neuron, depress those of the other."""
    lines = dense.size
    for role in range(2):
        for line in range(lines):
            if dense[line] == 0:
                continue
            bits = draw(np.uint32(shape.seed), np.uint32(number),
                        np.uint32(_CLUSTERING if role == 0 else _REFINEMENT),
                        np.uint32(position * lines + line))
            if (np.int64(bits & np.uint32(0xFFFF))
                    < (dense[line] << 16 - shape.code_bits) >> gate_shift):
                _pulse_clustering(shape, tables, walls, conductances, ledger, crossbar, line,
                                  own if role == 0 else rival, role == 0, bits >> np.uint32(16),
                                  pulse_shift)
    thresholds[own] = max(0, np.int64(thresholds[own]) - shape.threshold_rise)
    thresholds[rival] = min(shape.threshold_max,
                            np.int64(thresholds[rival]) + shape.threshold_rise)


@numba.njit(cache=True)
def _match(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
           winner, dense, pulse_shift, gate_shift):
    """Let a neuron follow the codes by the clustering rule, and homeostasis by the winner."""
    lines = dense.size
    conductance_shift = shape.wall_bits - 8
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
        _pulse_clustering(shape, tables, walls, conductances, ledger, crossbar, line, winner,
                          potentiate, bits >> np.uint32(16), pulse_shift)
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


@numba.njit(cache=True, inline="always")
def _currents(shape, rows, events, lines, codes, current):
    """Currents of all neurons; gives the sum of the codes."""
    current[:] = 0
    drive = np.int64(0)
    for event in range(events):
        code = current.dtype.type(codes[event])
        drive += codes[event]
        row = rows[lines[event]]
        for neuron in range(shape.neurons):
            current[neuron] += code * row[neuron]
    return drive


@numba.njit(cache=True, inline="always")
def _activations(shape, current, thresholds, activation):
    """Currents minus thresholds; gives the sum of the currents."""
    charge = np.int64(0)
    for neuron in range(shape.neurons):
        value = np.int64(current[neuron])
        charge += value
        activation[neuron] = value - np.int64(thresholds[neuron])
    return charge


@numba.njit(cache=True, nogil=True)
def rank(shape, tables, conductances, thresholds, pixels, rankings, tallies):
    """Rankings of samples that neither learn by clustering nor race: each stands for itself.

    ``rankings`` is ``int16[n, positions, winners]``, −1 where silent; ``tallies``
    ``int64[n, len(Tally)]``. Releases Python's lock, so that threads may share the samples.
    """
    fan_in = tables.offset.size
    event_lines = np.empty(fan_in, np.int64)
    event_codes = np.empty(fan_in, np.int64)
    current = np.empty(shape.neurons, conductances.dtype)
    activation = np.empty(shape.neurons, np.int64)
    ranking = np.zeros(shape.winners, np.int64)
    best = np.empty(shape.winners, np.int64)
    for sample in range(pixels.shape[0]):
        tally = tallies[sample]
        tally[:] = 0
        for position in range(tables.origin.size):
            events = _encode(shape, tables, pixels[sample], position, event_lines, event_codes)
            if events < 0:
                tally[_TALLY_SILENT] += 1
                rankings[sample, position] = -1
                continue
            crossbar = tables.crossbar[position]
            drive = _currents(shape, conductances[crossbar], events, event_lines, event_codes,
                              current)
            charge = _activations(shape, current, thresholds[crossbar], activation)
            tally[_TALLY_READS] += events
            tally[_TALLY_DRIVE] += drive
            tally[_TALLY_CHARGE] += charge
            _rank(activation, 0, ranking, best)
            for place in range(shape.winners):
                rankings[sample, position, place] = ranking[place]


@numba.njit(cache=True)
def _count_scored(shape, positions, scored, fired, reads, drive, charge, ledger):
    """Count a sample's scored positions."""
    ledger[_SILENT] += np.uint64(positions - scored)
    ledger[_READS] += np.uint64(reads * shape.neurons)
    ledger[_DRIVE] += np.uint64(drive * shape.neurons)
    ledger[_CHARGE] += np.uint64(charge)
    ledger[_INTEGRATIONS] += np.uint64(scored * shape.neurons)
    ledger[_FIRES] += np.uint64(fired)
    ledger[_RESETS] += np.uint64(fired)
    ledger[_INHIBITIONS] += np.uint64(scored * shape.neurons - fired)


@numba.njit(cache=True)
def _vote(shape, region, ranking, features):
    """Count a position's best neurons into the features of its region."""
    base = region * shape.neurons
    for place in range(shape.winners):
        feature = base + ranking[place]
        features[feature] = min(shape.feature_max,
                                np.int64(features[feature]) + shape.winners - place)


@numba.njit(cache=True)
def _finish(shape, tables, readout_walls, readout_conductances, ledger, number, flag, label,
            pulse_shift, gate_shift, features, active, score):
    """The read-out of a sample from its features, which are cleared; gives the prediction and
    the result's flags."""
    prediction, result_flag = NO_PREDICTION, 0
    if flag & _PREDICT != 0:
        count = 0
        for feature in range(features.size):
            if features[feature]:
                active[count] = feature
                count += 1
        _score_readout(shape, readout_conductances, features, active[:count], ledger, score)
        prediction = 0
        for other in range(shape.classes):
            if score[other] > score[prediction]:
                prediction = other
        if flag & _LEARN_READOUT != 0 and label < shape.classes:
            ledger[_LABELLED] += np.uint64(1)
            if _teach(shape, tables, readout_walls, readout_conductances, features,
                      active[:count], ledger, number, np.int64(label), score,
                      np.int64(pulse_shift), np.int64(gate_shift)):
                ledger[_TAUGHT_SAMPLES] += np.uint64(1)
                result_flag = _TAUGHT
        features[:] = 0
    ledger[_SAMPLES] += np.uint64(1)
    if flag & _LEARN_CLUSTERING != 0:
        ledger[_CLUSTERED] += np.uint64(1)
    if flag & (_LEARN_CLUSTERING | _LEARN_READOUT | _REFINE) == 0:
        ledger[_INFERRED] += np.uint64(1)
    return prediction, result_flag


@numba.njit(cache=True)
def read_out(shape, tables, rankings, tallies, rows, readout_walls, readout_conductances, ledger,
             numbers, flags, labels, readout_pulse_shifts, readout_gate_shifts, predictions,
             result_flags, winners, scores):
    """The read-out of samples that were ranked before (`rank`), in order; sample ``n`` has row
    ``rows[n]`` of ``rankings`` and ``tallies``."""
    positions = tables.origin.size
    features = np.zeros(readout_walls.shape[0], np.uint8)
    active = np.empty(features.size, np.int64)
    for sample in range(numbers.size):
        predict = flags[sample] & _PREDICT != 0
        ranking = rankings[rows[sample]]
        tally = tallies[rows[sample]]
        scored = positions - tally[_TALLY_SILENT]
        _count_scored(shape, positions, scored, scored * (shape.winners if predict else 1),
                      tally[_TALLY_READS], tally[_TALLY_DRIVE], tally[_TALLY_CHARGE], ledger)
        for position in range(positions):
            winners[sample, position] = ranking[position, 0]
            if predict and ranking[position, 0] >= 0:
                _vote(shape, tables.region[position], ranking[position], features)
        predictions[sample], result_flags[sample] = _finish(
            shape, tables, readout_walls, readout_conductances, ledger, numbers[sample],
            flags[sample], labels[sample], readout_pulse_shifts[sample],
            readout_gate_shifts[sample], features, active, scores[sample])


@numba.njit(cache=True)
def process(shape, tables, clustering_walls, clustering_conductances, thresholds, readout_walls,
            readout_conductances, ledger, numbers, flags, labels, clustering_pulse_shifts,
            clustering_gate_shifts, readout_pulse_shifts, readout_gate_shifts, pixels,
            predictions, result_flags, winners, scores):
    """Samples through the machine, in order; the last four arrays receive the results."""
    fan_in = tables.offset.size
    positions = tables.origin.size
    event_lines = np.empty(fan_in, np.int64)
    event_codes = np.empty(fan_in, np.int64)
    dense = np.zeros(clustering_walls.shape[1], np.int64)
    current = np.empty(shape.neurons, clustering_conductances.dtype)
    activation = np.empty(shape.neurons, np.int64)
    ranking = np.zeros(shape.winners, np.int64)
    best = np.empty(shape.winners, np.int64)
    walls = np.empty(shape.neurons, np.int64)
    walls_before = np.empty(shape.neurons, np.int64)
    walls_running = np.empty(shape.neurons, np.int64)
    features = np.zeros(readout_walls.shape[0], np.uint8)
    active = np.empty(features.size, np.int64)
    for sample in range(numbers.size):
        predict = flags[sample] & _PREDICT != 0
        learn = flags[sample] & (_LEARN_CLUSTERING | _REFINE) != 0
        fires = shape.winners if predict else 1
        scored, fired = 0, 0
        refined = False
        reads, drive, charge = np.int64(0), np.int64(0), np.int64(0)
        for position in range(positions):
            events = _encode(shape, tables, pixels[sample], position, event_lines, event_codes)
            if events < 0:
                winners[sample, position] = -1
                continue
            scored += 1
            reads += events
            crossbar = tables.crossbar[position]
            drive += _currents(shape, clustering_conductances[crossbar], events, event_lines,
                               event_codes, current)
            charge += _activations(shape, current, thresholds[crossbar], activation)
            if shape.race.races:
                fired += _race(shape, numbers[sample], position, activation, fires, walls,
                               walls_before, walls_running, ranking, best, ledger)
            else:
                _rank(activation, 0, ranking, best)
                fired += fires
            winners[sample, position] = ranking[0]
            if predict:
                _vote(shape, tables.region[position], ranking, features)
            if learn:
                for event in range(events):
                    dense[event_lines[event]] = event_codes[event]
                refined |= _learn_position(
                    shape, tables, clustering_walls[crossbar], clustering_conductances[crossbar],
                    thresholds[crossbar], ledger, numbers[sample], flags[sample],
                    np.int64(labels[sample]), position, crossbar, ranking[0], activation, dense,
                    np.int64(clustering_pulse_shifts[sample]),
                    np.int64(clustering_gate_shifts[sample]))
                for event in range(events):
                    dense[event_lines[event]] = 0
        _count_scored(shape, positions, scored, fired, reads, drive, charge, ledger)
        predictions[sample], result_flags[sample] = _finish(
            shape, tables, readout_walls, readout_conductances, ledger, numbers[sample],
            flags[sample], labels[sample], readout_pulse_shifts[sample],
            readout_gate_shifts[sample], features, active, scores[sample])
        if refined:
            result_flags[sample] |= _REFINED
