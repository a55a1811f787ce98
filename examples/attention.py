"""One attention head learns to look at the marked word of a sentence, and shows what it looks at."""

import math
from argparse import Namespace
from typing import Any

import numpy as np

import grad_engine as ge
from examples._training import run
from grad_engine import nn, optim
from grad_engine.progress import track

LENGTH = 6


class Head(nn.Module):
    """Each word asks a question, shows a key and holds a value; it gets the values whose keys fit its question."""

    def __init__(self, width: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.query = nn.Linear(2, width, seed=rng)
        self.key = nn.Linear(2, width, seed=rng)
        self.value = nn.Linear(2, 1, seed=rng)

    def weights(self, x: Any) -> ge.Tensor:
        """How much each word looks at each: (batch, length, length), with rows that sum to 1."""
        query, key = self.query(x), self.key(x)
        return ge.softmax(query @ key.mT / math.sqrt(query.shape[-1]))

    def forward(self, x: Any) -> ge.Tensor:
        return self.weights(x) @ self.value(x)


def sentences(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Words (number, mark) of which one in each sentence is marked, and for every word the number marked in it."""
    numbers = rng.standard_normal((count, LENGTH))
    marked = rng.integers(0, LENGTH, count)
    x = np.stack([numbers, np.eye(LENGTH)[marked]], axis=-1)
    return x, np.repeat(numbers[np.arange(count), marked], LENGTH).reshape(count, LENGTH, 1)


def main(options: Namespace) -> ge.Tensor:
    """The loss over one sentence of three words, after training."""
    rng = np.random.default_rng(options.seed)
    model = Head(4, options.seed)
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    for _ in (bar := track(range(options.steps), "training")):
        x, y = sentences(64, rng)
        loss = ge.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        bar.show(loss=loss.item())

    x, y = sentences(1, rng)
    with ge.no_grad():
        looks, answers = model.weights(x).numpy()[0], model(x).numpy()[0]
    print("number  mark   looks at" + " " * (2 * LENGTH - 6) + "answer")
    for (number, mark), row, answer in zip(x[0], looks, answers, strict=True):
        shades = "".join(2 * " ░▒▓█"[min(int(weight * 5), 4)] for weight in row)
        print(f"{number:6.2f}  {'  ●  ' if mark else '     '}  {shades}  {answer.item():6.2f}")
    with ge.no_grad():
        x, y = sentences(1000, rng)
        print(f"mean squared error over 1000 new sentences: {ge.mse_loss(model(x), y):.5f}")

    model.zero_grad()
    loss = ge.mse_loss(model(ge.tensor(x[:1, :3], name="x")), ge.tensor(y[:1, :3], name="y"))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = mse_loss(softmax(query @ keyᵀ / 2) @ value, y)", steps=500)
