"""A compiled function beside eager mode: histories, errors, warnings, threads, and what is saved."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine import nn
from tests.support import normal

X, W = normal(5, 3), normal(3, 2)
TIMES = np.linspace(0.1, 3.0, 50)


def leaf(array: np.ndarray) -> ge.Tensor:
    return ge.tensor(array, requires_grad=True)


def layer(w: Any, x: Any) -> Any:
    return np.tanh(x @ w), (x * x).sum()


def gradients(f: Callable[..., Any], *arrays: np.ndarray) -> list[np.ndarray]:
    """The gradients of a sum of all results of f on leaves."""
    leaves = [leaf(array) for array in arrays]
    results = f(*leaves)
    total = sum((part * (k + 1.0)).sum() for k, part in enumerate(results if type(results) is tuple else (results,)))
    total.backward()
    return [each.grad.data for each in leaves]


def test_tensors_that_require_grad_take_part_in_the_outer_graph() -> None:
    compiled = ge.compile(layer)
    for scale in (1.0, -0.5):
        found, expected = gradients(compiled, scale * W, X), gradients(layer, scale * W, X)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_result_of_an_op_keeps_its_history() -> None:
    w = leaf(W)
    out, _ = ge.compile(layer)(w * 2.0, X)
    (out * out).sum().backward()
    twin = leaf(W)
    out, _ = layer(twin * 2.0, X)
    (out * out).sum().backward()
    np.testing.assert_allclose(w.grad.data, twin.grad.data, rtol=1e-12)


def test_second_derivatives_go_through_a_compiled_function() -> None:
    compiled = ge.compile(lambda x: (np.sin(x) * x).sum())
    x = leaf(np.linspace(0.1, 1.0, 4))
    (slope,) = ge.grad(compiled(x), [x], create_graph=True)
    (curve,) = ge.grad(slope.sum(), [x])
    expected = 2 * np.cos(x.data) - x.data * np.sin(x.data)
    np.testing.assert_allclose(curve.data, expected, rtol=1e-12)


def test_a_compiled_model_trains_with_an_eager_loss() -> None:
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))
    twin = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))
    compiled = ge.compile(model)
    for _ in range(2):
        (compiled(X) ** 2).mean().backward()
        (twin(X) ** 2).mean().backward()
        for one, other in zip(model.parameters(), twin.parameters(), strict=True):
            np.testing.assert_allclose(one.grad.data, other.grad.data, rtol=1e-12)


def test_without_recording_there_is_no_history() -> None:
    compiled = ge.compile(lambda w: w * 2.0)
    w = leaf(W)
    assert compiled(w).requires_grad
    with ge.no_grad():
        assert not compiled(w).requires_grad
    assert compiled(w).requires_grad
    assert not compiled(ge.tensor(W)).requires_grad


def test_values_that_backward_needs_may_be_changed_in_the_meantime() -> None:
    """An array that is used again for the next batch was copied; a weight is refused, as in eager mode."""
    compiled, x, w = ge.compile(layer), X.copy(), leaf(W)
    out, _ = compiled(w, x)
    x[:] = 0.0
    out.sum().backward()
    twin = leaf(W)
    layer(twin, X)[0].sum().backward()
    np.testing.assert_allclose(w.grad.data, twin.grad.data, rtol=1e-12)
    out, _ = compiled(w, x)
    with ge.no_grad():
        w -= 1.0
    with pytest.raises(ge.InPlaceError):
        out.sum().backward()


def test_backward_inside_adds_to_the_grad_of_an_argument() -> None:
    def run(w: ge.Tensor, x: np.ndarray) -> ge.Tensor:
        loss = layer(w, x)[0].sum()
        loss.backward()
        return loss

    compiled, w, twin = ge.compile(run), leaf(W), leaf(W)
    for _ in range(3):
        assert compiled(w, X).item() == pytest.approx(run(twin, X).item())
        np.testing.assert_allclose(w.grad.data, twin.grad.data, rtol=1e-12)
    assert w.grad.array.base is None
    with pytest.raises(ge.TraceError, match="gradient would be lost"):
        compiled(w * 2.0, X)


def test_a_used_up_graph_says_so() -> None:
    def run(w: ge.Tensor) -> ge.Tensor:
        loss = (w * w).sum()
        loss.backward()
        return loss

    with pytest.raises(ge.GraphError, match="retain_graph=True"):
        ge.compile(run)(leaf(W)).backward()


def test_backward_reads_the_numbers_that_were_drawn() -> None:
    rng, twin = np.random.default_rng(0), np.random.default_rng(0)
    compiled = ge.compile(lambda w: (w * rng.normal(size=w.shape)).sum() * rng.uniform())
    for _ in range(3):
        w = leaf(W)
        compiled(w).backward()
        np.testing.assert_allclose(w.grad.array, twin.normal(size=w.shape) * twin.uniform(), rtol=1e-12)
    assert rng.random() == twin.random()


# --- errors and warnings --------------------------------------------------------------------------------------------


def factored(a: Any) -> Any:
    b = a * 2.0
    return np.linalg.cholesky(b).sum()


def test_an_error_at_run_time_names_the_line_of_the_user() -> None:
    good, bad = np.eye(3), -np.eye(3)
    for f in (factored, lambda a: ge.value_and_grad(factored, a)):
        compiled = ge.compile(f)
        compiled(good)
        with pytest.raises(Exception) as expected:  # noqa: PT011  # whatever eager mode raises
            f(bad)
        with pytest.raises(type(expected.value)) as caught:
            compiled(bad)
        text = "".join(traceback.format_exception(caught.value))
        assert "np.linalg.cholesky(b).sum()" in text


def test_an_error_after_a_write_names_the_line_too() -> None:
    weight = np.ones((3, 3))

    def run(a: Any) -> Any:
        np.add(weight, 1.0, out=weight)
        return np.linalg.inv(a) + weight

    compiled = ge.compile(run)
    compiled(np.eye(3))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        compiled(np.zeros((3, 3)))
    text = "".join(traceback.format_exception(caught.value))
    assert "np.linalg.inv(a) + weight" in text


WARNING = {
    "log": lambda x: np.log(x).sum(),
    "divide": lambda x: 1.0 / x,
    "exp": lambda x: np.exp(1000.0 * x),
    "small": lambda x: ge.value_and_grad(lambda x: np.log(x[0] * x[1]) + x[0] / x[1] + np.exp(x[1] * 1000.0) * x[0], x),
    "product": lambda x: x[0] * x[1] * 1e200 * 1e200 * x[0] * 3.0,
}


@pytest.mark.parametrize("f", WARNING.values(), ids=WARNING)
@pytest.mark.parametrize("x", [np.array([0.0, 1.0]), np.array([1.0, -1.0]), np.array([2.0, 0.0])], ids=str)
def test_warnings_are_those_of_eager_mode(f: Callable[[Any], Any], x: np.ndarray) -> None:
    compiled = ge.compile(f)
    with np.errstate(all="ignore"):
        compiled(np.array([0.3, 0.2]))

    def said(f: Callable[[Any], Any]) -> tuple[set[str], Any]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = f(x)
        return {str(each.message) for each in caught}, result

    (found, result), (expected, wanted) = said(compiled), said(f)
    assert found == expected
    for one, other in zip(ge.program.steps.leaves(result), ge.program.steps.leaves(wanted), strict=True):
        np.testing.assert_array_equal(one, other)


# --- threads --------------------------------------------------------------------------------------------------------


def test_threads_share_a_compiled_function() -> None:
    compiled = ge.compile(lambda x, w: ge.value_and_grad(lambda w: (np.tanh(x @ w) ** 2).sum(), w))
    inputs = [(normal(40, 30, seed=k), normal(30, 20, seed=k)) for k in range(3)]
    expected = [compiled.function(*each) for each in inputs]
    wrong: list[Any] = []

    def work(k: int) -> None:
        for _ in range(150):
            value, slope = compiled(*inputs[k])
            if not (math.isclose(value, expected[k][0]) and np.allclose(slope, expected[k][1])):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- the program ----------------------------------------------------------------------------------------------------


def test_a_saved_program_needs_numpy_alone(tmp_path: Path) -> None:
    """Large constants, and those that are no finite numbers, are part of the file."""
    table, mask = normal(40, 3), np.array([1.0, np.inf, 2.0])

    def fit(w: Any) -> Any:
        return ge.value_and_grad(lambda w: (np.tanh(np.asarray(ge.tensor(normal(40, 3)).data) @ w) ** 2).sum(), w)

    compiled = ge.compile(lambda w: (*fit(w), np.minimum(w[:, 0], np.full(3, np.inf)) * np.arange(3.0)))
    expected = compiled(W)
    path = compiled.save(tmp_path / "fit.py")
    script = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); import fit;"
        "assert 'grad_engine' not in sys.modules;"
        "w = np.frombuffer(bytes.fromhex(sys.argv[2])).reshape(3, 2);"
        "print(*[np.asarray(part).tobytes().hex() for part in fit.program(w)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), W.tobytes().hex()], capture_output=True, text=True, check=True
    )
    for text, wanted in zip(done.stdout.split(), expected, strict=True):
        np.testing.assert_allclose(np.frombuffer(bytes.fromhex(text)), np.ravel(wanted), rtol=1e-14)
    assert "import grad_engine" not in path.read_text("utf-8")
    assert table.size and mask.size


LINEAR = ge.nn.Linear(3, 3, bias=False, seed=0).requires_grad_(False)
WITH_OPS: dict[str, tuple[Any, Any, str]] = {
    "exponential": (lambda x: (ge.matrix_exp(LINEAR(x)) ** 2).sum(), normal(3, 3), "matrix_exp"),
    "polygamma": (lambda x: ge.polygamma(x, 2).sum(), np.arange(1.0, 4.0), "polygamma"),
    "gradient alone": (lambda x: ge.digamma(x).sum(), np.arange(1.0, 4.0), "gradient of digamma"),
    "two shares": (lambda x: (np.fft.irfft(np.fft.rfft(x) * 2.0) ** 2).sum(), np.arange(1.0, 5.0), "fourier"),
}


@pytest.mark.parametrize(("f", "x", "op"), WITH_OPS.values(), ids=WITH_OPS)
def test_a_saved_program_says_which_ops_of_the_engine_it_needs(f: Any, x: Any, op: str, tmp_path: Path) -> None:
    compiled = ge.compile(ge.value_and_grad(f), exact=True)
    with pytest.raises(ge.GraphError, match="source"):
        _ = compiled.source
    value, slope = compiled(x)
    assert op in compiled.reasons
    text = compiled.save(tmp_path / "file.py").read_text("utf-8")
    assert f"of grad_engine {op}" in text.splitlines()[0] and "from grad_engine import OPS" in text
    inside: dict[str, Any] = {}
    exec(text, inside)
    weights = [parameter.array for parameter in LINEAR.parameters()] if f is WITH_OPS["exponential"][0] else []
    found = inside["program"](x, *weights)
    assert float(found[0]) == value.item()
    np.testing.assert_array_equal(found[1], slope)
    with pytest.raises(ge.GraphError, match=op):
        compiled.to("numpy")


def test_a_saved_maximum_takes_ties_as_they_come(tmp_path: Path) -> None:
    def step(w: Any, x: Any) -> Any:
        return ge.value_and_grad(lambda w: np.maximum(x @ w, 0.0).sum())(w)

    compiled = ge.compile(step)
    w, x = normal(3, 2), normal(40, 3)
    compiled(w, x)
    inside: dict[str, Any] = {}
    exec(compiled.save(tmp_path / "file.py").read_text("utf-8"), inside)
    for start in (w, 0 * w):
        expected = step(start, x)
        for found in (inside["step"](start, x), compiled(start, x)):
            np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
            np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
    assert compiled._traces == 1


def test_lower_traces_and_does_not_run() -> None:
    state = np.zeros(3)

    def f(x: Any) -> Any:
        state[:] = state + x
        return state * 2.0

    lowered = ge.compile(f).lower(np.ones(3))
    assert not state.any()
    assert "state" in lowered.source and lowered.standalone


def test_a_program_runs_on_the_arrays_of_another_module() -> None:
    compiled = ge.compile(lambda w, x: ge.value_and_grad(lambda w: layer(w, x)[0].sum(), w))
    expected = compiled(W, X)
    for target in ("numpy", np):
        found = compiled.to(target)(W, X)
        np.testing.assert_allclose(found[0], expected[0])
        np.testing.assert_allclose(found[1], expected[1])
    with pytest.raises(ge.ArgumentError, match="'jax', 'cupy'"):
        compiled.to("tpu")


def test_the_source_has_the_names_and_lines_of_the_user() -> None:
    def step(params: dict[str, Any], x: Any, y: Any) -> Any:
        def loss_of(p: dict[str, Any]) -> Any:
            hidden = np.tanh(x @ p["w1"])
            error = hidden @ p["w2"] - y
            return (error * error).mean()

        loss, g = ge.value_and_grad(loss_of)(params)
        return loss, {k: params[k] - 0.01 * g[k] for k in params}

    compiled = ge.compile(step)
    compiled({"w1": normal(3, 4), "w2": normal(4, 1)}, X, normal(5, 1))
    for part in (
        "def step(w1, w2, x, y):",
        "hidden = np.tanh(x @ w1)",
        "# hidden = np.tanh(x @ w1)",  # p["w1"] by the name that the program has for it
        "g_w1 =",
        "error =",
    ):
        assert part in compiled.source, compiled.source
    assert len(compiled.source.splitlines()) <= 30


def test_exact_programs_keep_equal_factors_apart() -> None:
    """NumPy computes x @ x.T in another way than x @ y.T, with other last bits; found by a random program."""
    f = lambda a: ge.value_and_grad(lambda a: np.tanh((a**3 @ (a**3).T) @ a**3 * 0.5).sum(), a)  # noqa: E731
    a = 0.5 * normal(300, 8)
    for found, wanted in zip(ge.compile(f, exact=True)(a), f(a), strict=True):
        np.testing.assert_array_equal(found, wanted)
    for found, wanted in zip(ge.compile(f)(a), f(a), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_the_source_says_which_lines_are_forward_and_which_backward() -> None:
    def step(w: Any, x: Any) -> Any:
        def loss_of(w: Any) -> Any:
            out = np.tanh(x @ w)
            return (out * out).sum()

        return ge.value_and_grad(loss_of)(w)

    lines = [line.strip() for line in ge.compile(step).lower(normal(3), normal(4, 3)).source.splitlines()]
    forward, backward = lines.index("out = np.tanh(x @ w)"), lines.index("# backward of: out = np.tanh(x @ w)")
    assert lines[forward - 1] == "# out = np.tanh(x @ w)"
    assert forward < backward < len(lines) - 1


def test_a_saved_program_refuses_other_shapes(tmp_path: Path) -> None:
    """A mean over another batch would be divided by the old count, without a word."""

    @ge.compile
    def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
        return np.mean(np.square(x @ p["w"] - y) * p["size"])

    p, x, y = {"w": np.ones(3), "size": 2.0}, np.ones((4, 3)), np.zeros(4)
    expected = loss(p, x, y)
    inside: dict[str, Any] = {}
    exec(loss.save(tmp_path / "loss.py").read_text("utf-8"), inside)
    assert inside["loss"](p["w"], p["size"], x, y) == expected
    for wrong in [(p["w"], p["size"], np.ones((8, 3)), np.zeros(8)), (p["w"], np.ones(4), x, y)]:
        with pytest.raises(ValueError, match="this program was written for"):
            inside["loss"](*wrong)
        with pytest.raises(ge.errors.ShapeError, match="traced for arguments of shapes"):
            loss.to("numpy")(*wrong)


CURVES: dict[str, Callable[[Any], Any]] = {
    "exp": lambda p: np.exp(p[0]) * TIMES + p[1] * p[2],
    "norm": lambda p: np.sum(p**2) * TIMES,
    "largest": lambda p: p.max() * np.sin(TIMES),
    "mixed": lambda p: np.exp(-p[0] * TIMES) * (p[1] + np.sum(np.sin(p))),
    "many": lambda p: sum(np.exp(p[i] * p[j]) * np.sin((i + j) * TIMES) for i in range(3) for j in range(3)),
}


@pytest.mark.parametrize("name", CURVES)
def test_the_jacobian_of_a_curve_whose_numbers_depend_on_the_arguments(name: str) -> None:
    """Its slopes by the inputs are known only when the program runs."""
    derivative = ge.jacobian(CURVES[name])
    compiled = ge.compile(derivative)
    for p in (np.array([0.5, -0.3, 0.8]), np.array([0.0, 1.0, 0.0])):
        np.testing.assert_allclose(compiled(p), derivative(p), rtol=1e-12, atol=1e-12)


# --- operands that are computed from one another ---------------------------------------------------------------------


def of_two(a: Any, b: Any) -> Any:
    return (a * b * b * a).sum()


def with_a_weight(a: Any, b: Any) -> Any:
    return (a * b * OF_BOTH * a).sum()


def given_back(a: Any, b: Any) -> Any:
    return (a * b).sum() + ge.compile(lambda x, y: (x.detach() * x, y))(a, b)[0].sum()


OF_BOTH = leaf(np.array([1.1, 0.4]))


@pytest.mark.parametrize("f", [of_two, with_a_weight, given_back], ids=lambda f: f.__name__)
def test_second_derivatives_count_each_way_once(f: Any) -> None:
    """One argument may be computed from another, or from a weight that the function reads itself."""
    found = []
    for run in (f, ge.compile(f)):
        x = leaf(np.array([0.3, -0.5]))
        y = run(x, x * x * OF_BOTH)
        by_x, by_weight = ge.grad(y, [x, OF_BOTH], create_graph=True)
        twice = ge.grad((by_x * by_x).sum() + (by_weight * by_weight).sum(), [x, OF_BOTH], create_graph=True)
        (thrice,) = ge.grad(twice[0].sum(), [x])
        found.append([by_x, by_weight, *twice, thrice])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other.data, one.data, rtol=1e-12, atol=1e-14)


def test_a_second_derivative_through_a_step_that_leaves_gradients_is_refused() -> None:
    def f(x: Any, y: Any) -> Any:
        z = x * y
        (z * z).sum().backward()  # which adds to x.grad, and would again
        return x * y * y

    x, y = leaf(W), leaf(W)
    with pytest.raises(ge.GraphError, match="writes to what lies outside"):
        ge.grad(ge.compile(f)(x, y).sum(), [x], create_graph=True)
