"""One neuron

Two inputs, two weights and tanh. Far from zero tanh is flat, and little of the gradient passes.
"""

import grad_engine as ge

w1 = ge.tensor(0.5, requires_grad=True)
w2 = ge.tensor(-0.3, requires_grad=True)
b = ge.tensor(0.2, requires_grad=True)
x1, x2 = 1.0, 2.0
y = ge.tanh(w1 * x1 + w2 * x2 + b)
y.backward(retain_graph=True)
ge.export_graph(y)
