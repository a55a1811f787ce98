"""One comparison for every test against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

torch = pytest.importorskip("torch")


def agree(
    mine: Callable[..., Any], theirs: Callable[..., Any], *arrays: Any, order: int = 2, tolerance: float = 1e-10
) -> None:
    """Both functions give the same values and, for floating-point operands, the same derivatives up to `order`.

    Each derivative is taken of the one before, weighted by the same random numbers. A derivative that one side knows to
    be constant must be zero on the other.
    """
    rng = np.random.default_rng(0)
    given = [np.asarray(a) for a in arrays]
    real = [a.dtype.kind == "f" for a in given]
    xs = [ge.tensor(a, requires_grad=r) for a, r in zip(given, real, strict=True)]
    ts = [torch.tensor(a, requires_grad=r) for a, r in zip(given, real, strict=True)]
    x_leaves, t_leaves = ([leaf for leaf, r in zip(leaves, real, strict=True) if r] for leaves in (xs, ts))
    x_out, t_out = mine(*xs), theirs(*ts)
    for step in range(order + 1):
        assert x_out.shape == tuple(t_out.shape), f"order {step}"
        np.testing.assert_allclose(
            x_out.data, t_out.detach().numpy(), rtol=tolerance, atol=tolerance, err_msg=f"order {step}"
        )
        if step == order or not x_leaves:
            break
        weight = rng.standard_normal(x_out.shape)
        x_parts: Any = (None,) * len(x_leaves)
        t_parts: Any = (None,) * len(x_leaves)
        if x_out.requires_grad:
            x_parts = ge.grad(x_out, x_leaves, ge.tensor(weight), create_graph=True, allow_unused=True)
        if t_out.requires_grad:
            t_parts = torch.autograd.grad(t_out, t_leaves, torch.tensor(weight), create_graph=True, allow_unused=True)
        x_out = ge.concat(
            [
                (ge.zeros_like(x) if part is None else part).reshape(-1)
                for x, part in zip(x_leaves, x_parts, strict=True)
            ]
        )
        t_out = torch.cat(
            [
                (torch.zeros_like(t) if part is None else part).reshape(-1)
                for t, part in zip(t_leaves, t_parts, strict=True)
            ]
        )
