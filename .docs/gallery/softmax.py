"""Softmax and cross entropy

Three scores become probabilities. What comes back is the probability, less one for the class that was right.
"""

import grad_engine as ge

scores = ge.tensor([2.0, 1.0, -1.0], requires_grad=True)
right = ge.tensor([0.0, 1.0, 0.0])
p = ge.softmax(scores)
loss = -(right * ge.ln(p)).sum()
loss.backward(retain_graph=True)
ge.export_graph(loss)
