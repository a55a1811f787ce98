"""Arrays that the program changes between a call and backward: the gradient is right, or backward refuses."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core import outside_memory
from grad_engine.core.define import DEFINED
from grad_engine.core.op import OPS, Op
from grad_engine.core.tensor import Tensor
from tests.core.graphs import leaf
from tests.samples import cases, is_free, operands

DIFFERENTIABLE = {name: op for name, op in OPS.items() if op.differentiable}


def changed(array: np.ndarray) -> None:
    """Write something else into every element."""
    if array.dtype == bool:
        np.logical_not(array, out=array)
    elif array.dtype.kind in "iu":
        array[...] = np.where(array == 0, 1, 0)
    else:
        array += 1.0


def gradients(z: Any, leaves: list[Tensor], keep: bool) -> list[Any]:
    parts = [part.sum() for part in (z if isinstance(z, tuple) else (z,)) if part.requires_grad]
    found = ge.grad(parts, leaves, retain_graph=keep, allow_unused=True)
    return [None if g is None else g.data.copy() for g in found]


def flat(given: list[Any]) -> list[Any]:
    return [part for each in given for part in (each if isinstance(each, list) else [each])]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("way", ["copied", "by reference", "from_numpy"])
@pytest.mark.parametrize("op", DIFFERENTIABLE.values(), ids=DIFFERENTIABLE)
def test_an_operand_changed_before_backward_never_gives_a_wrong_gradient(
    op: Op, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each operand in turn is an array of the program, as it is or through from_numpy(), changed as a whole."""
    if way == "by reference":
        monkeypatch.setattr(outside_memory, "COPIED", 0)
    for each in cases(op):
        arrays = flat(operands(op, each))
        for slot, array in enumerate(arrays):
            if not isinstance(array, np.ndarray) or not array.size:
                continue
            own = array.copy()
            call = [
                leaf(value) if is_free(value) and value is not array else value for value in arrays
            ]  # fmt: skip
            call[slot] = ge.from_numpy(own) if way == "from_numpy" else own
            leaves = [value for value in call if isinstance(value, Tensor) and value.requires_grad]
            if not leaves:
                continue
            z = DEFINED[op.name](*([call] if op.variadic else call), **each.static)
            if not any(part.requires_grad for part in (z if isinstance(z, tuple) else (z,))):
                continue
            expected = gradients(z, leaves, True)
            changed(own)
            refused = None
            try:
                found = gradients(z, leaves, False)
            except ge.InPlaceError as error:
                refused = str(error)
            if refused is not None:
                assert way != "copied" and op.label in refused, refused
                continue
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


BIG = 30_000
PARTS: dict[str, Callable[[np.ndarray], Any]] = {
    "all of it": lambda a: a.fill(0.5),
    "another row": lambda a: a.__setitem__(slice(None), np.random.default_rng(1).normal(size=BIG)),
    "all signs": lambda a: np.negative(a, out=a),
    "turned around": lambda a: a.__setitem__(slice(None), a[::-1].copy()),
    "shuffled": lambda a: np.random.default_rng(2).shuffle(a),
    "the first half": lambda a: a.__setitem__(slice(BIG // 2), 0.0),
    "1 % in the middle": lambda a: a.__setitem__(slice(BIG // 3, BIG // 3 + BIG // 100), 0.0),
    "the first element": lambda a: a.__setitem__(0, 7.0),
    "some NaN": lambda a: a.__setitem__(slice(0, None, 3), np.nan),
    "one element": lambda a: a.__setitem__(BIG // 2 + 1, 7.0),
    "the last bit of one element": lambda a: a.__setitem__(17, np.nextafter(a[17], 9.0)),
    "the sign of a zero": lambda a: a.__setitem__(5, -0.0),
    "two elements change places": lambda a: a.__setitem__([70, 20_000], a[[20_000, 70]]),
    "every second sign": lambda a: np.negative(a[::2], out=a[::2]),
    "the signs of a row": lambda a: np.negative(a[300:600], out=a[300:600]),
}


@pytest.mark.parametrize("shape", [(BIG,), (300, 100), (100, 300), (3, 100, 100)])
@pytest.mark.parametrize("change", PARTS.values(), ids=PARTS)
def test_a_large_array_is_found_changed(change: Callable[[np.ndarray], Any], shape: tuple[int, ...]) -> None:
    memory = np.random.default_rng(0).normal(size=BIG)
    memory[5] = 0.0
    x = leaf(np.ones(shape))
    z = (x * memory.reshape(shape)).sum()
    change(memory)
    with pytest.raises(ge.InPlaceError, match=r"MulBackward needs its input y, .* written to since; .* copy"):
        z.backward()


def column(a: np.ndarray) -> None:
    a.reshape(len(a) // 96, 96)[:, 17] += 1.0


# 8 bytes each; more than what is read whole, so that one element may be missed, but none of these
SAMPLED = {
    "all of it": lambda a: a.fill(0.5),
    "all signs": lambda a: np.negative(a, out=a),
    "turned around": lambda a: a.__setitem__(slice(None), a[::-1].copy()),
    "the first element": lambda a: a.__setitem__(0, 7.0),
    "the last element": lambda a: a.__setitem__(-1, 7.0),
    "half a per cent": lambda a: a.__setitem__(slice(len(a) // 3, len(a) // 3 + len(a) // 200), 0.0),
    "a column": column,
    "every tenth row": lambda a: a.reshape(-1, 96)[::10].fill(0.0),
    "all but the blocks of a page": lambda a: a[: len(a) // 512 * 512].reshape(-1, 512)[:, 128:].fill(0.0),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("change", SAMPLED.values(), ids=SAMPLED)
def test_parts_of_a_very_large_array_are_found_changed(change: Callable[[np.ndarray], Any], dtype: Any) -> None:
    size = 2 * 12 * 128 * 96 * 10
    assert size * np.dtype(dtype).itemsize > 2 * outside_memory.LARGE
    array = np.random.default_rng(0).normal(size=size).astype(dtype)
    for part in (array, array.reshape(2, -1)[:, :-96][0]):
        before = outside_memory.fingerprint(part)
        assert outside_memory.fingerprint(part) == before
        kept = array.copy()
        change(part if part is array else array[: part.size])
        assert outside_memory.fingerprint(part) != before
        array[:] = kept
    gaps = array.reshape(-1, 96)[:, :90]
    before = outside_memory.fingerprint(gaps)
    array.fill(1.0)
    assert outside_memory.fingerprint(gaps) != before


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": lambda a: a,
    "Fortran": lambda a: a.reshape(150, 200).T,
    "strided": lambda a: a[::2],
    "backwards": lambda a: a[::-1],
    "columns": lambda a: a.reshape(150, 200)[:, ::3],
    "a row": lambda a: a.reshape(2, -1)[1],
    "a stretched row": lambda a: np.broadcast_to(a[:200], (100, 200)),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_layout_of_a_large_array_is_looked_at(layout: Callable[[np.ndarray], np.ndarray]) -> None:
    memory = np.random.default_rng(0).normal(size=BIG)
    for write in (False, True):
        part = layout(memory)
        x = leaf(np.ones(part.shape))
        z = (x * part).sum()
        if not write:
            z.backward()  # no false alarm
            continue
        memory[:] = np.random.default_rng(3).normal(size=BIG)
        with pytest.raises(ge.InPlaceError):
            z.backward()


DTYPES = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES, ids=[np.dtype(dtype).name for dtype in DTYPES])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_fingerprint_tells_one_changed_element(
    layout: Callable[[np.ndarray], np.ndarray], dtype: type[np.floating[Any]]
) -> None:
    memory = np.random.default_rng(0).normal(size=BIG).astype(dtype)
    part = layout(memory)
    before = outside_memory.fingerprint(part)
    assert outside_memory.fingerprint(part) == before
    written = part if part.flags.writeable else memory[:200]
    for place in np.random.default_rng(1).integers(written.size, size=20):
        at = np.unravel_index(place, written.shape)
        for other in (written[at] + 1, -written[at], np.nan):
            kept, written[at] = written[at], other
            assert outside_memory.fingerprint(part) != before, (place, other)
            written[at] = kept
    assert outside_memory.fingerprint(part) == before


def test_a_fingerprint_tells_rows_that_changed_places() -> None:
    array = np.random.default_rng(0).normal(size=(2000, 13))
    before = outside_memory.fingerprint(array)
    for one, other in np.random.default_rng(1).integers(2000, size=(50, 2)):
        array[[one, other]] = array[[other, one]]
        assert one == other or outside_memory.fingerprint(array) != before
        array[[one, other]] = array[[other, one]]


SIZES = [10, 3000]  # one that is copied anew for each op, one of which ops share a copy


@pytest.mark.parametrize("size", SIZES)
def test_a_buffer_may_change_and_change_back_between_ops(size: int) -> None:
    """Ops share a copy as long as the array is the same, to the bit."""
    buffer = np.zeros(size)
    x = leaf(np.zeros(size))
    z, expected = ge.zeros(()), np.zeros(size)
    for value in (1.0, 2.0, 1.0, -0.0, 0.0, -0.0, np.nan):
        buffer[:] = value
        z = z + (x * buffer).sum()
        (g,) = ge.grad((ge.copysign(1.0, buffer) * x).sum(), [x])
        expected = expected + buffer
        np.testing.assert_array_equal(g.data, np.copysign(1.0, buffer))
    buffer[:] = 9.0
    z.backward()
    np.testing.assert_array_equal(x.grad.data, expected)


def test_a_buffer_may_take_another_shape_between_ops() -> None:
    buffer = np.random.default_rng(0).normal(size=3000)
    x, y = leaf(np.ones(3000)), leaf(np.ones((30, 100)))
    z = (x * buffer).sum()
    with warnings.catch_warnings(action="ignore"):  # NumPy 2.5 advises against it, and still does it
        buffer.shape = 30, 100
    z = z + (y * buffer).sum()
    expected = buffer.copy()
    buffer[:] = 0.0
    z.backward()
    np.testing.assert_array_equal(x.grad.data, expected.reshape(-1))
    np.testing.assert_array_equal(y.grad.data, expected)


def test_copies_are_forgotten_with_their_arrays() -> None:
    before = len(outside_memory._COPIES)
    buffer = np.ones(3000)
    z = (leaf(np.ones(3000)) * buffer).sum()
    assert len(outside_memory._COPIES) == before + 1
    del buffer
    assert len(outside_memory._COPIES) == before
    z.backward()


def test_not_a_number_is_no_false_alarm() -> None:
    memory = np.full(BIG, np.nan)
    memory[::2] = np.inf
    z = (leaf(np.ones(BIG)) * memory).sum()
    z.backward()


def test_writes_beside_a_view_and_to_what_no_rule_reads_are_legal() -> None:
    memory = np.random.default_rng(0).normal(size=(2, BIG))
    x = leaf(np.ones(BIG))
    z = (x * memory[0] + memory[1] - memory[1]).sum()
    memory[1] = 0.0
    z.backward()
    np.testing.assert_array_equal(x.grad.data, memory[0])


def test_a_buffer_that_is_filled_again_in_a_loop() -> None:
    rows = np.random.default_rng(0).normal(size=(4, 3))
    w, v = leaf([0.1, 0.2, 0.3]), leaf([0.1, 0.2, 0.3])
    h, k, buffer = ge.zeros(3), ge.zeros(3), np.zeros(3)
    for row in rows:
        buffer[:] = row
        h = ge.tanh(w * buffer + h)
        k = ge.tanh(v * row.copy() + k)
    h.sum().backward()
    k.sum().backward()
    np.testing.assert_array_equal(w.grad.data, v.grad.data)


CONSTRUCTIONS: dict[str, Callable[[np.ndarray, Tensor], Tensor]] = {
    "from_numpy": lambda a, x: x * ge.from_numpy(a),
    "its view": lambda a, x: x * ge.from_numpy(a)[::-1],
    "its reshape": lambda a, x: x.reshape(1, -1) * ge.from_numpy(a).reshape(1, -1),
    "data": lambda a, x: x * _with_data(a),
    "in a list": lambda a, x: ge.stack([x, ge.from_numpy(a) * x]),
    "einsum": lambda a, x: ge.einsum("i,i->i", x, a),
    "a function on arrays": lambda a, x: x * ge.ravel(a),
    "detached": lambda a, x: x * ge.from_numpy(a).detach(),
    "a Function's saved array": lambda a, x: Scaled.apply(x, a),
}


def _with_data(array: np.ndarray) -> Tensor:
    made = ge.zeros(array.shape)
    made.data = array
    return made


class Scaled(ge.Function):
    """x times an array that forward saves as it is."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, array: np.ndarray) -> Tensor:
        ctx.save_for_backward(array)
        return x * array

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        (array,) = ctx.saved_tensors
        return g * array, None


@pytest.mark.parametrize("size", [3, BIG])
@pytest.mark.parametrize("build", CONSTRUCTIONS.values(), ids=CONSTRUCTIONS)
def test_no_way_of_keeping_an_array_gives_a_wrong_gradient(
    build: Callable[[np.ndarray, Tensor], Tensor], size: int
) -> None:
    array = np.random.default_rng(0).normal(size=size)
    x = leaf(np.ones(size))
    z = build(array, x).sum()
    (expected,) = ge.grad(z, [x], retain_graph=True)
    array[:] = 5.0
    try:
        (found,) = ge.grad(z, [x])
    except ge.InPlaceError:
        return
    np.testing.assert_array_equal(found.data, expected.data)


@pytest.mark.parametrize("size", [3, BIG])
def test_a_leaf_that_shares_memory_is_found_changed(size: int) -> None:
    array = np.ones(size)
    x = ge.from_numpy(array, requires_grad=True)
    z = (x[::2] * x[::2]).sum()
    array[:] = 5.0
    with pytest.raises(ge.InPlaceError):
        z.backward()


def test_what_an_op_reads_is_not_learnt_from_a_number() -> None:
    """The first call of an op with these edges decides what it keeps; it may have had a number for an operand."""
    outside_memory.READS[OPS["mul"]][:] = [outside_memory.NOT_YET] * 4
    x, array = leaf(np.ones(3)), np.full(3, 2.0)
    z = (x * 2.0).sum() + (x * array).sum()
    array[:] = 9.0
    z.backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]


def test_arrays_that_are_gone_are_forgotten() -> None:
    before = len(outside_memory.SHARED)
    x = ge.from_numpy(np.ones(3))
    assert len(outside_memory.SHARED) == before + 1
    del x
    assert len(outside_memory.SHARED) == before
