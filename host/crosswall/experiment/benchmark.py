"""How fast the twin and the virtual board learn, and what bounds them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosswall.board import Machine, RemoteBoard, TwinBoard, virtual_board
from crosswall.data import Dataset
from crosswall.errors import DataError
from crosswall.link import SerialTransport
from crosswall.spec.build import Build
from crosswall.spec.network import Network
from crosswall.spec.sample import Flag, result_packet_bytes, sample_packet_bytes
from crosswall.twin import Headers

from .experiment import Experiment

_WARM_UP = 64
"""Samples before the clock starts: compiled code is loaded, buffers are in place."""

PHASES = {
    "clustering": Flag.LEARN_CLUSTERING,
    "readout": Flag.PREDICT | Flag.LEARN_READOUT,
    "online": Flag.LEARN_CLUSTERING | Flag.PREDICT | Flag.LEARN_READOUT,
    "inference": Flag.PREDICT,
}


@dataclass(frozen=True)
class Workload:
    """Samples to measure with; ``real`` tells whether they are the data set's or noise."""

    machine: Machine
    pixels: np.ndarray
    labels: np.ndarray
    real: bool

    def headers(self, flags: int, first: int, count: int) -> Headers:
        """Headers of ``count`` samples from ``first`` on."""
        return Headers.uniform(np.arange(first, first + count), flags,
                               np.resize(self.labels, count), readout_gate_shift=2)

    def samples(self, count: int) -> np.ndarray:
        """``uint8[count, pixels]``, repeating if need be."""
        return self.pixels[np.arange(count) % len(self.pixels)]


def workload(experiment: Experiment, count: int) -> Workload:
    """Up to ``count`` samples of an experiment's data; strokes at random if there are none.

    Raises
    ------
    DataError
        If data were named (``with_options(data=...)``) and cannot be read.
    """
    network = experiment.network()
    machine = Machine(network, experiment.rules(network), *experiment.tables(network))
    try:
        train, _ = experiment.load_data()
    except DataError:
        if experiment.data is not None:
            raise
        random = np.random.default_rng(0)
        height, width = experiment.file.data.shape or (1, network.pixels)
        return Workload(machine, _strokes(random, count, height, width),
                        random.integers(0, network.classes, count).astype(np.uint8), False)
    return Workload(machine, _first(train, count), train.labels[:count].astype(np.uint8), True)


def bench_twin(experiment: Experiment, count: int = 4096) -> dict[str, Any]:
    """Samples per second of the twin in one process on one core, by phase."""
    work = workload(experiment, count)
    board = TwinBoard(work.machine)
    rates, first = {}, 0
    for name, flags in PHASES.items():
        board.stream(work.headers(flags, first, _WARM_UP), work.samples(_WARM_UP))
        first += _WARM_UP
        headers, pixels = work.headers(flags, first, count), work.samples(count)
        started = time.perf_counter()
        board.stream(headers, pixels)
        rates[name] = count / (time.perf_counter() - started)
        first += count
    return {"experiment": experiment.name, "samples": count, "data": _source(work),
            "threads": 1, "samples_per_second": rates}


def bench_virtual(experiment: Experiment, wire: str, count: int = 32,
                  progress: Callable[[str], None] = lambda line: None,
                  build: Build | None = None, *, replay: bool = True) -> dict[str, Any]:
    """Speed of the virtual board with one experiment: simulated cycles per second, samples per
    second by phase, on the clock and for a processor's second, cycles a sample takes in the
    machine and on the wire, and which bounds it.

    ``build`` is that of another board, in place of the virtual board's own. With ``replay``
    phases after the first learn from the board's memory, if it has one."""
    work = workload(experiment, count)
    network = work.machine.network
    virtual = virtual_board(network, experiment.build if build is None else
                            lambda network, default: build, wire=wire, progress=progress)
    virtual.start()
    board = RemoteBoard(SerialTransport(virtual.port), on_close=virtual.stop, replay=replay)
    phases = {}
    try:
        board.configure(work.machine)
        board.load_state(work.machine.initial_state())
        first = 0
        for name, flags in PHASES.items():
            headers = work.headers(flags, first, count)
            busy, before = board.busy_cycles(), virtual.statistics()
            started = time.perf_counter()
            board.stream(headers, work.samples(count))
            seconds = time.perf_counter() - started
            after, first = virtual.statistics(), first + count
            cycles = (board.busy_cycles() - busy) / count
            processor = after.processor_seconds - before.processor_seconds
            total = (after.cycles - before.cycles) / count
            phases[name] = {
                "samples_per_second": count / seconds,
                "processor_seconds": processor,
                "samples_per_processor_second": count / max(processor, 1e-9),
                "machine_cycles_per_sample": cycles,
                "simulated_cycles_per_sample": total,
                "cycles_per_second": (after.cycles - before.cycles)
                / max(after.seconds - before.seconds, 1e-9),
                "simulating_share": (after.seconds - before.seconds) / seconds,
                "bound": _bound(cycles, total, (after.seconds - before.seconds) / seconds),
            }
    finally:
        board.close()
    return {"experiment": experiment.name, "wire": wire, "samples": count, "data": _source(work),
            "bytes_per_sample": _wire_bytes(network), "phases": phases}


def _bound(machine: float, total: float, share: float) -> str:
    """What a faster run would need, in words."""
    if share < 0.5:
        return "host: the simulation waits for samples"
    if machine > 0.8 * total:
        return "simulation of the machine: more lanes take fewer cycles"
    return "simulation of the wire: samples arrive more slowly than they are learned"


def _wire_bytes(network: Network) -> dict[str, int]:
    return {"sample": sample_packet_bytes(network),
            "result": result_packet_bytes(network, Flag.PREDICT)}


def _source(work: Workload) -> str:
    return "data set" if work.real else "random strokes (the data set was not found)"


def _first(part: Dataset, count: int) -> np.ndarray:
    return np.ascontiguousarray(part.samples[:count])


def _strokes(random: np.random.Generator, count: int, height: int, width: int) -> np.ndarray:
    """Images with as much ink as handwriting: a few bright lines on black."""
    images = np.zeros((count, height, width), np.uint8)
    steps = np.linspace(0, 1, 4 * max(height, width))
    for image in images:
        for start, stop in random.uniform(0.15, 0.85, (3, 2, 2)):
            rows, columns = (start + (stop - start) * steps[:, None]).T
            places = (rows * height).astype(int), (columns * width).astype(int)
            image[places] = 255
            image[np.minimum(places[0] + 1, height - 1), places[1]] = 200
    return images.reshape(count, -1)
