"""Equal but for rounding, whatever the unit."""

import pytest


def near(expected, rel: float = 1e-9):
    """`pytest.approx` without its absolute tolerance of 1e-12, which passes any femtojoules.

    A value that is 0 but for rounding needs `pytest.approx` with an ``abs`` of its own.
    """
    return pytest.approx(expected, rel=rel, abs=0)
