"""scipy.special on tensors: values are SciPy's, gradients those of central differences, the rest is refused by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.numpy_protocol import SCIPY_TO_OP
from grad_engine.testing import check_gradients

special = pytest.importorskip("scipy.special")
ours = ge.scipy.special

# Arguments that every function takes, where numbers between 0 and 1 are none of its own.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "bdtr": (1, 4, 0.3), "pdtr": (2, 0.7), "expn": (2, 0.7), "kn": (2, 0.7), "yn": (2, 0.7), "ndtri_exp": (-0.7,),
    "eval_hermite": (3, 0.7), "eval_hermitenorm": (3, 0.7), "binom": (2.3, 0.7), "zeta": (2.5, 0.7), "round": (0.7,),
    "radian": (3.0, 20.0, 7.0), "pdtrc": (2, 0.7), "bdtrc": (1, 4, 0.3), "nbdtr": (2, 3, 0.4),
    "nbdtrc": (2, 3, 0.4), "erfcinv": (0.7,),
}  # fmt: skip
# The places of arguments without a derivative, whole numbers, which may not require grad.
PARAMETERS: dict[str, tuple[int, ...]] = dict.fromkeys(
    [
        "expn",
        "kn",
        "yn",
        "struve",
        "modstruve",
        "eval_gegenbauer",
        "eval_jacobi",
        "eval_legendre",
        "eval_chebyt",
        "eval_chebyu",
    ],
    (0,),
) | {"eval_laguerre": (0,), "eval_genlaguerre": (0,), "hyperu": (0, 1)}
NAMES = [name for name in SCIPY_TO_OP if name[0] != "_"]
UFUNCS = [name for name in NAMES if isinstance(getattr(special, name), np.ufunc)]


def arguments(name: str) -> tuple[Any, ...]:
    function = getattr(special, name)
    count = function.nin if isinstance(function, np.ufunc) else 2
    return ARGUMENTS.get(name, (0.7, 0.4, 0.6, 0.3)[:count])


def parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_scipys_and_has_its_derivatives(name: str) -> None:
    args = arguments(name)
    theirs, mine = getattr(special, name), getattr(ours, name)
    expected = parts(theirs(*args))
    for place, x in enumerate(args):
        if not isinstance(x, float):
            continue
        vector = np.array([x, x * 1.05])
        others = (*args[:place], vector, *args[place + 1 :])
        full = (*args[:place], ge.tensor(vector, requires_grad=True), *args[place + 1 :])
        if place in PARAMETERS.get(name, ()):
            with pytest.raises(ge.ArgumentError, match="sends no gradient to"):
                mine(*full)
            continue
        for call in (mine, theirs) if name in UFUNCS else (mine,):
            for out, value, plain in zip(parts(call(*full)), parts(theirs(*others)), expected, strict=True):
                np.testing.assert_allclose(out.data, value, rtol=1e-12)
                np.testing.assert_allclose(out.data[0], plain, rtol=1e-12)
        for i in range(len(expected)):
            check_gradients(lambda t, i=i, p=place: parts(mine(*args[:p], t, *args[p + 1 :]))[i], vector, 2)


def test_a_ufunc_without_a_derivative_is_refused_by_name() -> None:
    t = ge.tensor([0.5], requires_grad=True)
    for name in ("kelvin", "kolmogorov", "gammasgn", "besselpoly", "tklmbda"):
        function = getattr(special, name)
        with pytest.raises(ge.NotDifferentiableError, match=rf"scipy\.special\.{name} has no gradient here"):
            function(*[t] * function.nin)
    assert type(special.ber(ge.tensor([1.0]))) is np.ndarray
    with pytest.raises(ge.ArgumentError, match="sends no gradient to n="):
        special.kn(t, 1.0)
    with pytest.raises(ge.NotDifferentiableError, match=r"np\.spacing"):
        np.spacing(t)


PLAIN: dict[str, list[tuple[Callable[[Any, Any], Any], tuple[int, ...]]]] = {
    "logsumexp": [
        (lambda m, x: m.logsumexp(x), (2, 3)), (lambda m, x: m.logsumexp(x, axis=1, keepdims=True), (2, 3)),
        (lambda m, x: m.logsumexp(x, axis=(0, 1)), (2, 3)),
        (lambda m, x: m.logsumexp(x, b=np.arange(1.0, 4.0)), (2, 3)),
        (lambda m, x: m.logsumexp(x, 0, b=[[1.0], [-0.3]], return_sign=True), (2, 3)),
    ],
    "softmax": [
        (lambda m, x: m.softmax(x), (2, 3)), (lambda m, x: m.softmax(x, axis=0), (2, 3)),
        (lambda m, x: m.softmax(x, axis=(0, 2)), (2, 3, 2)), (lambda m, x: m.log_softmax(x), (2, 3)),
        (lambda m, x: m.log_softmax(x, axis=-1), (2, 3)),
    ],
    "gamma": [
        (lambda m, x: m.polygamma(0, x), (3,)), (lambda m, x: m.polygamma(2, x), (3,)),
        (lambda m, x: m.multigammaln(x + 2, 3), ()), (lambda m, x: m.factorial(x), (3,)),
        (lambda m, x: m.comb(x + 2, 1.5), (3,)), (lambda m, x: m.zeta(3.5, x), (3,)),
    ],
    "others": [
        (lambda m, x: m.lambertw(x), (3,)), (lambda m, x: m.sinc(x), (3,)), (lambda m, x: m.softplus(x), (3,)),
        (lambda m, x: m.ellipkm1(x / 2), (3,)),
        *((lambda m, x, f=f, d=d: getattr(m, f"spherical_{f}n")(2, x, d), (3,)) for f in "jyik" for d in (False, True)),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("call", "shape"), [pair for pairs in PLAIN.values() for pair in pairs])
def test_plain_functions_stand_under_ge_scipy(call: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(2).uniform(0.4, 1.6, shape)
    mine, theirs = parts(call(ours, ge.tensor(x))), parts(call(special, x))
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one.data, np.real(other), rtol=1e-11)
    check_gradients(lambda t: parts(call(ours, t))[0], x, 2)


def test_elliptic_integrals_keep_their_digits_near_zero() -> None:
    mpmath = pytest.importorskip("mpmath")
    for m in (0.0, 1e-12, 1e-3, 0.019, 0.021, -0.03, 0.5):
        for name in ("ellipk", "ellipe"):
            exact = float(mpmath.diff(getattr(mpmath, name), mpmath.mpf(m)))
            assert ge.grad(getattr(special, name))(m) == pytest.approx(exact, rel=1e-12)
            second = float(mpmath.diff(getattr(mpmath, name), mpmath.mpf(m), 2))
            assert ge.hessian(getattr(special, name))(m) == pytest.approx(second, rel=1e-10)


def test_special_points() -> None:
    assert ge.grad(special.exprel)(0.0) == 0.5 and ge.grad(special.spence)(1.0) == -1.0
    assert ge.grad(special.j1)(0.0) == 0.5 and ge.grad(special.boxcox, argnums=1)(2.0, 0.0) == np.log(2) ** 2 / 2
    assert ge.grad(special.inv_boxcox)(0.3, 0.0) == pytest.approx(np.exp(0.3))
    assert ge.grad(special.huber, argnums=(0, 1))(1.0, 3.0) == (2.0, 1.0)
    assert special.huber(-1.0, ge.tensor(0.5)).item() == np.inf
    for name in ("eval_legendre", "eval_chebyt", "eval_hermite"):
        assert ge.grad(getattr(special, name), argnums=1)(0, 0.3) == 0.0
    with np.errstate(divide="ignore"):
        assert ge.grad(special.rel_entr, argnums=1)(0.0, 0.5) == 0.0
    single = special.gammainc(2.0, ge.tensor([0.5], dtype=np.float32, requires_grad=True))
    assert single.dtype == np.float32


def test_importing_the_engine_does_not_import_scipy() -> None:
    program = (
        "import sys, grad_engine as ge; assert 'scipy' not in sys.modules; ge.grad(ge.sin)(1.0); "
        "assert 'scipy' not in sys.modules; ge.scipy.special; assert 'scipy.special' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_plain_functions_of_scipy_are_refused_with_their_twin() -> None:
    linalg, stats = pytest.importorskip("scipy.linalg"), pytest.importorskip("scipy.stats")
    t = ge.tensor(np.eye(2) + 0.1, requires_grad=True)
    calls: dict[str, Callable[[], Any]] = {
        "special.logsumexp": lambda: special.logsumexp(t),
        "special.softmax": lambda: special.softmax(t),
        "special.polygamma": lambda: special.polygamma(1, t),
        "linalg.cholesky": lambda: linalg.cholesky(t),
        "linalg.solve_triangular": lambda: linalg.solve_triangular(t, t),
        "linalg.expm": lambda: linalg.expm(t),
        "stats.norm.logpdf": lambda: stats.norm.logpdf(t),
        "stats.gamma.cdf": lambda: stats.gamma.cdf(t, 2.0),
        "stats.multivariate_normal.pdf": lambda: stats.multivariate_normal.pdf(t, np.zeros(2)),
    }
    for name, call in calls.items():
        with pytest.raises(ge.GradEngineError, match=rf"call grad_engine\.scipy\.{name}\(\) on tensors"):
            call()
    with pytest.raises(ge.GradEngineError, match=r"scipy\.linalg\.schur\(\) .* has no twin in grad_engine\.scipy"):
        linalg.schur(t)
    assert special.zeta(3.5, ge.tensor([0.7], requires_grad=True)).requires_grad
