"""The unpacker gives the machine what the packing stands for, whatever the bytes."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall_hdl.link.unpacker import SampleUnpacker


# Fewer pixels than a byte of one bit each holds, and no multiple of anything.
@pytest.mark.parametrize(("pixels", "simulator"), [
    (5, "icarus"), (77, "icarus"), (77, "verilator")])
def test_unpacker(pixels, simulator, tmp_path):
    run_bench(SampleUnpacker(pixels=pixels), Path(__file__).with_name("unpacker_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"pixels": pixels})


def test_no_pixels_are_refused():
    with pytest.raises(ValueError, match="`pixels` must be at least 1: got 0"):
        SampleUnpacker(pixels=0)
