"""Structures of arrays: dicts, lists, tuples, named tuples, dataclasses and modules, and what may stand inside them.

A structure is taken apart into its leaves, the arrays, tensors and numbers in it, and a Structure that puts others in
their places. Dicts keep their order. None holds nothing. A field of a dataclass that is no parameter, such as a name,
says so: `field(metadata={"static": True})`.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import astype
from grad_engine.core.conversion import unmasked
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, NotDifferentiableError, ShapeError
from grad_engine.ops.joining import concat
from grad_engine.ops.shape import reshape

Parts = tuple[Sequence[str], Sequence[Any], Callable[[Sequence[Any]], Any]]  # labels, values, and how to join others

_REGISTERED: dict[type, Callable[[Any], Parts]] = {}


def register_structure(kind: type, parts: Callable[[Any], Parts]) -> None:
    """Count objects of `kind` (subclasses too) as structures.

    parts: object -> (labels, values, build): how each part is written after the object, as in ".weight" or "[0]"; the
        parts; and a function that makes such an object of other parts, and leaves the first one alone.
    """
    _REGISTERED[kind] = parts


class Structure:
    """What a value is made of, without its leaves."""

    __slots__ = ("build", "labels", "parts")

    def __init__(
        self,
        labels: Sequence[str] = (),
        parts: Sequence[Structure] = (),
        build: Callable[[Sequence[Any]], Any] | None = None,
    ) -> None:
        self.labels = labels
        self.parts = parts
        self.build = build  # None: this is a leaf

    def with_leaves(self, leaves: Iterable[Any]) -> Any:
        """A value of this structure with these leaves, in order."""
        return self._filled(iter(leaves))

    def _filled(self, leaves: Iterator[Any]) -> Any:
        if self.build is None:
            return next(leaves)
        return self.build([part._filled(leaves) for part in self.parts])

    def paths(self, name: str) -> list[str]:
        """How each leaf is written where the value is called `name`: `name["layers"][0]`."""
        if self.build is None:
            return [name]
        pairs = zip(self.labels, self.parts, strict=True)
        return [path for label, part in pairs for path in part.paths(name + label)]

    def leaves_of(self, value: Any, name: str, like: str) -> list[Any]:
        """The leaves of another value that has this structure; a list may stand for a tuple.

        Raises ArgumentError that names the first place, under `name`, where it differs from `like`.
        """
        if self.build is None:
            return [value]
        found = _parts_of(value)
        if found is None:
            raise ArgumentError(
                f"{name} is {_named(value)} where {like} has {len(self.parts)} parts; give it the same structure"
            )
        labels, values, _ = found
        given = dict(zip(labels, values, strict=True))
        if self.labels != labels and (missing := [label for label in self.labels if label not in given]):
            raise ArgumentError(f"{name}{missing[0]} is missing, which {like} has; give it the same structure")
        if extra := [label for label in labels if label not in self.labels]:
            raise ArgumentError(f"{name}{extra[0]} has no place in {like}; give it the same structure")
        pairs = zip(self.labels, self.parts, strict=True)
        return [leaf for label, part in pairs for leaf in part.leaves_of(given[label], name + label, like + label)]


LEAF = Structure()


def taken_apart(value: Any) -> tuple[list[Any], Structure]:
    """(the leaves of a value, how they hang together); what is no structure is a leaf itself."""
    leaves: list[Any] = []
    return leaves, _taken(value, leaves)


def _taken(value: Any, leaves: list[Any]) -> Structure:
    found = None if type(value) in (np.ndarray, Tensor) else _parts_of(value)
    if found is None:
        leaves.append(value)
        return LEAF
    labels, values, build = found
    return Structure(labels, [_taken(part, leaves) for part in values], build)


def _parts_of(value: Any) -> Parts | None:
    """(label of each part, the parts, how to build the same of others); None for a leaf."""
    if value is None:
        return (), (), lambda parts: None
    if isinstance(value, dict):
        keys = list(value)
        labels = [f'["{key}"]' if isinstance(key, str) else f"[{key!r}]" for key in keys]
        if type(value) is dict:
            return labels, [*value.values()], lambda parts: dict(zip(keys, parts, strict=True))
        return labels, [*value.values()], lambda parts: _updated(value, dict(zip(keys, parts, strict=True)))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [f".{field}" for field in value._fields], value, lambda parts: type(value)(*parts)
    if isinstance(value, list | tuple):
        kind: Any = list if isinstance(value, list) else tuple
        return [f"[{i}]" for i in range(len(value))], value, kind
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if not field.metadata.get("static")]
        return (
            [f".{n}" for n in names],
            [getattr(value, n) for n in names],
            lambda parts: _replaced(value, names, parts),
        )
    for kind, parts_of in _REGISTERED.items():
        if isinstance(value, kind):
            return parts_of(value)
    return None


def _updated(value: dict[Any, Any], new: dict[Any, Any]) -> dict[Any, Any]:
    made = copy.copy(value)
    made.update(new)
    return made


def _replaced(value: Any, names: Sequence[str], parts: Sequence[Any]) -> Any:
    """A dataclass with other fields, frozen or not; __post_init__ does not run, since it may make arrays of fields."""
    made = copy.copy(value)
    for name, part in zip(names, parts, strict=True):
        object.__setattr__(made, name, part)
    return made


# --- leaves ---------------------------------------------------------------------------------------------------------


def check_leaf(value: Any, path: str) -> np.ndarray:
    """The array of a leaf to differentiate by. Raises NotDifferentiableError or ArgumentError that name its path."""
    array = array_of(value)
    if type(array) is np.ndarray and array.dtype.kind == "f":
        return array
    if isinstance(value, bool | int) and not isinstance(value, np.generic):
        raise NotDifferentiableError(f"{path} is the integer {value!r}, which has no derivative; write {float(value)}")
    if isinstance(array, np.matrix):
        raise ArgumentError(f"{path} is a np.matrix, which multiplies in another way than arrays do; pass np.asarray()")
    if isinstance(array, np.ndarray):
        try:
            array = np.asarray(unmasked(array))
        except ArgumentError as error:
            raise ArgumentError(f"{path} is a masked array: {error}") from None
    elif isinstance(array, float | np.generic):
        array = np.asarray(array)
    else:
        of_its_own = type(value).__module__ not in ("builtins", "numpy")
        raise ArgumentError(
            f"{path} is {_named(value)}, where an array, a tensor or a number belongs; convert it with np.asarray(), "
            + ("make it a structure with pytree.register_structure(), " if of_its_own else "")
            + "or keep it out of what is differentiated"
        )
    if array.dtype.kind != "f":
        way_out = (
            "use stack([...]) to join tensors, and astype(float) on numbers" if array.dtype == object
            else "pass its real and its imaginary part, and join them as re + 1j * im" if array.dtype.kind == "c"
            else "pass floating-point numbers"
        )  # fmt: skip
        raise NotDifferentiableError(f"{path} holds {array.dtype}, which has no derivative; {way_out}")
    return array


def _named(value: Any) -> str:
    """What a value is, in a few words: "a str", "an int"."""
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


# --- one vector -----------------------------------------------------------------------------------------------------


def ravel_pytree(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """(all numbers of a structure in one vector, the function that makes such a structure of such a vector).

    The vector is an array where the structure holds arrays and numbers, a Tensor where it holds Tensors; gradients flow
    through both ways. Where dtypes differ the vector has the one that NumPy promotes them to, and the way back restores
    them. A vector of another length is a ShapeError.

    >>> x0, unravel = ravel_pytree({"w": np.ones((2, 2)), "b": 0.5})
    >>> x0.tolist()
    [1.0, 1.0, 1.0, 1.0, 0.5]
    >>> unravel(2 * x0)["b"].item()
    1.0
    """
    leaves, structure = taken_apart(tree)
    arrays = [check_leaf(leaf, path) for leaf, path in zip(leaves, structure.paths("tree"), strict=True)]
    shapes, dtypes = [array.shape for array in arrays], [array.dtype for array in arrays]
    ends = np.cumsum([0, *(array.size for array in arrays)]).tolist()
    dtype = np.result_type(*dtypes) if dtypes else np.dtype(float)

    def unravel(vector: Any) -> Any:
        """The structure, with the numbers of `vector` in their places."""
        if np.shape(array_of(vector)) != (ends[-1],):
            raise ShapeError(
                f"the structure holds {ends[-1]} numbers, got a vector of shape {np.shape(array_of(vector))}; pass one "
                "such as ravel_pytree() gave"
            )
        parts: list[Any] = []
        for start, end, shape, own in zip(ends, ends[1:], shapes, dtypes, strict=False):
            if type(vector) is Tensor:
                part = reshape(vector[start:end], shape)
                parts.append(part if part.dtype == own or vector.dtype != dtype else astype(part, own))
            else:
                block = np.asarray(vector)[start:end].reshape(shape)
                block = block if np.asarray(vector).dtype != dtype else block.astype(own, copy=False)
                parts.append(block if block.ndim else block[()])
        return structure.with_leaves(parts)

    if any(type(leaf) is Tensor for leaf in leaves):
        flat: Any = concat([reshape(leaf, (-1,)) for leaf in leaves])
        return (flat if flat.dtype == dtype else astype(flat, dtype)), unravel
    return np.concatenate([array.reshape(-1) for array in arrays]) if arrays else np.zeros(0), unravel
