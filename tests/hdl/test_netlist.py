"""The whole machine, synthesised for both families of boards, equals the reference machine.

The bench is that of the machine: results, walls, thresholds and ledger. Icarus knows unknown
values, so a netlist that relies on an undefined one, such as the content of single-port RAM at
power-up or what a read gives that meets a write, fails.
"""

from pathlib import Path

import pytest
from bench import run_bench
from netlist import BITSTREAM
from system_case import BOARD_NAME, DIVISOR, system_case
from test_machine import run_machine

from crosswall.spec.build import WallMemory
from crosswall_hdl.system import System

SEED = 5

# As the boards build it: everything that iCEBreaker uses, and ULX3S.
BUILDS = {
    "ice40": {"compact": True, "readout_memory": WallMemory.SINGLE_PORT,
              "single_port_primitive": "SB_SPRAM256KA"},
    "ecp5": {"readout_memory": WallMemory.BLOCK},
}


@pytest.mark.parametrize(("family", "geometry", "seed"), [("ice40", "W", 7), ("ecp5", "W", 32)])
def test_small_netlists_equal_the_reference(family, geometry, seed, tmp_path):
    run_machine(geometry, seed, "icarus", tmp_path, samples=3, netlist=family,
                tests="machine_equals_the_reference", **BUILDS[family])


@pytest.mark.netlist
@pytest.mark.parametrize("family", BUILDS)
@pytest.mark.parametrize(("geometry", "seed"), [("W", 1), ("S", 3), ("U", 4)])
def test_random_netlists_equal_the_reference(family, geometry, seed, tmp_path):
    run_machine(geometry, seed, "icarus", tmp_path, netlist=family, **BUILDS[family])


@pytest.mark.netlist
def test_a_decoded_bitstream_learns_as_the_reference_over_a_damaged_line(tmp_path):
    """A whole iCE40UP5K, from its UART pins: placed, routed, packed, and read back by icebox."""
    case = system_case(SEED, compact=True)
    system = System(case.network, case.build, wire="uart", board_name=BOARD_NAME,
                    clock_frequency=24_000_000, divisor=DIVISOR)
    run_bench(system, Path(__file__).with_name("system_bench.py"), simulator="icarus",
              build_dir=tmp_path, seed=SEED, netlist=BITSTREAM,
              parameters={"wire": "uart", "seed": SEED, "packed": False, "compact": True})
