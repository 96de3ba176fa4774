"""An option or argument that has no effect is refused: all of them were judged, here."""

import click
import pytest

from crosswall.cli.main import COMMANDS, main

RUNS = ["board", "port", "baud", "wire", "replay", "data", "label", "train", "test", "seed",
        "device", "variants"]

PARAMETERS = {
    "run": ["experiment", "out", "force", "read_back", "resume", "draw", "quiet", "as_json", *RUNS],
    "verify": ["experiment", "samples", "full", "state_every", "quiet", "as_json", *RUNS],
    "study": ["study", "out", "force", "data", "train", "test", "seeds", "jobs", "draw", "listing",
              "show", "quiet", "as_json"],
    "presets list": [],
    "presets show": ["name"],
    "presets keys": [],
    "device show": ["source", "plot", "no_plot", "wall_bits", "bin_bits", "quantile_bits",
                    "as_json"],
    "device compile": ["source", "out", "force", "samples", "seed", "quiet", "as_json"],
    "device presets": ["name"],
    "boards": ["table", "names", "samples", "out", "as_json"],
    "build": ["board", "experiment", "out", "force", "lanes", "positions", "readout_lanes",
              "overlap", "device", "variants", "data", "seed", "allow_slow", "wire", "as_json"],
    "flash": ["board", "experiment", "out", "lanes", "positions", "readout_lanes", "overlap",
              "device", "variants", "bitstream", "dry_run"],
    "cost": ["experiment", "board", "lanes", "positions", "readout_lanes", "overlap", "device",
             "variants", "samples", "learned", "data", "as_json"],
    "info": ["port", "baud", "as_json"],
    "snapshot save": ["experiment", "file", "port", "baud", "data", "device",
                         "variants", "as_json"],
    "snapshot restore": ["experiment", "file", "port", "baud", "data", "device",
                         "variants", "as_json"],
    "bench twin": ["experiment", "samples", "data", "as_json"],
    "bench virtual": ["samples", "experiments", "wires", "replay", "data", "as_json"],
    "bench link": ["experiment", "samples", "baud", "packed", "data", "as_json"],
}
"""Those of each command. Before you add one: where has it no effect? That belongs to `REFUSED`."""

REFUSED = [
    ("run digits --board twin --port /dev/ttyS0", "--port /dev/ttyS0"),
    ("run digits --board virtual --port /dev/ttyS0", "--port /dev/ttyS0"),
    ("run digits --board twin --baud 9600", "--baud 9600"),
    ("run digits --baud 9600", "--baud 9600"),
    ("run digits --board virtual --baud 9600", "--baud 9600"),
    ("run digits --wire bytes", "--wire bytes"),
    ("run digits --wire uart --board twin", "--wire uart"),
    ("run digits --port /dev/none --wire bytes", "--wire bytes"),
    ("run digits --board ulx3s --port /dev/none --wire bytes", "--wire bytes"),
    ("run digits --no-replay", "--no-replay"),
    ("run digits --board twin --replay", "--replay"),
    *((f"run --resume kept {given}", shown) for given, shown in [
        ("digits", "PRESET|FILE.toml"), ("--out other", "--out"), ("--force", "--force"),
        ("--label class", "--label"), ("--data set", "--data"),
        ("--train 3", "--train"), ("--test 3", "--test"), ("--seed 3", "--seed"),
        ("--device ideal", "--device"), ("--variants 1", "--variants"),
        ("--read-back all", "--read-back")]),
    ("verify digits --full --samples 60", "--samples"),
    ("verify digits --baud 9600", "--baud 9600"),
    ("verify digits --board twin --wire uart", "--wire uart"),
    ("verify digits --board twin --no-replay", "--no-replay"),
    *((f"study accuracy --show {given}", given.split()[0]) for given in [
        "--out there", "--force", "--data set", "--train 3", "--test all", "--seeds 1",
        "--jobs 1", "--plots", "--no-plots", "--list", "--quiet", "--json"]),
    *((f"study accuracy --list {given}", given.split()[0]) for given in [
        "--out there", "--force", "--jobs 1", "--plots", "--no-plots", "--quiet", "--json"]),
    *((f"study --list {given}", given.split()[0]) for given in [
        "--data set", "--train 3", "--test all", "--seeds 1", "--jobs 1", "--json"]),
    ("device show ideal --no-plot --plot picture.png", "--plot picture.png"),
    *((f"boards {given}", given.split()[0]) for given in [
        "--board ulx3s", "--samples 3", "--out table.md"]),
    *((f"build virtual digits {given}", given.split()[0]) for given in [
        "--out there", "--force", "--seed 3", "--allow-slow"]),
    ("build ulx3s digits --wire uart", "--wire"),
    ("build arty-a7 digits --seed 3", "--seed"),
    ("build arty-a7 digits --allow-slow", "--allow-slow"),
    ("build ulx3s digits --data set", "--data"),
    ("build virtual digits --data set", "--data"),
    *((f"flash ulx3s {given} --bitstream file.bit", shown) for given, shown in [
        ("digits", "PRESET|FILE.toml"), ("--out there", "--out"), ("--lanes 8", "--lanes"),
        ("--positions 2", "--positions"), ("--readout-lanes 4", "--readout-lanes"),
        ("--device ideal", "--device"), ("--variants all", "--variants"),
        ("--overlap", "--overlap"), ("--no-overlap", "--no-overlap")]),
    *((f"flash ulx3s {given} --out there", shown) for given, shown in [
        ("digits", "PRESET|FILE.toml"), ("--lanes 8", "--lanes"),
        ("--no-overlap", "--no-overlap")]),
    ("info --baud 9600", "--baud"),
    ("snapshot save digits state.npz --port /dev/none --data set", "--data"),
    ("snapshot restore digits state.npz --port /dev/none --data set", "--data"),
]
"""Commands, and what has no effect in them."""


def commands() -> dict[str, click.Command]:
    found = {}
    for name in COMMANDS:
        command = main.get_command(None, name)
        for sub, each in getattr(command, "commands", {"": command}).items():
            found[f"{name} {sub}".strip()] = each
    return found


def test_every_parameter_of_every_command_was_judged():
    assert {name: sorted(parameter.name for parameter in command.params)
            for name, command in commands().items()} == {
                name: sorted(names) for name, names in PARAMETERS.items()}


@pytest.mark.parametrize(("line", "unused"), REFUSED, ids=[line for line, _ in REFUSED])
def test_what_has_no_effect_is_refused(crosswall, tmp_path, line, unused):
    message = crosswall.fails(2, *line.split())
    assert message.startswith(unused + " ") and "remove" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["cost digits --samples 2 --data", "bench twin digits --data"])
def test_data_that_are_named_are_not_replaced_by_random_strokes(crosswall, line):
    crosswall.fails(4, *line.split(), "no/such/set.npz")
