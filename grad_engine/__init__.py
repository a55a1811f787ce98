"""grad_engine: a NumPy autograd engine that can show its work."""

import os as _os

from grad_engine import linalg, notebook, ops
from grad_engine.core.allocator import tune_allocator
from grad_engine.core.chain_rule import grad
from grad_engine.core.define import CALLS, define
from grad_engine.core.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from grad_engine.core.observe import detect_anomaly, record_source, scope
from grad_engine.core.op import OPS, case
from grad_engine.core.tensor import Tensor
from grad_engine.creation import (
    arange,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randn,
    randn_like,
    tensor,
    zeros,
    zeros_like,
)
from grad_engine.errors import (
    AnomalyError,
    ArgumentError,
    GradEngineError,
    GraphError,
    IndexingError,
    InPlaceError,
    MissingPackageError,
    NotDifferentiableError,
    RecordError,
    ShapeError,
    SingularError,
    TensorFileError,
)
from grad_engine.export.from_tensor import export_graph, record_graph, visualize_graph
from grad_engine.files import load, save
from grad_engine.function import Function, checkpoint
from grad_engine.functional import hessian, hvp, jacobian, jvp, value_and_grad, vjp
from grad_engine.interop import from_dlpack
from grad_engine.record import GraphRecord, load_graph, save_graph
from grad_engine.testing import check_gradients

if _os.environ.get("GRAD_ENGINE_MALLOC") == "1":
    tune_allocator()

globals().update(CALLS)  # every op under its name and aliases: grad_engine.matmul, grad_engine.ln, ...

__all__ = [
    "OPS",
    "AnomalyError",
    "ArgumentError",
    "Function",
    "GradEngineError",
    "GraphError",
    "GraphRecord",
    "InPlaceError",
    "IndexingError",
    "MissingPackageError",
    "NotDifferentiableError",
    "RecordError",
    "ShapeError",
    "SingularError",
    "Tensor",
    "TensorFileError",
    "arange",
    "case",
    "check_gradients",
    "checkpoint",
    "define",
    "detect_anomaly",
    "enable_grad",
    "export_graph",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
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
    "no_grad",
    "notebook",
    "ones",
    "ones_like",
    "ops",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "record_graph",
    "record_source",
    "save",
    "save_graph",
    "scope",
    "set_grad_enabled",
    "tensor",
    "tune_allocator",
    "value_and_grad",
    "visualize_graph",
    "vjp",
    "zeros",
    "zeros_like",
    *CALLS,
]
