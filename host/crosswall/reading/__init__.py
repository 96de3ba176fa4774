"""Reading files that may be anything: bounded, and with one error in words.

A file from elsewhere may be a folder, a pipe, cut short, of another format, or made to exhaust
memory. Every reader here reads the headers first, then no more than it was told to expect, and
raises `UnreadableError` for whatever it does not understand. Who reads a file turns that into the
error of its own kind, with the file's name (`unreadable_as`).
"""

from .archives import Archive, opened_archive
from .documents import parse_json, parse_toml, read_json, read_toml
from .plain import (
    MAX_UNPACKING,
    UnreadableError,
    array_of_bytes,
    opened,
    opened_lines,
    opened_unpacked,
    read_bytes,
    read_text,
    unreadable_as,
)

__all__ = [
    "MAX_UNPACKING",
    "Archive",
    "UnreadableError",
    "array_of_bytes",
    "opened",
    "opened_archive",
    "opened_lines",
    "opened_unpacked",
    "parse_json",
    "parse_toml",
    "read_bytes",
    "read_json",
    "read_text",
    "read_toml",
    "unreadable_as",
]
