"""A Gaussian process: its kernel is learnt by the marginal likelihood, with SciPy's L-BFGS-B."""

import numpy as np
from scipy.optimize import minimize

import grad_engine as ge


def kernel(p, x):
    """Squared-exponential covariances of all pairs, and noise on the diagonal. Parameters are logarithms."""
    squares = np.square(x[:, None] - x)
    return np.exp(2 * p["height"] - 0.5 * squares * np.exp(-2 * p["length"])) + np.exp(2 * p["noise"]) * np.eye(len(x))


def loss(p, x, y):
    """Minus the logarithm of the marginal likelihood (Rasmussen & Williams 2006, eq. 5.8), without its constant."""
    factor = np.linalg.cholesky(kernel(p, x))
    scaled = np.linalg.solve(factor, y)
    return 0.5 * np.sum(scaled * scaled) + np.sum(np.log(np.diagonal(factor)))


def by_hand(p, x, y):
    """The gradient of loss, by eq. 5.9: half the trace of (K⁻¹ - ααᵀ) times the slope of K, with α = K⁻¹y."""
    whole = kernel(p, x)
    inverse = np.linalg.inv(whole)
    alpha = inverse @ y
    noise = np.exp(2 * p["noise"]) * np.eye(len(x))
    smooth = whole - noise
    slopes = {
        "height": 2 * smooth,
        "length": smooth * np.square(x[:, None] - x) * np.exp(-2 * p["length"]),
        "noise": 2 * noise,
    }
    return {name: 0.5 * np.sum((inverse - np.outer(alpha, alpha)) * slope) for name, slope in slopes.items()}


def main() -> None:
    """Compare the gradient with the one by hand, then learn the parameters."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-3, 3, 40))
    y = np.sin(2 * x) + 0.1 * rng.standard_normal(40)
    start = {"height": 0.3, "length": -0.5, "noise": -1.0}

    value, gradient = ge.value_and_grad(loss)(start, x, y)  # a dict like start
    off = max(abs(gradient[name] - slope) for name, slope in by_hand(start, x, y).items())
    print(f"loss {value:.6f}, largest difference to the gradient by hand: {off:.1e}")
    assert off < 1e-10

    v0, unravel = ge.ravel_pytree(start)
    found = minimize(ge.value_and_grad(lambda v: loss(unravel(v), x, y)), v0, jac=True, method="L-BFGS-B")
    for name, number in unravel(found.x).items():
        print(f"{name:8}{np.exp(number):.4f}")
    print(f"loss {found.fun:.6f} after {found.nit} steps")
    assert found.fun < value - 20


if __name__ == "__main__":
    main()
