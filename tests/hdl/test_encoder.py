"""The encoder's headers, events and codes are those of the specification."""

from pathlib import Path

import pytest
from bench import run_bench
from geometries import GEOMETRIES

from crosswall_hdl.encoder import Encoder


@pytest.mark.parametrize("geometry", ["shared fields", "whole image", "single pixels"])
def test_positions_are_encoded_as_specified(simulator, geometry, tmp_path):
    run_bench(Encoder(*GEOMETRIES[geometry]), Path(__file__).with_name("encoder_bench.py"),
              simulator=simulator, build_dir=tmp_path, parameters={"geometry": geometry})
