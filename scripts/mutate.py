"""Do the tests notice? Plants one fault at a time and runs the tests that should fail.

    python -m scripts.mutate --area spec --number 40     (or `make mutate ARGS='--area spec'`)

A random sample of one-line mutants (`scripts.mutants`) of each area, drawn line by line with a
printed seed; each is judged in a copy of the tree, nearest tests first, as far as the first that
fails. `scripts/mutation.toml` names the areas, and the mutants that change nothing. Prints a line
for each mutant, then a table, then what survived. Exits 1 if an area is below `--aim`.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from scripts.mutants import Mutant, mutants

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "build", "demo", "sim_build", "__pycache__",
                                  ".*_cache", ".hypothesis", "*.egg-info")
SPARE_SECONDS = 60
"""What every time limit has beside a multiple of what the tests took."""


@dataclass(frozen=True)
class Area:
    """Sources, and the tests that judge them.

    Parameters
    ----------
    sources
        Files, folders or patterns, from the tree's root.
    tests
        The same, nearest first; ``{module}`` stands for the name of the mutated module.
    without
        Patterns of sources and tests that are left out.
    options
        Passed to pytest.
    numba
        ``off``: functions run uncompiled, as a mutant of what is compiled in must be seen at once.
        ``kept``: compiled once, for areas that no compiled function depends on.
        ``fresh``: compiled for each mutant.
    """

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    numba: str = "kept"

    def files(self, tree: Path) -> list[Path]:
        """Its sources, from the tree's root."""
        return [path for path in expand(tree, self.sources, "*.py") if self._takes(path)]

    def judges(self, tree: Path, module: str = "") -> list[str]:
        """Test files for a mutant of a module, nearest first, each once."""
        patterns = (pattern.replace("{module}", module) for pattern in self.tests)
        return [str(path) for path in expand(tree, patterns, "test_*.py") if self._takes(path)]

    def _takes(self, path: Path) -> bool:
        return not any(fnmatch.fnmatch(str(path), pattern) for pattern in self.without)


def expand(tree: Path, patterns: Iterable[str], name: str) -> list[Path]:
    """Files that patterns find, those of a folder by ``name``; in order, each once."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        for path in sorted(tree.glob(pattern)):
            inside = sorted(path.rglob(name)) if path.is_dir() else [path]
            found |= dict.fromkeys(file.relative_to(tree) for file in inside)
    return list(found)


@dataclass(frozen=True)
class Verdict:
    """How a run of tests ended: ``survived``, ``killed``, or ``timed out``, which kills too."""

    word: str
    seconds: float
    processor_seconds: float
    output: str


class Workshop:
    """A place for copies of the tree, one at a time, always at the same path."""

    def __init__(self, tree: Path, place: Path) -> None:
        self.tree, self.place = tree, place
        self.copy = place / "tree"

    def judge(self, area: Area, mutant: Mutant | None, limit: tuple[float, float]) -> Verdict:
        """Run the area's tests on a fresh copy with ``mutant`` in it, at most ``limit``: seconds,
        and seconds of one processor, which a busy machine does not lengthen."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.tree, self.copy, ignore=LEFT_OUT)
        module = ""
        if mutant is not None:
            path = self.copy / mutant.path
            path.write_bytes(mutant.apply(path.read_bytes()))
            module = path.stem
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line",
                   "-p", "no:cacheprovider", *area.options, *area.judges(self.copy, module)]
        return self._run(command, self._environment(area), limit)

    def _environment(self, area: Area) -> dict[str, str]:
        folders = [str(self.copy / folder) for folder in ("host", "hdl", "boards")]
        kept = self.place if area.numba == "kept" else self.copy
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_DISABLE_JIT": str(int(area.numba == "off")),
            "NUMBA_CACHE_DIR": str(kept / ".numba"), "CROSSWALL_CACHE": str(self.place / "cache"),
            "TMPDIR": str(self._empty("tmp"))}

    def _empty(self, name: str) -> Path:
        folder = self.place / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _run(self, command: list[str], environment: dict[str, str],
             limit: tuple[float, float]) -> Verdict:
        seconds, processor_seconds = limit

        def restrict() -> None:
            resource.setrlimit(resource.RLIMIT_CPU, (int(processor_seconds),) * 2)

        begin = time.monotonic()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(command, cwd=self.copy, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, start_new_session=True,
                              preexec_fn=restrict) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                output = ""
            finally:
                _end_group(process)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        code = process.returncode
        word = "survived" if code == 0 else "killed" if code > 0 else "timed out"
        return Verdict(word, time.monotonic() - begin, used, output)


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a run and all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def sample(area: Area, tree: Path, equivalent: set[tuple[str, str, str]],
           generator: random.Random, number: int) -> tuple[list[Mutant], int]:
    """``number`` mutants of an area, each on a line of its own, and the lines there are."""
    lines: dict[tuple[Path, int], list[Mutant]] = {}
    for path in area.files(tree):
        source = (tree / path).read_bytes()
        for mutant in mutants(path, source):
            if _signature(mutant, source) not in equivalent:
                lines.setdefault((path, mutant.line), []).append(mutant)
    chosen = generator.sample(sorted(lines), min(number, len(lines)))
    return [generator.choice(lines[place]) for place in chosen], len(lines)


def _signature(mutant: Mutant, source: bytes) -> tuple[str, str, str]:
    difference = mutant.difference(source)
    return (str(mutant.path), *("\n".join(line[2:] for line in difference if line[0] == sign)
                                for sign in "-+"))


def read_plan(path: Path) -> tuple[dict[str, Area], set[tuple[str, str, str]]]:
    """The areas, and the mutants that are known to change nothing."""
    plan = tomllib.loads(path.read_text())
    areas = {name: Area(name, **{key: value if key == "numba" else tuple(value)
                                 for key, value in values.items()})
             for name, values in plan["areas"].items()}
    return areas, {(entry["file"], entry["was"], entry["now"])
                   for entry in plan.get("equivalent", ())}


def judge_area(area: Area, chosen: list[Mutant], shops: SimpleQueue[Workshop],
               jobs: int) -> Iterator[tuple[Mutant, Verdict]]:
    """Judge mutants side by side, after a run without any, which must pass and sets the limits."""
    shop = shops.get()
    sound = shop.judge(area, None, (3600, 3600))
    shops.put(shop)
    if sound.word != "survived":
        sys.exit(f"mutate: the tests of `{area.name}` fail without a mutant:\n"
                 f"{sound.output[-3000:]}")
    limit = (10 * sound.seconds + SPARE_SECONDS, 3 * sound.processor_seconds + SPARE_SECONDS)

    def judge(mutant: Mutant) -> tuple[Mutant, Verdict]:
        shop = shops.get()
        try:
            return mutant, shop.judge(area, mutant, limit)
        finally:
            shops.put(shop)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(judge, chosen)


def arguments(areas: Iterable[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="mutate", description="Plant faults, one at a time, and see whether a test fails.")
    parser.add_argument("--area", action="append", choices=list(areas), metavar="AREA",
                        help=f"only this area; may be given again ({', '.join(areas)})")
    parser.add_argument("--source", default="*", metavar="PATTERN",
                        help="only files that match, such as '*/twin/kernel.py'")
    parser.add_argument("--number", type=int, default=10, help="mutants of each area (10)")
    parser.add_argument("--seed", type=int, help="of the sample (random, printed)")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once (1)")
    parser.add_argument("--aim", type=float, default=0, help="least share killed, in percent (0)")
    parser.add_argument("--list", action="store_true", help="show the sample, run nothing")
    return parser.parse_args()


def main() -> None:
    areas, equivalent = read_plan(ROOT / "scripts" / "mutation.toml")
    options = arguments(areas)
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed} (repeat with --seed {seed})", flush=True)
    rows, survivors = [], []
    with tempfile.TemporaryDirectory(prefix="crosswall-mutate-") as place:
        shops: SimpleQueue[Workshop] = SimpleQueue()
        for number in range(options.jobs):
            folder = Path(place, str(number))
            folder.mkdir()
            shops.put(Workshop(ROOT, folder))
        for name in options.area or areas:
            area = areas[name]
            chosen, lines = sample(area, ROOT, equivalent, random.Random(f"{seed} {name}"), 1 << 30)
            chosen = [mutant for mutant in chosen
                      if fnmatch.fnmatch(str(mutant.path), options.source)][:options.number]
            if options.list:
                show(chosen)
                continue
            words: Counter[str] = Counter()
            for mutant, verdict in judge_area(area, chosen, shops, options.jobs):
                words[verdict.word] += 1
                print(f"{verdict.word:9} {verdict.seconds:5.0f} s  {name}: {title(mutant)}",
                      flush=True)
                if verdict.word == "survived":
                    survivors.append(mutant)
            rows.append((name, len(chosen) - words["survived"], len(chosen), lines))
    if rows:
        print(f"\nseed {seed}\n\n{table(rows)}\n\nsurvivors:")
        show(survivors)
    if any(100 * killed < options.aim * judged for _, killed, judged, _ in rows):
        sys.exit(1)


def title(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line} ({mutant.kind})"


def show(chosen: Iterable[Mutant]) -> None:
    for mutant in chosen:
        print(title(mutant), *mutant.difference((ROOT / mutant.path).read_bytes()), sep="\n    ")


def table(rows: Iterable[tuple[str, int, int, int]]) -> str:
    """Markdown: area, killed, judged, share; lines are those that have a mutant."""
    lines = ["| area | killed | judged | share | lines |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {killed} | {judged} | {killed / max(1, judged):.0%} | {count} |"
              for name, killed, judged, count in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
