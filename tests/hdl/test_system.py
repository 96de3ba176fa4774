"""The system at its wire: identified, configured, taught and read back with frames alone."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from bench import run_bench
from system_case import BOARD_NAME, DIVISOR, system_case

from crosswall.spec.frames import PROTOCOL_VERSION
from crosswall.spec.registers import MAGIC, REGISTERS, Access, unpack_board_name
from crosswall_hdl.system import System, identification

SEED = 5


# The UART runs under Verilator as well in every test of the virtual board.
@pytest.mark.parametrize(("wire", "packed", "simulator"), [
    ("uart", True, "icarus"), ("bytes", False, "icarus"), ("bytes", True, "verilator")])
def test_system_learns_as_the_reference_over_a_damaged_line(wire, packed, simulator, tmp_path):
    case = system_case(SEED, packed=packed)
    print(f"seed {SEED}")
    system = System(case.network, case.build, wire=wire, board_name=BOARD_NAME,
                    clock_frequency=24_000_000, divisor=DIVISOR)
    run_bench(system, Path(__file__).with_name("system_bench.py"), simulator=simulator,
              build_dir=tmp_path, seed=SEED,
              parameters={"wire": wire, "seed": SEED, "packed": packed})


def test_identification_names_every_constant_register():
    case = system_case(SEED)
    build = replace(case.build, compact=True)
    words = identification(case.network, build, "a board", 60_000_000)
    assert set(words) == {register.name for register in REGISTERS
                          if register.access == Access.CONSTANT}
    assert struct.pack("<I", words["magic"]) == b"CWAL" == struct.pack("<I", MAGIC)
    assert words["protocol_version"] == PROTOCOL_VERSION
    assert words["network_digest"] == case.network.digest()
    assert words["clock_frequency"] == 60_000_000
    assert REGISTERS["build_options"].unpack(words["build_options"]) == {
        "slots": 2, "static_spread": 0, "single_port": 0, "compact": 1, "overlap": 0,
        "positions": 1, "packed": 0, "store": 0}
    assert unpack_board_name(tuple(words[f"board_name_{place}"] for place in range(4))) == "a board"


@pytest.mark.parametrize(("changed", "message"), [
    ({"wire": "spi"}, "`wire` must be one of uart, bytes: got 'spi'"),
    ({"board_name": "seventeen letters"}, "1 to 16 ASCII characters"),
    ({"clock_frequency": 1 << 32}, "must be 0 to 4294967295"),
    ({"divisor": 3}, "`divisor` must be at least 4"),
])
def test_bad_parameters_are_refused_by_name(changed, message):
    case = system_case(SEED)
    with pytest.raises(ValueError, match=message):
        System(case.network, case.build, **{"wire": "uart", "board_name": "board"} | changed)
