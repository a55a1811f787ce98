"""What scripts do with arrays, done with a tensor whose derivative is taken: the right gradient, or an error."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import pickle
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge

A = np.arange(4.0)
P = np.array([1.5, 0.7])
NAMES = {
    "np": np, "A": A, "copy": copy, "functools": functools, "itertools": itertools, "math": math, "pickle": pickle,
    "statistics": statistics,
}  # fmt: skip
WAYS = """
np.array([v for v in np.nditer(p)])
np.stack([v*1. for v in np.nditer(p)])
sum(v for _,v in np.ndenumerate(p))
sum(p)
max(p)*A
min(p)*A
sorted(p)[0]*A
math.fsum(p)*A
math.hypot(*p)*A
math.dist(p,[0,0])*A
math.prod(p)*A
functools.reduce(lambda a,b:a*b,p)*A
list(itertools.accumulate(p))[-1]*A
statistics.mean(p)*A
statistics.fmean(p)*A
np.lib.stride_tricks.sliding_window_view(p,1).sum()*A
np.lib.stride_tricks.as_strided(p,(2,),(8,)).sum()*A
p.flat[0]*A
np.array(p.flat)[0]*A
p.view(np.ndarray)[0]*A
np.frombuffer(p.tobytes())[0]*A
memoryview(p)[0]*A
p.astype(object)[0]*A
p.astype(complex).real[0]*A
np.array(p,dtype=object)[0]*A
np.double(p[1])*A
complex(p[0]).real*A
(p[0]+0j).real*A
abs(p[0]+1j*p[1])*A
divmod(p[0],.4)[1]*A
round(p[0],3)*A
int(p[0])*A
p[0].__float__()*A
math.floor(p[0])*A
math.sqrt(p[0])*A
pow(p[0],2,None)*A
p[0]**p[1]*A
2**p[0]*A
p.dot(p)*A
A.dot(np.ones((4,2)).dot(p))
A*np.dot(p,[1,2])
np.asarray([1,2]).dot(p)*A
np.ones((3,2)).dot(p)[0]*A
p.max(initial=1)*A
p.mean(where=[True,False])*A
p.repeat(2)
np.fromiter(p,float)
np.unique(p)[0]*A
np.sort(p)[0]*A
np.partition(p,1)[0]*A
np.searchsorted(p,1.)*A*p[0]
np.bincount([0,1],weights=p)[0]*A
np.digitize(p,[1.])[0]*A*p[0]
np.histogram([0.,1.],bins=2,weights=p)[0][0]*A
np.percentile(p,30)*A
np.cov(p)*A
np.corrcoef(p,[1,2])[0,1]*A
np.polyfit([0.,1.],p,1)[0]*A
np.roots([1,p[0],.1])[0]*A
np.poly1d(p)(A)
np.poly(p)[1]*A
np.polynomial.Polynomial(p)(A)
np.polynomial.polynomial.polyval(A,p)
np.lexsort([p])[0]*A*p[0]
np.ix_(p)[0][0]*A
np.meshgrid(p,p)[0][0,0]*A
np.arange(0,p[0],.5).sum()*A
np.diagflat(p)[0,0]*A
np.vander(p)[0,0]*A
np.tri(2)@p
np.kron(p,p)
np.trim_zeros(p)[0]*A
np.ediff1d(p)[0]*A
np.gradient(p)[0]*A
np.cross([p[0],p[1],1.],[1.,2.,3.])[0]*A
np.einsum('i,i',p,p)*A
np.tensordot(p,p,1)*A
np.linalg.norm(p)*A
np.linalg.multi_dot([np.eye(2),np.eye(2),p])[0]*A
np.linalg.lstsq(np.ones((3,2))*[[1,2]],np.ones(3)*p[0],rcond=None)[0][0]*A
np.nanmax(p)*A
np.fmax(p,1.)[0]*A
np.heaviside(p,.5)[0]*A*p[0]
np.sinc(p)[0]*A
np.i0(p)[0]*A
np.unwrap(p)[0]*A
np.interp(p[0],[0,3],[0,9])*A
np.isclose(p,p)[0]*A*p[0]
np.array2string(p) and A*p[0]
copy.copy(p)[0]*A
copy.deepcopy(p)[0]*A
pickle.loads(pickle.dumps(p))[0]*A
np.copy(p)[0]*A
np.flip(p)[0]*A
np.rot90(p.reshape(1,2))[0,0]*A
np.choose([0,1],[p,p*2])[0]*A
np.compress([1,0],p)[0]*A
np.extract([True,False],p)[0]*A
np.delete(p,1)[0]*A
np.resize(p,4)
np.broadcast_arrays(p,p)[0][0]*A
np.nan_to_num(p)[0]*A
np.real(p)[0]*A
np.lib.scimath.sqrt(p)[0]*A
np.emath.sqrt(p)[0]*A
np.spacing(p)[0]*A+p[0]
np.ldexp(p,1)[0]*A
np.float_power(p,2)[0]*A
np.vectorize(lambda v:v*2)(p)[0]*A
np.frompyfunc(lambda v:v*2,1,1)(p)[0]*A
np.array(list(map(lambda v:v*2,p)))[0]*A
np.sum([p[0],p[1]])*A
np.mean([p[0],p[1]])*A
np.max([p[0],p[1]])*A
np.prod(list(p))*A
np.dot([p[0],p[1]],[1,2])*A
np.exp([p[0],p[1]])[0]*A
np.add([p[0],p[1]],1)[0]*A
np.where([True,False],[p[0],p[1]],0)[0]*A
np.atleast_1d(p[0])[0]*A
np.squeeze(p[None])[0]*A
np.hypot(*p)*A
np.clip(A,0,p[0])
A.clip(0,p[0])
A.clip(max=p[0])
(A+0).sum(initial=p[0])*A
np.sum(A,initial=p[0])*A
np.cumsum([p[0],p[1]])[1]*A
np.convolve(A,p)[:4]
np.fft.rfft(p).real[0]*A
np.abs(np.fft.fft(p))[1]*A
sum(p.tolist()) * A
copy.deepcopy({'p': p})['p'][0] * A
""".strip().splitlines()


def function(way: str) -> Callable[[Any], Any]:
    f: Callable[[Any], Any] = eval(f"lambda p: np.sum(({way}) * p[1] * 1.3) + np.sum(p)", dict(NAMES))
    return f


@pytest.mark.parametrize("way", WAYS)
def test_what_scripts_do_loses_no_gradient(way: str) -> None:
    f, step = function(way), 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value, gradient = ge.value_and_grad(f)(P)
        except (ge.GradEngineError, TypeError, AttributeError):
            return  # refused
        np.testing.assert_allclose(value, f(P))
        slopes = [(f(P + step * unit) - f(P - step * unit)) / (2 * step) for unit in np.eye(2)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6)


def test_most_of_them_are_taken() -> None:
    taken = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for way in WAYS:
            try:
                ge.grad(function(way))(P)
            except (ge.GradEngineError, TypeError, AttributeError):
                continue
            taken += 1
    assert taken > 0.5 * len(WAYS)


def test_copies_outside_a_derivative_are_leaves_of_their_own() -> None:
    x = ge.tensor([1.0, 2.0], requires_grad=True, name="x")
    for made in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert made.is_leaf and made.requires_grad and made.name == "x" and made is not x
    with pytest.raises(ge.GraphError, match="clone"):
        copy.copy(x * 2)
    other = ge.tensor([3.0, 4.0], requires_grad=True)
    seen: list[Any] = []
    ge.grad(lambda p: (seen.append(copy.deepcopy(other)), p.sum())[1])(np.ones(2))
    assert seen[0].is_leaf  # no input of the derivative: a module that is copied keeps its parameters
