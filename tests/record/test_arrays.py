"""The numbers of an array, as a record holds them."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grad_engine.record import (
    DataRecord,
    array_data,
    from_json,
    to_json,
)
from grad_engine.record.arrays import copied, taken, write_all
from grad_engine.record.decimals import shortest
from grad_engine.record.parts import StatsRecord
from tests.records import (
    square,
)

FLOATS = [np.float16, np.float32, np.float64]


@settings(max_examples=150)
@given(st.data(), st.sampled_from([*FLOATS, np.int8, np.uint64, np.int64, np.bool_]))
def test_small_arrays_read_back_exactly(data: st.DataObject, dtype: type) -> None:
    array = data.draw(arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
    numbers, stats = array_data(array)
    assert numbers is not None
    assert numbers.values is not None
    assert stats is None
    assert all(type(value) in (int, float, bool) for value in numbers.values)
    back = np.array(numbers.values, dtype).reshape(array.shape)
    np.testing.assert_array_equal(back, array)
    if array.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(back[back == 0]), np.signbit(array[array == 0]))
        assert all(value is math.nan for value in numbers.values if value != value)


def test_floats_are_as_short_as_their_dtype_allows() -> None:
    assert array_data(np.full(2, 0.1, np.float16)) == (DataRecord((0.1, 0.1)), None)
    assert array_data(np.full(2, 0.1, np.float32)) == (DataRecord((0.1, 0.1)), None)
    assert array_data(np.float64(1 / 3)) == (DataRecord((1 / 3,)), None)


def test_limit_says_how_much_is_written_in_full() -> None:
    array = np.arange(100.0)
    assert array_data(array, limit=100) == (DataRecord(tuple(array.tolist())), None)
    numbers, stats = array_data(array, limit=99)
    assert numbers is not None
    assert numbers.values is None
    assert stats is not None
    assert array_data(np.arange(64.0))[1] is None
    assert array_data(np.arange(65.0))[1] is not None


def test_statistics_agree_with_numpy() -> None:
    array = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    array[3, 4], array[5, 6], array[7, 8], array[9, 9] = np.nan, np.inf, -np.inf, 0
    _, stats = array_data(array)
    assert stats is not None
    finite = array[np.isfinite(array)].astype(np.float64)
    expected = [finite.min(), finite.max(), finite.mean(), finite.std(), np.linalg.norm(finite), abs(finite).max()]
    got = [stats.min, stats.max, stats.mean, stats.std, stats.norm, stats.absmax]
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert (stats.zeros, stats.nan, stats.posinf, stats.neginf, stats.first_nonfinite) == (1, 1, 1, 1, (3, 4))
    assert stats.histogram is not None
    np.testing.assert_array_equal(stats.histogram.counts, np.histogram(finite, bins=20)[0])


HARD = {
    "all NaN": np.full(100, np.nan),
    "both infinities": np.array([np.inf, -np.inf] * 50),
    "1e300": np.full(100, 1e300),
    "ends of the range": np.array([-1.7e308, 1.7e308] * 50),
    "denormal": np.arange(100) * 5e-324,
    "neighbours": np.array([1.0, np.nextafter(1.0, 2)] * 50),
    "zeros": np.zeros((2,) * 10),
    "rank 30": np.ones((1,) * 23 + (2,) * 7),
    "float16 at its end": np.full(100, 65504, np.float16),
    "float16 denormal": np.full(100, 6e-8, np.float16),
    "uint64": np.full(100, 2**64 - 1, np.uint64),
    "int64": np.array([-(2**63), 2**63 - 1] * 50),
    "bool": np.arange(100) % 3 == 0,
    "long double": np.full(100, np.finfo(np.longdouble).max),
    "long double, small": np.ones(3, np.longdouble) / 3,
    "strided": np.arange(1000.0).reshape(10, 100)[::2, ::-3],
    "broadcast": np.broadcast_to(np.float32(0.1), (20, 20)),
    "big-endian": np.arange(100, dtype=">f8"),
    "empty": np.zeros((0, 1000)),
    "long": np.arange(1_000_000.0),
    "thin": np.ones((1, 1000, 1)),
}


@pytest.mark.parametrize("array", HARD.values(), ids=HARD)
def test_hard_arrays_make_sound_records(array: np.ndarray) -> None:
    with np.errstate(all="raise"):
        numbers, stats = array_data(array)
    assert numbers is not None
    written = numbers.values if numbers.sample is None else numbers.sample.values
    assert written is not None
    assert len(written) <= 64
    record = square()
    odd = stats is not None and stats.nan + stats.posinf + stats.neginf > 0
    extra = replace(
        record.tensors[0],
        id="t50",
        is_leaf=False,
        shape=array.shape,
        dtype=array.dtype.name.replace("longdouble", "float128"),
        data=numbers,
        stats=stats,
    )
    counts = replace(record.counts, nonfinite=("t50",) if odd else ())
    record = replace(record, counts=counts, tensors=(*record.tensors, extra))
    assert from_json(to_json(record)) == record
    if stats is not None and stats.mean is not None:
        assert stats.min <= stats.mean + 0.01 * stats.absmax  # a mean has fewer digits than the entries
        assert sum(stats.histogram.counts) == array.size - stats.nan - stats.posinf - stats.neginf


def test_statistics_beyond_the_range_of_squares() -> None:
    _, stats = array_data(np.array([3e300, -4e300] * 50))
    assert stats is not None
    assert stats.norm == pytest.approx(5e300 * math.sqrt(50))
    assert stats.std == pytest.approx(3.5e300)
    _, stats = array_data(np.full(100, 1e-200))
    assert stats is not None
    assert stats.norm == pytest.approx(1e-199)


def test_sample_takes_both_ends_of_every_axis() -> None:
    numbers, _ = array_data(np.arange(10_000).reshape(100, 100))
    assert numbers is not None
    assert numbers.sample is not None
    assert (numbers.sample.edge, numbers.sample.shape) == (4, (8, 8))
    first_row = numbers.sample.values[:8]
    assert first_row == (0, 1, 2, 3, 96, 97, 98, 99)
    assert numbers.sample.values[-1] == 9999


def test_arrays_without_numbers_have_no_record() -> None:
    assert array_data(np.array(["a", "b"])) == (None, None)
    assert array_data(np.array([object()])) == (None, None)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_numbers_have_the_statistics_of_their_absolute_values(dtype: type) -> None:
    numbers = np.array([3 + 4j, 0, -1j, complex(np.nan, np.inf), complex(0, -np.inf)], dtype)
    data, stats = array_data(numbers)
    assert data is None
    assert stats is not None
    assert (stats.min, stats.max, stats.zeros, stats.nan, stats.posinf) == (0.0, 5.0, 1, 1, 1)
    assert stats.norm == pytest.approx(26**0.5)
    assert stats.first_nonfinite == (3,)


def test_arrays_are_left_alone() -> None:
    array = np.random.default_rng(0).normal(size=(30, 30))
    array[0, 0] = np.nan
    before = array.copy()
    array.flags.writeable = False
    array_data(array)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("dtype", [np.float16, np.float32], ids=lambda dtype: dtype.__name__)
def test_many_short_floats_are_spelt_as_one_by_one(dtype: type) -> None:
    width = np.dtype(dtype).itemsize
    bits = np.arange(2**16) if width == 2 else np.random.default_rng(0).integers(0, 2**32, 40_000)
    every = bits.astype(f"u{width}").view(dtype)
    with np.errstate(over="ignore"):
        near = np.float32([1.0, 0.1, 3e-40, 2.0**-149, 2.0**127, 16_777_216.0, 1e-12, 123456.7]).astype(dtype)
    array = np.concatenate((every, near, -near))
    expected = [float(text) for text in array.astype("U").tolist()]
    np.testing.assert_array_equal(shortest(array), expected)


@settings(max_examples=60)
@given(st.data(), st.sampled_from([*FLOATS, np.int32, np.bool_]))
def test_arrays_measured_together_are_measured_as_alone(data: st.DataObject, dtype: type) -> None:
    shapes = arrays.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=6)
    many = data.draw(st.lists(arrays.arrays(dtype, shapes), min_size=1, max_size=5))
    many += [np.zeros_like(many[0]), np.full_like(many[0], 3)]
    together = [copied(array) for array in many]
    write_all(together)
    for array, found in zip(many, together, strict=True):
        alone = taken(array, 0).record()
        assert found.record()[0] == alone[0]
        ours, theirs = found.record()[1], alone[1]
        for key in (field.name for field in fields(StatsRecord)):
            one, other = getattr(ours, key), getattr(theirs, key)
            if key in ("mean", "std", "norm") and one is not None:
                assert one == pytest.approx(other, rel=1e-2 if dtype is np.float16 else 1e-5, abs=1e-6 * ours.absmax)
            else:
                assert one == other
