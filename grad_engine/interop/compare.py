"""compare_with_torch(): the same model in both libraries, trained side by side, gradient by gradient."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from grad_engine.errors import ArgumentError
from grad_engine.interop.tensors import torch_module
from grad_engine.nn.module import Module
from grad_engine.ops.classification import cross_entropy
from grad_engine.optim.optimizers import SGD

if TYPE_CHECKING:
    import torch

Losses = tuple[Callable[..., Any], Callable[..., Any]]


@dataclass(slots=True)
class Comparison:
    """What a comparison found. `parted` names the first gradient that was off by more than `allowed`."""

    allowed: float
    steps: int = 0
    compared: int = 0  # numbers
    largest: float = 0.0  # difference of two gradients
    where: str = "nowhere"  # the parameter and step of the largest difference
    parted: str | None = None
    losses: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))  # ours, PyTorch's
    seconds: dict[str, float] = field(default_factory=dict)  # "forward", "backward", "torch forward", "torch backward"

    @property
    def agree(self) -> bool:
        """Whether no gradient was off by more than `allowed`."""
        return self.parted is None

    def __str__(self) -> str:
        times = ", ".join(f"{name} {1000 * value / max(self.steps, 1):.3g} ms" for name, value in self.seconds.items())
        found = f"{self.compared:,} gradients compared in {self.steps} steps; the largest difference is"
        parted = "" if self.parted is None else f"\nmore than {self.allowed:g} apart since {self.parted}"
        return f"{found} {self.largest:.1e}, {self.where}{parted}\na step: {times}"


def compare_with_torch(
    model: Module,
    torch_model: torch.nn.Module,
    batches: Iterable[tuple[Any, Any]],
    *,
    loss: Losses | None = None,
    lr: float = 0.01,
    momentum: float = 0.0,
    allowed: float = 1e-8,
) -> Comparison:
    """Train two models that are the same, step by step, and compare every gradient of every step.

    The weights of `torch_model` are replaced by those of `model`, matched by name where the names are the same and by
    order where they are not. batches: pairs (x, y) of arrays or tensors. loss: ours and PyTorch's, cross entropy by
    default. lr, momentum: of the SGD that both take after each step. allowed: how far two gradients may be apart.

    Both models are changed. Raises ArgumentError where their parameters do not fit each other, MissingPackageError
    without PyTorch.
    """
    torch = torch_module()
    pairs = _paired(model, torch_model, torch)
    our_loss_of, their_loss_of = loss or (cross_entropy, torch.nn.functional.cross_entropy)
    ours = SGD(model.parameters(), lr=lr, momentum=momentum)
    theirs = torch.optim.SGD(torch_model.parameters(), lr=lr, momentum=momentum)
    found = Comparison(allowed)
    clock = found.seconds = dict.fromkeys(("forward", "backward", "torch forward", "torch backward"), 0.0)
    for step, (x, y) in enumerate(batches):
        ours.zero_grad()
        theirs.zero_grad()
        begun = time.perf_counter()
        our_loss = our_loss_of(model(x), y)
        clock["forward"] += (passed := time.perf_counter()) - begun
        our_loss.backward()
        clock["backward"] += time.perf_counter() - passed
        x, y = (torch.from_numpy(np.array(getattr(each, "data", each))) for each in (x, y))
        begun = time.perf_counter()
        their_loss = their_loss_of(torch_model(x), y)
        clock["torch forward"] += (passed := time.perf_counter()) - begun
        their_loss.backward()
        clock["torch backward"] += time.perf_counter() - passed
        for name, our, their in pairs:
            _compare(found, f"{name} at step {step}", our, their)
        ours.step()
        theirs.step()
        found.steps += 1
        found.losses[0].append(our_loss.item())
        found.losses[1].append(their_loss.item())
    return found


def _compare(found: Comparison, what: str, our: Any, their: Any) -> None:
    if (our.grad is None) != (their.grad is None):
        found.parted = found.parted or f"{what}: only one of them has a gradient"
        return
    if our.grad is None:
        return
    difference = float(np.abs(our.grad.data - their.grad.detach().numpy()).max(initial=0.0))
    found.compared += our.size
    if not difference <= found.largest:  # also when it is NaN
        found.largest, found.where = difference, what
    if not difference <= found.allowed:
        found.parted = found.parted or f"{what}: {difference:.2e}"


def _paired(model: Module, torch_model: Any, torch: Any) -> list[tuple[str, Any, Any]]:
    """(name, our parameter, PyTorch's) for each; PyTorch's now holds the numbers of ours."""
    ours, theirs = dict(model.named_parameters()), dict(torch_model.named_parameters())
    if len(ours) != len(theirs):
        raise ArgumentError(f"the models have {len(ours)} and {len(theirs)} parameters; build them alike")
    named = ours.keys() == theirs.keys()
    pairs = []
    for (name, our), (other, their) in zip(ours.items(), theirs.items(), strict=True):
        partner = theirs[name] if named else their
        if our.shape != tuple(partner.shape):
            called = name if named else f"{name} and {other}"
            raise ArgumentError(f"{called} have the shapes {our.shape} and {tuple(partner.shape)}; build them alike")
        with torch.no_grad():
            partner.data = torch.from_numpy(our.data.copy())
        pairs.append((name, our, partner))
    return pairs
