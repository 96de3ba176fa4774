"""What can happen to a file, as Hypothesis strategies: to its bytes, and to what they stand for."""

from __future__ import annotations

import copy
import datetime
import gzip
import io
import json
import re
import tomllib
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.lib import format as npy

Draw = Callable[[st.SearchStrategy[Any]], Any]

NUMBERS = ("nan", "inf", "-inf", "1e400", "-1e308", "5e-324", "-0", "0", "1", "-1", "255", "256",
           "65536", "4294967296", "18446744073709551616", "9" * 5000, "0x" + "f" * 5000, "1_000",
           "1e-9", "", " ", "true", "null", "0.5.5", "٣", "1,1", "\0", "\n", '"', "[", "#", "{}")
"""What a number in a text becomes."""

VALUES = (True, False, 0, -1, 1, 2, 255, 2**16, 2**31, 2**53, 2**63 - 1, -2**63, 2**64 - 1, 2**64,
          10**400, 0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, float("nan"), float("inf"),
          float("-inf"), "", "a", "\0", "a\nb", "\x1b[2J", "µ", "../..", "x" * 5000, "/dev/zero",
          "ideal", "table", "digits", [], [0], [[]], [1, "a"], [float("nan")] * 2, {}, {"a": 1},
          {"": {}}, {"kind": []}, datetime.date(2020, 1, 1), datetime.datetime(1, 1, 1))
"""What a value in a tree becomes."""

KEYS = ("", "a", "a\nb", "k" * 5000, "\0", "kind", "é", "a.b", "device", "=")

DTYPES = ("?", "i1", "u1", "<i2", ">u2", "<i4", ">i8", "<u8", "<f2", ">f4", "<f8", "<f16", "<c8",
          "S3", "<U2", ">U2", "O", "<M8[D]", "V4", "i2,f4")

SHAPES = ("()", "(0,)", "(1,)", "(-1,)", "(4294967296,)", "(1, 18446744073709551616)", "(2, 0)",
          "(0, 99999999999999999999)", "(1.5,)", "[2]", "'a'", "(" + "1, " * 70 + ")")


def bytes_changed(draw: Draw, content: bytes) -> bytes:
    """A file after a few accidents."""
    for _ in range(draw(st.integers(1, 4))):
        size = len(content)
        start = draw(st.integers(0, size))
        stop = min(size, start + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["flip", "cut", "take", "repeat", "insert", "swap", "number"]))
        if kind == "flip" and start < size:
            content = content[:start] + bytes([content[start] ^ draw(st.integers(1, 255))]) \
                + content[start + 1:]
        elif kind == "cut":
            content = content[:start]
        elif kind == "take":
            content = content[:start] + content[stop:]
        elif kind == "repeat":
            content = content[:stop] + content[start:stop] * draw(st.integers(1, 50)) \
                + content[stop:]
        elif kind == "insert":
            content = content[:start] + draw(st.binary(max_size=20)) + content[start:]
        elif kind == "swap":
            other = draw(st.integers(stop, size))
            length = min(stop - start, size - other)
            content = content[:start] + content[other:other + length] \
                + content[start + length:other] + content[start:start + length] \
                + content[other + length:]
        elif kind == "number":
            content = numbers_changed(draw, content)
    return content


def numbers_changed(draw: Draw, content: bytes) -> bytes:
    """A text of which one number is something else."""
    found = list(re.finditer(rb"-?[0-9][0-9.e+-]*", content))
    if not found:
        return content
    match = found[draw(st.integers(0, len(found) - 1))]
    return content[:match.start()] + draw(st.sampled_from(NUMBERS)).encode() \
        + content[match.end():]


def gzip_changed(draw: Draw, content: bytes) -> bytes:
    """A gzip file of which the content changed, or the packing."""
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    packed = gzip.compress(bytes_changed(draw, gzip.decompress(content)), mtime=0)
    return packed * draw(st.integers(1, 3))


def tree_changed(draw: Draw, tree: Any) -> Any:
    """A tree of which a few values or keys are others."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            break
        parent, key = places[draw(st.integers(0, len(places) - 1))]
        kind = draw(st.sampled_from(["value", "value", "value", "remove", "key", "deep", "copy"]))
        if kind == "value":
            parent[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif kind == "remove":
            del parent[key]
        elif kind == "key" and isinstance(parent, dict):
            parent[draw(st.sampled_from(KEYS))] = parent.pop(key)
        elif kind == "deep":
            value = parent[key]
            for _ in range(draw(st.sampled_from([1, 2, 31, 40, 200]))):
                value = [value]
            parent[key] = value
        elif kind == "copy":
            other, place = places[draw(st.integers(0, len(places) - 1))]
            parent[key] = copy.deepcopy(other[place])
    return tree


def toml_changed(draw: Draw, content: bytes) -> bytes:
    """A TOML file of which the text or the tree changed."""
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    return "\n".join(f"{_key(key)} = {_toml(value)}" for key, value in
                     tree_changed(draw, tomllib.loads(content.decode())).items()).encode()


def json_changed(draw: Draw, content: bytes) -> bytes:
    """A JSON file of which the text or the tree changed."""
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    return _json(tree_changed(draw, json.loads(content))).encode()


def npz_changed(draw: Draw, content: bytes) -> bytes:
    """An NPZ file of which the bytes, a member's bytes, header, type, values or name changed."""
    if draw(st.booleans()):
        return bytes_changed(draw, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    kind = draw(st.sampled_from(["bytes", "header", "array", "values", "remove", "rename", "same"]))
    if kind == "bytes":
        members[name] = bytes_changed(draw, members[name])
    elif kind == "header":
        members[name] = _header_changed(draw, members[name])
    elif kind in ("array", "values"):
        array = npy.read_array(io.BytesIO(members[name]))
        members[name] = _array_changed(draw, array) if kind == "array" else \
            _member(_values_changed(draw, array))
    elif kind == "remove":
        del members[name]
    elif kind == "rename":
        members[draw(st.sampled_from(KEYS)).replace("\0", "0") + ".npy"] = members.pop(name)
    packed = io.BytesIO()
    method = draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED,
                                   zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


def _places(tree: Any) -> Any:
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else json.dumps(key)


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def _header_changed(draw: Draw, member: bytes) -> bytes:
    end = member.index(b"\n") + 1
    text = member[10:end].decode()
    shape = re.search(r"'shape': (\(.*?\))", text)
    descr = re.search(r"'descr': ('.*?')", text)
    assert shape and descr
    if draw(st.booleans()):
        text = text.replace(shape[1], draw(st.sampled_from(SHAPES)))
    else:
        text = text.replace(descr[1], draw(st.sampled_from(
            ["'|O'", "'<U0'", "'>f8'", "'|b1'", "'<c16'", "[('a', '<u2')]", "12", "'\\n'"])))
    if draw(st.booleans()):
        text = text.replace("False", draw(st.sampled_from(["True", "0", "None"])))
    return member[:8] + len(text.encode()).to_bytes(2, "little") + text.encode() + member[end:]


def _array_changed(draw: Draw, array: np.ndarray) -> bytes:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    kind = draw(st.sampled_from(["type", "shape", "order", "zeros", "slice"]))
    if kind == "type":
        count = array.size
        array = np.zeros(count, dtype).reshape(array.shape) if dtype.kind in "OVM" or \
            array.dtype.kind in "US" else array.astype(dtype)
    elif kind == "shape":
        array = array.reshape(draw(st.sampled_from([(-1,), (1, -1), (-1, 1), (1, 1, -1)])))
    elif kind == "order":
        array = np.asfortranarray(array)
    elif kind == "zeros":
        array = np.zeros(draw(st.sampled_from([(), (0,), (3,), (0, 9), (9, 0, 9), (2,) * 20])),
                         array.dtype)
    elif kind == "slice" and array.ndim:
        array = array[draw(st.integers(0, len(array))):]
    return _member(array)


def _values_changed(draw: Draw, array: np.ndarray) -> np.ndarray:
    """An array of which some bytes are all ones, so numbers are large, -1 or NaN."""
    content = bytearray(array.tobytes())
    for _ in range(draw(st.integers(1, 3))):
        if content:
            start = draw(st.integers(0, len(content) - 1))
            stop = min(len(content), start + draw(st.integers(1, 16)))
            content[start:stop] = draw(st.sampled_from([b"\xff", b"\x80", b"\0"])) * (stop - start)
    return np.frombuffer(bytes(content), array.dtype).reshape(array.shape)


def _member(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    npy.write_array(stream, array)
    return stream.getvalue()
