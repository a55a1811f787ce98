"""A program on the arrays of another library: its text, run where `np` is that library's NumPy."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from grad_engine.errors import ArgumentError, GraphError, MissingPackageError, ShapeError
from grad_engine.program.readable import Readable
from grad_engine.program.standalone import named_calls
from grad_engine.program.steps import DRAW, Program

_KNOWN = {"jax": ("jax.numpy", "jax.scipy"), "cupy": ("cupy", "cupyx.scipy"), "numpy": ("numpy", "scipy")}


def function_of(program: Program, arrays: str | ModuleType) -> Callable[..., Any]:
    """The program as a function of its inputs, in order, on the arrays of a library."""
    if calls := named_calls(program):
        raise GraphError(
            f"the program calls {', '.join(calls)} of the engine, which knows NumPy's arrays alone; write it with "
            "NumPy's functions"
        )
    if any(step.kind is DRAW for step in program.steps):
        raise GraphError("the program draws random numbers from a NumPy generator; pass them as an argument instead")
    if isinstance(arrays, ModuleType):
        np, special = arrays, "scipy"
    elif arrays in _KNOWN:
        name, special = _KNOWN[arrays]
        np = _imported(name, arrays)
    else:
        raise ArgumentError(f"to() takes {', '.join(map(repr, _KNOWN))} or a module, got {arrays!r}")
    text = Readable(program, functional=True, comments=False)
    environment: dict[str, Any] = {"np": np}
    source = text.function()
    if "scipy.special" in source:
        environment["scipy"] = _imported(special, special.partition(".")[0])
        _imported(f"{special}.special", special.partition(".")[0])
    if _WINDOWS in source:
        source = source.replace(_WINDOWS, "sliding_window_view")
        environment["sliding_window_view"] = _windows(np)
    exec(compile(source, f"<{program.name} on {getattr(np, '__name__', np)}>", "exec"), environment)
    function, constants = environment[program.name], dict(text.spelling.environment)
    shapes = [value.shape for value in program.inputs]

    def run(*args: Any) -> Any:
        given = [tuple(getattr(each, "shape", ())) for each in args]
        if given != shapes:
            raise ShapeError(
                f"the program was traced for arguments of shapes {_listed(shapes)}, got {_listed(given)}; call the "
                "compiled function with the new shapes first, then to() again"
            )
        return function(*args, **constants)

    run.__name__ = run.__qualname__ = program.name
    run.__doc__ = source
    return run


_WINDOWS = "np.lib.stride_tricks.sliding_window_view"  # of convolutions; a view, which other libraries have not


def _windows(np: Any) -> Callable[..., Any]:
    """NumPy's sliding_window_view() on the arrays of another library, as a copy."""

    def sliding_window_view(x: Any, window_shape: tuple[int, ...], axis: tuple[int, ...]) -> Any:
        for length, place in zip(window_shape, axis, strict=True):
            starts = np.arange(x.shape[place] - length + 1)
            x = np.moveaxis(np.take(x, starts[:, None] + np.arange(length), axis=place), place + 1, -1)
        return x

    return sliding_window_view


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _imported(name: str, package: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(f"{name} cannot be imported ({error}); install {package}") from error
