"""Twins in ge.scipy of distances, filters, splines, banded systems: SciPy's values, and gradients by each operand."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.testing import check_gradients

pytest.importorskip("scipy")
RNG = np.random.default_rng(8)
Call = Callable[..., Any]
POINTS, OTHERS, WEIGHTS = RNG.uniform(0.2, 2.0, (4, 3)), RNG.uniform(0.2, 2.0, (5, 3)), np.array([0.5, 1.5, 2.0])
PICTURE, KERNEL, LINE = RNG.uniform(size=(6, 5)), RNG.uniform(size=(3, 2)), RNG.uniform(size=12)
SQUARE = RNG.uniform(size=(3, 3)) + 3 * np.eye(3)
PLACES = np.array([[-1.3, 0.4, 2.7, 6.6, 4.1], [0.7, 3.3, -0.6, 2.2, 5.7]])
GRID = (np.array([0.0, 0.5, 0.9, 1.6, 2.3, 4.1]), np.array([0.0, 0.7, 1.1, 1.9, 3.2]))
CUBE = RNG.uniform(size=(6, 5, 2))
KNOTS = np.array([0.0, 0, 0, 0, 1, 2, 3, 3, 3, 3])
SECTIONS = np.array([[0.2, 0.4, 0.2, 1.0, -0.3, 0.2], [1.0, 0.5, 0.0, 1.0, 0.1, 0.0]])


def calls() -> dict[str, tuple[str, Call, tuple[np.ndarray, ...]]]:
    """Title -> (function, how it is called, operands)."""
    table: dict[str, tuple[str, Call, tuple[np.ndarray, ...]]] = {}

    def add(name: str, call: Call, *operands: np.ndarray, title: str = "") -> None:
        table[f"{name} {title}".strip()] = (name, call, operands)

    for metric in (
        "euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation", "canberra",
        "braycurtis", "seuclidean", "mahalanobis",
    ):  # fmt: skip
        add("spatial.distance.cdist", lambda f, a, b, m=metric: f(a, b, m), POINTS, OTHERS, title=metric)
        add("spatial.distance.pdist", lambda f, a, m=metric: f(a, m), OTHERS, title=metric)
        if metric not in ("seuclidean", "mahalanobis"):
            add(f"spatial.distance.{metric}", lambda f, u, v: f(u, v), POINTS[0], OTHERS[0])
            add(f"spatial.distance.{metric}", lambda f, u, v: f(u, v, w=WEIGHTS), POINTS[0], OTHERS[0], title="w=")
    add("spatial.distance.cdist", lambda f, a, b: f(a, b, "minkowski", p=3), POINTS, OTHERS, title="p=3")
    add("spatial.distance.jensenshannon", lambda f, p, q: f(p, q, 2.0), POINTS[0], OTHERS[0])
    add("spatial.distance.squareform", lambda f, x: f(x), LINE[:10])
    add("spatial.distance.squareform", lambda f, x: f((x + x.T) * (1 - np.eye(3))), SQUARE, title="back")
    for mode in ("reflect", "mirror", "nearest", "wrap", "constant"):
        more = {"mode": mode, "cval": 0.7}
        for name in ("correlate", "convolve"):
            add(f"ndimage.{name}", lambda f, x, w, more=more: f(x, w, **more), PICTURE, KERNEL, title=mode)
            add(f"ndimage.{name}1d", lambda f, x, w, more=more: f(x, w, 0, **more), PICTURE, KERNEL[:, 0], title=mode)
        for name in ("laplace", "sobel", "prewitt"):
            add(f"ndimage.{name}", lambda f, x, more=more: f(x, **more), PICTURE, title=mode)
        add("ndimage.gaussian_filter", lambda f, x, more=more: f(x, 0.6, **more), PICTURE, title=mode)
        add("ndimage.uniform_filter", lambda f, x, more=more: f(x, (2, 3), **more), PICTURE, title=mode)
    for order in (0, 1, 2):
        add("ndimage.gaussian_filter1d", lambda f, x, n=order: f(x, 0.7, 0, n), PICTURE, title=f"order {order}")
    add("ndimage.gaussian_filter", lambda f, x: f(x, [0.5, 0.8], [0, 1]), PICTURE, title="each axis")
    add("ndimage.gaussian_laplace", lambda f, x: f(x, 0.5), PICTURE)
    add("ndimage.gaussian_gradient_magnitude", lambda f, x: f(x, 0.5), PICTURE)
    add("ndimage.uniform_filter1d", lambda f, x: f(x, 3), PICTURE)
    for mode in ("constant", "nearest", "mirror", "reflect", "grid-wrap"):
        more = {"mode": mode, "cval": 0.7}
        add("ndimage.map_coordinates", lambda f, x, c, m=more: f(x, c, order=1, **m), PICTURE, PLACES, title=mode)
        add(
            "ndimage.map_coordinates",
            lambda f, x, m=more: f(x, PLACES, order=0, **m),
            PICTURE,
            title=f"{mode}, order 0",
        )
        add("ndimage.shift", lambda f, x, s, m=more: f(x, s, order=1, **m), PICTURE, PLACES[:, 0], title=mode)
        add("ndimage.affine_transform", lambda f, x, a, s, m=more: f(x, a, s, order=1, **m), PICTURE,
            np.array([[0.9, 0.21], [-0.17, 1.1]]), np.array([0.33, -0.27]), title=mode)  # fmt: skip
    add("ndimage.affine_transform", lambda f, x, a: f(x, a, 0.31, (3, 4), order=1), PICTURE, np.array([0.9, 1.1]))
    for method in ("linear", "nearest"):
        inside = {"method": method, "bounds_error": False, "fill_value": None}
        add("interpolate.RegularGridInterpolator", lambda f, v, m=inside: f(GRID, v, **m)(POINTS[:, :2] * 2), PICTURE,
            title=method)  # fmt: skip
        add("interpolate.RegularGridInterpolator", lambda f, v, m=inside: f(GRID, v, **m)(POINTS[:, :2]), CUBE,
            title=f"{method}, several values")  # fmt: skip
    add("interpolate.RegularGridInterpolator", lambda f, v, x: f(GRID, v)(x), PICTURE, POINTS[:, :2], title="points")
    add("interpolate.RegularGridInterpolator", lambda f, x, y: f(GRID, PICTURE)((x, y)), POINTS[:, 0], POINTS[:, 1],
        title="coordinates")  # fmt: skip
    beyond = {"bounds_error": False, "fill_value": 0.3}
    add("interpolate.RegularGridInterpolator", lambda f, v: f(GRID[:1], v, **beyond)(PLACES[0]), PICTURE[:, 0],
        title="one axis, outside")  # fmt: skip
    for side in ("right", "left"):
        add("linalg.polar", lambda f, a, s=side: f(a, s)[0] + 2 * f(a, s)[1], SQUARE, title=side)
    add("linalg.eigh", lambda f, a, b: f(a @ a.T, b @ b.T)[0], SQUARE, SQUARE[::-1] + np.eye(3), title="of two")
    add("linalg.eigh", lambda f, a, b: f(a @ a.T, b @ b.T)[1] ** 2, SQUARE, SQUARE[::-1] + np.eye(3), title="vectors")
    add("linalg.eigvalsh", lambda f, a, b: f(a @ a.T, b @ b.T), SQUARE, SQUARE[::-1] + np.eye(3), title="of two")
    for count in (11, 12):
        add("signal.hilbert", lambda f, x: abs(f(x)), LINE[:count], title=f"{count} samples")
    add("signal.hilbert", lambda f, x: f(x, 8, 0).imag, PICTURE, title="longer")
    for name in ("zscore", "skew", "kurtosis", "gmean", "hmean", "entropy"):
        add(f"stats.{name}", lambda f, x: f(x), LINE)
        add(f"stats.{name}", lambda f, x: f(x, axis=1), PICTURE, title="along rows")
    for name in ("skew", "kurtosis"):
        add(f"stats.{name}", lambda f, x: f(x, bias=False), LINE, title="corrected")
    add("stats.kurtosis", lambda f, x: f(x, axis=None, fisher=False), PICTURE, title="over all")
    add("stats.moment", lambda f, x: f(x, 3), LINE)
    add("stats.entropy", lambda f, p, q: f(p, q, 2.0), LINE[:5], LINE[5:10], title="of two")
    large = RNG.uniform(size=(13, 14)), RNG.uniform(size=(11, 12))
    add("ndimage.correlate", lambda f, x, w: f(x, w, mode="wrap"), *large, title="of many weights")
    for mode in ("full", "same", "valid"):
        for boundary in ("fill", "wrap", "symm"):
            for name in ("convolve2d", "correlate2d"):
                add(f"signal.{name}", lambda f, x, y, a=mode, b=boundary: f(x, y, a, b), PICTURE, KERNEL,
                    title=f"{mode} {boundary}")  # fmt: skip
        add("signal.oaconvolve", lambda f, x, y, a=mode: f(x, y, a), LINE, LINE[:4], title=mode)
    add("signal.convolve2d", lambda f, x, y: f(x, y, "same", "fill", 0.4), PICTURE, KERNEL, title="fillvalue")
    add("signal.savgol_filter", lambda f, x: f(x, 5, 2), LINE)
    add("signal.savgol_filter", lambda f, x: f(x, 5, 3, 1, 0.5, 0, "wrap"), PICTURE, title="slope")
    add("signal.resample", lambda f, x: f(x, 7), LINE)
    add("signal.resample_poly", lambda f, x: f(x, 3, 2, axis=1), PICTURE)
    add("signal.decimate", lambda f, x: f(x, 2), RNG.uniform(size=40))
    add("signal.filtfilt", lambda f, x: f([0.2, 0.3], [1.0, -0.4], x), LINE)
    add("signal.sosfilt", lambda f, x: f(SECTIONS, x), LINE)
    first = np.array([0.0, 0, 0, 1, 0, 0])  # the fourth coefficient of a section is 1 to SciPy
    add("signal.sosfilt", lambda f, s, x: f(s * (1 - first) + first, x), SECTIONS, LINE, title="sections")
    add("signal.sosfiltfilt", lambda f, x: f(SECTIONS, x), RNG.uniform(size=30))
    for name in ("dctn", "idctn", "dstn", "idstn"):
        add(f"fft.{name}", lambda f, x: f(x), PICTURE)
        add(f"fft.{name}", lambda f, x: f(x, 3, s=(4, 7), norm="ortho"), PICTURE, title="s, ortho")
        add(f"fft.{name}", lambda f, x: f(x, axes=[0]), PICTURE, title="axes")
    diagonals = RNG.uniform(1, 2, (4, 5)) + [[0], [0], [6], [0]]
    add("linalg.solve_banded", lambda f, ab, b: f((1, 2), ab, b), diagonals, LINE[:5])
    add("linalg.solveh_banded", lambda f, ab, b: f(ab, b), np.stack([LINE[:5], LINE[5:10] + 3]), PICTURE.T)
    add("linalg.solveh_banded", lambda f, ab, b: f(ab, b, lower=True), np.stack([LINE[5:10] + 3, LINE[:5]]), LINE[:5],
        title="lower")  # fmt: skip
    add("linalg.solve_toeplitz", lambda f, c, b: f(c, b), LINE[:4] + [3, 0, 0, 0], LINE[4:8])
    add("linalg.solve_toeplitz", lambda f, c, r, b: f((c, r), b), LINE[:4] + [3, 0, 0, 0], LINE[8:], LINE[4:8],
        title="two")  # fmt: skip
    add("linalg.solve_circulant", lambda f, c, b: f(c, b), LINE[:4] + [3, 0, 0, 0], LINE[4:8])
    add("linalg.solve_sylvester", lambda f, a, b, q: f(a, b, q), SQUARE, SQUARE[:2, :2] * 2, KERNEL)
    add("linalg.solve_continuous_lyapunov", lambda f, a, q: f(a, q), SQUARE, SQUARE.T)
    add("linalg.solve_discrete_lyapunov", lambda f, a, q: f(a, q), SQUARE / 9, SQUARE)
    at = np.array([0.3, 1.7, 2.2, 2.9])
    for k in (1, 2, 3):
        knots = KNOTS[3 - k : len(KNOTS) - 3 + k]
        for nu in range(min(k, 2) + 1):
            add("interpolate.BSpline", lambda f, c, x, t=knots, k=k, nu=nu: f(t, c, k)(x, nu),
                RNG.uniform(size=(len(knots) - k - 1, 2)), at, title=f"degree {k}, derivative {nu}")  # fmt: skip
    add("interpolate.BSpline", lambda f, c, x: f(KNOTS, c, 3)(x), LINE[:6], np.array([-0.4, 3.3]), title="outside")
    add("interpolate.make_interp_spline", lambda f, y, x: f([0.0, 0.5, 1.1, 2.0, 3.0], y, 3)(x), LINE[:5], at)
    return table


CALLS = calls()


@pytest.mark.parametrize("title", CALLS)
def test_values_and_gradients(title: str) -> None:
    name, call, operands = CALLS[title]
    room, function = name.rsplit(".", 1)
    theirs = getattr(importlib.import_module(f"scipy.{room}"), function)
    ours = attrgetter(name)(ge.scipy)
    mine, expected = call(ours, *map(ge.tensor, operands)), call(theirs, *operands)
    assert mine.shape == np.shape(expected)
    np.testing.assert_allclose(mine.data, expected, rtol=1e-8, atol=1e-10)
    check_gradients(lambda *xs: call(ours, *xs), list(operands), 1)


def test_the_blur_has_a_gradient_by_its_width() -> None:
    def brightness(s: Any) -> Any:
        return np.sum(ge.scipy.ndimage.gaussian_filter(PICTURE, s, truncate=9.0) ** 2)

    check_gradients(brightness, np.float64(0.62), 2)


def test_what_has_no_twin_is_scipys() -> None:
    from grad_engine.scipy import optimize, stats
    from grad_engine.scipy.spatial import distance

    assert optimize.minimize is importlib.import_module("scipy.optimize").minimize
    assert stats.ttest_ind is importlib.import_module("scipy.stats").ttest_ind
    assert distance.hamming([1, 0], [1, 1]) == 0.5
    with pytest.raises(AttributeError, match="SciPy is missing"):
        _ = ge.scipy.linalg.no_such_function
    t = ge.tensor(PICTURE, requires_grad=True)
    with pytest.raises(ge.GradEngineError, match=r"call grad_engine.scipy.ndimage.sobel\(\) on tensors"):
        importlib.import_module("scipy.ndimage").sobel(t)
    with pytest.raises(ge.GradEngineError, match=r"call grad_engine.scipy.spatial.distance.pdist\(\) on tensors"):
        importlib.import_module("scipy.spatial.distance").pdist(t)
    with pytest.raises(ge.GradEngineError, match="no twin"):
        importlib.import_module("scipy.ndimage").zoom(t, 2)
    with pytest.raises(
        ge.GradEngineError, match=r"scipy.stats.skew\(\) takes arrays only, call grad_engine.scipy.stats"
    ):
        importlib.import_module("scipy.stats").skew(t)


def test_what_filters_refuse() -> None:
    for wrong in (
        lambda: ge.scipy.ndimage.correlate(PICTURE, LINE),
        lambda: ge.scipy.ndimage.correlate(PICTURE, KERNEL, mode="x"),
        lambda: ge.scipy.ndimage.sobel(PICTURE, output=float),
        lambda: ge.scipy.spatial.distance.cdist(POINTS, LINE),
        lambda: ge.scipy.spatial.distance.pdist(POINTS, "hamming"),
        lambda: ge.scipy.spatial.distance.squareform(LINE),
        lambda: ge.scipy.signal.sosfiltfilt(ge.tensor(SECTIONS, requires_grad=True), LINE),
        lambda: ge.scipy.signal.sosfilt(SECTIONS[:, :5], LINE),
        lambda: ge.scipy.ndimage.map_coordinates(PICTURE, PLACES),
        lambda: ge.scipy.ndimage.shift(PICTURE, 1.0, order=1, mode="wrap"),
        lambda: ge.scipy.interpolate.RegularGridInterpolator(GRID, PICTURE)(PLACES.T),
        lambda: ge.scipy.linalg.polar(SQUARE, "up"),
        lambda: ge.scipy.interpolate.BSpline(KNOTS, LINE[:3], 3),
        lambda: ge.scipy.linalg.solve_banded((1, 1), PICTURE, LINE),
    ):
        with pytest.raises(ge.GradEngineError):
            wrong()
