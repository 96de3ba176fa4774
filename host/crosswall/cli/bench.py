"""``crosswall bench``."""

from __future__ import annotations

from typing import Any

import click

from crosswall.experiment import Experiment
from crosswall.experiment.benchmark import bench_twin, bench_virtual

from .common import json_option, print_json, say

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
@_data_option
@json_option
def virtual(samples: int, experiments: tuple[str, ...], wires: tuple[str, ...], data: str | None,
            as_json: bool) -> None:
    """Cycles and samples per second of the virtual board, and what bounds them."""
    results: list[dict[str, Any]] = []
    for name in experiments:
        for wire in wires:
            say(f"measuring {name} on wire {wire}")
            results.append(bench_virtual(Experiment.load(name).with_options(data=data), wire,
                                         samples, say))
    if as_json:
        print_json(results)
        return
    for result in results:
        click.echo(f"virtual, {result['experiment']}, wire {result['wire']}, {result['samples']} "
                   f"samples of {result['data']}")
        for phase, about in result["phases"].items():
            click.echo(f"  {phase:<11} {about['samples_per_second']:>9,.1f} samples/s  "
                       f"{about['cycles_per_second'] / 1e6:.2f} Mcycles/s  "
                       f"{about['machine_cycles_per_sample']:,.0f} of "
                       f"{about['simulated_cycles_per_sample']:,.0f} cycles in the machine; "
                       f"bound by {about['bound']}")
