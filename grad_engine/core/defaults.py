"""What is meant where a call says nothing: the dtype of new tensors and layers, and the source of random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from grad_engine.core.stand_ins import TRACING
from grad_engine.errors import ArgumentError, GradEngineError, TraceError

_default: dict[str, Any] = {"dtype": np.dtype(np.float64)}


def get_default_dtype() -> np.dtype[Any]:
    """The dtype of tensors made of Python's numbers and of the parameters of layers: float64 unless it was set."""
    if TRACING.trace is not None:
        TRACING.trace.asked.add("default dtype")
    return _default["dtype"]


def set_default_dtype(dtype: Any) -> None:
    """Make tensors of Python's numbers, filled and random tensors and layers in this dtype from now on.

    Raises ArgumentError for what is no floating-point dtype.
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise ArgumentError(f"a default dtype is one of NumPy's, such as np.float32, got {dtype!r}") from None
    if kind.kind != "f":
        raise ArgumentError(f"a default dtype is a floating-point one, got {kind}; pass np.float32 or np.float64")
    _default["dtype"] = kind


class Generator:
    """A source of random numbers: NumPy's, in `.numpy`, with PyTorch's way of seeding it.

    Functions that take `seed=` or `generator=` take it, a NumPy generator, or a number. Its numbers are NumPy's: a
    program that is ported draws others than PyTorch does.
    """

    def __init__(self, device: Any = None) -> None:
        check_device(device)
        self.numpy = np.random.default_rng()

    def manual_seed(self, seed: int) -> Generator:
        """This generator, started anew from a number."""
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise ArgumentError(f"a seed is a whole number, got {seed!r}")
        if TRACING.trace is not None:
            raise TraceError(
                f"manual_seed() was called in a compiled function{TRACING.trace.at()}, and a program does not seed; "
                "call it outside"
            )
        self.numpy.bit_generator.state = np.random.default_rng(int(seed) % 2**64).bit_generator.state
        return self  # in place: layers may hold the NumPy generator


def manual_seed(seed: int) -> Generator:
    """The generator that draws wherever no seed is given, started anew from a number: the same numbers for the same."""
    return _shared.manual_seed(seed)


def generator_of(seed: Any = None, generator: Any = None) -> np.random.Generator:
    """NumPy's generator for a `seed`: the shared one for None, a given one itself, a new one for a number."""
    if generator is not None:
        if seed is not None:
            raise ArgumentError("seed= and generator= both say where random numbers come from; pass one of them")
        seed = generator
    if seed is None or isinstance(seed, Generator):
        found = _shared.numpy if seed is None else seed.numpy
        return found if TRACING.trace is None else TRACING.trace.generators(found)
    try:
        return np.random.default_rng(seed)
    except GradEngineError:  # of a trace, in words of its own
        raise
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"a seed is a whole number or a generator, got {seed!r}: {error}") from None


class device(str):
    """PyTorch's name of a place for tensors: 'cpu', or in front of an index; all else is refused where it is used."""

    __slots__ = ()

    def __new__(cls, type: Any, index: int | None = None) -> device:
        return super().__new__(cls, type if index is None else f"{type}:{index}")

    @property
    def type(self) -> str:
        """What comes in front of the colon."""
        return self.partition(":")[0]

    @property
    def index(self) -> Any:  # str has a method of that name
        """The number after the colon, or None."""
        return int(self.partition(":")[2]) if ":" in self else None


CPU = device("cpu")


def check_device(device: Any) -> None:
    """Raise ArgumentError for a device that is not the CPU."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ArgumentError(f"tensors of this engine are NumPy arrays on the CPU, got device {device!r}; leave it out")


_shared = Generator()
