"""``crosswall bench``."""

from __future__ import annotations

from typing import Any

import click

from crosswall.experiment import Experiment
from crosswall.experiment.benchmark import bench_twin, bench_virtual, workload
from crosswall.link import MAX_BAUD
from crosswall.link.benchmark import measure

from .common import json_option, print_json, replay_option, say

_data_option = click.option("--data", metavar="PATH",
                            help="The data set, or a folder that holds it.")


@click.group()
def bench() -> None:
    """Measure speeds."""


@bench.command()
@click.argument("experiment", metavar="[PRESET|FILE.toml]", default="mnist")
@click.option("--samples", type=click.IntRange(min=1), default=4096, show_default=True)
@_data_option
@json_option
def twin(experiment: str, samples: int, data: str | None, as_json: bool) -> None:
    """Samples per second of the twin on one core."""
    result = bench_twin(Experiment.load(experiment).with_options(data=data), samples)
    if as_json:
        print_json(result)
        return
    click.echo(f"twin, {result['experiment']}, {result['samples']} samples of {result['data']}, "
               f"one core")
    for phase, rate in result["samples_per_second"].items():
        click.echo(f"{phase:<11} {rate:>10,.0f} samples/s")


@bench.command()
@click.option("--samples", type=click.IntRange(min=1), default=32, show_default=True,
              help="Samples in each phase.")
@click.option("--experiment", "experiments", multiple=True, metavar="PRESET|FILE.toml",
              default=("digits", "mnist"), show_default=True)
@click.option("--wire", "wires", multiple=True, type=click.Choice(["uart", "bytes"]),
              default=("uart", "bytes"), show_default=True)
@replay_option
@_data_option
@json_option
def virtual(samples: int, experiments: tuple[str, ...], wires: tuple[str, ...], replay: bool | None,
            data: str | None, as_json: bool) -> None:
    """Cycles and samples per second of the virtual board, and what bounds them."""
    results: list[dict[str, Any]] = []
    for name in experiments:
        for wire in wires:
            say(f"measuring {name} on wire {wire}")
            results.append(bench_virtual(Experiment.load(name).with_options(data=data), wire,
                                         samples, say, replay=replay is not False))
    if as_json:
        print_json(results)
        return
    for result in results:
        click.echo(f"virtual, {result['experiment']}, wire {result['wire']}, {result['samples']} "
                   f"samples of {result['data']}")
        for phase, about in result["phases"].items():
            click.echo(f"  {phase:<11} {about['samples_per_second']:>9,.1f} samples/s  "
                       f"{about['samples_per_processor_second']:,.1f} per CPU second  "
                       f"{about['cycles_per_second'] / 1e6:.2f} Mcycles/s  "
                       f"{about['machine_cycles_per_sample']:,.0f} of "
                       f"{about['simulated_cycles_per_sample']:,.0f} cycles in the machine; "
                       f"bound by {about['bound']}")


@bench.command()
@click.argument("experiment", metavar="[PRESET|FILE.toml]", default="mnist")
@click.option("--samples", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--baud", type=click.IntRange(0, MAX_BAUD), default=3_000_000, show_default=True,
              help="Rate of the line; 0: as fast as it can.")
@click.option("--packed/--plain", default=True, show_default=True,
              help="Whether the board takes packed samples.")
@_data_option
@json_option
def link(experiment: str, samples: int, baud: int, packed: bool, data: str | None,
         as_json: bool) -> None:
    """Samples per second that a serial line carries, and the share of its rate that the host's
    side of the link keeps busy.

    Streams an experiment's samples to a sink behind a pseudo-terminal.
    """
    work = workload(Experiment.load(experiment).with_options(data=data), samples)
    speed = measure(work.samples(samples), baud=baud or None, packed=packed)
    source = "data set" if work.real else "random strokes (the data set was not found)"
    if as_json:
        print_json({"baud": baud or None, "samples": samples, "packed": packed, "data": source,
                    "samples_per_second": speed.samples_per_second,
                    "bytes_per_sample": speed.bytes_per_sample,
                    "bytes_per_second": speed.bytes_per_second, "line_rate": speed.line_rate,
                    "ratio": speed.ratio})
        return
    share = "" if speed.ratio is None else f", {speed.ratio:.1%} of the line's {baud} baud"
    click.echo(f"link, {samples} samples of {source}, {'packed' if packed else 'plain'}: "
               f"{speed.samples_per_second:,.0f} samples/s of {speed.bytes_per_sample:,.0f} bytes, "
               f"{speed.bytes_per_second / 1e3:,.0f} kB/s{share}")
