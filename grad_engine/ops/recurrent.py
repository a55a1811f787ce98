"""One layer of a recurrent network over a whole sequence, as one op: RNN, GRU and LSTM with PyTorch's gates and order.

x (steps, batch, features), h and c (batch, hidden), weight_ih (gates · hidden, features), weight_hh (gates · hidden,
hidden), both biases (gates · hidden). With `sizes` sequences have different lengths and x is packed: (all steps,
features), of step t the first sizes[t] of the sequences, which are ordered from the longest to the shortest.

Forward keeps what the gates were, for the rule on arrays alone; second derivatives go through the same steps written in
ops. On arrays all steps stand below each other in one matrix, packed or not, so that what needs no order, x times its
weight and the shares of the weights, is one product for all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
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
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.neural import linear

Parts = Sequence[Any]


def _checked(
    name: str, gates: int, x: Any, states: Parts, weight_ih: Any, weight_hh: Any, biases: Parts, sizes: Any
) -> int:
    """The number of hidden units, once every shape fits."""
    if x.ndim != (3 if sizes is None else 2) or weight_ih.ndim != 2 or weight_hh.ndim != 2:
        raise ShapeError(
            f"{name}() takes x (steps, batch, features), or packed (all steps, features), and two weights, got shapes "
            f"{x.shape}, {weight_ih.shape} and {weight_hh.shape}"
        )
    if sizes is not None and (sum(sizes) != len(x) or [*sizes] != sorted(sizes, reverse=True) or 0 in sizes):
        raise ShapeError(f"{name}() takes sizes that descend and add up to the {len(x)} rows of x, got {sizes}")
    rows, hidden = weight_hh.shape
    batch = x.shape[1] if sizes is None else max(sizes, default=0)
    wanted: list[tuple[Any, tuple[int, ...]]] = [
        (weight_ih, (gates * hidden, x.shape[-1])),
        (weight_hh, (gates * hidden, hidden)),
    ]
    wanted += [(state, (batch, hidden)) for state in states]
    wanted += [(bias, (rows,)) for bias in biases if bias is not None]
    for value, shape in wanted:
        if value.shape != shape:
            raise ShapeError(f"{name}() of x {x.shape} with {hidden} hidden units needs {shape}, got {value.shape}")
    return hidden


def _steps(x: Any, sizes: tuple[int, ...] | None, reverse: bool) -> list[tuple[slice, int]]:
    """For each step, in the order of the sequence or the reverse: its rows among those of all steps, and how many."""
    return _rows_of_steps(sizes if sizes is not None else (x.shape[1],) * x.shape[0], reverse)


@lru_cache(256)
def _rows_of_steps(sizes: tuple[int, ...], reverse: bool) -> list[tuple[slice, int]]:
    steps = [(slice(end - size, end), size) for end, size in zip(accumulate(sizes), sizes, strict=True)]
    return steps[::-1] if reverse else steps


def _rows(x: Any) -> Any:
    """The steps of x below each other."""
    return x.reshape(-1, x.shape[-1])


def _began(state: Any, sizes: Any) -> Any:
    """A state to go through the steps with: where they have different sizes, memory of its own for all sequences."""
    return state if sizes is None else np.array(state)


def _carried(state: Any, new: Any, sizes: Any) -> Any:
    """The state after a step that gave the first sequences a new one."""
    if sizes is None:
        return new
    state[: len(new)] = new
    return state


def _joined_states(state: Any, new: Any) -> Any:
    """_carried() of Tensors."""
    return new if len(new) == len(state) else concat([new, state[len(new) :]])


def _sigmoid(x: Any) -> Any:
    """1 / (1 + exp(−x)) as (1 + tanh(x/2)) / 2, which takes half the time; good to an absolute 1e-16."""
    out = np.tanh(0.5 * x)
    out *= 0.5
    out += 0.5
    return out


def _inputs(x: Any, weight: Any, bias: Any) -> Any:
    """x of all steps times the weight, plus the bias: one product."""
    out = _rows(x) @ weight.T
    if bias is not None:
        out += bias
    return out


def _weight_shares(
    slopes: Any, hidden_slopes: Any, x: Any, before: Any, weight_ih: Any, biases: Parts, wanted: Parts
) -> list[Any]:
    """The shares of x, both weights and both biases, from the slopes before the gates at every step.

    before: the state that each step began with.
    """
    sums = summed_to(slopes, slopes.shape[1:])
    if wanted[4] and hidden_slopes is not slopes:
        other_sums = summed_to(hidden_slopes, slopes.shape[1:])
    else:
        other_sums = sums
    return [
        dot_of(slopes, weight_ih).reshape(x.shape) if wanted[0] else None,
        dot_of(slopes.T, _rows(x)) if wanted[1] else None,
        dot_of(hidden_slopes.T, before) if wanted[2] else None,
        sums if wanted[3] and biases[0] is not None else None,
        other_sums if wanted[4] and biases[1] is not None else None,
    ]


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


def _joined(outs: list[Any], sizes: Any, reverse: bool) -> Tensor:
    """The results of all steps, one after the other in the order of the sequence."""
    outs = outs[::-1] if reverse else outs
    return stack(outs) if sizes is None else concat(outs)


def _parts(x: Any, sizes: Any, reverse: bool) -> Iterator[tuple[Any, int]]:
    """Each step of a Tensor x, in the order of the sequence or the reverse, and how many sequences it has."""
    rows = x if sizes is not None else x.reshape((-1, x.shape[-1]))
    for span, count in _steps(x, sizes, reverse):
        yield rows[span], count


# --- Elman's --------------------------------------------------------------------------------------------------------


def _rnn(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    nonlinearity: str = "tanh", reverse: bool = False, sizes: Any = None,
) -> Any:  # fmt: skip
    if nonlinearity not in ("tanh", "relu"):
        raise ArgumentError(f"nonlinearity of an RNN is 'tanh' or 'relu', got {nonlinearity!r}")
    _checked("rnn_layer", 1, x, [h], weight_ih, weight_hh, [bias_ih, bias_hh], sizes)
    out = _inputs(x, weight_ih, bias_ih)
    if bias_hh is not None:
        out = out + bias_hh
    before = np.empty_like(out)
    h = _began(h, sizes)
    for span, count in _steps(x, sizes, reverse):
        before[span] = h[:count]
        z = out[span]
        z += h[:count] @ weight_hh.T
        h = _carried(h, np.tanh(z, out=z) if nonlinearity == "tanh" else np.maximum(z, 0, out=z), sizes)
    return out.reshape(*x.shape[:-1], -1), before


def _rnn_shares(
    g: Any, out: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, nonlinearity: str,
    reverse: bool, sizes: Any, before: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands = (x, h, weight_ih, weight_hh, bias_ih, bias_hh)
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            bend, outs = tanh if nonlinearity == "tanh" else relu, []
            for part, count in _parts(x, sizes, reverse):
                outs.append(bend(linear(part, w_ih, b_ih) + linear(h[:count], w_hh, b_hh)))
                h = _joined_states(h, outs[-1])
            return _joined(outs, sizes, reverse)

        return _through_ops(steps, g, operands, wanted)
    g, out = _rows(g), _rows(out)
    slopes, back = np.empty_like(out), np.zeros_like(h)
    for span, count in _steps(x, sizes, not reverse):
        here = back[:count] + g[span]
        slopes[span] = (
            here * (1 - out[span] * out[span]) if nonlinearity == "tanh" else np.where(out[span] > 0, here, 0)
        )
        back[:count] = slopes[span] @ weight_hh
    wanted_rest = [wanted[0], *wanted[2:]]
    first, *rest = _weight_shares(slopes, slopes, x, before, weight_ih, [bias_ih, bias_hh], wanted_rest)
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
    _rnn, name="rnn_layer", symbol="rnn", category="neural", public=False, saves=("before",),
    inputs=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (2, 2), (2, 2), (2,), (2,)),
        case((2, 2, 3), (2, 2), (2, 3), (2, 2), None, None, reverse=True),
        case((4, 2), (2, 2), (2, 2), (2, 2), (2,), (2,), sizes=(2, 1, 1)),
        case((4, 2), (2, 2), (2, 2), (2, 2), (2,), (2,), reverse=True, sizes=(2, 1, 1)),
    ],
    summary="tanh (or relu) of weight_ih @ x + weight_hh @ the state before, step by step: the state of every step.",
    vjp=_rnn_shares, formula=_FORMULA, reads=_READS,
)  # fmt: skip

# --- gated: Cho et al. 2014 -----------------------------------------------------------------------------------------


def _gru(
    x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None, reverse: bool = False,
    sizes: Any = None,
) -> tuple[Any, Any, Any]:  # fmt: skip
    n = _checked("gru_layer", 3, x, [h], weight_ih, weight_hh, [bias_ih, bias_hh], sizes)
    summed = _inputs(x, weight_ih, bias_ih)
    out, before = np.empty((len(summed), n), summed.dtype), np.empty((len(summed), n), summed.dtype)
    kept = np.empty((len(summed), 4 * n), summed.dtype)  # reset, update, new, and what reset was multiplied with
    h = _began(h, sizes)
    for span, count in _steps(x, sizes, reverse):
        own = h[:count] @ weight_hh.T
        if bias_hh is not None:
            own += bias_hh
        before[span] = h[:count]
        gates = _sigmoid(summed[span, : 2 * n] + own[:, : 2 * n])
        fresh = np.tanh(summed[span, 2 * n :] + gates[:, :n] * own[:, 2 * n :])
        kept[span] = np.concatenate([gates, fresh, own[:, 2 * n :]], axis=1)
        out[span] = fresh + gates[:, n:] * (h[:count] - fresh)
        h = _carried(h, out[span], sizes)
    return out.reshape(*x.shape[:-1], n), kept, before


def _gru_shares(
    g: Any, out: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, reverse: bool,
    sizes: Any, gates: Any, before: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands, n = (x, h, weight_ih, weight_hh, bias_ih, bias_hh), h.shape[1]
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            outs = []
            for part, count in _parts(x, sizes, reverse):
                given, own = linear(part, w_ih, b_ih), linear(h[:count], w_hh, b_hh)
                both = sigmoid(given[:, : 2 * n] + own[:, : 2 * n])
                fresh = tanh(given[:, 2 * n :] + both[:, :n] * own[:, 2 * n :])
                outs.append(fresh + both[:, n:] * (h[:count] - fresh))
                h = _joined_states(h, outs[-1])
            return _joined(outs, sizes, reverse)

        return _through_ops(steps, g, operands, wanted)
    g = _rows(g)
    slopes, hidden_slopes = np.empty((len(g), 3 * n), out.dtype), np.empty((len(g), 3 * n), out.dtype)
    back = np.zeros_like(h)
    for span, count in _steps(x, sizes, not reverse):
        here = back[:count] + g[span]
        reset, update, fresh, own = np.split(gates[span], 4, axis=1)
        slope, hidden_slope = slopes[span], hidden_slopes[span]
        new = here * (1 - update) * (1 - fresh * fresh)
        slope[:, :n] = new * own * reset * (1 - reset)
        slope[:, n : 2 * n] = here * (before[span] - fresh) * update * (1 - update)
        slope[:, 2 * n :] = new
        hidden_slope[...] = slope
        hidden_slope[:, 2 * n :] = new * reset
        back[:count] = here * update + hidden_slope @ weight_hh
    wanted_rest = [wanted[0], *wanted[2:]]
    first, *rest = _weight_shares(slopes, hidden_slopes, x, before, weight_ih, [bias_ih, bias_hh], wanted_rest)
    return [first, back if wanted[1] else None, *rest]


gru_layer = define(
    _gru, name="gru_layer", symbol="gru", category="neural", public=False, saves=("gates", "before"),
    inputs=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (6, 2), (6, 2), (6,), (6,)),
        case((2, 2, 3), (2, 2), (6, 3), (6, 2), None, None, reverse=True),
        case((4, 2), (2, 2), (6, 2), (6, 2), (6,), (6,), sizes=(2, 1, 1)),
        case((4, 2), (2, 2), (6, 2), (6, 2), (6,), (6,), reverse=True, sizes=(2, 1, 1)),
    ],
    summary="A gated recurrent unit, step by step (Cho et al. 2014, with PyTorch's gates): the state of every step.",
    vjp=_gru_shares, formula=_FORMULA, reads=_READS,
)  # fmt: skip

# --- with a memory: Hochreiter & Schmidhuber 1997 -------------------------------------------------------------------


@lru_cache(64)
def _bends(batch: int, n: int, dtype: Any) -> tuple[Any, Any, Any]:
    """A row of halves, and of 1 where the gate is no sigmoid; and two matrices, that row for each sequence, and 1 - it.

    Whole matrices, because NumPy takes half as long for them as for a row that is added to each row of another matrix.
    """
    factor = np.full((batch, 4 * n), 0.5, dtype)
    factor[:, 2 * n : 3 * n] = 1
    return np.array(factor[0]), factor, 1 - factor


def _lstm(
    x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    reverse: bool = False, sizes: Any = None,
) -> tuple[tuple[Any, Any], Any, Any, Any, Any]:  # fmt: skip
    """All gates of a step are one product and one tanh: sigmoid(z) is tanh(z / 2) / 2 + 1 / 2, the third tanh(z)."""
    n = _checked("lstm_layer", 4, x, [h, c], weight_ih, weight_hh, [bias_ih, bias_hh], sizes)
    bias = bias_ih if bias_hh is None else bias_hh if bias_ih is None else bias_ih + bias_hh
    half, factor, shift = _bends(len(h), n, x.dtype)
    gates = _inputs(x, weight_ih * half[:, None], None if bias is None else bias * half)
    across = np.multiply(weight_hh.T, half, out=np.empty((n, 4 * n), gates.dtype))
    out, bent, before, memories = (np.empty((len(gates), n), gates.dtype) for _ in range(4))
    h, c = _began(h, sizes), _began(c, sizes)
    for span, count in _steps(x, sizes, reverse):
        memories[span], before[span] = c[:count], h[:count]
        z = gates[span]
        z += dot_of(h[:count], across)
        np.tanh(z, out=z)
        z *= factor[:count]
        z += shift[:count]
        memory = z[:, n : 2 * n] * c[:count]
        memory += z[:, :n] * z[:, 2 * n : 3 * n]
        new = np.multiply(np.tanh(memory, out=bent[span]), z[:, 3 * n :], out=out[span])
        h, c = _carried(h, new, sizes), _carried(c, memory, sizes)
    return (out.reshape(*x.shape[:-1], n), np.array(c)), gates, bent, before, memories


def _lstm_shares(
    g: Any, out: Any, x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any,
    reverse: bool, sizes: Any, gates: Any, bent: Any, before: Any, memories: Any, wanted: Any,
) -> list[Any]:  # fmt: skip
    operands, n = (x, h, c, weight_ih, weight_hh, bias_ih, bias_hh), h.shape[1]
    if _any_tensor(g, operands):

        def steps(x: Any, h: Any, c: Any, *weights: Any) -> Any:
            w_ih, w_hh, b_ih, b_hh = weights
            outs = []
            for part, count in _parts(x, sizes, reverse):
                z = linear(part, w_ih, b_ih) + linear(h[:count], w_hh, b_hh)
                enter, keep, fresh, leave = (z[:, k * n : (k + 1) * n] for k in range(4))
                memory = sigmoid(keep) * c[:count] + sigmoid(enter) * tanh(fresh)
                outs.append(sigmoid(leave) * tanh(memory))
                h, c = _joined_states(h, outs[-1]), _joined_states(c, memory)
            return _joined(outs, sizes, reverse), c

        return _through_ops(steps, g, operands, wanted)
    enter, keep, fresh, leave = (gates[:, k * n : (k + 1) * n] for k in range(4))
    into_memory = bent * bent
    np.subtract(1, into_memory, out=into_memory)
    into_memory *= leave
    # What each slope is a multiple of: of the memory's gradient for the first three, of the state's for the last.
    slopes = 1 - gates
    slopes *= gates
    by_gate = slopes.reshape(-1, 4, n)
    np.subtract(1, fresh * fresh, out=by_gate[:, 2])
    for k, partner in enumerate((fresh, memories, enter, bent)):
        by_gate[:, k] *= partner
    back = np.zeros_like(h)
    memory = np.zeros_like(c) if g[1] is None else np.array(g[1])
    arriving = None if g[0] is None else _rows(g[0])
    for span, count in _steps(x, sizes, not reverse):
        here, kept = back[:count], memory[:count]
        if arriving is not None:
            here += arriving[span]
        kept += here * into_memory[span]
        slope = slopes[span]
        slope *= np.concatenate((kept, kept, kept, here), axis=1)
        kept *= keep[span]
        back = _carried(back, dot_of(slope, weight_hh), sizes)
    wanted_rest = [wanted[0], *wanted[3:]]
    first, *rest = _weight_shares(slopes, slopes, x, before, weight_ih, [bias_ih, bias_hh], wanted_rest)
    return [first, back if wanted[1] else None, memory if wanted[2] else None, *rest]


lstm_layer = define(
    _lstm, name="lstm_layer", symbol="lstm", category="neural", public=False, multi_output=True,
    saves=("gates", "bent", "before", "memories"),
    inputs=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    floats=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
    cases=[
        case((3, 2, 2), (2, 2), (2, 2), (8, 2), (8, 2), (8,), (8,)),
        case((2, 2, 3), (2, 2), (2, 2), (8, 3), (8, 2), None, None, reverse=True),
        case((4, 2), (2, 2), (2, 2), (8, 2), (8, 2), (8,), (8,), sizes=(2, 1, 1)),
        case((4, 2), (2, 2), (2, 2), (8, 2), (8, 2), (8,), None, reverse=True, sizes=(2, 1, 1)),
    ],
    summary="A long short-term memory, step by step (Hochreiter & Schmidhuber 1997): (the state of every step, the "
    "last memory).",
    vjp=_lstm_shares, formula={**_FORMULA, "c": "what the first step sends back to the memory"},
    reads=("x", "h", "c", "weight_ih", "weight_hh", "bias_ih", "bias_hh"),
)  # fmt: skip
