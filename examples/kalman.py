"""A Kalman filter: how noisy a moving thing and its measurement are, by maximum likelihood."""

import numpy as np
from scipy.optimize import approx_fprime, minimize

import grad_engine as ge

MOVE = np.array([[1.0, 1.0], [0.0, 1.0]])  # place and speed, one step later
PUSH = np.array([[0.25, 0.5], [0.5, 1.0]])  # the covariance of a random push, per unit of its variance


def loss(logs, measured):
    """Minus the logarithm of the likelihood of all measurements, without its constant."""
    push, noise = np.exp(logs[0]), np.exp(logs[1])
    state, spread, total = np.zeros(2), 100 * np.eye(2), 0.0
    for z in measured:
        state, spread = MOVE @ state, MOVE @ spread @ MOVE.T + push * PUSH
        error, variance = z - state[0], spread[0, 0] + noise
        gain = spread[:, 0] / variance
        state, spread = state + gain * error, spread - np.outer(gain, spread[0])
        total = total + 0.5 * (np.log(variance) + error * error / variance)
    return total


def main() -> None:
    """Compare the gradient with differences, then learn both variances."""
    rng = np.random.default_rng(1)
    push, noise = 0.05, 2.0
    state, measured = np.zeros(2), []
    for _ in range(200):
        state = MOVE @ state + np.sqrt(push) * rng.standard_normal() * np.array([0.5, 1.0])
        measured.append(state[0] + np.sqrt(noise) * rng.standard_normal())

    start = np.array([0.0, 0.0])
    slope, near = ge.grad(loss)(start, measured), approx_fprime(start, loss, 1e-6, measured)
    off = np.abs(slope / near - 1).max()
    print(f"gradient {np.array2string(slope, precision=6)}, differences are off by {off:.1e}")
    assert off < 1e-4

    found = minimize(ge.value_and_grad(loss), start, args=(measured,), jac=True, method="BFGS")
    learnt = np.exp(found.x)
    print(f"variance of the push         {learnt[0]:.4f}, used to make the data {push}")
    print(f"variance of the measurement  {learnt[1]:.4f}, used to make the data {noise}")
    assert abs(learnt[1] / noise - 1) < 0.3 and learnt[0] < 4 * push


if __name__ == "__main__":
    main()
