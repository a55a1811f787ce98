"""More of scipy.special: elliptic integrals of an angle, Airy, Struve and Voigt functions, tail probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import SCIPY_TO_OP
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.ops import scipy_special as sc
from grad_engine.ops.elementwise import sqrt, square, where
from grad_engine.ops.scipy_parameters import RADII, by_parameter
from grad_engine.ops.special import in_dtype_of, over
from grad_engine.ops.special import kernel as _kernel

_ROOT_PI, _ROOT_2 = math.sqrt(math.pi), math.sqrt(2)
_PAIRS = [case((2, 3), (2, 3)), case((2, 1), (3,))]

# --- elliptic integrals of an angle ----------------------------------------------------------------------------------

_ELLIPTIC = (lambda phi, m: 0.2 + 0.0 * phi * m, lambda phi, m: (1 - m) / 4 + 0.0 * phi)
RADII.update(ellipkinc=_ELLIPTIC, ellipeinc=_ELLIPTIC)


def _elliptic(name: str, symbol: str, what: str, slope: Any, words: str) -> Any:
    def forward(phi: Any, m: Any) -> Any:
        return in_dtype_of(phi, _kernel(name)(phi, m))

    return define(
        forward, name=name, symbol=symbol, category="elementwise", inputs=("phi", "m"), floats=("phi", "m"),
        elementwise=True, broadcasts=True, public=False, scipy=[name], domain=(0.2, 0.8), cases=_PAIRS,
        summary=f"The incomplete elliptic integral of the {what} kind of each angle phi and parameter m. Needs SciPy.",
        sentence=words, reads=("phi", "m"),
        formula={"m": f"{{g}} times the derivative of {name}({{phi}}, {{m}}) by {{m}}"},
        vjp={"phi": slope, "m": lambda g, out, phi, m: g * by_parameter(name, 1)(phi, m)},
    )  # fmt: skip


_elliptic(
    "ellipkinc", "F", "first", lambda g, out, phi, m: g / np.sqrt(1 - m * np.square(np.sin(phi))),
    "The angle gets g over the root of 1 − m · sin²; m gets its slope by interpolation.",
)  # fmt: skip
_elliptic(
    "ellipeinc", "E", "second", lambda g, out, phi, m: g * np.sqrt(1 - m * np.square(np.sin(phi))),
    "The angle gets g times the root of 1 − m · sin²; m gets its slope by interpolation.",
)  # fmt: skip


@composed(scipy=["agm"], public=False)
def agm(a: Any, b: Any) -> Tensor:
    """The arithmetic-geometric mean of positive a and b, by the elliptic integral K (Gauss). Needs SciPy."""
    a, b = as_tensor(a), as_tensor(b)
    ends = (a.array == 0) | (b.array == 0)
    if not ends.any():
        return math.pi / 4 * (a + b) / sc.ellipk(square((a - b) / (a + b)))
    inner = agm(where(ends, 1.0, a), where(ends, 1.0, b))
    return where(ends, where(a.array == 0, sqrt(a), sqrt(b)), inner)  # 0 at the ends, with an infinite slope


# --- Airy and Struve functions ---------------------------------------------------------------------------------------


def _airy(part: int, name: str, symbol: str, slope: Any, words: str) -> Any:
    return define(
        lambda x: in_dtype_of(x, _kernel("airy")(x)[part]), name=name, symbol=symbol, category="elementwise",
        inputs=("x",), elementwise=True, public=False, sentence=words, vjp={"x": slope}, domain=(-2.0, 2.0),
        summary=f"The Airy function {symbol} of each element. Needs SciPy.",
    )  # fmt: skip


_FIRST = "The slope is the derivative's own Airy function, and g is multiplied by it."
_SECOND = "The slope is x times the Airy function, by its equation, and g is multiplied by it."
_PARTS = (
    _airy(0, "airy_ai", "Ai", lambda g, out, x: g * _aip(x), _FIRST),
    _airy(1, "airy_aip", "Ai′", lambda g, out, x: g * (x * _ai(x)), _SECOND),
    _airy(2, "airy_bi", "Bi", lambda g, out, x: g * _bip(x), _FIRST),
    _airy(3, "airy_bip", "Bi′", lambda g, out, x: g * (x * _bi(x)), _SECOND),
)
_ai, _aip, _bi, _bip = map(in_rules, _PARTS)


@composed(scipy=["airy"], public=False)
def airy(z: Any) -> tuple[Tensor, ...]:
    """(Ai, Ai′, Bi, Bi′) of real z. Needs SciPy."""
    return tuple(part(z) for part in _PARTS)


def _struve(name: str, symbol: str, summary: str) -> Any:
    def forward(x: Any, v: Any) -> Any:
        return in_dtype_of(x, _kernel(name)(v, x))

    op = define(
        forward, name=f"{name}_x", symbol=symbol, category="elementwise", inputs=("x",), elementwise=True,
        broadcasts=True, public=False, domain=(0.5, 3.0), cases=[case((2, 3), v=1.5)],
        summary=f"{summary} of order v at each x. Needs SciPy.",
        sentence="x gets g times the function of the order below less v/x times the result.",
        vjp={"x": lambda g, out, x, v: g * (in_rules(op)(x, v - 1) - v * over(out, x, 0.0))},
    )  # fmt: skip

    def call(v: Any, x: Any) -> Tensor:
        return op(x, v)

    call.__name__, call.__doc__ = name, f"{summary} of order v at each x, by x alone. Needs SciPy."
    SCIPY_TO_OP[name] = call
    return op


_struve("struve", "H", "The Struve function")
_struve("modstruve", "L", "The modified Struve function")

hyperu = define(
    lambda x, a, b: in_dtype_of(x, _kernel("hyperu")(a, b, x)), name="hyperu_x", symbol="U", category="elementwise",
    inputs=("x",), elementwise=True, broadcasts=True, public=False, domain=(0.5, 3.0),
    cases=[case((2, 3), a=1.5, b=2.5)],
    summary="Tricomi's confluent hypergeometric function U of a, b and each x > 0. Needs SciPy.",
    sentence="x gets g times minus a times the next function of the family.",
    vjp={"x": lambda g, out, x, a, b: g * (-a * _hyperu(x, a + 1, b + 1))},
)  # fmt: skip
_hyperu: Any = in_rules(hyperu)


def _hyperu_of_scipy(a: Any, b: Any, x: Any) -> Tensor:
    """Tricomi's confluent hypergeometric function U, by x alone. Needs SciPy."""
    return hyperu(x, a, b)


SCIPY_TO_OP["hyperu"] = _hyperu_of_scipy

# --- Voigt profile: both parts of Faddeeva's w(z) at z = (x + i·gamma)/(sigma·√2), over sigma·√(2π) -------------------


def _faddeeva(part: str) -> Any:
    def forward(x: Any, sigma: Any, gamma: Any) -> Any:
        w = _kernel("wofz")((x + 1j * gamma) / (sigma * _ROOT_2))
        return in_dtype_of(x, getattr(w, part) / (sigma * math.sqrt(2 * math.pi)))

    return forward


def _turned(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any]:
    """The slopes by x of both parts, of which the slopes by gamma are made: w′ = 2i/√π − 2·z·w."""
    real, imag = _voigt(x, sigma, gamma), _dispersion(x, sigma, gamma)
    square_of = sigma * sigma
    return (gamma * imag - x * real) / square_of, (1 / math.pi - x * imag - gamma * real) / square_of


def _by_sigma(out: Any, x: Any, sigma: Any, gamma: Any, by_x: Any, by_gamma: Any) -> Any:
    """Both parts are 1/sigma times a function of x/sigma and gamma/sigma (Euler)."""
    return -(out + x * by_x + gamma * by_gamma) / sigma


def _profile(name: str, part: str, symbol: str, summary: str, first: int, sign: int) -> Any:
    """first: which of _turned() is the slope by x; the slope by gamma is the other one times `sign`."""
    rules = {
        "x": lambda g, out, x, sigma, gamma: g * _turned(x, sigma, gamma)[first],
        "sigma": lambda g, out, x, sigma, gamma: g * _by_sigma(
            out, x, sigma, gamma, _turned(x, sigma, gamma)[first], sign * _turned(x, sigma, gamma)[1 - first]
        ),
        "gamma": lambda g, out, x, sigma, gamma: g * (sign * _turned(x, sigma, gamma)[1 - first]),
    }  # fmt: skip
    words = "made of the profile and its dispersion at {x}, {sigma}, {gamma}"
    return define(
        _faddeeva(part), name=name, symbol=symbol, category="elementwise", inputs=("x", "sigma", "gamma"),
        floats=("x", "sigma", "gamma"), elementwise=True, broadcasts=True, public=False, domain=(0.3, 1.5),
        summary=f"{summary} Needs SciPy.", vjp=rules,
        cases=[case((2, 3), (3,), (2, 1)), case((3,), (), ())], reads=("x", "sigma", "gamma", "out"),
        sentence="Each gets g times a slope made of both parts of Faddeeva's function.",
        formula={each: f"{{g}} times the slope by {{{each}}}, {words}" for each in rules},
    )  # fmt: skip


voigt_profile = _profile(
    "voigt_profile", "real", "V", "The Voigt profile: a normal distribution blurred by a Cauchy distribution.", 0, -1
)
voigt_dispersion = _profile("voigt_dispersion", "imag", "V̂", "The dispersion that belongs to the Voigt profile.", 1, 1)


@composed(scipy=["voigt_profile"], public=False)
def voigt_of_scipy(x: Any, sigma: Any, gamma: Any) -> Tensor:
    """The Voigt profile, for sigma = 0 that of Cauchy's distribution. Needs SciPy."""
    sharp = np.equal(array_of(sigma), 0)
    if not np.any(sharp):
        return voigt_profile(x, sigma, gamma)
    cauchy = as_tensor(gamma) / math.pi / (square(as_tensor(x)) + square(as_tensor(gamma)))
    return where(sharp, cauchy, voigt_profile(x, where(sharp, 1.0, sigma), gamma))


_voigt, _dispersion = in_rules(voigt_profile), in_rules(voigt_dispersion)

# --- spherical Bessel functions and tails ----------------------------------------------------------------------------


@composed(public=False)
def spherical(kind: str, n: Any, z: Any) -> Tensor:
    """√(π/2z) times the Bessel function of order n + 1/2 (for "kv": with its own factor) at each z > 0. Needs SciPy."""
    z = as_tensor(z)
    order = np.asarray(array_of(n)) + 0.5
    return sqrt(math.pi / 2 / z) * SCIPY_TO_OP[kind](order, z)


def _whole(k: Any) -> np.ndarray:
    return np.floor(np.asarray(array_of(k)))


@composed(scipy=["pdtrc"], public=False)
def pdtrc(k: Any, m: Any) -> Tensor:
    """1 − pdtr(k, m). Needs SciPy."""
    return sc.gammainc(_whole(k) + 1.0, m)


@composed(scipy=["bdtrc"], public=False)
def bdtrc(k: Any, n: Any, p: Any) -> Tensor:
    """1 − bdtr(k, n, p). Needs SciPy."""
    above = np.trunc(np.asarray(array_of(n))) - _whole(k)
    out = sc.betainc(_whole(k) + 1.0, np.where(above == 0, 1.0, above), p)
    return where(above == 0, 0.0, out) if np.any(above == 0) else out


@composed(scipy=["nbdtr"], public=False)
def nbdtr(k: Any, n: Any, p: Any) -> Tensor:
    """The distribution function of the negative binomial distribution of whole k and n. Needs SciPy."""
    return sc.betainc(np.trunc(np.asarray(array_of(n))) * 1.0, np.trunc(np.asarray(array_of(k))) + 1.0, p)


@composed(scipy=["nbdtrc"], public=False)
def nbdtrc(k: Any, n: Any, p: Any) -> Tensor:
    """1 − nbdtr(k, n, p). Needs SciPy."""
    return sc.betaincc(np.trunc(np.asarray(array_of(n))) * 1.0, np.trunc(np.asarray(array_of(k))) + 1.0, p)


@composed(scipy=["chdtri"], public=False)
def chdtri(v: Any, p: Any) -> Tensor:
    """The x at which chdtrc(v, x) is p. Needs SciPy."""
    return 2 * sc.gammainccinv(as_tensor(v) / 2, p)


@composed(scipy=["fdtrc"], public=False)
def fdtrc(dfn: Any, dfd: Any, x: Any) -> Tensor:
    """1 − fdtr(dfn, dfd, x). Needs SciPy."""
    return sc.betaincc(as_tensor(dfn) / 2, as_tensor(dfd) / 2, sc.share_of_f(dfn, dfd, x))
