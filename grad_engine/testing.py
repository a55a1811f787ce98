"""Check derivatives against central differences, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.autograd import grad
from grad_engine.creation import tensor
from grad_engine.tensor import Tensor


def check_gradients(
    f: Callable[..., Any],
    inputs: Sequence[Any],
    order: int = 1,
    *,
    eps: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless the derivatives of `f` at `inputs`, up to `order`, match central differences.

    f: takes a tensor for each input and returns one tensor of any shape.
    inputs: float64 arrays; each is checked along a random direction, with a random weight on each output element.

    The message names the input whose derivative is off most, with both values.
    """
    rng = np.random.default_rng(seed)
    arrays = [np.array(x.array if type(x) is Tensor else x, dtype=np.float64) for x in inputs]
    weights = rng.standard_normal(f(*map(tensor, arrays)).shape)
    along = [rng.standard_normal(x.shape) for x in arrays]

    def slopes(*xs: Any) -> list[Tensor]:
        """The derivative of the weighted output along each input's direction."""
        leaves = [x if type(x) is Tensor and x.requires_grad else tensor(x, requires_grad=True) for x in xs]
        out = (f(*leaves) * weights).sum()
        if not out.requires_grad:
            return [tensor(0.0) for _ in leaves]
        parts = grad(out, leaves, create_graph=True, allow_unused=True)
        return [tensor(0.0) if p is None else (p * v).sum() for p, v in zip(parts, along, strict=True)]

    found = slopes(*arrays)
    for slot, (array, direction) in enumerate(zip(arrays, along, strict=True)):
        ahead, behind = ([*arrays[:slot], array + s * eps * direction, *arrays[slot + 1 :]] for s in (1, -1))
        difference = f(*map(tensor, ahead)).data - f(*map(tensor, behind)).data
        numeric = float((difference * weights).sum() / (2 * eps))
        exact = float(found[slot])
        if not abs(exact - numeric) <= atol + rtol * max(abs(numeric), float(np.abs(weights).max(initial=1.0))):
            raise AssertionError(
                f"the derivative along input {slot} (shape {array.shape}) is {exact!r}, "
                f"central differences give {numeric!r}, order {order} from the end"
            )
    if order > 1:

        def total(*xs: Any) -> Tensor:
            first, *others = slopes(*xs)
            for other in others:
                first = first + other
            return first

        check_gradients(total, arrays, order - 1, eps=eps, rtol=rtol * 10, atol=atol * 10, seed=seed + 1)
