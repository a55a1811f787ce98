"""A network, and one step of training

Two layers with relu between them. The film follows one weight from its nudge to its step.
"""

import numpy as np

import grad_engine as ge

rng = np.random.default_rng(3)
x = rng.normal(size=(4, 3))
y = rng.normal(size=(4, 1))
W1 = ge.tensor(rng.normal(size=(3, 5)), requires_grad=True)
b1 = ge.zeros(5, requires_grad=True)
W2 = ge.tensor(rng.normal(size=(5, 1)), requires_grad=True)
b2 = ge.zeros(1, requires_grad=True)
hidden = ge.relu(x @ W1 + b1)
loss = ((hidden @ W2 + b2 - y) ** 2).mean()
loss.backward(retain_graph=True)
ge.export_graph(loss)
