"""The health report of a graph, a record or a file."""

from __future__ import annotations

import sys
from os import PathLike

from grad_engine.export.from_tensor import Graph, Names, record_graph
from grad_engine.health import Report, report_of
from grad_engine.record import load_graph


def report(graph: Graph | str | PathLike[str], *, names: Names | None = None) -> Report:
    """What is wrong in a graph, in sentences, and the norms of its parameters and gradients: `print(report(loss))`.

    graph: a tensor or several, a record, or the path of a record file. names: what to call the tensors, such as
    `locals()`; by default the variables of the caller.

    `.rows` has a row for each parameter or leaf, `.findings` and `.notes` are sentences, `.healthy` says whether
    nothing wrong was found. What the record does not hold is None, and "not known" in print. Gradients count as
    vanishing where their norm falls by a factor of a million from one module to another that lies behind it.

    Raises what `record_graph` or `load_graph` raises.
    """
    if isinstance(graph, str | PathLike):
        return report_of(load_graph(graph))
    found = names if names is not None else sys._getframe(1).f_locals
    return report_of(record_graph(graph, names=found, explain=False))
