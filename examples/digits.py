"""Handwritten digits told apart by dense layers or by a small convolutional network."""

import time
from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._training import DIGITS, digits, run
from grad_engine import data, nn, optim
from grad_engine.progress import track


def network(kind: str, side: int, seed: int) -> nn.Module:
    """A network for images (batch, 1, side, side) and ten classes, in single precision."""
    rng = np.random.default_rng(seed)
    if kind == "mlp":
        return nn.Sequential(nn.Flatten(), nn.MLP([side * side, 64, 10], dtype=np.float32, seed=rng))
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, dtype=np.float32, seed=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, dtype=np.float32, seed=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (side // 4) ** 2, 10, dtype=np.float32, seed=rng),
    )


def guesses(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """The class that the model finds likeliest for each image."""
    with ge.no_grad():
        scores = [model(batch).numpy() for (batch,) in data.DataLoader(images, batch_size=500, shuffle=False)]
    return np.concatenate(scores).argmax(axis=1)


def main(options: Namespace) -> ge.Tensor:
    """The loss over two images, after training."""
    images = digits(options)
    train, test = (each[:, None].astype(np.float32) for each in (images.train_images, images.test_images))
    model = network(options.net, train.shape[-1], options.seed)
    optimizer = optim.AdamW(model.parameters(), lr=options.rate)
    schedule = optim.SequentialLR(
        optimizer,
        [
            optim.LinearLR(optimizer, 0.1, total_iters=20),
            optim.CosineAnnealingLR(optimizer, max(options.steps - 20, 1)),
        ],
        milestones=[20],
    )
    loader = data.DataLoader(train, images.train_labels, batch_size=64, seed=options.seed)
    print(f"{len(train)} images of {train.shape[-2]} x {train.shape[-1]} to learn from, {len(test)} held out")

    start = time.perf_counter()
    for x, y in (bar := track(loader.repeated(options.steps), options.net, total=options.steps)):
        scores = model(x)
        loss = ge.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.show(loss=loss.item(), accuracy=(scores.data.argmax(axis=1) == y.data).mean())
    seconds = time.perf_counter() - start

    found = guesses(model.eval(), test)
    epochs = options.steps / len(loader)
    print(f"{epochs:.1f} epochs in {seconds:.1f} s" + (f", {seconds / epochs:.2f} s each" if epochs else ""))
    print(f"{100 * (found == images.test_labels).mean():.2f} % of the images held out are told rightly")
    for index in np.flatnonzero(found != images.test_labels)[:1]:
        print(f"\nthis one is a {images.test_labels[index]}, and was taken for a {found[index]}:")
        print("\n".join("".join(2 * " ░▒▓█"[int(value * 4.99)] for value in row) for row in test[index, 0]))

    model.zero_grad()
    loss = ge.cross_entropy(model(ge.tensor(test[:2], name="images")), ge.tensor(images.test_labels[:2], name="labels"))
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(
        main,
        "loss = cross_entropy(model(images), labels)",
        steps=700,
        data=DIGITS,
        net={"choices": ["conv", "mlp"], "default": "conv", "help": "which network (default: %(default)s)"},
        rate={"type": float, "default": 0.003, "help": "the highest learning rate (default: %(default)s)"},
    )
