"""Makes `bench` and `drivers` importable from every gateware test, and names the simulators."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bench import SIMULATORS  # noqa: E402  (the line above makes it importable)


@pytest.fixture(params=SIMULATORS)
def simulator(request: pytest.FixtureRequest) -> str:
    """Each simulator in turn."""
    return request.param


@pytest.fixture(autouse=True)
def _bench_seed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benches draw from the test's own seed, which `--seed` changes."""
    monkeypatch.setenv("COCOTB_RANDOM_SEED", str(seed))
