"""Float functions of whole numbers compute in the float dtype that NumPy promotes them to; nothing wraps around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from grad_engine.errors import GraphError, NotDifferentiableError
from tests.ops.composed_samples import COMPOSED_CASES, SAMPLES, drawn
from tests.samples import as_function, cases, is_free, operands

DTYPES = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64]
OP_CASES = [(op, i) for op in OPS.values() for i in range(len(cases(op)))]


def whole(x: np.ndarray, dtype: Any, large: bool) -> np.ndarray:
    """Whole numbers of that dtype in the order of x: from 1 up, or up to the largest there is; of both signs."""
    ranks = np.argsort(np.argsort(x, axis=None)).reshape(x.shape) + 1
    if dtype is np.bool_:
        return ranks % 2 == 0
    if large:
        ranks = np.iinfo(dtype).max // max(ranks.size, 1) * ranks if np.iinfo(dtype).bits < 32 else 1000 * ranks
    signs = np.where(x < 0, -1, 1) if np.iinfo(dtype).min else 1
    return (ranks * signs).astype(dtype)


def _several(out: Any) -> list[np.ndarray]:
    return [np.asarray(getattr(part, "data", part)) for part in (out if isinstance(out, tuple | list) else [out])]


def _is_whole_arithmetic(got: np.ndarray, true: np.ndarray) -> bool:
    """Whether these whole numbers are the true ones as NumPy computes them: modulo 2 to the bits, or logical."""
    if got.dtype == bool:
        return np.array_equal(got, true != 0)
    if not np.array_equal(true, np.rint(true)):
        return False
    exact = np.abs(true) < 2.0**53  # float64 knows no larger ones to the last digit
    span = 2.0 ** min(8 * got.dtype.itemsize, 60)
    return bool((np.mod(got.astype(float) - true, span)[exact] == 0).all())


def check(f: Callable[..., Any], xs: list[np.ndarray], dtype: Any, ufunc: Any = None) -> None:
    """f of whole numbers is f of the same in float64, rounded to the dtype it has, or refused."""
    with np.errstate(all="ignore"):
        try:
            found = _several(f(*map(ge.tensor, xs)))
        except ge.GradEngineError:
            return
        exact = _several(f(*(ge.tensor(x, dtype=np.float64) for x in xs)))
        for got, true in zip(found, exact, strict=True):
            if got.dtype.kind == "f":
                assert got.dtype.itemsize >= np.result_type(dtype, np.float16).itemsize
                eps = float(np.finfo(got.dtype).eps)
                size = float(np.abs(true[np.isfinite(true)]).max(initial=1.0))
                true = np.where(np.abs(true) > np.finfo(np.float32).max, got, true)  # between, float32 had to be inf
                close = np.isclose(got, true.astype(got.dtype), rtol=16 * eps, atol=16 * eps * size, equal_nan=True)
                fine = bool(close.all())
            else:
                fine = _is_whole_arithmetic(got, true)
            if fine or (
                isinstance(ufunc, np.ufunc) and got.dtype == ufunc(*xs).dtype and np.array_equal(got, ufunc(*xs))
            ):
                continue  # NumPy's own division of whole numbers gives 0 at 0
            assert fine, f"{got.dtype} {got.tolist()}, in float64 {true.tolist()}, for {[x.tolist() for x in xs]}"


@pytest.mark.parametrize(("op", "i"), OP_CASES, ids=[f"{op.name}-{i}" for op, i in OP_CASES])
def test_ops_take_whole_numbers(op: Op, i: int) -> None:
    """Every op on whole numbers of each dtype, small ones and the largest."""
    each = cases(op)[i]
    given, call = operands(op, each), DEFINED[op.name]
    if op.name == "astype":
        pytest.skip("its dtype is an argument")
    free = [
        k for k, value in enumerate(given)
        if not op.variadic and is_free(value) and (not op.floats or op.inputs[k] in op.floats)
    ]  # fmt: skip
    arrays = given[0] if op.variadic else [given[k] for k in free]

    def filled(function: Callable[..., Any]) -> Callable[..., Any]:
        def f(*xs: Any) -> Any:
            if op.variadic:
                return function(list(xs), **each.static)
            full = list(given)
            for k, x in zip(free, xs, strict=True):
                full[k] = x
            return function(*full, **each.static)

        return f

    for dtype in DTYPES:
        for large in (False, True):
            check(filled(call), [whole(x, dtype, large) for x in arrays], dtype, op.forward)


@pytest.mark.parametrize(("name", "i"), COMPOSED_CASES, ids=[f"{name}-{i}" for name, i in COMPOSED_CASES])
def test_functions_written_in_ops_take_whole_numbers(name: str, i: int) -> None:
    f, given = SAMPLES[name][i]
    for dtype in DTYPES:
        for large in (False, True):
            check(f, [whole(x, dtype, large) for x in drawn(given)], dtype)


BESIDE = [(op, i) for op, i in OP_CASES if op.differentiable and (op.variadic or len(op.inputs) > 1)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize(("op", "i"), BESIDE, ids=[f"{op.name}-{i}" for op, i in BESIDE])
def test_whole_numbers_beside_a_float_give_it_the_gradient_that_floats_do(op: Op, i: int, dtype: Any) -> None:
    """A rule computes with them too: y * y of int8 wraps around, -y of uint8 is positive, ln of int8 a float16."""
    case = cases(op)[i]
    arrays = [part for each in operands(op, case) for part in (each if isinstance(each, list) else [each])]
    info = np.iinfo(dtype)
    for slot, array in enumerate(arrays):
        if not is_free(array) or not op.ruled(slot):
            continue
        for scale in (1, 40):
            given = (
                np.clip(np.rint(np.abs(array) * scale if info.min == 0 else array * scale), info.min, info.max) + 0.0
            )
            found = []
            for kind in (dtype, np.float64):
                call = [
                    ge.tensor(part, requires_grad=True) if is_free(part) and op.ruled(j) and j != slot else part
                    for j, part in enumerate(arrays)
                ]  # fmt: skip
                call[slot] = given.astype(kind)
                leaves = [part for part in call if isinstance(part, ge.Tensor)]
                if not leaves:
                    return
                try:
                    out = DEFINED[op.name](*([call] if op.variadic else call), **case.static)
                    roots = [part.sum() for part in (out if isinstance(out, tuple) else (out,)) if part.requires_grad]
                    found.append(ge.grad(roots, leaves, allow_unused=True) if roots else [])
                except ge.GradEngineError:
                    break
            for got, true in zip(*found, strict=True) if len(found) == 2 else ():
                assert (got is None) == (true is None)
                if got is not None:
                    np.testing.assert_allclose(got.data, true.data, rtol=1e-6, atol=1e-9)


def test_exponents_of_whole_numbers_may_be_0() -> None:
    x = ge.tensor([100.0, 100.0, 100.0], requires_grad=True)
    (x ** np.array([0, 1, 2], np.uint8)).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 200.0]


WHOLE = {
    **{name: lambda t, name=name: getattr(t, name)() for name in ("long", "int", "short", "bool", "byte", "char")},
    **{f"astype({kind})": lambda t, kind=kind: t.astype(kind) for kind in ("int64", "uint8", "bool")},
    "to": lambda t: t.to(ge.int64), "type": lambda t: t.type("torch.LongTensor"),
    "type_as": lambda t: t.type_as(ge.tensor([1])), "as_tensor": lambda t: ge.as_tensor(t, dtype=ge.int64),
    "twice": lambda t: t.long().int(), "comparison": lambda t: t > 0, "ge.eq": lambda t: ge.eq(t, 1), "isnan": ge.isnan,
    "argmax": lambda t: t.argmax(), "argsort": lambda t: t.argsort(), "max": lambda t: t.max(dim=0)[1],
    "sort": lambda t: t.sort(dim=0)[1], "topk": lambda t: t.topk(2)[1], "cummax": lambda t: t.cummax(dim=0)[1],
    "nonzero": lambda t: t.nonzero()[0], "any": lambda t: t.any(), "count_nonzero": lambda t: t.count_nonzero(),
    "one_hot": lambda t: ge.nn.functional.one_hot(t.abs().long()), "joined": lambda t: ge.cat([t.long(), t.long()]),
    "where": lambda t: ge.where(t > 0, t.long(), 0), "sum": lambda t: np.sum(t, dtype=int),
    "cumsum": lambda t: np.cumsum(t, dtype=int), "written": lambda t: ge.tensor([1, 2, 3]).copy_(t),
    "checkpoint": lambda t: ge.checkpoint(lambda x: x.long(), t), "vmap": lambda t: ge.func.vmap(lambda x: x.long())(t),
    "compile": lambda t: ge.compile(lambda x: x.long())(t),
    "multinomial": lambda t: ge.multinomial(t.abs(), 2), "bucketize": lambda t: ge.bucketize(t, ge.tensor([0.0, 1.0])),
}  # fmt: skip


@pytest.mark.parametrize("way", WHOLE)
@pytest.mark.parametrize("from_op", [False, True], ids=["leaf", "result"])
def test_whole_numbers_and_booleans_never_require_grad(way: str, from_op: bool) -> None:
    """As in PyTorch: by whatever way they were made."""
    leaf = ge.tensor([1.2, 2.5, -3.0], requires_grad=True)
    made = WHOLE[way](leaf * 2 if from_op else leaf)
    assert made.dtype.kind in "biu"
    assert not made.requires_grad and ge.as_tensor(made).grad_fn is None and ge.as_tensor(made).is_leaf
    assert not (made.float() * 2.0).requires_grad


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_no_op_records_what_are_whole_numbers(op: Op) -> None:
    """For every op in the table: only floating-point results have a node."""
    for each in cases(op):
        f, arrays = as_function(op, each)
        out = f(*(ge.tensor(x, requires_grad=True) for x in arrays))
        for part in out if isinstance(out, tuple | list) else [out]:
            assert not part.requires_grad or part.dtype.kind == "f"


@pytest.mark.parametrize("made", [
    lambda: ge.tensor([1, 2], requires_grad=True), lambda: ge.tensor([True], requires_grad=True),
    lambda: ge.zeros(2, dtype=ge.int64, requires_grad=True), lambda: ge.arange(3, requires_grad=True),
    lambda: ge.from_numpy(np.arange(3)).requires_grad_(), lambda: ge.LongTensor([1]).requires_grad_(),
    lambda: setattr(ge.tensor([1]), "requires_grad", True), lambda: ge.full((2,), 1, requires_grad=True),
    lambda: ge.nn.Parameter(ge.tensor([1]), dtype=ge.int64),
])  # fmt: skip
def test_whole_numbers_refuse_to_require_grad(made: Any) -> None:
    with pytest.raises(NotDifferentiableError, match="floating-point"):
        made()


def test_backward_of_whole_numbers_says_what_ended_the_graph() -> None:
    leaf = ge.tensor([1.2, 2.5], requires_grad=True)
    for loss in (leaf.long().sum(), (leaf.round().int() * 1.5).sum(), (leaf > 0).float().mean()):
        with pytest.raises(GraphError, match=r"whole numbers, comparisons.* carry no gradient"):
            loss.backward()
