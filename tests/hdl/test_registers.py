"""The register bank is what `crosswall.spec.registers` declares."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.registers import REGISTERS, Access
from crosswall_hdl.registers import RegisterBank

CONSTANTS = {register.name: 0x9E37_79B9 * (register.address + 1) % (1 << register.width)
             for register in REGISTERS if register.access == Access.CONSTANT}


def test_registers_behave_as_declared(simulator, tmp_path):
    run_bench(RegisterBank(CONSTANTS), Path(__file__).with_name("registers_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"constants": CONSTANTS})


def test_missing_and_oversized_constants_are_refused():
    with pytest.raises(ValueError, match="must name"):
        RegisterBank({name: word for name, word in CONSTANTS.items() if name != "magic"})
    with pytest.raises(ValueError, match="protocol_version"):
        RegisterBank(CONSTANTS | {"protocol_version": 1 << 16})
