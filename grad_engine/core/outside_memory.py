"""Memory that code outside the engine may write to: what a node keeps of it, and how a change is found.

A rule reads its operands when backward runs, and by then the program may have written something else into an array
that it gave to an op: `buf[:] = row` in a loop. NumPy tells nobody of a write. So of an array that is given to an op as
it is, or through from_numpy(), a copy is kept where that is cheap: whole numbers, booleans, and up to COPIED bytes. As
long as the array lives and does not change, its ops share one copy. A larger array is kept by reference with a
fingerprint, and so is a leaf that shares its memory by contract, and what has a name. Backward takes the fingerprint
again, and refuses where it has changed, as it refuses any write to a value that a rule reads.

The fingerprint of a small array is its bytes. The bits of a larger one are taken as whole numbers of 64 bits, written
in rows of 1,021, and each column is added up. A change of one element always changes a sum. What can be missed are
changes that cancel one another: of elements in the same column, so a multiple of 8,168 bytes apart. It reads 50 GB/s; a
copy of an array that is larger than COPIED would cost more, because malloc asks the kernel for each. Of more than LARGE
bytes, which memory hands over no faster than the op itself reads them, 1,022 blocks of 128 bytes from all over it are
kept as they are: that takes 15 us, and sums of eight times as much took 64. A change of a part is found that is longer
than the way from one block to the next, 1/1,020 of the array, and that of every tenth row, say, or of a column where a
row has at most 20 KB, as good as always; one element is found with the share that is read.
"""

from __future__ import annotations

import math
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.allocator import free_a_large_array
from grad_engine.core.names import name_of
from grad_engine.core.node import BinaryNode, Edge, Extra, GeneralNode, Node, UnaryNode
from grad_engine.core.op import Op
from grad_engine.core.stand_ins import STAND_INS
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES, owner_of
from grad_engine.errors import InPlaceError

COPIED = 1 << 16  # bytes; up to 128 KB, where malloc asks the kernel, a copy costs less than two fingerprints
_FRESH = 1 << 12  # bytes; up to here a copy costs less than to look whether there is one already
LARGE = 1 << 22  # bytes; up to here all are read
_BLOCK = 16  # words that are read together, of an array that is larger
_BLOCKS = 1021  # of 128 bytes: together just below what malloc asks the kernel for
_COLUMNS = 1021  # a prime number, so that the columns are no columns of the array
_WORD = np.dtype(np.uint64)
_BYTE = np.dtype(np.uint8)

# Arrays of tensors that share memory with the program, by id. Ops look here only while there are any.
SHARED: dict[int, weakref.ref[ndarray]] = {}

# The copies that ops share, by the id of the array: the array, what compares its bytes with the copy's, the copy.
_COPIES: dict[int, tuple[weakref.ref[ndarray], Callable[[Any], Any], ndarray]] = {}


class _Prints:
    """When the latest fingerprint was taken, as a sequence number: before it, backward need not look for any."""

    latest = -1


PRINTS = _Prints()


def share(array: ndarray) -> ndarray:
    """`array` itself, noted as memory that a tensor shares with the program."""
    key = id(array)
    if key not in SHARED:
        SHARED[key] = weakref.ref(array, lambda _: SHARED.pop(key, None))
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
        share(made.array)


def share_view(view: ndarray, array: ndarray) -> None:
    """Note `view` as shared where `array` is, which it looks into."""
    if view.base is not None and id(array) in SHARED:
        share(view)


def keep_pair(node: BinaryNode, x: Any, y: Any, of_op: list[int]) -> None:
    """keep_operands() for the operands x and y, as they were given, of a new node; of_op: what READS has of its op."""
    case = (node.x_edge is None) + 2 * (node.y_edge is None)
    reads = of_op[case]
    if reads == NOT_YET:
        reads = of_op[case] = _read_by(node)
    a, b = node.x, node.y
    if SHARED and (type(a) in STAND_INS or type(b) in STAND_INS):
        node.x, node.y = (each.as_it_is() if type(each) in STAND_INS else each for each in (a, b))
        return
    prints: tuple[tuple[int, bytes], ...] = ()
    if reads & 1 and type(a) is ndarray and (type(x) is not Tensor or id(a) in SHARED):
        kept = _kept(a, x, node.x_edge)
        if type(kept) is bytes:
            prints = ((0, kept),)
        elif kept is not None:
            node.x = kept
            if b is a:
                node.y = kept
    if reads & 2 and b is not a and type(b) is ndarray and (type(y) is not Tensor or id(b) in SHARED):
        kept = _kept(b, y, node.y_edge)
        if type(kept) is bytes:
            prints += ((1, kept),)
        elif kept is not None:
            node.y = kept
    if prints:
        _note(node, prints)


NOT_YET = 4  # neither of the following
# What the rules of an op read: 0 nothing, 1 x, 2 y, 3 both; by which operands have no edge: 0 neither, 1 x, 2 y.
READS: defaultdict[Op, list[int]] = defaultdict(lambda: [NOT_YET] * 4)


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
    arrays, edges = node.arrays, node.edges
    copies: dict[int, ndarray] | None = None
    prints: tuple[tuple[int, bytes], ...] = ()
    for slot, value in enumerate(given):
        array = arrays[slot]
        if type(array) in STAND_INS and (type(value) is not Tensor or id(array) in SHARED):
            copies = copies or {}
            copies[id(array)] = array.as_it_is()
            continue
        if type(array) is not ndarray or (type(value) is Tensor and id(array) not in SHARED):
            continue
        kept = _kept(array, value, edges[slot])
        if type(kept) is ndarray:
            copies = copies or {}
            copies[id(array)] = kept
        elif kept is not None:
            prints += ((slot, kept),)
    if copies is not None and isinstance(node, UnaryNode):
        node.x = copies.get(id(node.x), node.x)
    if copies is not None and isinstance(node, GeneralNode):
        node.arrays = tuple([copies.get(id(array), array) for array in arrays])
        if node.op.saves:
            owners = {id(owner_of(array)) for array in arrays if id(array) in copies}
            count = len(node.op.static)
            node.rest = (*node.rest[:count], *(_own(value, owners) for value in node.rest[count:]))
    if prints:
        _note(node, prints)


def _kept(array: ndarray, value: Any, edge: Edge) -> Any:
    """A copy (an array), or a fingerprint (bytes), of the operand `array` that was given as `value`.

    A tensor is one that shares its memory. None where no one else can write to it: it was made of a list.
    """
    if type(value) is Tensor:
        if edge is not None or name_of(array) is not None:
            return fingerprint(array)
    elif array is not value and array.base is None:
        return None
    if array.nbytes <= COPIED or array.dtype.kind in "iub":
        return _copy_of(array)
    return fingerprint(array)


def _copy_of(array: ndarray) -> ndarray:
    """A copy of `array`, perhaps one that other ops hold too."""
    if not _FRESH < array.nbytes <= COPIED:
        return array.copy(order="K")
    key = id(array)
    known = _COPIES.get(key)
    if known is not None:
        _, same, copy = known
        if same(array) is True and copy.shape == array.shape and copy.dtype is array.dtype:
            return copy
    if not array.flags.c_contiguous:
        return array.copy(order="K")
    memory = bytearray(array)
    copy = np.frombuffer(memory, array.dtype).reshape(array.shape)
    copy.flags.writeable = False
    _COPIES[key] = weakref.ref(array, lambda _: _COPIES.pop(key, None)), memory.__eq__, copy  # bytes: -0.0 is not 0.0
    return copy


def _note(node: Node, prints: tuple[tuple[int, bytes], ...]) -> None:
    if node.extra is None:
        node.extra = Extra()
    node.extra.prints = prints
    PRINTS.latest = node.sequence_nr
    free_a_large_array()


def _own(value: Any, owners: set[int]) -> Any:
    """A saved value, copied where it looks into memory of one of these owners."""
    if type(value) is ndarray and id(owner_of(value)) in owners:
        return value.copy(order="K")
    return value


def check_prints(nodes: Iterable[Node]) -> None:
    """Raise InPlaceError when an operand that a rule reads differs from when its fingerprint was taken."""
    now: dict[int, bytes] = {}  # by the id of the array, which several nodes may hold
    for node in nodes:
        if (extra := node.extra) is not None and extra.prints:
            arrays = node.arrays
            for slot, before in extra.prints:
                array = arrays[slot]
                if (after := now.get(id(array))) is None:
                    after = now[id(array)] = fingerprint(array)
                if after != before:
                    _refuse_changed(node, extra.prints)
                    break


def _refuse_changed(node: Node, prints: Sequence[tuple[int, bytes]]) -> None:
    changed = {slot for slot, before in prints if fingerprint(node.arrays[slot]) != before}
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
    size = array.nbytes
    if size <= 16 * _COLUMNS:
        return array.tobytes()
    flags = array.flags
    if not flags.c_contiguous:
        return fingerprint(array.T) if flags.f_contiguous else _of_parts(array)
    if size > LARGE:
        return _of_blocks(array.reshape(-1).view(_BYTE))
    rows = (size // (8 * _COLUMNS) - 1) | 1  # odd: else the signs of a whole column could change unseen
    end = 8 * _COLUMNS * rows
    sums = np.add.reduce(ndarray((rows, _COLUMNS), _WORD, array))  # a view, made in one call
    return sums.tobytes() + ndarray((size - end,), _BYTE, array, end).tobytes()


def _of_blocks(memory: ndarray) -> bytes:
    """The fingerprint of blocks from all over these bytes, the first and the last among them."""
    step = 8 * _prime_up_to((memory.size // 8 - _BLOCK) // (_BLOCKS - 1))
    blocks = ndarray((_BLOCKS, _BLOCK), _WORD, memory, strides=(step, 8))
    return blocks.tobytes() + memory[-8 * _BLOCK :].tobytes()


@lru_cache(maxsize=16)
def _prime_up_to(number: int) -> int:
    """The largest prime up to a number: a step that has no factor in common with the lengths of rows."""
    while any(number % factor == 0 for factor in range(2, math.isqrt(number) + 1)):
        number -= 1
    return number


def _of_parts(array: ndarray) -> bytes:
    """The fingerprint of a view with gaps in memory: those of copies of its parts, for which malloc has room."""
    stretched = tuple(slice(0, 1) if step == 0 else slice(None) for step in array.strides)
    array = array[stretched].squeeze()
    if array.nbytes > LARGE and len(array) > _BLOCKS:
        array = array[:: _prime_up_to(max(array.nbytes // LARGE, 2))]
    if array.nbytes <= COPIED or array.ndim == 0:
        return fingerprint(array.copy())
    rows = COPIED // array[0].nbytes
    if rows == 0:
        return b"".join(map(fingerprint, array))
    return b"".join(fingerprint(array[start : start + rows].copy()) for start in range(0, len(array), rows))
