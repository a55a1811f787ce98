"""Calls of every op of the table with their gradients, as functions of a list of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from grad_engine.core.define import DEFINED
from grad_engine.core.node import GradAccum
from grad_engine.core.op import Case, Op
from grad_engine.core.tensor import wrap
from tests.samples import is_free, numbers


def filled(op: Op, each: Case, seed: int) -> list[Any]:
    """The operands of one case, filled with random numbers of the op's domain."""
    rng = np.random.default_rng(seed)

    def fill(spec: Any) -> Any:
        if isinstance(spec, list):
            return [fill(part) for part in spec]
        return spec if spec is None or isinstance(spec, np.ndarray) else numbers(op, spec, rng)

    return [fill(spec) for spec in each.operands]


def weighted(out: ge.Tensor, place: int) -> ge.Tensor:
    """A sum of all elements, each with a weight of its own."""
    return (out * np.random.default_rng(place).uniform(0.5, 1.5, out.shape)).sum()


def value_and_gradients(op: Op, each: Case) -> Callable[[list[Any]], list[ge.Tensor]]:
    """A function of the operands: the results of one case, and the gradients of their weighted sum."""
    call, static = DEFINED[op.name], dict(each.static)

    def run(operands: list[Any]) -> list[ge.Tensor]:
        leaves: list[ge.Tensor] = []

        def leaf(x: Any) -> Any:
            if not is_free(x):
                return x
            leaves.append(wrap(np.asarray(x), GradAccum()))
            return leaves[-1]

        out = call(*([leaf(part) for part in x] if isinstance(x, list) else leaf(x) for x in operands), **static)
        outs = out if isinstance(out, tuple) else (out,)
        sums = [weighted(part, place) for place, part in enumerate(outs) if part.requires_grad]
        results = [part.detach() for part in outs]
        if not sums:
            return results
        found = ge.grad(sums, leaves, allow_unused=True)
        return results + [share for share in found if share is not None]

    return run
