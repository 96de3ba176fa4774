"""What every test has: a printed seed, plots without a screen, Hypothesis settings."""

import os
import zlib

import hypothesis
import numpy as np
import pytest

# Before any test, or a process that it starts, imports matplotlib.
os.environ["MPLBACKEND"] = "Agg"

# The machines that run this are shared: an example's time says nothing about the code.
hypothesis.settings.register_profile("developer", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "ci", parent=hypothesis.settings.get_profile("developer"), derandomize=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "developer")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=1, help="base of every test's random seed")
    parser.addoption("--fuzz", type=int, metavar="N",
                     help="changed files of each kind in tests/fuzz; counts are shown in the end")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.getoption('seed')} (repeat with --seed)"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A 32-bit seed of this test's own, printed; `--seed` changes all of them."""
    base = request.config.getoption("seed")
    value = zlib.crc32(f"{base}:{request.node.nodeid}".encode())
    print(f"seed {value} (from --seed {base})")
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A generator that starts from the test's printed seed."""
    return np.random.default_rng(seed)
