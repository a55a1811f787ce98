"""The chain rule, written once: walk the recorded graph, newest node first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from grad_engine.core.broadcasting import fitted
from grad_engine.core.checks import check_values
from grad_engine.core.fast_pass import NO_SHARE, add_place, of_its_outputs, refuse_share, run_rules_quickly
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.hooks import hooked
from grad_engine.core.node import BinaryNode, Edge, GradAccum, Node, Output, UnaryNode
from grad_engine.core.targets import edges_to, keep_targets
from grad_engine.core.tensor import wrap

by_sequence_nr = attrgetter("sequence_nr")


def newest_first(roots: Iterable[Edge]) -> list[Node]:
    """Every node the roots depend on, consumers before producers.

    A node is always younger than its inputs, so sorting by sequence number is a topological order.
    """
    nodes: list[Any] = []
    seen = set()
    for edge in roots:
        if type(edge) is Output:
            edge = edge.node
        if type(edge) is not GradAccum and edge not in seen:
            seen.add(edge)
            nodes.append(edge)
    for node in nodes:  # grows while we read it
        kind = type(node)  # the slots themselves: `edges` of most nodes is a property, and a call
        for edge in (
            (node.x_edge, node.y_edge) if kind is BinaryNode else (node.edge,) if kind is UnaryNode else node.edges
        ):
            if edge is None or type(edge) is GradAccum:
                continue
            if type(edge) is Output:
                edge = edge.node
            if edge not in seen:
                seen.add(edge)
                nodes.append(edge)
    if len(nodes) > 1:
        nodes.sort(key=by_sequence_nr, reverse=True)
    return nodes


def pull_back(
    seeds: Mapping[Edge, Any],
    targets: Sequence[Edge] | None = None,
    create_graph: bool = False,
    observers: Sequence[Any] = (),
    release: bool = False,
) -> dict[Any, Any]:
    """The chain rule: send each seed down the graph from its node; return what each target (default: leaf) gathered.

    create_graph: call the rules on Tensors, so that the pass is recorded itself, and what it returns are Tensors.
    observers: told of each step, by `ran(node, g)` and `sent(node, slot, edge, raw share, share, sum so far)`.
    release: whether to let go of the values of each node once its rules have run.

    What a leaf gathered is in no one else's memory, unless it is a Tensor or somebody observes the pass.
    """
    nodes = newest_first(seeds)
    check_values(nodes)
    useful = None if targets is None else edges_to(targets, nodes)
    if (watch := current_mode().watch) is not None:
        observers = (*observers, *watch.observers(seeds))
    if create_graph or observers:
        pending, found = _run_rules(seeds, nodes, targets, useful, create_graph, observers, release)
    else:
        pending, found = run_rules_quickly(seeds, nodes, targets, useful, release)
    for edge, g in pending.items():  # only leaves are left
        if edge.extra is not None:
            pending[edge] = hooked(edge, g)
    return pending if targets is None else found | {edge: g for edge, g in pending.items() if edge in targets}


def _run_rules(
    seeds: Mapping[Edge, Any],
    nodes: Sequence[Node],
    targets: Sequence[Edge] | None,
    useful: set[Edge] | None,
    create_graph: bool,
    observers: Sequence[Any],
    release: bool,
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """What is pending once the rules of all nodes have run, and what the targets among the nodes gathered.

    fast_pass.py does the same for passes on arrays that nobody observes, in less time.
    """
    told_ran, told_sent = [each.ran for each in observers], [each.sent for each in observers]
    pending: dict[Any, Any] = {**seeds}
    found: dict[Any, Any] = {}
    node: Any = None
    raw: Any = NO_SHARE
    try:
        for node in nodes:  # consumers come first, so this node's sum is already complete
            g = pending.pop(node, None)
            if g is None and (not node.op.multi_output or (g := of_its_outputs(pending, node)) is None):
                continue  # every rule above passed nothing this way
            if (extra := node.extra) is not None and (extra.hooks or extra.retained):
                g = hooked(node, g)
            if targets is not None:
                keep_targets(found, targets, node, g)
            for tell in told_ran:
                tell(node, g)
            for slot, edge, raw, array in (
                node.shares_from(g, *as_tensors(node), useful) if create_graph else node.shares(g, useful)
            ):
                share = fitted(raw, array)
                pending[edge] = pending[edge] + share if edge in pending else share
                for tell in told_sent:
                    tell(node, slot, edge, raw, share, pending[edge])
            if release:
                node.release()
    except Exception as error:
        refuse_share(raw, node)
        add_place(error, node)
        raise
    return pending, found


def as_tensors(node: Node) -> tuple[Any, tuple[Any, ...]]:
    """Result and operands of `node` as Tensors of its graph, so that a rule called on them is itself recorded."""
    if type(node.out) is tuple:
        out: Any = tuple(wrap(part, Output(node, index)) for index, part in enumerate(node.out))
    else:
        out = wrap(node.out, node)
    pairs = zip(node.arrays, node.edges, strict=True)
    return out, tuple(array if edge is None else wrap(array, edge) for array, edge in pairs)
