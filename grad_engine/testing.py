"""Check derivatives against central differences, to any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.grad import grad
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.creation import tensor
from grad_engine.errors import ArgumentError
from grad_engine.ops.joining import concat
from grad_engine.ops.shape import reshape
from grad_engine.pytree import taken_apart

MOST_ENTRIES = 1000  # of an input whose derivative is wrong, that are looked at one by one
ORDINALS = {1: "first", 2: "second", 3: "third"}


def check_gradients(
    f: Callable[..., Any],
    inputs: Any,
    order: int = 1,
    *,
    eps: float = 1e-5,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless the derivatives of `f` at `inputs`, up to `order`, match central differences.

    f: takes a tensor for each input and returns one tensor of any shape, or a structure of them (list, tuple, dict),
        of which those with floating-point numbers are checked, together.
    inputs: a float64 array, or a list of them; each is checked along a random direction, with a random weight on each
    output element.

    The message names every input whose derivative is off, and where the first of them is off most.
    """
    if not isinstance(order, int | np.integer):
        raise ArgumentError(
            f"check_gradients() takes all inputs as one list, check_gradients(f, [a, b]), and then the order, a whole "
            f"number; got {type(order).__name__} as the order"
        )
    given = [inputs] if isinstance(inputs, np.ndarray | np.generic | Tensor | float | int) else inputs
    arrays = [np.array(array_of(x), dtype=np.float64) for x in given]
    f = _one_vector(f)
    for nth in range(1, order + 1):
        f = _checked(f, arrays, nth, eps, rtol, atol, np.random.default_rng(seed + nth - 1))
        rtol, atol = rtol * 10, atol * 10


def _one_vector(f: Callable[..., Any]) -> Callable[..., Tensor]:
    """`f` with all floating-point numbers that it returns one after the other in one tensor."""

    def joined(*xs: Any) -> Tensor:
        out = f(*xs)
        if type(out) is Tensor:
            return out
        leaves = [as_tensor(leaf) for leaf in taken_apart(out)[0]]
        parts = [reshape(leaf, (-1,)) for leaf in leaves if leaf.dtype.kind == "f"]
        if not parts:
            raise ArgumentError(f"the function returned {type(out).__name__} without a floating-point number")
        return concat(parts)

    return joined


def _checked(
    f: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    nth: int,
    eps: float,
    rtol: float,
    atol: float,
    rng: np.random.Generator,
) -> Callable[..., Tensor]:
    """The derivative that was found right, as a function that can be checked in its turn."""
    weights = rng.standard_normal(f(*map(tensor, arrays)).shape)
    along = [rng.standard_normal(x.shape) for x in arrays]

    def shares(*xs: Any) -> list[Tensor]:
        """The derivative of the weighted output by each input."""
        leaves = [x if type(x) is Tensor and x.requires_grad else tensor(x, requires_grad=True) for x in xs]
        out = (f(*leaves) * weights).sum()
        zeros = [tensor(np.zeros(x.shape)) for x in leaves]
        if not out.requires_grad:
            return zeros
        parts = grad(out, leaves, create_graph=True, allow_unused=True)
        return [zero if part is None else part for part, zero in zip(parts, zeros, strict=True)]

    def numeric(slot: int, step: np.ndarray) -> float:
        """The change of the weighted output along a step of one input, by central differences."""
        ahead, behind = ([*arrays[:slot], arrays[slot] + s * eps * step, *arrays[slot + 1 :]] for s in (1, -1))
        return float(((f(*map(tensor, ahead)).data - f(*map(tensor, behind)).data) * weights).sum() / (2 * eps))

    found = shares(*arrays)
    size = float(np.abs(weights).max(initial=1.0))
    wrong = {}
    for slot, direction in enumerate(along):
        exact, difference = float((found[slot].data * direction).sum()), numeric(slot, direction)
        if not abs(exact - difference) <= atol + rtol * max(abs(difference), size):
            wrong[slot] = exact, difference
    if wrong:
        slot = next(iter(wrong))
        exact, difference = wrong[slot]
        others = f"; so {'is' if len(wrong) == 2 else 'are'} that by input {', '.join(map(str, [*wrong][1:]))}"
        raise AssertionError(
            f"the {ORDINALS.get(nth, f'{nth}th')} derivative by input {slot} (shape {arrays[slot].shape}) is wrong: "
            f"along a random direction it is {exact!r}, central differences give {difference!r}"
            f"{_entries(found[slot].data, slot, numeric, rtol)}{others if len(wrong) > 1 else ''}"
        )

    def total(*xs: Any) -> Tensor:
        first, *others = ((share * v).sum() for share, v in zip(shares(*xs), along, strict=True))
        for other in others:
            first = first + other
        return first

    return total


def _entries(exact: np.ndarray, slot: int, numeric: Callable[[int, np.ndarray], float], rtol: float) -> str:
    """Which entries of a wrong derivative are off, in words; "" where there are too many to look at."""
    if not 1 < exact.size <= MOST_ENTRIES:
        return ""
    difference = np.empty_like(exact)
    for index in np.ndindex(exact.shape):
        step = np.zeros_like(exact)
        step[index] = 1
        difference[index] = numeric(slot, step)
    distance = np.abs(exact - difference)
    off = ~(distance <= 1e3 * rtol * max(1.0, np.abs(difference).max()))
    if not off.any():
        return ""
    worst = np.unravel_index(np.argmax(np.where(np.isnan(distance), np.inf, distance)), exact.shape)
    ratios = exact[off] / np.where(difference[off] == 0, np.nan, difference[off])
    same = np.ptp(ratios) <= 1e-4 * abs(ratios[0])
    alike = f" by a factor of {ratios[0] + 0.0:.4g}" if same else ""  # + 0.0: never -0
    place, count = [int(i) for i in worst], int(off.sum())
    are = "is" if count == 1 else "are"
    return (
        f"; with outputs weighted at random, {count} of its {exact.size} entries {are} off{alike}, most at {place}: "
        f"{exact[worst]:.6g} instead of {difference[worst]:.6g}"
    )
