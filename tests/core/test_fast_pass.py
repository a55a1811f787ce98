"""The quick backward pass gives what an observed one gives, and lets go of the same values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.chain_rule import newest_first, pull_back
from grad_engine.core.op import OPS, Op
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf
from tests.samples import as_function, cases


class Observer:
    """What is told of every step, and does nothing: with it a pass is an observed one."""

    def ran(self, *step: Any) -> None:
        pass

    def sent(self, *step: Any) -> None:
        pass


def check_passes(parts: Sequence[Tensor], targets: Sequence[Any] | None) -> None:
    """Check that both passes give the same bits in arrays of the same kind, and change no seed."""
    rng = np.random.default_rng(0)
    seeds = {each.node: np.asarray(rng.standard_normal(each.shape), each.dtype) for each in parts if each.requires_grad}
    before = {edge: seed.copy() for edge, seed in seeds.items()}
    observed = pull_back(seeds, targets, observers=[Observer()])
    quick = pull_back(seeds, targets)
    assert quick.keys() == observed.keys()
    for edge, g in quick.items():
        np.testing.assert_array_equal(g, observed[edge])
        assert np.asarray(g).tobytes() == np.asarray(observed[edge]).tobytes() and g.dtype == observed[edge].dtype
    for edge, seed in seeds.items():
        np.testing.assert_array_equal(seed, before[edge])


DIFFERENTIABLE = {name: op for name, op in OPS.items() if op.differentiable and op.inputs}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("op", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_a_quick_and_an_observed_pass_give_the_same_bits(op: Op, dtype: Any) -> None:
    for each in cases(op):
        f, arrays = as_function(op, each)
        given = [leaf(value.astype(dtype), dtype) for value in arrays]
        made = f(*given)
        parts = list(made) if isinstance(made, tuple | list) else [made]
        if any(part.requires_grad for part in parts):
            check_passes(parts, None)
            check_passes(parts, [value.node for value in given[:1]])


def test_sums_of_several_shares_have_the_same_bits() -> None:
    x, y, w = leaf(np.linspace(-1, 1, 6).reshape(2, 3)), leaf([0.5, -0.25, 2.0]), leaf(3.0)
    h = x * y + x
    parts = ge.split(h, 3, axis=1)
    z = h * h + ge.sin(h) * w + parts[0] * parts[2] - ge.stack([y, y]) + w * w
    check_passes([z], None)
    check_passes([z, x, h, w], None)
    check_passes([z, x, h, w], [h.node, w.node, x.node])


def test_a_quick_pass_lets_go_of_every_value_and_an_observed_one_too() -> None:
    for observers in ([], [Observer()]):
        x = leaf([0.5, 2.0])
        z = ge.sum(ge.concat([ge.clip(x, 0.0, 1.0) * x, ge.sin(x)]))
        pull_back({z.node: np.float64(1.0)}, observers=observers, release=True)
        for node in newest_first([z.node]):
            assert node.out is None and all(array is None for array in node.arrays) and not node.rest


def test_an_error_in_a_rule_names_the_node_in_both_passes(own_op: Any) -> None:
    def rule(g: Any, out: Any, x: Any) -> Any:
        raise ZeroDivisionError("no")

    broken = own_op(lambda x: x.copy(), name="broken", symbol="b", category="shape", summary="Fails.", vjp={"x": rule})
    for observers in ([], [Observer()]):
        with pytest.raises(ZeroDivisionError) as caught:
            pull_back({broken(leaf([1.0, 2.0])).node: np.ones(2)}, observers=observers)
        assert caught.value.__notes__ == [
            "raised while the gradient passed BrokenBackward; its inputs have shapes (2,)"
        ]
