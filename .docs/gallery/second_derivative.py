"""The derivative of a derivative

With `create_graph=True` backward is a graph too, and has a backward of its own.
"""

import grad_engine as ge

x = ge.tensor(0.5, requires_grad=True)
y = ge.sin(x**2)
(slope,) = ge.grad(y, [x], create_graph=True)
slope.backward(retain_graph=True)
ge.export_graph(slope)
