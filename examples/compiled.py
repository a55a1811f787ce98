"""One step of a network as one NumPy program, and its time beside eager mode and by hand."""

import time

import numpy as np

import grad_engine as ge


def step(params, x, y):
    """The loss, and parameters one step further down."""

    def loss_of(p):
        hidden = np.maximum(x @ p["w1"] + p["b1"], 0)
        return np.mean(np.square(hidden @ p["w2"] - y))

    loss, g = ge.value_and_grad(loss_of)(params)
    return loss, {k: params[k] - 0.01 * g[k] for k in params}


def by_hand(params, x, y):
    """The same with the gradient worked out on paper."""
    pre = x @ params["w1"] + params["b1"]
    hidden = np.maximum(pre, 0)
    error = hidden @ params["w2"] - y
    g = (2 / error.size) * error
    back = (g @ params["w2"].T) * (pre > 0)
    slopes = {"w1": x.T @ back, "b1": back.sum(0, keepdims=True), "w2": hidden.T @ g}
    return np.mean(np.square(error)), {k: params[k] - 0.01 * slopes[k] for k in params}


def microseconds(call, *args):
    """The least time of many calls."""
    times = []
    for _ in range(300):
        start = time.perf_counter()
        call(*args)
        times.append(time.perf_counter() - start)
    return 1e6 * min(times)


def main() -> None:
    """Print the program, compare its result with the one by hand, and time both."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(506, 13)), rng.normal(size=(506, 1))
    params = {"w1": rng.normal(size=(13, 8)), "b1": np.zeros((1, 8)), "w2": rng.normal(size=(8, 1))}
    compiled = ge.compile(step)
    (loss, new), (expected, by) = compiled(params, x, y), by_hand(params, x, y)
    print(compiled.source)
    off = max(np.abs(new[k] - by[k]).max() for k in params)
    print(f"loss {loss:.6f}, parameters are off by {off:.1e}")
    assert off < 1e-12
    assert abs(loss / expected - 1) < 1e-12
    for name, call in {"eager": step, "compiled": compiled, "by hand": by_hand}.items():
        print(f"{name + ':':10}{microseconds(call, params, x, y):6.0f} µs a step")


if __name__ == "__main__":
    main()
