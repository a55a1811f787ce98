"""The graph behind a tensor as a still picture: SVG text, or text for Graphviz."""

from __future__ import annotations

import sys
from typing import Any

from grad_engine.export.from_tensor import Graph, Names, record_graph


def to_svg(graph: Graph, *, names: Names | None = None, **options: Any) -> str:
    """The graph behind `graph` (a tensor, several, or a record) as SVG text; `options` as in `grad_engine.draw.to_svg`.

    names: what to call the tensors; by default the variables of the caller. Needs the `draw` extra.
    """
    from grad_engine.draw import to_svg as drawn

    return drawn(record_graph(graph, names=names if names is not None else sys._getframe(1).f_locals), **options)


def to_dot(graph: Graph, *, names: Names | None = None, **options: Any) -> str:
    """The same as text in Graphviz's language: `dot -Tpng graph.dot` draws it."""
    from grad_engine.draw.graphviz import to_dot as written

    return written(record_graph(graph, names=names if names is not None else sys._getframe(1).f_locals), **options)
