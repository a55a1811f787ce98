"""Tensors to a file and back, by name: a NumPy .npz archive that numpy.load reads too."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, MissingTensorFileError, TensorFileError
from grad_engine.record.atomic_write import replaced

SUFFIX = ".npy"
NAME_LENGTH = 1000
# What zipfile and NumPy's reader raise on bytes that are not as they should be.
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, SyntaxError),
    *(KeyError, OverflowError, MemoryError, NotImplementedError, RuntimeError),
)
DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can hold: equal tensors make equal files


def save(tensors: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of the .npz file that now holds the tensors under their names; missing folders are made.

    tensors: name -> tensor, array or number. Values, shapes and dtypes are kept; graphs, gradients and whether a tensor
        requires grad are not.

    The file is replaced in one step: whoever reads it, and whatever interrupts the writing, meets the old one or the
    new one, whole.

    Raises ArgumentError for what is not a dict of tensors, TensorFileError where the path leads to a folder or device,
    OSError when the file system refuses.
    """
    if not isinstance(tensors, Mapping):
        raise ArgumentError(
            f'save() takes a dict of tensors, got {type(tensors).__name__}; write save({{"w": w}}, path)'
        )
    arrays = {_name(name): _array(name, value) for name, value in tensors.items()}
    with replaced(path, TensorFileError) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(name + SUFFIX, DAY), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    return Path(path)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors in a file that save() wrote, or numpy.savez, by name and in their order; none requires grad.

    Nothing in the file is executed: what is not an array of numbers or booleans is refused.

    Raises MissingTensorFileError when there is no such file, TensorFileError when it is damaged or holds other things;
    both start with the path.
    """
    shown = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len({member.filename for member in members}) < len(members):
                raise zipfile.BadZipFile("two arrays of one name")
            return {
                member.filename.removesuffix(SUFFIX): wrap(_read(archive, member, str(shown)), None)
                for member in members
            }
    except FileNotFoundError:
        raise MissingTensorFileError(f"{shown}: there is no such file; save(tensors, path) makes one") from None
    except TensorFileError:
        raise
    except DAMAGE as error:
        raise TensorFileError(
            f"{shown}: expected an .npz file that save() or numpy.savez wrote, got {error}; save it again"
        ) from None


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ArgumentError(f"save() takes names that are words, got {name!r}; write str(name)")
    if not name or len(name) > NAME_LENGTH or "\0" in name or not _encodes(name):
        raise ArgumentError(
            f"a tensor in a file has a name of 1 to {NAME_LENGTH} Unicode characters, none of them null, got "
            f"{name[:40]!r}; choose another"
        )
    return name


def _encodes(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, Mapping | list | tuple):
        raise ArgumentError(
            f"save() keeps tensors, and {name!r} is a {type(value).__name__}; give each tensor in it a name of its "
            "own, such as 'layer0.weight'"
        )
    return as_tensor(value).array


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, shown: str) -> np.ndarray:
    name = member.filename
    if not name.endswith(SUFFIX):
        raise TensorFileError(f"{shown}: expected arrays only, got {name!r}; save the tensors alone")
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.kind not in "fiub":
            raise TensorFileError(
                f"{shown}: {name!r} holds {dtype}, and a tensor holds real numbers or booleans; save it as such"
            )
        # Before memory is asked for: a header can promise any size.
        if file.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
            raise TensorFileError(
                f"{shown}: {name!r} promises {dtype} of shape {shape} in {member.file_size} bytes; save it again"
            )
    with archive.open(member) as file:
        array = npy.read_array(file, allow_pickle=False)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
