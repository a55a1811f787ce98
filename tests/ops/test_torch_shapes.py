"""Shape, joining and indexing ops against PyTorch, or NumPy where PyTorch has no such function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from tests.against_torch import agree
from tests.support import normal

torch = pytest.importorskip("torch")
F = torch.nn.functional
Row = tuple[Callable[..., Any], Callable[..., Any], tuple[int, ...]]

SHAPES: list[Row] = [
    (lambda x: x.reshape(3, -1), lambda t: t.reshape(3, -1), (2, 3)),
    (lambda x: x.reshape((6,)), lambda t: t.reshape(6), (2, 3)),
    (lambda x: x.reshape(np.array([3, -1])), lambda t: t.reshape(3, -1), (2, 3)),
    (lambda x: x.reshape(0, 5), lambda t: t.reshape(0, 5), (2, 0)),
    (lambda x: x.reshape(()), lambda t: t.reshape(()), (1, 1)),
    (lambda x: x.ravel(), lambda t: t.ravel(), (2, 3)),
    (lambda x: x.ravel(), lambda t: t.ravel(), ()),
    (lambda x: x.flatten(), lambda t: t.flatten(), (2, 3, 2)),
    (lambda x: x.flatten(), lambda t: t.flatten(), ()),
    (lambda x: x.flatten(1, -1), lambda t: t.flatten(1, -1), (2, 3, 2)),
    (lambda x: x.flatten(start_axis=1), lambda t: t.flatten(1), (0, 3, 2)),
    (lambda x: x.unflatten(1, (2, -1)), lambda t: t.unflatten(1, (2, -1)), (3, 4, 2)),
    (lambda x: x.T, lambda t: t.T, (2, 3)),
    (lambda x: x.mT, lambda t: t.mT, (4, 2, 3)),
    (lambda x: x.transpose(2, 0, 1), lambda t: t.permute(2, 0, 1), (2, 3, 4)),
    (lambda x: x.permute((-1, 0, 1)), lambda t: t.permute(-1, 0, 1), (2, 3, 4)),
    (lambda x: x.transpose(), lambda t: t, ()),
    (lambda x: x.swapaxes(0, -1), lambda t: t.swapaxes(0, -1), (2, 3, 4)),
    (lambda x: x.moveaxis(0, -1), lambda t: t.moveaxis(0, -1), (2, 3, 4)),
    (lambda x: x.moveaxis((0, 1), (-1, 0)), lambda t: t.moveaxis((0, 1), (-1, 0)), (2, 3, 4)),
    (lambda x: x.squeeze(), lambda t: t.squeeze(), (1, 3, 1)),
    (lambda x: x.squeeze((0, -1)), lambda t: t.squeeze((0, -1)), (1, 3, 1)),
    (lambda x: x.unsqueeze(-1), lambda t: t.unsqueeze(-1), (2, 3)),
    (lambda x: x.expand_dims(0), lambda t: t.unsqueeze(0), ()),
    (lambda x: x.broadcast_to(4, 2, 3), lambda t: t.broadcast_to((4, 2, 3)), (2, 1)),
    (lambda x: x.broadcast_to((2, 0)), lambda t: t.broadcast_to((2, 0)), (1,)),
    (lambda x: x.expand(4, -1, 3), lambda t: t.expand(4, -1, 3), (2, 1)),
    (lambda x: x.tile(3), lambda t: t.tile(3), (2, 3)),
    (lambda x: x.tile((2, 1)), lambda t: t.tile((2, 1)), (2, 3)),
    (lambda x: x.tile((2, 1, 3)), lambda t: t.tile((2, 1, 3)), (2, 3)),
    (lambda x: x.tile((2, 0)), lambda t: t.tile((2, 0)), (2, 3)),
    (lambda x: x.repeat(repeats=2), lambda t: t.repeat_interleave(2), (2, 3)),
    (lambda x: x.repeat(2, axis=1), lambda t: t.repeat_interleave(2, 1), (2, 3)),
    (lambda x: x.repeat([0, 2, 1], 1), lambda t: t.repeat_interleave(torch.tensor([0, 2, 1]), 1), (2, 3)),
    (lambda x: x.flip(), lambda t: t.flip((0, 1)), (2, 3)),
    (lambda x: x.flip(axis=(0, 2)), lambda t: t.flip((0, 2)), (2, 3, 2)),
    (lambda x: ge.fliplr(x), lambda t: t.fliplr(), (2, 3)),
    (lambda x: ge.flipud(x), lambda t: t.flipud(), (2, 3)),
    (lambda x: x.roll(2), lambda t: t.roll(2), (2, 3)),
    (lambda x: x.roll((1, -2), (0, 1)), lambda t: t.roll((1, -2), (0, 1)), (2, 3)),
    (lambda x: x.rot90(), lambda t: t.rot90(), (2, 3)),
    (lambda x: x.rot90(-3, (0, 2)), lambda t: t.rot90(-3, (0, 2)), (2, 3, 4)),
    (lambda x: x.tril(), lambda t: t.tril(), (3, 3)),
    (lambda x: x.tril(-1), lambda t: t.tril(-1), (2, 3, 4)),
    (lambda x: x.triu(1), lambda t: t.triu(1), (2, 3, 4)),
    (lambda x: x.diag(), lambda t: t.diag(), (3,)),
    (lambda x: x.diag(-1), lambda t: t.diag(-1), (2,)),
    (lambda x: x.diag(1), lambda t: t.diag(1), (3, 4)),
    (lambda x: x.diag_embed(), lambda t: t.diag_embed(), (2, 3)),
    (lambda x: x.diag_embed(1, 0, 2), lambda t: t.diag_embed(1, 0, 2), (2, 3)),
    (lambda x: x.diag_embed(-2, 2, 0), lambda t: t.diag_embed(-2, 2, 0), (2, 3)),
    (lambda x: x.pad(((0, 0), (1, 2))), lambda t: F.pad(t, (1, 2)), (2, 3)),
    (lambda x: x.pad(1, constant_values=2.5), lambda t: F.pad(t, (1, 1, 1, 1), value=2.5), (2, 3)),
    (lambda x: x.pad(((0, 0), (0, 0), (2, 1)), "reflect"), lambda t: F.pad(t, (2, 1), "reflect"), (1, 2, 3)),
    (lambda x: x.pad(((0, 0), (0, 0), (2, 1)), mode="edge"), lambda t: F.pad(t, (2, 1), "replicate"), (1, 2, 3)),
    (
        lambda x: x.pad(((0, 0), (0, 0), (1, 2), (3, 1)), "wrap"), lambda t: F.pad(t, (3, 1, 1, 2), "circular"),
        (1, 2, 2, 3),
    ),
    (lambda x: ge.atleast_1d(x), lambda t: torch.atleast_1d(t), ()),
    (lambda x: ge.atleast_2d(x), lambda t: torch.atleast_2d(t), (3,)),
    (lambda x: ge.atleast_3d(x), lambda t: torch.atleast_3d(t), (3,)),
    (lambda x: ge.atleast_3d(x), lambda t: torch.atleast_3d(t), (2, 3)),
    (lambda x: x.clone(), lambda t: t.clone(), (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(SHAPES)))
def test_shapes(i: int) -> None:
    mine, theirs, shape = SHAPES[i]
    agree(mine, theirs, normal(*shape))


def same(name: str, *arguments: Any) -> tuple[Any, Any]:
    """A joining function, called by one name in both."""
    mine, theirs = getattr(ge, name), getattr(torch, name)
    return (lambda *xs: mine(list(xs), *arguments)), (lambda *ts: theirs(list(ts), *arguments))


JOINING: list[tuple[Any, Any, list[tuple[int, ...]]]] = [
    (*same("stack"), [(2, 3), (2, 3)]), (*same("stack", -1), [(2, 3), (2, 3)]), (*same("stack", 1), [(2, 0), (2, 0)]),
    (*same("stack"), [(), ()]), (*same("cat"), [(2, 3), (0, 3), (1, 3)]), (*same("cat", -1), [(2, 3), (2, 1)]),
    (*same("hstack"), [(2,), (3,)]), (*same("hstack"), [(2, 1), (2, 3)]), (*same("hstack"), [(), (2,)]),
    (*same("vstack"), [(3,), (2, 3)]), (*same("vstack"), [(), ()]), (*same("dstack"), [(3,), (1, 3)]),
    (*same("dstack"), [(2, 3, 1), (2, 3)]), (*same("column_stack"), [(2,), (2, 3)]),
    (lambda x, y: ge.concat([x, y], axis=None), lambda t, u: torch.cat([t.ravel(), u.ravel()]), [(2, 3), (2,)]),
    (lambda x: ge.stack([x, x]), lambda t: torch.stack([t, t]), [(3,)]),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(JOINING)))
def test_joining(i: int) -> None:
    mine, theirs, shapes = JOINING[i]
    agree(mine, theirs, *(normal(*shape, seed=k) for k, shape in enumerate(shapes)))


APART: list[Row] = [
    (lambda x: x.split(indices_or_sections=3), lambda t: t.tensor_split(3), (6, 2)),
    (lambda x: x.split([1, 4], axis=1), lambda t: t.tensor_split((1, 4), 1), (2, 6)),
    (lambda x: x.split([2, 9]), lambda t: t.tensor_split((2, 9)), (4,)),
    (lambda x: x.array_split(4), lambda t: t.tensor_split(4), (6, 2)),
    (lambda x: x.chunk(4), lambda t: t.chunk(4), (10,)),
    (lambda x: x.chunk(3, -1), lambda t: t.chunk(3, -1), (2, 4)),
    (lambda x: x.unbind(), lambda t: t.unbind(), (3, 2)),
    (lambda x: x.unbind(axis=-1), lambda t: t.unbind(-1), (3, 2)),
    (lambda x: x.hsplit(2), lambda t: t.hsplit(2), (4,)),
    (lambda x: x.hsplit([1]), lambda t: t.hsplit([1]), (2, 3)),
    (lambda x: x.vsplit(2), lambda t: t.vsplit(2), (4, 3)),
    (lambda x: x.dsplit(2), lambda t: t.dsplit(2), (1, 2, 4)),
]


@pytest.mark.parametrize("i", range(len(APART)))
def test_apart(i: int) -> None:
    mine, theirs, shape = APART[i]
    x = normal(*shape)
    pieces = theirs(torch.tensor(x))
    ours = mine(ge.tensor(x))
    assert [piece.shape for piece in ours] == [tuple(piece.shape) for piece in pieces]
    for k in range(len(pieces)):
        agree(lambda x, k=k: mine(x)[k], lambda t, k=k: theirs(t)[k], x)


MASK = np.array([[True, False, True], [False, True, False]])
INDICES: list[Any] = [
    0, -1, slice(1, None), slice(None, None, 2), (slice(None), 1), (Ellipsis, 0), None, (None, 1, None), (1, 2), (),
    [0, 0, 1], np.array([[0, 1], [1, 1]]), ([0, 1, 1], [2, 0, 0]), (slice(None), [1, 1]), ([0], slice(1, 3)),
    MASK, MASK[:, 0], (slice(None), MASK[0]), np.zeros((2, 3), bool), np.array([], int), (np.array([[0], [1]]), [0, 2]),
    (0, [1, 1]), ([1, 1], None, slice(None)), slice(5, 9), True, ...,
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(INDICES)))
def test_reading(i: int) -> None:
    agree(lambda x: x[INDICES[i]], lambda t: t[INDICES[i]], normal(2, 3))


@pytest.mark.parametrize("i", range(len(INDICES)))
def test_writing(i: int) -> None:
    """Writing into a copy: gradients to what was there and to what was put."""
    index = INDICES[i]
    x, values = normal(2, 3), normal(*normal(2, 3)[index].shape, seed=2)
    places = np.arange(6).reshape(2, 3)[index]

    def mine(x: Any, v: Any) -> Any:
        y = x.clone()
        y[index] = v
        return y

    def theirs(t: Any, u: Any) -> Any:
        s = t.clone()
        s[index] = u
        return s

    if len(np.unique(places)) == values.size:  # of two writes to one element PyTorch gives both the gradient
        agree(mine, theirs, x, values)
        agree(mine, theirs, x, np.array(0.5))
    leaf, put = ge.tensor(x, requires_grad=True), ge.tensor(values, requires_grad=True)
    out = mine(leaf, put)
    expected = x.copy()
    expected[index] = values
    np.testing.assert_array_equal(out.data, expected)
    ge.check_gradients(mine, [x, values])
    ge.check_gradients(mine, [x, np.array(0.5)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reading_twice_adds(dtype: Any) -> None:
    x = ge.tensor(np.zeros(3), requires_grad=True, dtype=dtype)
    x[[0, 0, 1]].backward(np.ones(3, dtype))
    assert x.grad.tolist() == [2.0, 1.0, 0.0] and x.grad.dtype == dtype
    table = ge.tensor(np.zeros((4, 3)), requires_grad=True, dtype=dtype)
    table[np.array([[1, 1], [3, 1]])].backward(np.ones((2, 2, 3), dtype))
    assert table.grad.data[:, 0].tolist() == [0.0, 3.0, 0.0, 1.0] and table.grad.dtype == dtype


NAMED: list[Row] = [
    (lambda x: x.take(np.array([5, 0, 5])), lambda t: t.take(torch.tensor([5, 0, 5])), (2, 3)),
    (lambda x: x.take([1, 1], axis=1), lambda t: t[:, [1, 1]], (2, 3)),
    (lambda x: x.take(1, axis=0), lambda t: t[1], (2, 3)),
    (lambda x: x.take([[0, 1], [1, 1]], axis=0), lambda t: t[torch.tensor([[0, 1], [1, 1]])], (2, 3, 2)),
    (
        lambda x: x.take_along_axis(np.array([[0, 2, 2], [1, 1, 0]])),
        lambda t: t.take_along_dim(torch.tensor([[0, 2, 2], [1, 1, 0]]), -1), (2, 3),
    ),
    (lambda x: x.gather(1, [[0, 0], [1, 2]]), lambda t: t.gather(1, torch.tensor([[0, 0], [1, 2]])), (2, 3)),
    (lambda x: x.gather(0, [[1, 1]]), lambda t: t.gather(0, torch.tensor([[1, 1]])), (2, 3)),
    (lambda x: x.gather(1, [[2, 2]]), lambda t: t.gather(1, torch.tensor([[2, 2]])), (2, 3)),
    (lambda x: x.index_select(1, [2, 0, 2]), lambda t: t.index_select(1, torch.tensor([2, 0, 2])), (2, 3)),
    (lambda x: x.masked_select(MASK), lambda t: t.masked_select(torch.tensor(MASK)), (2, 3)),
    (lambda x: x.masked_select(MASK), lambda t: t.masked_select(torch.tensor(MASK)), (3,)),
    (lambda x: x.sort(), lambda t: t.sort()[0], (2, 3)),
    (lambda x: x.sort(axis=0, descending=True), lambda t: t.sort(0, descending=True)[0], (4, 3)),
    (lambda x: x.sort(axis=None), lambda t: t.ravel().sort()[0], (2, 3)),
    (lambda x: x.topk(2)[0], lambda t: t.topk(2)[0], (3, 5)),
    (lambda x: x.topk(2, 0, largest=False)[0], lambda t: t.topk(2, 0, largest=False)[0], (5, 3)),
    (lambda x: x.topk(0)[0], lambda t: t.topk(0)[0], (3, 5)),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(NAMED)))
def test_by_name(i: int) -> None:
    mine, theirs, shape = NAMED[i]
    agree(mine, theirs, normal(*shape))


ADDED: list[tuple[int, Any, tuple[int, ...]]] = [
    (0, [[0, 1, 2], [2, 2, 2]], (2, 3)), (1, [[0, 0, 1]], (1, 3)), (1, [[2], [2]], (2, 1)), (0, [[1, 1]], (1, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("axis", "index", "src"), ADDED)
def test_scatter_add(axis: int, index: Any, src: tuple[int, ...]) -> None:
    places = torch.tensor(index)
    x, v = normal(3, 3), normal(*src)
    agree(lambda x, v: x.scatter_add(axis, index, v), lambda t, u: t.scatter_add(axis, places, u), x, v)


def test_order_of_equals_and_nan() -> None:
    x = np.array([[2.0, np.nan, 1.0, 2.0, -np.inf, 1.0]])
    for descending in (False, True):
        theirs = torch.tensor(x).sort(dim=1, descending=descending, stable=True)
        np.testing.assert_array_equal(ge.argsort(x, 1, descending).data, theirs[1].numpy())
        np.testing.assert_array_equal(ge.sort(x, 1, descending).data, theirs[0].numpy())
        values, indices = ge.topk(x, 3, largest=descending)
        np.testing.assert_array_equal(values.data, theirs[0].numpy()[:, :3])
        np.testing.assert_array_equal(indices.data, theirs[1].numpy()[:, :3])


def test_numpy_functions() -> None:
    """What is composed of ops is reached by NumPy's own functions as well."""
    x = normal(4, 4)
    t = ge.tensor(x, requires_grad=True)
    calls: list[Callable[[Any], Any]] = [
        np.ravel, np.fliplr, np.flipud, np.atleast_2d, np.sort, np.diag, lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.moveaxis(a, 0, 1), lambda a: np.hstack([a, a]), lambda a: np.vstack([a, x]),
        lambda a: np.dstack([a, a]), lambda a: np.column_stack([a, a]), lambda a: np.split(a, 2),
        lambda a: np.hsplit(a, 2), lambda a: np.vsplit(a, [1]), lambda a: np.array_split(a, 3),
        lambda a: np.add.accumulate(a), lambda a: np.multiply.accumulate(a, axis=1),
        lambda a: np.clip(a, a_min=0.0, a_max=None), lambda a: np.broadcast_arrays(a, a[:1]), np.copy,
        lambda a: np.float64(2.0) * a, lambda a: np.sort(a, axis=None),
        np.diff, lambda a: np.diff(a, 2, axis=0), np.ptp, lambda a: np.ptp(a, axis=1), lambda a: np.logaddexp.reduce(a),
        lambda a: np.maximum.reduce(a, axis=1), lambda a: np.rot90(a, 2),
    ]  # fmt: skip
    for call in calls:
        got, expected = call(t), call(x)
        several = isinstance(expected, list | tuple)
        for mine, theirs in zip(got if several else [got], expected if several else [expected], strict=True):
            np.testing.assert_allclose(mine.data, theirs, rtol=1e-12)
            assert mine.requires_grad


REFUSED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda x: x.reshape(4, 2), r"reshape\(\) is not possible on shape \(2, 3\), shape=\(4, 2\)"),
    (lambda x: x.flatten(2), r"axis 2 is out of range for shape \(2, 3\); it must be from -2 to 1"),
    (lambda x: x.flatten(1, 0), "put the smaller one first"),
    (lambda x: x.unflatten(1, (2, 2)), r"axis 1 of length 3 cannot be split into \(2, 2\)"),
    (lambda x: x.swapaxes(0, 5), "axis 5 is out of range"),
    (lambda x: x.moveaxis((0, 0), (1, 0)), "name one axis twice"),
    (lambda x: x.transpose(0, 0), "repeated axis in transpose"),
    (lambda x: x.squeeze(0), "squeeze"),
    (lambda x: x.broadcast_to(3, 3), "broadcast_to"),
    (lambda x: x.expand(-1, 2, 3), "cannot keep a length"),
    (lambda x: x.pad(1, "replicate"), "it is called 'edge' here"),
    (lambda x: x.pad(-1), "pad"),
    (lambda x: x.diag_embed(0, 1, 1), "two axes of the result"),
    (lambda x: x.split(4, axis=0), "does not split into 4 equal parts"),
    (lambda x: x.chunk(0), "at least 1"),
    (lambda x: x[2], "index 2 is out of bounds"),
    (lambda x: x[0, 0, 0], "too many indices"),
    (lambda x: x.take([7]), "index 7 is out of bounds"),
    (lambda x: x.take([0.5]), "take"),
    (lambda x: x.gather([[0]], 1), "takes an axis, a whole number, before an index"),
    (lambda x: x.gather(1, [[0.0]]), "whole numbers"),
    (lambda x: x.gather(1, [[0], [0], [0]]), "has no place"),
    (lambda x: x.index_select(3, [0]), r"asked along axis 3 of shape \(2, 3\), which has 2 axes"),
    (lambda x: x[0, 0].sort(), r"asked along axis -1 of shape \(\)"),
    (lambda x: x.masked_select([1, 0, 1]), "mask of booleans"),
    (lambda x: x.topk(4), "from 0 to 3"),
    (lambda x: ge.stack([x, x.T]), "stack"),
    (lambda x: ge.concat([x, x.T]), "concat"),
    (lambda x: ge.concat([]), "concat"),
    (lambda x: x.sum(axis=2), "sum.*axis 2, which is out of range"),
    (lambda x: x.sum(axis=(0, 0)), "duplicate value in 'axis'"),
    (lambda x: x.softmax(axis=2), "axis 2, which is out of range"),
    (lambda x: x.glu(axis=-1), "must be even"),
    (lambda x: x.split(2, axes=1), "it takes x, given, indices_or_sections, axis"),
    (lambda x: ge.prelu(x, np.ones(2)), "one weight, or one for each channel"),
]


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_what_does_not_fit_is_refused(i: int) -> None:
    call, message = REFUSED[i]
    with pytest.raises(ge.GradEngineError, match=message):
        call(ge.tensor(normal(2, 3), requires_grad=True))
