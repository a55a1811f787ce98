"""What an op says when NumPy did not take a call. No call is checked beforehand, so those that work stay fast."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy import ndarray

from grad_engine.core.caller import INSIDE, caller_level
from grad_engine.core.op import Op
from grad_engine.core.stand_ins import TRACING
from grad_engine.core.tensor import array_of
from grad_engine.errors import (
    ArgumentError,
    AxisError,
    GradEngineError,
    IndexingError,
    ShapeError,
    SpellingWarning,
)

REFUSED = (ValueError, TypeError, IndexError, OverflowError)  # what NumPy raises at arguments that it does not take
TORCH_TO_NUMPY: dict[str, tuple[str, ...]] = {  # PyTorch's keyword -> those that may stand for it here
    "dim": ("axis", "axes"), "dims": ("axis", "axes"), "dim0": ("axis1",), "dim1": ("axis2", "axis1"),
    "dim2": ("axis2",), "start_dim": ("start_axis",), "end_dim": ("end_axis",), "keepdim": ("keepdims",),
    "input": ("x", "xs"), "other": ("y",), "tensors": ("xs",), "mat1": ("x",), "mat2": ("y",), "unbiased": ("ddof",),
    "correction": ("ddof",), "p": ("ord",), "diagonal": ("k",), "shifts": ("shift",), "size": ("shape",),
    "split_size_or_sections": ("indices_or_sections",), "split_size": ("indices_or_sections",),
    "interpolation": ("method",),
}  # fmt: skip


def refuse(op: Op, error: Exception, arrays: Sequence[Any], static: Sequence[Any]) -> Any:
    """Raise, in place of NumPy's `error`, one that says what was asked, what was got and the way out.

    While a function is traced, an op that cannot take stand-ins becomes one step of the program: its result comes back.
    """
    if TRACING.trace is not None and (found := TRACING.trace.named_call(op, arrays, static)) is not None:
        return found
    if isinstance(error, GradEngineError):
        raise error
    raise _worded(op.name, error, arrays, dict(zip(op.static, static, strict=False))) from error


def refuse_composed(name: str, error: Exception, arguments: Sequence[Any]) -> NoReturn:
    """The same for a function written in ops; an error of a function that was passed in goes on as it is."""
    if isinstance(error, GradEngineError) or _is_of_the_caller(error):
        raise error
    raise _worded(name, error, _arrays_among(arguments), {}) from error


# Arguments of PyTorch's -> what to write instead, where a function has the second argument.
_WITHOUT = {
    "size_average": ('write reduction="sum" for False, reduction="mean" for True', "reduction"),
    "reduce": ('write reduction="none" for False', "reduction"),
    "proj_size": ("write Linear(hidden_size, proj_size) on what the layer gives", "hidden_size"),
}


def no_argument(called: str, name: str, names: Sequence[str], torch: str = "") -> ArgumentError:
    """The error to raise when `called` has `names`, and was given another; `torch`: what PyTorch means by `called`."""
    ours = next((each for each in TORCH_TO_NUMPY.get(name, ()) if each in names), None)
    words, beside = _WITHOUT.get(name, ("", ""))
    if beside in names:
        way_out = words
    elif ours is None:
        way_out = f"it takes {', '.join(names) or 'none'}" + (f"; {torch}" if torch and name in TORCH_TO_NUMPY else "")
    else:
        way_out = f"it is called {ours} here, as in NumPy" + (f", and {torch}" if torch else "")
    return ArgumentError(f"{called}() has no argument {name!r}; {way_out}")


def renamed(called: str, named: Mapping[str, Any], names: Sequence[str], torch: str) -> dict[str, Any]:
    """The keywords of a call under the names they have here: PyTorch's `dim` is `axis` where it means the same.

    torch: in which way PyTorch's function of that name differs, "" where it does not. Where it does, PyTorch's keywords
    are refused, unless one of them settles the difference. Raises ArgumentError.
    """
    found = {name: value for name, value in named.items() if name in names}
    settled = not torch or not named.keys().isdisjoint({"unbiased", "correction", "ddof"})
    for name, value in named.items():
        if name in names:
            continue
        may_be = TORCH_TO_NUMPY.get(name, ())
        if name == "dim1" and "dim0" not in named:  # diagonal(dim1=, dim2=), where transpose has dim0= and dim1=
            may_be = ("axis1",)
        ours = next((each for each in may_be if each in names and each not in found), None)
        if ours is None or not settled:
            raise no_argument(called, name, names, torch)
        found[ours] = int(value) if name == "unbiased" else value
    return found


def warn_of_spelling(message: str) -> None:
    """Warn, at the line of the program that asked, of a call that PyTorch understands otherwise."""
    warnings.warn(message, SpellingWarning, stacklevel=caller_level())


def _is_of_the_caller(error: Exception) -> bool:
    """Whether an error comes from a function that was passed in, not from what an op was given."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and not place.tb_frame.f_code.co_filename.startswith(INSIDE)


def _arrays_among(arguments: Sequence[Any]) -> list[Any]:
    """The arrays and numbers among the arguments of a call, also those in its lists."""
    flat = [part for each in arguments for part in (each if isinstance(each, list | tuple) else (each,))]
    arrays = map(array_of, flat)
    return [part for part in arrays if isinstance(part, ndarray | np.generic | int | float | str)]


def _worded(name: str, error: Exception, arrays: Sequence[Any], static: Mapping[str, Any]) -> Exception:
    """NumPy's error in the words of the engine, which differ with its kind and with what its message speaks of."""
    shapes = [f"shape {array.shape}" if isinstance(array, ndarray) else repr(array) for array in arrays]
    got = " and ".join(shapes if len(shapes) < 4 else [*shapes[:3], "others"]) or "nothing"
    if isinstance(error, OverflowError):
        return ArgumentError(f"{name}() got a number beyond what an array can hold: {error}; give a smaller one")
    if isinstance(error, TypeError) and "integer" in str(error) and "axis" in static:
        axis = static["axis"]
        given = f"an array of shape {axis.shape}" if isinstance(axis, ndarray) else repr(axis)
        twins = {"max": "maximum", "min": "minimum", "sum": "add", "prod": "mul"}
        two = name in twins and isinstance(axis, ndarray)
        way_out = f"; of two tensors write {twins[name]}(x, y)" if two else "; write it by keyword, axis=0"
        if name in ("concat", "stack"):
            way_out = f"; several tensors go in as a list: {name}([x, y])"
        return ArgumentError(f"{name}() takes a whole number as its axis, got {given}{way_out}")
    if isinstance(error, TypeError):
        kinds = ", ".join(str(getattr(array, "dtype", type(array).__name__)) for array in arrays)
        way_out = "; use astype(float)" if "Cannot cast" in str(error) else ""
        return ArgumentError(f"{name}() does not work on {kinds}: {error}{way_out}")
    if "broadcast" in str(error) and len(arrays) > 1 and not static:
        return ShapeError(
            f"{name}() cannot broadcast {got} together; make trailing axes equal or 1, for instance with reshape"
        )
    if "enough dimensions" in str(error):
        return ShapeError(f"{name}() takes vectors and matrices, got {got}; multiply by a single number with *")
    if "core dimension" in str(error):
        return ShapeError(
            f"{name}() needs the last axis of its first operand to be as long as the second to last of its second; "
            f"got {got}; transpose one with .T or .mT"
        )
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None:
        way_out = (
            f"it must be from {-error.ndim} to {error.ndim - 1}" if error.ndim else "it has none, so reshape it first"
        )
        return AxisError(f"{name}() was given axis {error.axis}, which is out of range for {got}; {way_out}")
    asked = "".join(f", {key}={value!r}" for key, value in static.items() if value is not None)
    kind = IndexingError if isinstance(error, IndexError) and not isinstance(error, ValueError) else ShapeError
    return kind(f"{name}() is not possible on {got}{asked}: {error}")
