"""Arrays to a NumPy .npz archive and back, with nothing believed that the archive says of itself."""

from __future__ import annotations

import math
import os
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from grad_engine.errors import GradEngineError

SUFFIX = ".npy"
LEAST_LIMIT = 256 * 2**20  # bytes that an archive of any size may hold
GROWTH = 4  # how many times its own size a larger archive may hold
MOST_ARRAYS = 1_000_000
DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold: equal arrays make equal files
# What zipfile and NumPy's reader raise on bytes that are not as they should be.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, SyntaxError, TypeError),
    *(LookupError, OverflowError, MemoryError, NotImplementedError, RuntimeError, AttributeError, tokenize.TokenError),
)


def write_arrays(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays under their names, uncompressed; the same arrays always make the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(name + SUFFIX, DAY), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


@contextmanager
def regular_file(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """The file at a path, open for reading. Raises OSError, also where a pipe or device would block or never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is a folder, a pipe or a device")
        yield file


class Archive:
    """An open .npz file, whose arrays are read one at a time; every size is checked before memory is asked for."""

    def __init__(self, file: IO[bytes], refusal: type[GradEngineError], max_bytes: float | None = None) -> None:
        """max_bytes: what all arrays together may take; by default 256 MB, or four times the file where that is more.

        Raises `refusal` for an archive that says it holds more, or a name twice, and what DAMAGE lists for other bytes.
        """
        self.refusal = refusal
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        self.zip = zipfile.ZipFile(file)
        self.members = self.zip.infolist()
        if len(self.members) > MOST_ARRAYS:
            raise refusal(f"it holds {len(self.members):,} arrays, and {MOST_ARRAYS:,} are the most that are read")
        if len({member.filename for member in self.members}) < len(self.members):
            raise refusal("it holds two arrays of one name; save it again")
        limit = max(LEAST_LIMIT, GROWTH * size) if max_bytes is None else max_bytes
        promised = sum(member.file_size for member in self.members)
        if promised > limit:
            raise refusal(
                f"its {size:,} bytes hold {promised:,} bytes of arrays, and {int(limit):,} are the most that are read; "
                "pass a larger max_bytes"
            )

    def names(self) -> list[str]:
        """The names of the arrays, in their order. Raises the refusal for what is no array."""
        for member in self.members:
            if not member.filename.endswith(SUFFIX):
                raise self.refusal(f"expected arrays only, got {member.filename[:80]!r}; save the tensors alone")
        return [member.filename.removesuffix(SUFFIX) for member in self.members]

    def array(self, name: str, expected: tuple[tuple[int, ...], str] | None = None) -> np.ndarray:
        """One array by its name; of the shape and dtype that are expected, where these are given."""
        member = self.zip.getinfo(name + SUFFIX)
        with self.zip.open(member) as file:
            shape, dtype = _header(file)
            if dtype.kind not in "fiub" or dtype.hasobject or dtype.names or dtype.subdtype is not None:
                raise self.refusal(
                    f"{name[:80]!r} holds {dtype}, and a tensor holds real numbers or booleans; save it as such"
                )
            if expected is not None and (shape, dtype.name) != expected:
                raise self.refusal(
                    f"expected {name!r} of shape {expected[0]} and dtype {expected[1]}, got {shape} and {dtype.name}"
                )
            # Before memory is asked for: a header can promise any size.
            if file.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
                raise self.refusal(
                    f"{name[:80]!r} promises {dtype} of shape {shape} in {member.file_size} bytes; save it again"
                )
        with self.zip.open(member) as file:
            array: np.ndarray = npy.read_array(file, allow_pickle=False)
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if not all(type(n) is int and n >= 0 for n in shape):  # True counts as a number for NumPy
        raise ValueError(f"a shape of whole numbers is needed, not {shape}")
    return shape, dtype
