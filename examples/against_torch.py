"""The proof: a network learns digits beside PyTorch, and every gradient of every step agrees."""

from argparse import Namespace

import numpy as np

import grad_engine as ge
from examples._command import needed
from examples._training import DIGITS, digits, run
from grad_engine import data, nn, optim
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
    theirs.load_state_dict({name: torch.tensor(value.data) for name, value in ours.state_dict().items()})
    our_optimizer = optim.SGD(ours.parameters(), lr=0.05, momentum=0.9)
    their_optimizer = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)

    our_losses, their_losses, compared = [], [], 0
    largest, where = 0.0, "nowhere"
    loader = data.DataLoader(train, images.train_labels, batch_size=32, seed=options.seed)
    for step, (x, y) in enumerate(bar := track(loader.repeated(options.steps), "training twice", total=options.steps)):
        our_optimizer.zero_grad()
        our_loss = ge.cross_entropy(ours(x), y)
        our_loss.backward()
        their_optimizer.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x.numpy())), torch.tensor(y.numpy()))
        their_loss.backward()
        for (name, our), their in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            difference = float(np.abs(our.grad.numpy() - their.grad.numpy()).max())
            compared += our.size
            if not difference <= largest:  # also when it is NaN
                largest, where = difference, f"{name} at step {step}"
        our_optimizer.step()
        their_optimizer.step()
        our_losses.append(our_loss.item())
        their_losses.append(their_loss.item())
        bar.show(loss=our_losses[-1], difference=largest)

    for name, losses in (("grad_engine", our_losses), ("PyTorch", their_losses)):
        print(f"{name:11} {sparkline(losses)} {losses[-1] if losses else float('nan'):.10f}")
    print(f"{compared:,} gradients compared in {options.steps} steps; the largest difference is {largest:.1e}, {where}")
    if not largest <= ALLOWED:
        raise SystemExit(f"that is more than {ALLOWED}")

    ours.zero_grad()
    loss = ge.cross_entropy(
        ours(ge.tensor(train[:2], name="images")), ge.tensor(images.train_labels[:2], name="labels")
    )
    loss.backward(retain_graph=True)
    return loss


if __name__ == "__main__":
    run(main, "loss = cross_entropy(ours(images), labels)", steps=500, data=DIGITS)
