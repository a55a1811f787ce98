"""Tensors to a file and back, one or several by name: a NumPy .npz archive that numpy.load reads too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import check_device
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, MissingTensorFileError, TensorFileError
from grad_engine.record.atomic_write import replaced
from grad_engine.record.npz import DAMAGE, Archive, regular_file, write_arrays

NAME_LENGTH = 1000
STRUCTURE = ".structure"  # the entry that says, as JSON, which tensor of a nested dict stands where


def save(tensors: Mapping[str, Any] | Tensor, path: str | os.PathLike[str]) -> Path:
    """The path of the .npz file that now holds the tensors under their names; missing folders are made.

    tensors: one tensor, or name -> tensor, array or number. Values, shapes and dtypes are kept; graphs, gradients and
        whether a tensor requires grad are not. Where a value is a dict or text, as in
        {"model": model.state_dict(), "epoch": 3}, dicts may stand in dicts, and
        numbers, text, None and lists of these come back as what they are.

    The file is replaced in one step: whoever reads it, and whatever interrupts the writing, meets the old one or the
    new one, whole.

    Raises ArgumentError for what is no tensor and no dict of them, TensorFileError where the path leads to a folder or
    device, OSError when the file system refuses.
    """
    if isinstance(tensors, Tensor):
        arrays = _nested(tensors)
    elif not isinstance(tensors, Mapping):
        raise ArgumentError(
            f'save() takes a tensor or a dict of tensors, got {type(tensors).__name__}; write save({{"w": w}}, path)'
        )
    elif any(isinstance(value, Mapping | str) for value in tensors.values()):
        arrays = _nested(tensors)
    else:
        arrays = {_name(name): _array(name, value) for name, value in tensors.items()}
    with replaced(path, TensorFileError) as file:
        write_arrays(file, arrays)
    return Path(path)


def load(
    path: str | os.PathLike[str], map_location: Any = None, *, max_bytes: float | None = None, weights_only: bool = True
) -> Any:
    """The tensors in a file that save() wrote, or numpy.savez, by name and in their order; none requires grad.

    It is a dict, or one tensor where save() was given one.

    Nothing in the file is executed: what is not an array of numbers or booleans is refused, so weights_only changes
    nothing, and map_location can only be the CPU. max_bytes: the most that
    all arrays together may take; by default 256 MB, or four times the size of the file where that is more, so that a
    small compressed file cannot fill the memory.

    Raises MissingTensorFileError when there is no such file, TensorFileError when it is damaged or holds other things;
    both start with the path.
    """
    check_device(map_location)
    shown = os.fsdecode(path)
    if "\0" in shown:
        raise TensorFileError(f"{shown!r}: a path has no null characters; name another file")
    try:
        with regular_file(path) as file:
            archive = Archive(file, TensorFileError, max_bytes)
            found = {name: wrap(archive.array(name), None) for name in archive.names()}
            return _rebuilt(found) if STRUCTURE in found else found
    except FileNotFoundError:
        raise MissingTensorFileError(f"{shown}: there is no such file; save(tensors, path) makes one") from None
    except TensorFileError as error:
        raise TensorFileError(f"{shown}: {error}") from None
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


# --- dicts in dicts ---------------------------------------------------------------------------------------------------


def _nested(values: Any) -> dict[str, np.ndarray]:
    """The arrays of a dict of dicts, or of one tensor, under names such as "model/weight", and what stands where."""
    arrays: dict[str, np.ndarray] = {}

    def placed(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return {"dict": {_name(name): placed(part, (*path, name)) for name, part in value.items()}}
        if isinstance(value, Tensor | np.ndarray | np.generic):
            label = "/".join(path) or "tensor"
            while label in arrays:  # {"a/b": x, "a": {"b": y}}
                label += "/"
            arrays[_name(label)] = _array(label, value)
            return {"tensor": label}
        try:
            return {"value": json.loads(json.dumps(value))}
        except (TypeError, ValueError):
            raise ArgumentError(
                f"save() keeps tensors, numbers, text and dicts and lists of them, and {'/'.join(path)!r} is a "
                f"{type(value).__name__}; save its state_dict()"
            ) from None

    text = json.dumps(placed(values, ()))
    return {**arrays, STRUCTURE: np.frombuffer(text.encode(), np.uint8)}


def _rebuilt(found: dict[str, Tensor]) -> Any:
    """The nested dict, or the tensor, that _nested() took apart. Raises TensorFileError."""

    def made(part: Any) -> Any:
        ((kind, what),) = part.items()
        if kind == "dict":
            return {name: made(each) for name, each in what.items()}
        return found[what] if kind == "tensor" else what

    try:
        return made(json.loads(found[STRUCTURE].array.astype(np.uint8).tobytes()))
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise TensorFileError(f"the entry {STRUCTURE!r} does not fit the others: {error}; save it again") from None
