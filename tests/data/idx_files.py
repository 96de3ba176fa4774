"""IDX files as their definition says, for tests."""

import gzip
import struct
from pathlib import Path

import numpy as np


def idx(array: np.ndarray) -> bytes:
    """IDX of unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, images, labels, part: str = "train", suffix: str = "",
              separator: str = "-", prefix: str = "") -> None:
    """Write images and labels of a part into a folder, with the names of MNIST."""
    pack = gzip.compress if suffix else bytes
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        name = f"{prefix}{part}-{kind.replace('-idx', f'{separator}idx')}-ubyte{suffix}"
        (folder / name).write_bytes(pack(idx(np.asarray(array, np.uint8))))
