"""The arguments of a compiled function: which of their parts are inputs, and stand-ins in place of those."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine import pytree
from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.nn.module import Module
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
    inside: Any = None  # what the function gets in its place


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
        if (found := structure_of(x)) is not None:
            labels, values, build = found
            self.structures.append((path, kind, Labels(tuple(labels))))
            self.static += [(f"{path}.{key}", held) for key, held in _besides(x, values)]
            words = [re.sub(r"\W+", "_", label).strip("_") for label in labels]
            return build([
                self.taken_apart(part, path + label, f"{name}_{word}")
                for part, label, word in zip(values, labels, words, strict=True)
            ])  # fmt: skip
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
        self.parts.append(Argument(path, value, kind, stand_in=made, inside=made))
        return made

    def _tensor(self, x: Tensor, path: str, name: str) -> Tensor:
        held = self.state.tensors.get(id(x))
        if held is not None:  # the same tensor is reached from the function: it has to be that one again
            self.static.append((path, x))
            return x
        stand_in = self._input(x.array, path, x.name or name, Tensor)
        made = wrap(stand_in, None)
        part = self.parts[-1]
        part.inside = made
        if x.node is not None:
            made.node = part.leaf = GradAccum()
            part.is_leaf = type(x.node) is GradAccum
            if part.is_leaf:
                part.leaf.extra = x.node.extra
                self.state.lift_grad(x.node, part.leaf, part.value.name or name, f"{path}.node")
        return made


class Labels(tuple[str, ...]):
    """The labels of the parts of a structure, as pytree.py gives them."""

    __slots__ = ()


@dataclass(slots=True)
class Made:
    """A structure that is made anew of its parts at each run."""

    build: Callable[[Sequence[Any]], Any]
    parts: list[Any]


def labels_of(x: Any) -> tuple[str, ...] | None:
    """The labels of the parts of a structure; None where it is none."""
    found = structure_of(x)
    return None if found is None else tuple(found[0])


def structure_of(x: Any) -> pytree.Parts | None:
    """(labels, parts, build) of a dataclass, or of a kind of dict, list or object that counts as a structure.

    None for anything else: for modules, whose parameters are state, and for objects that hold more than their parts
    and settings, which are state too.
    """
    kind = type(x)
    if kind in _PLAIN or isinstance(x, type | Module | ndarray | np.generic):
        return None
    if isinstance(x, list):
        return [f"[{number}]" for number in range(len(x))], x, lambda parts: _refilled(x, parts)
    if isinstance(x, tuple):
        return None
    found = pytree._parts_of(x)
    if found is None or isinstance(x, dict):
        return found
    simple = all(isinstance(held, _SETTINGS) or callable(held) for _, held in _besides(x, found[1]))
    return found if simple else None


_PLAIN = frozenset({dict, list, tuple, int, float, bool, str, type(None), Tensor})
_SETTINGS = (int, float, complex, str, bytes, type(None), np.generic, np.dtype)


def _refilled(x: Any, parts: Sequence[Any]) -> Any:
    made = copy.copy(x)
    made[:] = parts
    return made


def _besides(x: Any, values: Sequence[Any]) -> list[tuple[str, Any]]:
    """The attributes of an object that are none of its parts: (name, value)."""
    names = [*getattr(x, "__dict__", ())]
    for each in type(x).__mro__:
        slots = each.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    found = [(key, getattr(x, key)) for key in names if hasattr(x, key)]
    return [(key, held) for key, held in found if not any(held is each for each in values)]


def returned(out: Any, keep: Callable[[Any], Any], template: bool = False) -> Any:
    """What the function returned, with `keep` of each leaf: tuples, lists, dicts and other structures stay.

    template: such other structures become Made.
    """
    kind = type(out)
    if kind is dict:
        return {key: returned(part, keep, template) for key, part in out.items()}
    if kind in (list, tuple):
        return kind(returned(part, keep, template) for part in out)
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return kind(*[returned(part, keep, template) for part in out])
    if (found := structure_of(out)) is not None:
        _, values, build = found
        parts = [returned(part, keep, template) for part in values]
        if all(part is value for part, value in zip(parts, values, strict=True)):
            return out
        return Made(build, parts) if template else build(parts)
    return keep(out)
