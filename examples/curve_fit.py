"""SciPy's curve_fit with the exact Jacobian: a decaying wave through noisy points."""

import numpy as np
from scipy.optimize import curve_fit

import grad_engine as ge


def model(x, size, decay, pace, start):
    """The decaying wave."""
    return size * np.exp(-decay * x) * np.sin(pace * x + start)


def by_hand(x, size, decay, pace, start):
    """The derivative of the model by each parameter, in columns."""
    wave, slope, fall = np.sin(pace * x + start), np.cos(pace * x + start), np.exp(-decay * x)
    return np.stack([fall * wave, -x * size * fall * wave, x * size * fall * slope, size * fall * slope], axis=1)


def main() -> None:
    """Fit twice, with our Jacobian and without one, and compare it with the one by hand."""
    rng = np.random.default_rng(0)
    truth = np.array([2.0, 0.4, 3.0, 0.5])
    x = np.linspace(0, 5, 200)
    y = model(x, *truth) + 0.05 * rng.standard_normal(x.size)

    jacobian = ge.jacobian(model, argnums=(1, 2, 3, 4))  # a function of x and the parameters, as curve_fit wants it
    off = np.abs(np.asarray(jacobian(x, *truth)) - by_hand(x, *truth)).max()
    print(f"largest difference to the Jacobian by hand: {off:.1e}")
    assert off < 1e-12

    calls = {}
    for name, given in (("exact Jacobian", jacobian), ("differences", None)):
        found, _, info, *_ = curve_fit(model, x, y, [1.5, 0.3, 2.8, 0.3], jac=given, full_output=True)
        calls[name] = info["nfev"]
        print(f"{name:15} {np.array2string(found, precision=6)}   {info['nfev']} calls of the model")
        assert np.allclose(found, truth, atol=0.05)
    assert calls["exact Jacobian"] < calls["differences"]


if __name__ == "__main__":
    main()
