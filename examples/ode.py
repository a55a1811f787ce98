"""Runge and Kutta's method, differentiated: the rates of a predator and its prey from what was counted."""

import numpy as np
from scipy.optimize import minimize

import grad_engine as ge


def animals(state, rates):
    """How fast prey and predators become more (Lotka 1925, Volterra 1926)."""
    prey, predators = state[0], state[1]
    return np.stack([prey * (rates[0] - rates[1] * predators), predators * (rates[2] * prey - rates[3])])


def path(rates, start, steps, width):
    """The states at all times, by the classical Runge-Kutta method of fourth order."""
    state, states = start, [start]
    for _ in range(steps):
        a = animals(state, rates)
        b = animals(state + width / 2 * a, rates)
        c = animals(state + width / 2 * b, rates)
        d = animals(state + width * c, rates)
        state = state + width / 6 * (a + 2 * b + 2 * c + d)
        states.append(state)
    return np.stack(states)


def main() -> None:
    """Compare a gradient with differences, then find the rates again, with products with the Hessian."""
    truth, start = np.array([1.1, 0.4, 0.1, 0.4]), np.array([10.0, 5.0])
    counted = path(truth, start, 60, 0.1)

    def loss(rates):
        return np.mean(np.square(np.log(path(rates, start, 60, 0.1) / counted)))

    guess = np.array([0.9, 0.3, 0.13, 0.5])
    slope = ge.grad(loss)(guess)
    steps = 1e-6 * np.eye(4)
    near = np.array([(loss(guess + step) - loss(guess - step)) / 2e-6 for step in steps])
    off = np.abs(slope / near - 1).max()
    print(f"gradient {np.array2string(slope, precision=6)}, differences are off by {off:.1e}")
    assert off < 1e-6

    found = minimize(ge.value_and_grad(loss), guess, jac=True, hessp=ge.hvp(loss), method="trust-ncg", tol=1e-9)
    print(f"rates {np.array2string(found.x, precision=6)} after {found.nit} steps, loss {found.fun:.1e}")
    assert np.allclose(found.x, truth, rtol=1e-4)


if __name__ == "__main__":
    main()
