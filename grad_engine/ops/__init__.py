"""The table of ops. Importing this package fills OPS."""

from grad_engine.ops import activation, arithmetic, elementwise, indexing, joining, linalg, neural, reduction, shape

__all__ = ["activation", "arithmetic", "elementwise", "indexing", "joining", "linalg", "neural", "reduction", "shape"]
