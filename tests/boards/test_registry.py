"""The boards by name, the builds they choose, and loading a bitstream into one."""

import shlex
from dataclasses import replace

import pytest

from crosswall.errors import ToolError, UsageError
from crosswall.spec.build import Build, WallMemory
from crosswall.spec.network import receptive_fields, whole_image
from crosswall_boards.bitstream import flash
from crosswall_boards.board import FpgaBoard, lanes_within, readout_lanes_within
from crosswall_boards.ecp5 import ECP5_25F, ECP5_45F, ECP5_85F, Ecp5Board, pll_dividers
from crosswall_boards.registry import BOARDS, find_board, find_fpga_board
from crosswall_boards.top import BoardTop, board_system

NETWORKS = {
    "digits": receptive_fields(8, 8, 10, 64, field=3, stride=1, regions=3),
    "mnist": receptive_fields(28, 28, 10, 64, field=5, stride=2, regions=4),
    "iris": whole_image(4, 3, 12),
    "odd": whole_image(9, 7, 5, winners=1),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_chosen_build_can_compute_the_network(board, network):
    board.choose_build(network).check_fits(network)


def test_lanes_are_the_largest_power_of_two_that_divides():
    assert lanes_within(NETWORKS["mnist"], 16) == 16
    assert lanes_within(NETWORKS["iris"], 16) == 4
    assert lanes_within(NETWORKS["odd"], 16) == 1
    assert lanes_within(NETWORKS["mnist"], 12) == 8
    assert readout_lanes_within(NETWORKS["digits"], 4) == 4
    assert readout_lanes_within(NETWORKS["digits"], 20) == 20
    assert readout_lanes_within(NETWORKS["odd"], 10) == 2


def test_icebreaker_has_room_for_variants_with_one_lane():
    network = replace(NETWORKS["digits"], variant_bits=2)
    build = find_board("icebreaker").choose_build(network)
    assert (build.lanes, build.static_spread) == (1, True)
    build.check_fits(network)
    build = find_board("icebreaker").choose_build(NETWORKS["digits"])
    assert (build.lanes, build.static_spread) == (4, False)


def test_icebreaker_keeps_readout_walls_in_single_port_memory():
    build = find_board("icebreaker").choose_build(NETWORKS["digits"])
    assert isinstance(build, Build)
    assert build.readout_memory == WallMemory.SINGLE_PORT


@pytest.mark.parametrize("board", [board for board in BOARDS.values()
                                   if isinstance(board, FpgaBoard)], ids=lambda board: board.name)
def test_baud_divides_the_clock_exactly(board):
    assert board.clock_frequency % board.baud == 0
    assert board.clock_frequency // board.baud >= 4


FPGA_BOARDS = [board for board in BOARDS.values() if isinstance(board, FpgaBoard)]


@pytest.mark.parametrize("board", FPGA_BOARDS, ids=lambda board: board.name)
def test_platform_has_the_pins_and_the_device_that_the_board_names(board):
    platform = board.platform()
    platform.request("uart", 0, dir="-")
    assert board.light(platform) is not None
    if isinstance(board, Ecp5Board):
        resource = platform.lookup(board.crystal)
        assert resource.clock.frequency == board.crystal_frequency
        size = platform.device.rpartition("-")[2]
        assert board.capacity == {"25F": ECP5_25F, "45F": ECP5_45F, "85F": ECP5_85F}[size]


@pytest.mark.parametrize(("crystal", "clock"), sorted(
    {(board.crystal_frequency, board.clock_frequency) for board in FPGA_BOARDS
     if isinstance(board, Ecp5Board)} | {(25_000_000, 105_000_000)}))
def test_pll_of_an_ecp5_makes_the_clock_within_its_limits(crystal, clock):
    divider, feedback, output = pll_dividers(crystal, clock)
    assert crystal * feedback == clock * divider
    assert 3_125_000 <= crystal / divider <= 400e6
    assert 400e6 <= clock * output <= 800e6


def test_pll_of_the_icebreaker_makes_its_clock():
    board = find_fpga_board("icebreaker")
    pll = board.clocking(board.platform())._named_submodules["pll"][0]
    divisors = {name: (value.value, len(value)) for name, value in pll.parameters.items()
                if name.startswith("DIV") or name == "FILTER_RANGE"}
    # iCE40 sysCLOCK PLL guide, FPGA-TN-02052: SIMPLE feedback, F = Fin · (DIVF + 1) /
    # (2^DIVQ · (DIVR + 1)); the VCO 533 to 1066 MHz, the filter 1 for 10 to 17 MHz.
    assert divisors == {"DIVR": (0, 4), "DIVF": (63, 7), "DIVQ": (5, 3), "FILTER_RANGE": (1, 3)}
    assert board.clock_frequency == 12_000_000 * (63 + 1) // (1 << 5)
    assert 533e6 <= 12e6 * 64 <= 1066e6


@pytest.mark.parametrize(("name", "capacity"), [
    # Of the families' data sheets: Lattice FPGA-DS-02008 and -02012, Xilinx DS180. A block RAM of
    # the Artix-7 is counted as its two halves.
    ("icebreaker", {"logic cell": 5_280, "block RAM": 30, "single-port RAM": 4, "DSP": 8}),
    ("icepi-zero", {"LUT": 24_288, "flip-flop": 24_288, "block RAM": 56, "DSP": 28}),
    ("versa-ecp5", {"LUT": 43_848, "flip-flop": 43_848, "block RAM": 108, "DSP": 72}),
    ("ecpix5", {"LUT": 83_640, "flip-flop": 83_640, "block RAM": 208, "DSP": 156}),
    ("ulx3s", {"LUT": 83_640, "flip-flop": 83_640, "block RAM": 208, "DSP": 156}),
    ("arty-a7", {"LUT": 20_800, "flip-flop": 41_600, "block RAM": 100, "DSP": 90})])
def test_capacity_of_a_board_is_that_of_its_data_sheet(name, capacity):
    assert find_fpga_board(name).capacity == capacity


def test_clock_that_no_pll_can_make_is_refused():
    with pytest.raises(ValueError, match="cannot make 60000001 Hz"):
        pll_dividers(25_000_000, 60_000_001)


def test_unknown_board_lists_the_known_ones():
    with pytest.raises(UsageError, match="no board `arty`: expected one of virtual, icebreaker,"):
        find_board("arty")
    with pytest.raises(UsageError, match="`virtual` has no bitstream: .* icebreaker, .*ulx3s"):
        find_fpga_board("virtual")


def test_dry_run_of_flash_gives_the_command_and_runs_nothing(tmp_path):
    bitstream = tmp_path / "design 1.bit"
    bitstream.write_bytes(b"")
    command = shlex.split(flash(find_fpga_board("ulx3s"), bitstream, dry_run=True))
    assert command[0].endswith("openFPGALoader")
    assert command[1:] == ["--board", "ulx3s", str(bitstream)]


def test_flash_without_a_bitstream_says_so(tmp_path):
    with pytest.raises(ToolError, match="no bitstream .*: build it first"):
        flash(find_fpga_board("icebreaker"), tmp_path / "none.bin", dry_run=True)


def test_memory_of_a_ulx3s_suits_its_chip_and_reaches_its_pins():
    board = find_board("ulx3s")
    build = board.choose_build(NETWORKS["digits"])
    platform = board.platform()
    memory = board.memory(platform)
    assert memory.memory.signature.size == board.memory_bytes == build.store
    # What `BoardSdram` asks for: set-up before the chip's edge, and time for a word to come back.
    period = 1e9 / board.clock_frequency
    lag = board.memory_clock_lag * period
    assert lag > 1.5 and period > lag + 5.4 + 4.5
    top = BoardTop(board, board_system(board, NETWORKS["odd"],
                                       board.choose_build(NETWORKS["odd"])))
    constraints = platform.prepare(top, "top", emit_src=False, **board.recipe()).files["top.lpf"]
    for pin in ('"sdram_0__clk__io" SITE "F19"', '"sdram_0__dq__io[15]" SITE "J17"',
                '"sdram_0__a__io[12]" SITE "G19"'):
        assert pin in constraints


def test_store_on_a_board_without_memory_is_refused():
    board = find_board("icepi-zero")
    build = replace(board.choose_build(NETWORKS["odd"]), store=1 << 20)
    with pytest.raises(ToolError, match="icepi-zero cannot keep samples in 1048576 bytes: "
                                        "`store` must be 0"):
        board_system(board, NETWORKS["odd"], build)


@pytest.mark.parametrize(("changed", "message"), [
    ({"store": 1000}, "must be 0, or a power of two from 1024 to 268435456 bytes: got 1000"),
    ({"store": 512}, "got 512"),
    ({"packed": False, "store": 1 << 20}, "`store` needs `packed`"),
])
def test_store_that_no_build_can_have_is_refused(changed, message):
    build = replace(find_board("virtual").choose_build(NETWORKS["odd"]), **changed)
    with pytest.raises(ValueError, match=message):
        build.check_fits(NETWORKS["odd"])
