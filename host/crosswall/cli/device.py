"""``crosswall device``."""

from __future__ import annotations

from pathlib import Path

import click

from crosswall import device as devices
from crosswall.experiment.config import FormatsSection
from crosswall.experiment.plots import available, joules

from .common import json_option, print_json, say

_formats = FormatsSection()


@click.group()
def device() -> None:
    """DW-MTJ devices."""


@device.command()
@click.argument("source", metavar="FILE|NAME")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.png",
              help="Where to draw it. Default: device-NAME.png here, if matplotlib is installed.")
@click.option("--no-plot", is_flag=True, help="Draw nothing.")
@click.option("--wall-bits", type=click.IntRange(8, 16), default=_formats.wall_bits,
              show_default=True, help="Width of a wall position.")
@click.option("--bin-bits", type=click.IntRange(0, 8), default=_formats.bin_bits,
              show_default=True, help="Wall bins of the table, as a power of two.")
@click.option("--quantile-bits", type=click.IntRange(0, 7), default=_formats.quantile_bits,
              show_default=True, help="Quantiles of a step, as a power of two.")
@json_option
def show(source: str, plot: Path | None, no_plot: bool, wall_bits: int, bin_bits: int,
         quantile_bits: int, as_json: bool) -> None:
    """Describe a device: levels, steps, conductances, energies; and draw it.

    A device is a name (ideal, stt-0k, stt-300k, sot-0k, sot-300k), a folder or file of tables in
    CrossSim's format, or a TOML file.
    """
    model = devices.load(source)
    table = devices.compile(model, wall_bits, bin_bits, quantile_bits,
                            max(0, min(4, (model.devices - 1).bit_length())))
    description = devices.describe(model, table)
    if plot is None and available():
        plot = Path(f"device-{model.name.replace('/', '-')}.png")
    if plot is not None and not no_plot:
        devices.draw(model, table, plot)
        say(f"drawn to {plot}")
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
