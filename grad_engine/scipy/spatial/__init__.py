"""The distances of scipy.spatial on tensors; its other functions are SciPy's own, for arrays."""

from grad_engine.scipy._theirs import of_scipy
from grad_engine.scipy.spatial import distance

__all__ = ["distance"]
__getattr__ = of_scipy("scipy.spatial")
