"""The mutation harness: which faults it plants, and that it tells noticed from unnoticed ones."""

import sys
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from random import Random

import pytest

from scripts import mutate
from scripts.mutants import mutants

SOURCE = '''\
"""Area of a plot."""


def fence(width: int, height: int) -> int:
    if width < 1:
        raise ValueError(f"width must be 1 or more: got {width + 0}")
    return 2 * (width + height)
'''
PLANTED = '''\
from plot import fence


def test_a_fence_goes_round():
    assert fence(2, 3) == 10
'''


@pytest.fixture
def area(tmp_path: Path) -> mutate.Area:
    """A tree with one module, whose one test never asks for a plot without width."""
    for name, text in (("source/plot.py", SOURCE), ("tests/test_plot.py", PLANTED),
                       ("pytest.ini", "[pytest]\npythonpath = source\n")):
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return mutate.Area("plots", ("source",), ("tests/test_{module}.py", "tests"))


def changes(source: str) -> dict[tuple[str, ...], str]:
    """What each mutant makes of the line that it changes, with its kind."""
    data = source.encode()
    return {tuple(line[2:] for line in mutant.difference(data) if line[0] == "+"): mutant.kind
            for mutant in mutants(Path("source.py"), data)}


@pytest.mark.parametrize(("line", "mutated", "kind"), [
    ("a < b", "a <= b", "comparison"), ("a >= b", "a > b", "comparison"),
    ("a == b", "a != b", "comparison"), ("a + b", "a - b", "operator"),
    ("(a) - (b)", "(a) + (b)", "operator"), ("a << b", "a << (b + 1)", "shift"),
    ("a >> 3", "a >> (4)", "constant"), ("a >> 3", "a >> (2)", "constant"),
    ("f(5)", "f((5000))", "constant"), ("x = 2.5", "x = 2500.0", "constant"),
    ("min(a, b)", "max(a, b)", "min and max"), ("np.maximum(a, b)", "np.minimum(a, b)",
                                                "min and max"),
    ("f(a, b)", "f(b, a)", "swapped arguments"), ("a and b", "a or b", "condition"),
    ("if a: pass", "if not (a): pass", "condition"), ("f()", "pass", "dropped statement"),
    ("a.b = 3", "pass", "dropped statement"), ("raise ValueError", "pass", "dropped statement"),
    ("[i for i in a if b]", "[i for i in a if not (b)]", "condition"),
    ("m.If(a & b)", "m.If(~(a & b).any())", "condition"), ("-a", "(a)", "sign or negation"),
    ("x = Way.UP, Way.DOWN", "x = Way.DOWN, Way.DOWN", "swapped name"),
    ("def f(a: int, b: int): return a", "def f(a: int, b: int): return b", "swapped name")])
def test_a_fault_of_each_kind_is_planted(line, mutated, kind):
    replaced = mutated.replace("(b + 1)", "((b) + 1)")
    assert changes(line)[(replaced,)] == kind


def test_annotations_texts_and_decorators_are_left_alone():
    assert not changes('x: "int | None"\n')
    assert not changes('f"{a + 1}"\n')
    assert not changes("@once(True)\nclass A:\n    pass\n")
    assert not changes("x = 'of ' + ('one' if count == 1 else f'{count}')\n")


@pytest.mark.parametrize("function", [
    "def _line(axes: Axes, width: int):\n    axes.plot(width + 1)\n",
    "def draw(width: int):\n    new_figure((width, 4)).savefig()\n"])
def test_drawings_are_left_alone(function):
    assert not changes(function)
    assert changes(function.replace("Axes", "Shape").replace("new_figure", "rectangle"))


def test_noticed_faults_are_killed_and_others_survive(area, tmp_path):
    project, place = tmp_path / "project", tmp_path / "place"
    place.mkdir()
    shops: SimpleQueue[mutate.Workshop] = SimpleQueue()
    shops.put(mutate.Workshop(project, place))
    found = mutants(Path("source/plot.py"), SOURCE.encode())
    planted = [next(m for m in found if m.text == text and m.line == line)
               for text, line in (("-", 7), ("<=", 5))]
    verdicts = [verdict.word for _, verdict in mutate.judge_area(area, planted, shops, 1)]
    assert verdicts == ["killed", "survived"]
    assert (project / "source/plot.py").read_text() == SOURCE, "the tree itself is left alone"


def test_tests_that_fail_without_a_mutant_judge_none(area, tmp_path):
    (tmp_path / "project/tests/test_plot.py").write_text("def test_no(): assert False\n")
    shops: SimpleQueue[mutate.Workshop] = SimpleQueue()
    shops.put(mutate.Workshop(tmp_path / "project", tmp_path))
    with pytest.raises(SystemExit, match="the tests of `plots` fail without a mutant"):
        list(mutate.judge_area(area, [], shops, 1))


def test_a_run_without_end_is_stopped(area, tmp_path):
    shop = mutate.Workshop(tmp_path, tmp_path)
    shop.copy.mkdir()
    endless = [sys.executable, "-c", "while True: pass"]
    assert shop._run(endless, {}, (60, 1)).word == "timed out"
    assert shop._run([sys.executable, "-c", "import time; time.sleep(60)"], {},
                     (0.2, 60)).word == "timed out"


def test_the_sample_depends_on_the_seed_and_leaves_known_mutants_out(area, tmp_path):
    def draw(seed: int, equivalent: set[tuple[str, str, str]]) -> list[str]:
        chosen, lines = mutate.sample(area, tmp_path / "project", equivalent, Random(seed), 99)
        assert lines == 3
        return [(m.line, m.text) for m in chosen]

    assert draw(1, set()) == draw(1, set())
    assert len({tuple(draw(seed, set())) for seed in range(9)}) > 1
    known = ("source/plot.py", "if width < 1:", "if width <= 1:")
    assert any((5, "<=") in draw(seed, set()) for seed in range(50))
    assert not any((5, "<=") in draw(seed, {known}) for seed in range(50))


def test_nearest_tests_come_first_and_once(area, tmp_path):
    (tmp_path / "project/tests/test_other.py").write_text("")
    assert area.judges(tmp_path / "project", "plot") == ["tests/test_plot.py",
                                                         "tests/test_other.py"]
    fast = replace(area, without=("*/test_other.py", "source/*"))
    assert fast.judges(tmp_path / "project", "plot") == ["tests/test_plot.py"]
    assert fast.files(tmp_path / "project") == []


def test_the_plan_names_sources_and_tests_that_exist():
    areas, equivalent = mutate.read_plan(mutate.ROOT / "scripts/mutation.toml")
    for area in areas.values():
        assert area.files(mutate.ROOT), area.name
        assert area.judges(mutate.ROOT), area.name
    for file, was, now in equivalent:
        data = (mutate.ROOT / file).read_bytes()
        assert (file, was, now) in {
            mutate._signature(mutant, data) for mutant in mutants(Path(file), data)}, was


def test_every_package_of_the_host_but_its_command_line_is_judged():
    areas, _ = mutate.read_plan(mutate.ROOT / "scripts/mutation.toml")
    judged = {path for area in areas.values() for path in area.files(mutate.ROOT)}
    host = mutate.ROOT / "host/crosswall"
    packages = {path.parent.name for path in host.glob("*/__init__.py")}
    assert packages - {path.parts[2] for path in judged} == {"cli"}
