"""Three numbers, two results in one stack: x1 and x2 are used in both, and get the sum of two shares."""

import grad_engine as ge
from examples._command import show

x1 = ge.tensor(1.0, requires_grad=True)
x2 = ge.tensor(2.0, requires_grad=True)
x3 = ge.tensor(3.0, requires_grad=True)

x4 = x1**2 + x2 * x3
x5 = x1 + x2**2
z = ge.stack([x4, x5])

z.backward(ge.ones_like(z), retain_graph=True)

if __name__ == "__main__":
    show(z, names=locals())
