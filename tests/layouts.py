"""The memory layouts in which the same numbers can stand, for tests that hold in every one of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def _strided(x: np.ndarray) -> np.ndarray:
    """Every second element along each axis of a larger array."""
    room = np.full([2 * n + 1 for n in x.shape], 77, x.dtype)
    view = room[(..., *(slice(1, None, 2) for _ in x.shape))]
    view[...] = x
    return view


def _backwards(x: np.ndarray) -> np.ndarray:
    turned = (slice(None, None, -1),) * x.ndim
    return x[(..., *turned)].copy(order="C")[(..., *turned)]


def _inner_axes_swapped(x: np.ndarray) -> np.ndarray:
    """Neither C nor Fortran order from three axes on."""
    return np.swapaxes(np.swapaxes(x, 0, -1).copy(order="C"), 0, -1) if x.ndim > 1 else x.copy()


def _read_only(x: np.ndarray) -> np.ndarray:
    copy = x.copy()
    copy.setflags(write=False)
    return copy


def _repeated(x: np.ndarray) -> np.ndarray:
    """The first row again and again, in memory once: stride 0."""
    return np.broadcast_to(x[:1], x.shape) if x.ndim and x.shape[0] else x


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran": lambda x: x.copy(order="F"),
    "transposed": lambda x: x.T.copy(order="C").T,
    "axes swapped": _inner_axes_swapped,
    "strided": _strided,
    "backwards": _backwards,
    "stride 0": _repeated,
    "read-only": _read_only,
}
