"""A pass to chosen tensors: along which edges it has to go, and which gradients it keeps for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grad_engine.core.node import Edge, Node, Output, node_of


def edges_to(targets: Sequence[Edge], nodes: Sequence[Node]) -> set[Edge]:
    """The edges along which a share can still reach a target."""
    useful: set[Edge] = set(map(node_of, targets))
    for node in reversed(nodes):  # producers first
        for edge in node.edges:
            if (edge.node if type(edge) is Output else edge) in useful:
                useful.add(edge)
                useful.add(node)
    return useful | {
        Output(n, i) for n in useful if isinstance(n, Node) and n.op.multi_output for i in range(len(n.out))
    }


def keep_targets(found: dict[Any, Any], targets: Sequence[Edge], node: Node, g: Any) -> None:
    """Note in `found` the complete gradient of those targets that are outputs of `node`."""
    if node.op.multi_output:
        found.update(
            (port, part) for i, part in enumerate(g) if part is not None and (port := Output(node, i)) in targets
        )
    elif node in targets:
        found[node] = g
