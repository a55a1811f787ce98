"""Sequences of different lengths in one tensor: PyTorch's `torch.nn.utils.rnn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from grad_engine.core.call import as_tensor
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.torch_words import missing
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.joining import concat, stack
from grad_engine.ops.shape import pad, swapaxes


def pad_sequence(
    sequences: Sequence[Any], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (length, ...) as one tensor (longest, batch, ...), filled up with padding_value."""
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"padding_side of pad_sequence() is 'left' or 'right', got {padding_side!r}")
    rows = [as_tensor(each) for each in sequences]
    longest = max((row.shape[0] for row in rows), default=0)
    filled = []
    for row in rows:
        missing = longest - row.shape[0]
        widths = ((missing, 0) if padding_side == "left" else (0, missing), *(((0, 0),) * (row.ndim - 1)))
        filled.append(pad(row, widths, constant_values=padding_value) if missing else row)
    return stack(filled, axis=0 if batch_first else 1)


class PackedSequence(NamedTuple):
    """Sequences of different lengths, step by step, without padding: what RNN, GRU and LSTM take and give.

    data: (all steps, ...), those of step 0 of every sequence first, the longest sequence first. batch_sizes: how many
    sequences each step has. sorted_indices, unsorted_indices: the order by length and back, or None where they came so.
    """

    data: Any
    batch_sizes: Any
    sorted_indices: Any = None
    unsorted_indices: Any = None


def _places(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(step, sequence) of each row of a packed sequence, and the batch sizes, for lengths in descending order."""
    sizes = (lengths[None] > np.arange(lengths.max(initial=0))[:, None]).sum(1)
    steps = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.concatenate([np.arange(size) for size in sizes]) if len(sizes) else np.zeros(0, int)
    return steps, rows, sizes


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:  # fmt: skip
    """Padded sequences (longest, batch, ...), of which each has its length, as a PackedSequence.

    enforce_sorted: the lengths descend already; with False they may come in any order.
    """
    x = as_tensor(input)
    if batch_first:
        x = swapaxes(x, 0, 1)
    sizes = np.asarray(array_of(lengths))
    longest = x.shape[0]
    if sizes.shape != (x.shape[1],) or sizes.dtype.kind not in "iu" or (sizes < 1).any() or (sizes > longest).any():
        raise ShapeError(
            f"pack_padded_sequence() takes a length from 1 to {longest} for each of the {x.shape[1]} sequences, got "
            f"{sizes.tolist()}"
        )
    order = back = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        back = np.argsort(order, kind="stable")
        sizes, x = sizes[order], x[:, order]
    elif (np.diff(sizes) > 0).any():
        raise ArgumentError(
            f"pack_padded_sequence() takes lengths that descend, got {sizes.tolist()}; pass enforce_sorted=False"
        )
    steps, rows, counts = _places(sizes)
    wrapped = [None if each is None else wrap(each, None) for each in (order, back)]
    return PackedSequence(x[steps, rows], wrap(counts, None), *wrapped)


def lengths_of(packed: PackedSequence) -> np.ndarray:
    """The length of each sequence, in descending order."""
    sizes = np.asarray(array_of(packed.batch_sizes))
    return (sizes[:, None] > np.arange(sizes.max(initial=0))).sum(0)


def padded(packed: PackedSequence, padding_value: float = 0.0, total: int | None = None) -> Tensor:
    """(longest, batch, ...) in the order of the packed sequence."""
    data, lengths = as_tensor(packed.data), lengths_of(packed)
    steps, rows, sizes = _places(lengths)
    longest = len(sizes) if total is None else total
    # Row n is the padding, which places beyond the end of a sequence read.
    filler = wrap(np.full((1, *data.shape[1:]), padding_value, data.dtype), None)
    places = np.full((longest, len(lengths)), len(data))
    places[steps, rows] = np.arange(len(data))
    return concat([data, filler])[places]


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """(the sequences (longest, batch, ...), filled up with padding_value; the length of each)."""
    lengths = lengths_of(sequence)
    if total_length is not None and total_length < lengths.max(initial=0):
        raise ShapeError(f"total_length={total_length} is shorter than the longest sequence, {lengths.max()}")
    out = padded(sequence, padding_value, total_length)
    if sequence.unsorted_indices is not None:
        back = array_of(sequence.unsorted_indices)
        out, lengths = out[:, back], lengths[back]
    return (swapaxes(out, 0, 1) if batch_first else out), wrap(lengths, None)


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, ...) as a PackedSequence."""
    lengths = np.array([len(each) for each in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences (length, ...) of a padded tensor, one by one."""
    x = as_tensor(padded_sequences)
    rows = x if batch_first else swapaxes(x, 0, 1)
    return [rows[k, : int(length)] for k, length in enumerate(np.asarray(array_of(lengths)))]


__path__: list[str] = []  # no files: `from` asks for a submodule then, and the error has the words of __getattr__


def __getattr__(name: str) -> Any:
    """An error that says what to write."""
    raise AttributeError(missing("grad_engine.nn.utils.rnn", name, globals()))
