"""Memory that code outside the engine may write to: what a node keeps of it, and how a change is found.

A rule reads its operands when backward runs, and by then the program may have written something else into an array that
it gave to an op: `buf[:] = row` in a loop. NumPy tells nobody of a write. So of an array that is given to an op as it
is, a copy is kept where that is cheap: whole numbers, booleans, and up to COPIED bytes. A larger one is kept by
reference with a fingerprint, and so is what from_numpy() and `.data =` share by contract. Backward takes the
fingerprint again, and refuses where it has changed, as it refuses any write to a value that a rule reads.

The fingerprint is the bytes of the elements: all of them up to COPIED bytes, else 256 to 512 of them, one in so many
from the first to the last, in steps that share no factor with the length of a row. So a write to the whole array is
found, and to any part of it as long as a step, which is 0.4 % of the array. A shorter one may be missed. Taking it
costs 0.5 us. (A sum over all elements costs ten times as much, and is blind once there is a NaN among them.)
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import gcd
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.names import name_of
from grad_engine.core.node import BinaryNode, Edge, Extra, GeneralNode, Node
from grad_engine.core.op import Op
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES, owner_of
from grad_engine.errors import InPlaceError

COPIED = 1 << 14  # bytes; copies of 50 KB cost the MLP benchmark 12 %
_SAMPLES = 256

# Arrays of tensors that share memory with the program: id -> the array, and whether that was asked for, as by
# from_numpy(), or came about on the way into an op. Ops look here only while there are any.
SHARED: dict[int, tuple[weakref.ref[ndarray], bool]] = {}


class _Prints:
    """When the latest fingerprint was taken, as a sequence number: before it, backward need not look for any."""

    latest = -1


PRINTS = _Prints()


def share(array: ndarray, asked: bool = True) -> ndarray:
    """`array` itself, noted as memory that a tensor shares with the program."""
    key = id(array)
    known = SHARED.get(key)
    if known is None or (asked and not known[1]):
        SHARED[key] = weakref.ref(array, lambda _: SHARED.pop(key, None)), asked
    return array


def note_view(made: Tensor, call: Callable[..., Tensor], args: tuple[Any, ...]) -> None:
    """Note a result without history that looks into the memory of the first operand, `args[0]`.

    Of a tensor, that memory may get a history (versions.py); an array may be written to by the program.
    """
    if type(args[0]) is Tensor:
        WRITES.add_view(made, call, args)
        if SHARED:
            share_view(made.array, args[0].array)
    elif isinstance(args[0], ndarray):
        share(made.array, asked=False)


def share_view(view: ndarray, array: ndarray) -> None:
    """Note `view` as shared where `array` is, which it looks into."""
    known = SHARED.get(id(array))
    if known is not None and view.base is not None:
        share(view, known[1])


def keep_pair(node: BinaryNode, x: Any, y: Any) -> None:
    """keep_operands() for the operands x and y, as they were given, of a new node."""
    key = node.op, node.x_edge is None, node.y_edge is None
    reads = _READS.get(key)
    if reads is None:
        reads = _READS[key] = _read_by(node)
    if not reads:
        return
    prints: tuple[tuple[int, bytes], ...] = ()
    same = node.y is node.x
    if reads & 1 and (kept := _kept(node.x, x, node.x_edge)) is not None:
        if type(kept) is bytes:
            prints = ((0, kept),)
        else:
            node.x = kept
            if same:
                node.y = kept
    if reads & 2 and not same and (kept := _kept(node.y, y, node.y_edge)) is not None:
        if type(kept) is bytes:
            prints += ((1, kept),)
        else:
            node.y = kept
    if prints:
        _note(node, prints)


_READS: dict[tuple[Op, bool, bool], int] = {}  # op, which operand has no edge -> what its rules read: 1 x, 2 y, 3 both


def _read_by(node: BinaryNode) -> int:
    """What the rules read that will run for this node: 0 nothing, 1 x, 2 y, 3 both."""
    wanted = node.x_edge is not None, node.y_edge is not None
    read: set[str] = set()
    arrays = [np.asarray(array) for array in node.arrays]  # a number would stand in the formula as a number
    for tree in node.op.rule_trees(node.out, arrays, (), wanted):
        read |= node.op.reads(tree)
    return sum(bit for bit, name in zip((1, 2), node.op.inputs, strict=True) if name in read)


def keep_operands(node: Node, given: Sequence[Any]) -> None:
    """Copy those operands of a new node that the program may write to, or take their fingerprints."""
    copies: dict[int, ndarray] = {}
    prints: list[tuple[int, bytes]] = []
    for slot, (value, array, edge) in enumerate(zip(given, node.arrays, node.edges, strict=True)):
        kept = _kept(array, value, edge)
        if type(kept) is ndarray:
            copies[id(array)] = kept
        elif kept is not None:
            prints.append((slot, kept))
    if copies and isinstance(node, GeneralNode):
        owners = {id(owner_of(array)) for array in node.arrays if id(array) in copies}
        node.arrays = tuple(copies.get(id(array), array) for array in node.arrays)
        count = len(node.op.static)
        node.rest = (*node.rest[:count], *(_own(value, owners) for value in node.rest[count:]))
    if prints:
        _note(node, tuple(prints))


def _kept(array: Any, value: Any, edge: Edge) -> Any:
    """A copy (an array), or a fingerprint (bytes), of the operand `array` that was given as `value`.

    None where no one else can write to it: it is the result of an op, or was made of a list.
    """
    if type(array) is not ndarray:
        return None
    if type(value) is Tensor:
        shared = SHARED.get(id(array))
        if shared is None:
            return None
        if shared[1] or edge is not None or name_of(array) is not None:
            return fingerprint(array)
    elif array is not value and array.base is None:
        return None
    if array.nbytes <= COPIED or array.dtype.kind in "iub":
        return array.copy(order="K")
    return fingerprint(array)


def _note(node: Node, prints: tuple[tuple[int, bytes], ...]) -> None:
    if node.extra is None:
        node.extra = Extra()
    node.extra.prints = prints
    PRINTS.latest = node.sequence_nr


def _own(value: Any, owners: set[int]) -> Any:
    """A saved value, copied where it looks into memory of one of these owners."""
    if type(value) is ndarray and id(owner_of(value)) in owners:
        return value.copy(order="K")
    return value


def check_prints(node: Node, prints: Sequence[tuple[int, bytes]]) -> None:
    """Raise InPlaceError when an operand that a rule reads differs from when its fingerprint was taken."""
    arrays = node.arrays
    for slot, before in prints:
        if fingerprint(arrays[slot]) != before:
            break
    else:
        return
    changed = {slot for slot, before in prints if fingerprint(arrays[slot]) != before}
    names = node.op.parameters(len(node.arrays))
    wanted = [edge is not None for edge in node.edges]
    for tree in node.op.rule_trees(node.out, node.arrays, node.rest, wanted):
        for slot in sorted(changed):
            if names[slot] in node.op.reads(tree):
                raise InPlaceError(
                    f"{node.name} needs its input {names[slot]}, of shape {node.arrays[slot].shape}, as it was when "
                    "recorded, but the NumPy array that it shares memory with was written to since; give "
                    f"{node.op.name}() a copy of it, as in x.copy()"
                )


def fingerprint(array: ndarray) -> bytes:
    """What differs when the elements of `array` do; see above for what it misses."""
    size = array.size
    if size <= _SAMPLES:
        return array.tobytes()
    row = array.shape[-1]
    if not array.flags.c_contiguous:
        if not array.flags.f_contiguous:
            return _thinned(array).tobytes()
        array, row = array.T, array.shape[0]
    return array.reshape(-1)[:: _step(size, row)].tobytes()


@lru_cache(maxsize=256)
def _step(size: int, row: int) -> int:
    """One in so many elements is looked at; no divisor of a row, else it would look at some columns alone."""
    step = size // _SAMPLES | 1
    while gcd(step, row) > 1:
        step -= 2
    return step


def _thinned(array: ndarray) -> ndarray:
    """Of a view with gaps in memory, every other element of the longest axis, until some hundred are left."""
    while array.size > 2 * _SAMPLES:
        axis = int(np.argmax(array.shape))
        if array.shape[axis] < 3:
            break
        array = array[(slice(None),) * axis + (slice(None, None, 2),)]
    return array
