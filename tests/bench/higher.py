"""Derivatives of derivatives: the gradient of a gradient, and a Hessian-vector product of the 13-8-1 network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import grad_engine as ge
from tests.bench.mlp import parts
from tests.bench.timing import Table, arguments, interleaved, report, torch, with_threads


def second(library: Any, grad: Callable[..., Any], x: Any) -> Callable[[], Any]:
    """d/dx of the sum of d/dx sum(tanh(x) * exp(x)), for 100 x 100 numbers."""

    def run() -> Any:
        first = grad((library.tanh(x) * library.exp(x)).sum(), x, create_graph=True)
        first = first[0] if isinstance(first, tuple) else first
        return grad(first.sum(), x)

    return run


def product(grad: Callable[..., Any], weights: list[Any], x: Any, y: Any, along: list[Any]) -> Callable[[], Any]:
    """The Hessian of the network's loss times a vector, by the gradient of (gradient · vector)."""

    def run() -> Any:
        w1, b1, w2 = weights
        error = (x @ w1 + b1).tanh() @ w2 - y
        firsts = grad((error * error).mean(), weights, create_graph=True)
        total = sum((first * v).sum() for first, v in zip(firsts, along, strict=True))
        return grad(total, weights)

    return run


def main() -> None:
    """Measure both against PyTorch."""
    wanted = arguments(__doc__)
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((10, 10) if wanted.quick else (100, 100))
    x, y, *weights = parts(np.float64)
    along = [rng.standard_normal(w.shape) for w in weights]

    def leaf(value: np.ndarray) -> ge.Tensor:
        return ge.tensor(value, requires_grad=True)

    ours = ge.from_numpy(x), ge.from_numpy(y), [ge.from_numpy(v) for v in along]
    contenders = {
        "second": {"ours": second(ge, ge.grad, leaf(numbers))},
        "Hessian · v": {"ours": product(ge.grad, [leaf(w) for w in weights], *ours)},
    }
    if torch is not None:
        with_threads(1)()

        def theirs(value: np.ndarray) -> Any:
            return torch.tensor(value, requires_grad=True)

        plain = torch.tensor(x), torch.tensor(y), [torch.tensor(v) for v in along]
        contenders["second"]["torch"] = second(torch, torch.autograd.grad, theirs(numbers))
        contenders["Hessian · v"]["torch"] = product(torch.autograd.grad, [theirs(w) for w in weights], *plain)
    rows = []
    for name, calls in contenders.items():
        answers = [
            np.concatenate([np.ravel(part.detach().numpy()) for part in _listed(run())]) for run in calls.values()
        ]
        assert all(np.allclose(answers[0], other, rtol=1e-9) for other in answers), name
        found = interleaved(calls, rounds=2 if wanted.quick else 60, seconds=0.002 if wanted.quick else 0.01)
        rows += [
            [f"{name}, {who}", time * 1e6, time / found["torch"].least if "torch" in found else None, spread]
            for who, (time, spread) in found.items()
        ]
    report(wanted.json, Table("Derivatives of derivatives, float64", ["", "µs", "/ torch", "spread"], rows))


def _listed(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, tuple) else [answer]


if __name__ == "__main__":
    main()
