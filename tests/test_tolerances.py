"""No assertion holds whatever the value: tolerances are relative, or say how large they are."""

import ast
from pathlib import Path

import pytest

from tests.near import near

TESTS = Path(__file__).parent


def loose(source: str) -> list[int]:
    """Lines that call `approx` without its absolute tolerance."""
    return [node.lineno for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "approx"
            and "abs" not in {keyword.arg for keyword in node.keywords}]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")),
                         ids=lambda path: str(path.relative_to(TESTS)))
def test_every_approx_states_its_absolute_tolerance(path: Path):
    assert not loose(path.read_text()), f"{path}: use `tests.near.near`, or give `abs`"


def test_the_check_sees_what_it_looks_for():
    assert loose("a == pytest.approx(1,\n rel=1)\nb == approx(2, abs=0)") == [1]


def test_femtojoules_are_told_apart():
    assert 1e-15 != near(2e-15) and 1e-15 == near(1e-15 * (1 + 1e-12))
