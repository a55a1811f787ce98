"""One neuron made of single numbers, tanh(w1·x1 + w2·x2 + b), learns what OR means."""

from argparse import Namespace

import grad_engine as ge
from examples._training import run

OR = [(-1.0, -1.0, -1.0), (-1.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 1.0)]  # two inputs, and what should come out


def main(options: Namespace) -> ge.Tensor:
    """The squared error for one example, after training on all four."""
    start = ge.randn(2, seed=options.seed).tolist()
    w1 = ge.tensor(start[0], requires_grad=True, name="w1")
    w2 = ge.tensor(start[1], requires_grad=True, name="w2")
    b = ge.tensor(0.0, requires_grad=True, name="b")

    for step in range(options.steps):
        loss = ge.tensor(0.0)
        for x1, x2, target in OR:
            out = ge.tanh(w1 * x1 + w2 * x2 + b)
            loss = loss + (out - target) ** 2
        for parameter in (w1, w2, b):
            parameter.zero_grad()
        loss.backward()
        with ge.no_grad():
            for parameter in (w1, w2, b):
                parameter -= 0.1 * parameter.grad
        if step % 10 == 0 or step == options.steps - 1:
            print(f"step {step:3}  loss {loss:.4f}  w1 {w1:.3f}  w2 {w2:.3f}  b {b:.3f}")

    for parameter in (w1, w2, b):
        parameter.zero_grad()
    x1, x2 = ge.tensor(-1.0, name="x1"), ge.tensor(0.5, name="x2")
    out = ge.tanh(w1 * x1 + w2 * x2 + b)
    out.backward(retain_graph=True)
    print(f"\nfor inputs {x1:.1f} and {x2:.1f} the neuron says {out:.4f}; what a little more of each would change:")
    print(f"w1 {w1.grad:.4f}  w2 {w2.grad:.4f}  b {b.grad:.4f}\n")
    ge.visualize_graph(out)
    return out


if __name__ == "__main__":
    run(main, "out = tanh(w1 · x1 + w2 · x2 + b)", steps=50)
