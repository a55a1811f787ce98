"""RNN, GRU and LSTM over whole sequences, with PyTorch's arguments, names of parameters and first values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import generator_of, get_default_dtype
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn import init
from grad_engine.nn.module import Drawn, Parameter
from grad_engine.nn.utils.rnn import PackedSequence
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.neural import dropout
from grad_engine.ops.recurrent import gru_layer, lstm_layer, rnn_layer
from grad_engine.ops.shape import swapaxes

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Recurrent(Drawn):
    """Layers of one kind on top of each other, each run over all steps before the next, in one direction or both."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1
    layer: ClassVar[Callable[..., Any]]

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, *, dtype: Any = None, seed: Any = None,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        for key, number in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
                raise ArgumentError(f"{name} takes a whole number from 1 up as {key}, got {number!r}")
        if not 0 <= dropout <= 1:
            raise ArgumentError(f"{name} takes a probability from 0 to 1 as dropout, got {dropout!r}")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        self.rng = generator_of(seed)
        kind, bound, rows = dtype or get_default_dtype(), 1 / math.sqrt(hidden_size), self.gates * hidden_size
        for number in range(num_layers):
            width = input_size if number == 0 else hidden_size * (1 + bidirectional)
            shapes = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size), "bias_ih": rows, "bias_hh": rows}
            for suffix in self._directions(number):
                for label in WEIGHTS if bias else WEIGHTS[:2]:
                    drawn = Parameter(np.empty(shapes[label], kind))
                    setattr(self, f"{label}_{suffix}", init.uniform_(drawn, -bound, bound, self.rng))

    def _directions(self, number: int) -> list[str]:
        """What the names of a layer's parameters end in, one for each direction."""
        return [f"l{number}", f"l{number}_reverse"] if self.bidirectional else [f"l{number}"]

    def _settings(self) -> tuple[Any, ...]:
        """What the op takes between the weights and the direction."""
        return ()

    def _begun(self, batch: int, dtype: Any, given: Any) -> list[Any]:
        """The states to begin with, (layers · directions, batch, hidden) each; zeros where none are given."""
        shape = (self.num_layers * (1 + self.bidirectional), batch, self.hidden_size)
        if given is None:
            return [wrap(np.zeros(shape, dtype), None)] * self.states
        states = [as_tensor(each) for each in (given if self.states > 1 else [given])]
        if len(states) != self.states or any(state.shape not in (shape, (shape[0], shape[2])) for state in states):
            raise ShapeError(
                f"{type(self).__name__} begins with {self.states} state(s) of shape {shape}, got "
                f"{', '.join(str(state.shape) for state in states)}"
            )
        return [state.reshape(shape) for state in states]

    def forward(self, x: Any, states: Any = None) -> Any:
        """(the states of the last layer at every step, the last states of all layers)."""
        if isinstance(x, PackedSequence):
            return self._packed(x, states)
        x = as_tensor(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            order = "(batch, steps, features)" if self.batch_first else "(steps, batch, features)"
            raise ShapeError(
                f"{type(self).__name__}({self.input_size}, {self.hidden_size}) takes x {order} or (steps, features) "
                f"with {self.input_size} features, got shape {x.shape}"
            )
        single = x.ndim == 2
        if single:
            x = x.reshape((x.shape[0], 1, x.shape[1]))
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        x, lasts = self._run(x, self._begun(x.shape[1], x.dtype, states))
        if single:
            x, lasts = x[:, 0], [last[:, 0] for last in lasts]
        elif self.batch_first:
            x = swapaxes(x, 0, 1)
        return x, (lasts[0] if self.states == 1 else tuple(lasts))

    def _run(self, x: Tensor, begun: list[Any], sizes: tuple[int, ...] | None = None) -> tuple[Tensor, list[Tensor]]:
        """What the last layer gives and the last states of all, for x (steps, batch, features), or packed by sizes."""
        first: Any = 0
        last: Any = -1
        if sizes is not None:  # the rows with the first step of each sequence, and with the last
            lengths = (np.array(sizes)[:, None] > np.arange(sizes[0])).sum(0)
            first, last = slice(sizes[0]), np.cumsum((0, *sizes))[lengths - 1] + np.arange(sizes[0])
        ends: list[list[Tensor]] = [[] for _ in begun]
        for number in range(self.num_layers):
            outs = []
            for way, suffix in enumerate(self._directions(number)):
                place = number * (1 + self.bidirectional) + way
                weights = [getattr(self, f"{label}_{suffix}") if label in self._labels() else None for label in WEIGHTS]
                given = [*(state[place] for state in begun), *weights, *self._settings(), bool(way)]
                made = type(self).layer(x, *given) if sizes is None else type(self).layer(x, *given, sizes)
                out, *others = made if isinstance(made, tuple) else (made,)
                outs.append(out)
                end = out[first] if way else out[last]
                for held, state in zip(ends, [end, *others], strict=True):
                    held.append(state)
            x = outs[0] if len(outs) == 1 else concat(outs, axis=-1)
            if self.dropout and self.training and number < self.num_layers - 1:
                x = dropout(x, self.dropout, True, self.rng.integers(2**32))
        return x, [stack(end) for end in ends]

    def _packed(self, packed: PackedSequence, given: Any) -> Any:
        """The same for a packed sequence, which comes back packed."""
        x = as_tensor(packed.data)
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}({self.input_size}, {self.hidden_size}) takes packed sequences of "
                f"{self.input_size} features, got data of shape {x.shape}"
            )
        sizes = tuple(map(int, array_of(packed.batch_sizes)))
        begun = self._begun(sizes[0], x.dtype, given)
        if packed.sorted_indices is not None and given is not None:
            begun = [state[:, array_of(packed.sorted_indices)] for state in begun]
        data, lasts = self._run(x, begun, sizes)
        if packed.unsorted_indices is not None:
            lasts = [last[:, array_of(packed.unsorted_indices)] for last in lasts]
        return packed._replace(data=data), (lasts[0] if self.states == 1 else tuple(lasts))

    def _labels(self) -> tuple[str, ...]:
        return WEIGHTS if self.bias else WEIGHTS[:2]

    def extra_repr(self) -> str:
        usual = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        changed = [f"{key}={value!r}" for key in usual if (value := getattr(self, key)) != usual[key]]
        return ", ".join([str(self.input_size), str(self.hidden_size), *changed])


class RNN(_Recurrent):
    """A recurrent layer (Elman 1990): h = tanh(weight_ih @ x + bias_ih + weight_hh @ h + bias_hh), step by step.

    x (steps, batch, input_size), with batch_first (batch, steps, input_size), or (steps, input_size) without a batch.
    Gives (h of the last layer at every step, h of all layers after the last step). nonlinearity: "tanh" or "relu".
    """

    gates = 1
    layer = staticmethod(rnn_layer)

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, *, dtype: Any = None,
        seed: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype, seed=seed
        )
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f"nonlinearity of an RNN is 'tanh' or 'relu', got {nonlinearity!r}")
        self.nonlinearity = nonlinearity

    def _settings(self) -> tuple[Any, ...]:
        return (self.nonlinearity,)


class GRU(_Recurrent):
    """A gated recurrent unit (Cho et al. 2014); shapes as for RNN."""

    gates = 3
    layer = staticmethod(gru_layer)


class LSTM(_Recurrent):
    """A long short-term memory (Hochreiter & Schmidhuber 1997); shapes as for RNN, states (h, c)."""

    gates, states = 4, 2
    layer = staticmethod(lstm_layer)


class _Cell(Drawn):
    """One step of a recurrent layer, with the layer's arguments and first values."""

    gates: ClassVar[int]
    states: ClassVar[int] = 1
    layer: ClassVar[Callable[..., Any]]

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = None, seed: Any = None
    ) -> None:
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rng, kind, rows = generator_of(seed), dtype or get_default_dtype(), self.gates * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size), "bias_ih": rows, "bias_hh": rows}
        bound = 1 / math.sqrt(hidden_size)
        for label in WEIGHTS if bias else WEIGHTS[:2]:
            setattr(self, label, init.uniform_(Parameter(np.empty(shapes[label], kind)), -bound, bound, rng))

    def forward(self, x: Any, states: Any = None) -> Any:
        """The state after this step for x (batch, input_size) or (input_size); for an LSTM (h, c)."""
        x = as_tensor(x)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}({self.input_size}, {self.hidden_size}) takes x (batch, {self.input_size}) or "
                f"({self.input_size},), got shape {x.shape}"
            )
        rows = x if x.ndim == 2 else x.reshape((1, -1))
        shape = (rows.shape[0], self.hidden_size)
        if states is None:
            begun = [wrap(np.zeros(shape, x.dtype), None)] * self.states
        else:
            begun = [as_tensor(each).reshape(shape) for each in (states if self.states > 1 else [states])]
        weights = [getattr(self, label) if self.bias or label in WEIGHTS[:2] else None for label in WEIGHTS]
        made = type(self).layer(rows.reshape((1, *rows.shape)), *begun, *weights, *self._settings())
        out, *others = made if isinstance(made, tuple) else (made,)
        found = [each if x.ndim == 2 else each[0] for each in (out[0], *others)]
        return found[0] if self.states == 1 else tuple(found)

    def _settings(self) -> tuple[Any, ...]:
        return ()

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


class RNNCell(_Cell):
    """One step of an RNN: h for x (batch, input_size) and the h before it."""

    gates = 1
    layer = staticmethod(rnn_layer)

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *, dtype: Any = None,
        seed: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, dtype=dtype, seed=seed)
        self.nonlinearity = nonlinearity

    def _settings(self) -> tuple[Any, ...]:
        return (self.nonlinearity,)


class GRUCell(_Cell):
    """One step of a GRU: h for x (batch, input_size) and the h before it."""

    gates = 3
    layer = staticmethod(gru_layer)


class LSTMCell(_Cell):
    """One step of an LSTM: (h, c) for x (batch, input_size) and the (h, c) before it."""

    gates, states = 4, 2
    layer = staticmethod(lstm_layer)
