"""A convolution

A kernel of 3 x 3 slides over an image, relu follows, and the largest of each 2 x 2 goes on.
"""

import numpy as np

import grad_engine as ge

rng = np.random.default_rng(2)
image = rng.normal(size=(1, 1, 6, 6))
kernel = ge.tensor(rng.normal(size=(2, 1, 3, 3)), requires_grad=True)
bias = ge.zeros(2, requires_grad=True)
features = ge.relu(ge.conv2d(image, kernel, bias))
pooled = ge.nn.functional.max_pool2d(features, 2)
loss = pooled.mean()
loss.backward(retain_graph=True)
ge.export_graph(loss)
