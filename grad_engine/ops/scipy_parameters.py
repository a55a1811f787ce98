"""Derivatives of SciPy's functions by parameters for which there is no formula: orders, shapes, degrees of freedom.

All these functions are analytic in such a parameter. They are computed at 20 Chebyshev nodes around it, and the
polynomial through these is differentiated in the middle (Trefethen 2013, chapter 8 and 21). With a radius of the length
on which the function changes, and a quarter of the distance to the next pole, some 12 to 14 digits are right: tests
compare with mpmath. Second derivatives and mixed ones are found in the same way, and lose a digit or two each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from grad_engine.core.define import define, in_rules
from grad_engine.core.op import case
from grad_engine.core.stand_ins import asks
from grad_engine.errors import NotDifferentiableError
from grad_engine.ops.special import kernel

_NODES = 20
_TURNS = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
Radius = Callable[..., Any]


@lru_cache
def _weights(order: int) -> np.ndarray:
    """What the values at the nodes are multiplied with: the derivative of this order at 0, for a radius of 1."""
    angles = np.pi * (np.arange(_NODES) + 0.5) / _NODES
    into_series = 2 / _NODES * np.cos(np.outer(np.arange(_NODES), angles))
    into_series[0] /= 2
    slopes = np.array([chebyshev.chebval(0.0, chebyshev.chebder(row, order)) for row in np.eye(_NODES)])
    return slopes @ into_series


def _rate(value: Any) -> Any:
    """A rate of change that is neither 0 nor infinite."""
    return np.clip(np.nan_to_num(value, nan=50.0, posinf=50.0), 1e-4, 50.0)


def _size_of_logarithm(value: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(np.log(np.abs(value)))


def _cylinder_order(v: Any, x: Any) -> Any:
    return 1.5 / _rate(np.pi / 2 + _size_of_logarithm(np.maximum((np.abs(v) + 1) / x, 1.0)))


def _modified_order(v: Any, x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return 1.5 / _rate(np.arcsinh((np.abs(v) + 1) / np.abs(x)) + 1 / np.sqrt(np.abs(x) + 1))


def _positive(*args: Any) -> Any:
    return np.minimum(args[-1] / 4, 1.0)


def _shape_of(a: Any, centre: Any, pole: Any = np.inf) -> Any:
    """The radius for a shape parameter a > 0 whose function changes where `centre` is 1, with a pole so far away."""
    return np.minimum(np.minimum(0.9 * a, pole / 4), 1.5 / _rate(_size_of_logarithm(centre) + 1 / np.sqrt(a)))


def _to_pole(b: Any, x: Any) -> Any:
    """The radius for a parameter with poles at 0, −1, −2, ..."""
    away = np.where(b > 0, b, np.abs(b - np.rint(b)))
    return np.minimum(away / 4, 1 / (1 + np.log1p(np.abs(x))))


def _entire(*args: Any) -> Any:
    return 1 / (1 + np.log1p(np.abs(args[-1])))


def _upto_one(*args: Any) -> Any:
    return np.minimum(0.5, np.abs(1 - args[-1]) / 4)


_BESSEL: tuple[Radius, ...] = (_cylinder_order, _positive)
_MODIFIED: tuple[Radius, ...] = (_modified_order, _positive)
_GAMMA: tuple[Radius, ...] = (lambda a, x: _shape_of(a, x / a), _positive)
_BETA: tuple[Radius, ...] = (
    lambda a, b, x: _shape_of(a, x * (a + b) / a, a + b),
    lambda a, b, x: _shape_of(b, (1 - x) * (a + b) / b, a + b),
    lambda a, b, x: np.minimum(x, 1 - x) / 4,
)
# SciPy's function -> for each of its arguments the radius within which it is like a polynomial of degree 19.
RADII: dict[str, tuple[Radius, ...]] = {
    "jv": _BESSEL, "yv": _BESSEL, "iv": _MODIFIED, "kv": _MODIFIED, "ive": _MODIFIED, "kve": _MODIFIED,
    "gammainc": _GAMMA, "gammaincc": _GAMMA, "betainc": _BETA, "betaincc": _BETA,
    "stdtr": (lambda df, t: 0.4 * df, lambda df, t: np.sqrt(df + np.square(t)) / 4),
    "hyp0f1": (_to_pole, _entire), "hyp1f1": (_entire, lambda a, b, x: _to_pole(b, x), _entire),
    "hyp2f1": (_upto_one, _upto_one, lambda a, b, c, x: np.minimum(_to_pole(c, 0.0), _upto_one(x)), _upto_one),
    "rgamma": (lambda x: np.full(np.shape(x), 0.5),),
    "zeta": (lambda x, q: np.minimum((x - 1) / 4, 1.5 / _rate(1 + _size_of_logarithm(q))), _positive),
    "eval_gegenbauer": (lambda n, alpha, x: 0.2 * np.abs(alpha), lambda n, alpha, x: 0.4 * np.abs(alpha), _upto_one),
    "eval_jacobi": (_entire, lambda n, a, b, x: (a + 1) / 2, lambda n, a, b, x: (b + 1) / 2, _upto_one),
    "eval_genlaguerre": (_entire, lambda n, alpha, x: (alpha + 1) / 2, _entire),
}  # fmt: skip


def _lower_t(df: Any, t: Any) -> Any:
    return kernel("stdtr")(df, -t)


# Functions that are 1 less another one, which is exact where they come near 1.
_REST: dict[str, Any] = {
    "gammainc": lambda: kernel("gammaincc"), "gammaincc": lambda: kernel("gammainc"),
    "betainc": lambda: kernel("betaincc"), "betaincc": lambda: kernel("betainc"), "stdtr": lambda: _lower_t,
}  # fmt: skip


def _differentiated(function: Any, args: Sequence[Any], radii: Sequence[Radius], orders: Sequence[int]) -> Any:
    place = next((i for i, order in enumerate(orders) if order), None)
    if place is None:
        return function(*args)
    radius = np.asarray(radii[place](*args))
    around = [arg[..., None] for arg in args]
    around[place] = around[place] + radius[..., None] * _TURNS
    rest = [0 if i == place else order for i, order in enumerate(orders)]
    values = _differentiated(function, around, radii, rest)
    return values @ _weights(orders[place]) / radius ** orders[place]


@asks("is an element where another formula holds, or none does?")
def _partial(xs: Any, name: str, orders: Any) -> Any:
    """The derivative of SciPy's function `name`, so many times by each argument as `orders` says."""
    args = [np.asarray(x, float) for x in xs]
    function = kernel(name)
    with np.errstate(all="ignore"):
        value = function(*args)
        out = _differentiated(function, args, RADII[name], orders)
        if name in _REST and np.any(upper := value > 0.5):
            out = np.where(upper, -_differentiated(_REST[name](), args, RADII[name], orders), out)
    wrong = ~np.isfinite(out) & np.isfinite(value)
    if np.any(wrong):
        at = ", ".join(f"{arg[wrong][0]:g}" for arg in np.broadcast_arrays(*args))
        raise NotDifferentiableError(
            f"scipy.special.{name} has no derivative by its parameter at ({at}); keep the parameter out of what is "
            "differentiated there, or pass it as a number"
        )
    kinds = [x.dtype for x in map(np.asarray, xs) if x.dtype.kind == "f"]
    return out.astype(np.result_type(*kinds), copy=False) if kinds else out


def _by_each(g: Any, out: Any, xs: Any, name: str, orders: Any, wanted: Any) -> list[Any]:
    shares = []
    for place, asked in enumerate(wanted):
        more = tuple(order + (i == place) for i, order in enumerate(orders))
        shares.append(g * _again(xs, name=name, orders=more) if asked else None)
    return shares


special_partial = define(
    _partial, name="special_partial", symbol="∂", category="elementwise", inputs=("*xs",), vjp=_by_each,
    summary="A derivative of a function of scipy.special by its parameters, found by interpolation. Needs SciPy.",
    sentence="Each argument gets g times the next derivative by it.", elementwise=True, broadcasts=True, public=False,
    domain=(0.6, 0.9), reads=[f"xs[{i}]" for i in range(4)],
    formula={"xs": "{g} times the derivative by each of {xs}"},
    cases=[
        case([(2, 3), (2, 3)], name="gammainc", orders=(1, 0)), case([(3,), ()], name="jv", orders=(1, 0)),
        case([(2,), (2,), (2,)], name="betainc", orders=(0, 1, 0)),
    ],
)  # fmt: skip
_again: Any = in_rules(special_partial)


def by_parameter(name: str, place: int) -> Callable[..., Any]:
    """The slope of SciPy's function `name` by its argument in this place, for rules: a function of all arguments."""
    orders = tuple(int(i == place) for i in range(len(RADII[name])))

    def slope(*args: Any) -> Any:
        return _again(list(args), name=name, orders=orders)

    return slope
