"""A line through noisy points: one layer, and the gradient going down to the exact answer."""

from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._training import run
from grad_engine import nn, optim
from grad_engine.progress import sparkline, track


def main(options: Namespace) -> ge.Tensor:
    """The loss over four points, after training on all of them."""
    rng = np.random.default_rng(options.seed)
    x = rng.uniform(-1, 1, (100, 1))
    y = 3 * x - 2 + rng.normal(0, 0.3, x.shape)

    model = nn.Linear(1, 1, seed=options.seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in (bar := track(range(options.steps), "training")):
        loss = ge.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        bar.show(loss=losses[-1])

    slope, intercept = np.polyfit(x[:, 0], y[:, 0], 1)
    print(f"loss {sparkline(losses)} {losses[-1] if losses else float('nan'):.4f}")
    print(f"learnt        y = {model.weight.item():.6f} x + {model.bias.item():.6f}")
    print(f"least squares y = {slope:.6f} x + {intercept:.6f}")

    model.zero_grad()
    loss = ge.mse_loss(model(ge.tensor(x[:4], name="x")), ge.tensor(y[:4], name="y"))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = mse_loss(model(x), y)", steps=200)
