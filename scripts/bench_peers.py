"""Speed of the twin beside another simulator of analog crossbars, on one job.

The job: one crossbar of 784 × 256 synapses sees MNIST images one after the other, and learns from
each before it sees the next. What is computed differs, and the output says how:

- crosswall: the integer machine with preset ``mnist-whole``: every current, the winner, the rule
  *match* on the winner's 784 synapses (a draw and at most one pulse each), homeostasis. It is run
  twice: with a call for each sample, and with one call for all, which learns in the same order.
- aihwkit (https://github.com/IBM/aihwkit): a tile of floating-point weights with device noise.
  *winner*: forward pass, largest output, a stochastic pulsed update of the winner's row;
  *gradient*: `AnalogLinear` and `AnalogSGD` with a cross-entropy loss, as its examples train.
  Each with its default periphery (converters, noise) and with an ideal one.

Run from a source tree: ``python scripts/bench_peers.py [--data PATH] [--threads 1 2]``. Each
measurement is a process of its own, pinned to as many cores as it has threads; speeds are medians
of five. Ratios are of samples per second of processor time, which other processes disturb least;
with several threads, one that waits counts, too. aihwkit is optional:
``pip install -e '.[twin,bench]'``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

REPEATS = 5
WARM_UP = 32
STEP = 2 / 256
"""A pulse moves an aihwkit weight, -1 to 1, by this: 256 states, as a conductance of the twin."""

Learn = Callable[[np.ndarray, np.ndarray], None]
"""Learns from samples in order: ``uint8[n, 784]`` and labels ``uint8[n]``."""


def twin(data: str | None, count: int, threads: int) -> dict[str, Learn]:
    """The jobs of crosswall."""
    work = _workload(data, count)
    from crosswall.spec.sample import Flag
    from crosswall.twin import Headers, Twin

    machine = work.machine
    learner = Twin(machine.network, machine.rules, machine.clustering_table,
                   machine.readout_table)

    def each(pixels: np.ndarray, labels: np.ndarray) -> None:
        for start in range(len(pixels)):
            whole(pixels[start:start + 1], labels[start:start + 1])

    def whole(pixels: np.ndarray, labels: np.ndarray) -> None:
        first = learner.state.next_sample
        numbers = np.arange(first, first + len(pixels))
        learner.process(Headers.uniform(numbers, Flag.LEARN_CLUSTERING, labels), pixels)

    return {"winner, a call for each sample": each, "winner, one call": whole}


def aihwkit(data: str | None, count: int, threads: int) -> dict[str, Learn]:
    """The jobs of aihwkit."""
    import torch
    from aihwkit.nn import AnalogLinear
    from aihwkit.optim import AnalogSGD
    from aihwkit.simulator.configs import (
        ConstantStepDevice,
        IOParameters,
        MappingParameter,
        SingleRPUConfig,
    )

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    jobs: dict[str, Learn] = {}
    for periphery, perfect in (("default", False), ("ideal", True)):
        config = SingleRPUConfig(
            # Steps vary from pulse to pulse, not from device to device.
            device=ConstantStepDevice(dw_min=STEP, dw_min_dtod=0, w_max=1, w_min=-1, w_max_dtod=0,
                                      w_min_dtod=0, up_down_dtod=0),
            forward=IOParameters(is_perfect=perfect), backward=IOParameters(is_perfect=perfect),
            mapping=MappingParameter(max_input_size=0, max_output_size=0))  # one tile
        layer = AnalogLinear(784, 256, bias=False, rpu_config=config)
        optimizer = AnalogSGD(layer.parameters(), lr=0.01)
        optimizer.regroup_param_groups(layer)
        tile = next(iter(layer.analog_tiles()))

        def winner(pixels: np.ndarray, labels: np.ndarray, tile=tile) -> None:
            samples = torch.from_numpy(pixels.astype(np.float32) / 255)
            with torch.no_grad():
                for sample in samples.split(1):
                    taught = torch.zeros(1, 256)
                    taught[0, tile.forward(sample).argmax()] = -1
                    tile.update(sample, taught)

        def gradient(pixels: np.ndarray, labels: np.ndarray, layer=layer,
                     optimizer=optimizer) -> None:
            samples = torch.from_numpy(pixels.astype(np.float32) / 255)
            targets = torch.from_numpy(labels.astype(np.int64))
            for sample, target in zip(samples.split(1), targets.split(1), strict=True):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(layer(sample), target).backward()
                optimizer.step()

        jobs[f"winner, {periphery} periphery"] = winner
        jobs[f"gradient, {periphery} periphery"] = gradient
    return jobs


SIMULATORS = {"crosswall": (twin, 8192), "aihwkit": (aihwkit, 512)}
"""Jobs of each, and samples of a measurement."""


def measure(simulator: str, data: str | None, threads: int) -> dict[str, dict[str, float]]:
    """Median speeds of a simulator's jobs, in this process."""
    make, count = SIMULATORS[simulator]
    work = _workload(data, count)
    pixels, labels = work.samples(count), np.resize(work.labels, count)
    speeds = {}
    for name, learn in make(data, count, threads).items():
        learn(pixels[:WARM_UP], labels[:WARM_UP])
        clock, cpu = [], []
        for _ in range(REPEATS):
            started, used = time.perf_counter(), time.process_time()
            learn(pixels, labels)
            clock.append(count / (time.perf_counter() - started))
            cpu.append(count / (time.process_time() - used))
        speeds[name] = {"samples_per_second": statistics.median(clock),
                        "samples_per_cpu_second": statistics.median(cpu)}
    return speeds


def _workload(data: str | None, count: int):
    from crosswall.experiment import Experiment
    from crosswall.experiment.benchmark import workload

    return workload(Experiment.load("mnist-whole").with_options(data=data), count)


def _in_process(simulator: str, data: str | None, threads: int) -> dict[str, dict[str, float]]:
    """`measure` in a process of its own on ``threads`` cores."""
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    finished = subprocess.run(
        [sys.executable, __file__, "--only", simulator, "--threads", str(threads),
         *(("--data", data) if data else ())],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)}, stdout=subprocess.PIPE, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores))
    return json.loads(finished.stdout.splitlines()[-1])


def main() -> None:
    """Measure all that is installed and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="the data set, or a folder that holds it")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", choices=SIMULATORS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.data, options.threads[0])))
        return
    installed = [name for name in SIMULATORS
                 if name == "crosswall" or importlib.util.find_spec(name)]
    for threads in options.threads:
        if threads > len(os.sched_getaffinity(0)):
            print(f"{threads} threads: this process may use {len(os.sched_getaffinity(0))} cores")
            continue
        print(f"784 × 256 synapses, one sample at a time, {threads} thread"
              f"{'s' if threads > 1 else ''}; medians of {REPEATS}")
        twins: list[float] = []
        for simulator in installed:
            for job, speed in _in_process(simulator, options.data, threads).items():
                rate = speed["samples_per_cpu_second"]
                line = (f"  {simulator:<9}  {job:<29}  {speed['samples_per_second']:>7,.0f} "
                        f"samples/s  {rate:>7,.0f} per CPU second")
                if simulator == "crosswall":
                    twins.append(rate)
                else:
                    line += "  twin is " + " and ".join(f"{twin / rate:.1f}" for twin in twins) \
                        + " times as fast"
                print(line)
    if "aihwkit" not in installed:
        print("aihwkit is not installed; run: pip install -e '.[twin,bench]'")


if __name__ == "__main__":
    main()
