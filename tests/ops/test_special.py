"""Special functions with and without SciPy."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.ops import special


@pytest.fixture
def without_scipy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    special.kernel.cache_clear()
    yield
    special.kernel.cache_clear()


def _gelu(v: float) -> float:
    return v * math.erfc(-v / math.sqrt(2)) / 2


@pytest.mark.usefixtures("without_scipy")
def test_what_needs_scipy_says_so() -> None:
    for call in (ge.lgamma, ge.digamma, lambda x: ge.polygamma(x, 2)):
        with pytest.raises(ImportError, match=r"\(\) needs SciPy, which is not installed; .*pip install") as raised:
            call(np.ones(2))
        assert isinstance(raised.value, ge.GradEngineError)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.usefixtures("without_scipy")
def test_erf_and_gelu_do_without(dtype: type) -> None:
    for shape in [(3, 4), (), (0, 2)]:
        x = np.linspace(-6, 6, math.prod(shape)).reshape(shape).astype(dtype)
        for call, exact in ((ge.erf, math.erf), (ge.erfc, math.erfc), (ge.gelu, _gelu)):
            t = ge.tensor(x, requires_grad=True)
            out = call(t)
            expected = np.array([exact(float(v)) for v in x.ravel()], dtype).reshape(shape)
            assert out.dtype == dtype and out.shape == shape
            np.testing.assert_allclose(out.data, expected, rtol=1e-14, atol=8 * np.finfo(dtype).eps)
            out.sum().backward()
            assert t.grad is not None and t.grad.dtype == dtype


def test_polygamma_refuses_what_is_no_order() -> None:
    with pytest.raises(ge.ArgumentError, match=r"for n = 0 call digamma\(\)"):
        ge.polygamma(np.ones(2), 0)
