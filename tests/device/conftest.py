"""Fixtures: a folder with small tables, and the shared micromagnetic ones."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.device.tables import DECREASING, INCREASING, SHARED_TABLES, table_text


@pytest.fixture
def write_pair(tmp_path: Path) -> Callable[..., Path]:
    """Write one device's two files, and return their folder."""

    def write(number: str = "0", increasing: str | None = None, decreasing: str | None = None,
              packed: bool = False) -> Path:
        for word, text, rows in (("increasing", increasing, INCREASING),
                                 ("decreasing", decreasing, DECREASING)):
            content = (table_text(rows) if text is None else text).encode()
            name = f"dG_{word}{number}.txt"
            if packed:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (tmp_path / name).write_bytes(content)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def shared_tables() -> Path:
    """Folder of the shared tables; skips the test where it does not exist."""
    if not SHARED_TABLES.is_dir():
        pytest.skip(f"needs the shared tables in {SHARED_TABLES}")
    return SHARED_TABLES
