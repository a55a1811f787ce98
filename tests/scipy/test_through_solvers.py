"""Gradients through SciPy's solvers: of roots, and of solutions of differential equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

import grad_engine as ge
from grad_engine import numpy as np
from grad_engine.testing import check_gradients

scipy_optimize = pytest.importorskip("scipy.optimize")
scipy_integrate = pytest.importorskip("scipy.integrate")
optimize, integrate = ge.scipy.optimize, ge.scipy.integrate
P = numpy.array([0.7, 1.3])


def test_roots_have_first_and_second_derivatives() -> None:
    anomalies = numpy.linspace(0.2, 3.0, 4)

    def kepler(p: Any) -> Any:
        return optimize.newton(
            lambda e: e - p[0] * np.sin(e) - anomalies, anomalies, fprime=lambda e: 1 - p[0] * np.cos(e), tol=1e-14
        )

    check_gradients(kepler, P, 2)
    expected = scipy_optimize.newton(lambda e: e - 0.7 * numpy.sin(e) - anomalies, anomalies)
    numpy.testing.assert_allclose(kepler(P).data, expected, rtol=1e-7)
    check_gradients(lambda p: optimize.newton(lambda x: x**3 - p[0] - x * p[1], 1.5, tol=1e-14), P, 2)
    check_gradients(lambda p: optimize.brentq(lambda x: np.exp(x) - p[0] - p[1], 0.0, 3.0, xtol=1e-14), P, 2)
    check_gradients(lambda p: optimize.brentq(lambda x, q: x * x - q, 0.0, 3.0, (p[1],), xtol=1e-14), P, 2)


def test_roots_of_vectors() -> None:
    def crossing(p: Any) -> Any:
        return optimize.fsolve(lambda x: np.array([x[0] ** 2 + x[1] ** 2 - 4 * p[1], x[0] - p[0] * x[1]]), [1.0, 1.0])

    check_gradients(crossing, P, 2)
    x = crossing(P).data
    assert x[0] == pytest.approx(0.7 * x[1]) and x @ x == pytest.approx(5.2)


@pytest.mark.parametrize("method", ["RK45", "RK23"])
@pytest.mark.parametrize("t_eval", [None, [0.0, 0.13, 0.6, 1.5], [0.4, 1.0]], ids=str)
def test_differential_equations(method: str, t_eval: Any) -> None:
    def slope(t: Any, y: Any, p: Any) -> Any:
        return [y[1], -p[0] * np.sin(y[0]) - p[1] * y[1] + np.cos(t)]

    def ours(p: Any, y0: Any) -> Any:
        return integrate.solve_ivp(slope, (0, 1.5), y0, method, t_eval, args=(p,), rtol=1e-6).y

    y0 = numpy.array([0.5, -0.2])
    found = integrate.solve_ivp(slope, (0, 1.5), y0, method, t_eval, args=(P,), rtol=1e-6)
    theirs = scipy_integrate.solve_ivp(slope, (0, 1.5), y0, method, t_eval, args=(P,), rtol=1e-6)
    numpy.testing.assert_allclose(found.y.data, theirs.y, rtol=1e-12)
    numpy.testing.assert_array_equal(found.t, theirs.t)
    # differences need fixed steps: by tolerances so wide that max_step alone decides
    fixed: dict[str, Any] = {"method": method, "t_eval": t_eval, "max_step": 0.1, "first_step": 0.1, "rtol": 10.0}
    check_gradients(lambda p, y0: integrate.solve_ivp(slope, (0, 1.5), y0, args=(p,), atol=10.0, **fixed).y, [P, y0], 1)
    assert ours(P, y0).shape == theirs.y.shape


def test_odeint() -> None:
    times = numpy.linspace(0, 2, 5)
    mine = integrate.odeint(lambda y, t, k: -k * y + np.sin(t), 1.0, times, (0.7,))
    theirs = scipy_integrate.odeint(lambda y, t, k: -k * y + numpy.sin(t), 1.0, times, (0.7,))
    numpy.testing.assert_allclose(mine.data, theirs, atol=1e-7)
    slope = ge.grad(lambda k: integrate.odeint(lambda y, t: -k * y, 1.0, times)[-1, 0])(0.7)
    assert slope == pytest.approx(-2 * numpy.exp(-1.4), rel=1e-6)


def test_what_solvers_refuse() -> None:
    for wrong in (
        lambda: integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0], "BDF"),
        lambda: integrate.solve_ivp(lambda t, y: -y, (0, ge.tensor(1.0, requires_grad=True)), [1.0]),
        lambda: integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0], events=lambda t, y: y[0]),
    ):
        with pytest.raises(ge.GradEngineError):
            wrong()


def residuals(x: Any) -> Any:
    return numpy.array([x[0] ** 2 + x[1] - 3, numpy.sin(x[0]) - x[1]])


def squares(x: Any) -> Any:
    return numpy.sum(numpy.array([x[0] ** 2 + x[1] - 3, x[0] - x[1]]) ** 2)


def line(t: Any, a: Any, b: Any) -> Any:
    return numpy.array([a * each + b for each in t])


TIMES = numpy.linspace(0.0, 1.0, 5)
# Each gives SciPy a derivative of ours, of a function that makes a NumPy array of tensors.
INSIDE_SCIPY: dict[str, Callable[[], Any]] = {
    "least_squares": lambda: scipy_optimize.least_squares(residuals, numpy.ones(2), jac=ge.jacobian(residuals)),
    "root": lambda: scipy_optimize.root(residuals, numpy.ones(2), jac=ge.jacobian(residuals)),
    "minimize with jac": lambda: scipy_optimize.minimize(squares, numpy.ones(2), jac=ge.grad(squares)),
    "minimize with both": lambda: scipy_optimize.minimize(ge.value_and_grad(squares), numpy.ones(2), jac=True),
    "curve_fit": lambda: scipy_optimize.curve_fit(
        line, TIMES, 2 * TIMES, p0=[1.0, 1.0], jac=lambda t, *p: ge.jacobian(lambda q: line(t, *q))(numpy.array(p))
    ),
    "solve_ivp": lambda: scipy_integrate.solve_ivp(
        lambda t, y: residuals(y), (0, 1), [1.0, 0.0], method="BDF", jac=lambda t, y: ge.jacobian(residuals)(y)
    ),
}


@pytest.mark.parametrize("solve", INSIDE_SCIPY.values(), ids=INSIDE_SCIPY)
def test_a_function_that_makes_arrays_inside_a_solver_of_scipy_is_blamed_itself(solve: Callable[[], Any]) -> None:
    with pytest.raises(ge.GraphError, match=r"at .*test_through_solvers\.py:\d+ \(return numpy\.") as caught:
        solve()
    assert "write `from grad_engine import numpy as np`" in str(caught.value)
    assert "twin" not in str(caught.value) and "takes arrays only" not in str(caught.value)


def test_scipy_is_blamed_where_the_function_that_it_calls_gives_tensors_to_another_of_its_functions() -> None:
    skew = ge.value_and_grad(lambda x: pytest.importorskip("scipy.stats").skew(x).sum())
    with pytest.raises(ge.GradEngineError, match=r"scipy\.stats\.skew\(\) takes arrays only"):
        scipy_optimize.minimize(skew, numpy.arange(3.0) ** 2, jac=True)
