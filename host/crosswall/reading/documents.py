"""TOML and JSON as plain trees, no deeper and with no larger numbers than any of our files has."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crosswall.errors import cause

from .plain import UnreadableError, read_text

MAX_TOML_BYTES = 1 << 20
"""Largest TOML file that is read."""

MAX_DEPTH = 32
"""Deepest nesting of tables and lists, and most parts of a dotted key."""

_INTEGERS = range(-(1 << 63), 1 << 64)
"""Whole numbers of TOML, and of ledgers in JSON."""

_TOO_LARGE = "a whole number of more than 64 bits"

_QUOTED = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*""", re.DOTALL)
"""Texts and comments of TOML."""

_BETWEEN_KEYS = re.compile(r"[\n=,{}\[\]]")


def read_toml(path: Path) -> dict[str, Any]:
    """The tree in a TOML file, with or without a byte-order mark.

    Raises
    ------
    UnreadableError
        If it cannot be read, or is not TOML.
    """
    return parse_toml(read_text(path, MAX_TOML_BYTES))


def parse_toml(text: str) -> dict[str, Any]:
    """The tree in a TOML text; UnreadableError as `read_toml`."""
    # The standard parser takes the square of a dotted key's length in time and memory.
    if any(piece.count(".") > MAX_DEPTH
           for piece in _BETWEEN_KEYS.split(_QUOTED.sub("''", text))):
        raise _not_valid("TOML", f"a key of more than {MAX_DEPTH} parts")
    return _parsed("TOML", tomllib.loads, text)


def read_json(path: Path, limit: int) -> Any:
    """The tree in a JSON file of at most ``limit`` bytes.

    Raises
    ------
    UnreadableError
        If it cannot be read, is larger, or is not JSON.
    """
    return parse_json(read_text(path, limit))


def parse_json(text: str) -> Any:
    """The tree in a JSON text; UnreadableError as `read_json`."""
    return _parsed("JSON", json.loads, text)


def _parsed(form: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        tree = parse(text)
    except RecursionError as error:
        raise _not_valid(form, f"nested more than {MAX_DEPTH} deep") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise _not_valid(form, cause(error)) from error
    except ValueError as error:  # Python's own limit of 4,300 digits
        raise _not_valid(form, _TOO_LARGE) from error
    _check(form, tree)
    return tree


def _check(form: str, tree: Any) -> None:
    """Refuse what would break those who walk, print or compute with the tree."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, int) and item not in _INTEGERS:
                raise _not_valid(form, _TOO_LARGE)
            elif isinstance(item, str) and not _is_text(item):
                raise _not_valid(form, "half of a surrogate pair in a text")
        level = below
        if not level:
            return
    raise _not_valid(form, f"nested more than {MAX_DEPTH} deep")


def _is_text(item: str) -> bool:
    return item.isascii() or not any("\ud800" <= character <= "\udfff" for character in item)


def _not_valid(form: str, why: str) -> UnreadableError:
    return UnreadableError(f"is not valid {form}: {why}", "correct it there")
