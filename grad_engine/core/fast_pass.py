"""The loop over a graph in a backward pass on arrays that nobody observes: as in chain_rule.py, in less time.

Sums grow in place, in memory that the pass owns: that of a leaf from its first share on, which is copied where others
may hold it, and that of any other node from its first sum on.

The cases of one and of two operands, which most nodes have, are written out. To chains of such ops, `node.shares()` and
`node.release()` would add 8 %, and one function for what follows each rule another 5 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.broadcasting import fitted
from grad_engine.core.hooks import hooked
from grad_engine.core.node import BinaryNode, Edge, GradAccum, Node, Output, UnaryNode
from grad_engine.core.targets import keep_targets
from grad_engine.errors import ArgumentError

NO_SHARE = np.float64(0)  # stands for the latest share before there is any


def run_rules_quickly(
    seeds: Mapping[Edge, Any],
    nodes: Sequence[Node],
    targets: Sequence[Edge] | None,
    useful: set[Edge] | None,
    release: bool,
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What is pending once the rules of all nodes have run, and what the targets among the nodes gathered."""
    pending: dict[Any, Any] = {**seeds}
    if len(seeds) > 1:  # a seed of a leaf is one share of several, to which others are added in place
        pending.update((edge, np.array(seed)) for edge, seed in seeds.items() if type(edge) is GradAccum)
    found: dict[Any, Any] = {}
    owned: set[Edge] = set()  # nodes whose sum is in memory of the pass
    node: Any = None
    share: Any = NO_SHARE
    try:
        for node in nodes:
            g = pending.pop(node, None)
            if g is None and (not node.op.multi_output or (g := of_its_outputs(pending, node)) is None):
                continue
            if (extra := node.extra) is not None and (extra.hooks or extra.retained):
                g = hooked(node, g)
            if targets is not None:
                keep_targets(found, targets, node, g)
            kind = type(node)
            if kind is UnaryNode:
                edge, x, rest = node.edge, node.x, node.rest
                if useful is None or edge in useful:
                    share = node.op.rules[0](g, node.out, x, *rest) if rest else node.op.rules[0](g, node.out, x)
                    if share.shape != x.shape or share.dtype is not x.dtype:
                        share = fitted(share, x)
                    if edge in pending:
                        if type(edge) is GradAccum or edge in owned:
                            held = pending[edge]
                            held += share
                        else:
                            pending[edge] = _first_sum(pending[edge], share, edge, owned)
                    elif type(edge) is GradAccum and (
                        share is g or type(share) is not ndarray or share.base is not None
                    ):
                        pending[edge] = np.array(share)
                    else:
                        pending[edge] = share
                if release:
                    node.out = node.x = None
                    node.rest = ()
            elif kind is BinaryNode:
                out, x, y, edge, y_edge = node.out, node.x, node.y, node.x_edge, node.y_edge
                for_x, for_y = node.op.rules
                if edge is not None and (useful is None or edge in useful):
                    share = for_x(g, out, x, y)
                    if share.shape != x.shape or share.dtype is not x.dtype:
                        share = fitted(share, x)
                    if edge in pending:
                        if type(edge) is GradAccum or edge in owned:
                            held = pending[edge]
                            held += share
                        else:
                            pending[edge] = _first_sum(pending[edge], share, edge, owned)
                    elif type(edge) is GradAccum and (
                        share is g or type(share) is not ndarray or share.base is not None
                    ):
                        pending[edge] = np.array(share)
                    else:
                        pending[edge] = share
                if y_edge is not None and (useful is None or y_edge in useful):
                    share = for_y(g, out, x, y)
                    if share.shape != y.shape or share.dtype is not y.dtype:
                        share = fitted(share, y)
                    if y_edge in pending:
                        if type(y_edge) is GradAccum or y_edge in owned:
                            held = pending[y_edge]
                            held += share
                        else:
                            pending[y_edge] = _first_sum(pending[y_edge], share, y_edge, owned)
                    elif type(y_edge) is GradAccum and (
                        share is g or type(share) is not ndarray or share.base is not None
                    ):
                        pending[y_edge] = np.array(share)
                    else:
                        pending[y_edge] = share
                if release:
                    node.out = node.x = node.y = None
            else:
                shared = node.op.joint is not None  # such a rule may return one array twice
                for _, edge, share, x in node.shares(g, useful):
                    if share.shape != x.shape or share.dtype is not x.dtype:
                        share = fitted(share, x)
                    if edge in pending:
                        if type(edge) is GradAccum or edge in owned:
                            held = pending[edge]
                            held += share
                        else:
                            pending[edge] = _first_sum(pending[edge], share, edge, owned)
                    elif type(edge) is GradAccum and (
                        shared or share is g or type(share) is not ndarray or share.base is not None
                    ):
                        pending[edge] = np.array(share)
                    else:
                        pending[edge] = share
                if release:
                    node.release()
    except Exception as error:
        refuse_share(share, node)
        add_place(error, node)
        raise
    return pending, found


def _first_sum(held: Any, share: Any, edge: Edge, owned: set[Edge]) -> Any:
    """The sum of the first two shares of a node, which is in memory of the pass from now on."""
    total = held + share
    if isinstance(total, ndarray):  # sums of 0-d arrays arrive as NumPy scalars, which cannot grow in place
        owned.add(edge)
    return total


def of_its_outputs(pending: dict[Any, Any], node: Node) -> tuple[Any, ...] | None:
    """The gradients of a node's numbered outputs, None for those that nothing reached; None when none was reached."""
    gs = tuple(pending.pop(Output(node, index), None) for index in range(len(node.out)))
    return gs if any(g is not None for g in gs) else None


def refuse_share(share: Any, node: Node) -> None:
    """Raise ArgumentError where the latest share is no array. Called after an error only: no pass pays for it."""
    if not hasattr(share, "shape"):
        got = "None: it may have no return" if share is None else f"{type(share).__name__} {share!r}"
        raise ArgumentError(
            f"a rule of {node.op.name} has to return an array, the share of gradient of its operand; it returned {got}"
        ) from None


def add_place(error: Exception, node: Node) -> None:
    """Note in an error which node was running its rules."""
    shapes = ", ".join(str(np.shape(operand)) for operand in node.arrays)
    error.add_note(f"raised while the gradient passed {node.name}; its inputs have shapes {shapes}")
