"""Structures of parameters: derivatives have the same structure, one vector and back, and misfits are named by path."""

from __future__ import annotations

import dataclasses
import types
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn
from grad_engine.core.tensor import Tensor, array_of

RNG = np.random.default_rng(3)
W, B = RNG.standard_normal((3, 2)), RNG.standard_normal(2)
X = RNG.standard_normal((5, 3))


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: Any
    b: Any
    name: str = dataclasses.field(default="layer", metadata={"static": True})


@dataclasses.dataclass(slots=True)
class Slots:
    w: Any
    b: Any


class Layer(nn.Module):
    def __init__(self, w: Any, b: Any) -> None:
        self.w, self.b = nn.Parameter(array_of(w).copy()), nn.Parameter(array_of(b).copy())


# How to build the structure of w and b, and how to read w and b from one.
STRUCTURES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], tuple[Any, Any]]]] = {
    "dict": (lambda w, b: {"w": w, "b": b}, lambda p: (p["w"], p["b"])),
    "dict by other keys": (lambda w, b: {0: w, (1, 2): b}, lambda p: (p[0], p[1, 2])),
    "OrderedDict": (lambda w, b: OrderedDict(w=w, b=b), lambda p: (p["w"], p["b"])),
    "defaultdict": (lambda w, b: defaultdict(list, w=w, b=b), lambda p: (p["w"], p["b"])),
    "list": (lambda w, b: [w, b], tuple),
    "tuple": (lambda w, b: (w, b), tuple),
    "named tuple": (Pair, lambda p: (p.w, p.b)),
    "frozen dataclass": (Frozen, lambda p: (p.w, p.b)),
    "dataclass with slots": (Slots, lambda p: (p.w, p.b)),
    "nested": (
        lambda w, b: {"layers": [{"w": w}, None], "rest": (Pair(b, ()),)},
        lambda p: (p["layers"][0]["w"], p["rest"][0].w),
    ),
    "module": (Layer, lambda p: (p.w, p.b)),
    "module in a dict": (lambda w, b: {"m": Layer(w, b)}, lambda p: (p["m"].w, p["m"].b)),
}


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("kind", ["arrays", "tensors"])
def test_derivatives_have_the_structure_of_their_argument(name: str, kind: str) -> None:
    build, read = STRUCTURES[name]
    made = (lambda x: x) if kind == "arrays" else ge.tensor
    params = build(made(W), made(B))

    def loss(p: Any, x: Any) -> Any:
        w, b = read(p)
        return np.sum(np.tanh(x @ w + b) ** 2)

    a, c = ge.tensor(W, requires_grad=True), ge.tensor(B, requires_grad=True)
    z = np.sum(np.tanh(X @ a + c) ** 2)
    expected = ge.grad(z, [a, c], create_graph=True)
    for value, gradient in [ge.value_and_grad(loss)(params, X), (z.item(), ge.grad(loss)(params, X))]:
        assert type(gradient) is type(params) and float(array_of(value)) == z.item()
        for mine, theirs in zip(read(gradient), expected, strict=True):
            assert type(mine) is (np.ndarray if kind == "arrays" and "module" not in name else Tensor)
            np.testing.assert_array_equal(array_of(mine), theirs.data)
    direction = build(made(W), made(B))
    along = ge.grad((expected[0] * W).sum() + (expected[1] * B).sum(), [a, c])
    for mine, theirs in zip(read(ge.hvp(loss)(params, direction, X)), along, strict=True):
        np.testing.assert_allclose(array_of(mine), theirs.data, rtol=1e-12)
    moved = ge.jvp(loss)(params, direction, X)
    np.testing.assert_allclose(array_of(moved), (expected[0].data * W).sum() + (expected[1].data * B).sum())
    blocks = read(ge.jacobian(lambda p: read(p)[0] @ read(p)[1], argnums=0)(params))
    assert [array_of(block).shape for block in blocks] == [(3, 3, 2), (3, 2)]
    curved = read(ge.hessian(loss)(params, X))
    assert [[array_of(x).shape for x in read(row)] for row in curved] == [
        [(3, 2, 3, 2), (3, 2, 2)],
        [(2, 3, 2), (2, 2)],
    ]


@pytest.mark.parametrize("name", STRUCTURES)
def test_one_vector_and_back(name: str) -> None:
    build, read = STRUCTURES[name]
    vector, unravel = ge.ravel_pytree(build(W, B))
    np.testing.assert_array_equal(array_of(vector), np.concatenate([W.reshape(-1), B]))
    for mine, theirs in zip(read(unravel(array_of(vector))), (W, B), strict=True):
        np.testing.assert_array_equal(array_of(mine), theirs)
    v = ge.tensor(array_of(vector), requires_grad=True)
    again, _ = ge.ravel_pytree(unravel(v))
    assert ge.grad((again * np.arange(8.0)).sum(), v).tolist() == [*range(8)]


def test_the_vector_has_one_dtype_and_the_parts_their_own() -> None:
    tree = {"a": np.ones((2, 1), np.float32, order="F"), "b": 2.0, "c": np.float16(3)}
    vector, unravel = ge.ravel_pytree(tree)
    assert vector.dtype == np.float64 and vector.tolist() == [1, 1, 2, 3]
    back = unravel(vector)
    assert back["a"].dtype == np.float32 and back["a"].shape == (2, 1) and type(back["b"]) is np.float64
    assert type(back["c"]) is np.float16
    empty, unravel = ge.ravel_pytree({})
    assert empty.shape == (0,) and unravel(empty) == {}
    with pytest.raises(ge.ShapeError, match="holds 0 numbers, got a vector of shape"):
        unravel(np.ones(3))


def test_a_registered_kind_is_a_structure() -> None:
    class Point:
        def __init__(self, x: Any, y: Any) -> None:
            self.x, self.y = x, y

    ge.register_structure(Point, lambda p: ([".x", ".y"], [p.x, p.y], lambda parts: Point(*parts)))
    gradient = ge.grad(lambda p: p.x * p.y)(Point(2.0, 5.0))
    assert (gradient.x, gradient.y) == (5.0, 2.0)
    with pytest.raises(ge.ArgumentError, match=r"p\.y is a str"):
        ge.grad(lambda p: p.x)(Point(2.0, "5"))


def test_a_module_is_left_alone_and_shared_parameters_count_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3, seed=1), nn.Tanh(), nn.BatchNorm1d(3))
    tied = nn.ModuleList([model[0], model[0]])
    before = {name: p.data.copy() for name, p in model.named_parameters()}
    gradient = ge.grad(lambda m, x: (m(x) ** 3).sum(), create_graph=False)(model, ge.tensor(X))
    model_out = (model(ge.tensor(X)) ** 3).sum()
    model_out.backward()
    for (name, p), g in zip(model.named_parameters(), gradient.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, before[name])
        np.testing.assert_array_equal(g.data, p.grad.data)
        assert not g.requires_grad
    gradient = ge.grad(lambda m: m[0].weight.sum() + 2 * m[1].weight.sum())(tied)
    assert gradient[0].weight.tolist() == [[3.0] * 3] * 3 and gradient[1].weight is gradient[0].weight


PARAMS = {"layers": [{"w": W, "b": B}], "scale": 2.0}


def use(params: Any) -> Any:
    return (X @ params["layers"][0]["w"]).sum() * params["scale"]


def with_(value: Any) -> Any:
    return {"layers": [{"w": value, "b": B}], "scale": 2.0}


MASKED = np.ma.masked_array(W, W > 0)
OBJECTS = np.empty(2, object)
OBJECTS[:] = [ge.tensor(1.0), ge.tensor(2.0)]
BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a string": (lambda: ge.grad(use)(with_("w")), TypeError, r'params\["layers"\]\[0\]\["w"\] is a str'),
    "an integer array": (
        lambda: ge.grad(use)(with_(np.ones(3, int))),
        TypeError,
        r'params\["layers"\]\[0\]\["w"\] holds int64',
    ),
    "an integer": (lambda: ge.grad(use)(with_(3)), TypeError, r'\["w"\] is the integer 3, .* write 3\.0'),
    "a flag": (lambda: ge.grad(use)(with_(True)), TypeError, r'\["w"\] is the integer True'),
    "complex": (lambda: ge.grad(use)(with_(np.ones(2) * 1j)), TypeError, r'\["w"\] holds complex128'),
    "masked": (lambda: ge.grad(use)(with_(MASKED)), TypeError, r'\["w"\] is a masked array'),
    "objects": (lambda: ge.grad(use)(with_(OBJECTS)), TypeError, r'\["w"\] holds object.* stack'),
    "a second argument": (lambda: ge.grad(lambda a, b: a, argnums=1)(1.0, {"x": "y"}), TypeError, r'b\["x"\] is a str'),
    "both arguments": (lambda: ge.jacobian(lambda a, b: a, (1.0, [2])), TypeError, r"b\[0\] is the integer 2"),
    "any arguments": (lambda: ge.grad(lambda *p: p[0], argnums=(0, 1))(1.0, "y"), TypeError, r"argument 1 is a str"),
    "v lacks": (
        lambda: ge.hvp(use)(PARAMS, {"layers": [{"w": W}], "scale": 1.0}),
        TypeError,
        r'v\["layers"\]\[0\]\["b"\] is missing',
    ),
    "v has more": (lambda: ge.hvp(use)(PARAMS, PARAMS | {"more": 1.0}), TypeError, r'v\["more"\] has no place'),
    "v is flat": (lambda: ge.hvp(use)(PARAMS, W), TypeError, "v is a ndarray|v is an ndarray"),
    "shape in v": (
        lambda: ge.jvp(use)(PARAMS, {"layers": [{"w": B, "b": B}], "scale": 1.0}),
        ValueError,
        r'v\["layers"\]\[0\]\["w"\] has shape \(2,\), its input \(3, 2\)',
    ),
    "a string in v": (
        lambda: ge.jvp(use)(PARAMS, {"layers": [{"w": "w", "b": B}], "scale": 1.0}),
        TypeError,
        r'v\["layers"\]\[0\]\["w"\] is a str',
    ),
    "complex numbers in v": (
        lambda: ge.jvp(use)(PARAMS, {"layers": [{"w": W * 1j, "b": B}], "scale": 1.0}),
        TypeError,
        r'v\["layers"\]\[0\]\["w"\] holds complex128',
    ),
    "an object": (
        lambda: ge.grad(use)(with_(types.SimpleNamespace(w=W))),
        TypeError,
        r'\["w"\] is a SimpleNamespace, .* pytree\.register_structure',
    ),
    "a masked array beside it": (lambda: ge.grad(lambda x: (MASKED * x).sum())(W), RuntimeError, r"r\[~mask\]"),
    "a masked result": (lambda: ge.grad(lambda x: np.ma.masked_invalid(x).sum())(W), RuntimeError, r"r\[~mask\]"),
    "out= and where=": (
        lambda: ge.grad(lambda x: np.divide(1, x, out=np.zeros(W.shape), where=W > 0).sum())(W),
        TypeError,
        r"np\.where\(mask, np\.divide\(\.\.\., \.\.\.\), other\)",
    ),
    "result": (lambda: ge.jacobian(lambda x: {"a": x, "b": [x, "c"]})(W), TypeError, r'str as result\["b"\]\[1\]'),
    "integers in the result": (lambda: ge.jacobian(lambda x: [x, x.argmax()])(W), TypeError, r"int64 as result\[1\]"),
    "no number": (lambda: ge.grad(lambda x: x)(W), RuntimeError, r"one number, got shape \(3, 2\); sum it up"),
    "two numbers": (
        lambda: ge.grad(lambda x: (x.sum(), x.sum()))(W),
        RuntimeError,
        r"one number, got shape \(\) and \(\)",
    ),
    "no argument": (lambda: ge.grad(use)(), TypeError, "argument 0 was asked for, got 0 positional arguments"),
    "by keyword": (lambda: ge.grad(use)(params=PARAMS), TypeError, "pass it by place"),
    "beyond": (
        lambda: ge.grad(use, argnums=2)(PARAMS),
        TypeError,
        "argument 2 was asked for, got 1 positional argument;",
    ),
    "argnums": (lambda: ge.grad(use, argnums=-1)(PARAMS), TypeError, "counted from 0"),
    "argnums by place": (lambda: ge.grad(use, 1), TypeError, r"integer 1 as its input, .* argnums=1 for the place"),
    "argnums twice": (lambda: ge.grad(use, argnums=(0, 0))(PARAMS), TypeError, "each argument once"),
    "no function": (lambda: ge.value_and_grad(3.0), TypeError, "got float; of a tensor z call grad"),
    "aux": (lambda: ge.grad(lambda x: x.sum(), has_aux=True)(W), TypeError, "with has_aux=True"),
    "weights for a function": (lambda: ge.grad(use, PARAMS, 1.0), TypeError, "belong to grad\\(z, x\\)"),
    "argnums for a tensor": (lambda: ge.grad(ge.tensor(1.0), [], argnums=0), TypeError, "belong to grad\\(f\\)"),
    "v without inputs": (lambda: ge.hvp(use, v=PARAMS), TypeError, "write f, x, v"),
    "an unknown leaf of one vector": (
        lambda: ge.ravel_pytree({"a": [1.0, "b"]}),
        TypeError,
        r'tree\["a"\]\[1\] is a str',
    ),
}


@pytest.mark.parametrize(("program", "kind", "words"), BAD.values(), ids=BAD)
def test_misfits_are_named_by_their_path(program: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        program()
    assert isinstance(caught.value, ge.GradEngineError)
    assert "\n" not in str(caught.value)
