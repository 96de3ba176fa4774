"""One-line faults of a Python source: what `scripts.mutate` plants.

Each mutant is one small edit of the text, so that its difference reads like a slip of the pen:
comparisons at their boundaries, + for -, shifts and constants off by one or a thousandfold,
min for max, arguments or names of the same kind swapped, conditions negated, statements dropped.
Type annotations, decorators and what is only read or looked at (texts, drawings) are left alone.
"""

from __future__ import annotations

import ast
import difflib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
               ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"),
               ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in")}
OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.LShift: ("<<", ">>"),
             ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
             ast.Mult: ("*", "+"), ast.FloorDiv: ("//", "*"), ast.Div: ("/", "*")}
EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum",
            "argmin": "argmax", "argmax": "argmin", "floor": "ceil", "ceil": "floor",
            "any": "all", "all": "any"}
CONDITIONALS = ("If", "Elif")
"""Amaranth's conditions are calls, and what they negate is a signal."""


@dataclass(frozen=True)
class Mutant:
    """One edit of one file: bytes ``start`` to ``end`` of it become ``text``."""

    path: Path
    line: int
    kind: str
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """The file's bytes with the fault in them."""
        return source[:self.start] + self.text.encode() + source[self.end:]

    def difference(self, source: bytes) -> list[str]:
        """The lines that it changes, as ``-`` was and ``+`` is."""
        lines = difflib.unified_diff(source.decode().splitlines(),
                                     self.apply(source).decode().splitlines(), n=0, lineterm="")
        return [line[0] + " " + line[1:].strip() for line in list(lines)[2:] if line[0] in "+-"]


def mutants(path: Path, source: bytes) -> list[Mutant]:
    """Every mutant of a file that still compiles, in the order of its lines."""
    found = {(m.start, m.end, m.text): m for m in _Finder(path, source).find()}
    return sorted((m for m in found.values() if _compiles(m.apply(source))),
                  key=lambda m: (m.line, m.start, m.text))


def _compiles(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


class _Finder:
    """Walks a file's tree and yields edits."""

    def __init__(self, path: Path, source: bytes) -> None:
        self.path, self.source = path, source
        self.tree = ast.parse(source)
        self.lines = [0]
        for line in source.split(b"\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)
        self.constants = _constants(self.tree)
        self.members = _members(self.tree)

    def find(self) -> Iterator[Mutant]:
        yield from self._visit(self.tree, {})

    def _visit(self, node: ast.AST, peers: dict[str, list[str]]) -> Iterator[Mutant]:
        """``peers`` are the parameters of the function around a node, by annotation alike."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _draws(node):
                return
            peers = _parameters(node)
        if isinstance(node, ast.expr):
            yield from self._expression(node, peers)
        elif isinstance(node, ast.stmt):
            yield from self._statement(node)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                yield self._edit("condition", test, f"not ({self._text(test)})")
        for child in _mutable_children(node):
            yield from self._visit(child, peers)

    # Statements.

    def _statement(self, node: ast.stmt) -> Iterator[Mutant]:
        if _may_be_dropped(node):
            yield self._edit("dropped statement", node, "pass")
        if isinstance(node, ast.If | ast.While):
            yield self._edit("condition", node.test, f"not ({self._text(node.test)})")
        if isinstance(node, ast.AugAssign) and not _is_amaranth_domain(node.target):
            yield from self._operator(node.op, node.target, node.value, suffix="=")

    # Expressions.

    def _expression(self, node: ast.expr, peers: dict[str, list[str]]) -> Iterator[Mutant]:
        match node:
            case ast.Compare():
                terms = [node.left, *node.comparators]
                for left, comparison, right in zip(terms, node.ops, terms[1:], strict=False):
                    yield from self._between("comparison", left, right,
                                             COMPARISONS[type(comparison)])
            case ast.BoolOp():
                words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for left, right in zip(node.values, node.values[1:], strict=False):
                    yield from self._between("condition", left, right, words)
            case ast.BinOp():
                if not (_is_text(node.left) or _is_text(node.right)):
                    yield from self._operator(node.op, node.left, node.right)
            case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
                yield self._edit("sign or negation", node, f"({self._text(node.operand)})")
            case ast.IfExp() if not (_is_text(node.body) or _is_text(node.orelse)):
                yield self._edit("condition", node.test, f"not ({self._text(node.test)})")
            case ast.Constant():
                yield from self._constant(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Attribute(value=ast.Name(id=base)) if base in self.members:
                for other in self.members[base] - {node.attr}:
                    yield self._edit("swapped name", node, f"{base}.{other}")
            case ast.Name(ctx=ast.Load()):
                alike = self.constants if node.id in self.constants else peers.get(node.id, [])
                for other in alike:
                    if other != node.id:
                        yield self._edit("swapped name", node, other)

    def _operator(self, operator: ast.operator, left: ast.expr, right: ast.expr,
                  suffix: str = "") -> Iterator[Mutant]:
        if type(operator) not in OPERATORS:
            return
        was, now = OPERATORS[type(operator)]
        yield from self._between("operator", left, right, (was + suffix, now + suffix))
        if isinstance(operator, ast.LShift | ast.RShift) and not isinstance(right, ast.Constant):
            for sign in "+-":
                yield self._edit("shift", right, f"(({self._text(right)}) {sign} 1)")

    def _constant(self, node: ast.Constant) -> Iterator[Mutant]:
        value = node.value
        if isinstance(value, bool):
            yield self._edit("constant", node, str(not value))
        elif isinstance(value, int):
            for other in {value + 1, abs(value - 1), value * 1000} - {value}:
                yield self._edit("constant", node, f"({other})")
        elif isinstance(value, float) and value:
            for other in (value * 1000, value / 1000):
                yield self._edit("constant", node, repr(other))

    def _call(self, node: ast.Call) -> Iterator[Mutant]:
        function = node.func
        name = getattr(function, "id", getattr(function, "attr", None))
        if name in EXTREMES:
            text = self._text(function)
            yield self._edit("min and max", function, text[:-len(name)] + EXTREMES[name])
        if isinstance(function, ast.Attribute) and name in CONDITIONALS and node.args:
            yield self._edit("condition", node.args[0], f"~({self._text(node.args[0])}).any()")
        for left, right in zip(node.args, node.args[1:], strict=False):
            if _is_place(left) and _is_place(right) and self._text(left) != self._text(right):
                start, end = self._span(left)[0], self._span(right)[1]
                between = self.source[self._span(left)[1]:self._span(right)[0]].decode()
                yield Mutant(self.path, left.lineno, "swapped arguments", start, end,
                             self._text(right) + between + self._text(left))

    # Text.

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return (self.lines[node.lineno - 1] + node.col_offset,
                self.lines[node.end_lineno - 1] + node.end_col_offset)

    def _text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _edit(self, kind: str, node: ast.expr | ast.stmt, text: str) -> Mutant:
        start, end = self._span(node)
        return Mutant(self.path, node.lineno, kind, start, end, text)

    def _between(self, kind: str, left: ast.expr, right: ast.expr,
                 words: tuple[str, str]) -> Iterator[Mutant]:
        """The edit of the operator that stands between two operands, perhaps beside brackets."""
        start, end = self._span(left)[1], self._span(right)[0]
        place = self.source.find(words[0].encode(), start, end)
        if place >= 0:
            line = self.source.count(b"\n", 0, place) + 1
            yield Mutant(self.path, line, kind, place, place + len(words[0]), words[1])


def _mutable_children(node: ast.AST) -> Iterator[ast.AST]:
    """What of a node is looked into: neither annotations, texts, decorators nor imports."""
    if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Raise | ast.Assert):
        return
    if isinstance(node, ast.IfExp) and (_is_text(node.body) or _is_text(node.orelse)):
        return
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_typing(child):
                yield child


def _is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _draws(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function makes a figure or draws into one: judged by the eye."""
    return any(parameter.annotation is not None and ast.unparse(parameter.annotation) == "Axes"
               for parameter in function.args.args) or any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "new_figure"
        for node in ast.walk(function))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def _is_place(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _is_amaranth_domain(node: ast.expr) -> bool:
    """Whether the target of ``+=`` is ``m.d.sync`` or its like."""
    return ".d." in ast.unparse(node) or ast.unparse(node).endswith(".submodules")


def _may_be_dropped(node: ast.stmt) -> bool:
    """Statements without which a program still runs, if perhaps not well."""
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue():
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Return(value=None):
            return True
    return False


def _constants(tree: ast.Module) -> list[str]:
    """Names of the module's own numeric constants."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) \
                and isinstance(node.value.value, int | float):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def _members(tree: ast.Module) -> dict[str, set[str]]:
    """Members, as far as the module uses them, of each class whose members are capitals."""
    members = defaultdict(set)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=name) if (
                    name.isupper() and not base.isupper() and base[:1].isupper()):
                members[base].add(name)
    return dict(members)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, list[str]]:
    """For each parameter, all parameters of the same annotation."""
    alike = defaultdict(list)
    for parameter in function.args.args + function.args.kwonlyargs:
        if parameter.annotation is not None:
            alike[ast.unparse(parameter.annotation)].append(parameter.arg)
    return {name: names for names in alike.values() for name in names}
