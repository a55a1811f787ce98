"""Complex numbers between a real input and a real loss: NumPy's values, gradients of differences and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.ops.complex_numbers import ComplexTensor
from grad_engine.testing import check_gradients

RNG = np.random.default_rng(5)
X, CUBE = RNG.standard_normal(6), RNG.standard_normal((3, 4, 5))
CIRCLE = np.exp(2j * np.pi * np.arange(6) / 6)
MATRIX = RNG.standard_normal((6, 6)) + 1j * RNG.standard_normal((6, 6)) + 6 * np.eye(6)

REAL_LOSSES: dict[str, Callable[[Any], Any]] = {
    "size of a spectrum": lambda x: np.abs(np.fft.rfft(x)),
    "power of a spectrum": lambda x: np.abs(np.fft.fft(x)) ** 2,
    "power by conj": lambda x: (np.fft.fft(x) * np.conj(np.fft.fft(x))).real,
    "phase": lambda x: np.angle(np.fft.fft(x))[1:3],
    "filter": lambda x: np.fft.irfft(np.fft.rfft(x) / (1 + 1j * np.arange(4))),
    "shift by a tensor": lambda x: np.fft.irfft(np.fft.rfft(x) * np.exp(1j * x[0] * np.arange(4)), n=7),
    "convolution": lambda x: np.real(np.fft.ifft(np.fft.fft(x) * np.fft.fft(x[::-1]))),
    "cepstrum": lambda x: np.fft.ifft(np.log(np.abs(np.fft.fft(x)))).real,
    "Hermitian": lambda x: np.fft.hfft(x + 1j * x[::-1]),
    "impedance": lambda x: np.abs(1 / (1 / (x**2 + 1) + 1j * 3.0 * x + 1 / (2j))),
    "sum by hand": lambda x: np.abs(np.sum(np.exp(-1j * np.outer(np.arange(3), np.arange(6))) * x, axis=1)),
    "exp": lambda x: (np.exp(1j * x) ** 3).real,
    "sqrt": lambda x: np.sqrt(x + 2j).real + np.sqrt(x - 2j).imag,
    "log": lambda x: np.abs(np.log(x + 1j)),
    "powers": lambda x: abs((x + 0.5j) ** 2.5) + ((x + 1j) ** -2).imag + abs(2.0 ** (1j * x + x)),
    "waves": lambda x: abs(np.tan(x + 0.3j) + np.tanh(x * 1j + 0.4)) + abs(np.sin(x + 1j) * np.cosh(x * 1j)),
    "more waves": lambda x: abs(np.cos(x * 1j + 0.2) + np.sinh(x + 2j)),
    "solve": lambda x: np.linalg.solve(MATRIX + np.diag(1j * x), x).imag,
    "inv": lambda x: np.abs(np.linalg.inv(MATRIX + np.diag(1j * x))),
    "products": lambda x: np.abs(MATRIX @ (x * 1j + 2)) + np.real(np.dot(MATRIX, x)) + np.imag(x @ MATRIX),
    "einsum": lambda x: np.abs(np.einsum("ij,j->i", MATRIX, x) * np.einsum("i->", 1j * x)),
    "vdot": lambda x: np.abs(np.vdot(x * 1j + 1, x)),
    "norm": lambda x: np.linalg.norm(x * 1j + 1) + np.linalg.norm(x.reshape(2, 3) * 1j + 1, axis=0).sum(),
    "joined": lambda x: np.abs(np.concatenate([x + 1j, x * 2, CIRCLE])),
    "stacked": lambda x: np.real(np.stack([x + 1j, x * 2j]).sum(0)).reshape(2, 3),
    "where": lambda x: np.abs(np.where(np.arange(6) > 2, x * CIRCLE, 1j)),
    "where of an array": lambda x: np.abs(np.where(np.arange(6) > 2, x, CIRCLE)),
    "prod": lambda x: np.abs(np.prod(x + 1j)),
    "parts of": lambda x: np.abs((x * CIRCLE)[1:4]) + (x * CIRCLE).mean().real,
    "polynomial": lambda x: np.abs(np.polyval(x, 1j * np.arange(3))) + np.abs(np.poly1d([1.0, 2.0])(1j * x[:3])),
    "written": lambda x: _written(x),
    "division": lambda x: np.abs((x + 1j) / (x * 2 - 3j)) + np.real(1j / (x + 1j)) + np.imag((x + 1j) / 2),
    "shifted": lambda x: np.abs(np.fft.fftshift(np.fft.fft(x))) + np.abs(np.roll(x * 1j + 1, 1)),
}  # fmt: skip


def _written(x: Any) -> Any:
    z = x * CIRCLE
    z[0] = x[1] * 1j
    z[1:3] = 2.0
    return np.abs(z)


@pytest.mark.parametrize("name", REAL_LOSSES)
def test_values_are_numpys_and_gradients_right(name: str) -> None:
    f = REAL_LOSSES[name]
    out = f(ge.tensor(X, requires_grad=True))
    assert type(out) is ge.Tensor and out.requires_grad
    np.testing.assert_allclose(out.data, f(X), rtol=1e-10, atol=1e-12)
    check_gradients(f, X, 2)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_transforms_along_an_axis_are_numpys(name: str) -> None:
    function = getattr(np.fft, name)
    complex_in = name not in ("rfft", "ihfft")
    for n in (None, 3, 7):
        for norm in (None, "ortho", "forward", "backward"):
            for axis in (-1, 0, 1):
                t = ge.tensor(CUBE, requires_grad=True)
                for f in (lambda x: x, lambda x: x + 1j * x[::-1])[: 1 + complex_in]:
                    got = function(f(t), n, axis, norm)
                    np.testing.assert_allclose(got.data, function(f(CUBE), n, axis, norm), atol=1e-13)
    check_gradients(lambda x: np.real(function(x, 7)) + np.imag(function(x, 7)), CUBE[:2, 0], 1)
    single = function(ge.tensor(CUBE, dtype=np.float32, requires_grad=True))
    assert single.dtype == function(CUBE.astype(np.float32)).dtype


@pytest.mark.parametrize("name", ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "rfftn", "irfft2", "irfftn"])
def test_transforms_along_several_axes_are_numpys(name: str) -> None:
    function = getattr(np.fft, name)
    calls: list[dict[str, Any]] = [{}, {"axes": (0, 2)}, {"s": (4, 6), "axes": (-2, -1)}, {"norm": "ortho"}]
    for keywords in calls:
        got = function(ge.tensor(CUBE, requires_grad=True), **keywords)
        np.testing.assert_allclose(got.data, function(CUBE, **keywords), atol=1e-13)
        check_gradients(lambda x, k=keywords: np.real(function(x, **k)) * 2 + np.imag(function(x, **k)), CUBE, 1)


def test_the_gradients_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    x = np.array([0.5, -1.0, 2.0, 0.0, 0.0])
    ours = ge.grad(lambda x: np.sum(np.abs(np.fft.rfft(x) * np.array([0, 1j, 2])) + np.angle(np.fft.rfft(x) + 1j)))(x)
    leaf = torch.tensor(x, requires_grad=True)
    spectrum = torch.fft.rfft(leaf)
    ((spectrum * torch.tensor([0, 1j, 2])).abs() + (spectrum + 1j).angle()).sum().backward()
    np.testing.assert_allclose(ours, leaf.grad.numpy(), rtol=1e-12)


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "det": (lambda t: np.linalg.det(np.diag(t + 1j)), r"np\.linalg\.det of complex numbers"),
    "var": (lambda t: np.var(t + 1j), r"np\.var of complex numbers .* z\.real"),
    "an op": (lambda t: ge.softmax(t + 1j), "takes real numbers, got complex"),
    "an array": (lambda t: np.asarray(t + 1j), r"take abs\(z\)"),
    "a float": (lambda t: float((t + 1j)[0]), r"take z\.real"),
    "order": (lambda t: (t + 1j) > 0, "no order"),
    "astype": (lambda t: (t + 1j).astype(float), "complex dtype"),
    "rfft": (lambda t: np.fft.rfft(t + 1j), "real numbers"),
    "norm": (lambda t: np.fft.rfft(t, norm="no"), "norm is"),
    "no points": (lambda t: np.fft.rfft(t, 0), "at least one point"),
    "a loss": (lambda t: ge.grad(lambda x: np.sum(x * 1j))(t), r"returned complex numbers.*abs\(z\)"),
    "an input": (lambda t: ge.grad(lambda x: np.sum(abs(x)))(CIRCLE), "its real and its imaginary part"),
    "into an array": (lambda t: np.zeros(6, complex).__setitem__(0, t[0]), "a complex number"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::grad_engine.LostHistoryWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_gradient_is_refused_in_words(name: str) -> None:
    call, words = REFUSED[name]
    if name == "into an array":
        with pytest.raises(ge.GradEngineError, match=words):
            ge.grad(lambda x: np.sum(x) + call(x))(X)
        return
    with pytest.raises(ge.GradEngineError, match=words):
        call(ge.tensor(X, requires_grad=True))


def test_a_complex_tensor_behaves_as_an_array() -> None:
    z = ge.tensor(X, requires_grad=True) * CIRCLE
    assert isinstance(z, ComplexTensor) and z.requires_grad and z.shape == (6,) and z.ndim == 1 and z.size == 6
    assert z.dtype == np.complex128 and len(z) == 6 and "requires_grad=True" in repr(z)
    np.testing.assert_allclose([each.item() for each in z], X * CIRCLE)
    np.testing.assert_allclose(np.asarray(z.detach()), X * CIRCLE)
    np.testing.assert_allclose(np.sort(z.detach()), np.sort(X * CIRCLE))  # NumPy's own, where no gradient flows
    assert z.reshape(2, 3).T.shape == (3, 2) and z.astype(np.complex64).dtype == np.complex64
    assert np.allclose(z, z.conj().conj()) and not np.isnan(z).any() and z.tolist()[0] == complex(z.data[0])
    assert ge.grad(lambda x: np.sum(np.abs(x * 0j)))(X).tolist() == [0.0] * 6
