"""NumPy's functions on Tensors: the op that means the same, NumPy itself where no gradient flows, or an error."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grad_engine.core.array_behavior import ArrayBehavior
from grad_engine.core.array_kinds import Data
from grad_engine.core.caller import INSIDE
from grad_engine.core.conversion import COMPLEX, ComplexOperandError
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import next_sequence_nr
from grad_engine.core.plain_number import WAYS_OUT
from grad_engine.core.versions import WRITES
from grad_engine.errors import (
    ArgumentError,
    AxisError,
    GradEngineError,
    IndexingError,
    NotDifferentiableError,
    ShapeError,
)
from grad_engine.formula.symbol import OPERATORS

NUMPY_TO_OP: dict[Any, Callable[..., Any]] = {}  # NumPy's function, or (ufunc, "reduce") -> the op's
# What follows is filled by ops/numpy_grammar.py.
UFUNC_METHODS: dict[str, Callable[..., Any]] = {}  # "outer", "reduceat", "at" -> what does it with the op of a ufunc
WRITING: dict[Any, Callable[..., None]] = {}  # NumPy's functions that change their first argument -> the same, recorded
SCIPY_TO_OP: dict[str, Callable[..., Any]] = {}  # name in scipy.special -> the function of ours that means it


def ufunc_on_tensors(ufunc: Any, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What Tensor.__array_ufunc__ returns: the op that means the same, or the ufunc on the data."""
    op = NUMPY_TO_OP.get(ufunc if method == "__call__" else (ufunc, method))
    if op is None and method == "__call__" and ufunc.__name__ in SCIPY_TO_OP and _room_of(ufunc) != "np":
        op = NUMPY_TO_OP[ufunc] = SCIPY_TO_OP[ufunc.__name__]  # met for the first time; SciPy is never imported here
    out = keywords.pop("out", None)
    if out is not None:
        return _into(out, ufunc, getattr(ufunc, method), inputs, keywords)
    if method == "reduce":
        keywords.setdefault("axis", 0)  # where NumPy's functions of the same meaning fold every axis
    if op is not None:
        if method == "__call__" and not _OF_UFUNCS.isdisjoint(keywords):
            return _on_data_only(ufunc, inputs, keywords)
        try:
            return op(*inputs, **keywords)
        except ComplexOperandError:
            return COMPLEX[0](ufunc if method == "__call__" else (ufunc, method), *inputs, **keywords)
    if (method == "outer" and ufunc in NUMPY_TO_OP) or (method == "reduceat" and (ufunc, "reduce") in NUMPY_TO_OP):
        return UFUNC_METHODS[method](ufunc, *inputs, **keywords)
    if not _any_requires_grad(inputs) or (method == "__call__" and _gives_no_float(ufunc)):
        if method == "at":
            return _written(inputs[0], getattr(ufunc, method), inputs, keywords)
        return _on_data(getattr(ufunc, method), inputs, keywords)
    if method == "at":
        return UFUNC_METHODS[method](ufunc, *inputs, **keywords)
    raise NotDifferentiableError(
        f"{_room_of(ufunc)}.{ufunc.__name__}{'' if method == '__call__' else '.' + method} has no gradient here; "
        "compose it of functions that have one, declare it with define(), or call it on t.detach() where none is meant"
    )


def _on_data_only(ufunc: Any, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What a ufunc gives with dtype=, where= and the like, which no op takes: they are for calls without a gradient."""
    if not _any_requires_grad(inputs):
        return _on_data(ufunc, inputs, keywords)
    name = next(each for each in keywords if each in _OF_UFUNCS)
    way_out = (
        "choose with np.where(mask, a, b), of operands that are harmless where the mask is False"
        if name == "where"
        else "write astype() on an operand or the result"
    )
    raise ArgumentError(f"np.{ufunc.__name__} cannot take {name}= while a gradient is required; {way_out}")


def _room_of(ufunc: Any) -> str:
    """The module that a ufunc is written after in messages."""
    rooms = (sys.modules.get("scipy.special"), sys.modules.get("scipy.special._ufuncs"))  # _zeta is in the second only
    known = any(getattr(room, ufunc.__name__, None) is ufunc for room in rooms)
    return "scipy.special" if known else "np"


def function_on_tensors(func: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What Tensor.__array_function__ returns: the op that means the same, or NumPy's function on the data."""
    try:
        op = NUMPY_TO_OP.get(func)
        if op is not None:
            args, keywords = _named(func, op, args, keywords)
        if keywords.get("out") is not None:
            return _into(keywords.pop("out"), func, func, args, keywords)
        if op is not None:
            try:
                return op(*args, **keywords)
            except ComplexOperandError:
                return COMPLEX[0](func, *args, **keywords)
        if func in WRITING:
            target = args[0] if args else next(keywords[name] for name in ("dst", "a", "arr") if name in keywords)
            if not _any_requires_grad((args, list(keywords.values()))):
                return _written(target, func, args, keywords)
            if isinstance(target, ArrayBehavior):
                return WRITING[func](*args, **keywords)
            raise NotDifferentiableError(
                f"{func.__module__}.{func.__name__} has no gradient here: it would write a tensor's numbers where they "
                f"have no history; {WAYS_OUT}, or call it on t.detach() where no gradient is meant"
            )
        if func in _WITHOUT_GRADIENT or not _any_requires_grad((args, list(keywords.values()))):
            return _on_data(func, args, keywords)
        raise NotDifferentiableError(
            f"{func.__module__}.{func.__name__} has no gradient here; compose it of functions that have one, declare "
            "it with define(), or call it on t.detach() where none is meant"
        )
    except REFUSED as error:
        raise _refused(func, error) from error


def _any_requires_grad(values: Any) -> bool:
    pending = [values]
    for part in pending:
        if isinstance(part, ArrayBehavior):
            if part.node is not None and current_mode().record:
                return True
        elif isinstance(part, list | tuple):
            pending.extend(part)
    return False


def _plain(value: Any) -> Any:
    if isinstance(value, ArrayBehavior):
        return value.array
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value


def _on_data(function: Any, args: Any, keywords: dict[str, Any]) -> Any:
    try:
        return function(*map(_plain, args), **{name: _plain(value) for name, value in keywords.items()})
    except REFUSED as error:
        raise _refused(function, error) from error


REFUSED = (TypeError, ValueError, IndexError, AttributeError, OverflowError)  # what NumPy raises at odd arguments
_KINDS = ((np.exceptions.AxisError, AxisError), (ValueError, ShapeError), (IndexError, IndexingError))


def _refused(function: Any, error: Exception) -> Exception:
    """What to raise in place of NumPy's error: the same, where it is ours or of a function that was passed in."""
    if isinstance(error, GradEngineError | np.linalg.LinAlgError) or not _is_of_numpy(error):
        return error
    kind = next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), ArgumentError)
    return kind(f"{_called(function)}() does not take what it was given: {str(error).rstrip('.')}")


def _called(function: Any) -> str:
    """What a program writes to call a function of NumPy's or SciPy's, or a method of a ufunc."""
    ufunc = getattr(function, "__self__", None)
    if isinstance(ufunc, np.ufunc):
        method = "" if function.__name__ == "__call__" else f".{function.__name__}"
        return f"{_room_of(ufunc)}.{ufunc.__name__}{method}"
    if isinstance(function, np.ufunc):
        return f"{_room_of(function)}.{function.__name__}"
    return f"{function.__module__}.{function.__name__}"


def _is_of_numpy(error: Exception) -> bool:
    """Whether an error comes from NumPy, not from a function that was passed in."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is None or place.tb_frame.f_code.co_filename.startswith((*INSIDE, "<__array_function__"))


def _gives_no_float(ufunc: Any) -> bool:
    """Whether every loop of `ufunc` gives booleans, so that no gradient could flow through it."""
    results = [set(loop.split("->")[1]) for loop in ufunc.types]
    return all(each <= {"?", "O"} for each in results) and {"?"} in results  # np.frompyfunc has objects alone


@functools.cache
def _positions(function: Any, op: Callable[..., Any]) -> tuple[int, dict[str, Any], frozenset[str]]:
    """How many first arguments of NumPy's `function` mean the same in `op`, its defaults in order, and op's names."""
    try:
        theirs = inspect.signature(function).parameters
    except ValueError:  # written in C, without a signature in this version of NumPy
        theirs = {}  # type: ignore[assignment]
    ours = inspect.signature(op).parameters
    open_ended = any(each.kind is each.VAR_POSITIONAL for each in theirs.values())
    needed = sum(each.default is each.empty for each in ours.values())
    pairs = enumerate(zip(theirs, ours, strict=False))
    same = next((place for place, (one, other) in pairs if place >= needed and one != other), len(ours))
    return sys.maxsize if open_ended else same, {name: each.default for name, each in theirs.items()}, frozenset(ours)


def _named(
    function: Any, op: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call of NumPy's `function` as `op` takes it: by name where the order differs, and without unknown defaults."""
    same, defaults, ours = _positions(function, op)
    if len(args) > same and len(defaults) >= len(args):
        keywords = dict(zip([*defaults][same:], args[same:], strict=False)) | keywords
        args = args[:same]
    if not keywords.keys() <= ours:
        keywords = {
            name: value for name, value in keywords.items()
            if name in ours or name not in defaults or value is not defaults[name]
        }  # fmt: skip
    return args, keywords


def _into(out: Any, called: Any, function: Any, inputs: Any, keywords: dict[str, Any]) -> Any:
    """What NumPy returns after it wrote into `out`: no gradient flows, so none may be asked for.

    What is written into `.data` is outside of any history, and takes the values of a tensor that has one.
    """
    outside = all(type(target) is Data for target in (out if isinstance(out, tuple) else (out,)))
    if not outside and _any_requires_grad((inputs, list(keywords.values()), out)):
        name = f"np.{called.__name__}"
        target = out[0] if isinstance(out, tuple) else out
        sign = getattr(getattr(NUMPY_TO_OP.get(called), "op", None), "head", "")
        if inputs and target is inputs[0] and sign in OPERATORS.values():  # y += t
            raise ArgumentError(
                f"{name} cannot write a tensor that requires grad into a NumPy array, as `y {sign}= t` asks for: its "
                f"history would be lost; write y = y {sign} t, or y {sign}= t.data where no gradient is meant"
            )
        if keywords.get("where", True) is not True:
            chosen = f"{name}({', '.join(['...'] * len(inputs))})"
            raise ArgumentError(
                f"{name} cannot take where= and out= while a gradient is required; write np.where(mask, {chosen}, "
                "other) with operands that are harmless where the mask is False, as in np.where(mask, x, 1.0)"
            )
        raise ArgumentError(
            f"{name} cannot take out= while a gradient is required; leave it out and use what it returns"
        )
    result = _on_data(function, inputs, {**keywords, "out": out})
    targets = out if isinstance(out, tuple) else (out,)
    for target in targets:
        if target is not None:
            WRITES.stamp(_plain(target), next_sequence_nr())
    return targets[0] if len(targets) == 1 and isinstance(targets[0], ArrayBehavior) else result


def _written(target: Any, function: Any, args: Any, keywords: dict[str, Any]) -> Any:
    result = _on_data(function, args, keywords)
    if isinstance(array := _plain(target), np.ndarray):
        WRITES.stamp(array, next_sequence_nr())
    return result


# Keywords of every ufunc on elements, which no op takes.
_OF_UFUNCS = frozenset({"where", "dtype", "casting", "order", "subok", "signature"})
# NumPy functions whose result is a shape, a truth value, an index or fresh zeros: they run on the data.
_WITHOUT_GRADIENT = frozenset({
    np.shape, np.ndim, np.size, np.allclose, np.isclose, np.array_equal, np.array_equiv,
    np.argwhere, np.nonzero, np.flatnonzero, np.searchsorted, np.digitize, np.isin,
    np.may_share_memory, np.shares_memory, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.array_repr,
    np.array_str, np.array2string, np.nanargmax, np.nanargmin, np.argpartition, np.count_nonzero, np.all, np.any,
    np.isneginf, np.isposinf, np.isreal, np.iscomplex, np.lexsort, np.linalg.matrix_rank, np.einsum_path,
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.common_type, np.min_scalar_type,
})  # fmt: skip
