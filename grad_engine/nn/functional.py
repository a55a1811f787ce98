"""PyTorch's `torch.nn.functional`: the functions of `grad_engine` under that roof, for programs that are ported.

`pad()` alone is not that of NumPy, which `grad_engine.pad` is: it names the last axis first.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of
from grad_engine.core.define import CALLS
from grad_engine.core.numpy_errors import warn_of_spelling
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.shape import pad as _pad

_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """x with more places around it: `pad` has those before and after for the last axis, then the one before it, ...

    mode: "constant" (filled with `value`), "reflect", "replicate" or "circular". Negative numbers cut places off.
    """
    x = as_tensor(x)
    if mode not in _MODES:
        raise ArgumentError(f"mode of pad() is one of {', '.join(_MODES)}, got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"pad() takes two numbers for each padded axis of shape {x.shape}, got {tuple(pad)}")
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [*zip(pad[::2], pad[1::2], strict=True)][::-1]
    x = x[tuple(slice(-min(a, 0), n + min(b, 0)) for (a, b), n in zip(pairs, x.shape, strict=True))]
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    filled = {"constant_values": 0 if value is None else value} if mode == "constant" else {}
    return _pad(x, widths, _MODES[mode], **filled)


def _implicit(name: str, x: Any, dim: int | None) -> int:
    """The axis that PyTorch takes where none is given: 0 of one or three axes, else 1."""
    if dim is not None:
        return dim
    axes = as_tensor(x).ndim
    chosen = 0 if axes in (0, 1, 3) else 1
    if chosen != max(axes - 1, 0):
        warn_of_spelling(
            f"{name}() without dim= of {axes} axes is over axis {chosen}, as in PyTorch, which warns of it too: write "
            f"dim={chosen} for this, dim=-1 for the last"
        )
    return chosen


def _define_along(name: str) -> Any:
    plain: Any = CALLS[name]

    def call(x: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
        out = x if dtype is None else as_tensor(x).astype(dtype)
        return plain(out, _implicit(name, x, dim))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{plain.op.summary}

    Without dim the axis is PyTorch's: 0 of one or three axes, else 1.
    """
    return call


softmax, log_softmax, softmin = map(_define_along, ("softmax", "log_softmax", "softmin"))


def gumbel_softmax(
    logits: Any, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1, generator: Any = None
) -> Tensor:
    """A draw from the classes that logits speak of, made smooth (Jang et al. 2017): softmax((logits + noise) / tau).

    hard: 1 for the class drawn and 0 for the others, with the gradient of the smooth one.
    """
    logits = as_tensor(logits)
    noise = -np.log(generator_of(generator).exponential(size=logits.shape)).astype(logits.dtype)
    soft = CALLS["softmax"]((logits + noise) / tau, dim)
    if not hard:
        return soft
    drawn = np.zeros(soft.shape, soft.dtype)
    np.put_along_axis(drawn, np.argmax(soft.array, axis=dim, keepdims=True), 1, axis=dim)
    return drawn - soft.detach() + soft


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Where each pixel of images (batch, channels, height, width) is looked up by grid_sample(): theta @ (x, y, 1).

    theta: (batch, 2, 3). The result (batch, height, width, 2) has x and y from -1 to 1; align_corners: at the middle of
    the corner pixels, else at their outer edges.
    """
    theta = as_tensor(theta)
    if len(size) != 4 or theta.shape != (size[0], 2, 3):
        raise ShapeError(f"affine_grid() takes theta (batch, 2, 3) and a size of four, got {theta.shape} and {size}")
    rows, columns = (
        np.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) if n > 1 else np.zeros(1) for n in size[2:]
    )
    y, x = np.meshgrid(rows, columns, indexing="ij")
    places = np.stack([x, y, np.ones_like(x)], -1).reshape(1, -1, 3).astype(theta.dtype)
    return CALLS["matmul"](places, theta.mT).reshape((size[0], *size[2:], 2))


def _define_elementwise(name: str) -> Any:
    plain = CALLS[name]

    def call(x: Any, *args: Any, inplace: bool = False, **named: Any) -> Tensor:
        return plain(x, *args, **named)

    own = inspect.signature(plain)
    more = inspect.Parameter("inplace", inspect.Parameter.KEYWORD_ONLY, default=False)
    call.__signature__ = own.replace(parameters=[*own.parameters.values(), more])  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{plain.__doc__}\n\n    With inplace=True too x keeps its numbers."
    return call


def _define_dropout(name: str) -> Any:
    plain = CALLS[name]

    def call(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, seed: Any = None) -> Tensor:
        return plain(x, p, training, seed)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{plain.__doc__}\n\n    With inplace=True too x keeps its numbers."
    return call


dropout, dropout1d, dropout2d, dropout3d = map(_define_dropout, ("dropout", "dropout1d", "dropout2d", "dropout3d"))


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """Every other function by its name in `grad_engine`."""
    if name in CALLS:
        found = CALLS[name]
        op = getattr(found, "op", None)
        if op is not None and op.category == "activation" and op.elementwise:
            found = globals()[name] = _define_elementwise(name)  # PyTorch's have inplace=
        return found
    raise AttributeError(missing("grad_engine.nn.functional", name, [*CALLS, *globals()]))
