"""What is written into arrays keeps its history in a compiled function, or is refused as in eager mode."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

A = np.arange(4.0)
P = np.array([1.5, 0.7])
WAYS = """
out[:] = p[0]*A
out[0] = p[0]
out[1] = p[0]*p[1]
out += p[0]*A
out -= p[1]
out *= p
out[1:] += p[0]
out[[0,2]] = p[0]
out[out<1] = p[1]
out.fill(p[0])
out.put([0],p[0])
out.flat = p[0]
out.flat[1] = p[0]
np.copyto(out,p[0])
np.copyto(out,p[0]*A)
np.put(out,[0],p[0])
np.place(out,out<1,p)
np.putmask(out,out<1,p[0])
np.fill_diagonal(out.reshape(2,2),p[0])
np.add.at(out,[0,1],p)
np.add(out,p[0],out=out)
np.multiply(p[0],A,out=out)
np.sum(p[0]*np.ones((3,4)),axis=0,out=out)
np.cumsum(p[0]*A,out=out)
np.dot(np.ones((4,2)),p,out=out)
np.matmul(np.ones((4,2)),p,out=out)
np.take(p,[0,1,0,1],out=out)
np.clip(p[0]*A,0,1,out=out)
np.concatenate([p,p],out=out)
np.stack([p[0],p[1],p[0],p[1]],out=out)
np.einsum('i->i',p[0]*A,out=out)
np.put_along_axis(out,np.array([0]),p[:1],0)
np.mean(p[0]*np.ones((3,4)),axis=0,out=out)
(p[0]*A).sum(axis=0,out=out[:1].reshape(()))
out = np.array([p[0],p[1]])
out = np.asarray(p*2)
out = np.full(4,p[0])
out = np.full_like(out,p[0])
out = np.array(p[0])*A
out = np.fromiter((float(p[i]) for i in range(2)),float)
out = np.array([float(x) for x in p])
out = np.insert(out,0,p[0])
out = np.append(out,p)
out = np.pad(out,1,constant_values=p[0])
out = np.select([out<1],[p[0]*A])
out = np.frompyfunc(lambda a:a*2,1,1)(p)
out = float(p[0])*A
out = np.float64(p[0])*A
out = p.__array__()
out = np.array(list(p))
out = np.array([[p[0]],[p[1]]])
out = np.linspace(0,p[0],4)
out = np.arange(4)*p[0]; out = np.asarray(out)
out = np.nan_to_num(out, nan=p[0])
out = np.tile(p[0],4)
out = np.block([p,p])
out = np.ascontiguousarray(p)
out = np.apply_along_axis(lambda a:a*p[0],0,out+1)
out = np.vectorize(lambda a:a*p[0])(A)
out = np.fromfunction(lambda i:i*p[0],(4,))
out = np.interp(A,[0,3],p)
out = np.polyval(p,A)
out = np.histogram(p,bins=4)[0]*p[0]
out = np.random.default_rng(0).normal(p[0],1,4)
out = np.convolve(out+1,p)
out = sum([p[0]]*3)*A
out = np.trapezoid(p[0]*A)
out = np.where(A>1,p[0],out)
out[np.argmax(p)] = p[0]
out = out.astype(type(p[0]))
out = out.clip(p[0],None)
out = out.dot(np.ones((4,2))) @ p
out = out.copy(); out[0] = p[0]
out = np.empty(4); out[...] = p[0]
out = np.empty((4,2)); out[...] = p
out = np.zeros_like(A); out[2] = p[1]
out = np.zeros_like(p); out[0] = p[1]
out = p*1; out[0] = p[1]*3
out = p.copy(); out[0] = 5.; out = out*p
out = np.ones(4)*p[0]; out[1:3] *= p[1]
out = (np.ones(4)*p[0]).reshape(2,2); out[0] = out[1]*p[1]
out = np.asarray(A); out = out + p[0]; out[0] = 2.
out = [0.]*4; out[0] = p[0]; out = np.stack(out)
out = [0.]*4; out[0] = p[0]; out = np.array(out)
""".strip().splitlines()


def function(way: str) -> Callable[[Any], Any]:
    names: dict[str, Any] = {"np": np, "A": A}
    exec(f"def f(p):\n    out = np.zeros(4)\n    {way}\n    return np.sum(out * p[1] * 1.3) + np.sum(p)\n", names)
    return names["f"]  # type: ignore[no-any-return]


def outcome(f: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The value and the gradient, or None and the error."""
    try:
        return f(P)
    except ge.GradEngineError as error:
        return None, type(error)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_into_an_array_loses_a_history(way: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        value, gradient = outcome(ge.value_and_grad(function(way)))
        found, by_program = outcome(ge.compile(ge.value_and_grad(function(way))))
    if found is None:
        return  # refused
    plain = function(way)
    step = 1e-6
    slopes = [(plain(P + step * unit) - plain(P - step * unit)) / (2 * step) for unit in np.eye(2)]
    np.testing.assert_allclose(by_program, slopes, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found, plain(P))
    if value is not None:
        np.testing.assert_allclose(by_program, gradient)


def test_most_ways_that_eager_mode_takes_are_compiled() -> None:
    taken = [way for way in WAYS if outcome(ge.value_and_grad(function(way)))[0] is not None]
    compiled = [way for way in taken if outcome(ge.compile(ge.value_and_grad(function(way))))[0] is not None]
    assert len(taken) > 12 and compiled == taken


T = np.linspace(0, 2, 20)
NOT_FINITE: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "overflow": (lambda p: np.exp(-p[0] * T) * p[1], [-1e6, 1.0, 1.0]),
    "root of 0": (lambda p: np.sqrt(p[0]) * T + p[1] * p[2], [0.0, 1.0, 2.0]),
    "log of 0": (lambda p: np.log(p[0] * T) * p[1] + p[2], [1.0, 2.0, 3.0]),
    "0 / 0": (lambda p: p[0] * T / (p[1] * T) + p[2], [1.0, 0.0, 1.0]),
}


@pytest.mark.parametrize("kind", NOT_FINITE)
def test_compiled_derivatives_of_what_is_not_finite(kind: str) -> None:
    """As in eager mode, whichever numbers came first."""
    f, bad = NOT_FINITE[kind]
    good, v = np.array([0.5, 1.5, 2.0]), np.array([0.0, 1.0, 0.5])
    for make in (
        lambda: ge.jacobian(f),
        lambda: lambda p: ge.jvp(f, (p,), (v,))[1],
        lambda: lambda p: ge.vjp(f, p, v=T)[1],
    ):
        with np.errstate(all="ignore"):
            eager, first, then = make(), ge.compile(make()), ge.compile(make())
            expected, usual = eager(np.array(bad)), eager(good)
            then(good)
            for program in (first, then):
                for given, wanted in ((np.array(bad), expected), (good, usual), (np.array(bad), expected)):
                    np.testing.assert_allclose(program(given), wanted, rtol=1e-9)
