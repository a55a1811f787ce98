"""Random shapes, axes, arguments and index expressions: NumPy's values, and the gradients of central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, integer_array_indices, mutually_broadcastable_shapes

import grad_engine as ge
from grad_engine.core.define import DEFINED

NUMPY: dict[str, Any] = {"amax": np.max, "vector_norm": np.linalg.vector_norm, "logsumexp": np.logaddexp.reduce}
few = settings(max_examples=60)


def distinct(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from 0.6 to 1.9, no two alike, in a mixed-up order."""
    size = int(np.prod(shape))
    return np.random.default_rng(size).permutation(np.linspace(0.6, 1.9, size)).reshape(shape)


@st.composite
def reductions(draw: Any) -> tuple[tuple[int, ...], Any]:
    """A shape and axes of it: none, one, or several in any order, counted from either end."""
    shape = draw(array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3))
    places = st.integers(-len(shape), len(shape) - 1) if shape else st.nothing()
    several = st.lists(places, unique_by=lambda a: a % len(shape)).map(tuple)
    return shape, draw(st.one_of(st.none(), places, several) if shape else st.none())


REDUCTIONS = ["sum", "mean", "prod", "var", "std", "max", "amax", "logsumexp", "vector_norm", "median"]


@pytest.mark.parametrize("name", REDUCTIONS)
@few
@given(case=reductions(), keepdims=st.booleans())
def test_reductions(name: str, case: tuple[tuple[int, ...], Any], keepdims: bool) -> None:
    shape, axis = case
    x = distinct(shape)
    mine = getattr(ge, name)(x, axis=axis, keepdims=keepdims)
    if name != "median":
        if name == "logsumexp" and isinstance(axis, tuple):
            expected = np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))
        else:
            expected = NUMPY.get(name, getattr(np, name, None))(x, axis=axis, keepdims=keepdims)
        np.testing.assert_allclose(mine.data, expected, rtol=1e-13, atol=1e-15)
        assert mine.shape == np.shape(expected)
    if name != "std" or mine.data.all():  # beyond a single element std has a slope, at it a kink
        ge.check_gradients(lambda t: getattr(ge, name)(t, axis=axis, keepdims=keepdims), [x])


@pytest.mark.parametrize("name", ["add", "mul", "div", "maximum", "hypot", "logaddexp", "pow"])
@few
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3))
def test_broadcasting(name: str, shapes: Any) -> None:
    x, y = (distinct(shape) + k / 100 for k, shape in enumerate(shapes.input_shapes))
    call = getattr(ge, name)
    assert call(x, y).shape == shapes.result_shape
    leaves = [ge.tensor(x, requires_grad=True), ge.tensor(y, requires_grad=True)]
    call(*leaves).backward(np.ones(shapes.result_shape))
    assert [leaf.grad.shape for leaf in leaves if leaf.grad is not None] == [x.shape, y.shape]
    ge.check_gradients(call, [x, y])


SIDES = (3, 2, 4)
INDEX = st.one_of(
    basic_indices(SIDES, allow_newaxis=True, max_dims=5),
    integer_array_indices(SIDES, result_shape=array_shapes(max_dims=2, max_side=3)),
    integer_array_indices(SIDES[:2]),
    st.tuples(st.integers(-3, 2), st.lists(st.integers(-2, 1), max_size=4).map(lambda part: np.array(part, dtype=int))),
    st.lists(st.booleans(), min_size=3, max_size=3).map(np.array),
    st.tuples(st.just(slice(None)), st.lists(st.booleans(), min_size=2, max_size=2).map(np.array), st.integers(-4, 3)),
)


@settings(max_examples=200)
@given(index=INDEX)
def test_reading(index: Any) -> None:
    """Every element read gets the gradient of every place it was read to."""
    x = distinct(SIDES)
    leaf = ge.tensor(x, requires_grad=True)
    out = leaf[index]
    np.testing.assert_array_equal(out.data, x[index])
    weights = np.random.default_rng(0).standard_normal(out.shape)
    out.backward(weights)
    expected = np.zeros(SIDES)
    np.add.at(expected, index, weights)
    np.testing.assert_allclose(leaf.grad.data, expected, rtol=1e-13, atol=1e-15)


@settings(max_examples=100)
@given(index=INDEX, scalar=st.booleans())
def test_writing(index: Any, scalar: bool) -> None:
    x = distinct(SIDES)
    values = np.array(0.3) if scalar else distinct(x[index].shape) + 5.0

    def write(t: Any, v: Any) -> Any:
        copy = t.clone()
        copy[index] = v
        return copy

    expected = x.copy()
    expected[index] = values
    np.testing.assert_array_equal(write(ge.tensor(x), ge.tensor(values)).data, expected)
    ge.check_gradients(write, [x, values])


def small(low: int, high: int) -> Any:
    return st.tuples(*[st.integers(low, high)] * 2)


ARGUMENTS: dict[str, Any] = {
    "transpose": st.permutations([0, 1]).map(lambda order: (tuple(order),)),
    "roll": st.one_of(st.tuples(st.integers(-9, 9)), st.tuples(small(-5, 5), st.just((0, 1)))),
    "flip": st.one_of(st.tuples(st.integers(-2, 1)), st.just(())),
    "rot90": st.tuples(st.integers(-5, 5), st.sampled_from([(0, 1), (1, 0), (-1, -2)])),
    "tile": st.tuples(st.one_of(st.integers(0, 3), small(0, 3), st.tuples(*[st.integers(1, 2)] * 3))),
    "repeat": st.one_of(
        st.tuples(st.integers(0, 3)), st.tuples(st.integers(0, 3), st.integers(-2, 1)),
        st.tuples(st.lists(st.integers(0, 2), min_size=3, max_size=3), st.just(1)),
    ),
    "pad": st.tuples(
        st.tuples(small(0, 7), small(0, 7)), st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"])
    ),
    "tril": st.tuples(st.integers(-4, 4)), "triu": st.tuples(st.integers(-4, 4)),
    "diagonal": st.tuples(st.integers(-3, 4), st.sampled_from([0, -2]), st.sampled_from([1, -1])),
    "trace": st.tuples(st.integers(-3, 4)),
    "cumsum": st.tuples(st.sampled_from([None, 0, 1, -1])), "cumprod": st.tuples(st.sampled_from([None, 0, 1, -1])),
    "take": st.tuples(st.lists(st.integers(-2, 1), max_size=5).map(lambda part: np.array(part, int)), st.just(0)),
    "sort": st.tuples(st.sampled_from([None, 0, 1, -1])),
    "expand_dims": st.tuples(st.sampled_from([0, 1, 2, -1, (0, 3), (-1, 0)])),
    "moveaxis": st.tuples(st.integers(-2, 1), st.integers(-2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
@settings(max_examples=30)
@given(data=st.data())
def test_shapes(name: str, data: Any) -> None:
    arguments = data.draw(ARGUMENTS[name])
    x = distinct((2, 3))
    call = DEFINED.get(name, getattr(ge, name))  # repeat() of users warns of what PyTorch means by it
    np.testing.assert_allclose(call(x, *arguments).data, getattr(np, name)(x, *arguments), rtol=1e-14)
    ge.check_gradients(lambda t: call(t, *arguments), [x], 2)


@few
@given(lengths=st.lists(st.integers(0, 3), min_size=1, max_size=4), axis=st.integers(-3, 2))
def test_joined_and_cut_again(lengths: list[int], axis: int) -> None:
    """split undoes concat, unbind undoes stack, in values and in gradients."""
    parts = [distinct((*(2, 1, 3)[: axis % 3], n, *(2, 1, 3)[axis % 3 + 1 :])) + k for k, n in enumerate(lengths)]
    leaves = [ge.tensor(part, requires_grad=True) for part in parts]
    cuts = np.cumsum(lengths)[:-1].tolist()
    pieces = ge.split(ge.concat(leaves, axis), indices_or_sections=cuts, axis=axis)
    for piece, part in zip(pieces, parts, strict=True):
        np.testing.assert_array_equal(piece.data, part)
    total = ge.tensor(0.0)
    for k, piece in enumerate(pieces):
        total = total + (piece * (k + 1.0)).sum()
    total.backward()
    for k, leaf in enumerate(leaves):
        assert leaf.grad is not None and (leaf.grad.data == k + 1.0).all()
    same = [ge.tensor(parts[0], requires_grad=True) for _ in lengths]
    for k, slab in enumerate(ge.unbind(ge.stack(same, axis), axis)):
        np.testing.assert_array_equal(slab.data, parts[0])
        (slab.sum() * (k + 1.0)).backward(retain_graph=True)
    for k, leaf in enumerate(same):
        assert leaf.grad is not None and (leaf.grad.data == k + 1.0).all()


# --- the ways of backward ---------------------------------------------------------------------------------------------

STEPS: list[Any] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - a * 0.5, lambda a, b: ge.tanh(a), lambda a, b: a.T,
    lambda a, b: a @ b.T, lambda a, b: a[0] + b, lambda a, b: ge.concat([a, b])[: len(a)], lambda a, b: a.sum(0) * b,
    lambda a, b: np.split(ge.stack([a, b]).reshape(2 * a.size), 2)[0].reshape(a.shape), lambda a, b: ge.relu(a) - b,
    lambda a, b: a.max(1, keepdims=True) + b, lambda a, b: a, lambda a, b: ge.softmax(a, 0) / (b * b + 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@few
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=9))
def test_every_way_of_backward_gives_the_same_bits(steps: list[Any], dtype: Any) -> None:
    """The plain one, the one that is recorded, the one that is watched, grad() and the one with a history."""

    def gradients(way: str) -> list[np.ndarray]:
        rng = np.random.default_rng(0)
        leaves = [ge.tensor(rng.uniform(-1, 1, (3, 3)).astype(dtype), requires_grad=True) for _ in range(2)]
        made = [*leaves]
        for step, first, second in steps:
            made.append(step(made[first % len(made)], made[second % len(made)]))
        root = ge.sum(made[-1] * made[-1]) + sum(leaf.sum() for leaf in leaves)
        if way == "grad":
            return [g.data for g in ge.grad(root, leaves)]
        with ge.detect_anomaly() if way == "watched" else ge.enable_grad():
            root.backward(retain_graph=way == "recorded", create_graph=way == "with a history")
        return [leaf.grad.data for leaf in leaves]

    plain = gradients("plain")
    for way in ("recorded", "watched", "grad", "with a history"):
        assert all(map(np.array_equal, plain, gradients(way))), way
