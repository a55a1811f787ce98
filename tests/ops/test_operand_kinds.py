"""Operands of every kind and shape: refused at the call with an error of the engine's, or right to second order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from grad_engine.testing import check_gradients
from tests.ops.composed_samples import COMPOSED_CASES, SAMPLES, drawn
from tests.samples import cases, is_free, numbers, one_output, operands

pytestmark = [  # of losses whose operands differ in shape, and NumPy's of means of nothing
    pytest.mark.filterwarnings("ignore:.*got shapes.*differ"), pytest.mark.filterwarnings("ignore::RuntimeWarning")
]  # fmt: skip
RULED = {name: op for name, op in OPS.items() if op.differentiable and op.public}


def _element(x: np.ndarray) -> float:
    return float(x.reshape(-1)[0]) if x.size else 0.7


KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": np.array,
    "array without axes": lambda x: np.array(_element(x)),
    "NumPy float": lambda x: np.float64(_element(x)),
    "NumPy single": lambda x: np.float32(_element(x)),
    "NumPy integer": lambda x: np.int64(1),
    "float": _element,
    "int": lambda x: 1,
    "bool": lambda x: True,
}


def _derivatives(f: Callable[..., Any], xs: list[Any], order: int) -> list[list[np.ndarray]]:
    """The values of f and of its derivatives by those that are tensors, each of the one before, up to `order`."""
    outs = f(xs)
    outs = [*outs] if isinstance(outs, tuple) else [outs]
    leaves = [x for x in xs if isinstance(x, ge.Tensor) and x.requires_grad]
    found = [[out.data for out in outs]]
    for _ in range(order):
        free = [out for out in outs if out.requires_grad]
        if not free or not leaves:
            break
        weights = [ge.tensor(np.cos(np.arange(out.size)).reshape(out.shape), dtype=out.dtype) for out in free]
        parts = ge.grad(free, leaves, weights, create_graph=True, allow_unused=True)
        outs = [ge.zeros_like(x) if p is None else p for p, x in zip(parts, leaves, strict=True)]
        found.append([out.data for out in outs])
    return found


def _check(f: Callable[[list[Any]], Any], given: list[Any], slot: int, free: list[int]) -> None:
    """The operand in `slot` as something that is no tensor, against the same number or array as a tensor."""
    for kind, make in KINDS.items():
        value = make(given[slot])
        full = [ge.tensor(x, requires_grad=True) if k in free and k != slot else x for k, x in enumerate(given)]
        full[slot] = value
        exact = [ge.tensor(x.data, requires_grad=True) if isinstance(x, ge.Tensor) else x for x in full]
        exact[slot] = ge.tensor(np.array(value, float))
        with np.errstate(all="ignore"):
            try:
                f(full)
            except ge.GradEngineError:
                continue
            mine, theirs = _derivatives(f, full, 2), _derivatives(f, exact, 2)
        for order, (ones, others) in enumerate(zip(mine, theirs, strict=False)):
            for one, other in zip(ones, others, strict=True):
                # float16 is what NumPy makes of True, float32 what a NumPy number of that dtype is
                if one.dtype == bool:  # the sum of booleans is whether there is one, as in NumPy
                    other = other.astype(bool)
                tolerance = 1e-6 if one.dtype == np.float64 and kind != "NumPy single" else 4e-3
                assert one.shape == other.shape
                np.testing.assert_allclose(
                    one, other, rtol=tolerance, atol=tolerance, err_msg=f"{kind} in place {slot}, order {order}"
                )


@pytest.mark.parametrize("op", RULED.values(), ids=RULED)
def test_an_op_takes_operands_of_every_kind(op: Op) -> None:
    """Each operand in turn as array, NumPy's scalars and Python's numbers: as if it were a tensor, or refused."""
    for each in cases(op):
        given = operands(op, each)
        parts = given[0] if op.variadic else given
        call = DEFINED[op.name]

        def f(xs: list[Any], call: Any = call, static: Any = each.static) -> Any:
            return call(xs, **static) if op.variadic else call(*xs, **static)

        free = [k for k, x in enumerate(parts) if is_free(x) and op.ruled(k)]
        for slot in free:
            _check(f, parts, slot, free)


@pytest.mark.parametrize(("name", "i"), COMPOSED_CASES, ids=[f"{name}-{i}" for name, i in COMPOSED_CASES])
def test_a_function_written_in_ops_takes_operands_of_every_kind(name: str, i: int) -> None:
    f, given = SAMPLES[name][i]
    arrays = drawn(given)
    for slot in range(len(arrays)):
        _check(lambda xs: f(*xs), arrays, slot, [*range(len(arrays))])


SHAPES: list[tuple[int, ...]] = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (1, 1, 3), (0, 3)]
SEVERAL = {name: op for name, op in RULED.items() if len(op.inputs) > 1}


def _right_or_refused(f: Callable[..., Any], xs: list[np.ndarray], said: str) -> None:
    """Refused by the call; NaN or infinite; or agreeing with central differences in both orders."""
    with np.errstate(all="ignore"):
        try:
            out = f(*map(ge.tensor, xs))
        except ge.GradEngineError:
            return
        outs = out if isinstance(out, tuple | list) else (out,)
        if not all(np.isfinite(part.data).all() for part in outs):
            return
        try:
            check_gradients(one_output(lambda *ys: tuple(o) if isinstance(o := f(*ys), list) else o), xs, 2, rtol=1e-5)
        except ge.SingularError:  # a matrix without the derivative that was asked for, which its value does not tell
            return
        except Exception as error:
            error.add_note(said)
            raise


@pytest.mark.parametrize("op", SEVERAL.values(), ids=SEVERAL)
def test_an_op_takes_every_pair_of_shapes_or_refuses_it(op: Op) -> None:
    """Every two shapes that may broadcast, for every two operands: right to second order, or refused by the call."""
    each = cases(op)[0]
    given = operands(op, each)
    free = [k for k, x in enumerate(given) if is_free(x) and op.ruled(k)]
    for one, other in itertools.combinations(free, 2):
        for pair in itertools.product(SHAPES, repeat=2):
            rng = np.random.default_rng(3)
            full = list(given)
            for slot, shape in zip((one, other), pair, strict=True):
                full[slot] = numbers(op, shape, rng)

            def f(*xs: Any, full: Any = full) -> Any:
                filled = list(full)
                for slot, x in zip(free, xs, strict=True):
                    filled[slot] = x
                return DEFINED[op.name](*filled, **each.static)

            _right_or_refused(f, [full[slot] for slot in free], f"shapes {pair} in places {one} and {other}")


AXES = [None, 0, 1, -1, -2, 2, (), (0,), (0, -1), (1, 0), (0, 0), [0], np.int64(0)]
VALUES: dict[str, list[Any]] = {
    "axis": AXES, "axes": AXES, "repeats": [0, 1, 2, (2,), [1, 2, 0]], "reps": [0, 1, (), (2,), (0, 2)],
    "shape": [(), (1,), -1, (3,), (1, 3), (3, 1), (2, 3), (0,)], "shift": [0, 1, -4, (1,), (1, 1)], "k": [0, -1, 5],
    "offset": [0, 1, -5], "pad_width": [0, 1, (1, 0), ((1, 2),), ((0, 0), (1, 1))], "ddof": [0, 1], "ord": [2, 0, 1, 3],
    "axis1": [0, 1, -1], "axis2": [0, 1, -1], "window_shape": [1, 2, (1, 1)], "decimals": [0, -1],
    "index": [0, -1, (), None, Ellipsis, [0], np.array([0, 0]), slice(None, None, -1), slice(0, 0), True, False],
}  # fmt: skip
SETTLED = {
    name: op for name, op in RULED.items()
    if len(op.inputs) == 1 and not op.variadic and not VALUES.keys().isdisjoint(op.static)
}  # fmt: skip


@pytest.mark.parametrize("op", SETTLED.values(), ids=SETTLED)
def test_an_op_of_one_operand_takes_every_shape_or_refuses_it(op: Op) -> None:
    """Axes, shapes and the like of each kind, on tensors of no, one, two and three axes: right, or refused."""
    base = dict(cases(op)[0].static)
    for name in VALUES.keys() & op.static.keys():
        for value in VALUES[name]:
            for axis in [None, 0, -1] if name != "axis" and "axis" in op.static else [...]:
                static = base | {name: value} | ({} if axis is ... else {"axis": axis})
                for shape in [(), (1,), (3,), (2, 3), (2, 1, 3), (0,)]:
                    x = numbers(op, shape, np.random.default_rng(0))
                    _right_or_refused(lambda x, s=static: DEFINED[op.name](x, **s), [x], f"{static} of shape {shape}")
