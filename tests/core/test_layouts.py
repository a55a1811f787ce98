"""Seeds, leaves and gathered gradients in every memory layout give what C-ordered copies give."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import grad_engine as ge
from grad_engine.core.tensor import Tensor


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


# Each gives a 3 x 4 matrix that lies in memory in its own way.
LAYOUTS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "C": lambda rng: rng.normal(size=(3, 4)),
    "Fortran": lambda rng: np.asfortranarray(rng.normal(size=(3, 4))),
    "transposed": lambda rng: rng.normal(size=(4, 3)).T,
    "strided": lambda rng: rng.normal(size=(6, 12))[::2, ::3],
    "backwards": lambda rng: rng.normal(size=(3, 4))[::-1, ::-1],
    "one row for all": lambda rng: np.broadcast_to(rng.normal(size=4), (3, 4)),
    "one number for all": lambda rng: np.broadcast_to(rng.normal(), (3, 4)),
    "read-only": lambda rng: read_only(rng.normal(size=(3, 4))),
    "axes exchanged": lambda rng: np.moveaxis(rng.normal(size=(4, 1, 3)), 0, 2)[0],
    "pickled": lambda rng: pickle.loads(pickle.dumps(rng.normal(size=(3, 4)))),
}
PROGRAMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "as it is": lambda x, y: x + 0 * y,
    "transposed": lambda x, y: (x.T * y.T).T,
    "broadcast": lambda x, y: x * y.sum(axis=0) + y,
    "reshaped": lambda x, y: (x.reshape(4, 3) * y.reshape(4, 3)).reshape(3, 4),
    "matmul": lambda x, y: x @ y.T @ x,
    "used twice": lambda x, y: x * x + x * y + x,
    "indexed": lambda x, y: x[[0, 0, 2]] * y[::-1],
    "stretched": lambda x, y: ge.broadcast_to(x[:1], (3, 4)) * y,
}
EACH_LAYOUT = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
EACH_PROGRAM = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


def gradients(program: Any, x: np.ndarray, y: np.ndarray, seed: np.ndarray, create_graph: bool) -> list[np.ndarray]:
    """What x and y get from backward with this seed; with create_graph their second derivatives too."""
    leaves = [ge.from_numpy(each, requires_grad=True) for each in (x, y)]
    z = program(*leaves)
    z.backward(seed, create_graph=create_graph)
    found = [leaf.grad.data for leaf in leaves]
    if create_graph:
        first = sum((leaf.grad * leaf.grad).sum() for leaf in leaves)
        found += (
            [g.data for g in ge.grad(first, leaves, allow_unused=True) if g is not None] if first.requires_grad else []
        )
    return found


@EACH_LAYOUT
@EACH_PROGRAM
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("place", ["seed", "x", "y", "all"])
def test_every_layout_gives_the_gradients_of_a_copy_in_C_order(
    layout: Callable[[Any], np.ndarray], program: Any, create_graph: bool, place: str
) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: layout(rng) if place in (name, "all") else rng.normal(size=(3, 4)) for name in ("x", "y", "seed")}
    plain = {name: np.array(each, order="C") for name, each in arrays.items()}
    expected = gradients(program, **plain, create_graph=create_graph)
    found = gradients(program, **arrays, create_graph=create_graph)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)
        assert not any(np.shares_memory(one, each) for each in arrays.values())
    for name, each in arrays.items():
        np.testing.assert_array_equal(each, plain[name])  # nothing that was given is changed


@EACH_LAYOUT
def test_gradients_add_up_over_passes_in_every_layout(layout: Callable[[Any], np.ndarray]) -> None:
    seed = layout(np.random.default_rng(0))
    x = ge.tensor(np.ones((3, 4)), requires_grad=True)
    for _ in range(3):
        x.backward(seed)
    np.testing.assert_allclose(x.grad.data, 3 * seed, rtol=1e-15)


def test_a_pickled_half_is_computed_as_any_other() -> None:
    array = pickle.loads(pickle.dumps(np.full((3, 3), 100, np.float16)))
    for made in (ge.tensor(array), ge.from_numpy(array), pickle.loads(pickle.dumps(ge.tensor(array)))):
        assert made.dtype is np.dtype(np.float16)
        assert np.linalg.norm(made).item() == 300.0
    assert np.linalg.norm(ge.tensor(1.0, dtype=np.float16) * array).item() == 300.0
