"""``crosswall cost``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from crosswall.board import find_board
from crosswall.experiment import Experiment
from crosswall.experiment.benchmark import PHASES, Workload, workload
from crosswall.experiment.variants import Variants
from crosswall.link import pack_pixels
from crosswall.spec.activity import Activity
from crosswall.spec.build import Build
from crosswall.spec.rules import ClusteringRule
from crosswall.spec.sample import SAMPLE_HEADER_BYTES, SampleHeader
from crosswall.twin import MachineState
from crosswall.twin.activity import ObservedMachine

from .boards import build_options, with_build
from .common import device_options, json_option, print_json, say

if TYPE_CHECKING:
    from crosswall_boards.cost import Prediction

_FRAME_BYTES = 7
"""Of a sample's frame beside its packet: type, CRC, COBS."""


@click.command()
@click.argument("experiment", metavar="PRESET|FILE.toml")
@click.option("--board", metavar="NAME", default="ulx3s", show_default=True,
              help="Whose build, clock, wire and memory (see `crosswall boards`).")
@build_options
@device_options
@click.option("--samples", type=click.IntRange(min=1), default=16, show_default=True,
              help="Samples to predict for, in each phase.")
@click.option("--learned", type=click.IntRange(min=0), default=0, show_default=True,
              help="Samples that each stage has learned before: a read-out that knows much is "
                   "taught seldom.")
@click.option("--data", metavar="PATH", help="The data set, or a folder that holds it.")
@json_option
def cost(experiment: str, board: str, samples: int, learned: int, data: str | None,
         device: str | None, variants: Variants | None, as_json: bool, **changes: Any) -> None:
    """Predict cycles, memory and samples per second of a board.

    Nothing is simulated or built: what the samples ask for is taken from the twin, and the cycles
    are exact. A machine larger than the board is predicted too, and how many boards would hold it.
    """
    found = find_board(board)
    from crosswall_boards.board import FpgaBoard
    from crosswall_boards.cost import (
        BITS_ON_THE_WIRE,
        boards_needed,
        memory_bits,
        on_chip_bits,
    )

    chosen = with_build(Experiment.load(experiment).with_options(
        data=data, device=device, variants=variants), changes)
    for line in chosen.device_notices():
        say(line)
    work = workload(chosen, max(samples, learned))
    network = work.machine.network
    build = chosen.build(network, found.choose_build(network))
    fpga = found if isinstance(found, FpgaBoard) else None
    wire_bytes = _packets(work, build, samples)[1]
    wire = fpga.baud / BITS_ON_THE_WIRE / wire_bytes if fpga else None
    phases = {name: {"cycles": predicted.cycles, "stations": predicted.stations,
                     "bound": predicted.bound,
                     "samples_per_second": fpga and fpga.clock_frequency / predicted.cycles}
              for name, predicted in predict_phases(work, build, samples, learned).items()}
    bits = memory_bits(network, build)
    needed = fpga and boards_needed(network, build, fpga)
    if as_json:
        print_json({"experiment": chosen.name, "board": board, "build": asdict(build),
                    "samples": samples, "learned": learned, "data": work.real, "phases": phases,
                    "memory_bits": {memory.name.lower(): each for memory, each in bits.items()},
                    "wire_samples_per_second": wire, "boards": needed})
        return
    source = "the data set" if work.real else "random strokes (the data set was not found)"
    after = f" after {learned:,} learned" if learned else ""
    click.echo(f"{chosen.name} on {board}, {samples} samples of {source} in each phase{after}; "
               "cycles a sample")
    heads = ("load", "encode", "cluster", "read out", "teach", "ledger", "answer", "all")
    click.echo(f"{'':<11}" + "".join(f"{head:>10}" for head in heads)
               + ("  samples/s" if fpga else "") + "  bound by")
    for name, about in phases.items():
        cells = [*about["stations"].values(), about["cycles"]]
        rate = f"{about['samples_per_second']:>11,.0f}" if fpga else ""
        click.echo(f"{name:<11}" + "".join(f"{cell:>10,.0f}" for cell in cells) + rate
                   + f"  {about['bound'].replace('_', ' ')}")
    click.echo(f"{'state':<11}{sum(bits.values()):>10,} bits in {network.synapses:,} synapses, "
               "thresholds, device tables and ledger")
    if fpga is None:
        return
    click.echo(f"{'memory':<11}{on_chip_bits(fpga):>10,} bits on a {board}: the state takes "
               f"{needed} board{'s' if needed != 1 else ''} at least")
    click.echo(f"{'wire':<11}{wire:>10,.0f} samples/s of {wire_bytes:,.0f} bytes at "
               f"{fpga.baud:,} baud; the clock is {fpga.clock_frequency / 1e6:g} MHz")


def predict_phases(work: Workload, build: Build, samples: int,
                   learned: int = 0) -> dict[str, Prediction]:
    """Predict each of `PHASES` in turn, ``samples`` samples of ``work`` in each, after both stages
    have ``learned`` so many."""
    from crosswall_boards.cost import predict

    network, rules = work.machine.network, work.machine.rules
    transfers = _packets(work, build, samples)[0]
    machine = ObservedMachine(network, rules, work.machine.clustering_table,
                              work.machine.readout_table, _state(work, learned))
    phases = {}
    first = 2 * learned
    for name, flags in PHASES.items():
        phases[name] = predict(network, build, _activities(machine, work, flags, first, samples),
                               transfers, stdp=rules.clustering_rule == ClusteringRule.STDP)
        first += samples
    return phases


def _state(work: Workload, learned: int) -> MachineState:
    """The machine's state once clustering, and then the read-out, have learned the samples."""
    initial = work.machine.initial_state()
    if not learned:
        return initial
    from crosswall.twin import Twin  # compiled, unlike the reference

    twin = Twin(work.machine.network, work.machine.rules, work.machine.clustering_table,
                work.machine.readout_table, initial)
    for first, phase in enumerate(("clustering", "readout")):
        twin.process(work.headers(PHASES[phase], first * learned, learned), work.samples(learned))
    return twin.state


def _activities(machine: ObservedMachine, work: Workload, flags: int, first: int,
                count: int) -> list[Activity]:
    """What samples ask for that the machine now learns."""
    activities = []
    for place, pixels in enumerate(work.samples(count)):
        label = int(work.labels[place % len(work.labels)])
        machine.process(SampleHeader(first + place, flags, label, readout_gate_shift=2), pixels)
        activities.append(machine.activity)
    return activities


def _packets(work: Workload, build: Build, count: int) -> tuple[list[int] | None, float]:
    """Cycles in which each packet comes, if they are packed, and their mean bytes on the wire."""
    network = work.machine.network
    if not build.packed:
        return None, SAMPLE_HEADER_BYTES + network.pixels + _FRAME_BYTES
    from crosswall_hdl.link.unpacker import SampleUnpacker

    unpacker = SampleUnpacker(pixels=network.pixels, pixels_at_once=build.pixels_at_once)
    packets = [SampleHeader(0, 0).pack(packing) + data
               for packing, data in pack_pixels(work.samples(count))]
    return ([unpacker.cycles(packet) for packet in packets],
            sum(map(len, packets)) / count + _FRAME_BYTES)
