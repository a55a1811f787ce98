"""Why is the gradient of x2 seven?

x2 is used twice. Along each path the slopes are multiplied, and the two products are added.
"""

import grad_engine as ge

x1 = ge.tensor(1.0, requires_grad=True)
x2 = ge.tensor(2.0, requires_grad=True)
x3 = ge.tensor(3.0, requires_grad=True)
x4 = x1**2 + x2 * x3
x5 = x1 + x2**2
z = ge.stack([x4, x5])
z.backward(ge.ones_like(z), retain_graph=True)
ge.export_graph(z)
