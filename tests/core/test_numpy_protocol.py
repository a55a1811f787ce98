"""NumPy functions on tensors."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from grad_engine.core import numpy_protocol
from grad_engine.core.tensor import Tensor
from grad_engine.errors import ArgumentError, GradEngineError, IndexingError
from tests.core.graphs import leaf


def test_numpy_functions_without_gradient_run_on_the_data() -> None:
    x = leaf([1.0, np.nan])
    np.testing.assert_array_equal(np.isnan(x), [False, True])
    assert np.allclose(x, x, equal_nan=True) and np.shape(x) == (2,) and np.argmax(leaf([1.0, 3.0])).item() == 1
    np.testing.assert_array_equal(np.zeros_like(x), [0, 0])
    assert np.add.reduce(leaf([[1.0, 2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]
    np.testing.assert_allclose(np.fft.fft(x.detach()).shape, (2,))


def test_numpy_functions_mean_by_position_what_numpy_means() -> None:
    x = np.array([[3.0, 1.0], [2.0, 5.0]])
    t = leaf(x)
    calls: list[Callable[[Any], Any]] = [
        lambda x: np.sum(x, 0, None, None, True), lambda x: np.std(x, 0, None, None, 1), lambda x: np.sort(x, 0, None),
        lambda x: np.max(x, 1, None, True), lambda x: np.nan_to_num(x, True, 5.0), lambda x: np.clip(x, 1, 2, None),
        lambda x: np.sum(x, axis=0, dtype=None, out=None), lambda x: np.quantile(x, 0.5, 0, None, False, "linear"),
        lambda x: np.einsum("ij,ij->i", x, x), lambda x: np.concatenate([x, x], 1, None), lambda x: np.trace(x, 1),
    ]  # fmt: skip
    for call in calls:
        out = call(t)
        assert type(out) is Tensor and out.requires_grad
        np.testing.assert_allclose(out.data, call(x))


def calls_of_numpy() -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """NumPy's public functions, each with arguments that seldom make sense together."""
    x, m = leaf([1.0, 2.0, 3.0]), leaf([[1.0, 2.0], [3.0, 4.0]])
    for room in (np, np.linalg, np.fft):
        for name in sorted(vars(room)):
            function = getattr(room, name)
            if name.startswith("_") or (
                not isinstance(function, np.ufunc) and not hasattr(function, "_implementation")
            ):
                continue
            for arguments in ((x,), (x, x), (m,), (m, m), (x, 2), ([x],), (x, x, x), (np.array([1.0, 2.0, 3.0]), x)):
                yield name, function, arguments


@pytest.mark.filterwarnings("ignore")
def test_what_numpy_refuses_of_tensors_is_an_error_of_ours() -> None:
    tried, others = 0, []
    for name, function, arguments in calls_of_numpy():
        tried += 1
        try:
            function(*arguments)
        except (GradEngineError, np.linalg.LinAlgError):
            continue
        except Exception as error:  # of Python, which counts arguments, or of NumPy before it asks the tensor
            places = {place.filename for place in traceback.extract_tb(error.__traceback__)}
            if numpy_protocol.__file__ in places and "positional argument" not in str(error):
                others.append(f"{name} of {arguments}: {type(error).__name__}: {error}")
    assert not others, "\n".join(others)
    assert tried > 2000


def test_a_function_of_numpy_that_takes_no_tensor_is_named() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"np\.isnat\(\) does not take what it was given: ufunc 'isnat' is only"):
        np.isnat(x)
    with pytest.raises(IndexingError, match="arrays used as indices must be of integer"):
        np.insert(x, x, x)


def test_an_error_of_a_function_that_was_passed_in_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        np.apply_along_axis(lambda row: int("q"), 0, leaf([1.0, 2.0]).detach())
