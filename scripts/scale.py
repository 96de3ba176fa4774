"""What 10^6 and 10^9 synapses would take, as docs/cost-model.md shows it.

Prints a table: machines of one crossbar (geometry W) whose neurons are split over boards, each
with its walls on chip or in the memory chip beside it. Cycles are those of the cost model
(`crosswall_boards.cost.predict`) for a sample whose every pixel drives its line; that walls come
from a memory chip, and that boards find the best neuron of all, is not built.

    python scripts/scale.py
"""

import math
from dataclasses import dataclass

from crosswall.spec.activity import full_activity
from crosswall.spec.build import Build
from crosswall.spec.network import Network, whole_image
from crosswall.spec.sample import Flag
from crosswall_boards.board import FpgaBoard
from crosswall_boards.cost import on_chip_bits, predict
from crosswall_boards.registry import find_fpga_board

LANES = 64
"""As placed and routed for `mnist-whole` on an ECP5-85F."""
LINK_CLOCKS = 4
"""Clocks for a bit between two boards, as on the UART."""
BEST_BITS = 80
"""What a board says of its best neuron, and hears of the best of all: activation and index, 4
bytes each way, a byte in 10 bits."""
CLASSES = 10


@dataclass(frozen=True)
class Chip:
    """A board's memory chip: its size in bytes, bits in a second, and the share that is reached."""

    size: int
    bits_per_second: float
    share: float = 0.8


CHIPS = {
    "ulx3s": Chip(32 << 20, 16 * 60e6),  # SDRAM, 16 bits, at the machine's clock
    "ecpix5": Chip(512 << 20, 16 * 600e6),  # DDR3, 16 bits, 300 MHz
    "arty-a7": Chip(256 << 20, 16 * 667e6),  # DDR3L, 16 bits, 333 MHz
}


@dataclass(frozen=True)
class Row:
    """Boards, what each holds, and samples per second of each kind."""

    boards: int
    neurons: int
    cycles: dict[str, float]
    rates: dict[str, float]
    bound: str


BOUNDS = {"cluster": "lanes", "encode": "encoder"}
"""What a station's cycles are those of."""

FLAGS = {"infer": Flag.PREDICT, "learn": Flag.LEARN_CLUSTERING}


def row(board: FpgaBoard, side: int, bits: int, chip: Chip | None) -> Row:
    """The fewest boards, a power of two, that hold a crossbar of ``side`` × ``side``."""
    room = 8 * chip.size if chip else 0.9 * on_chip_bits(board)
    boards = 1 << max(0, math.ceil(math.log2(side * side * bits / room)))
    boards = max(boards, side // 1024)  # a network has at most so many neurons
    network: Network = whole_image(side, CLASSES, side // boards, winners=1, threshold_bits=31)
    build = Build(min(LANES, network.neurons), 20, overlap=True, static_spread=False)
    exchange = LINK_CLOCKS * BEST_BITS * math.ceil(math.log2(boards)) if boards > 1 else 0
    cycles, rates, bound = {}, {}, ""
    for name, flags in FLAGS.items():
        sample = full_activity(network, flags)
        one, four = (predict(network, build, [sample] * count) for count in (1, 4))
        cycles[name] = (4 * four.cycles - one.cycles) / 3 + exchange
        bound = bound or BOUNDS[four.bound]
        seconds = cycles[name] / board.clock_frequency
        if chip:
            walls = side * network.neurons * bits
            # The winner's walls are read and written one by one, each in a burst of its own.
            walls += 2 * 128 * side if flags & Flag.LEARN_CLUSTERING else 0
            fetching = walls / (chip.share * chip.bits_per_second)
            if fetching > seconds:
                seconds, bound = fetching, "memory chip"
        rates[name] = 1 / seconds
    return Row(boards, network.neurons, cycles, rates, bound)


def main() -> None:
    """Print the table."""
    print("| synapses | walls | board | walls in | boards, neurons of each | cycles of each, "
          "infer; learn | samples/s, infer; learn | bound by |")
    print("|---|---|---|---|---|---|---|---|")
    for side in (1 << 10, 1 << 15):
        for bits in (4, 8):
            for name in ("ulx3s", "ecpix5", "arty-a7"):
                board = find_fpga_board(name)
                for chip in (None, CHIPS[name]):
                    found = row(board, side, bits, chip)
                    cycles, rates = (
                        "; ".join(f"{each:,.{digits}f}" for each in values.values())
                        for values, digits in ((found.cycles, 0),
                                               (found.rates, 0 if side < 2000 else 1)))
                    print(f"| {side:,} × {side:,} | {bits} bits | `{name}` | "
                          f"{'memory chip' if chip else 'block RAM'} | {found.boards:,} × "
                          f"{found.neurons:,} | {cycles} | {rates} | {found.bound} |")


if __name__ == "__main__":
    main()
