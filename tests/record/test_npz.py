"""Archives from strangers: an array, or one error of ours, without waiting and without more memory than is allowed."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

import grad_engine as ge
from grad_engine.errors import RecordError
from grad_engine.record import DataRecord, FileRecord, TensorRecord, tensor_data
from grad_engine.record.npz import LEAST_LIMIT


def member(header: dict[str, Any], body: bytes = b"") -> bytes:
    """The bytes of an .npy file with this header."""
    file = io.BytesIO()
    npy.write_array_header_1_0(file, header)
    return file.getvalue() + body


def raw_header(words: str) -> bytes:
    """The bytes of an .npy file whose header is these words, whatever they are."""
    padded = words + " " * (64 - (len(words) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("latin-1")


def archive(content: bytes, name: str = "w.npy", how: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as target:
        target.writestr(name, content)
    return file.getvalue()


def encrypted() -> bytes:
    data = bytearray(archive(member({"descr": "<f8", "fortran_order": False, "shape": (1,)}, bytes(8))))
    data[6] |= 1  # the flag in the local header, and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def bomb() -> bytes:
    """A small archive that says it holds 2 GB."""
    data = bytearray(
        archive(member({"descr": "<f8", "fortran_order": False, "shape": (2**28,)}), how=zipfile.ZIP_DEFLATED)
    )
    size = struct.pack("<I", 2**31)
    data[22:26] = size  # in the local header, and in the directory
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = size
    return bytes(data)


ONE = {"descr": "<f8", "fortran_order": False, "shape": (1,)}
ARCHIVES: dict[str, bytes] = {
    "nothing": b"",
    "words": b"hello",
    "an .npy file": member(ONE, bytes(8)),
    "an empty archive": archive(b"", "w.npy"),
    "no array": archive(b"hello"),
    "cut short": archive(member(ONE, bytes(8)))[:-30],
    "too few numbers": archive(member(ONE, bytes(4))),
    "too many numbers": archive(member(ONE, bytes(16))),
    "10^12 entries": archive(member({**ONE, "shape": (10**12,)}, bytes(8))),
    "10^30 entries": archive(member({**ONE, "shape": (10**30,)}, bytes(8))),
    "a negative shape": archive(raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }") + bytes(8)),
    "a shape of True": archive(raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': (True,), }") + bytes(8)),
    "a shape of words": archive(raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': ('a',), }")),
    "a shape that is none": archive(raw_header("{'descr': '<f8', 'fortran_order': False, 'shape': 7, }")),
    "no shape": archive(raw_header("{'descr': '<f8', 'fortran_order': False, }")),
    "a header that is a list": archive(raw_header("[1, 2]")),
    "a header that is no literal": archive(raw_header("__import__('os')")),
    "a header of brackets": archive(raw_header("(" * 9000)),
    "a dtype of words": archive(raw_header("{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,), }")),
    "a dtype of numbers": archive(raw_header("{'descr': 7, 'fortran_order': False, 'shape': (1,), }")),
    "a dtype of None": archive(raw_header("{'descr': [None], 'fortran_order': False, 'shape': (1,), }")),
    "a dtype of pairs": archive(raw_header("{'descr': [('a',)], 'fortran_order': False, 'shape': (1,), }")),
    "fields": archive(member({**ONE, "descr": [("a", "<f8")]}, bytes(8))),
    "objects": archive(raw_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }") + bytes(8)),
    "dates": archive(member({**ONE, "descr": "<M8[s]"}, bytes(8))),
    "text": archive(member({**ONE, "descr": "<U2"}, bytes(8))),
    "a version from the future": archive(b"\x93NUMPY\x09\x00" + bytes(80)),
    "encrypted": encrypted(),
    "a way of packing that nobody knows": archive(member(ONE, bytes(8))).replace(b"PK\x01\x02", b"PK\x01\x03"),
    "2 GB in 3 KB": bomb(),
}


def loaded(path: Path) -> None:
    ge.load(path)


def asked_for(path: Path) -> None:
    digest = sha256(path.read_bytes()).hexdigest() if path.is_file() else "0" * 64
    tensor = TensorRecord("t0", "value", (1,), "float64", data=DataRecord(file=FileRecord(path.name, "w", digest)))
    tensor_data(tensor, path.with_name("graph.json"))


READERS = {"load": (loaded, ge.TensorFileError), "tensor_data": (asked_for, RecordError)}


@pytest.mark.parametrize(("read", "refusal"), READERS.values(), ids=READERS)
@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_hostile_archives_are_one_error(
    tmp_path: Path, content: bytes, read: Callable[[Path], None], refusal: type[Exception]
) -> None:
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(refusal) as told:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()
    assert str(told.value).startswith(str(path))
    assert len(str(told.value)) < 600


@pytest.mark.parametrize(("read", "refusal"), READERS.values(), ids=READERS)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_devices_and_folders_are_not_waited_for(
    tmp_path: Path, read: Callable[[Path], None], refusal: type[Exception]
) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    (tmp_path / "folder.npz").mkdir()
    for name in ("pipe", "zero", "folder", "missing"):
        with pytest.raises(refusal):
            read(tmp_path / f"{name}.npz")


def test_a_null_character_in_a_path_is_our_error() -> None:
    with pytest.raises(ge.TensorFileError, match="null character"):
        ge.load("a\0b.npz")
    with pytest.raises(ge.TensorFileError, match="null character"):
        ge.save({"w": 1.0}, "a\0b.npz")


def test_what_expands_beyond_the_limit_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "zeros.npz"
    np.savez_compressed(path, w=np.zeros(1000))
    with pytest.raises(ge.TensorFileError, match=r"hold 8,\d+ bytes of arrays, and 4,000 are the most"):
        ge.load(path, max_bytes=4000)
    assert ge.load(path)["w"].shape == (1000,)
    assert LEAST_LIMIT == 256 * 2**20


@pytest.mark.parametrize("dtype", ["bfloat16", "unknown", "posit16", "float8_e4m3", "int4"])
def test_a_dtype_that_numpy_lacks_is_our_error(tmp_path: Path, dtype: str) -> None:
    tensor = TensorRecord("t0", "value", (2,), dtype, data=DataRecord((1.0, 2.0)))
    with pytest.raises(RecordError, match="t0 has the dtype"):
        tensor_data(tensor, tmp_path / "g.json")
