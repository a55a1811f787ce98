"""ge.scipy.integrate, interpolate, signal and fft: SciPy's values, with gradients to second order."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

integrate = pytest.importorskip("scipy.integrate")
interpolate = pytest.importorskip("scipy.interpolate")
signal = pytest.importorskip("scipy.signal")
fft = pytest.importorskip("scipy.fft")
ours = ge.scipy
RNG = np.random.default_rng(6)


def assert_same(mine: Any, theirs: Any) -> None:
    assert type(mine) is ge.Tensor and mine.shape == np.shape(theirs)
    np.testing.assert_allclose(mine.data, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("n", range(1, 8))
def test_sums_over_samples(n: int) -> None:
    y, x = RNG.standard_normal((n, 3)), np.sort(RNG.standard_normal(n))
    assert_same(ours.integrate.simpson(y, x=x, axis=0), integrate.simpson(y, x=x, axis=0))
    assert_same(ours.integrate.simpson(y.T, dx=0.3), integrate.simpson(y.T, dx=0.3))
    check_gradients(lambda y, x: ours.integrate.simpson(y, x=x, axis=0), [y, x], 2)
    if n > 1:
        for initial in (None, 0):
            mine = ours.integrate.cumulative_trapezoid(y, x, axis=0, initial=initial)
            assert_same(mine, integrate.cumulative_trapezoid(y, x, axis=0, initial=initial))
        assert_same(ours.integrate.trapezoid(y, x, axis=0), integrate.trapezoid(y, x, axis=0))


@pytest.mark.parametrize("ends", [(0.2, 1.5), (1.5, 0.2), (0.0, np.inf), (-np.inf, 0.3), (-np.inf, np.inf)], ids=str)
def test_quad(ends: tuple[float, float]) -> None:
    def f(t: Any, p: Any) -> Any:
        return np.exp(-p[0] * t * t) * np.cos(p[1] * t)

    p = np.array([1.3, 0.7])
    mine, error = ours.integrate.quad(f, *ends, (p,))
    assert mine.item() == pytest.approx(integrate.quad(f, *ends, (p,))[0], rel=1e-12) and error < 1e-6
    check_gradients(lambda p: ours.integrate.quad(f, *ends, (p,))[0], p, 2)


def test_quad_of_a_root_and_by_its_ends() -> None:
    check_gradients(
        lambda p: ours.integrate.quad(lambda t: np.sqrt(t) * p[0], p[1], p[2])[0], np.array([1.3, 0.2, 2.0]), 2
    )
    assert ours.integrate.quad(np.sqrt, 0.0, 1.0)[0].item() == pytest.approx(2 / 3, rel=1e-9)
    assert ours.integrate.fixed_quad(np.exp, 0.0, 1.0)[0].item() == pytest.approx(np.e - 1, rel=1e-9)
    for call in (
        lambda: ours.integrate.quad(np.exp, np.inf, 0.0), lambda: ours.integrate.quad(np.exp, 0.0, 1.0, points=[0.5]),
        lambda: ours.integrate.quad(np.exp, np.nan, 0.0), lambda: ours.integrate.simpson(np.ones(3), x=np.ones(2)),
    ):  # fmt: skip
        with pytest.raises(ge.GradEngineError):
            call()


@pytest.mark.parametrize("axes", [1, 2])
def test_convolutions(axes: int) -> None:
    for (n, m), mode in itertools.product(((5, 3), (3, 5), (4, 4)), ("full", "same", "valid")):
        x, y = RNG.standard_normal((n,) * axes), RNG.standard_normal((m,) * axes)
        for name in ("convolve", "correlate", "fftconvolve"):
            assert_same(getattr(ours.signal, name)(x, y, mode), getattr(signal, name)(x, y, mode))
    check_gradients(ours.signal.convolve, [x, y], 2)


def test_filters_and_trends() -> None:
    x, zi = RNG.standard_normal((3, 8)), RNG.standard_normal((3, 2))
    for b, a in (([0.3, 0.2], [1.0, -0.5, 0.1]), ([0.3], [2.0, 0.4]), ([0.1, 0.2, 0.3], [1.0]), ([0.5], [2.0])):
        for axis in (0, 1):
            assert_same(ours.signal.lfilter(b, a, x, axis), signal.lfilter(b, a, x, axis))
    for mine, theirs in zip(
        ours.signal.lfilter(b, [1.0, 0.2, 0.1], x, zi=zi), signal.lfilter(b, [1.0, 0.2, 0.1], x, zi=zi), strict=True
    ):
        assert_same(mine, theirs)
    check_gradients(ours.signal.lfilter, [np.array([0.3, 0.2]), np.array([1.5, -0.5, 0.1]), x[0, :5]], 2)
    for kind, axis in itertools.product(("linear", "constant"), (0, 1)):
        assert_same(ours.signal.detrend(x, axis, kind), signal.detrend(x, axis, kind))
    with pytest.raises(ge.ArgumentError, match="linear"):
        ours.signal.detrend(x, type="none")


@pytest.mark.parametrize("name", ["dct", "idct", "dst", "idst"])
def test_cosine_and_sine_transforms(name: str) -> None:
    x = RNG.standard_normal((2, 8))
    for kind, norm, n in itertools.product((2, 3), (None, "ortho", "forward"), (None, 5, 11)):
        assert_same(getattr(ours.fft, name)(x, kind, n, -1, norm), getattr(fft, name)(x, kind, n, -1, norm))
    check_gradients(lambda x: getattr(ours.fft, name)(x, axis=0) ** 2, x, 2)
    np.testing.assert_allclose(ours.fft.rfft(x).data, fft.rfft(x))
    with pytest.raises(ge.ArgumentError, match="types 2 and 3"):
        ours.fft.dct(x, 1)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_splines_and_lines(n: int) -> None:
    x, y = np.sort(RNG.uniform(0, 3, n)), RNG.standard_normal((n, 2))
    at, inside = RNG.uniform(-0.5, 3.5, (3, 4)), RNG.uniform(x[0], x[-1], (3, 4))
    for end, nu in itertools.product(("not-a-knot", "natural", "clamped"), range(4)):
        theirs = interpolate.CubicSpline(x, y.T, axis=1, bc_type=end)
        assert_same(ours.interpolate.CubicSpline(x, y.T, axis=1, bc_type=end)(at, nu), theirs(at, nu))
    check_gradients(lambda t, y: ours.interpolate.CubicSpline(x, y)(t), [at, y], 2)
    bounded = ours.interpolate.CubicSpline(x, y, extrapolate=False)(at)
    np.testing.assert_array_equal(np.isnan(bounded.data[..., 0]), (at < x[0]) | (at > x[-1]))
    for kind in ("linear", "nearest", "previous", "next", *(["cubic"] if n > 3 else [])):
        assert_same(ours.interpolate.interp1d(x, y, kind, 0)(inside), interpolate.interp1d(x, y, kind, 0)(inside))
        filled: dict[str, Any] = {"fill_value": (1.0, 2.0), "bounds_error": False}
        theirs = interpolate.interp1d(x[::-1], y[:, 0], kind, **filled)
        assert_same(ours.interpolate.interp1d(x[::-1], y[:, 0], kind, **filled)(at), theirs(at))
    check_gradients(lambda t, y: ours.interpolate.interp1d(x, y, axis=0)(t), [inside, y], 1)
    for call in (
        lambda: ours.interpolate.interp1d(x, y[:, 0])(9.0), lambda: ours.interpolate.CubicSpline(x[::-1], y),
        lambda: ours.interpolate.CubicSpline(ge.tensor(x, requires_grad=True), y),
        lambda: ours.interpolate.CubicSpline(x, y, bc_type="periodic"), lambda: ours.interpolate.interp1d(x, y, "zero"),
    ):  # fmt: skip
        with pytest.raises(ge.GradEngineError):
            call()


def test_scipys_own_functions_name_their_twins() -> None:
    t = ge.tensor([0.5, 1.0, 2.0], requires_grad=True)
    for name, call in {
        "integrate.trapezoid": lambda: integrate.trapezoid(t), "integrate.simpson": lambda: integrate.simpson(t),
        "signal.lfilter": lambda: signal.lfilter([1.0], [1.0, 0.5], t), "fft.dct": lambda: fft.dct(t),
        "signal.fftconvolve": lambda: signal.fftconvolve(t, t), "fft.rfft": lambda: fft.rfft(t),
        "interpolate.CubicSpline": lambda: interpolate.CubicSpline([0, 1, 2], t),
        "integrate.quad": lambda: ge.grad(lambda p: integrate.quad(lambda x: x * p, 0, 1)[0])(1.0),
    }.items():  # fmt: skip
        with pytest.raises(ge.GradEngineError, match=rf"call grad_engine\.scipy\.{name}\(\) on tensors"):
            call()
