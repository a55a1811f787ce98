"""Derivatives of functions: gradients, products with vectors, whole matrices, second derivatives.

Each works in two ways. Of a function alone it makes a function: `grad(f)` takes f's own positional arguments and is the
gradient by the first of them, or by those that `argnums` names. Given a function and its inputs it answers at once:
`value_and_grad(f, x)`, where a tuple or list means several arguments, and all of them are differentiated by.

An argument is an array, a number, a tensor, or a structure of these: dict, list, tuple, named tuple, dataclass, module,
nested (pytree.py). A gradient has the structure of its argument. Arrays and numbers give arrays, of shape () NumPy's
scalars; tensors give tensors. What an argument has no influence on has derivative 0. No `.grad` is ever written.

create_graph: whether what comes back can be differentiated again; it is tensors then. None, the default, means: where
something else with a history takes part, such as weights that `f` closes over, or an outer derivative, since that
history would be lost without a word; and never inside no_grad(). False leaves it out, which is faster.
has_aux: `f` returns (what is differentiated, anything else), and the other thing comes back too, beside the value where
there is one: `((value, aux), gradient)`, else as `(gradient, aux)`.

Cost is counted in passes: one forward pass of `f`, or one backward pass, which takes about as long as two of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np

from grad_engine import jacobians
from grad_engine.core.call import as_tensor
from grad_engine.core.conversion import ComplexPair
from grad_engine.core.grad import grad as grad_of_tensors
from grad_engine.core.grad_mode import current_mode, differentiating, enable_grad
from grad_engine.core.node import BinaryNode, GradAccum, Output, UnaryNode, next_sequence_nr
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError, NotDifferentiableError, ShapeError
from grad_engine.ops.arithmetic import positive
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.pytree import check_leaf, taken_apart

_LEFT_OUT: Any = type("LeftOut", (), {"__repr__": lambda self: "..."})()  # an input may be None, which holds nothing
Argnums = int | Sequence[int] | None
Array = TypeVar("Array", np.ndarray, Tensor)
Inputs = TypeVar("Inputs")


def grad(
    outputs: Any,
    inputs: Any = _LEFT_OUT,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool | None = None,
    allow_unused: bool = False,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
) -> Any:
    """The gradient of a function that returns one number, as a function of its arguments; or d(outputs)/d(inputs).

    >>> grad(lambda x: x**3)(2.0).item()
    12.0

    Of tensors, `grad(z, [x, y], grad_outputs)` is d(z)/d(x) for each x of `inputs` (leaves or results of ops), weighted
    by `grad_outputs`: a tensor for a single input, a tuple for a list of them; None for an input that the outputs do
    not depend on, which is an error unless `allow_unused`. `retain_graph` defaults to `create_graph`. That leaves every
    `.grad` alone.
    """
    if not callable(outputs) or isinstance(outputs, Tensor | Sequence):
        if argnums is not None or has_aux:
            raise ArgumentError("argnums and has_aux belong to grad(f) of a function f, got them with a tensor")
        given = None if inputs is _LEFT_OUT else inputs
        return grad_of_tensors(outputs, given, grad_outputs, retain_graph, bool(create_graph), allow_unused)
    if grad_outputs is not None or retain_graph is not None or allow_unused:
        raise ArgumentError(
            "grad_outputs, retain_graph and allow_unused belong to grad(z, x) of a tensor z, got them with a function; "
            "vjp() takes weights for the outputs"
        )
    return _derivative("grad()", _grad, outputs, inputs, argnums, has_aux, create_graph)


@overload
def value_and_grad(
    f: Callable[..., Any], *, argnums: Argnums = ..., has_aux: bool = ..., create_graph: bool | None = ...
) -> Callable[..., tuple[Any, Any]]: ...
@overload
def value_and_grad(
    f: Callable[..., Any],
    inputs: list[Any],
    *,
    argnums: Argnums = ...,
    has_aux: bool = ...,
    create_graph: bool | None = ...,
) -> tuple[Any, tuple[Any, ...]]: ...
@overload
def value_and_grad(
    f: Callable[..., Any],
    inputs: Inputs,
    *,
    argnums: Argnums = ...,
    has_aux: bool = ...,
    create_graph: bool | None = ...,
) -> tuple[Any, Inputs]: ...
def value_and_grad(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
) -> Any:
    """(f(inputs), gradient by each input) of an `f` that returns one number. One forward and one backward pass."""
    return _derivative("value_and_grad()", _value_and_grad, f, inputs, argnums, has_aux, create_graph)


def vjp(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    v: Any = None,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
) -> Any:
    """(f(inputs), v times the Jacobian): a share for each input. One forward and one backward pass.

    v: a weight for each output element, in the structure of the outputs; 1 where `f` returns one number.
    `vjp(f)(x, v, *others)` gives the product alone; v follows the last argument that is differentiated by.
    """
    return _derivative("vjp()", _vjp, f, inputs, argnums, has_aux, create_graph, v)


def jvp(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    v: Any = None,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
) -> Any:
    """(f(inputs), the Jacobian times v): how the outputs move when the inputs move along v, in the outputs' structure.

    v: a direction for each input, in the structure of the inputs; 1 for a single number.
    `jvp(f)(x, v, *others)` gives the product alone; v follows the last argument that is differentiated by.

    One forward pass, one backward pass, and one of about twice that: the vector-Jacobian product is linear in its
    vector, and its derivative by that vector, weighted by v, is the Jacobian-vector product (Townsend 2017).
    """
    return _derivative("jvp()", _jvp, f, inputs, argnums, has_aux, create_graph, v)


def hvp(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    v: Any = None,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
) -> Any:
    """(f(inputs), the Hessian times v) of an `f` that returns one number, without making the Hessian.

    v: a direction for each input, in the structure of the inputs; 1 for a single number.
    `hvp(f)(x, v, *others)` gives the product alone, as SciPy's `hessp` is called; v follows the last argument that is
    differentiated by.

    One forward pass, one backward pass, and one of about twice that: the gradient of the gradient along v.
    """
    return _derivative("hvp()", _hvp, f, inputs, argnums, has_aux, create_graph, v)


def jacobian(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
    batched: bool | Literal["last"] = False,
    by: Literal["rows", "columns"] | None = None,
) -> Any:
    """The derivative of each output element by each input element, of shape (*output's shape, *input's shape).

    For several inputs a tuple with one for each; for several outputs a tuple of such. Such a tuple for inputs that are
    numbers is a matrix to NumPy, inputs last: what `scipy.optimize.curve_fit(jac=)` takes.

    batched: row i of the outputs depends on row i of the inputs alone, as where the first axis counts samples. Then the
        shape is (batch, *rest of the output, *rest of the input), and all rows are found in one pass; one more pass
        makes sure of it, and GraphError says so where rows mix. "last": the last axis counts samples, in the result
        too, and an input of one axis belongs to all of them, as `scipy.integrate.solve_bvp(fun_jac=)` has it.
    by: "rows" takes one backward pass for each output element (with `batched`, for each element of a row); "columns"
        one of twice the cost for each input element, and needs second derivatives. None chooses the cheaper.
    """
    if by not in (None, "rows", "columns") or (batched and by == "columns"):
        raise ArgumentError(f'by is "rows", or "columns" where not batched, or None, got {by!r}')
    if batched not in (False, True, "last"):
        raise ArgumentError(f'batched is True, False or "last", got {batched!r}')
    rule = functools.partial(_jacobian, batched=batched, by=by)
    return _derivative("jacobian()", rule, f, inputs, argnums, has_aux, create_graph)


@overload
def hessian(
    f: Callable[..., Any],
    *,
    argnums: Argnums = ...,
    has_aux: bool = ...,
    create_graph: bool | None = ...,
    batched: bool = ...,
) -> Callable[..., Any]: ...
@overload
def hessian(
    f: Callable[..., Any],
    inputs: Array,
    *,
    argnums: Argnums = ...,
    has_aux: bool = ...,
    create_graph: bool | None = ...,
    batched: bool = ...,
) -> Array: ...
@overload
def hessian(
    f: Callable[..., Any],
    inputs: object,
    *,
    argnums: Argnums = ...,
    has_aux: bool = ...,
    create_graph: bool | None = ...,
    batched: bool = ...,
) -> Any: ...
def hessian(
    f: Callable[..., Any],
    inputs: Any = _LEFT_OUT,
    *,
    argnums: Argnums = None,
    has_aux: bool = False,
    create_graph: bool | None = None,
    batched: bool = False,
) -> Any:
    """The second derivatives of an `f` that returns one number, of shape (*input's shape, *input's shape).

    For several inputs a tuple of tuples: entry [i][j] is by input i, then by input j.

    batched: `f` returns one number for each row of the inputs, from that row alone; the shape is (batch, *rest, *rest).

    One forward pass, one backward pass, and one of about twice that for each input element (with `batched`, for each
    element of a row). For products with a vector `hvp` takes one instead.
    """
    rule = functools.partial(_hessian, batched=batched)
    return _derivative("hessian()", rule, f, inputs, argnums, has_aux, create_graph)


# --- from one run of the function -----------------------------------------------------------------------------------


def _grad(run: Run) -> Any:
    shares = _slopes(run, "grad()", "jacobian() or vjp()")
    return run.with_aux(run.as_inputs(shares))


def _value_and_grad(run: Run) -> Any:
    shares = _slopes(run, "value_and_grad()", "vjp()")
    return run.with_aux(run.value()), run.as_inputs(shares)


def _slopes(run: Run, what: str, way_out: str) -> list[Tensor]:
    if len(run.ys) != 1 or run.ys[0].size != 1:
        raise GraphError(
            f"{what} needs a function that returns one number, got {_shapes(run.ys)}; sum it up, or use {way_out}"
        )
    return jacobians.pulled(run.ys, run.xs, [None], run.record, keep=run.record)


def _vjp(run: Run, v: Any) -> Any:
    weights = [None] * len(run.ys) if v is None else run.matching(v, "output")
    shares = jacobians.pulled(run.ys, run.xs, weights, run.record, keep=run.record)
    return run.product(run.as_inputs(shares))


def _jvp(run: Run, v: Any) -> Any:
    along = run.direction(v, "jvp()")
    weights = [wrap(np.zeros(y.shape, y.dtype), GradAccum()) for y in run.ys]
    shares = jacobians.pulled(run.ys, run.xs, weights, True)
    moved = jacobians.pulled(shares, weights, along, run.record, keep=True)
    if not run.record:
        jacobians.repair_products(run.ys, run.xs, along, moved)
    return run.product(run.as_outputs(moved))


def _hvp(run: Run, v: Any) -> Any:
    if len(run.ys) != 1 or run.ys[0].size != 1:
        raise GraphError(f"hvp() needs a function that returns one number, got {_shapes(run.ys)}; sum it up first")
    along = run.direction(v, "hvp()")
    slopes = jacobians.pulled(run.ys, run.xs, [None], True)
    curved = jacobians.pulled(slopes, run.xs, along, run.record, keep=run.record)
    return run.product(run.as_inputs(curved))


def _jacobian(run: Run, batched: bool | str, by: str | None) -> Any:
    blocks = jacobians.blocks(run.ys, run.xs, run.record, batched, by, run.nodes)
    found = [run.as_inputs(block) for block in blocks]
    if type(found[0]) is tuple and len(run.ys) == 1 and not any(x.ndim for x in run.xs):
        found = [Numbers(found[0])]
    return run.with_aux(run.outputs.with_leaves(found))


def _hessian(run: Run, batched: bool) -> Any:
    ys, xs = run.ys, run.xs
    if len(ys) != 1 or not (ys[0].ndim == 1 if batched else ys[0].size == 1):
        wanted = "one number for each row" if batched else "one number"
        raise GraphError(f"hessian() needs a function that returns {wanted}, got {_shapes(ys)}; use jacobian(), or sum")
    slopes = jacobians.pulled([sum_of(ys[0])], xs, [None], True)
    if batched:
        jacobians.check_rows_apart(ys[0], xs, [slopes])
    rows = jacobians.blocks(slopes, xs, run.record, batched, "rows")
    return run.with_aux(run.inputs.with_leaves([run.as_inputs(row) for row in rows]))


class Numbers(tuple[Any, ...]):
    """The derivatives by several numbers; as an array, the numbers are its last axis."""

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.stack([np.asarray(part) for part in self], axis=-1).astype(dtype, copy=False)


# --- entering and leaving -------------------------------------------------------------------------------------------


def _derivative(
    name: str,
    rule: Callable[..., Any],
    f: Callable[..., Any],
    inputs: Any,
    argnums: Argnums,
    has_aux: bool,
    create_graph: bool | None,
    *v: Any,
) -> Any:
    """What `rule` makes of a run of `f` on its inputs; without inputs, a function of f's arguments that gives that."""
    if not callable(f):
        raise ArgumentError(f"a function is differentiated here, got {type(f).__name__}; of a tensor z call grad(z, x)")
    if isinstance(inputs, int) and argnums is None:
        raise NotDifferentiableError(
            f"{name} was given the integer {inputs} as its input, which has no derivative; write {float(inputs)}, or "
            f"argnums={inputs} for the place of an argument"
        )
    if argnums is None and isinstance(inputs, tuple) and inputs and all(type(place) is int for place in inputs):
        raise NotDifferentiableError(
            f"{name} was given the integers {inputs} as its inputs, which have no derivative; write "
            f"{tuple(map(float, inputs))}, or argnums={inputs} for the places of arguments"
        )
    if inputs is not _LEFT_OUT:
        several = isinstance(inputs, tuple | list) and not hasattr(inputs, "_fields")
        args = tuple(inputs) if several else (inputs,)
        asked = argnums if argnums is not None else tuple(range(len(args))) if several else 0
        return rule(Run(name, f, args, {}, asked, has_aux, create_graph, not v), *v)
    if any(each is not None for each in v):
        raise ArgumentError("a direction v comes with the inputs it belongs to, got it without; write f, x, v")
    places = 0 if argnums is None else argnums

    def derivative(*args: Any, **named: Any) -> Any:
        if not v:
            return rule(Run(name, f, args, named, places, has_aux, create_graph, True))
        last = max((places,) if isinstance(places, int) else places, default=0) + 1
        run = Run(name, f, (*args[:last], *args[last + 1 :]), named, places, has_aux, create_graph, True)
        return rule(run, args[last] if len(args) > last else None)

    functools.update_wrapper(derivative, f)
    return derivative


class Run:
    """One recorded call of a function on inputs of our own, and how to give back what is found.

    Inputs of our own, so that what `f` reads by another way, such as a weight it closes over, is not counted as input.
    """

    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        named: dict[str, Any],
        argnums: int | Sequence[int],
        has_aux: bool,
        create_graph: bool | None,
        alone: bool,
    ) -> None:
        self.f, self.argnums, self.alone, self.asked = f, argnums, alone, create_graph
        self.nodes: list[Any] | None = None  # that the outputs depend on, where they were looked for
        places = _places(argnums, args)
        chosen: Any = args[places[0]] if isinstance(argnums, int) else tuple(args[i] for i in places)
        given, self.inputs = taken_apart(chosen)
        arrays = self._checked(given, places)
        self.tensors = Tensor in map(type, given)
        recording = current_mode().record
        recorded = self.tensors and recording and any(map(_has_history, given))
        self.record = recorded if create_graph is None else create_graph
        birth = next_sequence_nr()
        if not recording:
            with enable_grad():
                result = self._called(name, args, named, places, given, arrays)
        else:
            result = self._called(name, args, named, places, given, arrays)
        self.aux: tuple[Any, ...] = ()
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise ArgumentError(
                    f"with has_aux=True the function returns (result, anything else), got {type(result).__name__}"
                )
            result, extra = result
            self.aux = (extra,)
        found, self.outputs = taken_apart(result)
        self.ys = self._tensors_of(found)
        if create_graph is None and recording and not self.record:
            self.nodes = _younger(self.ys, birth)
            self.record = self.nodes is None or (bool(self.aux) and _younger(_tensors_in(self.aux), birth) is None)

    def _called(
        self,
        name: str,
        args: tuple[Any, ...],
        named: dict[str, Any],
        places: Sequence[int],
        given: Sequence[Any],
        arrays: Sequence[np.ndarray],
    ) -> Any:
        """What the function returns for inputs of our own."""
        if self.record and self.tensors:
            self.xs = [
                positive(x) if _has_history(x) else wrap(array, GradAccum())
                for x, array in zip(given, arrays, strict=True)
            ]
        else:
            self.xs = [wrap(array, GradAccum()) for array in arrays]
        own = self.inputs.with_leaves(self.xs)
        full = list(args)
        for place, argument in zip(places, (own,) if isinstance(self.argnums, int) else own, strict=True):
            full[place] = argument
        with differentiating(name, self.xs):
            return self.f(*full, **named)

    def _checked(self, given: Sequence[Any], places: Sequence[int]) -> list[np.ndarray]:
        """The array of each input. Raises NotDifferentiableError or ArgumentError with the path of what is none."""
        try:
            return [check_leaf(x, "") for x in given]
        except (ArgumentError, NotDifferentiableError):
            for x, path in zip(given, self.paths(), strict=True):
                check_leaf(x, path)
            raise

    def paths(self) -> list[str]:
        """How each input is written, beginning with the name of f's parameter."""
        argnums = (self.argnums,) if isinstance(self.argnums, int) else self.argnums
        names = _parameters(self.f)
        roots = [names[i] if i < len(names) else f"argument {i}" for i in argnums]
        if isinstance(self.argnums, int):
            return self.inputs.paths(roots[0])
        return [path for root, part in zip(roots, self.inputs.parts, strict=True) for path in part.paths(root)]

    def _tensors_of(self, found: list[Any]) -> list[Tensor]:
        """The outputs as tensors; numbers may stand among them, but not alone."""
        if found and all(type(y) is Tensor and y.array.dtype.kind == "f" for y in found):
            return found
        if not any(type(y) is Tensor for y in found):
            kind = type(found[0]).__name__ if found else "nothing"
            if found and isinstance(found[0], ComplexPair):
                raise NotDifferentiableError(
                    "the function returned complex numbers, of which there is no gradient; return abs(z), z.real or "
                    "z.imag"
                )
            raise ArgumentError(
                f"the function must return a tensor or a structure of tensors, got {kind}; leave out item(), "
                "float() and numpy()"
            )
        ys = []
        for y, path in zip(found, self.outputs.paths("result"), strict=True):
            if type(y) is not Tensor and not isinstance(y, int | float | np.ndarray | np.generic):
                raise ArgumentError(
                    f"the function must return a tensor or a structure of tensors, got {type(y).__name__} as {path}"
                )
            tensor = y if type(y) is Tensor else wrap(np.asarray(y, float), None)
            if tensor.dtype.kind != "f":
                raise NotDifferentiableError(f"the function returned {tensor.dtype} as {path}, which has no derivative")
            ys.append(tensor)
        return ys

    def direction(self, v: Any, what: str) -> list[Any]:
        """v as one tensor for each input; 1 where it was left out beside a single number."""
        if v is not None:
            return self.matching(v, "input")
        if len(self.xs) != 1 or self.xs[0].size != 1:
            raise GraphError(
                f"{what} without v needs a single number as input, got {_shapes(self.xs)}; pass a direction"
            )
        return [None]

    def matching(self, v: Any, kind: Literal["input", "output"]) -> list[Any]:
        """`v` as one tensor for each input or output. Raises ArgumentError or ShapeError with the path of a misfit."""
        structure, to = (self.inputs, self.xs) if kind == "input" else (self.outputs, self.ys)
        parts = structure.leaves_of(v, "v", f"the {kind}")
        made = []
        for part, x, path in zip(parts, to, structure.paths("v"), strict=True):
            try:
                tensor = as_tensor(part)
            except ArgumentError:
                check_leaf(part, path)
                raise
            if tensor.dtype.kind not in "fiub":
                check_leaf(part, path)
            if tensor.shape != x.shape:
                raise ShapeError(f"{path} has shape {tensor.shape}, its {kind} {x.shape}; make them equal")
            made.append(tensor if tensor.dtype == x.dtype else tensor.astype(x.dtype))
        if self.asked is None and current_mode().record and any(map(_has_history, made)):
            self.record = True  # the product depends on the history of its direction
        return made

    def given_back(self, tensor: Tensor) -> Any:
        """A result in the kind of the inputs: a tensor, or an array, of shape () NumPy's scalar."""
        if self.record:
            return tensor
        if self.tensors:
            return tensor.detach()
        array = tensor.array
        return array if array.ndim else array[()]

    def as_inputs(self, parts: Sequence[Tensor]) -> Any:
        """The parts in the structure of the inputs."""
        return self.inputs.with_leaves(map(self.given_back, parts))

    def as_outputs(self, parts: Sequence[Tensor]) -> Any:
        """The parts in the structure of what the function returned."""
        return self.outputs.with_leaves(map(self.given_back, parts))

    def value(self) -> Any:
        """What the function returned, in memory of its own."""
        if self.record:
            return self.as_outputs(self.ys)
        shared = [y.array.base is not None or any(y.array is x.array for x in self.xs) for y in self.ys]
        return self.as_outputs(
            [wrap(y.array.copy() if copy else y.array, None) for y, copy in zip(self.ys, shared, strict=True)]
        )

    def with_aux(self, answer: Any) -> Any:
        """The answer, and beside it what else the function returned, if that was asked for."""
        if not self.aux:
            return answer
        leaves, structure = taken_apart(self.aux[0])
        return answer, structure.with_leaves(self.given_back(x) if type(x) is Tensor else x for x in leaves)

    def product(self, product: Any) -> Any:
        """A product with a vector: alone, or behind the value."""
        return self.with_aux(product) if self.alone else (self.with_aux(self.value()), product)


def _places(argnums: Any, args: Sequence[Any]) -> list[int]:
    """The places of the arguments to differentiate by. Raises ArgumentError."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return [argnums]
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    for place in places:
        if isinstance(place, bool) or not isinstance(place, int) or place < 0:
            raise ArgumentError(f"argnums is the place of an argument, counted from 0, or several, got {argnums!r}")
        if place >= len(args):
            raise ArgumentError(
                f"the derivative by argument {place} was asked for, got {len(args)} positional "
                f"argument{'s' * (len(args) != 1)}; pass it by place, or set argnums="
            )
    if len({*places}) < len(places) or not places:
        raise ArgumentError(f"argnums names each argument once, got {argnums!r}")
    return places


def _parameters(f: Callable[..., Any]) -> list[str]:
    """The names of f's positional parameters, as far as Python knows them."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (ValueError, TypeError):
        return []
    return [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]


def _has_history(value: Any) -> bool:
    return type(value) is Tensor and value.node is not None


def _tensors_in(values: Sequence[Any]) -> list[Tensor]:
    return [leaf for value in values for leaf in taken_apart(value)[0] if type(leaf) is Tensor]


def _younger(ys: Sequence[Tensor], birth: int) -> list[Any] | None:
    """The nodes that `ys` depend on; None where something is older than `birth`: a leaf or result of other code."""
    pending: list[Any] = [y.node for y in ys if y.node is not None]
    seen = set(pending)
    nodes = []
    for edge in pending:
        if edge.sequence_nr < birth:
            return None
        kind = type(edge)
        if kind is GradAccum:
            continue
        if kind is Output:
            nexts: tuple[Any, ...] = (edge.node,)
        else:
            nodes.append(edge)
            nexts = (
                (edge.x_edge, edge.y_edge) if kind is BinaryNode else (edge.edge,) if kind is UnaryNode else edge.edges
            )
        for each in nexts:
            if each is not None and each not in seen:
                seen.add(each)
                pending.append(each)
    return nodes


def _shapes(tensors: Sequence[Tensor]) -> str:
    return "shape " + " and ".join(str(each.shape) for each in tensors) if tensors else "nothing"
