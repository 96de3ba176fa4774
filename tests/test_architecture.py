"""The arrows between packages: who may import whom."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ALLOWED = {
    "crosswall.errors": set(),
    "crosswall.files": {"crosswall.errors", "crosswall.reading"},
    "crosswall.compiling": {"crosswall.trust"},
    "crosswall.drawing": {"crosswall.errors"},
    "crosswall.reading": {"crosswall.errors"},
    "crosswall.sections": {"crosswall.errors", "crosswall.reading"},
    "crosswall.trust": set(),
    "crosswall.spec": set(),
    "crosswall.data": {"crosswall.errors", "crosswall.reading", "crosswall.spec"},
    "crosswall.device": {"crosswall.compiling", "crosswall.drawing", "crosswall.errors",
                         "crosswall.files", "crosswall.reading", "crosswall.sections",
                         "crosswall.spec"},
    "crosswall.twin": {"crosswall.compiling", "crosswall.errors", "crosswall.files",
                       "crosswall.reading", "crosswall.spec"},
    "crosswall.link": {"crosswall.errors", "crosswall.spec"},
    "crosswall.board": {"crosswall.compiling", "crosswall.errors", "crosswall.spec",
                        "crosswall.twin", "crosswall.link"},
    "crosswall.experiment": {"crosswall.drawing", "crosswall.errors", "crosswall.files",
                             "crosswall.reading", "crosswall.sections", "crosswall.spec",
                             "crosswall.twin", "crosswall.link", "crosswall.board",
                             "crosswall.device", "crosswall.data"},
    "crosswall.study": {"crosswall.compiling", "crosswall.drawing", "crosswall.errors",
                        "crosswall.files", "crosswall.reading", "crosswall.sections",
                        "crosswall.spec", "crosswall.board", "crosswall.data",
                        "crosswall.experiment"},
    "crosswall_hdl": {"crosswall.spec"},
    "crosswall_boards": {"crosswall.spec", "crosswall.errors", "crosswall.files",
                         "crosswall.reading", "crosswall.trust", "crosswall_hdl"},
}
"""What each package may import of ours, anywhere in its files."""

WHEN_BUILDING = {"crosswall.board": {"crosswall_boards"}}
"""What it may import besides, but only inside functions: Amaranth comes with it."""

THIRD_PARTY = {"crosswall.spec": set(), "crosswall_hdl": {"amaranth"}}
"""Packages that may use nothing, or nothing else, of other people's."""


def folder(package: str) -> Path:
    top, *rest = package.split(".")
    root = {"crosswall": "host", "crosswall_hdl": "hdl", "crosswall_boards": "boards"}[top]
    return Path(ROOT, root, top, *rest)


def files(package: str) -> list[Path]:
    path = folder(package)
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imports(path: Path) -> list[tuple[str, bool]]:
    """Absolute imports of a file, and whether each is inside a function or for types only."""
    found = []

    def walk(node: ast.AST, late: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, late) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.level == 0:
                found.extend((f"{child.module}.{alias.name}", late) for alias in child.names)
            typing_only = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            walk(child, late or typing_only
                 or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    walk(ast.parse(path.read_text()), False)
    return found


def ours(name: str) -> str | None:
    """The package of ours that an import belongs to."""
    top, *rest = name.split(".")
    if top in ("crosswall_hdl", "crosswall_boards"):
        return top
    return None if top != "crosswall" else f"crosswall.{rest[0]}" if rest else "crosswall"


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_follow_the_arrows(package: str):
    checked = 0
    for path in files(package):
        for name, late in imports(path):
            target = ours(name)
            if target in (None, package, "crosswall.__version__"):
                continue
            checked += 1
            allowed = ALLOWED[package] | (WHEN_BUILDING.get(package, set()) if late else set())
            assert target in allowed, f"{path.relative_to(ROOT)} imports {name}"
    assert checked or not ALLOWED[package]


@pytest.mark.parametrize("package", THIRD_PARTY)
def test_contract_and_gateware_use_nothing_else(package: str):
    for path in files(package):
        for name, _ in imports(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or ours(name) or top in THIRD_PARTY[package], (
                f"{path.relative_to(ROOT)} imports {name}")
