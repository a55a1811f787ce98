"""What a tensor does as the number or array it holds does; copies and pickles."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf


def test_a_tensor_behaves_like_the_number_or_array_it_holds() -> None:
    loss, x = leaf(0.5), leaf([1.0, 2.0, 3.0])
    assert loss < 1
    assert f"{loss:.4f}" == "0.5000"
    assert float(loss.detach()) == 0.5 and int(ge.tensor(3.7)) == 3 and loss.item() == 0.5
    assert round(leaf(1.26), 1).item() == 1.3
    assert len(x) == 3 and [t.item() for t in x] == [1, 2, 3] and 2.0 in x
    assert list(range(5))[ge.tensor(2)] == 2
    assert x.tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(x > 1.5, [False, True, True])
    np.testing.assert_array_equal((x == x.data), [True] * 3)
    assert ((x > 1) & (x < 3)).tolist() == [False, True, False]
    assert sum([x, x]).requires_grad
    assert (np.float64(2) * x).requires_grad and (np.ones(3) * x).requires_grad
    assert (~ge.tensor([True, False])).tolist() == [False, True]
    assert {x: 1}[x] == 1
    assert x.T.shape == (3,) and x.shape == (3,) and x.ndim == 1 and x.size == 3 and x.dtype == np.float64


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (lambda: leaf([1.0, 2.5]), "tensor([1. , 2.5], requires_grad=True)"),
        (lambda: leaf([1.0]) + 1, "tensor([2.], grad_fn=<AddBackward>)"),
        (lambda: ge.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: ge.tensor(1.0, dtype=np.float32), "tensor(1., dtype=float32)"),
        (lambda: ge.tensor(1.0, name="w"), "tensor(1., name='w')"),
    ],
)
def test_repr(made: Callable[[], Tensor], shown: str) -> None:
    assert repr(made()) == shown


def test_grad_fn_is_named_as_the_family_names_it() -> None:
    x = leaf([[1.0, -2.0]])
    names = {
        "AddBackward": x + 1, "LogSoftmaxBackward": x.log_softmax(), "MatmulBackward": x @ x.T, "GradAccum": x,
        "LnBackward": ge.log(x * x), "LogBackward": ge.log(x * x, 2), "StackBackward": ge.stack([x, x]),
    }  # fmt: skip
    for name, made in names.items():
        assert made.grad_fn.name == name


def test_leaves_are_copied_and_pickled() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="w")
    (x * 2).sum().backward()
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin.requires_grad and twin.name == "w" and twin.node is not x.node
        np.testing.assert_array_equal(twin.grad.data, x.grad.data)
        assert not np.shares_memory(twin.data, x.data)
