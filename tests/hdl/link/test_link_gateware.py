"""The link's gateware answers as the board model does and serves the host's own session."""

# The first line is for components that refuse their parameters and are never elaborated.

from pathlib import Path

import pytest
from bench import run_bench

from crosswall_hdl.link import Link

# The smallest link, at either speed, and one with lengths that are no powers of two.
# Packed samples over the slow wire: `test_system.py`.
SIZES = {
    "two slots": {"slots": 2, "sample_bytes": 14, "result_bytes": 8, "serial": False,
                  "packed": False, "store": 0},
    "two slots, serial": {"slots": 2, "sample_bytes": 14, "result_bytes": 8, "serial": True,
                          "packed": False, "store": 0},
    "eight slots, packed, kept": {"slots": 8, "sample_bytes": 75, "result_bytes": 21,
                                  "serial": False, "packed": True, "store": 1 << 10},
}


@pytest.mark.parametrize("size", SIZES)
def test_link(size, simulator, tmp_path):
    run_bench(Link(**SIZES[size]), Path(__file__).with_name("link_bench.py"),
              simulator=simulator, build_dir=tmp_path,
              parameters={**SIZES[size], "steps": 100})


def test_a_replay_of_64_samples_from_a_full_memory(tmp_path):
    size = {"slots": 64, "sample_bytes": 14, "result_bytes": 8, "serial": False, "packed": True,
            "store": 1 << 10}
    run_bench(Link(**size), Path(__file__).with_name("link_bench.py"), simulator="icarus",
              build_dir=tmp_path, parameters={**size, "steps": 0},
              test_filter="as_many_samples_as_a_frame_can_name")


@pytest.mark.parametrize(("parameters", "message"), [
    ({"slots": 3}, "`slots` must be a power of two from 2 to 128: got 3"),
    ({"slots": 1}, "got 1"),
    ({"slots": 256}, "got 256"),
    ({"sample_bytes": 3}, "`sample_bytes` must be at least the 4 bytes"),
    ({"result_bytes": 3}, "`result_bytes` must be at least the 4 bytes"),
    ({"packed": True, "sample_bytes": 10}, "must be more than the 10 bytes of the header: got 10"),
])
def test_impossible_sizes_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Link(**{**SIZES["two slots"], **parameters})
