"""The table of ops. Importing this package fills OPS."""

from grad_engine.ops import (
    activation,
    arithmetic,
    convolution,
    elementwise,
    image,
    indexing,
    joining,
    linalg,
    loss,
    neural,
    pooling,
    product,
    reduction,
    shape,
    special,
    statistics,
)

__all__ = [
    "activation",
    "arithmetic",
    "convolution",
    "elementwise",
    "image",
    "indexing",
    "joining",
    "linalg",
    "loss",
    "neural",
    "pooling",
    "product",
    "reduction",
    "shape",
    "special",
    "statistics",
]
