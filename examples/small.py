"""One addition, where x2 is stretched over the rows of x1 and gets the sum of both back: z = x1 + x2."""

import grad_engine as ge
from examples._command import show

x1 = ge.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]], requires_grad=True)
x2 = ge.tensor([3.0, 3.0, 3.0, 3.0], requires_grad=True)

z = x1 + x2

# Backward starts from a gradient of ones; retain_graph keeps what it did, which is what is shown and exported.
z.backward(ge.ones_like(z), retain_graph=True)

if __name__ == "__main__":
    show(z, names=locals())
