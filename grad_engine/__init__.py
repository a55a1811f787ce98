"""grad_engine: a NumPy autograd engine that can show its work."""

from grad_engine import ops
from grad_engine.autograd import (
    enable_grad,
    grad,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from grad_engine.creation import (
    arange,
    eye,
    from_numpy,
    full,
    full_like,
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
    ArgumentError,
    GradEngineError,
    GraphError,
    IndexingError,
    InPlaceError,
    NotDifferentiableError,
    RecordError,
    ShapeError,
)
from grad_engine.export import export_graph, record_graph, visualize_graph
from grad_engine.op import CALLS, OPS, case, define
from grad_engine.record import GraphRecord, load_graph, save_graph
from grad_engine.tensor import Tensor
from grad_engine.testing import check_gradients

globals().update(CALLS)  # every op under its name and aliases: grad_engine.matmul, grad_engine.ln, ...

__all__ = [
    "OPS",
    "ArgumentError",
    "GradEngineError",
    "GraphError",
    "GraphRecord",
    "InPlaceError",
    "IndexingError",
    "NotDifferentiableError",
    "RecordError",
    "ShapeError",
    "Tensor",
    "arange",
    "case",
    "check_gradients",
    "define",
    "enable_grad",
    "export_graph",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "grad",
    "is_grad_enabled",
    "load_graph",
    "no_grad",
    "ones",
    "ones_like",
    "ops",
    "rand",
    "rand_like",
    "randn",
    "randn_like",
    "record_graph",
    "save_graph",
    "set_grad_enabled",
    "tensor",
    "visualize_graph",
    "zeros",
    "zeros_like",
    *CALLS,
]
