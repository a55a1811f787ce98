"""Names of PyTorch's that are no ops: what programs ask about devices, dtypes and printing, and words for the rest."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any, Self

import numpy as np

from grad_engine.core.defaults import (
    CPU,
    check_device,
    device,
    generator_of,
    get_default_dtype,
    manual_seed,
    set_default_dtype,
)
from grad_engine.core.define import CALLS
from grad_engine.core.grad_mode import GradMode
from grad_engine.core.tensor import Tensor
from grad_engine.core.torch_words import Room
from grad_engine.creation import as_tensor, empty, zeros
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.ops.indexing import index_put
from grad_engine.ops.methods import dtype_of
from grad_engine.ops.product import matmul
from grad_engine.ops.reduction import sum as sum_of

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
    "LongTensor", "ShortTensor", "Size", "accelerator", "are_deterministic_algorithms_enabled", "asarray",
    "backends", "bartlett_window", "blackman_window", "broadcast_shapes", "can_cast", "channels_last",
    "contiguous_format", "cuda", "device", "dtype", "finfo", "get_default_device", "get_num_threads",
    "get_rng_state", "hamming_window", "hann_window", "iinfo", "inference_mode", "is_complex",
    "is_floating_point", "is_tensor", "mps", "poisson", "preserve_format", "promote_types", "result_type",
    "seed", "set_default_device", "set_default_tensor_type", "set_float32_matmul_precision",
    "set_num_interop_threads", "set_num_threads", "set_printoptions", "set_rng_state", "sparse",
    "sparse_coo_tensor", "special", "spmm", "strided", "tril_indices", "triu_indices", "unravel_index",
    "use_deterministic_algorithms",
]  # fmt: skip

finfo, iinfo = np.finfo, np.iinfo


def inference_mode(mode: Any = True) -> Any:
    """A context, or a decorator, inside which nothing is recorded: no_grad()."""
    return GradMode(False)(mode) if callable(mode) else GradMode(not mode)


def is_tensor(obj: Any) -> bool:
    """Whether it is a Tensor of this engine."""
    return isinstance(obj, Tensor)


def set_printoptions(precision: int | None = None, sci_mode: bool | None = None, **named: Any) -> None:
    """How arrays and tensors are printed from now on: NumPy's np.set_printoptions()."""
    np.set_printoptions(precision=precision, suppress=None if sci_mode is None else not sci_mode, **named)


def set_num_threads(count: int) -> None:
    """Nothing: how many threads NumPy's products take is set by OMP_NUM_THREADS before the program starts."""


# --- other devices ----------------------------------------------------------------------------------------------------


def _check_off(name: str, args: tuple[Any, ...], enabled: bool | None) -> None:
    """Raises ArgumentError unless mixed precision is off: by enabled=, or by the first True or False among `args`."""
    if enabled is None:
        enabled = next((each for each in args if isinstance(each, bool)), True)
    if enabled:
        raise ArgumentError(
            f"there is no mixed precision here; leave {name}() out or write {name}(enabled=False), and write "
            "model.float() and set_default_dtype(float32) for single precision"
        )


class autocast(ContextDecorator):
    """A context, or a decorator, that does nothing: mixed precision turned off. Raises ArgumentError where it is on."""

    def __init__(self, *args: Any, enabled: bool | None = None, **settings: Any) -> None:
        _check_off("autocast", args, enabled)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing: an error goes on."""


class GradScaler:
    """A scale of losses that is off: each loss is left as it is. Raises ArgumentError where it is on."""

    def __init__(self, *args: Any, enabled: bool | None = None, **settings: Any) -> None:
        _check_off("GradScaler", args, enabled)

    def scale(self, outputs: Any) -> Any:
        """`outputs` itself."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing: the gradients have no scale."""

    def step(self, optimizer: Any, *args: Any, **named: Any) -> Any:
        """What optimizer.step() gives."""
        return optimizer.step(*args, **named)

    def update(self, new_scale: Any = None) -> None:
        """Nothing: there is no scale."""

    def get_scale(self) -> float:
        """1.0."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """An empty dict."""
        return {}

    def load_state_dict(self, state_dict: Any) -> None:
        """Nothing: there is no state."""


def _nothing(*args: Any, **named: Any) -> None:
    """Nothing: there is no other device."""


_PRECISION = {"autocast": autocast, "GradScaler": GradScaler}
amp = Room("grad_engine.amp", _PRECISION)
_NO_DEVICE = {
    "is_available": lambda: False, "is_built": lambda: False, "device_count": lambda: 0, "manual_seed": _nothing,
    "manual_seed_all": _nothing, "empty_cache": _nothing, "synchronize": _nothing,
}  # fmt: skip
cuda = Room(
    "grad_engine.cuda",
    {**_NO_DEVICE, "amp": Room("grad_engine.cuda.amp", _PRECISION), "memory_allocated": lambda *args: 0},
)
mps = Room("grad_engine.mps", _NO_DEVICE)
accelerator = Room("grad_engine.accelerator", {**_NO_DEVICE, "current_accelerator": lambda *args, **named: None})
_SWITCHES = {"enabled": False, "deterministic": True, "benchmark": False, "allow_tf32": False}  # to be read and set
backends = Room(
    "grad_engine.backends",
    {
        "mps": Room("grad_engine.backends.mps", _NO_DEVICE),
        "mkl": Room("grad_engine.backends.mkl", _NO_DEVICE),
        "cudnn": Room("grad_engine.backends.cudnn", {**_NO_DEVICE, **_SWITCHES, "version": lambda: None}),
        "cuda": Room(
            "grad_engine.backends.cuda", {**_NO_DEVICE, "matmul": Room("grad_engine.backends.cuda.matmul", _SWITCHES)}
        ),
    },
)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Nothing: the same program gives the same numbers anyway."""


def are_deterministic_algorithms_enabled() -> bool:
    """True: the same program gives the same numbers."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Nothing: products are as precise as their dtype."""


def set_num_interop_threads(count: int) -> None:
    """Nothing: ops run one after the other."""


def seed() -> int:
    """A number drawn from the system, from which the generator now starts."""
    number = int(np.random.SeedSequence().entropy % 2**63)  # type: ignore[operator]
    manual_seed(number)
    return number


random = Room(
    "grad_engine.random",
    {"manual_seed": manual_seed, "seed": seed, "get_rng_state": lambda: get_rng_state(),
     "set_rng_state": lambda state: set_rng_state(state)},
)  # fmt: skip


def set_default_device(place: Any) -> None:
    """Nothing: every tensor is on the CPU. Raises ArgumentError for another device."""
    check_device(place)


def get_default_device() -> device:
    """The CPU."""
    return CPU


# --- older and other names --------------------------------------------------------------------------------------------

Size = tuple  # of a shape


def _define_typed(name: str, kind: Any) -> Any:
    def typed(*given: Any) -> Tensor:
        if len(given) == 1 and isinstance(given[0], list | tuple | np.ndarray | Tensor):
            return as_tensor(np.asarray(given[0].array if isinstance(given[0], Tensor) else given[0]).astype(kind))
        return empty(*given, dtype=kind)

    typed.__name__ = typed.__qualname__ = name  # dtype_of() reads it, for x.type(LongTensor)
    typed.__doc__ = f"A tensor of {np.dtype(kind)}: of the numbers of a list, or of a shape, which is not filled."
    return typed


FloatTensor, DoubleTensor = _define_typed("FloatTensor", np.float32), _define_typed("DoubleTensor", np.float64)
HalfTensor, ShortTensor = _define_typed("HalfTensor", np.float16), _define_typed("ShortTensor", np.int16)
IntTensor, LongTensor = _define_typed("IntTensor", np.int32), _define_typed("LongTensor", np.int64)
ByteTensor, BoolTensor = _define_typed("ByteTensor", np.uint8), _define_typed("BoolTensor", np.bool_)
CharTensor = _define_typed("CharTensor", np.int8)
asarray = as_tensor


def set_default_tensor_type(t: Any) -> None:
    """Make new tensors in the dtype of FloatTensor, DoubleTensor or HalfTensor, as set_default_dtype() does."""
    set_default_dtype(dtype_of(t))


def sparse_coo_tensor(indices: Any, values: Any, size: Any = None, **ignored: Any) -> Tensor:
    """The matrix, or array, with these values at these places, dense; values at one place add up."""
    places = np.asarray(indices.array if isinstance(indices, Tensor) else indices)
    shape = tuple(int(n) + 1 for n in places.max(axis=1)) if size is None else tuple(size)
    numbers = as_tensor(values)
    return index_put(zeros(*shape, dtype=numbers.dtype), tuple(places), numbers, accumulate=True)


def spmm(mat: Any, mat2: Any) -> Tensor:
    """mat @ mat2: PyTorch's product of a sparse matrix, which is a dense one here."""
    return matmul(as_tensor(mat), as_tensor(mat2))


sparse = Room("grad_engine.sparse", {"mm": spmm, "sum": sum_of})

_SPECIAL = {
    "expit": "sigmoid", "psi": "digamma", "multigammaln": "mvlgamma", "gammaln": "lgamma",
    **{name: name for name in (
        "digamma", "erf", "erfc", "erfinv", "exp2", "expm1", "i0e", "log1p", "log_ndtr", "log_softmax", "logit",
        "logsumexp", "ndtr", "ndtri", "polygamma", "round", "sinc", "softmax", "xlog1py", "xlogy", "entr", "erfcx",
        "i0", "i1", "i1e", "zeta",
    )},
}  # fmt: skip
special = Room("grad_engine.special", {name: CALLS[ours] for name, ours in _SPECIAL.items() if ours in CALLS})


# --- shapes, dtypes and the generator ---------------------------------------------------------------------------------

dtype = np.dtype
strided, contiguous_format, preserve_format = "strided", "contiguous_format", "preserve_format"
channels_last = "channels_last"  # where it is taken, arrays stay as they are


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of these shapes have together. Raises ShapeError."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ShapeError(f"broadcast_shapes() of {', '.join(map(str, shapes))}: {error}") from None


def promote_types(type1: Any, type2: Any) -> Any:
    """The dtype of what is computed from two dtypes: NumPy's."""
    return np.promote_types(type1, type2)


def result_type(*tensors: Any) -> Any:
    """The dtype of what is computed from these tensors and numbers."""
    return np.result_type(*(each.array if isinstance(each, Tensor) else each for each in tensors))


def can_cast(from_: Any, to: Any) -> bool:
    """Whether numbers of one dtype may become another's without a change of kind."""
    return np.can_cast(from_, to, "same_kind")


def is_floating_point(input: Any) -> bool:
    """Whether the dtype of a tensor is a floating-point one."""
    return as_tensor(input).dtype.kind == "f"


def is_complex(input: Any) -> bool:
    """Whether the numbers are complex, which those of a tensor are not."""
    return np.iscomplexobj(input.array if isinstance(input, Tensor) else input)


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """(2, count) with row and column of each place on and below a diagonal of a matrix (row, col)."""
    return as_tensor(np.stack(np.tril_indices(row, offset, col)))


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """(2, count) with row and column of each place on and above a diagonal of a matrix (row, col)."""
    return as_tensor(np.stack(np.triu_indices(row, offset, col)))


def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """The index along each axis of places counted in C order."""
    return tuple(as_tensor(np.asarray(each)) for each in np.unravel_index(as_tensor(indices).array, tuple(shape)))


def poisson(input: Any, generator: Any = None) -> Tensor:
    """A number of events for each element, where so many are expected."""
    rate = as_tensor(input)
    return as_tensor(generator_of(generator).poisson(rate.array).astype(rate.dtype))


def get_rng_state() -> Any:
    """The state of the generator that manual_seed() starts, for set_rng_state()."""
    return generator_of().bit_generator.state


def set_rng_state(new_state: Any) -> None:
    """Go on drawing from a state that get_rng_state() gave."""
    generator_of().bit_generator.state = new_state


def get_num_threads() -> int:
    """1: NumPy's products take as many as OMP_NUM_THREADS says."""
    return 1


# --- windows of signals -----------------------------------------------------------------------------------------------


def _define_window(window: Any, words: str) -> Any:
    def call(window_length: int, periodic: bool = True, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
        numbers = window(window_length + 1)[:-1] if periodic else window(window_length)
        made = as_tensor(np.asarray(numbers, dtype or get_default_dtype()))
        return made.requires_grad_() if requires_grad else made

    call.__doc__ = f"{words} of so many numbers; periodic: without the last of one more, as transforms take it."
    return call


hann_window = _define_window(np.hanning, "Hann's window")
hamming_window = _define_window(np.hamming, "Hamming's window")
blackman_window = _define_window(np.blackman, "Blackman's window")
bartlett_window = _define_window(np.bartlett, "Bartlett's window")
