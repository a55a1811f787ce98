"""SciPy's functions on tensors, for those that NumPy's protocol cannot bring here by itself.

`scipy.special.gamma(t)` runs our op on a tensor, since it is a ufunc. SciPy's plain functions have no such door; their
twins stand here under the same names: `special` (all ufuncs with a derivative too), `linalg`, and `stats` with the
densities and distribution functions of some distributions. SciPy itself is needed only where a docstring says so.
"""

from grad_engine.scipy import linalg, special, stats

__all__ = ["linalg", "special", "stats"]
