"""Which files of a folder make an IDX set: MNIST's names and those that followed it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from crosswall.errors import DataError

from .dataset import RawPart, RawSet, raw_part
from .idx import idx_length, read_idx

_NAME = re.compile(
    r"(?:(?P<set>.+)-)?(?P<part>train|t10k|test)-(?P<kind>images-idx3|images\.idx3|labels-idx1|"
    r"labels\.idx1)-ubyte(?:\.gz)?"
)
"""``train-images-idx3-ubyte``, ``t10k-labels.idx1-ubyte.gz``, ``emnist-letters-test-…``."""

_RAW = "raw"
"""Where torchvision keeps the files, below a folder of the set's name."""


@dataclass(frozen=True)
class IdxSet:
    """The files of one set.

    Parameters
    ----------
    name
        What stands before ``train-…`` in the names of its files, or else its folder's name.
    folder
        Where they are.
    files
        By part (``train``, ``t10k``, ``test``) and kind (``images``, ``labels``).
    """

    name: str
    folder: Path
    files: dict[tuple[str, str], Path] = field(default_factory=dict)

    def read(self) -> RawSet:
        """Read the training part and, if it is there, the test part.

        Raises
        ------
        DataError
            If a file of a part is missing, is not IDX of unsigned bytes, or does not have the
            bytes that its header announces; or if there are two test parts.
        """
        tests = [part for part in ("t10k", "test") if self._has(part)]
        if len(tests) > 1:
            raise DataError(
                f"{self.folder}: two test parts, t10k-… and test-…; take one of them away"
            )
        train = self._read("train")
        return RawSet(train, self._read(tests[0]) if tests else None)

    def _has(self, part: str) -> bool:
        return (part, "images") in self.files or (part, "labels") in self.files

    def _read(self, part: str) -> RawPart:
        images, labels = self._path(part, "images"), self._path(part, "labels")
        lengths = idx_length(images, 3), idx_length(labels, 1)
        if lengths[0] != lengths[1]:  # before what they announce is unpacked
            raise DataError(
                f"{images}: {lengths[0]} images, but {lengths[1]} labels in {labels}; "
                "the files are not of one set"
            )
        return raw_part(f"{self.folder} ({part})", read_idx(images, 3), read_idx(labels, 1))

    def _path(self, part: str, kind: str) -> Path:
        if path := self.files.get((part, kind)):
            return path
        present = next(iter(self.files.values()))
        before = match["set"] if (match := _NAME.fullmatch(present.name)) else None
        dimensions = 3 if kind == "images" else 1
        missing = f"{f'{before}-' if before else ''}{part}-{kind}-idx{dimensions}-ubyte[.gz]"
        raise DataError(f"{self.folder}: {missing} is missing beside {present.name}")


def idx_sets(folder: Path) -> list[IdxSet]:
    """Return the sets whose files lie in a folder or in its subfolder ``raw``, by name.

    Of the same file plain and compressed the plain one is taken; of ``-idx3`` and ``.idx3`` the
    first.
    """
    found: dict[tuple[Path, str], IdxSet] = {}
    for place in (folder, folder / _RAW):
        for path in sorted(place.iterdir(), key=_preference) if place.is_dir() else ():
            match = _NAME.fullmatch(path.name)
            if match is None:
                continue
            name = match["set"] or folder_title(place)
            files = found.setdefault((place, name), IdxSet(name, place)).files
            files.setdefault((match["part"], match["kind"][:6]), path)
    return [found[key] for key in sorted(found)]


def folder_title(folder: Path) -> str:
    """Return what a set in a folder is called: the folder's name, or that of the one above
    ``raw``."""
    absolute = folder.absolute()
    return (absolute.parent if absolute.name == _RAW else absolute).name


def _preference(path: Path) -> tuple[bool, bool, str]:
    return ".idx" in path.name, path.suffix == ".gz", path.name
