"""SciPy's solvers take our derivatives as they are: every method that takes one, without a wrapper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import grad_engine as ge

optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

START = np.array([-1.2, 1.0, 0.8])
WEIGHTS = {"w": np.array([0.5, -0.2]), "b": 0.1}


def rosenbrock(x: Any, scale: float = 100.0) -> Any:
    return np.sum(scale * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


FIRST = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-constr"]
SECOND = ["Newton-CG", "dogleg", "trust-constr", "trust-ncg", "trust-krylov", "trust-exact"]
PRODUCTS = ["Newton-CG", "trust-constr", "trust-ncg", "trust-krylov"]
# dogleg wants a Hessian that is positive definite all the way.
BOWL_FOR_DOGLEG = {"dogleg": lambda x, *_: np.sum(np.cosh(x - 1))}
OPTIONS = {"CG": {"maxiter": 2000}, "TNC": {"maxfun": 5000}, "trust-constr": {"maxiter": 2000, "gtol": 1e-10}}


def minimised(method: str, x0: np.ndarray, f: Any, **derivatives: Any) -> None:
    found = optimize.minimize(f, x0, method=method, options=OPTIONS.get(method), **derivatives)
    np.testing.assert_allclose(found.x, np.ones(3), atol=5e-3)


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0:UserWarning")
@pytest.mark.parametrize("args", [(), (50.0,)], ids=["plain", "args"])
def test_minimize_takes_jac_hess_and_hessp_in_every_method(args: tuple[float, ...]) -> None:
    for method in FIRST:
        minimised(method, START, rosenbrock, jac=ge.grad(rosenbrock), args=args)
        minimised(method, START, ge.value_and_grad(rosenbrock), jac=True, args=args)
    for method in SECOND:
        f = BOWL_FOR_DOGLEG.get(method, rosenbrock)
        minimised(method, START, f, jac=ge.grad(f), hess=ge.hessian(f), args=args)
    for method in PRODUCTS:
        minimised(method, START, ge.value_and_grad(rosenbrock), jac=True, hessp=ge.hvp(rosenbrock), args=args)


def test_minimize_with_constraints() -> None:
    def on_circle(x: Any) -> Any:
        return x[0] ** 2 + x[1] ** 2 - 1

    def f(x: Any) -> Any:
        return (x[0] - 2) ** 2 + (x[1] - 1) ** 2

    expected = np.array([2.0, 1.0]) / np.sqrt(5)
    equality = {"type": "eq", "fun": on_circle, "jac": ge.grad(on_circle)}
    found = optimize.minimize(f, [0.5, 0.5], jac=ge.grad(f), method="SLSQP", constraints=equality)
    np.testing.assert_allclose(found.x, expected, atol=1e-4)
    constraint = optimize.NonlinearConstraint(
        on_circle, 0, 0, jac=ge.jacobian(on_circle), hess=lambda x, v: v[0] * ge.hessian(on_circle)(x)
    )
    found = optimize.minimize(
        f, [0.5, 0.5], jac=ge.grad(f), hess=ge.hessian(f), method="trust-constr", constraints=constraint
    )
    np.testing.assert_allclose(found.x, expected, atol=1e-4)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method: str) -> None:
    def residuals(p: Any, x: Any) -> Any:
        return p[0] * np.exp(-p[1] * x) - 2.5 * np.exp(-0.7 * x)

    x = np.linspace(0, 3, 20)
    found = optimize.least_squares(residuals, [1.0, 1.0], jac=ge.jacobian(residuals), args=(x,), method=method)
    np.testing.assert_allclose(found.x, [2.5, 0.7], rtol=1e-6)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
@pytest.mark.parametrize("sigma", [None, np.linspace(1, 2, 30)], ids=["plain", "sigma"])
def test_curve_fit(method: str, sigma: Any) -> None:
    def model(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * np.exp(-b * x) + c

    x = np.linspace(0, 4, 30)
    y = model(x, 2.5, 1.3, 0.5)
    jac = ge.jacobian(model, argnums=(1, 2, 3))
    found, _ = optimize.curve_fit(model, x, y, [1.0, 1.0, 1.0], jac=jac, method=method, sigma=sigma)
    np.testing.assert_allclose(found, [2.5, 1.3, 0.5], rtol=1e-6)


@pytest.mark.parametrize("method", ["hybr", "lm"])
@pytest.mark.parametrize("kind", ["list", "array"])
def test_root(method: str, kind: str) -> None:
    def f(x: Any) -> Any:
        parts = [x[0] + 0.5 * (x[0] - x[1]) ** 3 - 1.0, 0.5 * (x[1] - x[0]) ** 3 + x[1]]
        return parts if kind == "list" else np.stack(parts)

    found = optimize.root(f, [0.0, 0.0], jac=ge.jacobian(f), method=method)
    np.testing.assert_allclose(found.x, [0.8411639, 0.1588361], rtol=1e-6)


def test_roots_and_minima_of_one_number() -> None:
    def f(x: Any) -> Any:
        return x**3 - 1

    for method in ("newton", "halley"):
        slopes = {"fprime": ge.grad(f), "fprime2": ge.grad(ge.grad(f))}
        assert optimize.root_scalar(f, x0=1.5, method=method, **slopes).root == pytest.approx(1.0)
    assert optimize.newton(f, 1.5, ge.grad(f), fprime2=ge.grad(ge.grad(f))) == pytest.approx(1.0)
    found = optimize.fsolve(lambda x: x**3 - 1, [2.0, 3.0], fprime=ge.jacobian(lambda x: x**3 - 1))
    np.testing.assert_allclose(found, [1.0, 1.0])
    x, *_ = optimize.fmin_l_bfgs_b(rosenbrock, START, ge.grad(rosenbrock))
    np.testing.assert_allclose(x, np.ones(3), atol=1e-3)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("kind", ["list", "array"])
def test_solve_ivp(method: str, kind: str) -> None:
    def van_der_pol(t: Any, y: Any) -> Any:
        parts = [y[1], 5.0 * (1 - y[0] ** 2) * y[1] - y[0]]
        return parts if kind == "list" else np.stack(parts)

    calls = []
    jac = ge.jacobian(van_der_pol, argnums=1)

    def counted(t: Any, y: Any) -> Any:
        calls.append(t)
        return jac(t, y)

    found = integrate.solve_ivp(van_der_pol, (0, 3), [2.0, 0.0], method=method, jac=counted)
    plain = integrate.solve_ivp(van_der_pol, (0, 3), [2.0, 0.0], method=method, rtol=1e-3)
    assert calls and found.success
    np.testing.assert_allclose(found.y[:, -1], plain.y[:, -1], rtol=2e-2)
    assert integrate.solve_ivp(van_der_pol, (0, 3), [2.0, 0.0], method=method, jac=jac).success


def test_solve_bvp() -> None:
    def ode(x: Any, y: Any, p: Any) -> Any:  # y'' = -k² y
        return np.vstack([y[1], -(p[0] ** 2) * y[0]])

    def ends(ya: Any, yb: Any, p: Any) -> Any:
        return np.stack([ya[0], yb[0], ya[1] - p[0]])

    x = np.linspace(0, 1, 5)
    y = np.zeros((2, 5))
    y[0, 1], y[0, 3] = 1, -1
    found = integrate.solve_bvp(
        ode, ends, x, y, p=[6.0],
        fun_jac=ge.jacobian(ode, argnums=(1, 2), batched="last"), bc_jac=ge.jacobian(ends, argnums=(0, 1, 2)),
    )  # fmt: skip
    assert found.success and found.p[0] == pytest.approx(2 * np.pi, rel=1e-3)

    def bratu(x: Any, y: Any) -> Any:
        return np.vstack([y[1], -np.exp(y[0])])

    def zero(ya: Any, yb: Any) -> Any:
        return np.stack([ya[0], yb[0]])

    found = integrate.solve_bvp(
        bratu, zero, x, np.zeros((2, 5)),
        fun_jac=ge.jacobian(bratu, argnums=1, batched="last"), bc_jac=ge.jacobian(zero, argnums=(0, 1)),
    )  # fmt: skip
    assert found.success and found.sol(0.5)[0] == pytest.approx(0.14053, rel=1e-3)


def test_one_vector_of_parameters() -> None:
    """The way from a structure to a solver and back."""
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 2))
    y = (x @ [1.0, -2.0] + 0.3 > 0).astype(float)

    def loss(p: Any) -> Any:
        return np.sum(np.square(special.expit(x @ p["w"] + p["b"]) - y)) + 0.01 * np.sum(p["w"] ** 2)

    value, gradient = ge.value_and_grad(loss)(WEIGHTS)
    assert type(value) is np.float64 and type(gradient["b"]) is np.float64 and gradient["w"].shape == (2,)
    x0, unravel = ge.ravel_pytree(WEIGHTS)

    def fun(v: Any) -> Any:
        return loss(unravel(v))

    found = optimize.minimize(ge.value_and_grad(fun), x0, jac=True, hessp=ge.hvp(fun), method="trust-ncg")
    assert found.success and np.abs(found.jac).max() < 1e-4
    plain = optimize.minimize(fun, x0, method="BFGS")
    np.testing.assert_allclose(found.x, plain.x, rtol=1e-3)


def test_a_solver_that_swallows_errors_still_says_what_was_wrong() -> None:
    """MINPACK puts an error of its own in the place of ours."""
    for solve in (optimize.fsolve, lambda f, x: optimize.leastsq(f, x)[0], lambda f, x: optimize.brentq(f, 0, 3)):
        with pytest.raises(ge.GradEngineError, match=r"scipy\.optimize\.\w+\(\) takes arrays only"):
            ge.grad(lambda p, s=solve: np.sum(s(lambda x: x**3 - p, np.array([1.0]))))(np.array([2.0]))
