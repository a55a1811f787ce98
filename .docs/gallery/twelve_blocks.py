"""Twelve blocks deep: does the gradient fade?

Each block adds what it computed to what came in. The film opens one, and draws how large the gradient is at each.
"""

import numpy as np

import grad_engine as ge

rng = np.random.default_rng(4)
h = ge.tensor(rng.normal(size=(5, 8)))
for i in range(12):
    layer = ge.nn.Linear(8, 8, seed=i)
    with ge.scope(f"block.{i}"):
        h = h + ge.tanh(layer(h))
loss = (h**2).mean()
loss.backward(retain_graph=True)
ge.export_graph(loss)
