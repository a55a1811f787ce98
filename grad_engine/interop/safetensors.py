"""States of modules in .safetensors files, as models of PyTorch are published; the `safetensors` library reads them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grad_engine.core.conversion import numeric
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, MissingPackageError, MissingTensorFileError, TensorFileError


def load_safetensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors in a .safetensors file by name, for `module.load_state_dict()`; none requires grad.

    Raises MissingTensorFileError, TensorFileError for a damaged file and for dtypes that NumPy has not (bfloat16),
    MissingPackageError without the safetensors library.
    """
    shown = os.fsdecode(path)
    library = _library()
    if not os.path.isfile(path):
        raise MissingTensorFileError(f"{shown}: there is no such file")
    try:
        return {name: wrap(numeric(np.asarray(array)), None) for name, array in library.load_file(shown).items()}
    except (OSError, ValueError, TypeError, KeyError, ArgumentError) as error:
        raise TensorFileError(f"{shown}: cannot be read as safetensors: {error}; fetch it again") from None
    except Exception as error:
        if type(error).__name__ != "SafetensorError":  # the library's own, which it defines in another language
            raise
        raise TensorFileError(f"{shown}: cannot be read as safetensors: {error}; fetch it again") from None


def save_safetensors(tensors: Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """The path of the .safetensors file that now holds the tensors, such as `module.state_dict()`, by name."""
    library = _library()
    arrays = {name: np.array(array_of(value), order="C") for name, value in tensors.items()}
    library.save_file(arrays, os.fsdecode(path))
    return Path(path)


def _library() -> Any:
    try:
        return importlib.import_module("safetensors.numpy")
    except ImportError:
        raise MissingPackageError(
            "files in .safetensors need the safetensors library; install it with pip install safetensors, or convert "
            "them to .npz"
        ) from None
