"""Where does the NaN come from?

The logarithm of a negative number is NaN. The film says in which operation it begins and what it spoils.
"""

import numpy as np

import grad_engine as ge

x = ge.tensor([0.5, 2.0, 3.0], requires_grad=True)
w = ge.tensor([2.0, 1.0, 0.5], requires_grad=True)
margin = x * w - 1.2
with np.errstate(invalid="ignore"):
    loss = ge.ln(margin).sum()
loss.backward(retain_graph=True)
ge.export_graph(loss)
