"""Seven operations, one leaf that is used twice, and a logarithm of -1 whose NaN spoils no gradient."""

import numpy as np

import grad_engine as ge
from examples._command import show

x1 = ge.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], requires_grad=True)
x2 = ge.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], requires_grad=True)
x3 = ge.tensor([3.0, 3.0, 3.0, 3.0], requires_grad=True)

x4 = x1 + 3
x5 = x2 - x3
x6 = ge.matmul(x4, x5) - x3
x7 = ge.ones_like(x6, requires_grad=True)

# The first column of x6 is -1, where ln is NaN. NumPy warns of that, rightly; here the NaN is part of the lesson:
# it goes on into z, while the gradient of ln, which is 1 / x, stays finite.
with np.errstate(invalid="ignore"):
    z = ge.ln(x6) + ge.exp(x7)

z.backward(ge.ones_like(z), retain_graph=True)

if __name__ == "__main__":
    show(z, names=locals())
