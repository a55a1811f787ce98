"""Whole matrices of derivatives, as functional.py asks for them: row by row, column by column, or a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import fitted, ones_row
from grad_engine.core.chain_rule import by_sequence_nr, newest_first
from grad_engine.core.checks import check_values
from grad_engine.core.grad import grad
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.node import BinaryNode, Edge, GradAccum, Node, UnaryNode
from grad_engine.core.stand_ins import TRACING, EagerOnlyError, asks
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.errors import GraphError, ShapeError
from grad_engine.ops.joining import stack
from grad_engine.ops.shape import reshape, transpose

ONE_PASS_PAYS = 4  # so many rows cost as much as to try whether one pass does
SMALL = 64  # a node of so many elements at most is taken element by element
MOST_REPAIRED = 4096  # elements of an output whose column is NaN, that are asked for by rows
_ONE = np.ones(())
_ONE.flags.writeable = False
COLUMNS_PAY = 2  # a column of a jacobian costs up to so many rows: it is a backward pass through a backward pass


def pulled(
    ys: Sequence[Tensor], xs: Sequence[Tensor], weights: Sequence[Any], create_graph: bool, keep: bool = True
) -> list[Tensor]:
    """The weighted sum of all `ys`, differentiated by each of `xs`; zeros for what nothing depends on."""
    live = [(y, weight) for y, weight in zip(ys, weights, strict=True) if y.node is not None]
    shares: Sequence[Tensor | None] = [None] * len(xs)
    if live:
        roots, given = zip(*live, strict=True)
        shares = grad(roots, list(xs), given, retain_graph=keep, create_graph=create_graph, allow_unused=True)
    return [wrap(np.zeros(x.shape, x.dtype), None) if s is None else s for x, s in zip(xs, shares, strict=True)]


def blocks(
    ys: Sequence[Tensor],
    xs: Sequence[Tensor],
    create_graph: bool,
    batched: bool | str,
    by: str | None,
    nodes: list[Any] | None = None,
) -> list[list[Tensor]]:
    """For each output, its derivative by each input. nodes: those that the outputs depend on, if they are known."""
    if batched == "last":
        return [_last_axis(y, xs, create_graph) for y in ys]
    if batched:
        return [_batch_of_rows(y, xs, create_graph) for y in ys]
    if by is None and not create_graph and len(ys) == 1 and ys[0].size > ONE_PASS_PAYS:
        found = _in_one_pass(ys[0], xs, nodes)
        if found is not None:
            return [found]
    in_loops = TRACING.trace is not None and TRACING.trace.has_loops  # which rows leave whole, and columns take apart
    if by == "columns" or (by is None and COLUMNS_PAY * _count(xs) < _count(ys) and not in_loops):
        return _columns(ys, xs, create_graph)
    return [_rows(y, xs, create_graph) for y in ys]


@asks("are all slopes finite?")
def _in_one_pass(y: Tensor, xs: Sequence[Tensor], nodes: list[Any] | None = None) -> list[Tensor] | None:
    """The derivative of `y` by each input where elements of y are computed apart from one another; None where not.

    As in a model at many points, y = p[0] · exp(-p[1] · t) + p[2]. What small nodes (p[0], -p[1]) owe to the inputs is
    found first, oldest node first: a few numbers each. Then one backward pass from ones gives each node of y's shape
    the slope of y by it, element by element, as long as the ops are elementwise. What such a node sends to a single
    number is not summed up: it is a line of the Jacobian by that number, and the lines times what the numbers owe to
    the inputs are the Jacobian.
    """
    root = y.node
    if not isinstance(root, Node) or current_mode().watch is not None:
        return None
    ordered: list[Any] = newest_first((root,)) if nodes is None else sorted(nodes, key=by_sequence_nr, reverse=True)
    check_values(ordered)
    shape, size = y.shape, y.size
    places: dict[Any, int] = {}  # leaf -> where its elements begin in one vector of all inputs
    total = 0
    for x in xs:
        if type(x.node) is not GradAccum:
            return None
        places[x.node] = total
        total += x.size
    owed: dict[Any, Any] = {}  # small node -> its slopes by all inputs: of one element {place: slope}, else a matrix
    useful: set[Edge] = set(places)
    large = []
    for node in reversed(ordered):
        op, out, kind = node.op, node.out, type(node)
        if node.extra is not None or op.multi_output:
            return None
        if kind is UnaryNode:
            edge = node.edge
            if edge not in useful:
                continue
            before: Any = (edge,)
        else:
            before = (node.x_edge, node.y_edge) if kind is BinaryNode else node.edges
            if useful.isdisjoint(before):
                continue
        useful.add(node)
        if op.elementwise and out.shape == shape:
            large.append(node)
            continue
        if kind is UnaryNode and out.size == 1 and (fixed := _fixed_slopes(node)) is not None:
            if edge in places:
                start = places[edge]
                owed[node] = {start + place: slope for place, slope in fixed}
                continue
            if edge in owed and node.x.size == 1:
                ((_, factor),) = fixed or ((0, 0.0),)
                owed[node] = {place: factor * slope for place, slope in owed[edge].items()}
                continue
        for edge in before:
            if edge not in owed and edge in useful and edge not in places:
                return None  # it mixes the elements of a node of y's shape
        if out.size == 1:
            owed[node] = _owed_by_one(node, useful, owed, places)
        elif out.size > SMALL:
            return None
        else:
            owed[node] = _owed(node, useful, owed, places, total)
    ones = ones_row(size, root.out.dtype)
    # slopes of y by elements of the same place
    alike: dict[Any, Any] = {root: ones if len(shape) == 1 else ones.reshape(shape)}
    lines: dict[Any, Any] = {}  # slopes of y by a single number: a vector of y.size
    for node in reversed(large):
        if (g := alike.pop(node, None)) is None:
            continue
        for _, edge, share, array in node.shares(g, useful):
            if share.shape != shape:
                share = np.broadcast_to(share, shape)
            if share.dtype is not array.dtype:
                share = share.astype(array.dtype, copy=False)
            if array.shape == shape:
                alike[edge] = alike[edge] + share if edge in alike else share
            elif array.size == 1:
                line = share if share.ndim == 1 else share.reshape(-1)
                lines[edge] = lines[edge] + line if edge in lines else line
            else:
                return None
    for edge in alike:
        if edge not in places:  # a small node of y's shape, whose elements are mixed
            return None
    block = _times_owed(lines, owed, places, total, size, y.dtype)
    flat = block.reshape(-1)
    if not math.isfinite(flat.dot(flat)) and not np.isfinite(block).all():
        return None  # an infinite slope met a 0, which only rows answer as backward does
    found = []
    for x in xs:
        own, start = x.array, places[x.node]
        part = block[start : start + own.size] if len(xs) > 1 else block
        if alike and (apart := alike.get(x.node)) is not None:
            part[np.arange(size), np.arange(size)] += apart.reshape(-1)
            if not np.isfinite(apart).all():
                return None
        if own.ndim == 1 == len(shape):
            part = part.T
        else:
            axes = range(own.ndim + len(shape))
            part = part.reshape(*own.shape, *shape).transpose(*axes[own.ndim :], *axes[: own.ndim])
        found.append(wrap(part if part.dtype is own.dtype else part.astype(own.dtype, copy=False), None))
    return found


def _owed(node: Node, useful: set[Edge], owed: dict[Any, Any], places: dict[Any, int], total: int) -> np.ndarray:
    """The slopes of a small node by all inputs, by its rule and the slopes of its operands: (its size, total)."""
    rows = np.zeros((node.out.size, total), node.out.dtype)
    for i, row in enumerate(rows):
        unit = np.zeros(node.out.shape, node.out.dtype)
        unit.reshape(-1)[i] = 1
        for _, edge, raw, array in node.shares(unit, useful):
            share = (raw if raw.shape == array.shape else fitted(raw, array)).reshape(-1)
            if edge in places:
                row[places[edge] : places[edge] + share.size] += share
            elif array.size == 1:
                for place, slope in owed[edge].items():
                    row[place] += share[0] * slope
            else:
                row += share @ owed[edge]
    return rows


def _owed_by_one(node: Node, useful: set[Edge], owed: dict[Any, Any], places: dict[Any, int]) -> dict[int, float]:
    """The slopes of a node of one element by the inputs that it depends on: place -> slope."""
    out = node.out
    unit = _ONE if out.dtype == _ONE.dtype and not out.ndim else np.ones(out.shape, out.dtype)
    found: dict[int, float] = {}
    for _, edge, raw, array in node.shares(unit, useful):
        share = raw if raw.shape == array.shape else fitted(raw, array)
        if edge in places:
            start = places[edge]
            pairs: Any = enumerate(_listed(share.reshape(-1)), start)
        elif array.size == 1:
            (factor,) = _listed(share.reshape(-1))
            pairs = [(place, factor * slope) for place, slope in owed[edge].items()]
        else:
            pairs = enumerate(_listed((share.reshape(1, -1) @ owed[edge])[0]))
        for place, slope in pairs:
            if type(slope) is not float or slope:  # while a function is traced, most numbers are known later
                found[place] = found[place] + slope if place in found else slope
    return found


def _listed(row: Any) -> list[Any]:
    """The elements of a vector, also while a function is traced."""
    return row.tolist() if type(row) is np.ndarray else [row[place] for place in range(row.size)]


_FIXED: dict[Any, Any] = {}  # (op, static arguments, shapes) -> slopes that are the same for all operands, or None


def _fixed_slopes(node: UnaryNode) -> tuple[tuple[int, float], ...] | None:
    """The slopes, other than 0, of one element by its operand where the rule reads no values, as of x[0] and -x."""
    key = node.op, node.rest, node.x.shape, node.out.shape
    try:
        found: tuple[tuple[int, float], ...] | None = _FIXED[key]
        return found
    except KeyError:
        pass
    except TypeError:  # an array among the static arguments
        return None
    if len(_FIXED) > 1000:
        _FIXED.clear()
    tree = node.op.rule_trees(node.out, (node.x,), node.rest, (True,))[0]
    slopes = None
    if node.op.reads(tree) <= {"g"}:
        share = node.shares(np.ones(node.out.shape, node.out.dtype), None)[0][2]
        slopes = tuple((i, slope) for i, slope in enumerate(fitted(share, node.x).reshape(-1).tolist()) if slope)
    _FIXED[key] = slopes
    return slopes


def _times_owed(
    lines: dict[Any, Any], owed: dict[Any, Any], places: dict[Any, int], total: int, size: int, dtype: Any
) -> np.ndarray:
    """The sum over single numbers of (what each owes to the inputs) ⊗ (the line of y's slopes by it)."""
    block = np.empty((total, size), dtype)
    written = set()
    terms = 0
    for edge, line in lines.items():
        if (slopes := owed.get(edge)) is None:
            slopes = {places[edge]: 1.0}
        terms += len(slopes)
        if terms > 2 * total:
            return _product(lines, owed, places, total, dtype)
        for place, slope in slopes.items():
            if place in written:
                row = block[place]
                row += line if type(slope) is float and slope == 1 else slope * line
            elif type(slope) is float and slope == 1:
                block[place] = line
            else:
                np.multiply(line, slope, block[place])
            written.add(place)
    if len(written) < total:
        block[[place for place in range(total) if place not in written]] = 0
    return block


def _product(lines: dict[Any, Any], owed: dict[Any, Any], places: dict[Any, int], total: int, dtype: Any) -> np.ndarray:
    """The same as one product of matrices."""
    rows = np.zeros((len(lines), total), dtype)
    for row, edge in zip(rows, lines, strict=True):
        slopes = owed[edge] if edge in owed else {places[edge]: 1.0}
        for place, slope in slopes.items():
            row[place] = slope
    return rows.T @ np.array([*lines.values()])


def _count(tensors: Sequence[Tensor]) -> int:
    return sum(each.size for each in tensors)


def _rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivative of one output by each input, one element of the output at a time."""
    seed = np.zeros(y.shape, y.dtype)
    flat = seed.reshape(-1)
    rows = []
    for i in range(y.size):
        flat[i] = 1
        rows.append(pulled([y], xs, [seed.copy() if create_graph else seed], create_graph))
        flat[i] = 0
    return [_joined([row[k] for row in rows], (*y.shape, *x.shape), x, create_graph) for k, x in enumerate(xs)]


def _columns(ys: Sequence[Tensor], xs: Sequence[Tensor], create_graph: bool) -> list[list[Tensor]]:
    """The derivative of each output by each input, one element of the inputs at a time."""
    weights = [wrap(np.zeros(y.shape, y.dtype), GradAccum()) for y in ys]
    shares = pulled(ys, xs, weights, True)
    found: list[list[Tensor]] = [[] for _ in ys]
    for share, x in zip(shares, xs, strict=True):
        seed = np.zeros(x.shape, x.dtype)
        flat = seed.reshape(-1)
        columns = []
        for i in range(x.size):
            flat[i] = 1
            columns.append(pulled([share], weights, [seed.copy() if create_graph else seed], create_graph))
            flat[i] = 0
        for k, y in enumerate(ys):
            joined = _joined([column[k] for column in columns], (*x.shape, *y.shape), x, create_graph)
            found[k].append(_turned(joined, (*range(x.ndim, x.ndim + y.ndim), *range(x.ndim)), create_graph))
    if not create_graph:
        for y, row in zip(ys, found, strict=True):
            _repair(y, xs, [block.array for block in row], lambda shares: [share.array for share in shares])
    return found


def repair_products(ys: Sequence[Tensor], xs: Sequence[Tensor], along: Sequence[Any], moved: Sequence[Tensor]) -> None:
    """Put what rows say in the place of every NaN in `moved`, the Jacobian of `ys` by `xs` times `along`."""

    def product(shares: Sequence[Tensor]) -> list[np.ndarray]:
        pairs = [
            (share.array, np.ones(share.shape) if v is None else v.array)
            for share, v in zip(shares, along, strict=True)
        ]
        parts = [np.where(v == 0, 0.0, share) * v for share, v in pairs]
        return [np.asarray(sum(part.sum() for part in parts))]

    for y, out in zip(ys, moved, strict=True):
        _repair(y, xs, [out.array], product)


@asks("is a slope NaN?")
def _repair(
    y: Tensor,
    xs: Sequence[Tensor],
    blocks: Sequence[np.ndarray],
    of_row: Callable[[Sequence[Tensor]], list[np.ndarray]],
) -> None:
    """Write into blocks of shape (*y's, ...), where they are NaN for an element of y, what its row of slopes gives.

    A column is a pass through a pass, in which an infinite slope of one input meets the 0 of another's direction.
    """
    if not any(np.isnan(block).any() for block in blocks):
        return
    if TRACING.trace is not None:
        raise EagerOnlyError(
            f"slopes of a result of shape {y.shape} are NaN for these arguments, and a program cannot ask for the rows "
            "of those alone; lower() it for arguments where they are numbers"
        )
    flat = [block.reshape(y.size, -1) if y.size else block.reshape(0, 1) for block in blocks]
    wrong = np.flatnonzero(np.logical_or.reduce([np.isnan(each).any(axis=1) for each in flat]))
    for i in wrong[:MOST_REPAIRED].tolist():
        seed = np.zeros(y.shape, y.dtype)
        seed.reshape(-1)[i] = 1
        shares = pulled([y], xs, [seed], False)
        place = np.unravel_index(i, y.shape)
        for block, part in zip(blocks, of_row(shares), strict=True):
            block[place] = part


def _batch_of_rows(y: Tensor, xs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivative of each row of one output by the same row of each input, all rows at once."""
    if not y.ndim or any(x.shape[:1] != y.shape[:1] for x in xs):
        raise _no_batch(y, xs, "first")
    batch, width = y.shape[0], int(np.prod(y.shape[1:]))
    passes = []
    for i in range(width):
        seed = np.zeros((batch, width), y.dtype)
        seed[:, i] = 1
        passes.append(pulled([y], xs, [seed.reshape(y.shape)], create_graph))
    check_rows_apart(y, xs, passes)
    found = []
    for k, x in enumerate(xs):
        joined = _joined([each[k] for each in passes], (width, *x.shape), x, create_graph)
        turned = _turned(joined, (1, 0, *range(2, x.ndim + 1)), create_graph)
        shape = (*y.shape, *x.shape[1:])
        found.append(reshape(turned, shape) if create_graph else wrap(turned.array.reshape(shape), None))
    return found


def _last_axis(y: Tensor, xs: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
    """The derivative of each sample of one output, samples along the last axis, by the same sample of each input.

    An input of at most one axis belongs to all samples; its derivative keeps the axis of the samples last too.
    """
    own = [x for x in xs if x.ndim > 1]
    if not y.ndim or any(x.shape[-1] != y.shape[-1] for x in own):
        raise _no_batch(y, own, "last")
    batch, width = y.shape[-1], int(np.prod(y.shape[:-1]))
    passes = []
    for i in range(width if own else 0):
        seed = np.zeros((width, batch), y.dtype)
        seed[i] = 1
        passes.append(pulled([y], own, [seed.reshape(y.shape)], create_graph))
    if own:
        check_rows_apart(y, own, passes, last=True)
    found, place = [], 0
    for x in xs:
        if x.ndim > 1:
            shape = (*y.shape[:-1], *x.shape)
            found.append(_joined([each[place] for each in passes], shape, x, create_graph))
            place += 1
        else:
            (block,) = blocks([y], [x], create_graph, False, None)[0]
            order = (*range(y.ndim - 1), *range(y.ndim, y.ndim + x.ndim), y.ndim - 1)
            found.append(_turned(block, order, create_graph))
    return found


def _no_batch(y: Tensor, xs: Sequence[Tensor], which: str) -> ShapeError:
    shapes = " and ".join(str(each.shape) for each in (*xs, y))
    return ShapeError(f"batched needs one {which} axis in inputs and outputs, got shape {shapes}; leave batched out")


def check_rows_apart(y: Tensor, xs: Sequence[Tensor], passes: Sequence[Sequence[Tensor]], last: bool = False) -> None:
    """Raise GraphError when a row of `y` depends on another row of `xs`: then weights of the rows do not factor out.

    passes: for each element of a row, the derivatives by `xs` of that element of all rows. last: rows lie along the
    last axis.
    """
    rng = np.random.default_rng(0)
    batch = y.shape[-1 if last else 0]
    by_row, by_column = rng.uniform(0.5, 2.0, batch), rng.uniform(0.5, 2.0, len(passes))
    table = np.multiply.outer(by_column, by_row) if last else np.multiply.outer(by_row, by_column)
    weight = table.astype(y.dtype).reshape(y.shape)
    for k, (x, got) in enumerate(zip(xs, pulled([y], xs, [weight], False), strict=True)):
        expected = np.zeros(x.shape)
        for scale, each in zip(by_column, passes, strict=True):
            expected += scale * each[k].array
        expected *= by_row if last else by_row.reshape(-1, *(1,) * (x.ndim - 1))
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


def _turned(tensor: Tensor, order: tuple[int, ...], create_graph: bool) -> Tensor:
    return transpose(tensor, order) if create_graph else wrap(tensor.array.transpose(order), None)
