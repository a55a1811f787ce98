"""Derivatives of functions, on top of grad(): products with vectors, whole matrices, second derivatives.

Each takes a function `f` and its inputs: one tensor, or a tuple or list of them, as `f` takes them; arrays and numbers
do too. What comes back has the same structure: a tensor for one input, a tuple for several. An input that `f` does not
depend on has derivative 0. With `create_graph=True` all that comes back can be differentiated again, also by what the
inputs were computed from; without it nothing can. No `.grad` is ever written.

Cost is counted in passes: one forward pass of `f`, or one backward pass, which takes about as long as two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.chain_rule import grad
from grad_engine.core.grad_mode import enable_grad
from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import ArgumentError, GraphError, NotDifferentiableError, ShapeError
from grad_engine.ops.arithmetic import positive
from grad_engine.ops.joining import stack
from grad_engine.ops.reduction import sum as sum_of
from grad_engine.ops.shape import reshape

COLUMNS_PAY = 2  # a column of a jacobian costs up to so many rows: it is a backward pass through a backward pass


def value_and_grad(f: Callable[..., Any], inputs: Any, *, create_graph: bool = False) -> tuple[Tensor, Any]:
    """(f(inputs), gradient by each input) of an `f` that returns one number. One forward and one backward pass."""
    xs, ys, shape = _run(f, inputs, create_graph)
    if len(ys) != 1 or ys[0].size != 1:
        raise GraphError(
            f"value_and_grad() needs a function that returns one number, got {_shapes(ys)}; sum it up, or use vjp()"
        )
    shares = _pulled(ys, xs, [None], create_graph, keep=create_graph)
    return _value(ys, shape, create_graph), _like(inputs, shares)


def vjp(f: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False) -> tuple[Any, Any]:
    """(f(inputs), v times the Jacobian): a share for each input. One forward and one backward pass.

    v: a weight for each output element, in the structure of the outputs; 1 where `f` returns one number.
    """
    xs, ys, shape = _run(f, inputs, create_graph)
    weights = [None] * len(ys) if v is None else _matching(v, ys, "v of vjp()", "output")
    return _value(ys, shape, create_graph), _like(inputs, _pulled(ys, xs, weights, create_graph, keep=create_graph))


def jvp(f: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False) -> tuple[Any, Any]:
    """(f(inputs), the Jacobian times v): how the outputs move when the inputs move along v, in the outputs' structure.

    v: a direction for each input, in the structure of the inputs; 1 for a single number.

    One forward pass, one backward pass, and one of about twice that: the vector-Jacobian product is linear in its
    vector, and its derivative by that vector, weighted by v, is the Jacobian-vector product (Townsend 2017).
    """
    xs, ys, shape = _run(f, inputs, create_graph)
    if v is None and (len(xs) != 1 or xs[0].size != 1):
        raise GraphError(f"jvp() without v needs a single number as input, got {_shapes(xs)}; pass a direction")
    along = [None] if v is None else _matching(v, xs, "v of jvp()", "input")
    weights = [wrap(np.zeros(y.shape, y.dtype), GradAccum()) for y in ys]
    shares = _pulled(ys, xs, weights, True)
    moved = _pulled(shares, weights, along, create_graph, keep=create_graph)
    return _value(ys, shape, create_graph), _like(shape, moved)


def jacobian(
    f: Callable[..., Any],
    inputs: Any,
    *,
    create_graph: bool = False,
    batched: bool = False,
    by: Literal["rows", "columns"] | None = None,
) -> Any:
    """The derivative of each output element by each input element, of shape (*output's shape, *input's shape).

    For several inputs a tuple with one for each; for several outputs a tuple of such.

    batched: row i of the outputs depends on row i of the inputs alone, as where the first axis counts samples. Then the
        shape is (batch, *rest of the output, *rest of the input), and all rows are found in one pass; one more pass
        makes sure of it, and GraphError says so where rows mix.
    by: "rows" takes one backward pass for each output element (with `batched`, for each element of a row); "columns"
        one of twice the cost for each input element, and needs second derivatives. None chooses the cheaper.
    """
    if by not in (None, "rows", "columns") or (batched and by == "columns"):
        raise ArgumentError(f'by is "rows", or "columns" where not batched, or None, got {by!r}')
    xs, ys, shape = _run(f, inputs, create_graph)
    if batched:
        blocks = [_batch_of_rows(y, xs, create_graph) for y in ys]
    elif by == "columns" or (by is None and COLUMNS_PAY * _count(xs) < _count(ys)):
        blocks = _columns(ys, xs, create_graph)
    else:
        blocks = [_rows(y, xs, create_graph) for y in ys]
    return _like(shape, [_like(inputs, block) for block in blocks])


def hessian(f: Callable[..., Any], inputs: Any, *, create_graph: bool = False, batched: bool = False) -> Any:
    """The second derivatives of an `f` that returns one number, of shape (*input's shape, *input's shape).

    For several inputs a tuple of tuples: entry [i][j] is by input i, then by input j.

    batched: `f` returns one number for each row of the inputs, from that row alone; the shape is (batch, *rest, *rest).

    One forward pass, one backward pass, and one of about twice that for each input element (with `batched`, for each
    element of a row). For products with a vector `hvp` takes one instead.
    """
    xs, ys, _ = _run(f, inputs, create_graph)
    one = len(ys) == 1 and (ys[0].ndim == 1 if batched else ys[0].size == 1)
    if not one:
        wanted = "one number for each row" if batched else "one number"
        raise GraphError(f"hessian() needs a function that returns {wanted}, got {_shapes(ys)}; use jacobian(), or sum")
    slopes = _pulled([sum_of(ys[0])], xs, [None], True)
    if batched:
        _check_batch(ys[0], xs)
        _check_rows_apart(ys[0], xs, [slopes])
    return _like(
        inputs,
        [
            _like(inputs, _batch_of_rows(each, xs, create_graph) if batched else _rows(each, xs, create_graph))
            for each in slopes
        ],
    )


def hvp(f: Callable[..., Any], inputs: Any, v: Any = None, *, create_graph: bool = False) -> tuple[Tensor, Any]:
    """(f(inputs), the Hessian times v) of an `f` that returns one number, without making the Hessian.

    v: a direction for each input, in the structure of the inputs; 1 for a single number.

    One forward pass, one backward pass, and one of about twice that: the gradient of the gradient along v.
    """
    xs, ys, shape = _run(f, inputs, create_graph)
    if len(ys) != 1 or ys[0].size != 1:
        raise GraphError(f"hvp() needs a function that returns one number, got {_shapes(ys)}; sum it up first")
    if v is None and (len(xs) != 1 or xs[0].size != 1):
        raise GraphError(f"hvp() without v needs a single number as input, got {_shapes(xs)}; pass a direction")
    along = [None] if v is None else _matching(v, xs, "v of hvp()", "input")
    slopes = _pulled(ys, xs, [None], True)
    curved = _pulled(slopes, xs, along, create_graph, keep=create_graph)
    return _value(ys, shape, create_graph), _like(inputs, curved)


# --- entering and leaving -------------------------------------------------------------------------------------------


def _run(f: Callable[..., Any], inputs: Any, create_graph: bool) -> tuple[list[Tensor], list[Tensor], Any]:
    """(inputs of our own, outputs of f on them, what f returned), recorded.

    Inputs of our own, so that what `f` reads by another way, such as a weight it closes over, is not counted as input.
    """
    given = [as_tensor(x) for x in (inputs if isinstance(inputs, tuple | list) else [inputs])]
    xs = []
    with enable_grad():
        for position, x in enumerate(given):
            if x.dtype.kind != "f":
                raise NotDifferentiableError(
                    f"input {position} holds {x.dtype}, which has no derivative; pass floating-point numbers"
                )
            own = create_graph and x.node is not None
            xs.append(positive(x) if own else wrap(x.array, GradAccum()))
        result = f(*xs)
    ys = list(result) if isinstance(result, tuple | list) else [result]
    for y in ys:
        if type(y) is not Tensor:
            raise ArgumentError(
                f"the function must return a tensor or a tuple of tensors, got {type(y).__name__}; leave out item(), "
                "float() and numpy()"
            )
        if y.dtype.kind != "f":
            raise NotDifferentiableError(f"the function returned {y.dtype}, which has no derivative")
    return xs, ys, result


def _pulled(
    ys: Sequence[Tensor], xs: Sequence[Tensor], weights: Sequence[Any], create_graph: bool, keep: bool = True
) -> list[Tensor]:
    """The weighted sum of all `ys`, differentiated by each of `xs`; zeros for what nothing depends on."""
    live = [(y, weight) for y, weight in zip(ys, weights, strict=True) if y.node is not None]
    shares: Sequence[Tensor | None] = [None] * len(xs)
    if live:
        roots, given = zip(*live, strict=True)
        shares = grad(roots, list(xs), given, retain_graph=keep, create_graph=create_graph, allow_unused=True)
    return [wrap(np.zeros(x.shape, x.dtype), None) if s is None else s for x, s in zip(xs, shares, strict=True)]


def _matching(v: Any, to: Sequence[Tensor], what: str, kind: str) -> list[Any]:
    """`v` as one tensor for each of `to`. Raises ArgumentError or ShapeError."""
    parts = list(v) if isinstance(v, tuple | list) else [v]
    if len(parts) != len(to):
        raise ArgumentError(f"{what} has {len(parts)} parts for {len(to)} {kind}s; pass one for each")
    made = []
    for position, (part, x) in enumerate(zip(parts, to, strict=True)):
        tensor = as_tensor(part)
        if tensor.shape != x.shape:
            raise ShapeError(
                f"part {position} of {what} has shape {tensor.shape}, its {kind} {x.shape}; make them equal"
            )
        made.append(tensor if tensor.dtype == x.dtype else tensor.astype(x.dtype))
    return made


def _like(structure: Any, parts: Sequence[Any]) -> Any:
    """The parts as a tuple where `structure` is one, else the only part."""
    return tuple(parts) if isinstance(structure, tuple | list) else parts[0]


def _value(ys: Sequence[Tensor], structure: Any, create_graph: bool) -> Any:
    return _like(structure, list(ys) if create_graph else [y.detach() for y in ys])


def _count(tensors: Sequence[Tensor]) -> int:
    return sum(each.size for each in tensors)


def _shapes(tensors: Sequence[Tensor]) -> str:
    return "shape " + " and ".join(str(each.shape) for each in tensors) if tensors else "nothing"


# --- whole matrices -------------------------------------------------------------------------------------------------


def _rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivative of one output by each input, one element of the output at a time."""
    seed = np.zeros(y.shape, y.dtype)
    flat = seed.reshape(-1)
    rows = []
    for i in range(y.size):
        flat[i] = 1
        rows.append(_pulled([y], xs, [seed.copy() if create_graph else seed], create_graph))
        flat[i] = 0
    return [_joined([row[k] for row in rows], (*y.shape, *x.shape), x, create_graph) for k, x in enumerate(xs)]


def _columns(ys: Sequence[Tensor], xs: Sequence[Tensor], create_graph: bool) -> list[list[Tensor]]:
    """The derivative of each output by each input, one element of the inputs at a time."""
    weights = [wrap(np.zeros(y.shape, y.dtype), GradAccum()) for y in ys]
    shares = _pulled(ys, xs, weights, True)
    found: list[list[Tensor]] = [[] for _ in ys]
    for share, x in zip(shares, xs, strict=True):
        seed = np.zeros(x.shape, x.dtype)
        flat = seed.reshape(-1)
        columns = []
        for i in range(x.size):
            flat[i] = 1
            columns.append(_pulled([share], weights, [seed.copy() if create_graph else seed], create_graph))
            flat[i] = 0
        for k, y in enumerate(ys):
            joined = _joined([column[k] for column in columns], (*x.shape, *y.shape), x, create_graph)
            order = (*range(x.ndim, x.ndim + y.ndim), *range(x.ndim))
            found[k].append(joined.transpose(order) if create_graph else wrap(joined.array.transpose(order), None))
    return found


def _batch_of_rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivative of each row of one output by the same row of each input, all rows at once."""
    batch = _check_batch(y, xs)
    width = int(np.prod(y.shape[1:]))
    passes = []
    for i in range(width):
        seed = np.zeros((*batch, width), y.dtype)
        seed[:, i] = 1
        passes.append(_pulled([y], xs, [seed.reshape(y.shape)], create_graph))
    _check_rows_apart(y, xs, passes)
    found = []
    for k, x in enumerate(xs):
        joined = _joined([each[k] for each in passes], (width, *x.shape), x, create_graph)
        order = (1, 0, *range(2, x.ndim + 1))
        turned = joined.transpose(order) if create_graph else wrap(joined.array.transpose(order), None)
        shape = (*y.shape, *x.shape[1:])
        found.append(reshape(turned, shape) if create_graph else wrap(turned.array.reshape(shape), None))
    return found


def _check_batch(y: Tensor, xs: Sequence[Tensor]) -> tuple[int, ...]:
    batch = y.shape[:1]
    if not batch or any(x.shape[:1] != batch for x in xs):
        raise ShapeError(
            f"batched needs one first axis in inputs and outputs, got {_shapes([*xs, y])}; leave batched out"
        )
    return batch


def _check_rows_apart(y: Tensor, xs: Sequence[Tensor], passes: Sequence[Sequence[Tensor]]) -> None:
    """Raise GraphError when a row of `y` depends on another row of `xs`: then weights of the rows do not factor out."""
    rng = np.random.default_rng(0)
    by_row, by_column = rng.uniform(0.5, 2.0, len(y.array)), rng.uniform(0.5, 2.0, len(passes))
    weight = np.multiply.outer(by_row, by_column).astype(y.dtype).reshape(y.shape)
    for k, (x, got) in enumerate(zip(xs, _pulled([y], xs, [weight], False), strict=True)):
        expected = np.zeros(x.shape)
        for scale, each in zip(by_column, passes, strict=True):
            expected += scale * each[k].array
        expected *= by_row.reshape(-1, *(1,) * (x.ndim - 1))
        near = float(np.finfo(x.dtype).eps) ** 0.5
        bound = near * float(np.abs(expected, where=np.isfinite(expected), out=np.zeros(x.shape)).max(initial=0.0))
        if not np.allclose(got.array, expected, rtol=near, atol=bound, equal_nan=True):
            raise GraphError(
                f"a row of the output depends on other rows of input {k}, so the rows cannot be taken together; "
                "leave batched out"
            )


def _joined(parts: Sequence[Tensor], shape: tuple[int, ...], x: Tensor, create_graph: bool) -> Tensor:
    """Equal parts, one under the other, in the given shape; of no parts, an empty tensor."""
    if not parts:
        return wrap(np.zeros(shape, x.dtype), None)
    if create_graph:
        return reshape(stack(parts), shape)
    return wrap(np.stack([part.array for part in parts]).reshape(shape), None)
