"""Tensor and Node: the data, the gradient, and how it was made. This file names no op.

A Tensor is a handle: an array and the node that made it. Nodes link to nodes, never to Tensors, so a graph holds no
reference cycle and an in-place operation can give its Tensor a new node while older edges stay as they were.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import math
import sys
import threading
import warnings
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, final

import numpy as np

from grad_engine.errors import ArgumentError, GraphError, InPlaceError, NotDifferentiableError, ShapeError

if TYPE_CHECKING:
    from grad_engine.op import Op
    from grad_engine.op_methods import OpMethods  # generated: the methods and operators that come from the table
else:
    OpMethods = object

next_age = itertools.count().__next__
NUMPY_TO_OP: dict[Any, Callable[..., Any]] = {}


class _Mode(threading.local):
    """What this thread does with calls of ops: `record` builds the graph; `watch` (a Watch, if any) sees it grow."""

    record: bool = True
    watch: Any = None


MODE = _Mode()


# --- how a tensor was made ------------------------------------------------------------------------------------------


class GradAccum:
    """Where the gradient of one leaf is summed: the end of every path through the graph."""

    __slots__ = ("age", "extra", "grad")
    name = "GradAccum"

    def __init__(self) -> None:
        self.age = next_age()
        self.grad: Tensor | None = None
        self.extra: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return "<GradAccum>"


class Node:
    """One recorded call: `op` applied to `arrays`, which the nodes at `edges` had made, gave `out`.

    `rest` are the static arguments, then what the forward function kept for the rules. A released node has lost its
    values: `out` is None.
    """

    __slots__ = ("age", "extra", "op", "out")

    age: int
    op: Op
    out: Any  # an array, a tuple of arrays, or None once released
    extra: dict[str, Any] | None  # what few nodes have: hooks, runs, scope, source line
    arrays: tuple[Any, ...]
    edges: tuple[Edge, ...]
    rest: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The name of the backward step, such as `AddBackward`."""
        return self.op.label

    def as_tensors(self) -> tuple[Any, tuple[Any, ...]]:
        """`out` and `arrays` as Tensors of this graph, so that a rule called on them is itself recorded."""
        if type(self.out) is tuple:
            out: Any = tuple(wrap(part, Output(self, index)) for index, part in enumerate(self.out))
        else:
            out = wrap(self.out, self)
        pairs = zip(self.arrays, self.edges, strict=True)
        return out, tuple(array if edge is None else wrap(array, edge) for array, edge in pairs)

    def release(self) -> None:
        """Let go of every value; the structure stays."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.name}>"


class UnaryNode(Node):
    """One operand, as most nodes have: two objects for the collector to track instead of four.

    Made empty, by the one caller who fills it: a call of __init__ would take as long again.
    """

    __slots__ = ("edge", "rest", "x")

    x: Any
    edge: Edge
    rest: tuple[Any, ...]

    @property
    def arrays(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.x,)

    @property
    def edges(self) -> tuple[Edge, ...]:  # type: ignore[override]
        return (self.edge,)

    def release(self) -> None:
        self.out = self.x = None
        self.rest = ()


class BinaryNode(Node):
    """Two operands and no static arguments; made empty too."""

    __slots__ = ("x", "x_edge", "y", "y_edge")

    x: Any
    y: Any
    x_edge: Edge
    y_edge: Edge
    rest = ()

    @property
    def arrays(self) -> tuple[Any, ...]:  # type: ignore[override]
        return (self.x, self.y)

    @property
    def edges(self) -> tuple[Edge, ...]:  # type: ignore[override]
        return (self.x_edge, self.y_edge)

    def release(self) -> None:
        self.out = self.x = self.y = None


class ManyNode(Node):
    """Any number of operands, static arguments and kept values."""

    __slots__ = ("arrays", "edges", "rest")

    def __init__(
        self, op: Op, out: Any, arrays: tuple[Any, ...], edges: tuple[Edge, ...], rest: tuple[Any, ...]
    ) -> None:
        self.age = next_age()
        self.op = op
        self.out = out
        self.arrays = arrays
        self.edges = edges
        self.rest = rest
        self.extra = None

    def release(self) -> None:
        self.out = None
        self.arrays = self.rest = ()


class Output:
    """One numbered output of a node that has several; two of them are equal when they mean the same output."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def age(self) -> int:
        return self.node.age

    @property
    def extra(self) -> dict[str, Any] | None:
        return self.node.extra

    def __eq__(self, other: object) -> bool:
        return type(other) is Output and other.node is self.node and other.index == self.index

    def __hash__(self) -> int:
        return hash((self.node, self.index))

    def __repr__(self) -> str:
        return f"<{self.name} output {self.index}>"


Edge: TypeAlias = Node | GradAccum | Output | None


# --- names ----------------------------------------------------------------------------------------------------------

# A name belongs to the array, so that a record finds it again from a node, which holds arrays only.
_NAMES: dict[int, tuple[weakref.ref[np.ndarray], str]] = {}


def name_of(array: Any) -> str | None:
    """The name the user gave to the tensor whose data is `array`."""
    found = _NAMES.get(id(array))
    return found[1] if found is not None and found[0]() is array else None


def _set_name(array: np.ndarray, name: str | None) -> None:
    key = id(array)
    if name is None:
        _NAMES.pop(key, None)
    elif isinstance(name, str):
        _NAMES[key] = (weakref.ref(array, lambda _, key=key: _NAMES.pop(key, None)), name)  # type: ignore[misc]
    else:
        raise ArgumentError(f"a tensor's name is a str, got {type(name).__name__}")


# --- writes in place ------------------------------------------------------------------------------------------------


class _Memory:
    """What is known of one piece of memory, as ages: its latest write, and each that changed what it depends on."""

    __slots__ = ("latest", "owner", "turns")

    def __init__(self, owner: weakref.ref[np.ndarray]) -> None:
        self.owner = owner
        self.latest = -1
        self.turns = array("q")


class _Writes:
    """When each piece of memory was written in place, as ages; memory shared by views has one entry.

    Nothing is paid in the forward pass: backward asks only when a write is younger than the graph's oldest node.
    """

    def __init__(self) -> None:
        self.latest = -1
        self.by_owner: dict[int, _Memory] = {}
        self.views: dict[int, list[weakref.ref[Tensor]]] = {}  # of memory without history, by the id of its owner
        self.noted, self.room = 0, 1024
        self.lock = threading.Lock()  # memory may be shared between threads, whose graphs are not

    def stamp(self, array: np.ndarray, age: int, recorded: bool = False) -> None:
        """Note a write; `recorded` when from now on the memory depends on other leaves, or in another way."""
        owner = _owner(array)
        key = id(owner)
        memory = self.by_owner.get(key)
        if memory is None or memory.owner() is not owner:
            memory = self.by_owner[key] = _Memory(weakref.ref(owner, lambda _: self.by_owner.pop(key, None)))
        memory.latest = age
        if recorded:
            memory.turns.append(age)
        self.latest = age

    def latest_of(self, array: Any) -> int:
        """The age of the latest write to the memory of `array`; -1 where there was none."""
        memory = self._memory(_owner(array)) if type(array) is np.ndarray else None
        return -1 if memory is None else memory.latest

    def turned(self, array: Any, after: int, before: float = math.inf) -> int | None:
        """The age of a recorded write to the memory of `array` between two ages, if there was one."""
        memory = self._memory(_owner(array)) if type(array) is np.ndarray else None
        if memory is None:
            return None
        place = bisect_right(memory.turns, after)
        return memory.turns[place] if place < len(memory.turns) and memory.turns[place] < before else None

    def taken(self, view: Tensor, call: Callable[..., Tensor], args: tuple[Any, ...]) -> None:
        """Note a view of memory without history, and how to take it again should the memory get one."""
        view.again = call, args
        key = id(_owner(view.array))
        with self.lock:
            views = self.views.get(key)
            if views is None:
                views = self.views[key] = []
            views.append(weakref.ref(view))
            self.noted += 1
            if self.noted > self.room:  # most views die young
                alive = {key: [ref for ref in refs if ref() is not None] for key, refs in self.views.items()}
                self.views = {key: refs for key, refs in alive.items() if refs}
                self.noted = sum(map(len, self.views.values()))
                self.room = 2 * self.noted + 1024

    def follow(self, array: np.ndarray) -> None:
        """Give the views taken before the memory of `array` got its first history their part in it."""
        for ref in [*self.views.get(id(_owner(array)), ())]:
            view = ref()
            if view is not None and view.node is None and _owner(view.array) is _owner(array):
                call, args = view.again
                view.node = call(*args).node

    def _memory(self, owner: np.ndarray) -> _Memory | None:
        memory = self.by_owner.get(id(owner))
        return memory if memory is not None and memory.owner() is owner else None


WRITES = _Writes()


def _owner(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory `array` shows."""
    while type(base := array.base) is np.ndarray:
        array = base
    return array


def overwrite(target: Tensor, result: Tensor) -> Tensor:
    """`target` after its memory took the values of `result`, and with them the history of `result`.

    What is written into a part that was indexed from a tensor is written into that tensor.

    Raises InPlaceError for a leaf that requires grad (outside no_grad), for any other view of recorded memory and for
    read-only memory, ShapeError for another shape, NotDifferentiableError for a dtype that cannot be kept.
    """
    array, old = target.array, target.node
    if result.array.shape != array.shape:
        raise ShapeError(
            f"the result of shape {result.array.shape} does not fit in place into shape {array.shape}; "
            "write x = x + y instead of x += y"
        )
    if not np.can_cast(result.array.dtype, array.dtype, "same_kind"):
        raise NotDifferentiableError(
            f"a {result.array.dtype} result cannot be kept in place in a {array.dtype} tensor; "
            "write x = x + y instead of x += y"
        )
    recorded = MODE.record and (old is not None or result.node is not None)
    if recorded and type(old) is GradAccum:
        raise InPlaceError(
            "a leaf that requires grad was to be changed in place, which would lose its history; "
            "write y = x + 1 instead of x += 1, or do it inside no_grad()"
        )
    check_writable(target)
    if recorded and _looks_into_another(target):
        return _overwrite_part(target, result)
    array[...] = result.array
    if recorded:
        target.node = result.node
        _keep_retaining(old, result.node)
    WRITES.stamp(array, next_age() if result.node is None or not recorded else result.node.age, recorded)
    if recorded and old is None:
        WRITES.follow(array)
    return target


def _looks_into_another(target: Tensor) -> bool:
    """Whether the memory of `target` may be that of another tensor; some ops return a view of an array of their own."""
    array = target.array
    if array.base is None:
        return False
    node = target.node.node if type(target.node) is Output else target.node
    if isinstance(node, Node) and node.out is not None:
        sources: Iterable[Any] = node.arrays
    elif node is None and hasattr(target, "again"):
        sources = map(_plain, target.again[1])
    else:
        return True
    return any(type(each) is np.ndarray and each is not array and _owner(each) is _owner(array) for each in sources)


def _overwrite_part(target: Tensor, result: Tensor) -> Tensor:
    window = getattr(target, "window", None)
    if window is None:
        raise InPlaceError(
            "a view was to be changed in place while gradients are recorded, and the tensor it looks into would "
            "not know; index the tensor itself (x[0] = v), or clone() the view first"
        )
    old, (whole, key) = target.node, window
    whole[key] = result
    target.node = whole[key].node
    _keep_retaining(old, target.node)
    return target


def check_writable(target: Tensor) -> None:
    """Raise InPlaceError for read-only memory, and for a view whose base got another history after it was taken."""
    array = target.array
    if not array.flags.writeable:
        raise InPlaceError("a tensor in read-only memory was to be changed in place; change a clone() instead")
    if MODE.record and target.node is not None and WRITES.turned(array, target.node.age) is not None:
        raise InPlaceError(
            "a view was to be changed in place whose base had been changed in place after the view was taken; "
            "take the view again"
        )


def _keep_retaining(old: Edge, new: Edge) -> None:
    """Let retain_grad() of a tensor go on after it was changed in place."""
    retained = (old.extra or {}).get("retained") if isinstance(old, Node | Output) else None
    place = _place(old)
    if retained and place in retained and isinstance(new, Node):
        new.extra = (new.extra or {}) | {"retained": {0: retained.pop(place)}}


def _place(edge: Edge) -> int:
    return edge.index if type(edge) is Output else 0


# --- the tensor -----------------------------------------------------------------------------------------------------


@final
class Tensor(OpMethods):
    """An array of numbers that remembers how it was made, so that gradients can flow back through it.

    Make one with `tensor(...)`. Leaves that require grad collect their gradient in `.grad`.
    """

    __slots__ = ("__weakref__", "again", "array", "node", "window")

    array: np.ndarray
    node: Edge
    again: tuple[Callable[..., Tensor], tuple[Any, ...]]  # of a view of memory without history: how it was taken
    window: tuple[Tensor, Any]  # of a part that shares memory: the tensor it was indexed from, and the index

    def __init_subclass__(cls, **_: Any) -> NoReturn:
        raise ArgumentError("Tensor is final; hold one in an attribute of your class instead")

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, name: str | None = None) -> None:
        self.array = as_array(data, dtype)
        self.node = None
        if requires_grad is not False:
            self.requires_grad_(requires_grad)
        if name is not None:
            self.name = name

    # what it is

    @property
    def data(self) -> np.ndarray:
        """The values as a NumPy array that shares memory; writes through it are not seen by backward."""
        return self.array

    @data.setter
    def data(self, values: Any) -> None:
        array = values.array if type(values) is Tensor else np.asarray(values)
        if array is self.array:
            return
        if array.shape != self.array.shape or array.dtype != self.array.dtype:
            raise ShapeError(
                f".data of shape {self.array.shape} and dtype {self.array.dtype} was given shape {array.shape} and "
                f"dtype {array.dtype}; make a new tensor for other shapes or dtypes"
            )
        name = self.name
        self.array = array
        _set_name(array, name)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def name(self) -> str | None:
        """The name shown in trees and pictures."""
        return name_of(self.array)

    @name.setter
    def name(self, name: str | None) -> None:
        _set_name(self.array, name)

    # how it was made

    @property
    def requires_grad(self) -> bool:
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self.requires_grad_(flag)

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """This tensor, now a leaf that collects a gradient (or, with False, no longer one).

        Raises NotDifferentiableError for integers and booleans, GraphError for the result of an op, ArgumentError for a
        flag that is neither True nor False.
        """
        if not isinstance(flag, bool | np.bool_):  # zeros(2, 3) and tensor(rows, np.float32) would end up here
            raise ArgumentError(
                f"requires_grad is True or False, got {flag!r}; give a shape as one tuple, zeros((2, 3)), "
                "and dtype= and name= by keyword"
            )
        if flag and self.node is None:
            if self.array.dtype.kind != "f":
                raise NotDifferentiableError(
                    f"only floating-point tensors can require grad, got {self.array.dtype}; "
                    "pass dtype=float, or write 1.0 instead of 1"
                )
            self.node = GradAccum()
        elif not flag and self.node is not None:
            if not self.is_leaf:
                raise GraphError("only a leaf can stop requiring grad; use detach() on the result of an op")
            self.node = None
        return self

    @property
    def is_leaf(self) -> bool:
        return self.node is None or type(self.node) is GradAccum

    @property
    def grad_fn(self) -> Edge:
        """The node that made this tensor, by name `AddBackward` and so on; a leaf's is its GradAccum."""
        return self.node

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, a Tensor of this tensor's shape and dtype; None before any backward."""
        node = self.node
        if type(node) is GradAccum:
            return node.grad
        if node is None:
            return None
        kept = (node.extra or {}).get("retained", {})
        index = _place(node)
        if index not in kept:
            warnings.warn(
                ".grad of the result of an op is not kept; call retain_grad() on it before backward",
                stacklevel=2,
            )
        return kept.get(index)

    @grad.setter
    def grad(self, value: Any) -> None:
        if type(self.node) is not GradAccum:
            if value is None:
                kept = {} if self.node is None else (self.node.extra or {}).get("retained", {})
                kept.update(dict.fromkeys(kept.keys() & {_place(self.node)}))
                return
            raise GraphError(".grad can only be set on a leaf that requires grad; call requires_grad_() first")
        if value is None:
            self.node.grad = None
            return
        if type(value) is not Tensor:
            value = Tensor(value, dtype=self.array.dtype)
        if value.array.shape != self.array.shape or value.array.dtype != self.array.dtype:
            raise ShapeError(
                f".grad must have the tensor's shape {self.array.shape} and dtype {self.array.dtype}, "
                f"got {value.array.shape} and {value.array.dtype}"
            )
        self.node.grad = value

    def zero_grad(self) -> None:
        """Forget the collected gradient: `.grad` becomes None."""
        self.grad = None

    def detach(self) -> Tensor:
        """The same values, shared in memory, without history."""
        return wrap(self.array, None)

    # out of the engine

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array that shares memory. Raises GraphError while a gradient is required."""
        if self.node is not None:
            raise GraphError("numpy() on a tensor that requires grad would lose its history; write t.detach().numpy()")
        return self.array

    def item(self) -> float | int | bool:
        """The value of a one-element tensor as a Python number."""
        if self.array.size != 1:
            raise ShapeError(f"item() needs exactly one element, got shape {self.array.shape}; use tolist()")
        return self.array.item()

    def tolist(self) -> Any:
        """The values as nested Python lists (a number for shape ())."""
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.node is not None:
            raise GraphError(
                "a tensor that requires grad would silently lose its history as a NumPy array; "
                "write np.asarray(t.detach()), or stack([...]) to join tensors"
            )
        return np.array(self.array, dtype=dtype, copy=copy)

    def __dlpack__(self, **keywords: Any) -> Any:
        if self.node is not None:
            raise GraphError("a tensor that requires grad would lose its history in another library; pass t.detach()")
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.array.__dlpack_device__()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iu" or self.array.ndim:
            raise ArgumentError(f"only an integer of shape () can be an index, got {self.dtype} of shape {self.shape}")
        return int(self.array)

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ShapeError(
                f"a tensor of shape {self.array.shape} has no single truth value; use (x > 0).all() or .any()"
            )
        return bool(self.array)

    def __len__(self) -> int:
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () has no length")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise ArgumentError("a tensor of shape () cannot be iterated over")
        return (self[index] for index in range(len(self.array)))

    def __contains__(self, value: Any) -> bool:
        return bool((self.array == (value.array if type(value) is Tensor else value)).any())

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self.array.ndim == 0:
            return format(self.item(), spec)
        try:
            return format(str(self), spec)
        except ValueError:
            raise ShapeError(
                f"only a tensor of a single number takes the format {spec!r}, got {self.array.shape}; use tolist()"
            ) from None

    def __repr__(self) -> str:
        body = np.array2string(self.array, separator=", ", prefix="tensor(")
        facts = [body]
        if self.array.dtype not in (np.float64, np.int64, np.bool_):
            facts.append(f"dtype={self.array.dtype}")
        if (name := self.name) is not None:
            facts.append(f"name={name!r}")
        if type(self.node) is GradAccum:
            facts.append("requires_grad=True")
        elif self.node is not None:
            facts.append(f"grad_fn=<{self.node.name}>")
        return f"tensor({', '.join(facts)})"

    # copies and pickles: leaves only, a graph is a record of one run in one process

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise GraphError("only leaves can be copied deeply, this tensor is the result of an op; use detach()")
        copy = wrap(self.array.copy(), None)
        memo[id(self)] = copy
        copy.__setstate__((copy.array, self.requires_grad, self.name, self.grad))
        return copy

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise GraphError("only leaves can be pickled, this tensor is the result of an op; use detach()")
        return _empty, (), (self.array, self.requires_grad, self.name, self.grad)

    def __setstate__(self, state: tuple[np.ndarray, bool, str | None, Tensor | None]) -> None:
        self.array, requires_grad, name, grad = state
        self.node = None
        self.requires_grad_(requires_grad)
        if name is not None:
            self.name = name
        if grad is not None:
            self.grad = wrap(grad.array.copy(), None)

    # NumPy's functions on Tensors

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        op = NUMPY_TO_OP.get(ufunc if method == "__call__" else (ufunc, method))
        out = keywords.pop("out", None)
        if out is not None:
            return _into(out, getattr(ufunc, method), inputs, keywords)
        if method == "reduce":
            keywords.setdefault("axis", 0)  # where NumPy's functions of the same meaning fold every axis
        if op is not None:
            return op(*inputs, **keywords)
        if not _any_requires_grad(inputs) or (method == "__call__" and _gives_no_float(ufunc)):
            if method == "at":
                return _written(inputs[0], getattr(ufunc, method), inputs, keywords)
            return _on_data(getattr(ufunc, method), inputs, keywords)
        raise NotDifferentiableError(
            f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} has no gradient here; "
            "call it on t.detach() if none is wanted, or declare one with define()"
        )

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        op = NUMPY_TO_OP.get(func)
        if op is not None:
            args, keywords = _named(func, op, args, keywords)
        if keywords.get("out") is not None:
            return _into(keywords.pop("out"), func, args, keywords)
        if op is not None:
            return op(*args, **keywords)
        if func is np.full_like and _any_requires_grad((args[1:], list(keywords.values()))):
            raise NotDifferentiableError(
                "np.full_like fills with a number, got a tensor that requires grad; write x + t"
            )
        if func in _WRITING and not _any_requires_grad((args, list(keywords.values()))):
            target = args[0] if args else next(keywords[name] for name in ("dst", "a", "arr") if name in keywords)
            return _written(target, func, args, keywords)
        if func in _WITHOUT_GRADIENT or not _any_requires_grad((args, list(keywords.values()))):
            return _on_data(func, args, keywords)
        raise NotDifferentiableError(
            f"{func.__module__}.{func.__name__} has no gradient here; call it on t.detach() if none is wanted, "
            "or declare one with define()"
        )


_new = Tensor.__new__


def wrap(array: np.ndarray, node: Edge) -> Tensor:
    """A Tensor around an array that is known to be good; no copy, no check."""
    made = _new(Tensor)
    made.array = array
    made.node = node
    return made


def _empty() -> Tensor:
    return wrap(np.empty(0), None)


def as_array(data: Any, dtype: Any = None) -> np.ndarray:
    """A fresh array of numbers from nested lists, scalars or arrays. Raises ArgumentError or ShapeError."""
    if type(data) is Tensor:
        if data.node is not None:
            raise GraphError("a new tensor from one that requires grad would lose its history; use clone() or detach()")
        data = data.array
    unmasked(data)
    if isinstance(data, list | tuple) and _holds_tensor(data):
        raise ArgumentError("a list of tensors would lose their history; use stack([...]) or concat([...])")
    try:
        kind = None if dtype is None else np.dtype(dtype)
    except TypeError:
        raise ArgumentError(f"dtype is one of NumPy's, such as float or np.float32, got {dtype!r}") from None
    try:
        array = np.array(data, dtype=kind)
    except (ValueError, TypeError, OverflowError) as error:
        why = "its rows differ in length" if "inhomogeneous" in str(error) else str(error)
        raise ShapeError(f"no array of numbers can be made of this {type(data).__name__}: {why}") from None
    return numeric(array)


def unmasked(value: Any) -> Any:
    """`value` itself; raises ArgumentError for a masked array, whose mask a tensor would silently lose."""
    if isinstance(value, np.ndarray) and hasattr(value, "filled"):
        raise ArgumentError(
            "a tensor has no mask, got a masked array; pass values.filled(0.0), and a mask of its own to where()"
        )
    return value


def numeric(array: np.ndarray) -> np.ndarray:
    """`array` itself when it holds real numbers or booleans; raises ArgumentError otherwise."""
    if array.dtype.kind not in "fiub":
        raise ArgumentError(f"a tensor holds real numbers or booleans, got dtype {array.dtype}")
    return array


def _holds_tensor(data: Any) -> bool:
    pending = [data]
    for part in pending:
        if type(part) is Tensor:
            return True
        if isinstance(part, list | tuple):
            pending.extend(part)
    return False


def _any_requires_grad(values: Any) -> bool:
    pending = [values]
    for part in pending:
        if type(part) is Tensor:
            if part.node is not None and MODE.record:
                return True
        elif isinstance(part, list | tuple):
            pending.extend(part)
    return False


def _plain(value: Any) -> Any:
    if type(value) is Tensor:
        return value.array
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value


def _on_data(function: Any, args: Any, keywords: dict[str, Any]) -> Any:
    return function(*map(_plain, args), **{name: _plain(value) for name, value in keywords.items()})


def _gives_no_float(ufunc: Any) -> bool:
    """Whether every loop of `ufunc` gives booleans, so that no gradient could flow through it."""
    return all(set(loop.split("->")[1]) <= {"?", "O"} for loop in ufunc.types)


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


def _into(out: Any, function: Any, inputs: Any, keywords: dict[str, Any]) -> Any:
    """What NumPy returns after it wrote into `out`: no gradient flows, so none may be asked for."""
    if _any_requires_grad((inputs, list(keywords.values()), out)):
        _refuse_keyword(function.__name__, "out")
    result = _on_data(function, inputs, {**keywords, "out": out})
    targets = out if isinstance(out, tuple) else (out,)
    for target in targets:
        if target is not None:
            WRITES.stamp(_plain(target), next_age())
    return targets[0] if len(targets) == 1 and type(targets[0]) is Tensor else result


def _written(target: Any, function: Any, args: Any, keywords: dict[str, Any]) -> Any:
    result = _on_data(function, args, keywords)
    if isinstance(array := _plain(target), np.ndarray):
        WRITES.stamp(array, next_age())
    return result


def _refuse_keyword(name: str, keyword: str) -> NoReturn:
    raise ArgumentError(f"np.{name} cannot take {keyword}= while a gradient is required; leave it out")


# NumPy functions that change their first argument in place.
_WRITING = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})
# NumPy functions whose result is a shape, a truth value, an index or fresh zeros: they run on the data.
_WITHOUT_GRADIENT = frozenset({
    np.shape, np.ndim, np.size, np.allclose, np.isclose, np.array_equal, np.array_equiv, np.zeros_like, np.ones_like,
    np.empty_like, np.full_like, np.argwhere, np.nonzero, np.flatnonzero, np.searchsorted, np.digitize, np.isin,
    np.may_share_memory, np.shares_memory, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj, np.array_repr,
    np.array_str, np.array2string, np.nanargmax, np.nanargmin, np.argpartition, np.count_nonzero, np.all, np.any,
    np.isneginf, np.isposinf, np.isreal, np.iscomplex, np.lexsort, np.linalg.matrix_rank, np.einsum_path,
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.common_type, np.min_scalar_type,
})  # fmt: skip


def attach(name: str, value: Any) -> None:
    """Put a method, operator or property on Tensor that is defined further down the house."""
    setattr(Tensor, name, value)


def _comparison(ufunc: Any) -> Callable[[Tensor, Any], Any]:
    def compare(self: Tensor, other: Any) -> Any:
        try:
            return ufunc(self.array, other.array if type(other) is Tensor else other)
        except TypeError:
            return NotImplemented
        except ValueError as error:
            raise ShapeError(f"shapes {self.shape} and {np.shape(other)} cannot be compared: {error}") from None

    return compare


def _logic(ufunc: Any) -> Callable[[Tensor, Any], Any]:
    def combine(self: Tensor, other: Any) -> Any:
        try:
            return wrap(np.asarray(ufunc(self.array, other.array if type(other) is Tensor else other)), None)
        except TypeError:
            kind = getattr(other, "dtype", type(other).__name__)
            raise ArgumentError(
                f"&, |, ^ and ~ take booleans and whole numbers, got {self.dtype} and {kind}; compare first, "
                "as in (x > 0) & (y > 0)"
            ) from None
        except ValueError as error:
            raise ShapeError(f"shapes {self.shape} and {np.shape(other)} cannot be combined: {error}") from None

    return combine


_COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
for _dunder, _compare in _COMPARISONS.items():
    attach(f"__{_dunder}__", _comparison(_compare))
for _dunder, _combine in {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}.items():
    attach(f"__{_dunder}__", _logic(_combine))
    attach(f"__r{_dunder}__", _logic(_combine))
attach("__invert__", lambda self: _logic(lambda x, _: np.invert(x))(self, None))
