"""``crosswall presets``."""

from __future__ import annotations

import click

from crosswall.experiment import Experiment
from crosswall.experiment.config import preset_names, preset_text, reference


@click.group()
def presets() -> None:
    """The experiments that come with crosswall."""


@presets.command("list")
def list_presets() -> None:
    """Name each preset and what it is."""
    for name in preset_names():
        click.echo(f"{name:<15} {Experiment.load(name).file.experiment.description}")


@presets.command()
@click.argument("name")
def show(name: str) -> None:
    """Print a preset, as a start for a file of your own."""
    click.echo(preset_text(name), nl=False)


@presets.command()
def keys() -> None:
    """Print every key that an experiment file may have, in Markdown."""
    click.echo(reference())
