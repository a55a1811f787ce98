"""SciPy's functions on tensors, for those that NumPy's protocol cannot bring here by itself.

`scipy.special.gamma(t)` runs our op on a tensor, since it is a ufunc. SciPy's plain functions have no such door; their
twins stand here under the same names: `special` (all ufuncs with a derivative too), `linalg`, `stats` with the
densities and distribution functions of some distributions, `integrate`, `interpolate`, `signal`,
`fft`, `ndimage`, `optimize` (roots) and `spatial`. SciPy itself
is needed only where a docstring says so. A sparse matrix of SciPy's takes a tensor by itself, as in `A @ t`.

What is not here is SciPy's own, for arrays: `from grad_engine.scipy import optimize, special, stats` may stand for the
same line with `scipy`.
"""

from grad_engine.scipy import fft, integrate, interpolate, linalg, ndimage, optimize, signal, spatial, special, stats
from grad_engine.scipy._theirs import of_scipy

__all__ = ["fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal", "spatial", "special", "stats"]
__getattr__ = of_scipy("scipy")
