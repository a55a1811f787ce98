"""Two half circles told apart by a small network, and the border between them drawn in characters."""

from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._training import run
from grad_engine import data, nn, optim
from grad_engine.progress import track


def border(model: nn.Module, x: np.ndarray, labels: np.ndarray, width: int = 64, height: int = 22) -> str:
    """What the model says everywhere, in shades from · to ▓, and the points, o and x, on top of it."""
    (left, low), (right, high) = x.min(axis=0) - 0.3, x.max(axis=0) + 0.3
    columns, rows = np.meshgrid(np.linspace(left, right, width), np.linspace(high, low, height))
    with ge.no_grad():
        chance = ge.sigmoid(model(np.stack([columns.ravel(), rows.ravel()], 1))).numpy().reshape(height, width)
    picture = np.array([*"·░▒▓"])[np.minimum(chance * 4, 3).astype(int)]
    across = np.rint((x[:, 0] - left) / (right - left) * (width - 1)).astype(int)
    down = np.rint((high - x[:, 1]) / (high - low) * (height - 1)).astype(int)
    picture[down, across] = np.where(labels == 0, "o", "x")
    return "\n".join("".join(row) for row in picture)


def main(options: Namespace) -> ge.Tensor:
    """The loss over four points, after training."""
    x, labels = data.moons(200, noise=0.15, seed=options.seed)
    target = labels[:, None].astype(float)

    model = nn.MLP([2, 16, 16, 1], nn.Tanh, seed=options.seed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in (bar := track(range(options.steps), "training")):
        scores = model(x)
        loss = loss_of(scores, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bar.show(loss=loss.item(), accuracy=((scores.data > 0) == target).mean())

    print(border(model, x, labels))
    right = ((model(x).data > 0) == target).mean()
    print(f"{100 * right:.1f} % of {len(x)} points on their own side")

    model.zero_grad()
    loss = loss_of(model(ge.tensor(x[:4], name="x")), ge.tensor(target[:4], name="target"))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = bce_with_logits(model(x), target)", steps=300)
