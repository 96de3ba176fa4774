"""The unpacker gives the machine what the packing stands for, whatever the bytes."""

from pathlib import Path

import pytest
from bench import run_bench

from crosswall_hdl.link.unpacker import SampleUnpacker


# Fewer pixels than a byte of one bit each holds, and no multiple of anything.
@pytest.mark.parametrize(("pixels", "at_once", "simulator"), [
    (5, 4, "icarus"), (77, 1, "icarus"), (77, 4, "icarus"), (77, 4, "verilator")])
def test_unpacker(pixels, at_once, simulator, tmp_path):
    run_bench(SampleUnpacker(pixels=pixels, pixels_at_once=at_once),
              Path(__file__).with_name("unpacker_bench.py"), simulator=simulator,
              build_dir=tmp_path, parameters={"pixels": pixels, "at_once": at_once})


def test_no_pixels_are_refused():
    with pytest.raises(ValueError, match="`pixels` must be at least 1: got 0"):
        SampleUnpacker(pixels=0)
    with pytest.raises(ValueError, match="`pixels_at_once` must be a power of two: got 3"):
        SampleUnpacker(pixels=5, pixels_at_once=3)
