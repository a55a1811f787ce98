"""The functions of scipy.special on tensors, under SciPy's names, with its order and defaults of arguments.

Besides those below, every ufunc of scipy.special that has a derivative: `gamma`, `jv`, `betainc`, ...; `dir()` lists
them. A whole number, such as the degree of a polynomial, may not require grad.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.numpy_protocol import SCIPY_TO_OP
from grad_engine.core.tensor import Tensor, array_of
from grad_engine.errors import ArgumentError
from grad_engine.ops import activation, reduction, scipy_more, scipy_special
from grad_engine.ops import special as _special
from grad_engine.ops.elementwise import abs as _abs
from grad_engine.ops.elementwise import exp, ln, sign, sinc, where
from grad_engine.ops.reduction import sum as _sum
from grad_engine.scipy._theirs import as_tensor, of_scipy


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """ln of the sum of exp(a), over all elements unless `axis` says which; with b, of b · exp(a).

    return_sign: the logarithm of the sum's size, and the sum's sign, which b may make negative. A negative sum without
        it is NaN.
    """
    if b is None:
        out = reduction.logsumexp(as_tensor(a), axis, keepdims)
        return (out, as_tensor(np.ones(out.shape, out.dtype))) if return_sign else out
    a, b = as_tensor(a), as_tensor(b)
    top = np.max(np.where(b.data == 0, -np.inf, a.data), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    total = _sum(b * exp(a - top), axis=axis, keepdims=keepdims)
    shift = top if keepdims else np.squeeze(top, axis=axis)
    if return_sign:
        return ln(_abs(total)) + shift, sign(total).detach()
    return ln(total) + shift


def softmax(x: Any, axis: Any = None) -> Tensor:
    """exp(x) over its sum, over all elements unless `axis` says which; ge.softmax takes the last axis."""
    return _over_axes(activation.softmax, x, axis)


def log_softmax(x: Any, axis: Any = None) -> Tensor:
    """The logarithm of softmax(x, axis), over all elements unless `axis` says which."""
    return _over_axes(activation.log_softmax, x, axis)


def _over_axes(function: Any, x: Any, axis: Any) -> Tensor:
    x = as_tensor(x)
    if isinstance(axis, int):
        return function(x, axis)
    if axis is None:
        return function(x.reshape(-1), 0).reshape(x.shape)
    places = [each % x.ndim for each in axis]
    rest = [i for i in range(x.ndim) if i not in places]
    order = [*rest, *places]
    moved = x.transpose(order)
    out = function(moved.reshape(*(x.shape[i] for i in rest), -1), -1).reshape(moved.shape)
    return out.transpose(np.argsort(order).tolist())


def zeta(x: Any, q: Any = None) -> Tensor:
    """The Hurwitz zeta function of x > 1 and q, or Riemann's of x > 1. Needs SciPy."""
    return SCIPY_TO_OP["_riemann_zeta"](x) if q is None else scipy_special.zeta(x, q)


def polygamma(n: int, x: Any) -> Tensor:
    """The n-th derivative of psi at each x, psi itself for n = 0. Needs SciPy."""
    return _special.digamma(x) if isinstance(n, int | np.integer) and n == 0 else _special.polygamma(x, n)


def multigammaln(a: Any, d: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension d. Needs SciPy."""
    return _special.mvlgamma(a, d)


def lambertw(z: Any, k: int = 0) -> Tensor:
    """The solution w ≥ −1 of w·exp(w) = z for real z ≥ −1/e, as real numbers; the branch k = 0. Needs SciPy."""
    if np.any(np.asarray(k) != 0):
        raise ArgumentError(f"lambertw() has the branch k=0, of real results, got k={k!r}; others are complex")
    return scipy_special.lambertw(z)


def factorial(n: Any) -> Tensor:
    """n! as gamma(n + 1). Needs SciPy."""
    return scipy_special.gamma(as_tensor(n) + 1.0)


def comb(N: Any, k: Any) -> Tensor:
    """The number of ways to choose k of N, for real numbers too, 0 unless 0 ≤ k ≤ N. Needs SciPy."""
    n, chosen = as_tensor(N), as_tensor(k)
    possible = (chosen.array <= n.array) & (n.array >= 0) & (chosen.array >= 0)
    out = scipy_special.binom(n, chosen)
    return out if np.all(possible) else where(possible, out, 0.0)


def softplus(x: Any) -> Tensor:
    """ln(1 + exp(x)) of each element."""
    return activation.softplus(x)


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the first kind of whole order n at each z > 0, or its slope. Needs SciPy."""
    return _spherical("jv", n, z, derivative, 1)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the second kind of whole order n at each z > 0, or its slope. Needs SciPy."""
    return _spherical("yv", n, z, derivative, 1)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the first kind of whole order n at each z > 0. Needs SciPy."""
    return _spherical("iv", n, z, derivative, -1)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the second kind of whole order n at each z > 0. Needs SciPy."""
    return _spherical("kv", n, z, derivative, 1)


def _spherical(kind: str, n: Any, z: Any, derivative: bool, sign: int) -> Tensor:
    """f(n), or its slope n/z · f(n) − sign · f(n + 1), of whole n, to which SciPy cuts."""
    z, n = as_tensor(z), np.trunc(array_of(n))
    if np.ndim(derivative):
        raise ArgumentError("derivative is True or False, got an array")
    zero = z.array == 0
    if kind in ("jv", "iv") and np.any(zero):  # finite there, by the power series
        turn = 1.0 if kind == "iv" else -1.0
        near = np.equal(n, 0) * (1 + turn * z * z / 6) + np.equal(n, 1) * z / 3 + np.equal(n, 2) * z * z / 15
        if derivative:
            near = np.equal(n, 0) * turn * z / 3 + np.equal(n, 1) / 3.0 + np.equal(n, 2) * 2 * z / 15
        return where(zero, near, _spherical(kind, n, where(zero, 1.0, z), derivative, sign))
    out = scipy_more.spherical(kind, n, z)
    return n / z * out - sign * scipy_more.spherical(kind, n + 1, z) if derivative else out


def _logit(x: Any) -> Tensor:
    """ln(x / (1 − x)) of each x between 0 and 1."""
    return SCIPY_TO_OP["logit"](x)


_logit.__name__ = "logit"
globals().update(
    {name: call for name, call in SCIPY_TO_OP.items() if name[0] != "_" and name not in globals()}
    | {"sinc": sinc, "kl_div": SCIPY_TO_OP["kl_div"], "logit": _logit}
)

__all__ = [
    "comb", "factorial", "lambertw", "log_softmax", "logsumexp", "multigammaln", "polygamma", "sinc", "softmax",
    "softplus", "spherical_in", "spherical_jn", "spherical_kn", "spherical_yn", "zeta",
]  # fmt: skip
__all__ += sorted(name for name in SCIPY_TO_OP if name[0] != "_" and name not in __all__)
__getattr__ = of_scipy("scipy.special")
