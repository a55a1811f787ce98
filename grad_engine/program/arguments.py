"""The arguments of a compiled function: which of their parts are inputs, and stand-ins in place of those."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.program.state import State
from grad_engine.program.steps import Value
from grad_engine.program.traced import Traced, TracedNumber


@dataclass(slots=True)
class Argument:
    """A part of an argument that is an input: `path` is how Python reads it, as in `p0['w']`."""

    path: str
    value: Value
    kind: type  # ndarray, Tensor, float, or a NumPy scalar type
    leaf: Any = None  # of a Tensor that requires grad: the leaf that stands for it while tracing
    is_leaf: bool = False
    stand_in: Any = None


@dataclass(slots=True)
class Arguments:
    """What the arguments of one call were taken apart into."""

    state: State
    parts: list[Argument] = field(default_factory=list)
    structures: list[tuple[str, type, Any]] = field(default_factory=list)  # path, type, and keys or length
    static: list[tuple[str, Any]] = field(default_factory=list)

    def taken_apart(self, x: Any, path: str, name: str, static: bool = False) -> Any:
        """`x` with stand-ins for its arrays and floats."""
        if static:
            self.static.append((path, x))
            return x
        kind = type(x)
        if kind is dict:
            self.structures.append((path, dict, tuple(x)))
            named = {key: f"{key}" if path.isidentifier() else f"{name}_{key}" for key in x}  # p["w"] is called w
            return {key: self.taken_apart(part, f"{path}[{key!r}]", named[key]) for key, part in x.items()}
        if kind in (list, tuple) or (isinstance(x, tuple) and hasattr(x, "_fields")):
            self.structures.append((path, kind, len(x)))
            keys = getattr(kind, "_fields", range(len(x)))
            parts = [
                self.taken_apart(part, f"{path}[{i}]", f"{name}_{key}")
                for i, (key, part) in enumerate(zip(keys, x, strict=True))
            ]
            return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
        if dataclasses.is_dataclass(x) and not isinstance(x, type):
            self.structures.append((path, kind, None))
            made = object.__new__(kind)
            for each in dataclasses.fields(x):
                part = self.taken_apart(getattr(x, each.name), f"{path}.{each.name}", f"{name}_{each.name}")
                object.__setattr__(made, each.name, part)
            return made
        if isinstance(x, np.random.Generator):
            self.static.append((path, x))
            return self.state.stand_in_for(x)
        if kind is Tensor:
            return self._tensor(x, path, name)
        if kind is ndarray and x.dtype.kind in "fiub":
            return self._input(x, path, name, kind)
        if kind is float or (isinstance(x, np.generic) and x.dtype.kind in "fiub"):
            return self._input(x, path, name, kind)
        self.static.append((path, x))
        return x

    def _input(self, x: Any, path: str, name: str, kind: type) -> Any:
        value = Value(x, self.state.unique(name))
        made: Any = TracedNumber(value, self.state.trace) if value.number else Traced(value, self.state.trace)
        self.parts.append(Argument(path, value, kind, stand_in=made))
        return made

    def _tensor(self, x: Tensor, path: str, name: str) -> Tensor:
        held = self.state.tensors.get(id(x))
        if held is not None:  # the same tensor is reached from the function: it has to be that one again
            self.static.append((path, x))
            return x
        stand_in = self._input(x.array, path, x.name or name, Tensor)
        made = wrap(stand_in, None)
        part = self.parts[-1]
        if x.node is not None:
            made.node = part.leaf = GradAccum()
            part.is_leaf = type(x.node) is GradAccum
            if part.is_leaf:
                self.state.lift_grad(x.node, part.leaf, part.value.name or name, f"{path}.node")
        return made


def returned(out: Any, keep: Callable[[Any], Any]) -> Any:
    """What the function returned, with `keep` of each leaf: tuples, lists, dicts and dataclasses stay."""
    kind = type(out)
    if kind is dict:
        return {key: returned(part, keep) for key, part in out.items()}
    if kind in (list, tuple):
        return kind(returned(part, keep) for part in out)
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return kind(*[returned(part, keep) for part in out])
    return keep(out)
