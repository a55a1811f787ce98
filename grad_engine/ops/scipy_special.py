"""The functions of scipy.special that have a derivative, under SciPy's names and with SciPy's order of arguments.

`scipy.special.gamma(t)` on a tensor runs them, and so does `grad_engine.scipy.special.gamma(t)`; they are no functions
of grad_engine itself, where short names such as `beta` are worth more. SciPy computes them. Derivatives are those of
the NIST Digital Library of Mathematical Functions (dlmf.nist.gov) unless said otherwise.

Derivatives by orders, shapes and degrees of freedom come from scipy_parameters.py. A whole number, such as the degree
of a polynomial or n of `kn`, may be a number or an array; a tensor that requires grad is refused there.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.define import composed, define, in_rules
from grad_engine.core.numpy_protocol import SCIPY_TO_OP
from grad_engine.core.op import Case, case
from grad_engine.core.stand_ins import asks
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError, NotDifferentiableError
from grad_engine.formula.symbol import Symbol
from grad_engine.ops import activation, elementwise, special
from grad_engine.ops.elementwise import exp, expm1, rint, values, where, xlogy
from grad_engine.ops.scipy_parameters import by_parameter
from grad_engine.ops.special import digamma, lgamma
from grad_engine.ops.special import kernel as _kernel

_ROOT_PI = math.sqrt(math.pi)
_ROOT_TAU = math.sqrt(2 * math.pi)
_DEGREE = math.pi / 180
_digamma, _lgamma = in_rules(digamma), in_rules(lgamma)
PAIRS = [case((2, 3), (2, 3)), case((2, 1), (3,)), case((), (2,))]

# SciPy has ufuncs of its own for what NumPy, or the engine, has under another name.
SCIPY_TO_OP.update(
    expit=activation.sigmoid, log_expit=activation.logsigmoid, logit=elementwise.logit, xlogy=elementwise.xlogy,
    exp2=elementwise.exp2, expm1=elementwise.expm1, log1p=elementwise.log1p, cbrt=elementwise.cbrt, round=rint,
    erf=special.erf, erfc=special.erfc, erfcx=special.erfcx, erfinv=special.erfinv, entr=special.entr,
    ndtr=special.ndtr, ndtri=special.ndtri, log_ndtr=special.log_ndtr, xlog1py=special.xlog1py,
    gammaln=lgamma, psi=digamma, digamma=digamma, i0=special.i0, i0e=special.i0e, i1=special.i1, i1e=special.i1e,
)  # fmt: skip


def _special(
    name: str,
    symbol: str,
    summary: str,
    inputs: Sequence[str] = ("x",),
    order: str = "",
    cases: Sequence[Case] = (),
    called: str = "",
    by: dict[str, Callable[..., Any]] | None = None,
    **more: Any,
) -> Callable[..., Any]:
    """The op that SciPy computes under this name.

    order: SciPy's order of the arguments where it is not `inputs`: "n x" for a whole number n, which has no rule.
    called: the name of the op where that of SciPy means another op of ours.
    by: the rules for parameters that have no formula (by_parameter): parameter -> rule.
    """
    names = order.split() or [*inputs]
    static = [each for each in names if each not in inputs]

    def forward(*args: Any) -> Any:
        values = dict(zip([*inputs, *static], args, strict=True))
        floats = [values[each] for each in inputs]
        if name.startswith("hyp"):  # SciPy's hypergeometric functions never return for infinite x
            values["x"] = np.where(np.abs(values["x"]) < 1e100, values["x"], np.nan)
        out = _kernel(name)(*[values[each] for each in names])
        dtype = np.result_type(*floats)
        return out.astype(dtype, copy=False) if dtype.kind == "f" else out

    _named(forward, [*inputs, *static])
    if by is not None:
        given = ", ".join(f"{{{each}}}" for each in names)
        words = {each: f"{{g}} times the derivative of {name}({given}) by {{{each}}}" for each in by}
        more = {
            **more, "vjp": {**more["vjp"], **by}, "floats": inputs, "formula": {**words, **more.get("formula", {})},
            "reads": (*inputs, "out"),
        }  # fmt: skip
    if len(inputs) > 1:  # else a rule would compute with the whole numbers that one of them may hold
        more.setdefault("floats", inputs)
    op = define(
        forward, name=called or (name if not static else f"{name}_{inputs[-1]}"), symbol=symbol,
        category="elementwise", inputs=inputs, summary=f"{summary} Needs SciPy.",
        cases=cases or (PAIRS if len(inputs) == 2 else ()), elementwise=True,
        broadcasts=len(inputs) > 1 or bool(static), public=False, scipy=() if static else [name], **more,
    )  # fmt: skip
    if static:
        place = [names.index(each) for each in (*inputs, *static)]

        def call(*args: Any) -> Tensor:
            if len(args) != len(names):
                raise ArgumentError(f"scipy.special.{name}() takes {', '.join(names)} on tensors, got {len(args)}")
            return op(*[args[i] for i in place])

        _named(call, names)
        call.__name__, call.__doc__ = name, f"{summary} Needs SciPy."
        call.__annotations__ = {"return": "Tensor"}
        SCIPY_TO_OP[name] = call
    return op


def _named(function: Callable[..., Any], names: Sequence[str]) -> None:
    """Give a function of any arguments a signature with these names."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(each, kind) for each in names])  # type: ignore[attr-defined]


def _with_series(x: Any, radius: float, series: Sequence[float], direct: Callable[[Any], Any]) -> Any:
    """A function near 0 by its power series, elsewhere directly, where it would lose digits near 0."""
    small = np.abs(x) < radius
    near = np.where(small, x, 0.0)
    value: Any = series[-1]
    for factor in reversed(series[:-1]):
        value = value * near + factor
    return np.where(small, value, direct(np.where(small, 0.5, x)))


# --- exponentials, errors and trigonometry --------------------------------------------------------------------------

exp10 = _special(
    "exp10",
    "10ˣ",
    "10 to the power of each element.",
    vjp={"x": lambda g, out, x: g * (math.log(10) * out)},
    sentence="The slope is the result times ln 10, and g is multiplied by it.",
)
hyp1f1 = _special(
    "hyp1f1", "₁F₁", "The confluent hypergeometric function of each x.", ("a", "b", "x"), domain=(0.4, 1.5),
    cases=[case((2, 3), (3,), (2, 1)), case((), (), (3,))],
    vjp={"x": lambda g, out, a, b, x: g * (a / b * _hyp1f1(a + 1, b + 1, x))},
    by={
        "a": lambda g, out, a, b, x: g * by_parameter("hyp1f1", 0)(a, b, x),
        "b": lambda g, out, a, b, x: g * by_parameter("hyp1f1", 1)(a, b, x),
    },
    sentence="x gets g times the next function of the family; a and b get theirs by interpolation.",
)  # fmt: skip
_hyp1f1 = in_rules(hyp1f1)
hyp0f1 = _special(
    "hyp0f1", "₀F₁", "The confluent hypergeometric limit function of each x.", ("v", "x"), domain=(0.4, 2.0),
    vjp={"x": lambda g, out, v, x: g * (_hyp0f1(v + 1, x) / v)},
    by={"v": lambda g, out, v, x: g * by_parameter("hyp0f1", 0)(v, x)},
    sentence="x gets g times the next function of the family over v; v gets its own by interpolation.",
)  # fmt: skip
_hyp0f1 = in_rules(hyp0f1)
hyp2f1 = _special(
    "hyp2f1", "₂F₁", "Gauss's hypergeometric function of each x.", ("a", "b", "c", "x"), domain=(0.2, 0.7),
    cases=[case((2, 3), (3,), (2, 1), ()), case((), (2,), (), ())],
    vjp={"x": lambda g, out, a, b, c, x: g * (a * b / c * _hyp2f1(a + 1, b + 1, c + 1, x))},
    by={
        "a": lambda g, out, a, b, c, x: g * by_parameter("hyp2f1", 0)(a, b, c, x),
        "b": lambda g, out, a, b, c, x: g * by_parameter("hyp2f1", 1)(a, b, c, x),
        "c": lambda g, out, a, b, c, x: g * by_parameter("hyp2f1", 2)(a, b, c, x),
    },
    sentence="x gets g times the next function of the family; a, b, c get theirs by interpolation.",
)  # fmt: skip
_hyp2f1 = in_rules(hyp2f1)
_EXPREL_SLOPE = [1 / (math.factorial(n) * (n + 2)) for n in range(19)]  # (eˣ·(x − 1) + 1)/x²
exprel = _special(
    "exprel", "(eˣ−1)/x", "(eˣ − 1)/x of each element, 1 at 0.", vjp={"x": lambda g, out, x: g * _exprel_slope(x)},
    formula={"x": "{g} · (exp({x}) · ({x} − 1) + 1)/{x}², its limit at 0"}, reads=("x",),
    sentence="The gradient g is multiplied by the slope of (eˣ − 1)/x, which is one half at 0.",
)  # fmt: skip


def _exprel_slope(x: Any) -> Any:
    return _with_series(x, 1.0, _EXPREL_SLOPE, lambda x: (np.exp(x) * (x - 1) + 1) / np.square(x))


cosm1 = _special(
    "cosm1",
    "cos−1",
    "cos(x) − 1, exact also where that is tiny.",
    vjp={"x": lambda g, out, x: -g * np.sin(x)},
    sentence="The slope is minus the sine, as for the cosine, and g is multiplied by it.",
)
sindg = _special(
    "sindg", "sin°", "Sine of an angle in degrees.", domain=(-80, 80),
    vjp={"x": lambda g, out, x: g * (_DEGREE * _cosdg(x))},
    sentence="The slope is the cosine times π / 180, because degrees are small steps.",
)  # fmt: skip
cosdg = _special(
    "cosdg", "cos°", "Cosine of an angle in degrees.", domain=(-80, 80),
    vjp={"x": lambda g, out, x: g * (-_DEGREE * _sindg(x))},
    sentence="The slope is minus the sine times π / 180, because degrees are small steps.",
)  # fmt: skip
_sindg, _cosdg = in_rules(sindg), in_rules(cosdg)
tandg = _special(
    "tandg", "tan°", "Tangent of an angle in degrees.", domain=(-60, 60),
    vjp={"x": lambda g, out, x: g * (_DEGREE * (1 + np.square(out)))},
    sentence="The slope is 1 plus the squared tangent, times π / 180.",
)  # fmt: skip
cotdg = _special(
    "cotdg", "cot°", "Cotangent of an angle in degrees.", domain=(30, 80),
    vjp={"x": lambda g, out, x: g * (-_DEGREE * (1 + np.square(out)))},
    sentence="The slope is minus 1 minus the squared cotangent, times π / 180.",
)  # fmt: skip
erfi = _special(
    "erfi", "erfi", "The imaginary error function of each element.",
    vjp={"x": lambda g, out, x: g * (2 / _ROOT_PI * np.exp(np.square(x)))},
    sentence="The slope is exp(x²) times 2 over the root of π, and g is multiplied by it.",
)  # fmt: skip
erfcinv = _special(
    "erfcinv", "erfc⁻¹", "The number whose erfc is each element.", domain=(0.2, 1.8),
    vjp={"x": lambda g, out, x: g * (-_ROOT_PI / 2 * np.exp(np.square(out)))},
    sentence="An inverse has 1 over the slope of its function there, and g is multiplied by it.",
)  # fmt: skip
dawsn = _special(
    "dawsn", "D", "Dawson's integral of each element.", vjp={"x": lambda g, out, x: g * (1 - 2 * x * out)},
    sentence="The slope is 1 minus twice x times the result, and g is multiplied by it.",
)  # fmt: skip
ndtri_exp = _special(
    "ndtri_exp", "Φ⁻¹(eˣ)", "The number whose log_ndtr is each element.", domain=(-3.0, -0.2),
    vjp={"x": lambda g, out, x: g * (_ROOT_TAU * np.exp(x + 0.5 * np.square(out)))},
    sentence="An inverse has 1 over the slope of its function there, and g is multiplied by it.",
)  # fmt: skip
owens_t = _special(
    "owens_t", "T", "Owen's T function of h and a.", ("h", "a"),
    vjp={
        "h": lambda g, out, h, a: g * (_erf(h * a * math.sqrt(0.5)) * np.exp(-0.5 * np.square(h)) / (-2 * _ROOT_TAU)),
        "a": lambda g, out, h, a: g * (
            np.exp(-0.5 * np.square(h) * (1 + np.square(a))) / (2 * math.pi * (1 + np.square(a)))
        ),
    },
    sentence="h and a get g times the height of the bell curve at the edge they move.",
)  # fmt: skip
_erf = in_rules(special.erf)
wrightomega = _special(
    "wrightomega", "ω", "The solution w of w + ln(w) = x.", vjp={"x": lambda g, out, x: g * (out / (1 + out))},
    sentence="The slope is w over 1 + w, with w the result, and g is multiplied by it.",
)  # fmt: skip

# --- integrals ------------------------------------------------------------------------------------------------------

expi = _special(
    "expi", "Ei", "The exponential integral Ei of each element.", domain=(0.3, 3.0),
    vjp={"x": lambda g, out, x: g * (np.exp(x) / x)},
    sentence="The slope of an integral is what is integrated, exp(x) / x, and g is multiplied by it.",
)  # fmt: skip
exp1 = _special(
    "exp1", "E₁", "The exponential integral E₁ of each element.", domain=(0.3, 3.0),
    vjp={"x": lambda g, out, x: g * (np.exp(-x) / -x)},
    sentence="The slope of this integral is −exp(−x) / x, and g is multiplied by it.",
)  # fmt: skip
expn = _special(
    "expn", "Eₙ", "The generalized exponential integral Eₙ of each x > 0.", order="n x", domain=(0.3, 3.0),
    cases=[case((2, 3), n=3), case((2, 3), n=0)], formula={"x": "-{g} times the integral of the order below at {x}"},
    reads=("x", "out"), vjp={"x": lambda g, out, x, n: g * _expn_slope(out, x, np.trunc(n))},
    sentence="The slope is minus the integral of the order below, and g is multiplied by it.",
)  # fmt: skip
_expn = in_rules(expn)


def _expn_slope(out: Any, x: Any, n: Any) -> Any:
    """-E(n-1), which for n = 0 is not SciPy's any more: E(-1) = exp(-x)·(1 + 1/x)/x."""
    below = -_expn(x, np.maximum(n, 1) - 1)
    return below if np.all(np.asarray(n) > 0) else np.where(np.asarray(n) > 0, below, -out * (1 + 1 / x))


spence = _special(
    "spence", "Li₂(1−x)", "Spence's function (the dilogarithm of 1 − x) of each x > 0.", domain=(0.2, 3.0),
    vjp={"x": lambda g, out, x: g * _with_series(1 - x, 0.05, _LOG_RATIO, lambda u: np.log1p(-u) / u)}, reads=("x",),
    formula={"x": "{g} · ln({x})/(1 − {x}), its limit at 1"},
    sentence="The slope is ln(x) / (1 − x), which is −1 at 1, and g is multiplied by it.",
)  # fmt: skip

_LOG_RATIO = [-1 / (n + 1) for n in range(14)]  # ln(1 − u)/u

# The power series of the complete elliptic integrals: the squares of the central binomials over 4ⁿ, and their slopes.
_SQUARES = [(math.comb(2 * n, n) / 4**n) ** 2 for n in range(12)]
_K_SLOPE = [math.pi / 2 * n * _SQUARES[n] for n in range(1, 12)]
_E_SLOPE = [-math.pi / 2 * n * _SQUARES[n] / (2 * n - 1) for n in range(1, 12)]
ellipk = _special(
    "ellipk", "K", "The complete elliptic integral of the first kind of each parameter m < 1.", ("m",),
    domain=(-0.9, 0.9), reads=("m", "out"),
    formula={"m": "{g} · (E({m})/(1 − {m}) − {out})/(2 · {m})"},
    vjp={"m": lambda g, out, m: g * _with_series(
        m, 0.02, _K_SLOPE, lambda m: (_ellipe(m) / (1 - m) - _ellipk(m)) / (2 * m)
    )},
    sentence="The slope is made of both complete integrals, E and K, and g is multiplied by it.",
)  # fmt: skip
ellipe = _special(
    "ellipe", "E", "The complete elliptic integral of the second kind of each parameter m ≤ 1.", ("m",),
    domain=(-0.9, 0.9), reads=("m", "out"),
    formula={"m": "{g} · ({out} − K({m}))/(2 · {m})"},
    vjp={"m": lambda g, out, m: g * _with_series(m, 0.02, _E_SLOPE, lambda m: (_ellipe(m) - _ellipk(m)) / (2 * m))},
    sentence="The slope is (E − K) / (2m), and g is multiplied by it.",
)  # fmt: skip
_ellipk, _ellipe = in_rules(ellipk), in_rules(ellipe)


@composed(scipy=["ellipkm1"], public=False)
def ellipkm1(p: Any) -> Tensor:
    """The complete elliptic integral of the first kind of 1 − p. Needs SciPy."""
    return ellipk(1 - as_tensor(p))


def _pair(name: str, kernels: str, slopes: Sequence[Callable[..., Any]], summary: str) -> None:
    """A function of SciPy with two results, as two ops."""
    parts = []
    for i, part in enumerate(kernels.split()):
        parts.append(define(
            _part_of(name, i), name=f"{name}_{part}", symbol=part,
            category="elementwise", inputs=("x",), summary=f"{summary}: {part}. Needs SciPy.", vjp={"x": slopes[i]},
            domain=(0.3, 2.0), elementwise=True, public=False,
            sentence="The slope of an integral is what is integrated, and g is multiplied by it.",
        ))  # fmt: skip

    def call(x: Any) -> tuple[Tensor, Tensor]:
        return parts[0](x), parts[1](x)

    call.__name__, call.__doc__ = name, f"{summary}. Needs SciPy."
    SCIPY_TO_OP[name] = call


def _part_of(name: str, i: int) -> Callable[..., Any]:
    return lambda x: special.in_dtype_of(x, _kernel(name)(x)[i])


def _sinc(x: Any) -> Any:
    """sin(x)/x, 1 at 0."""
    return np.sinc(x / math.pi)


_pair(
    "sici",
    "si ci",
    [lambda g, out, x: g * _sinc(x), lambda g, out, x: g * (np.cos(x) / x)],
    "The sine and cosine integrals of x",
)
_pair(
    "shichi", "shi chi",
    [lambda g, out, x: g * special.over(np.sinh(x), x, 1.0), lambda g, out, x: g * (np.cosh(x) / x)],
    "The hyperbolic sine and cosine integrals of x",
)  # fmt: skip
_pair(
    "fresnel", "s c",
    [
        lambda g, out, x: g * np.sin(math.pi / 2 * np.square(x)),
        lambda g, out, x: g * np.cos(math.pi / 2 * np.square(x)),
    ],
    "The Fresnel integrals of x",
)  # fmt: skip

# --- gamma and beta -------------------------------------------------------------------------------------------------

gamma = _special(
    "gamma", "Γ", "The gamma function of each element.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * (out * _digamma(x))},
    sentence="The slope is the result times the digamma function, and g is multiplied by it.",
)  # fmt: skip
_gamma = in_rules(gamma)
rgamma = _special(
    "rgamma", "1/Γ", "1 over the gamma function of each element.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * _rgamma_slope(out, x)}, reads=("x", "out"),
    formula={"x": "-{g} · {out} · digamma({x}), its limit at the poles of Γ"},
    sentence="The slope is minus the result times the digamma function, and g is multiplied by it.",
)  # fmt: skip
_rgamma = in_rules(rgamma)


def _rgamma_slope(out: Any, x: Any) -> Any:
    """The derivative of 1/Γ: at the poles of Γ by interpolation, since 1/Γ is entire."""
    return _beside_poles(-out * _digamma(_off(x, _poles(x))), _poles(x), _rgamma_at_poles, x)


def _rgamma_at_poles(x: Any) -> Any:
    """(-1)ⁿ·n! at −n, beyond −170 too large for a float."""
    far = values(x) < -170
    near = by_parameter("rgamma", 0)(np.where(far, 0.0, x))
    return np.where(far, np.where(np.remainder(values(x), 2) == 0, np.inf, -np.inf), near)


def _poles(x: Any) -> np.ndarray:
    """Where Γ(x) has a pole."""
    array = np.asarray(array_of(x))
    return np.asarray((array <= 0) & (array == np.rint(array)) & np.isfinite(array))


@asks("is an element at a pole?")
def _off(x: Any, there: np.ndarray) -> Any:
    """x, with another number in the place of the poles."""
    return np.where(there, 0.5, x) if there.any() else x


@asks("is an element at a pole?")
def _beside_poles(value: Any, there: np.ndarray, at_poles: Callable[..., Any], *args: Any) -> Any:
    return np.where(there, at_poles(*args), value) if there.any() else value


loggamma = _special(
    "loggamma", "ln Γ", "Principal branch of the logarithm of the gamma function of each x > 0.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * _digamma(x)},
    sentence="The slope is the digamma function, and g is multiplied by it.",
)  # fmt: skip
beta = _special(
    "beta", "B", "The beta function of a and b.", ("a", "b"), domain=(0.5, 3.0),
    vjp={
        "a": lambda g, out, a, b: g * _beta_slope(out, a, b),
        "b": lambda g, out, a, b: g * _beta_slope(out, b, a),
    },
    formula={
        "a": "{g} · {out} · (digamma({a}) − digamma({a} + {b})), its limit where {out} is 0",
        "b": "{g} · {out} · (digamma({b}) − digamma({a} + {b})), its limit where {out} is 0",
    }, reads=("a", "b", "out"),
    sentence="Each gets g times the result times its digamma less that of the sum.",
)  # fmt: skip


@asks("is an argument infinite?")
def _beta_slope(out: Any, a: Any, b: Any) -> Any:
    """By a. Where a + b is a pole of Γ, Γ(a)·Γ(b) is multiplied by the slope of 1/Γ; where a or b is infinite, 0."""
    there = _poles(values(a) + values(b)) & ~_poles(a) & ~_poles(b)
    slope = out * (_digamma(a) - _digamma(_off(a + b, there)))
    slope = _beside_poles(slope, there, lambda a, b: _gamma(a) * _gamma(b) * _rgamma_slope(0.0, a + b), a, b)
    infinite = np.asarray((np.isinf(values(a)) | np.isinf(values(b))) & (values(out) == 0))
    return np.where(infinite, 0.0, slope) if infinite.any() else slope


betaln = _special(
    "betaln", "ln B", "Natural logarithm of the absolute value of the beta function of a and b.", ("a", "b"),
    domain=(0.5, 3.0),
    vjp={
        "a": lambda g, out, a, b: g * (_digamma(a) - _digamma(a + b)),
        "b": lambda g, out, a, b: g * (_digamma(b) - _digamma(a + b)),
    },
    sentence="Each gets g times its digamma less that of the sum a + b.",
)  # fmt: skip
poch = _special(
    "poch", "(z)ₘ", "The Pochhammer symbol Γ(z + m)/Γ(z).", ("z", "m"), domain=(0.5, 3.0),
    vjp={
        "z": lambda g, out, z, m: g * _poch_slope(out, z, m),
        "m": lambda g, out, z, m: g * (out * _digamma(z + m)),
    },
    formula={"z": "{g} · {out} · (digamma({z} + {m}) − digamma({z})), its limit where {z} is a pole of Γ"},
    reads=("z", "m", "out"),
    sentence="Each gets g times the result times a difference of digamma functions.",
)  # fmt: skip


def _poch_slope(out: Any, z: Any, m: Any) -> Any:
    there = _poles(z) & ~_poles(values(z) + values(m))
    slope = out * (_digamma(z + m) - _digamma(_off(z, there)))
    return _beside_poles(slope, there, lambda z, m: _gamma(z + m) * _rgamma_slope(0.0, z), z, m)


binom = _special(
    "binom", "(ⁿₖ)", "The binomial coefficient of real n and k.", ("n", "k"), domain=(0.2, 1.0),
    vjp={
        "n": lambda g, out, n, k: g * _binom_by_n(out, n, k),
        "k": lambda g, out, n, k: g * _binom_by_k(out, n, k),
    },
    formula={
        "n": "{g} · {out} · (digamma({n} + 1) − digamma({n} − {k} + 1)), its limit where {out} is 0",
        "k": "{g} · {out} · (digamma({n} − {k} + 1) − digamma({k} + 1)), its limit where {out} is 0",
    }, reads=("n", "k", "out"),
    sentence="Each gets g times the result times a difference of digamma functions.",
)  # fmt: skip


def _binom_by_n(out: Any, n: Any, k: Any) -> Any:
    there = _poles(values(n) - values(k) + 1.0) & ~_poles(values(n) + 1.0)
    slope = out * (_digamma(n + 1) - _digamma(_off(n - k + 1, there)))
    slope = _beside_poles(
        slope, there, lambda n, k: _gamma(n + 1) * _rgamma(k + 1) * _rgamma_slope(0.0, n - k + 1), n, k
    )
    return _flat_at_infinity(slope, out, k)


def _binom_by_k(out: Any, n: Any, k: Any) -> Any:
    there = (_poles(values(k) + 1.0) | _poles(values(n) - values(k) + 1.0)) & ~_poles(values(n) + 1.0)
    slope = out * (_digamma(_off(n - k + 1, there)) - _digamma(_off(k + 1, there)))

    def at_poles(n: Any, k: Any) -> Any:
        of_k, of_rest = _rgamma(k + 1), _rgamma(n - k + 1)
        return _gamma(n + 1) * (_rgamma_slope(of_k, k + 1) * of_rest - of_k * _rgamma_slope(of_rest, n - k + 1))

    return _flat_at_infinity(_beside_poles(slope, there, at_poles, n, k), out, k)


@asks("is an argument infinite?")
def _flat_at_infinity(slope: Any, out: Any, k: Any) -> Any:
    there = np.asarray(np.isinf(values(k)) & (values(out) == 0))
    return np.where(there, 0.0, slope) if there.any() else slope


gammainc = _special(
    "gammainc", "P", "The regularized lower incomplete gamma function of a and x.", ("a", "x"), domain=(0.3, 3.0),
    vjp={"x": lambda g, out, a, x: g * _gamma_pdf(a, x)},
    by={"a": lambda g, out, a, x: g * by_parameter("gammainc", 0)(a, x)},
    sentence="x gets g times the density there; a gets its slope by interpolation.",
)  # fmt: skip
gammaincc = _special(
    "gammaincc", "Q", "The regularized upper incomplete gamma function of a and x.", ("a", "x"), domain=(0.3, 3.0),
    vjp={"x": lambda g, out, a, x: -g * _gamma_pdf(a, x)},
    by={"a": lambda g, out, a, x: g * by_parameter("gammaincc", 0)(a, x)},
    sentence="x gets −g times the density there; a gets its slope by interpolation.",
)  # fmt: skip
gammaincinv = _special(
    "gammaincinv", "P⁻¹", "The x at which gammainc(a, x) is y.", ("a", "y"), domain=(0.3, 0.8),
    vjp={"y": lambda g, out, a, y: g / _gamma_pdf(a, out)},
    by={"a": lambda g, out, a, y: -g * _ratio(by_parameter("gammainc", 0)(a, out), _gamma_pdf(a, out))},
    sentence="y gets g over the density at the result; a gets what keeps y the same.",
)  # fmt: skip
gammainccinv = _special(
    "gammainccinv", "Q⁻¹", "The x at which gammaincc(a, x) is y.", ("a", "y"), domain=(0.3, 0.8),
    vjp={"y": lambda g, out, a, y: -g / _gamma_pdf(a, out)},
    by={"a": lambda g, out, a, y: g * _ratio(by_parameter("gammaincc", 0)(a, out), _gamma_pdf(a, out))},
    sentence="y gets −g over the density at the result; a gets what keeps y the same.",
)  # fmt: skip
_BETA_CASES = [case((2, 3), (3,), (2, 1)), case((), (), (2,))]
betainc = _special(
    "betainc", "I", "The regularized incomplete beta function of a, b and x.", ("a", "b", "x"), domain=(0.2, 0.8),
    cases=_BETA_CASES, vjp={"x": lambda g, out, a, b, x: g * _beta_pdf(a, b, x)},
    by={
        "a": lambda g, out, a, b, x: g * by_parameter("betainc", 0)(a, b, x),
        "b": lambda g, out, a, b, x: g * by_parameter("betainc", 1)(a, b, x),
    },
    sentence="x gets g times the density there; a and b get theirs by interpolation.",
)  # fmt: skip
betaincc = _special(
    "betaincc", "1−I", "1 − betainc of a, b and x.", ("a", "b", "x"), domain=(0.2, 0.8),
    cases=_BETA_CASES, vjp={"x": lambda g, out, a, b, x: -g * _beta_pdf(a, b, x)},
    by={
        "a": lambda g, out, a, b, x: g * by_parameter("betaincc", 0)(a, b, x),
        "b": lambda g, out, a, b, x: g * by_parameter("betaincc", 1)(a, b, x),
    },
    sentence="x gets −g times the density there; a and b get theirs by interpolation.",
)  # fmt: skip
betaincinv = _special(
    "betaincinv", "I⁻¹", "The x at which betainc(a, b, x) is y.", ("a", "b", "y"), domain=(0.3, 0.7),
    cases=_BETA_CASES, vjp={"y": lambda g, out, a, b, y: g / _beta_pdf(a, b, out)},
    by={
        "a": lambda g, out, a, b, y: -g * _ratio(by_parameter("betainc", 0)(a, b, out), _beta_pdf(a, b, out)),
        "b": lambda g, out, a, b, y: -g * _ratio(by_parameter("betainc", 1)(a, b, out), _beta_pdf(a, b, out)),
    },
    sentence="y gets g over the density at the result; a and b get what keeps y the same.",
)  # fmt: skip
betainccinv = _special(
    "betainccinv", "(1−I)⁻¹", "The x at which betaincc(a, b, x) is y.", ("a", "b", "y"), domain=(0.3, 0.7),
    cases=_BETA_CASES, vjp={"y": lambda g, out, a, b, y: -g / _beta_pdf(a, b, out)},
    by={
        "a": lambda g, out, a, b, y: g * _ratio(by_parameter("betaincc", 0)(a, b, out), _beta_pdf(a, b, out)),
        "b": lambda g, out, a, b, y: g * _ratio(by_parameter("betaincc", 1)(a, b, out), _beta_pdf(a, b, out)),
    },
    sentence="y gets −g over the density at the result; a and b get what keeps y the same.",
)  # fmt: skip
stdtr = _special(
    "stdtr", "t cdf", "Student's t distribution function with df degrees of freedom at each t.", ("df", "t"),
    domain=(0.5, 3.0), vjp={"t": lambda g, out, df, t: g * _t_pdf(df, t)},
    by={"df": lambda g, out, df, t: g * by_parameter("stdtr", 0)(df, t)},
    sentence="t gets g times the density there; df gets its slope by interpolation.",
)  # fmt: skip
stdtrit = _special(
    "stdtrit", "t cdf⁻¹", "The t at which stdtr(df, t) is p.", ("df", "p"), domain=(0.55, 0.9),
    vjp={"p": lambda g, out, df, p: g / _t_pdf(df, out)},
    by={"df": lambda g, out, df, p: -g * _ratio(by_parameter("stdtr", 0)(df, out), _t_pdf(df, out))},
    sentence="p gets g over the density at the result; df gets what keeps p the same.",
)  # fmt: skip


def _ratio(y: Any, x: Any) -> Any:
    """y / x, and 0 where x is 0: at the end of the support all shapes have the same inverse."""
    return special.over(y, x, 0.0)


def _density(formula: Callable[..., Any], at_infinity: Callable[..., Any] = lambda x: 0.0) -> Callable[..., Any]:
    """A density by its formula, and 0, or what is said, where a parameter is infinite."""

    def density(*args: Any) -> Any:
        *shapes, x = args
        if Symbol in map(type, args):
            return formula(*args)
        infinite = np.logical_or.reduce([np.isinf(values(each)) for each in np.broadcast_arrays(*map(values, shapes))])
        if not infinite.any():
            return formula(*args)
        return np.where(infinite, at_infinity(x), formula(*[np.where(infinite, 1.0, each) for each in shapes], x))

    return density


@_density
def _gamma_pdf(a: Any, x: Any) -> Any:
    return np.exp(_xlogy(a - 1, x) - x - _lgamma(a))


@_density
def _beta_pdf(a: Any, b: Any, x: Any) -> Any:
    return np.exp(_xlogy(a - 1, x) + _xlog1py(b - 1, -x) - _betaln(a, b))


def _student(df: Any, t: Any) -> Any:
    log_scale = _lgamma((df + 1) / 2) - _lgamma(df / 2) - np.log(df * math.pi) / 2
    return np.exp(log_scale - (df + 1) / 2 * np.log1p(np.square(t) / df))


_t_pdf = _density(_student, lambda t: np.exp(-0.5 * np.square(t)) / _ROOT_TAU)


_xlogy, _xlog1py, _betaln = in_rules(xlogy), in_rules(special.xlog1py), in_rules(betaln)

# Distribution functions that are one of these in other variables.


def _without_influence(x: Any, there: Any) -> Tensor:
    """x, but as a constant where the mask holds: at the ends of a distribution its parameters do not matter.

    Else the density there, which may be infinite, would be multiplied by 0.
    """
    x = as_tensor(x)
    return where(there, x.array, x) if x.node is not None and np.any(there) else x


def _at_ends(x: Any) -> Any:
    array = array_of(x)
    return np.equal(array, 0) | np.isinf(array)


def _scaled(a: Any, x: Any) -> Tensor:
    """a · x, of which one that is 0 or infinite leaves the other without influence."""
    return _without_influence(a, _at_ends(x)) * _without_influence(x, _at_ends(a))


def share_of_f(dfn: Any, dfd: Any, x: Any) -> Tensor:
    """dfn · x / (dfn · x + dfd), the variable of the beta distribution that belongs to x of the F distribution."""
    there = _at_ends(x)
    last = np.isinf(array_of(x))
    x = where(last, 1.0, x) if np.any(last) else as_tensor(x)
    scaled = x * _without_influence(dfn, there)
    part = scaled / _without_influence(scaled + _without_influence(dfd, there), scaled.array == 0)
    return where(last, 1.0, part) if np.any(last) else part


@composed(scipy=["chdtr"], public=False)
def chdtr(v: Any, x: Any) -> Tensor:
    """The chi square distribution function with v degrees of freedom. Needs SciPy."""
    return gammainc(as_tensor(v) / 2, as_tensor(x) / 2)


@composed(scipy=["chdtrc"], public=False)
def chdtrc(v: Any, x: Any) -> Tensor:
    """1 − chdtr(v, x). Needs SciPy."""
    return gammaincc(as_tensor(v) / 2, as_tensor(x) / 2)


@composed(scipy=["gdtr"], public=False)
def gdtr(a: Any, b: Any, x: Any) -> Tensor:
    """The gamma distribution function with rate a and shape b. Needs SciPy."""
    return gammainc(b, _scaled(a, x))


@composed(scipy=["gdtrc"], public=False)
def gdtrc(a: Any, b: Any, x: Any) -> Tensor:
    """1 − gdtr(a, b, x). Needs SciPy."""
    return gammaincc(b, _scaled(a, x))


@composed(scipy=["fdtr"], public=False)
def fdtr(dfn: Any, dfd: Any, x: Any) -> Tensor:
    """The F distribution function with dfn and dfd degrees of freedom. Needs SciPy."""
    return betainc(as_tensor(dfn) / 2, as_tensor(dfd) / 2, share_of_f(dfn, dfd, x))


@composed(scipy=["pdtr"], public=False)
def pdtr(k: Any, m: Any) -> Tensor:
    """The Poisson distribution function with mean m at k. Needs SciPy."""
    return gammaincc(np.floor(np.asarray(array_of(k))) + 1.0, m)


@composed(scipy=["bdtr"], public=False)
def bdtr(k: Any, n: Any, p: Any) -> Tensor:
    """The binomial distribution function of n trials with probability p at k < n. Needs SciPy."""
    k = np.floor(np.asarray(array_of(k)))
    above = np.trunc(np.asarray(array_of(n))) - k
    below = betainc(np.where(above == 0, 1.0, above), k + 1.0, 1 - as_tensor(p))
    return where(above == 0, 1.0, below) if np.any(above == 0) else below


# --- Bessel functions -----------------------------------------------------------------------------------------------


def _bessel(name: str, symbol: str, summary: str, slope: Callable[..., Any]) -> Callable[..., Any]:
    return _special(
        name, symbol, summary, ("v", "x"), domain=(0.5, 3.0),
        vjp={"x": lambda g, out, v, x: g * slope(out, v, x)},
        sentence="x gets g times a mixture of the orders beside v; v gets its slope by interpolation.",
        by={"v": lambda g, out, v, x: g * by_parameter(name, 0)(v, x)},
    )  # fmt: skip


def _whole_bessel(name: str, symbol: str, summary: str, slope: Callable[..., Any]) -> Callable[..., Any]:
    return _special(
        name, symbol, summary, order="n x", domain=(0.5, 3.0), cases=[case((2, 3), n=1)],
        vjp={"x": lambda g, out, x, n: g * slope(out, x, np.trunc(n))},  # SciPy cuts n to a whole number
        sentence="x gets g times a mixture of the orders beside n.",
    )  # fmt: skip


j0 = _special(
    "j0",
    "J₀",
    "The Bessel function of the first kind of order 0.",
    vjp={"x": lambda g, out, x: -g * _j1(x)},
    sentence="The slope is minus the function of order 1, and g is multiplied by it.",
)
j1 = _special(
    "j1", "J₁", "The Bessel function of the first kind of order 1.",
    vjp={"x": lambda g, out, x: g * (_j0(x) - special.over(out, x, 0.5))},
    sentence="The slope is j0(x) − j1(x) / x, one half at 0, and g is multiplied by it.",
)  # fmt: skip
_j0, _j1 = in_rules(j0), in_rules(j1)
y0 = _special(
    "y0", "Y₀", "The Bessel function of the second kind of order 0.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: -g * _y1(x)},
    sentence="The slope is minus the function of order 1, and g is multiplied by it.",
)  # fmt: skip
y1 = _special(
    "y1", "Y₁", "The Bessel function of the second kind of order 1.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * (_y0(x) - out / x)},
    sentence="The slope is y0(x) − y1(x) / x, and g is multiplied by it.",
)  # fmt: skip
_y0, _y1 = in_rules(y0), in_rules(y1)
k0 = _special(
    "k0", "K₀", "The modified Bessel function of the second kind of order 0.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: -g * _k1(x)},
    sentence="The slope is minus the function of order 1, and g is multiplied by it.",
)  # fmt: skip
k1 = _special(
    "k1", "K₁", "The modified Bessel function of the second kind of order 1.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: -g * (_k0(x) + out / x)},
    sentence="The slope is −k0(x) − k1(x) / x, and g is multiplied by it.",
)  # fmt: skip
_k0, _k1 = in_rules(k0), in_rules(k1)
k0e = _special(
    "k0e", "eˣK₀", "exp(x) · k0(x), without underflow.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * (out - _k1e(x))},
    sentence="The slope is the result less that of order 1, and g is multiplied by it.",
)  # fmt: skip
k1e = _special(
    "k1e", "eˣK₁", "exp(x) · k1(x), without underflow.", domain=(0.5, 3.0),
    vjp={"x": lambda g, out, x: g * (out - _k0e(x) - out / x)},
    sentence="The slope is made of the results of order 0 and 1, and g is multiplied by it.",
)  # fmt: skip
_k0e, _k1e = in_rules(k0e), in_rules(k1e)
jv = _bessel(
    "jv", "Jᵥ", "The Bessel function of the first kind of real order v.",
    lambda out, v, x: (_jv(v - 1, x) - _jv(v + 1, x)) / 2,
)  # fmt: skip
yv = _bessel(
    "yv", "Yᵥ", "The Bessel function of the second kind of real order v.",
    lambda out, v, x: (_yv(v - 1, x) - _yv(v + 1, x)) / 2,
)  # fmt: skip
iv = _bessel(
    "iv", "Iᵥ", "The modified Bessel function of the first kind of real order v.",
    lambda out, v, x: (_iv(v - 1, x) + _iv(v + 1, x)) / 2,
)  # fmt: skip
kv = _bessel(
    "kv", "Kᵥ", "The modified Bessel function of the second kind of real order v.",
    lambda out, v, x: (_kv(v - 1, x) + _kv(v + 1, x)) / -2,
)  # fmt: skip
ive = _bessel(
    "ive", "e⁻|ˣ|Iᵥ", "exp(−|x|) · iv(v, x), without overflow.",
    lambda out, v, x: (_ive_below(v - 1, x) + _ive(v + 1, x)) / 2 - np.sign(x) * out,
)  # fmt: skip
kve = _bessel(
    "kve", "eˣKᵥ", "exp(x) · kv(v, x), without underflow.",
    lambda out, v, x: out - (_kve(v - 1, x) + _kve(v + 1, x)) / 2,
)  # fmt: skip
yn = _whole_bessel(
    "yn", "Yₙ", "The Bessel function of the second kind of whole order n.",
    lambda out, x, n: (_yn(x, n - 1) - _yn(x, n + 1)) / 2,
)  # fmt: skip
kn = _whole_bessel(
    "kn", "Kₙ", "The modified Bessel function of the second kind of whole order n.",
    lambda out, x, n: (_kn(x, np.abs(n - 1)) + _kn(x, n + 1)) / -2,
)  # fmt: skip


@asks("is an element 0?")
def _ive_below(v: Any, x: Any) -> Any:
    """ive, which SciPy has as NaN at 0 for v < 0, where it is iv."""
    if type(x) is Symbol or not np.any(at := np.equal(values(x), 0)):
        return _ive(v, x)
    return np.where(at, _iv(v, np.where(at, x, 0.0)), _ive(v, np.where(at, 1.0, x)))


_jv, _yv, _iv, _kv, _ive, _kve, _yn, _kn = map(in_rules, (jv, yv, iv, kv, ive, kve, yn, kn))

zeta = _special(
    "zeta", "ζ", "The Hurwitz zeta function of x > 1 and q; q is 1 for Riemann's.", ("x", "q"), domain=(1.5, 3.0),
    vjp={"q": lambda g, out, x, q: g * (-x * _zeta(x + 1, q))},
    by={"x": lambda g, out, x, q: g * _zeta_slope(x, q)},
    sentence="q gets −g · x times the function at x + 1; x gets its slope by interpolation.",
)  # fmt: skip
_zeta = in_rules(zeta)


@asks("is q above 0 everywhere?")
def _zeta_slope(x: Any, q: Any) -> Any:
    """By x: its first term apart, beside which the others are tiny where x is large."""
    if not np.all(np.asarray(array_of(q)) > 0):
        raise NotDifferentiableError(
            "scipy.special.zeta has a derivative by x for q > 0, got a smaller q; pass x.detach() where none is meant"
        )
    return by_parameter("zeta", 0)(x, q + 1) - np.log(q) * np.power(q, -x)


@composed(scipy=["_riemann_zeta"], public=False)
def _riemann_zeta(x: Any) -> Tensor:
    """Riemann's zeta function of each x > 1: the ufunc inside SciPy's zeta() of one argument."""
    if not np.all(np.asarray(array_of(x)) > 1):
        raise ArgumentError("zeta() has a gradient for x > 1, got a smaller x; pass t.detach() where none is meant")
    return zeta(x, 1.0)


SCIPY_TO_OP["_zeta"] = SCIPY_TO_OP["zeta"]  # the ufunc inside SciPy's zeta()


def _lambertw(x: Any) -> Any:
    return special.in_dtype_of(x, np.where(x < -math.exp(-1), np.nan, _kernel("lambertw")(x).real))


lambertw = define(
    _lambertw, name="lambertw", symbol="W", category="elementwise",
    inputs=("x",), summary="The solution w of w·exp(w) = x from −1 up, of each x; NaN below −1/e. Needs SciPy.",
    domain=(-0.3, 3.0), elementwise=True, public=False,
    sentence="The slope is exp(−w) over 1 + w, with w the result, and g is multiplied by it.",
    vjp={"x": lambda g, out, x: g * (np.exp(-out) / (1 + out))},
)  # fmt: skip

# --- orthogonal polynomials of degree n -----------------------------------------------------------------------------


def _below(rule: Callable[..., Any], n: Any) -> Any:
    """`rule` of n − 1, and 0 where n is 0, or −1: there all of them but Chebyshev's first are constant."""
    degree = np.asarray(n)
    degree = np.where(degree == -1, 0, degree)
    if np.all(degree != 0):
        return rule(degree - 1.0)
    return rule(np.where(degree == 0, 1, degree) - 1.0) * np.where(degree == 0, 0.0, 1.0)


def _mirrored(n: Any) -> Any:
    """The degree from 0 up of the same Legendre polynomial: that of −1 − n is that of n."""
    return np.maximum(n, -1 - np.asarray(n))


_SLOPE_IN_WORDS = "{g} times the derivative of the polynomial at {x}"


def _polynomial(
    name: str, symbol: str, what: str, order: str, slope: Any, by: Any = None, inputs: Sequence[str] = ("x",)
) -> Any:
    more: dict[str, Any] = {} if by else {"reads": ("x",)}
    shapes = [(2, 3), *[(3,)] * (len(inputs) - 1)]
    return _special(
        name, symbol, f"The {what} polynomial of degree n at each x.", inputs, order=order,
        sentence="x gets g times the slope of the polynomial there"
        + ("; its parameters get theirs by interpolation." if by else "."),
        domain=(0.3, 0.9) if by else (-0.9, 0.9), by=by, vjp={"x": slope}, formula={"x": _SLOPE_IN_WORDS},
        cases=[case(*shapes, n=3), case(*shapes, n=0)], **more,
    )  # fmt: skip


eval_gegenbauer = _polynomial(
    "eval_gegenbauer", "Cₙ", "Gegenbauer", "n alpha x",
    lambda g, out, alpha, x, n: g * _below(lambda m: 2 * alpha * _gegenbauer(alpha + 1, x, m), n),
    {"alpha": lambda g, out, alpha, x, n: g * by_parameter("eval_gegenbauer", 1)(n, alpha, x)}, ("alpha", "x"),
)  # fmt: skip
_gegenbauer = in_rules(eval_gegenbauer)
eval_jacobi = _polynomial(
    "eval_jacobi", "Pₙ", "Jacobi", "n alpha beta x",
    lambda g, out, alpha, beta, x, n: g * _below(
        lambda m: (m + alpha + beta + 2) / 2 * _jacobi(alpha + 1, beta + 1, x, m), n
    ),
    {
        "alpha": lambda g, out, alpha, beta, x, n: g * by_parameter("eval_jacobi", 1)(n, alpha, beta, x),
        "beta": lambda g, out, alpha, beta, x, n: g * by_parameter("eval_jacobi", 2)(n, alpha, beta, x),
    },
    ("alpha", "beta", "x"),
)  # fmt: skip
_jacobi = in_rules(eval_jacobi)
eval_legendre = _polynomial(
    "eval_legendre", "Pₙ", "Legendre", "n x",
    lambda g, out, x, n: g * _below(lambda m: _gegenbauer(1.5, x, m), _mirrored(n)),
)  # fmt: skip
eval_chebyt = _polynomial(
    "eval_chebyt", "Tₙ", "first Chebyshev", "n x",
    lambda g, out, x, n: g * _below(lambda m: (m + 1) * _gegenbauer(1.0, x, m), np.abs(n)),
)  # fmt: skip
eval_chebyu = _polynomial(
    "eval_chebyu", "Uₙ", "second Chebyshev", "n x",
    lambda g, out, x, n: g * np.where(np.asarray(n) < -1, -1.0, 1.0)
    * _below(lambda m: 2 * _gegenbauer(2.0, x, m), np.maximum(n, -2 - np.asarray(n))),
)  # fmt: skip
eval_genlaguerre = _polynomial(
    "eval_genlaguerre", "Lₙ", "generalized Laguerre", "n alpha x",
    lambda g, out, alpha, x, n: -g * _below(lambda m: _genlaguerre(alpha + 1, x, m), n),
    {"alpha": lambda g, out, alpha, x, n: g * by_parameter("eval_genlaguerre", 1)(n, alpha, x)}, ("alpha", "x"),
)  # fmt: skip
_genlaguerre = in_rules(eval_genlaguerre)
eval_laguerre = _polynomial(
    "eval_laguerre", "Lₙ", "Laguerre", "n x",
    lambda g, out, x, n: -g * _below(lambda m: _genlaguerre(1.0, x, m), n),
)  # fmt: skip


def _hermite_op(name: str, what: str, factor: int) -> Callable[..., Any]:
    """Hermite polynomials: SciPy's kernel takes whole degrees only."""
    return _special(
        name, "Hₙ", f"The {what} Hermite polynomial of whole degree n at each x.", order="n x",
        sentence="x gets g times the slope of the polynomial there.",
        cases=[case((2, 3), n=3), case((2, 3), n=0)], reads=("x",),
        formula={"x": _SLOPE_IN_WORDS},
        vjp={"x": lambda g, out, x, n: g * (factor * np.trunc(n) * _hermite(name)(x, np.maximum(np.trunc(n), 1) - 1))},
    )  # fmt: skip


def _hermite(name: str) -> Callable[..., Any]:
    return in_rules(_HERMITE[name])


_HERMITE: dict[str, Callable[..., Any]] = {}
for _name, _what, _factor in (("eval_hermite", "physicists'", 2), ("eval_hermitenorm", "probabilists'", 1)):
    _HERMITE[_name] = _hermite_op(_name, _what, _factor)

# --- entropies and losses -------------------------------------------------------------------------------------------

rel_entr = _special(
    "rel_entr", "x ln(x/y)", "x · ln(x/y), element by element, 0 where x is 0.", ("x", "y"), domain=(0.3, 3.0),
    vjp={"x": lambda g, out, x, y: g * (np.log(x / y) + 1), "y": lambda g, out, x, y: -g * (x / y)},
    sentence="x gets g · (ln(x/y) + 1), and y gets −g · x/y.",
)  # fmt: skip
kl_divergence = _special(  # another thing than the loss kl_div, which takes logarithms
    "kl_div", "x ln(x/y)−x+y", "x · ln(x/y) − x + y, element by element.", ("x", "y"), domain=(0.3, 3.0),
    called="kl_divergence",
    vjp={"x": lambda g, out, x, y: g * np.log(x / y), "y": lambda g, out, x, y: g * (1 - x / y)},
    sentence="x gets g · ln(x/y), and y gets g · (1 − x/y).",
)  # fmt: skip


@composed(scipy=["huber"], public=False)
def scipy_huber(delta: Any, r: Any) -> Tensor:
    """r²/2 where |r| ≤ delta, else delta · (|r| − delta/2); inf where delta is negative."""
    size = abs(as_tensor(r))
    inside = np.less_equal(size.array, array_of(delta))
    bound = where(inside, 1.0, delta)  # where the other branch counts delta may be infinite
    return where(np.less(array_of(delta), 0), np.inf, where(inside, 0.5 * size * size, bound * (size - 0.5 * bound)))


@composed(scipy=["pseudo_huber"], public=False)
def pseudo_huber(delta: Any, r: Any) -> Tensor:
    """delta² · (√(1 + (r/delta)²) − 1): a smooth Huber loss."""
    delta, r = as_tensor(delta), as_tensor(r)
    nothing = (delta.array == 0) & (r.array == 0)
    below = elementwise.hypot(where(nothing, 1.0, delta), r) + delta  # r² · delta over this, which delta = 0 may be
    return where(delta.array < 0, np.inf, r * (r / below) * delta)


boxcox = _special(
    "boxcox", "(xᵏ−1)/k", "(x**lmbda − 1)/lmbda, ln(x) where lmbda is 0.", ("x", "lmbda"), domain=(0.3, 2.0),
    vjp={
        "x": lambda g, out, x, lmbda: g * np.power(x, lmbda - 1),
        "lmbda": lambda g, out, x, lmbda: g * _boxcox_slope(x, lmbda),
    },
    formula={"lmbda": "{g} · ln²({x}) times the derivative of exprel at {lmbda} · ln({x}), 1/{lmbda}² where {x} is 0"},
    reads=("x", "lmbda"),
    sentence="x gets g times x to the power lmbda − 1; lmbda gets g times its own slope.",
)  # fmt: skip


@asks("is an element 0?")
def _boxcox_slope(x: Any, lmbda: Any) -> Any:
    """By lmbda; where x is 0 the function is −1/lmbda."""
    end = np.asarray(np.equal(values(x), 0) & np.greater(values(lmbda), 0))
    logarithm = np.log(np.where(end, 1.0, x) if end.any() else x)
    slope = np.square(logarithm) * _exprel_slope(lmbda * logarithm)
    return np.where(end, 1 / np.square(np.where(end, lmbda, 1.0)), slope) if end.any() else slope


@composed(scipy=["boxcox1p"], public=False)
def boxcox1p(x: Any, lmbda: Any) -> Tensor:
    """((1 + x)**lmbda − 1)/lmbda, ln(1 + x) where lmbda is 0. Needs SciPy."""
    x = as_tensor(x)
    end = np.equal(x.array, -1)
    logarithm = elementwise.log1p(where(end, 0.0, x) if np.any(end) else x)
    out = logarithm * exprel(lmbda * logarithm)
    return where(end, boxcox(where(end, x + 1, 1.0), lmbda), out) if np.any(end) else out


@composed(scipy=["inv_boxcox"], public=False)
def inv_boxcox(x: Any, lmbda: Any) -> Tensor:
    """The y at which boxcox(y, lmbda) is x."""
    power = as_tensor(lmbda)
    if not np.all(power.data):  # with 0 among the powers: exp(x) there
        flat, x = power.data == 0, as_tensor(x)
        safe = where(flat, 1.0, power)
        series = x - power * x * x / 2 + power * power * x * x * x / 3  # of log1p(power·x)/power
        return where(flat, exp(series), exp(elementwise.log1p(safe * where(flat, 0.0, x)) / safe))
    return exp(elementwise.log1p(power * x) / power)


@composed(scipy=["inv_boxcox1p"], public=False)
def inv_boxcox1p(x: Any, lmbda: Any) -> Tensor:
    """The y at which boxcox1p(y, lmbda) is x."""
    return inv_boxcox(x, lmbda) - 1


@composed(scipy=["powm1"], public=False)
def powm1(x: Any, y: Any) -> Tensor:
    """x**y − 1 for x > 0, exact also where that is tiny."""
    x = as_tensor(x)
    zero = x.array == 0
    if not np.any(zero):
        return expm1(xlogy(y, x))
    return where(zero, np.power(where(zero, x, 1.0), y) - 1, expm1(xlogy(y, where(zero, 1.0, x))))


@composed(scipy=["radian"], public=False)
def radian(d: Any, m: Any, s: Any) -> Tensor:
    """Degrees, minutes and seconds in radians."""
    return (as_tensor(d) + as_tensor(m) / 60 + as_tensor(s) / 3600) * _DEGREE
