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

from crosswall.compiling import compiled
from crosswall.spec.device_table import GAIN_ENTRIES, Direction
from crosswall.spec.draws import ROUNDS, STAGE_SHIFT, Stage
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
_RACE, _REFINEMENT = int(Stage.RACE), int(Stage.REFINEMENT)
_GAIN_MASK = GAIN_ENTRIES - 1
_VARIANT_SHIFT = GAIN_ENTRIES.bit_length() - 1

_NEURON_BITS = 10  # a network has up to 1024 neurons
_NEURON_MASK = (1 << _NEURON_BITS) - 1
_SPARE_EVENTS = 3  # `_currents` takes four at a time
_FIRED = -(1 << 48)  # below every wall, and a key of it still fits 64 bits

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
    """What is counted of each sample as its positions are scored; reads and drive before they are
    multiplied by the neurons, the last three only where neurons race."""

    SILENT = 0
    READS = 1
    DRIVE = 2
    CHARGE = 3
    FIRED = 4
    RACE_STEPS = 5
    RACE_INHIBITIONS = 6


_TALLIES = len(Tally)
_TALLY_SILENT, _TALLY_READS = int(Tally.SILENT), int(Tally.READS)
_TALLY_DRIVE, _TALLY_CHARGE = int(Tally.DRIVE), int(Tally.CHARGE)
_TALLY_FIRED, _TALLY_STEPS = int(Tally.FIRED), int(Tally.RACE_STEPS)
_TALLY_INHIBITIONS = int(Tally.RACE_INHIBITIONS)


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
    """Geometry and devices as arrays.

    ``offset`` and ``origin`` are unsigned, which spares a look for negative indices; the static
    draws are ``uint32`` of the shape of the walls.
    """

    offset: np.ndarray
    origin: np.ndarray
    crossbar: np.ndarray
    region: np.ndarray
    clustering_steps: np.ndarray
    clustering_gains: np.ndarray
    clustering_stuck: int
    clustering_static: np.ndarray
    readout_steps: np.ndarray
    readout_gains: np.ndarray
    readout_stuck: int
    readout_static: np.ndarray


@compiled(numba.uint32(numba.uint32, numba.uint32, numba.uint32, numba.uint32), inline="always")
def draw(seed, sample, stage, place):
    """One draw; unsigned 32-bit integers in and out. Equal to ``crosswall.spec.draws.draw``."""
    # Numba widens every result to 64 bits: narrowed at once, twice as many draws share a vector.
    half = np.uint32(0xFFFF)
    block = np.uint32(np.uint32(stage << np.uint32(STAGE_SHIFT)) | place)
    left = np.uint32(block >> np.uint32(16))
    right = np.uint32(block & half)
    for number in range(ROUNDS):
        word = sample if number & 2 == 0 else seed
        if number & 1:
            word = np.uint32(word >> np.uint32(16))
        rotated = np.uint32((left >> np.uint32(7) | left << np.uint32(9)) & half)
        left = np.uint32((rotated + right & half) ^ (word & half) ^ np.uint32(number))
        right = np.uint32((right << np.uint32(2) | right >> np.uint32(14)) & half ^ left)
    return np.uint32(left << np.uint32(16) | right)


@compiled(inline="always")
def _bit_length(value):
    length = 0
    while value:
        value >>= 1
        length += 1
    return length


@compiled(forceinline=True)
def _pulse(shape, steps, gains, stuck, wall, direction, quantile, shift, static):
    if static >> np.uint32(16) < stuck:
        return wall
    variant = (static >> np.uint32(_VARIANT_SHIFT)) & shape.variant_mask
    index = (((np.int64(variant) << 1 | direction) << shape.bin_bits | wall >> shape.bin_shift)
             << shape.quantile_bits | quantile)
    step = np.int64(steps[index]) * np.int64(gains[static & np.uint32(_GAIN_MASK)]) + 128 >> 8
    return min(max(wall + (step << shift), 0), shape.wall_max)


@compiled(forceinline=True)
def _encode(shape, offset, origin, pixels, lines, codes):
    """Event list of a position: number of events, or -1 where silent."""
    fan_in = offset.size
    total = np.int32(0)
    low, high = np.int32(255), np.int32(0)
    for pixel in range(fan_in):
        value = np.int32(pixels[origin + offset[pixel]])
        codes[pixel] = value
        total += value
        low = min(low, value)
        high = max(high, value)
    mean = np.int32(0)
    if shape.contrast:
        mean = np.int32((2 * np.int64(total) + fan_in) // (2 * fan_in))
    peak = max(high - mean, mean - low)
    if peak < shape.silence:
        return -1
    shift = np.int32(max(0, _bit_length(peak) - shape.code_bits))
    events = 0
    for pixel in range(fan_in):
        deviation = codes[pixel] - mean
        code = abs(deviation) >> shift
        # Without a branch, which a processor would guess wrong every few pixels.
        lines[events] = pixel + (fan_in if deviation < 0 else 0)
        codes[events] = code
        events += code != 0
    return events


@compiled(forceinline=True)
def _rank(values, first, keys, ranking):
    """The best neurons from place ``first`` on: largest value first, of equals the lowest index.

    A key holds a value and its neuron, so that no two are equal; each place takes the largest key
    below the last. That is a pass for each place, but without a branch: vectors of keys.
    """
    for neuron in range(values.size):
        keys[neuron] = values[neuron] << _NEURON_BITS | _NEURON_MASK - neuron
    last = np.int64(np.iinfo(np.int64).max)
    for place in range(first, ranking.size):
        top = np.int64(np.iinfo(np.int64).min)
        for neuron in range(keys.size):
            key = keys[neuron]
            top = max(top, key if key < last else np.int64(np.iinfo(np.int64).min))
        ranking[place] = _NEURON_MASK - (top & _NEURON_MASK)
        last = top


@compiled()
def _hold_back(race, walls, held):
    """What neighbours that are ahead take from each wall's step."""
    held[:] = 0
    for distance in range(1, race.inhibition_reach + 1):
        below, above = walls[:-distance], walls[distance:]
        held_below, held_above = held[:-distance], held[distance:]
        for pair in range(above.size):
            held_below[pair] += (min(max(0, above[pair] - below[pair]), 1 << race.inhibition)
                                 >> distance - 1)
        for pair in range(above.size):
            held_above[pair] += (min(max(0, below[pair] - above[pair]), 1 << race.inhibition)
                                 >> distance - 1)


@compiled()
def _jolt(shape, number, place, jolts):
    """Thermal motion of each wall; ``place`` is that of the first neuron's draw."""
    for neuron in range(jolts.size):
        bits = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(_RACE),
                    np.uint32(place + neuron))
        total = np.int64(0)
        for byte in range(4):
            total += np.int64(bits >> np.uint32(8 * byte) & np.uint32(0xFF))
        jolts[neuron] = (total - JITTER_CENTRE) << shape.race.jitter - 1


@compiled()
def _race(shape, number, position, activations, fires, scratch, keys, ranking):
    """The race of a position: neurons that fired, steps that walls made, and how many of these
    were held back. ``scratch`` is ``int64[4, neurons]``."""
    race = shape.race
    neurons = activations.size
    walls, running, held, jolts = scratch[0], scratch[1], scratch[2], scratch[3]
    scratch[:] = 0
    fired = 0
    made = 0
    inhibited = 0
    for step in range(race.steps):
        if race.inhibition_reach:
            _hold_back(race, walls, held)
        if race.jitter:
            _jolt(shape, number, (position << STEP_BITS | step) * neurons, jolts)
        crossed = 0
        for neuron in range(neurons):
            wall = walls[neuron]
            runs = wall < race.fire_threshold
            leak = wall >> race.leak if race.leak else 0
            moved = wall + activations[neuron] - leak - held[neuron] + jolts[neuron]
            moved = min(max(moved, -race.limit), race.limit - 1)
            made += runs
            inhibited += runs and held[neuron] > 0
            crossed += runs and moved >= race.fire_threshold
            running[neuron] = moved if runs else _FIRED
            walls[neuron] = moved if runs else wall
        if crossed or step == race.steps - 1:
            _rank(running, fired, keys, ranking)
        fired = min(fires, fired + crossed)
        if fired == fires:
            break
    return fired, made, inhibited


@compiled(forceinline=True)
def _learn_position(shape, tables, walls, conductances, thresholds, ledger, number, flag, label,
                    position, crossbar, winner, activations, dense, bits, pulse_shift,
                    gate_shift):
    """Plasticity of a scored position, as the sample's flags ask for; True if it was refined."""
    guided = shape.labelled_neurons and flag & _GUIDE != 0
    refined = shape.labelled_neurons and flag & _REFINE != 0
    if not guided and not refined:
        if flag & _LEARN_CLUSTERING != 0:
            _match(shape, tables, walls, conductances, thresholds, ledger, number, position,
                   crossbar, winner, dense, bits, pulse_shift, gate_shift)
        return False
    if label >= shape.classes:
        return False
    own, rival = -1, -1
    stands_for = 0
    for neuron in range(shape.neurons):
        if stands_for == label:
            if own < 0 or activations[neuron] > activations[own]:
                own = neuron
        elif rival < 0 or activations[neuron] > activations[rival]:
            rival = neuron
        stands_for = stands_for + 1 if stands_for + 1 < shape.classes else 0
    if refined:
        if activations[own] - activations[rival] >= shape.refinement_margin:
            return False
        _refine(shape, tables, walls, conductances, thresholds, ledger, number, position,
                crossbar, own, rival, dense, bits, pulse_shift, gate_shift)
        return True
    if flag & _LEARN_CLUSTERING != 0:
        _match(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
               own, dense, bits, pulse_shift, gate_shift)
    return False


@compiled(forceinline=True)
def _draw_all(shape, number, stage, first, bits):
    """Draws of consecutive places; apart from their use, they are made in vectors."""
    for place in range(bits.size):
        bits[place] = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(stage),
                           np.uint32(first + place))


@compiled(forceinline=True)
def _pulse_clustering(shape, tables, walls, conductances, ledger, crossbar, line, neuron,
                      potentiate, bits, pulse_shift):
    """A pulse on a clustering synapse, and its counts; ``bits`` are the draw's upper half."""
    moved = _pulse(shape, tables.clustering_steps, tables.clustering_gains,
                   tables.clustering_stuck, np.int64(walls[line, neuron]),
                   _POTENTIATE if potentiate else _DEPRESS,
                   np.int64(bits) & (1 << shape.quantile_bits) - 1, pulse_shift,
                   tables.clustering_static[crossbar, line, neuron])
    walls[line, neuron] = moved
    conductances[line, neuron] = moved >> shape.wall_bits - 8
    place = _PULSES if potentiate else _PULSES + 1
    ledger[place] += np.uint64(1)
    ledger[place + 2] += np.uint64(1 << pulse_shift)


@compiled()
def _refine(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
            own, rival, dense, bits, pulse_shift, gate_shift):
    """Potentiate the active lines of the label's neuron, depress those of the other."""
    lines = dense.size
    for role in range(2):
        _draw_all(shape, number, _CLUSTERING if role == 0 else _REFINEMENT, position * lines, bits)
        for line in range(lines):
            if (np.int64(bits[line] & np.uint32(0xFFFF))
                    < (dense[line] << 16 - shape.code_bits) >> gate_shift):
                _pulse_clustering(shape, tables, walls, conductances, ledger, crossbar, line,
                                  own if role == 0 else rival, role == 0,
                                  bits[line] >> np.uint32(16), pulse_shift)
    thresholds[own] = max(0, np.int64(thresholds[own]) - shape.threshold_rise)
    thresholds[rival] = min(shape.threshold_max,
                            np.int64(thresholds[rival]) + shape.threshold_rise)


@compiled(forceinline=True)
def _match(shape, tables, walls, conductances, thresholds, ledger, number, position, crossbar,
           winner, dense, bits, pulse_shift, gate_shift):
    """Let a neuron follow the codes by the clustering rule, and homeostasis by the winner."""
    lines = dense.size
    conductance_shift = shape.wall_bits - 8
    _draw_all(shape, number, _CLUSTERING, position * lines, bits)
    for line in range(lines):
        gate = np.int64(bits[line] & np.uint32(0xFFFF))
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
                          potentiate, bits[line] >> np.uint32(16), pulse_shift)
    if not shape.stdp:
        ledger[_STATE_READS] += np.uint64(lines)
    thresholds[winner] = min(shape.threshold_max,
                             np.int64(thresholds[winner]) + shape.threshold_rise)
    for neuron in range(shape.neurons):
        thresholds[neuron] = max(0, np.int64(thresholds[neuron]) - shape.threshold_decay)


@compiled(forceinline=True)
def _score_readout(shape, conductances, features, active, ledger, sums, scores):
    # A sum holds what a score can: `Network` limits both to 32 bits with the sign.
    sums[:] = 0
    drive = np.int64(0)
    for feature in active:
        value = np.int32(features[feature])
        drive += value
        row = conductances[feature]
        for label in range(shape.classes):
            for side in range(2):
                sums[label, side] += value * np.int32(row[label, side])
    charge = np.int64(0)
    for label in range(shape.classes):
        scores[label] = sums[label, 0] - sums[label, 1]
        charge += np.int64(sums[label, 0]) + np.int64(sums[label, 1])
    ledger[_READOUT_READS] += np.uint64(active.size * 2 * shape.classes)
    ledger[_READOUT_DRIVE] += np.uint64(drive * 2 * shape.classes)
    ledger[_READOUT_CHARGE] += np.uint64(charge)
    ledger[_READOUT_INTEGRATIONS] += np.uint64(shape.classes)
    ledger[_READOUT_FIRES] += np.uint64(1)
    ledger[_READOUT_RESETS] += np.uint64(1)
    ledger[_READOUT_INHIBITIONS] += np.uint64(shape.classes - 1)


@compiled()
def _teach(shape, tables, walls, conductances, features, active, bits, ledger, number, label,
           scores, pulse_shift, gate_shift):
    rival = -1
    for other in range(shape.classes):
        if other != label and (rival < 0 or scores[other] > scores[rival]):
            rival = other
    if scores[label] - scores[rival] >= shape.margin:
        return False
    conductance_shift = shape.wall_bits - 8
    quantile_mask = (1 << shape.quantile_bits) - 1
    for place in range(active.size):
        bits[place] = draw(np.uint32(shape.seed), np.uint32(number), np.uint32(_READOUT),
                           np.uint32(active[place]))
    for place in range(active.size):
        feature = active[place]
        gate_limit = (np.int64(features[feature]) << 8) >> gate_shift
        for role in range(2):
            half = np.int64(bits[place] >> np.uint32(16 * role) & np.uint32(0xFFFF))
            if half & 0xFF >= gate_limit:
                continue
            taught = label if role == 0 else rival
            side = half >> 8 & 1
            potentiate = side == role
            moved = _pulse(shape, tables.readout_steps, tables.readout_gains,
                           tables.readout_stuck, np.int64(walls[feature, taught, side]),
                           _POTENTIATE if potentiate else _DEPRESS,
                           half >> 9 & quantile_mask, pulse_shift,
                           tables.readout_static[feature, taught, side])
            walls[feature, taught, side] = moved
            conductances[feature, taught, side] = moved >> conductance_shift
            counter = _READOUT_PULSES if potentiate else _READOUT_PULSES + 1
            ledger[counter] += np.uint64(1)
            ledger[counter + 2] += np.uint64(1 << pulse_shift)
    return True


@compiled(forceinline=True)
def _currents(conductances, crossbar, events, lines, codes, current):
    """Currents of all neurons; gives the sum of the codes.

    Four rows at a time, so that a current is loaded and stored once for four products. Here and
    below, one index at a time instead of views, which Numba would count references of.
    """
    current[:] = 0
    drive = np.int64(0)
    # Up to three events of code 0 fill the last four up.
    for event in range(events, events + (-events & 3)):
        lines[event] = 0
        codes[event] = 0
    for event in range(0, events, 4):
        row0, row1, row2, row3 = lines[event], lines[event + 1], lines[event + 2], lines[event + 3]
        drive += codes[event] + codes[event + 1] + codes[event + 2] + codes[event + 3]
        code0 = current.dtype.type(codes[event])
        code1 = current.dtype.type(codes[event + 1])
        code2 = current.dtype.type(codes[event + 2])
        code3 = current.dtype.type(codes[event + 3])
        for neuron in range(current.size):
            current[neuron] += (code0 * conductances[crossbar, row0, neuron]
                                + code1 * conductances[crossbar, row1, neuron]
                                + (code2 * conductances[crossbar, row2, neuron]
                                   + code3 * conductances[crossbar, row3, neuron]))
    return drive


@compiled(forceinline=True)
def _activations(current, thresholds, crossbar, activation):
    """Currents minus thresholds; gives the sum of the currents."""
    charge = np.int64(0)
    for neuron in range(current.size):
        value = np.int64(current[neuron])
        charge += value
        activation[neuron] = value - np.int64(thresholds[crossbar, neuron])
    return charge


@compiled(forceinline=True)
def _score(shape, offset, origin, crossbar, conductances, thresholds, number, position, fires,
           pixels, lines, codes, current, activation, keys, race, ranking, tally):
    """Score a position and rank its neurons: number of events, or -1 where silent."""
    events = _encode(shape, offset, origin, pixels, lines, codes)
    if events < 0:
        tally[_TALLY_SILENT] += 1
        return events
    tally[_TALLY_READS] += events
    tally[_TALLY_DRIVE] += _currents(conductances, crossbar, events, lines, codes, current)
    tally[_TALLY_CHARGE] += _activations(current, thresholds, crossbar, activation)
    if shape.race.races:
        fired, made, inhibited = _race(shape, number, position, activation, fires, race, keys,
                                       ranking)
        tally[_TALLY_FIRED] += fired
        tally[_TALLY_STEPS] += made
        tally[_TALLY_INHIBITIONS] += inhibited
    else:
        _rank(activation, 0, keys, ranking)
    return events


@compiled(nogil=True)
def rank(shape, tables, conductances, thresholds, numbers, flags, pixels, rankings, tallies):
    """Rankings of samples while no wall of the clustering stage moves: each stands for itself.

    ``rankings`` is ``int16[n, positions, winners]``, −1 where silent; ``tallies``
    ``int64[n, len(Tally)]``. Numbers and flags matter only if the neurons race. Releases Python's
    lock, so that threads may share the samples.
    """
    lines = np.empty(tables.offset.size + _SPARE_EVENTS, np.uintp)
    codes = np.empty(lines.size, np.int32)
    current = np.empty(shape.neurons, conductances.dtype)
    activation = np.empty(shape.neurons, np.int64)
    keys = np.empty(shape.neurons, np.int64)
    race = np.empty((4, shape.neurons), np.int64)
    ranking = np.zeros(shape.winners, np.int64)
    offset, origin, crossbar = tables.offset, tables.origin, tables.crossbar
    tallies[:] = 0
    for sample in range(pixels.shape[0]):
        fires = shape.winners if flags[sample] & _PREDICT != 0 else 1
        image, tally = pixels[sample], tallies[sample]
        for position in range(origin.size):
            if _score(shape, offset, origin[position], crossbar[position], conductances,
                      thresholds, numbers[sample], position, fires, image, lines, codes, current,
                      activation, keys, race, ranking, tally) < 0:
                rankings[sample, position] = -1
            else:
                for place in range(shape.winners):
                    rankings[sample, position, place] = ranking[place]


@compiled()
def _count_scored(shape, positions, predict, tally, ledger):
    """Count a sample's scored positions."""
    scored = positions - tally[_TALLY_SILENT]
    fired = scored * (shape.winners if predict else 1)
    if shape.race.races:
        fired = tally[_TALLY_FIRED]
        ledger[_RACE_STEPS] += np.uint64(tally[_TALLY_STEPS])
        ledger[_RACE_INHIBITIONS] += np.uint64(tally[_TALLY_INHIBITIONS])
    ledger[_SILENT] += np.uint64(positions - scored)
    ledger[_READS] += np.uint64(tally[_TALLY_READS] * shape.neurons)
    ledger[_DRIVE] += np.uint64(tally[_TALLY_DRIVE] * shape.neurons)
    ledger[_CHARGE] += np.uint64(tally[_TALLY_CHARGE])
    ledger[_INTEGRATIONS] += np.uint64(scored * shape.neurons)
    ledger[_FIRES] += np.uint64(fired)
    ledger[_RESETS] += np.uint64(fired)
    ledger[_INHIBITIONS] += np.uint64(scored * shape.neurons - fired)


@compiled(forceinline=True)
def _vote(shape, region, ranking, features):
    """Count a position's best neurons into the features of its region."""
    base = region * shape.neurons
    for place in range(shape.winners):
        feature = base + ranking[place]
        features[feature] = min(shape.feature_max,
                                np.int64(features[feature]) + shape.winners - place)


@compiled()
def _finish(shape, tables, readout_walls, readout_conductances, ledger, number, flag, label,
            pulse_shift, gate_shift, features, active, bits, sums, score):
    """The read-out of a sample from its features, which are cleared; gives the prediction and
    the result's flags. ``active`` and ``bits`` have room for all features."""
    prediction, result_flag = NO_PREDICTION, 0
    if flag & _PREDICT != 0:
        count = 0
        for feature in range(features.size):
            active[count] = feature
            count += features[feature] != 0
        _score_readout(shape, readout_conductances, features, active[:count], ledger, sums,
                       score)
        prediction = 0
        for other in range(shape.classes):
            if score[other] > score[prediction]:
                prediction = other
        if flag & _LEARN_READOUT != 0 and label < shape.classes:
            ledger[_LABELLED] += np.uint64(1)
            if _teach(shape, tables, readout_walls, readout_conductances, features,
                      active[:count], bits, ledger, number, np.int64(label), score,
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


@compiled()
def read_out(shape, tables, rankings, tallies, rows, readout_walls, readout_conductances, ledger,
             numbers, flags, labels, readout_pulse_shifts, readout_gate_shifts, predictions,
             result_flags, winners, scores):
    """The read-out of samples that were ranked before (`rank`), in order; sample ``n`` has row
    ``rows[n]`` of ``rankings`` and ``tallies``."""
    positions = tables.origin.size
    features = np.zeros(readout_walls.shape[0], np.uint8)
    active = np.empty(features.size, np.int64)
    bits = np.empty(features.size, np.uint32)
    sums = np.empty((shape.classes, 2), np.int32)
    for sample in range(numbers.size):
        predict = flags[sample] & _PREDICT != 0
        ranking = rankings[rows[sample]]
        _count_scored(shape, positions, predict, tallies[rows[sample]], ledger)
        for position in range(positions):
            winners[sample, position] = ranking[position, 0]
            if predict and ranking[position, 0] >= 0:
                _vote(shape, tables.region[position], ranking[position], features)
        predictions[sample], result_flags[sample] = _finish(
            shape, tables, readout_walls, readout_conductances, ledger, numbers[sample],
            flags[sample], labels[sample], readout_pulse_shifts[sample],
            readout_gate_shifts[sample], features, active, bits, sums,
            scores[sample])


@compiled()
def process(shape, tables, clustering_walls, clustering_conductances, thresholds, readout_walls,
            readout_conductances, ledger, numbers, flags, labels, clustering_pulse_shifts,
            clustering_gate_shifts, readout_pulse_shifts, readout_gate_shifts, pixels,
            predictions, result_flags, winners, scores):
    """Samples that learn by clustering through the machine, in order; the last four arrays receive
    the results."""
    offset, origin = tables.offset, tables.origin
    positions = origin.size
    lines = np.empty(tables.offset.size + _SPARE_EVENTS, np.uintp)
    codes = np.empty(lines.size, np.int32)
    current = np.empty(shape.neurons, clustering_conductances.dtype)
    activation = np.empty(shape.neurons, np.int64)
    keys = np.empty(shape.neurons, np.int64)
    race = np.empty((4, shape.neurons), np.int64)
    ranking = np.zeros(shape.winners, np.int64)
    tally = np.empty(_TALLIES, np.int64)
    dense = np.zeros(clustering_walls.shape[1], np.int64)
    clustering_bits = np.empty(dense.size, np.uint32)
    features = np.zeros(readout_walls.shape[0], np.uint8)
    active = np.empty(features.size, np.int64)
    bits = np.empty(features.size, np.uint32)
    sums = np.empty((shape.classes, 2), np.int32)
    for sample in range(numbers.size):
        predict = flags[sample] & _PREDICT != 0
        fires = shape.winners if predict else 1
        refined = False
        image = pixels[sample]
        tally[:] = 0
        for position in range(positions):
            crossbar = tables.crossbar[position]
            events = _score(shape, offset, origin[position], crossbar, clustering_conductances,
                            thresholds, numbers[sample], position, fires, image, lines, codes,
                            current, activation, keys, race, ranking, tally)
            if events < 0:
                winners[sample, position] = -1
                continue
            winners[sample, position] = ranking[0]
            if predict:
                _vote(shape, tables.region[position], ranking, features)
            for event in range(events):
                dense[lines[event]] = codes[event]
            refined |= _learn_position(
                shape, tables, clustering_walls[crossbar], clustering_conductances[crossbar],
                thresholds[crossbar], ledger, numbers[sample], flags[sample],
                np.int64(labels[sample]), position, crossbar, ranking[0], activation, dense,
                clustering_bits, np.int64(clustering_pulse_shifts[sample]),
                np.int64(clustering_gate_shifts[sample]))
            for event in range(events):
                dense[lines[event]] = 0
        _count_scored(shape, positions, predict, tally, ledger)
        predictions[sample], result_flags[sample] = _finish(
            shape, tables, readout_walls, readout_conductances, ledger, numbers[sample],
            flags[sample], labels[sample], readout_pulse_shifts[sample],
            readout_gate_shifts[sample], features, active, bits, sums,
            scores[sample])
        if refined:
            result_flags[sample] |= _REFINED
