"""A head of attention

Four positions look at one another. Query, key and value each have a matrix, and each gets its gradient.
"""

import numpy as np

import grad_engine as ge

rng = np.random.default_rng(0)
x = rng.normal(size=(4, 6))
query = ge.tensor(rng.normal(size=(6, 3)), requires_grad=True)
key = ge.tensor(rng.normal(size=(6, 3)), requires_grad=True)
value = ge.tensor(rng.normal(size=(6, 3)), requires_grad=True)
weights = ge.softmax((x @ query) @ (x @ key).T / 3**0.5, axis=-1)
loss = ((weights @ (x @ value)) ** 2).mean()
loss.backward(retain_graph=True)
ge.export_graph(loss)
