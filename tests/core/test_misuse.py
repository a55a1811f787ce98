"""Misuse is an exception that says what to do."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf

X = leaf([1.0, 2.0, 3.0])


MISUSE: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no gradient": (lambda: (X * 2).backward(), RuntimeError, r"one element, got shape \(3,\); call .sum\(\) first"),
    "no graph": (lambda: ge.tensor([1.0]).backward(), RuntimeError, "requires_grad=True"),
    "gradient's shape": (lambda: (X * 2).backward(np.ones(2)), ValueError, r"shape \(3,\), got \(2,\)"),
    "gradient's type": (lambda: (X * 2).backward([1, 2, 3]), TypeError, "got list"),
    "gradient's dtype": (lambda: (X * 2).backward(np.array([1, 2, 3])), TypeError, "got int64"),
    "integer leaf": (lambda: ge.tensor([1, 2], requires_grad=True), TypeError, "got int64; pass dtype=float"),
    "leaf in place": (lambda: X.__iadd__(1), RuntimeError, r"x = x \+ y instead of x \+= y"),
    "leaf normalized in place": (lambda: X.__itruediv__(X.sum()), RuntimeError, "x = x / y instead of x /= y"),
    "part of a leaf in place": (lambda: X.__setitem__(0, 5.0), RuntimeError, r"x = x\.copy\(\) first"),
    "input of grad() in place": (
        lambda: ge.grad(lambda x: x.__imul__(2).sum())(np.ones(2)),
        RuntimeError,
        r"input of grad\(\), .* x = x \* y",
    ),
    "unused input": (lambda: ge.grad((X * 2).sum(), leaf(1.0)), RuntimeError, "allow_unused=True"),
    "grad of no tensor": (lambda: ge.grad([3.0], X), TypeError, "float"),
    "shapes": (lambda: X + leaf([1.0, 2.0]), ValueError, r"cannot broadcast shape \(3,\) and shape \(2,\)"),
    "second derivative": (lambda: ge.grad(ge.grad((X * X).sum(), X)[0].sum(), X), RuntimeError, "create_graph=True"),
    "nothing to join": (lambda: ge.concat([]), ValueError, "not possible on nothing"),
    "axis of a number": (lambda: leaf(1.0).sum(axis=1), ValueError, "it has none, so reshape"),
    "matrices": (lambda: leaf([[1, 2]]) @ leaf([[1, 2]]), ValueError, r"transpose one with .T"),
    "unknown keyword": (lambda: X.sum(foo=0), TypeError, "no argument 'foo'; it takes axis, keepdims"),
    "argument twice": (lambda: X.sum(0, axis=0), TypeError, "'axis' twice"),
    "too many arguments": (lambda: X.sum(0, True, 3), TypeError, "takes 1 operand and 2 arguments"),
    "missing argument": (lambda: X.unsqueeze(), TypeError, "needs axis="),
    "missing operand": (lambda: ge.tensordot(X), TypeError, "y is missing"),
    "static that requires grad": (lambda: X.sum(axis=leaf(0)), TypeError, "axis.detach"),
    "reshape": (lambda: X.reshape(2, 2), ValueError, r"size 3 into shape \(2,2\)"),
    "axis": (lambda: X.sum(axis=3), ValueError, "axis 3, which is out of range"),
    "repeated axis": (lambda: X.sum(axis=(0, 0)), ValueError, "duplicate"),
    "index": (lambda: X[7], IndexError, "out of bounds"),
    "words": (lambda: X + "a", TypeError, "got 'a'"),
    "nothing": (lambda: X + None, TypeError, "got None"),
    "complex": (lambda: ge.softmax(X + 1j), TypeError, "complex"),
    "asarray": (lambda: np.asarray(X), RuntimeError, "detach"),
    "numpy()": (lambda: X.numpy(), RuntimeError, "detach"),
    "tensor of tensors": (lambda: ge.tensor([X, X]), TypeError, "stack"),
    "ragged": (lambda: ge.tensor([[1, 2], [3]]), ValueError, "rows differ in length"),
    "tensor of words": (lambda: ge.tensor("abc"), TypeError, "real numbers"),
    "numpy without an op": (lambda: np.histogram(X), TypeError, "numpy.histogram has no gradient here"),
    "copyto": (lambda: np.copyto(np.zeros(3), X), TypeError, "numpy.copyto has no gradient.*no history"),
    "out= of a function": (lambda: np.clip(X, 0, 1, out=np.zeros(3)), TypeError, "out="),
    "conv2d of one image": (
        lambda: ge.conv2d(np.ones((5, 4)), np.ones((1, 1, 3, 3))),
        ValueError,
        r"write x\.reshape\(1, 1, 5, 4\)",
    ),
    "pooling of one image": (lambda: ge.max_pool2d(np.ones((5, 4)), 2), ValueError, r"write x\.reshape\(1, 1, 5, 4\)"),
    "a mask": (lambda: X * np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), TypeError, "masked"),
    "tensor with a mask": (lambda: ge.tensor(np.ma.array([1.0], mask=[1])), TypeError, "masked"),
    "array of words": (lambda: ge.from_numpy(np.array(["a"])), TypeError, "real numbers"),
    "cast to complex": (lambda: X.astype(complex), TypeError, "complex128"),
    "number beyond float": (lambda: X * 10**400, TypeError, "beyond"),
    "axis beyond int": (lambda: X.sum(axis=10**30), TypeError, "beyond"),
    "set beyond": (lambda: ge.tensor([1.0]).__setitem__(5, 1.0), IndexError, "out of bounds"),
    "set a shape": (lambda: ge.tensor([1.0]).__setitem__(0, [1.0, 2.0]), ValueError, "index_put"),
    "set words": (lambda: ge.tensor([1.0]).__setitem__(0, "a"), TypeError, "got 'a'"),
    "set nothing": (lambda: ge.tensor([1.0]).__setitem__(0, None), TypeError, "got None"),
    "not a float": (lambda: ~X, TypeError, "booleans and whole numbers, got float64"),
    "and a float": (lambda: X & 1.0, TypeError, "compare first"),
    "subclass": (lambda: type("Mine", (Tensor,), {}), TypeError, "final"),
    "NumPy's fourth argument": (lambda: np.sort(X, -1, None, "field"), TypeError, "no argument 'order'"),
    "dtype by position": (lambda: np.median(X, 0, np.zeros(())), TypeError, "out="),
    "ufunc method": (lambda: np.subtract.accumulate(X), TypeError, "np.subtract.accumulate has no gradient"),
    "out=": (lambda: np.exp(X, out=np.zeros(3)), TypeError, "out="),
    "dtype=": (lambda: np.exp(X, dtype=float), TypeError, "dtype"),
    "truth": (lambda: bool(X), ValueError, "no single truth value"),
    "float": (lambda: float(X), ValueError, "exactly one element"),
    "len of a scalar": (lambda: len(leaf(1.0)), TypeError, "no length"),
    "index by float": (lambda: [1, 2][leaf(1.0)], TypeError, "integer"),
    "pickle of a result": (lambda: pickle.dumps(X * 1), RuntimeError, "detach"),
    "copy of a result": (lambda: copy.deepcopy(X * 1), RuntimeError, "detach"),
    "max of nothing": (lambda: leaf([]).max(), ValueError, "empty"),
    "stack": (lambda: ge.stack([X, leaf([1.0])]), ValueError, "same shape"),
    "concat of a number": (lambda: ge.concat(3), TypeError, r"concat\(\[x, y\]\)"),
    "squeeze": (lambda: X.squeeze(0), ValueError, "size not equal to one"),
    "name": (lambda: ge.tensor(1.0, name=3), TypeError, "str"),
    "export of a leaf": (lambda: ge.export_graph(X), RuntimeError, "requires_grad=True"),
    "a flag in the shape": (lambda: ge.full((2, 3), 1.0, 5), TypeError, r"zeros\(\(2, 3\)\)"),
    "a dtype in the wrong place": (lambda: ge.tensor([1.0], np.float32), TypeError, "requires_grad is True or False"),
    "a name in the wrong place": (lambda: ge.tensor([1.0], "w"), TypeError, "requires_grad is True or False"),
    "no dtype": (lambda: ge.tensor([1.0], dtype="nonsense"), TypeError, "one of NumPy's"),
    "format of a vector": (lambda: f"{X:.2f}", ValueError, "a single number"),
    "grad of a function": (lambda: ge.grad(lambda v: v, X), RuntimeError, "returns one number"),
    "grad of what is no function": (lambda: ge.grad("x")(X), TypeError, "must be a tensor|write grad"),
    "grad by nothing": (lambda: ge.grad(X.sum()), TypeError, r"write grad\(z, x\)"),
    "save the wrong way round": (lambda: ge.save("w.npz", {"w": X}), TypeError, "takes a tensor or a dict"),
    "record of a tensor": (lambda: ge.save_graph(X, "g.json"), TypeError, "export_graph"),
    "names in a list": (lambda: ge.record_graph(X * 2, names=["x"]), TypeError, "names is a dict"),
    "export of an array": (lambda: ge.export_graph(np.ones(2)), TypeError, "got ndarray"),
    "tree of a number": (lambda: ge.visualize_graph(3.0), TypeError, "got float"),
    "fewer than no elements": (lambda: ge.record_graph(X * 2, max_elements=-1), TypeError, "from 0 on"),
    "export of nothing": (lambda: ge.export_graph([]), TypeError, "at least one"),
    "freezing a result": (lambda: (X * 2).requires_grad_(False), RuntimeError, "detach"),
    "grad of another shape": (lambda: setattr(X, "grad", np.ones(2)), ValueError, "shape"),
}


@pytest.mark.parametrize(("program", "kind", "words"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_an_exception_that_says_what_to_do(
    program: Callable[[], Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        program()
    assert isinstance(caught.value, ge.GradEngineError)
