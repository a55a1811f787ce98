"""Functions of scipy.special at the ends of their domains: a finite value has the slope of one of its sides."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.numpy_protocol import SCIPY_TO_OP

special = pytest.importorskip("scipy.special")

ENDS = (0.0, 1.0, -1.0, 2.0, np.inf, -np.inf)
BASES = ((0.4, 0.7, 0.3, 0.6), (1.7, 0.6, 2.3, 0.8))
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
NAMES = sorted(name for name in SCIPY_TO_OP if isinstance(getattr(special, name, None), np.ufunc))
WHOLE = {"expn", "kn", "yn", "eval_hermite", "eval_hermitenorm", "nbdtr", "nbdtrc", "bdtr", "bdtrc"}  # of whole numbers
NEVER_RETURN = ("hyp",)  # at inf
# Steps, and functions that are 0 far away, where no formula holds: an infinite argument of these is not tried.
FINITE = {"boxcox1p", "powm1", "struve", "modstruve", "voigt_profile"}


def first(out: Any) -> Any:
    """The first of several results, its real part."""
    return (out[0] if isinstance(out, tuple) else out).real


def limit(f: Callable[..., Any], xs: list[float], place: int, side: int) -> float | None:
    """What the difference quotients of f on one side of xs go to, inf where they grow; None where they do neither."""
    quotients = []
    for step in STEPS:
        moved = [x + side * step if i == place else x for i, x in enumerate(xs)]
        quotients.append((float(first(f(*moved))) - float(first(f(*xs)))) / (side * step))
    if not np.isfinite(quotients).all():
        return None
    apart, sizes = np.abs(np.diff(quotients)), np.abs(quotients)
    best = int(np.argmin(apart))
    if apart[best] <= 1e-3 * max(1e-3, sizes[best]):
        return quotients[best + 1]
    if sizes[-1] > 1.3 * sizes[-2] > 1.69 * sizes[-3] or (np.all(np.diff(sizes)[1:] > 0) and sizes[-1] > sizes[0] + 5):
        return float(np.copysign(np.inf, quotients[-1]))
    return None


def points(name: str, count: int) -> Iterator[list[Any]]:
    """Arguments of which one is at an end; of some functions all but the last are whole numbers."""
    ends = ENDS[:4] if name in WHOLE | FINITE or name.startswith(NEVER_RETURN) else ENDS
    for base, place, end in itertools.product(BASES, range(count), ends):
        xs: list[Any] = [end if i == place else x for i, x in enumerate(base[:count])]
        yield [*(int(x + 0.5) for x in xs[:-1]), xs[-1]] if name in WHOLE else xs


@pytest.mark.filterwarnings("ignore:non-integer")
@pytest.mark.parametrize("name", NAMES)
def test_a_finite_value_has_a_true_slope(name: str) -> None:
    theirs, ours = getattr(special, name), SCIPY_TO_OP[name]
    with np.errstate(all="ignore"):
        for xs in points(name, theirs.nin):
            if not np.isfinite(first(theirs(*xs))):
                continue
            for place in np.flatnonzero(np.isfinite(xs)).tolist()[-1 if name in WHOLE else 0 :]:
                sides = [limit(theirs, xs, place, side) for side in (1, -1)]
                known = [side for side in sides if side is not None]
                known += [sum(known) / 2] if np.isfinite(known).all() and known else []  # at a kink
                leaf = ge.tensor(xs[place], requires_grad=True)
                try:
                    out = ours(*[leaf if i == place else x for i, x in enumerate(xs)])
                    share = ge.grad(first(out) if isinstance(out, tuple) else out, leaf, allow_unused=True)
                except ge.GradEngineError:
                    continue  # refused in words, as a parameter that must be a number
                found = 0.0 if share is None else share.item()
                right = any(
                    abs(found - side) <= 5e-3 * max(1e-2, abs(side)) if np.isfinite(side) else np.isinf(found)
                    for side in known
                )
                assert right or not known, f"{name}{tuple(xs)} by argument {place}: {found}, by differences {known}"
