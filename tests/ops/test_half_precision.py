"""float16 is computed in float32 and rounded once: every op, every function written in ops, every optimiser."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import optim
from grad_engine.core.op import OPS, Op
from tests.ops.composed_samples import COMPOSED_CASES, SAMPLES, WITHOUT_GRADIENT, composed_names, drawn
from tests.samples import as_function, cases

HALF, SINGLE = np.float16, np.float32
SIZES = [1e-4, 1.0, 300.0, 3e4]
OP_CASES = [(op, i) for op in OPS.values() for i in range(len(cases(op))) if op.differentiable]


def _several(out: Any) -> list[Any]:
    return [*out] if isinstance(out, tuple | list) else [out]


def _pass(f: Callable[..., Any], xs: list[np.ndarray], dtype: Any, rounded: bool) -> list[np.ndarray]:
    """Results and gradients of f in that dtype, every result weighted with 1; the type of error where it refuses."""
    leaves = [ge.tensor(x.astype(dtype), requires_grad=True) for x in xs]
    try:
        outs = [out for out in _several(f(*leaves)) if isinstance(out, ge.Tensor)]
    except ge.GradEngineError as error:
        return [np.array(type(error).__name__)]
    free = [out for out in outs if out.requires_grad]
    if rounded:  # a rule that reads the result finds it as float16 holds it
        for node in {id(out.node): out.node for out in free if not out.is_leaf}.values():
            node = getattr(node, "node", node)
            parts = node.out if isinstance(node.out, tuple) else (node.out,)
            held = tuple(p.astype(HALF).astype(p.dtype) if p.dtype == SINGLE else p for p in parts)
            node.out = held if isinstance(node.out, tuple) else held[0]
    if not free:
        return [out.data for out in outs]
    try:
        shares = ge.grad(free, leaves, [ge.ones_like(out) for out in free], allow_unused=True)
    except ge.GradEngineError as error:
        return [*(out.data for out in outs), np.array(type(error).__name__)]
    return [*(out.data for out in outs), *(share.data for share in shares if share is not None)]


def _check(f: Callable[..., Any], xs: list[np.ndarray], size: float, rounded: bool) -> None:
    given = [(x * (size / max(float(np.abs(x).max(initial=0)), 1e-9))).astype(HALF) for x in xs]
    with np.errstate(all="ignore"):
        mine, wide = (_pass(f, given, dtype, rounded and dtype is SINGLE) for dtype in (HALF, SINGLE))
        assert len(mine) == len(wide)
        for got, exact in zip(mine, wide, strict=True):
            if exact.dtype == SINGLE:
                exact = exact.astype(HALF)
            assert got.dtype == exact.dtype
            if exact.dtype != HALF:
                np.testing.assert_array_equal(got, exact)
                continue
            # NumPy's own float16 arithmetic rounds once too, so that nothing differs by more than a step.
            step = np.maximum(np.spacing(np.abs(exact)), np.spacing(HALF(0)))
            close = (got == exact) | (np.isnan(got) & np.isnan(exact)) | (np.abs(got - exact) <= step)
            assert close.all(), f"{got.tolist()} is not {exact.tolist()}, for {[x.tolist() for x in given]}"


@pytest.mark.parametrize(("op", "i"), OP_CASES, ids=[f"{op.name}-{i}" for op, i in OP_CASES])
def test_ops_compute_float16_in_float32(op: Op, i: int) -> None:
    """Value and gradients of each op are those of float32, rounded, from 1e-4 to 3e4; beyond 65504 they are inf.

    A rule that reads the result reads it as rounded, as in PyTorch. One step of float16 is allowed, for sums that
    NumPy adds up in another order.
    """
    f, xs = as_function(op, cases(op)[i])
    if op.name == "astype":
        pytest.skip("its dtype is an argument")
    for size in SIZES:
        _check(f, xs, size, rounded=True)


def test_every_function_written_in_ops_has_a_sample() -> None:
    """So that these laws, and those of other files, look at all of them."""
    assert {*composed_names()} - {*SAMPLES} == WITHOUT_GRADIENT


@pytest.mark.parametrize(("name", "i"), COMPOSED_CASES, ids=[f"{name}-{i}" for name, i in COMPOSED_CASES])
def test_functions_written_in_ops_compute_float16_in_float32(name: str, i: int) -> None:
    """Nothing is rounded between the ops of a function: only what comes out of it."""
    f, given = SAMPLES[name][i]
    for size in SIZES:
        _check(f, drawn(given), size, rounded=False)


FULL = np.full((3, 3), 100.0)
EXAMPLES: list[tuple[str, Callable[..., Any], np.ndarray]] = [
    ("norm", np.linalg.norm, FULL),
    ("normalize", ge.normalize, FULL * 3),
    ("cosine_similarity", lambda x: ge.cosine_similarity(x, x[::-1] * 0.5), np.array([[300.0, 400], [1, 2]])),
    ("std far apart", np.std, np.array([0.0, 600])),
    ("std of small ones", np.std, np.array([1e-4, 2e-4, 4e-4])),
    ("avg_pool", lambda x: ge.avg_pool1d(x, 4), np.full((1, 1, 8), 4e4)),
    ("cumsum", np.cumsum, np.full(5000, 0.1)),
    ("mean", np.mean, np.full((70_000, 2), 3.0)),
    ("sum along the first axis", lambda x: np.sum(x, axis=0), np.full((5000, 2), 0.1)),
    ("softmax", ge.softmax, np.zeros(70_000)),
    ("log_softmax", ge.log_softmax, np.zeros(70_000)),
    ("gelu", ge.gelu, np.array([-3.0, -2.0, -0.5, 2.0])),
    ("matmul", lambda x: x @ x.T, np.full((2, 5000), 0.1)),
    ("broadcast", lambda x: x * ge.ones((5000, 2), dtype=HALF), np.full(2, 0.1)),
    ("index", lambda x: x[np.zeros(5000, int)] * HALF(0.1), np.array([1.0, 2.0])),
    ("a distance", lambda x: ge.cdist(x, x + HALF(1)), FULL),
    ("var", lambda x: np.var(x, axis=0), np.linspace(-300, 300, 12).reshape(6, 2)),
    ("logsumexp", ge.logsumexp, np.zeros(70_000)),
    ("a large number", lambda x: x.sum() / 1e5, FULL),
    ("mse_loss", lambda x: ge.mse_loss(x, ge.zeros_like(x)), np.full(10, 200.0)),
]


@pytest.mark.parametrize(("name", "f", "x"), EXAMPLES, ids=[name for name, *_ in EXAMPLES])
def test_float16_agrees_with_float64(name: str, f: Callable[..., Any], x: np.ndarray) -> None:
    """What overflowed, stopped or vanished in float16 is what float64 gives, to the 11 bits there are."""
    half = ge.tensor(x, dtype=HALF, requires_grad=True)
    exact = ge.tensor(half.data.astype(float), requires_grad=True)
    with np.errstate(over="ignore"):  # NumPy warns of a number beyond 65504 beside float16
        outs = [f(half), f(exact)]
    shares = []
    for leaf, out in zip((half, exact), outs, strict=True):
        out.backward(ge.ones_like(out))
        shares.append(leaf.grad.data)
    assert outs[0].dtype == HALF == shares[0].dtype
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(outs[0].data, outs[1].data.astype(HALF), rtol=2e-3, atol=1e-6)
        size = float(np.abs(shares[1]).max())
        np.testing.assert_allclose(shares[0], shares[1].astype(HALF), rtol=4e-3, atol=max(2e-3 * size, 1e-6))


OPTIMISERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=1e-2),
    "nesterov": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, 0.1),
    "AdamW": lambda p: optim.AdamW(p, 0.1),
    "RMSprop": lambda p: optim.RMSprop(p, 0.1),
    "centered": lambda p: optim.RMSprop(p, 0.1, momentum=0.9, centered=True),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_keep_float32_state(name: str, size: float) -> None:
    """Steps of float16 parameters are those of float32, rounded after each; the state between them is float32."""
    rng = np.random.default_rng(5)
    start = (rng.standard_normal(6) * max(size, 1)).astype(HALF)
    grads = [(rng.standard_normal(6) * size).astype(HALF) for _ in range(5)]
    half, wide = (ge.tensor(start.astype(dtype), requires_grad=True) for dtype in (HALF, SINGLE))
    steps = [(leaf, OPTIMISERS[name]([leaf])) for leaf in (half, wide)]
    for g in grads:
        for leaf, optimiser in steps:
            leaf.grad = ge.tensor(g.astype(leaf.dtype))
            optimiser.step()
        wide.data = wide.data.astype(HALF).astype(SINGLE)
        np.testing.assert_allclose(half.data, wide.data.astype(HALF), rtol=2e-3, atol=2e-3)
    kept = {key: value.dtype for key, value in steps[0][1].state_dict().items() if key.startswith("parameter")}
    assert {dtype for key, dtype in kept.items() if not key.endswith("steps")} <= {np.dtype(SINGLE)}
    again = ge.tensor(half.data, requires_grad=True)
    second = OPTIMISERS[name]([again])
    second.load_state_dict(steps[0][1].state_dict())
    assert {key: value.dtype for key, value in second.state_dict().items() if key in kept} == kept


@pytest.mark.parametrize("size", [1e-4, 1.0, 300.0, 3e4])
def test_clipping_measures_float16_in_float32(size: float) -> None:
    leaves = [ge.tensor(np.ones(4, dtype), requires_grad=True) for dtype in (HALF, SINGLE)]
    found = []
    for leaf in leaves:
        leaf.grad = ge.tensor(np.full(4, size, HALF).astype(leaf.dtype))
        found.append(optim.clip_grad_norm_([leaf], 1.0))
    assert math.isclose(found[0], 2 * float(HALF(size)), rel_tol=1e-3)
    np.testing.assert_allclose(leaves[0].grad.data, leaves[1].grad.data, rtol=1e-3)


def test_float16_out_of_a_pickle_is_float16_too() -> None:
    """The dtype of a pickled array is equal to NumPy's own, and another object."""
    x = pickle.loads(pickle.dumps(np.full((3, 3), 200, HALF)))
    for made in (ge.tensor(x, requires_grad=True), ge.from_numpy(x, requires_grad=True)):
        for f in (
            np.linalg.norm,
            lambda a: ge.normalize(a).sum(),
            lambda a: (a @ a).mean(),
            lambda a: (a * a / a).sum(),
        ):
            again = ge.tensor(np.full((3, 3), 200, HALF), requires_grad=True)
            with np.errstate(over="ignore"):
                (share,), (expected,) = ge.grad(f(made), [made]), ge.grad(f(again), [again])
            np.testing.assert_array_equal(share.data, expected.data)
