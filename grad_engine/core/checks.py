"""What must hold before a backward pass: the saved values are still there, and as they were when recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grad_engine.core.node import Edge, GradAccum, Node
from grad_engine.core.outside_memory import PRINTS, check_prints
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError, GraphError, InPlaceError


def check_values(nodes: Sequence[Node]) -> None:
    """Raise GraphError when values were freed, InPlaceError when one that a rule reads was changed."""
    for node in nodes:
        if node.out is None:
            raise GraphError(
                f"the values that {node.name} saved are gone, because backward already ran through it; "
                "pass retain_graph=True to the first backward to run another, or to export the graph, and detach() the "
                "state that one step hands to the next"
            )
    if nodes and PRINTS.latest >= nodes[-1].sequence_nr:
        check_prints(nodes)
    if nodes and WRITES.latest >= nodes[-1].sequence_nr:  # a node that writes has the number of its write
        for node in nodes:
            _check_writes(node)


def _check_writes(node: Node) -> None:
    """Raise InPlaceError when an operand had lost its history before `node` read it, or a value has changed since."""
    operands = dict(zip(node.op.parameters(len(node.arrays)), node.arrays, strict=True))
    for (name, array), edge in zip(operands.items(), node.edges, strict=True):
        if edge is None or type(edge) is GradAccum:
            continue
        if (turn := WRITES.recorded_between(array, edge.sequence_nr, node.sequence_nr)) is not None:
            raise InPlaceError(
                f"{name} of {node.op.name} is a view whose base was changed in place before it was used "
                f"(made at {edge.sequence_nr}, changed at {turn}, used at {node.sequence_nr}); take the view again "
                "after the change"
            )
    outs = node.out if node.op.multi_output else (node.out,)
    late = {name: array for name, array in operands.items() if WRITES.latest_of(array) >= node.sequence_nr}
    late.update(("out", out) for out in outs if WRITES.latest_of(out) > node.sequence_nr)
    if not late:
        return
    wanted = [edge is not None for edge in node.edges]
    for tree in node.op.rule_trees(node.out, node.arrays, node.rest, wanted):
        for name in sorted(node.op.reads(tree) & late.keys()):
            what = "its result" if name == "out" else f"its input {name}"
            raise InPlaceError(
                f"{node.name} needs {what}, of shape {late[name].shape}, as it was when recorded "
                f"(version {node.sequence_nr}), but it was changed in place since "
                f"(version {WRITES.latest_of(late[name])}); write x = x / y instead of x /= y, and x = x.clone() "
                "before x[0] = 5"
            )


def edge_of(tensor: Any, what: str = "the tensor that backward was asked of") -> Edge:
    """The edge to `tensor`. Raises ArgumentError, GraphError or InPlaceError where no pass can start, or end, at it."""
    if type(tensor) is not Tensor:
        raise ArgumentError(f"{what} must be a tensor, got {type(tensor).__name__}")
    edge = tensor.node
    if edge is None:
        raise GraphError(
            f"{what} does not require grad, so there is no graph to walk; make a leaf with requires_grad=True and "
            "compute it from that, outside no_grad(), and a gradient to be differentiated with create_graph=True "
            "(whole numbers, comparisons, argmax() and detach() carry no gradient)"
        )
    if WRITES.latest > edge.sequence_nr and type(edge) is not GradAccum and tensor.array.base is not None:
        turn = WRITES.recorded_between(tensor.array, edge.sequence_nr)
        if turn is not None:
            raise InPlaceError(
                f"{what} is a view whose base was changed in place (made at {edge.sequence_nr}, changed at {turn}); "
                "take the view again after the change"
            )
    return edge
