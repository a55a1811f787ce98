"""The proof: a network learns digits beside PyTorch, and every gradient of every step agrees."""

from argparse import Namespace

import grad_engine as ge
from examples._command import needed
from examples._training import DIGITS, digits, run
from grad_engine import data, nn
from grad_engine.progress import sparkline, track

ALLOWED = 1e-8  # between two gradients in double precision


def main(options: Namespace) -> ge.Tensor:
    """The loss over two images, after training."""
    torch = needed("torch")
    images = digits(options)
    train = images.train_images.reshape(len(images.train_images), -1)

    ours = nn.MLP([train.shape[1], 32, 16, 10], seed=options.seed)
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    theirs = torch.nn.Sequential(linear(train.shape[1], 32), relu(), linear(32, 16), relu(), linear(16, 10)).double()
    loader = data.DataLoader(train, images.train_labels, batch_size=32, seed=options.seed)
    batches = track(loader.repeated(options.steps), "training twice", total=options.steps)
    found = ge.compare_with_torch(ours, theirs, batches, lr=0.05, momentum=0.9, allowed=ALLOWED)

    for name, losses in zip(("grad_engine", "PyTorch"), found.losses, strict=True):
        print(f"{name:11} {sparkline(losses)} {losses[-1] if losses else float('nan'):.10f}")
    print(found)
    if not found.agree:
        raise SystemExit(1)

    ours.zero_grad()
    loss = ge.cross_entropy(
        ours(ge.tensor(train[:2], name="images")), ge.tensor(images.train_labels[:2], name="labels")
    )
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = cross_entropy(ours(images), labels)", steps=500, data=DIGITS)
