"""Values and derivatives do not depend on how an array lies in memory, for every op in the table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from tests.layouts import LAYOUTS
from tests.samples import cases, is_free, one_output, operands


def laid_out(value: Any, layout: Any) -> Any:
    if isinstance(value, list):
        return [laid_out(part, layout) for part in value]
    return layout(value) if isinstance(value, np.ndarray) else value


def derivatives(op: Op, static: Any, given: list[Any], layout: Any) -> list[np.ndarray]:
    """The outputs, the gradients for a seed in that layout, and the gradients of a product with the gradients."""
    leaves: list[Any] = []

    def leaf(value: Any) -> Any:
        if isinstance(value, list):
            return [leaf(part) for part in value]
        if not is_free(value):
            return value
        leaves.append(ge.from_numpy(value, requires_grad=True))
        return leaves[-1]

    args = [leaf(value) for value in given]
    raw = DEFINED[op.name](*args, **static)
    found = [part.data for part in (raw if isinstance(raw, tuple) else (raw,))]
    out = one_output(lambda: raw)()
    if not out.requires_grad:
        return found
    rng = np.random.default_rng(3)
    seed = layout(rng.uniform(0.5, 1.5, out.shape).astype(out.dtype))
    slopes = ge.grad(out, leaves, seed, create_graph=True, allow_unused=True)
    found += [slope.data for slope in slopes if slope is not None]
    curves = [slope for slope in slopes if slope is not None and slope.requires_grad]
    if curves:
        along = [layout(rng.standard_normal(slope.shape).astype(slope.dtype)) for slope in curves]
        second = ge.grad(curves, leaves, along, allow_unused=True)
        found += [slope.data for slope in second if slope is not None]
    return found


def outcome(*args: Any) -> Any:
    """The derivatives, or the class of the engine's error."""
    try:
        return derivatives(*args)
    except ge.GradEngineError as error:
        return type(error)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_values_and_derivatives_are_those_of_a_copy_in_c_order(op: Op) -> None:
    for each in cases(op):
        given = operands(op, each)
        for name, layout in LAYOUTS.items():
            other = laid_out(given, layout)
            plain = laid_out(other, lambda x: x.copy(order="C"))
            with np.errstate(all="ignore"):
                expected = outcome(op, each.static, plain, lambda x, lay=layout: lay(x).copy(order="C"))
                got = outcome(op, each.static, other, layout)
            if isinstance(expected, type):
                assert got is expected, (name, each.static)
                continue
            assert isinstance(got, list) and len(got) == len(expected), (name, each.static, got)
            for mine, theirs in zip(got, expected, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9, err_msg=f"{name} {each.static}")
