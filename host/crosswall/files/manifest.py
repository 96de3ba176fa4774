"""What crosswall wrote into a folder, as the folder itself says it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosswall.reading import UnreadableError, read_json

MAX_BYTES = 1 << 26
"""Largest manifest that is read."""

FILES = "files"
"""The manifest's key: an object of the other files' names and their SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as read: a JSON file of a folder that lists the files which belong to it.

    Parameters
    ----------
    path
        The manifest.
    content
        Its whole object.
    files
        SHA-256 by name of every other file, which lies beside it.
    """

    path: Path
    content: Mapping[str, Any]
    files: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """The manifest at ``path``; None if there is none, or what is there is no manifest."""
        try:
            content = read_json(path, MAX_BYTES)
        except UnreadableError:
            return None
        files = content.get(FILES) if isinstance(content, dict) else None
        if not isinstance(files, dict) or not all(
                _is_name(name) and isinstance(digest, str) for name, digest in files.items()):
            return None
        return cls(path, content, files)

    @property
    def names(self) -> frozenset[str]:
        """Every file that belongs to it, itself too."""
        return frozenset([*self.files, self.path.name])

    def differences(self) -> Iterator[str]:
        """Names of the files that are missing, or not those that were written."""
        for name, digest in self.files.items():
            try:
                if digest_of(self.path.with_name(name)) != digest:
                    yield name
            except OSError:
                yield name


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content in hexadecimal; OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_name(name: str) -> bool:
    """Whether it names a file within the folder, and nothing that is elsewhere."""
    return name not in ("", os.curdir, os.pardir) and "/" not in name and "\0" not in name
