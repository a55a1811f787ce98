"""Newton's method, with the Hessian and without ever making it, beside plain descent."""

from argparse import Namespace
from collections.abc import Callable

import numpy as np

import grad_engine as ge
from examples._training import run

ENOUGH = 1e-10  # a gradient this small is that of the minimum


def conjugate_gradients(multiply: Callable[[np.ndarray], np.ndarray], b: np.ndarray) -> np.ndarray:
    """The x where multiply(x) = b, for a symmetric positive matrix that is known by its products only.

    Hestenes & Stiefel 1952.
    """
    x, r = np.zeros_like(b), b.copy()
    p = r.copy()
    for _ in range(2 * len(b)):
        if (rr := r @ r) < 1e-30:
            break
        q = multiply(p)
        x += (rr / (p @ q)) * p
        r -= (rr / (p @ q)) * q
        p = r + (r @ r / rr) * p
    return x


def main(options: Namespace) -> ge.Tensor:
    """The squared length of the gradient, at the minimum."""
    rng = np.random.default_rng(options.seed)
    x = rng.standard_normal((80, 4)) * [1, 3, 0.3, 2]
    y = (x @ [1, -0.5, 2, 0.3] + rng.standard_normal(80) > 0).astype(float)

    def loss(w: ge.Tensor) -> ge.Tensor:
        return ge.binary_cross_entropy_with_logits(x @ w, y) + 0.01 * (w * w).sum()

    def newton(w: np.ndarray, g: np.ndarray) -> np.ndarray:
        return -np.linalg.solve(ge.hessian(loss)(w), g)

    def newton_without_hessian(w: np.ndarray, g: np.ndarray) -> np.ndarray:
        return -conjugate_gradients(lambda v: ge.hvp(loss)(w, v), g)

    def descent(w: np.ndarray, g: np.ndarray) -> np.ndarray:
        return -0.5 * g

    print("                          steps   loss              |gradient|")
    for name, move in (
        ("Newton, Hessian solved", newton),
        ("Newton, products alone", newton_without_hessian),
        ("gradient descent", descent),
    ):
        w = np.zeros(4)
        for step in range(options.steps + 1):
            value, g = ge.value_and_grad(loss)(w)
            if np.linalg.norm(g) < ENOUGH or step == options.steps:
                break
            w = w + move(w, g)
        print(f"{name:22}  {step:7}   {value:.12f}    {np.linalg.norm(g):.1e}")

    leaf = ge.tensor(w[:2], requires_grad=True, name="w")
    few = ge.tensor(x[:3, :2], name="x")
    (slope,) = ge.grad([ge.binary_cross_entropy_with_logits(few @ leaf, y[:3])], [leaf], create_graph=True)
    steepness = (slope * slope).sum()
    steepness.backward(retain_graph=True)  # backward through a backward pass
    return steepness


if __name__ == "__main__":
    run(main, "steepness = |∂loss/∂w|²", steps=2000)
