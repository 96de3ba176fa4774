"""Walls of which a block RAM has a piece, as it cannot have all rows of a whole one."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.build import Build
from crosswall.spec.network import whole_image
from crosswall_hdl.walls import CrossbarWalls

NETWORK = whole_image(640, 2, 8, winners=1, wall_bits=8)
BUILD = Build(2, 4)


@pytest.mark.parametrize("netlist", [None, "ecp5"])
def test_walls_in_pieces_are_read_and_written(netlist, tmp_path):
    run_bench(CrossbarWalls(NETWORK, BUILD), Path(__file__).with_name("walls_bench.py"),
              simulator="icarus", build_dir=tmp_path, netlist=netlist)
