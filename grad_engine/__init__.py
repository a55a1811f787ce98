"""grad_engine: automatic differentiation on NumPy that keeps its graph and can show it.

Start here
    x = ge.tensor([1.0, 2.0], requires_grad=True)     a leaf: a tensor to differentiate by
    z = (x * x).sum()                                 operators, ge.exp(x), x.exp() and np.exp(x) are recorded
    z.backward(retain_graph=True)                     x.grad is now d(z)/d(x); the graph is kept, to be shown
    ge.visualize_graph(z)                             the graph as a tree
    ge.export_graph(z)                                the graph as a file, for film, pictures and the command line

Where to find what
    new tensors           tensor, zeros, ones, full, arange, linspace, eye, rand, randn, from_numpy; save, load
    random numbers        manual_seed, randint, randperm, normal, multinomial; seed= or generator= in each
    operations            one function per name, most of them methods too: help(ge.softmax); `ge.OPS` is the table
    gradients             Tensor.backward, grad; no_grad, enable_grad; checkpoint, Function, define for your own
    of functions          value_and_grad, jacobian, hessian, jvp, vjp, hvp; check_gradients compares with differences
    programs              ge.compile: a function, its gradient or a training step as one NumPy program
    layers and training   ge.nn, ge.optim, ge.data, ge.distributions, each loaded when it is first used
    hunting a NaN         detect_anomaly, record_source, scope
    what is wrong         report, of a graph, record or file
    records               record_graph, export_graph, load_graph, save_graph, visualize_graph; export_page, show_page
    NumPy's linalg        ge.linalg
    PyTorch               watch, around a training step; ge.interop: from_torch, from_torch_tensor, to_torch

Every deliberate error is a GradEngineError.
"""

import importlib as _importlib
import importlib.machinery as _machinery
import os as _os
import sys as _sys
from typing import Any as _Any

import numpy as _np

from grad_engine import linalg, ops
from grad_engine.checkpointing import checkpoint

# What Tensor's methods import when they are called is here by then: a child forked during an import would hang.
from grad_engine.core import backward as _backward  # noqa: F401
from grad_engine.core import leaf as _leaf  # noqa: F401
from grad_engine.core.allocator import tune_allocator
from grad_engine.core.defaults import Generator, get_default_dtype, manual_seed, set_default_dtype
from grad_engine.core.define import CALLS, define
from grad_engine.core.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from grad_engine.core.observe import detect_anomaly, record_source, scope
from grad_engine.core.op import OPS, case
from grad_engine.core.tensor import Tensor
from grad_engine.creation import (
    arange,
    as_tensor,
    bernoulli,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    multinomial,
    normal,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    tensor,
    zeros,
    zeros_like,
)
from grad_engine.errors import (
    AnomalyError,
    ArgumentError,
    AxisError,
    GradEngineError,
    GraphError,
    IndexingError,
    InPlaceError,
    LostHistoryWarning,
    MissingPackageError,
    NotDifferentiableError,
    RecordError,
    ShapeError,
    SingularError,
    SpellingWarning,
    TensorFileError,
    TraceError,
    TruthError,
)
from grad_engine.function import Function
from grad_engine.functional import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from grad_engine.graph_steps import walk
from grad_engine.pytree import ravel_pytree, register_structure
from grad_engine.testing import check_gradients
from grad_engine.value import Value
from grad_engine.version import VERSION as __version__

if _os.environ.get("GRAD_ENGINE_MALLOC") == "1":
    tune_allocator()

_sys.meta_path.append(_importlib.import_module("grad_engine.core.missing_modules").Finder())

# Rooms that not every program needs, and what is public in them: loaded when it is first asked for. A third of the time
# of `import grad_engine` would go into reading records alone.
_LOADED_ON_USE = (
    *("autograd", "data", "distributions", "draw", "export", "fft", "func", "interop", "nn", "notebook", "numpy"),
    *("optim", "polynomial", "program", "progress", "record", "scipy", "tree", "utils"),
)
_PUBLIC = {
    "export.film": ("film",),
    "export.health": ("report",),
    "export.from_tensor": ("export_graph", "record_graph", "visualize_graph"),
    "export.page": ("export_page", "show_page"),
    "export.pictures": ("to_dot", "to_svg"),
    "files": ("load", "save"),
    "interop.compare": ("compare_with_torch",),
    "interop.tensors": ("from_dlpack",),
    "interop.watching": ("watch",),
    "program": ("compile", "scan"),
    "record": ("GraphRecord", "load_graph", "save_graph"),
    "torch_names": (
        "BoolTensor",
        "ByteTensor",
        "CharTensor",
        "DoubleTensor",
        "FloatTensor",
        "HalfTensor",
        "IntTensor",
        "LongTensor",
        "ShortTensor",
        "Size",
        "accelerator",
        "amp",
        "are_deterministic_algorithms_enabled",
        "asarray",
        "autocast",
        "backends",
        "bartlett_window",
        "blackman_window",
        "broadcast_shapes",
        "can_cast",
        "channels_last",
        "contiguous_format",
        "cuda",
        "device",
        "dtype",
        "finfo",
        "get_default_device",
        "get_num_threads",
        "get_rng_state",
        "hamming_window",
        "hann_window",
        "iinfo",
        "inference_mode",
        "is_complex",
        "is_floating_point",
        "is_tensor",
        "mps",
        "poisson",
        "preserve_format",
        "promote_types",
        "random",
        "result_type",
        "seed",
        "set_default_device",
        "set_default_tensor_type",
        "set_float32_matmul_precision",
        "set_num_interop_threads",
        "set_num_threads",
        "set_printoptions",
        "set_rng_state",
        "sparse",
        "sparse_coo_tensor",
        "special",
        "spmm",
        "strided",
        "tril_indices",
        "triu_indices",
        "unravel_index",
        "use_deterministic_algorithms",
    ),
}
_FROM = {name: room for room, names in _PUBLIC.items() for name in names}


# PyTorch's dtypes of these names; here, so that the names stay Python's in this file.
_DTYPES = {"float": _np.float32, "int": _np.int32, "bool": _np.bool_}


def __getattr__(name: str) -> _Any:
    """What is loaded when it is first asked for; from then on it is here."""
    if name in _DTYPES:
        return _DTYPES[name]
    if name in _LOADED_ON_USE:
        return _importlib.import_module(f"grad_engine.{name}")
    if name in _FROM:
        found = getattr(_importlib.import_module(f"grad_engine.{_FROM[name]}"), name)
        globals()[name] = found
        return found
    on_the_way = _machinery.PathFinder.find_spec(f"grad_engine.{name}", __path__) is not None  # to an import
    if name.startswith("_") or on_the_way:
        raise AttributeError(f"module 'grad_engine' has no attribute {name!r}")
    rooms = ["nn", "nn.functional", "optim", "utils.data", "distributions", "linalg", "func"]
    loaded = [(f"grad_engine.{room}", vars(_importlib.import_module(f"grad_engine.{room}"))) for room in rooms]
    words = _importlib.import_module("grad_engine.core.torch_words")
    raise AttributeError(words.missing("grad_engine", name, __dir__(), loaded))


def __dir__() -> list[str]:
    """What an editor offers after `ge.`: every public name, without the files that it comes from."""
    rooms = {"errors", "linalg", *_LOADED_ON_USE}
    return sorted({*_FROM, *rooms, *(name for name, value in globals().items() if type(value) is not type(_os))})


# PyTorch's names for NumPy's dtypes and numbers.
float16, float32, float64 = _np.float16, _np.float32, _np.float64
int8, int16, int32, int64, uint8, bool_ = _np.int8, _np.int16, _np.int32, _np.int64, _np.uint8, _np.bool_
half, double, long, short = _np.float16, _np.float64, _np.int64, _np.int16
inf, nan, pi, e = _np.inf, _np.nan, _np.pi, _np.e

globals().update(CALLS)  # every op under its name and aliases: grad_engine.matmul, grad_engine.ln, ...

__all__ = [
    "OPS",
    "AnomalyError",
    "ArgumentError",
    "AxisError",
    "Function",
    "Generator",
    "GradEngineError",
    "GraphError",
    "GraphRecord",
    "InPlaceError",
    "IndexingError",
    "LostHistoryWarning",
    "MissingPackageError",
    "NotDifferentiableError",
    "RecordError",
    "ShapeError",
    "SingularError",
    "SpellingWarning",
    "Tensor",
    "TensorFileError",
    "TraceError",
    "TruthError",
    "Value",
    "__version__",
    "arange",
    "as_tensor",
    "bernoulli",
    "case",
    "check_gradients",
    "checkpoint",
    "define",
    "detect_anomaly",
    "empty",
    "empty_like",
    "enable_grad",
    "export_graph",
    "export_page",
    "eye",
    "film",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "get_default_dtype",
    "grad",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "linalg",
    "linspace",
    "load",
    "load_graph",
    "logspace",
    "manual_seed",
    "multinomial",
    "no_grad",
    "normal",
    "notebook",
    "ones",
    "ones_like",
    "ops",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "ravel_pytree",
    "record_graph",
    "record_source",
    "register_structure",
    "report",
    "save",
    "save_graph",
    "scope",
    "set_default_dtype",
    "set_grad_enabled",
    "show_page",
    "tensor",
    "to_dot",
    "to_svg",
    "tune_allocator",
    "value_and_grad",
    "visualize_graph",
    "vjp",
    "walk",
    "watch",
    "zeros",
    "zeros_like",
]  # help(ge) shows these; help(ge.softmax) an op
