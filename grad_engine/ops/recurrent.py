"""One layer of a recurrent network over a whole sequence, as one op: RNN, GRU and LSTM with PyTorch's gates and order.

x (steps, batch, features), h and c (batch, hidden), weight_ih (gates · hidden, features), weight_hh (gates · hidden,
hidden), both biases (gates · hidden). Forward keeps what the gates were, for the rule on arrays alone; second
derivatives go through the same steps written in ops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from grad_engine.core.broadcasting import dot_of, summed_to
from grad_engine.core.define import define
from grad_engine.core.grad import grad
from grad_engine.core.op import case
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.activation import relu, sigmoid
from grad_engine.ops.arithmetic import positive
from grad_engine.ops.elementwise import tanh
from grad_engine.ops.joining import stack
from grad_engine.ops.neural import linear

Parts = Sequence[Any]


def _checked(name: str, gates: int, x: Any, states: Parts, weight_ih: Any, weight_hh: Any, biases: Parts) -> int:
    """The number of hidden units, once every shape fits."""
    if x.ndim != 3 or weight_ih.ndim != 2 or weight_hh.ndim != 2:
        raise ShapeError(
            f"{name}() takes x (steps, batch, features) and two weights, got shapes {x.shape}, {weight_ih.shape} and "
            f"{weight_hh.shape}"
        )
    rows, hidden = weight_hh.shape
    wanted: list[tuple[Any, tuple[int, ...]]] = [
        (weight_ih, (gates * hidden, x.shape[2])),
        (weight_hh, (gates * hidden, hidden)),
    ]
    wanted += [(state, (x.shape[1], hidden)) for state in states]
    wanted += [(bias, (rows,)) for bias in biases if bias is not None]
    for value, shape in wanted:
        if value.shape != shape:
            raise ShapeError(f"{name}() of x {x.shape} with {hidden} hidden units needs {shape}, got {value.shape}")
    return hidden


def _order(steps: int, reverse: bool) -> range:
    return range(steps - 1, -1, -1) if reverse else range(steps)


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)) as (1 + tanh(x/2)) / 2, which takes half the time; good to an absolute 1e-16."""
    out = np.tanh(0.5 * x)
    out *= 0.5
    out += 0.5
    return out


def _inputs(x: Any, weight: Any, bias: Any) -> Any:
    """x of all steps times the weight, plus the bias: one product."""
    out = x.reshape(-1, x.shape[2]) @ weight.T
    if bias is not None:
        out += bias
    return out.reshape(*x.shape[:2], -1)


def _weight_shares(
    slopes: Any, hidden_slopes: Any, x: Any, before: Any, weight_ih: Any, biases: Parts, wanted: Parts
) -> list[Any]:
    """The shares of x, both weights and both biases, from the slopes before the gates at every step."""
    rows, others = slopes.reshape(-1, slopes.shape[2]), hidden_slopes.reshape(-1, slopes.shape[2])
    sums = summed_to(rows, rows.shape[1:])
    if wanted[4] and hidden_slopes is not slopes:
        other_sums = summed_to(others, others.shape[1:])
    else:
        other_sums = sums
    return [
        dot_of(rows, weight_ih).reshape(x.shape) if wanted[0] else None,
        dot_of(rows.T, x.reshape(-1, x.shape[2])) if wanted[1] else None,
        dot_of(others.T, before.reshape(-1, before.shape[2])) if wanted[2] else None,
        sums if wanted[3] and biases[0] is not None else None,
        other_sums if wanted[4] and biases[1] is not None else None,
    ]


def _before(out: Any, h: Any, reverse: bool) -> Any:
    """The hidden state that each step began with."""
    return np.concatenate([out[1:], h[None]]) if reverse else np.concatenate([h[None], out[:-1]])


def _through_ops(steps: Callable[..., Any], g: Any, operands: Parts, wanted: Parts) -> list[Any]:
    """The shares of the same layer written in ops, so that they can be differentiated again."""
    copies = [
        positive(value) if isinstance(value, Tensor) and want else value
        for value, want in zip(operands, wanted, strict=True)
    ]
    outs = steps(*copies)
    outs = outs if isinstance(outs, tuple) else (outs,)
    gs = g if isinstance(g, tuple) else (g,)
    reached = [(out, part) for out, part in zip(outs, gs, strict=True) if part is not None]
    places = [k for k, want in enumerate(wanted) if want and isinstance(copies[k], Tensor)]
    found = grad(
        [out for out, _ in reached], [copies[k] for k in places], [part for _, part in reached], create_graph=True,
        allow_unused=True,
    )  # fmt: skip
    shares: list[Any] = [None] * len(operands)
    for k, share in zip(places, found, strict=True):
        shares[k] = share
    return shares


def _any_tensor(g: Any, operands: Parts) -> bool:
    return any(isinstance(each, Tensor) for each in (*(g if isinstance(g, tuple) else (g,)), *operands))


def _joined(outs: list[Any], reverse: bool) -> Tensor:
    return stack(outs[::-1] if reverse else outs)


# --- Elman's --------------------------------------------------------------------------------------------------------


def _rnn(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    nonlinearity: str = "tanh", reverse: bool = False,
) -> Any:  # fmt: skip
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError(f"nonlinearity of an RNN is 'tanh' or 'relu', got {nonlinearity!r}")
    _checked("rnn_layer", 1, x, [h], weight_ih, weight_hh, [bias_ih, bias_hh])
    summed = _inputs(x, weight_ih, bias_ih)
    if bias_hh is not None:
        summed = summed + bias_hh
    out = np.empty_like(summed)
    for t in _order(len(x), reverse):
        z = summed[t] + h @ weight_hh.T
        h = out[t] = np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)
    return out


def _rnn_shares(
    g: Any, out: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, nonlinearity: str,
    reverse: bool, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands = (x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            bend, outs = tanh if nonlinearity == "tanh" else relu, []
            for t in _order(x.shape[0], reverse):
                h = bend(linear(x[t], w_ih, b_ih) + linear(h, w_hh, b_hh))
                outs.append(h)
            return _joined(outs, reverse)

        return _through_ops(steps, g, operands, wanted)
    slopes, back = np.empty_like(out), np.zeros_like(h)
    for t in _order(len(x), not reverse):
        back = back + g[t]
        slopes[t] = back * (1 - out[t] * out[t]) if nonlinearity == "tanh" else np.where(out[t] > 0, back, 0.0)
        back = slopes[t] @ weight_hh
    wanted_rest = [wanted[0], *wanted[2:]]
    first, *rest = _weight_shares(
        slopes, slopes, x, _before(out, h, reverse), weight_ih, [bias_ih, bias_hh], wanted_rest
    )
    return [first, back if wanted[1] else None, *rest]


_WEIGHTS = {
    "weight_ih": "the slopes of all steps, transposed, @ {x}",
    "weight_hh": "the slopes of all steps, transposed, @ the state that each began with",
    "bias_ih": "the slopes of all steps, summed", "bias_hh": "the slopes of all steps, summed",
}  # fmt: skip
_FORMULA = {
    "x": "{g} and what later steps send back, through the gates, @ {weight_ih}",
    "h": "what the first step sends back, through the gates, @ {weight_hh}", **_WEIGHTS,
}  # fmt: skip
_READS = ("x", "h", "weight_ih", "weight_hh", "out")

rnn_layer = define(
    _rnn, name="rnn_layer", symbol="rnn", category="neural", public=False,
    inputs=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (2, 2), (2, 2), (2,), (2,)),
        case((2, 2, 3), (2, 2), (2, 3), (2, 2), None, None, reverse=True),
    ],
    summary="tanh (or relu) of weight_ih @ x + weight_hh @ the state before, step by step: the state of every step.",
    vjp=_rnn_shares, formula=_FORMULA, reads=_READS,
)  # fmt: skip

# --- gated: Cho et al. 2014 -----------------------------------------------------------------------------------------


def _gru(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, reverse: bool = False
) -> tuple[Any, Any]:
    n = _checked("gru_layer", 3, x, [h], weight_ih, weight_hh, [bias_ih, bias_hh])
    summed = _inputs(x, weight_ih, bias_ih)
    out = np.empty((*x.shape[:2], n), summed.dtype)
    kept = np.empty((*x.shape[:2], 4 * n), summed.dtype)  # reset, update, new, and what reset was multiplied with
    for t in _order(len(x), reverse):
        own = h @ weight_hh.T
        if bias_hh is not None:
            own = own + bias_hh
        gates = _sigmoid(summed[t, :, : 2 * n] + own[:, : 2 * n])
        fresh = np.tanh(summed[t, :, 2 * n :] + gates[:, :n] * own[:, 2 * n :])
        kept[t] = np.concatenate([gates, fresh, own[:, 2 * n :]], axis=1)
        h = out[t] = fresh + gates[:, n:] * (h - fresh)
    return out, kept


def _gru_shares(
    g: Any, out: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, reverse: bool,
    gates: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands, n = (x, h, weight_ih, weight_hh, bias_ih, bias_hh), h.shape[1]
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            outs = []
            for t in _order(x.shape[0], reverse):
                given, own = linear(x[t], w_ih, b_ih), linear(h, w_hh, b_hh)
                both = sigmoid(given[:, : 2 * n] + own[:, : 2 * n])
                fresh = tanh(given[:, 2 * n :] + both[:, :n] * own[:, 2 * n :])
                h = fresh + both[:, n:] * (h - fresh)
                outs.append(h)
            return _joined(outs, reverse)

        return _through_ops(steps, g, operands, wanted)
    before = _before(out, h, reverse)
    slopes, hidden_slopes = np.empty((*x.shape[:2], 3 * n), out.dtype), np.empty((*x.shape[:2], 3 * n), out.dtype)
    back = np.zeros_like(h)
    for t in _order(len(x), not reverse):
        back = back + g[t]
        reset, update, fresh, own = np.split(gates[t], 4, axis=1)
        new = back * (1 - update) * (1 - fresh * fresh)
        slopes[t, :, :n] = new * own * reset * (1 - reset)
        slopes[t, :, n : 2 * n] = back * (before[t] - fresh) * update * (1 - update)
        slopes[t, :, 2 * n :] = new
        hidden_slopes[t] = slopes[t]
        hidden_slopes[t, :, 2 * n :] = new * reset
        back = back * update + hidden_slopes[t] @ weight_hh
    wanted_rest = [wanted[0], *wanted[2:]]
    first, *rest = _weight_shares(slopes, hidden_slopes, x, before, weight_ih, [bias_ih, bias_hh], wanted_rest)
    return [first, back if wanted[1] else None, *rest]


gru_layer = define(
    _gru, name="gru_layer", symbol="gru", category="neural", public=False, saves=("gates",),
    inputs=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (6, 2), (6, 2), (6,), (6,)),
        case((2, 2, 3), (2, 2), (6, 3), (6, 2), None, None, reverse=True),
    ],
    summary="A gated recurrent unit, step by step (Cho et al. 2014, with PyTorch's gates): the state of every step.",
    vjp=_gru_shares, formula=_FORMULA, reads=_READS,
)  # fmt: skip

# --- with a memory: Hochreiter & Schmidhuber 1997 -------------------------------------------------------------------


def _lstm(
    x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    reverse: bool = False,
) -> tuple[tuple[Any, Any], Any, Any]:  # fmt: skip
    n = _checked("lstm_layer", 4, x, [h, c], weight_ih, weight_hh, [bias_ih, bias_hh])
    bias = bias_ih if bias_hh is None else bias_hh if bias_ih is None else bias_ih + bias_hh
    summed = _inputs(x, weight_ih, bias)
    out = np.empty((*x.shape[:2], n), summed.dtype)
    gates, memories = np.empty_like(summed), np.empty_like(out)
    across = np.ascontiguousarray(weight_hh.T)
    # All four gates at once: sigmoid(z) is tanh(z / 2) / 2 + 1 / 2, and the third is tanh(z) itself.
    factor, shift = np.full(4 * n, 0.5, summed.dtype), np.full(4 * n, 0.5, summed.dtype)
    factor[2 * n : 3 * n], shift[2 * n : 3 * n] = 1, 0
    for t in _order(len(x), reverse):
        memories[t] = c
        z = np.matmul(h, across, out=gates[t])
        z += summed[t]
        z *= factor
        np.tanh(z, out=z)
        z *= factor
        z += shift
        enter, keep, fresh, leave = (z[:, k * n : (k + 1) * n] for k in range(4))
        c = keep * c
        c += enter * fresh
        h = np.tanh(c, out=out[t])
        h *= leave
    return (out, np.array(c)), gates, memories


def _lstm_shares(
    g: Any, out: Any, x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any,
    reverse: bool, gates: Any, memories: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands, n = (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh), h.shape[1]
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, c: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            outs = []
            for t in _order(x.shape[0], reverse):
                z = linear(x[t], w_ih, b_ih) + linear(h, w_hh, b_hh)
                enter, keep, fresh, leave = (z[:, k * n : (k + 1) * n] for k in range(4))
                c = sigmoid(keep) * c + sigmoid(enter) * tanh(fresh)
                h = sigmoid(leave) * tanh(c)
                outs.append(h)
            return _joined(outs, reverse), c

        return _through_ops(steps, g, operands, wanted)
    states, last = out
    after = _before(memories, last, not reverse)  # the memory that each step ended with
    bent = np.tanh(after)
    enter, keep, fresh, leave = (gates[:, :, k * n : (k + 1) * n] for k in range(4))
    into_memory = 1 - bent * bent
    into_memory *= leave
    # What each slope is a multiple of: of the memory's gradient for the first three, of the state's for the last.
    slopes = 1 - gates
    slopes *= gates
    slopes[:, :, 2 * n : 3 * n] = 1 - fresh * fresh
    by_gate = slopes.reshape(*x.shape[:2], 4, n)
    for k, partner in enumerate((fresh, memories, enter, bent)):
        by_gate[:, :, k] *= partner
    back = np.zeros_like(h)
    memory = np.zeros_like(c) if g[1] is None else np.array(g[1])
    for t in _order(len(x), not reverse):
        if g[0] is not None:
            back += g[0][t]
        memory += back * into_memory[t]
        by_gate[t, :, :3] *= memory[:, None]
        by_gate[t, :, 3] *= back
        back = dot_of(slopes[t], weight_hh)
        memory *= keep[t]
    wanted_rest = [wanted[0], *wanted[3:]]
    first, *rest = _weight_shares(
        slopes, slopes, x, _before(states, h, reverse), weight_ih, [bias_ih, bias_hh], wanted_rest
    )
    return [first, back if wanted[1] else None, memory if wanted[2] else None, *rest]


lstm_layer = define(
    _lstm, name="lstm_layer", symbol="lstm", category="neural", public=False, multi_output=True,
    saves=("gates", "memories"),
    inputs=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (2, 2), (8, 2), (8, 2), (8,), (8,)),
        case((2, 2, 3), (2, 2), (2, 2), (8, 3), (8, 2), None, None, reverse=True),
    ],
    summary="A long short-term memory, step by step (Hochreiter & Schmidhuber 1997): (the state of every step, the "
    "last memory).",
    vjp=_lstm_shares, formula={**_FORMULA, "c": "what the first step sends back to the memory"},
    reads=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
)  # fmt: skip
