"""The SDRAM controller keeps the chip's rules, at clocks that round them differently."""

# The first line is for components that refuse their parameters and are never elaborated.

from dataclasses import asdict
from pathlib import Path

import pytest
from bench import run_bench
from sdram_chip import DATA_SHEETS

from crosswall_hdl.sdram import INITIAL_REFRESHES, SdramChip, SdramController

CHIP = SdramChip(power_up=2000)
"""The real one but for a shorter wait at power-up, which only takes time to simulate."""


@pytest.mark.parametrize(("simulator", "clock_frequency", "cas_latency"), [
    ("icarus", 60_000_000, 2), ("verilator", 133_000_000, 3)])
def test_sdram(simulator, clock_frequency, cas_latency, tmp_path):
    chip = SdramChip(**asdict(CHIP) | {"cas_latency": cas_latency})
    run_bench(SdramController(chip, clock_frequency=clock_frequency),
              Path(__file__).with_name("sdram_bench.py"), simulator=simulator, build_dir=tmp_path,
              parameters={"chip": asdict(chip), "clock_frequency": clock_frequency})


def test_the_chip_of_a_ulx3s_has_32_mib():
    assert SdramChip().size == 1 << 25


@pytest.mark.parametrize("maker", DATA_SHEETS)
def test_the_controller_waits_as_long_as_each_maker_asks(maker):
    sheet, chip = DATA_SHEETS[maker], SdramChip()
    for name in ("power_up", "activate_to_access", "precharge", "row_cycle", "row_active",
                 "refresh", "mode_set_clocks"):
        assert getattr(chip, name) >= getattr(sheet, name), name
    assert chip.refresh_interval <= sheet.refresh_interval
    assert INITIAL_REFRESHES >= sheet.initial_refreshes


@pytest.mark.parametrize(("chip", "clock_frequency", "message"), [
    ({"column_bits": 2}, 60_000_000, "must have 3 to 10 column bits"),
    ({"column_bits": 11}, 60_000_000, "got 11, 13"),
    ({"cas_latency": 4}, 60_000_000, "`cas_latency` must be 2 or 3: got 4"),
    ({}, 1_000_000, "a clock of 1000000 Hz is too slow"),
])
def test_what_cannot_be_controlled_is_refused(chip, clock_frequency, message):
    with pytest.raises(ValueError, match=message):
        SdramController(SdramChip(**chip), clock_frequency=clock_frequency)
