"""Files in TOML whose sections are strict pydantic models: reading, refusing, documenting.

Experiment files, study files and device files are made of `Section`. An unknown key, a value of
another type or out of range is refused in one line that names the key, the value and what was
expected, which a field declares with `integer`, `number` or `value`; the documentation's tables
derive from the same declarations (`reference_table`). Who reads a file says which class of error
its mistakes are.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from crosswall.errors import CrosswallError
from crosswall.reading import parse_toml, read_toml, unreadable_as


class Section(BaseModel):
    """A table of a file: strict, closed, frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


AnySection = TypeVar("AnySection", bound=Section)


def integer(low: int, high: int, meaning: str, **options: Any) -> Any:
    """A field: a whole number from ``low`` to ``high``."""
    return Field(ge=low, le=high, description=meaning,
                 json_schema_extra={"expected": f"a whole number, {low} to {high}"}, **options)


def number(low: float, high: float, meaning: str, *, unit: str = "", **options: Any) -> Any:
    """A field: a number from ``low`` to ``high``, in ``unit`` if it has one."""
    expected = f"a number, {low:g} to {high:g} {unit}".rstrip()
    return Field(ge=low, le=high, description=meaning, json_schema_extra={"expected": expected},
                 **options)


def value(expected: str, meaning: str, **options: Any) -> Any:
    """A field of another type; ``expected`` says in words what it may be."""
    return Field(description=meaning, json_schema_extra={"expected": expected}, **options)


class Library:
    """The files of one kind that come with crosswall, by name, and the user's own, by path.

    Parameters
    ----------
    package
        Which has them in its folder ``presets``.
    topic
        What a file describes, in a word, for messages.
    noun, plural
        What messages call one that comes with crosswall.
    error
        What is raised if there is no such file, or it cannot be read.
    """

    def __init__(self, package: str, topic: str, noun: str, plural: str,
                 error: type[CrosswallError]) -> None:
        self._package = package
        self._topic = topic
        self._noun = noun
        self._plural = plural
        self._error = error

    def names(self) -> tuple[str, ...]:
        """Names of the files that come with crosswall."""
        return tuple(sorted(entry.name.removesuffix(".toml") for entry in self._folder().iterdir()
                            if entry.name.endswith(".toml")))

    def text(self, name: str) -> str:
        """The content of a file that comes with crosswall; the library's error if there is none
        of that name."""
        if name not in self.names():
            raise self._error(
                f"no {self._topic} preset {name!r}{did_you_mean(name, self.names())}; "
                f"{self._plural} are {', '.join(self.names())}")
        return (self._folder() / f"{name}.toml").read_text(encoding="utf-8")

    def read(self, source: str) -> tuple[dict[str, Any], str, Path]:
        """The content of a file by name or path: the mapping, what to call it in messages, its
        folder.

        Raises
        ------
        CrosswallError
            The library's, if there is no such file, or it is not TOML.
        """
        if source in self.names():
            where = f"{self._noun} {source}"
            return parsed(self.text(source), where, self._error), where, Path.cwd()
        path = Path(source)
        if path.suffix != ".toml" and not os.path.lexists(source):
            raise self._error(
                f"no {self._noun} or file {source!r}{did_you_mean(source, self.names())}; "
                f"{self._plural} are {', '.join(self.names())}, {self._topic} files end in .toml")
        mapping = read(path, self._error)
        return mapping, str(path), path.resolve().parent

    def _folder(self) -> Any:
        return resources.files(self._package) / "presets"


def read(path: Path, error: type[CrosswallError]) -> dict[str, Any]:
    """The mapping in a TOML file. ``error`` is raised if it cannot be read or is not TOML."""
    with unreadable_as(error, path):
        return read_toml(path)


def parsed(text: str, where: str, error: type[CrosswallError]) -> dict[str, Any]:
    """The mapping in a TOML text; ``where`` names it in messages. ``error`` is raised if it is not
    TOML."""
    with unreadable_as(error, where):
        return parse_toml(text)


def validated(model: type[AnySection], mapping: Mapping[str, Any], where: str,
              error: type[CrosswallError]) -> AnySection:
    """The section in a mapping; ``where`` names it in messages. ``error`` is raised for the first
    unknown key or wrong value."""
    try:
        return model.model_validate(mapping)
    except ValidationError as mistake:
        raise error(f"{where}: {_explain(mistake, model)}") from None


def reference_table(title: str, model: type[BaseModel]) -> list[str]:
    """A section's keys as the lines of a Markdown table under a heading."""
    lines = [f"### `{title}`", "", " ".join(str(model.__doc__).split()), ""]
    keys = {name: info for name, info in model.model_fields.items()
            if name != "kind" or _tag(model) is None}
    if not keys:
        return lines
    lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, info in keys.items():
        default = "required" if info.is_required() else _default(info)
        lines.append(f"| `{name}` | {_expected(info)} | {default} | {info.description} |")
    return [*lines, ""]


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """What to add to a message about an unknown name: the nearest known one, if any is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    return "" if value is None else f"`{value}`" if not isinstance(value, bool) \
        else f"`{str(value).lower()}`"


def _explain(error: ValidationError, root: type[BaseModel]) -> str:
    """The first mistake in one line, and how many more there are."""
    problems = error.errors(include_url=False)
    # An unknown key comes first: it is often the reason why another one is missing.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    text = _explain_one(first["type"], list(_walk(first["loc"], root)), first["input"],
                        first.get("ctx", {}))
    more = len(problems) - 1
    return text + (f" (and {more} more mistake{'s' if more > 1 else ''})" if more else "")


def _explain_one(kind: str, trail: list[_Step], value: Any, context: Mapping[str, Any]) -> str:
    path = _path([key for key, _, _ in trail])
    if kind == "extra_forbidden":
        model = trail[-1][1]
        known = list(model.model_fields) if model else []
        return (f"unknown key {path}{did_you_mean(str(trail[-1][0]), known)}; expected one of "
                f"{', '.join(known)}")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        expected = f"one of {context.get('expected_tags', 'the known kinds')}" \
            if kind == "union_tag_invalid" else "a table with the key `kind`"
        given = f" = {context['tag']!r}" if "tag" in context else ""
        return f"{path}.kind{given}: expected {expected}" if given else \
            f"{path}.kind is missing; expected a table with the key `kind`"
    info = next((info for _, _, info in reversed(trail) if info is not None), None)
    expected = _expected(info) if info else str(context.get("expected", "another value"))
    meaning = f" ({info.description})" if info and info.description else ""
    if kind == "missing":
        return f"{path} is missing; expected {expected}{meaning}"
    return f"{path} = {_shown(value)}: expected {expected}{meaning}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) and "expected" in extra else "a table"


def _path(keys: list[int | str]) -> str:
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text


_Step = tuple[int | str, type[BaseModel] | None, FieldInfo | None]


def _walk(location: tuple[int | str, ...], root: type[BaseModel]) -> Iterator[_Step]:
    """Each key of an error's location with the model it belongs to and what is known of it.

    The tags that pydantic puts into locations of discriminated unions are left out.
    """
    candidates: list[type[BaseModel]] = [root]
    for key in location:
        tagged = [model for model in candidates if _tag(model) == key]
        if len(tagged) == 1 and not any(key in model.model_fields for model in candidates):
            candidates = tagged
            continue
        model = candidates[0] if len(candidates) == 1 else None
        info = model.model_fields.get(key) if model and isinstance(key, str) else None
        yield key, model, info
        if info is not None:
            candidates = list(_models(info.annotation))
        elif not isinstance(key, int):
            candidates = []


def _tag(model: type[BaseModel]) -> str | None:
    info = model.model_fields.get("kind")
    return get_args(info.annotation)[0] if info and info.is_required() else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation mentions."""
    if isinstance(annotation, type) and not get_origin(annotation) \
            and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
