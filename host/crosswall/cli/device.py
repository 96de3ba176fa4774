"""``crosswall device``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from crosswall import device as devices
from crosswall.compiling import tell_without_cache
from crosswall.device import physics
from crosswall.device.physics.compiled import DEFAULT_SAMPLES
from crosswall.device.physics.monte_carlo import MAX_SAMPLES
from crosswall.drawing import check_picture
from crosswall.errors import UsageError
from crosswall.experiment.config import FormatsSection
from crosswall.experiment.plots import joules
from crosswall.experiment.variants import COUNTS, bits_for, notices

from .common import force_option, json_option, log, print_json, quiet_option, say

_formats = FormatsSection()


@click.group()
def device() -> None:
    """DW-MTJ devices."""


@device.command()
@click.argument("source", metavar="FILE|NAME")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.png",
              help="Draw it too: a .png, .svg or .pdf.")
# It said what is now so without it, and stays for the scripts that say it.
@click.option("--no-plot", is_flag=True, hidden=True)
@click.option("--wall-bits", type=click.IntRange(8, 16), default=_formats.wall_bits,
              show_default=True, help="Width of a wall position.")
@click.option("--bin-bits", type=click.IntRange(0, 8), default=_formats.bin_bits,
              show_default=True, help="Wall bins of the table, as a power of two.")
@click.option("--quantile-bits", type=click.IntRange(0, 7), default=_formats.quantile_bits,
              show_default=True, help="Quantiles of a step, as a power of two.")
@json_option
def show(source: str, plot: Path | None, no_plot: bool, wall_bits: int, bin_bits: int,
         quantile_bits: int, as_json: bool) -> None:
    """Describe a device: levels, steps, conductances, energies.

    A device is a name (ideal, stt-0k, stt-300k, sot-0k, sot-300k), a folder or file of tables in
    CrossSim's format, or a TOML file.
    """
    if plot is not None:
        if no_plot:
            raise UsageError(f"--plot {plot} and --no-plot exclude each other: remove one")
        check_picture(plot)
    model = devices.load(source, limit=COUNTS[-1])
    variant_bits = bits_for(model.devices)
    for line in notices([model], COUNTS[variant_bits]):
        say(line)
    table = devices.compile(model, wall_bits, bin_bits, quantile_bits, variant_bits)
    description = devices.describe(model, table)
    _print(description, as_json)
    if plot is not None:
        devices.draw(model, table, plot)
        say(f"drawn to {plot}")


@device.command("compile")
@click.argument("source", metavar="PRESET|FILE.toml")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where to write it, missing or empty. Default: a folder of the device's name, "
              "here.")
@force_option
@click.option("--samples", type=click.IntRange(2, MAX_SAMPLES), default=DEFAULT_SAMPLES,
              show_default=True, help="Trajectories for each start position and direction.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="S",
              help="Seed of the thermal field.")
@quiet_option
@json_option
def compile_(source: str, out: Path | None, force: bool, samples: int, seed: int, quiet: bool,
             as_json: bool) -> None:
    """Simulate a device's pulse and write its tables.

    A wall in collective coordinates, with thermal noise, is integrated for many trajectories. The
    folder holds CrossSim's pair of tables and where they come from; give it to --device. A file
    starts from a preset (see `crosswall device presets`).
    """
    parameters = physics.read(source)
    tell_without_cache(say)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                   TimeRemainingColumn(compact=True), console=log)
    with bar if log.is_terminal and not quiet else nullcontext():
        task = bar.add_task("simulating", total=None)
        folder = physics.compile_device(
            parameters, out or Path(parameters.name), force=force, samples=samples, seed=seed,
            progress=lambda done, total: bar.update(task, completed=done, total=total))
    say(f"written to {folder}; use it with --device {folder}")
    model = devices.load(folder)
    description = devices.describe(model, devices.compile(
        model, _formats.wall_bits, _formats.bin_bits, _formats.quantile_bits, 0))
    _print(description, as_json)


@device.command()
@click.argument("name", metavar="[NAME]", required=False)
def presets(name: str | None) -> None:
    """List the devices that can be compiled, or print the file of one."""
    if name is not None:
        click.echo(physics.preset_text(name), nl=False)
        return
    for preset in physics.preset_names():
        click.echo(f"{preset:<14} {physics.read(preset).description}")


def _print(description: dict, as_json: bool) -> None:
    if as_json:
        print_json(description)
        return
    for name, value in _rows(description):
        click.echo(f"{name:<24} {value}")


def _rows(about: dict) -> list[tuple[str, str]]:
    rows = [("device", about["name"]), ("from", about["provenance"]),
            ("devices", str(about["devices"])),
            ("conductance", f"{about['conductance_min'] * 1e6:.4g} to "
                            f"{about['conductance_max'] * 1e6:.4g} µS"),
            ("levels", f"{about['levels']:.4g}"),
            ("longer pulses", "scale the step" if about["scalable_pulses"]
             else "not known: one pulse per write")]
    for word in ("potentiate", "depress"):
        step = about[word]
        pulses = step["pulses_end_to_end"]
        rows += [
            (f"{word}: step", f"{step['mean']:+.3%} of the range, σ {step['sigma']:.3%} (table "
                              f"{step['table_mean']:+.3%}, σ {step['table_sigma']:.3%})"),
            (f"{word}: along the track", f"{step['at_start']:+.3%} at the start, "
                                         f"{step['at_end']:+.3%} at the end"),
            (f"{word}: end to end", "never" if pulses is None else f"{pulses:.1f} pulses")]
    energy, table = about["energy"], about["table"]
    return [*rows,
            ("static spread", f"{about['static_spread']:.2%}, {about['stuck_share']:.2%} stuck"),
            ("read energy", f"{joules(energy['read_min'])} to {joules(energy['read_max'])} at full "
                            f"amplitude"),
            ("write energy", f"{joules(energy['write'])} per unit pulse"),
            ("table", f"{table['entries']} entries, {table['wall_bits']} wall bits")]
