"""A recurrent network: one matrix, eight uses

The same matrix is used at every step, so its gradient is a sum of eight. How much of it comes from the first step?
"""

import numpy as np

import grad_engine as ge

rng = np.random.default_rng(1)
inputs = rng.normal(size=(8, 1, 3))
W = ge.tensor(rng.normal(size=(3, 3)) / 2, requires_grad=True)
U = ge.tensor(rng.normal(size=(3, 3)) / 2, requires_grad=True)
h = ge.zeros((1, 3))
for t in range(8):
    with ge.scope(f"step.{t}"):
        h = ge.tanh(inputs[t] @ U + h @ W)
loss = (h**2).sum()
loss.backward(retain_graph=True)
ge.export_graph(loss)
