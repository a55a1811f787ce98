"""The items and links of a picture: one item per op, leaf and constant, one link per operand."""

from __future__ import annotations

from dataclasses import dataclass

from grad_engine.record import GraphRecord


@dataclass(frozen=True, slots=True)
class Link:
    """A line from producer to consumer: it ends at port `slot`, from the top, of the `slots` on the target's left."""

    id: str
    source: str
    target: str
    slot: int = 0
    slots: int = 1


def drawn(record: GraphRecord) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """The ids of what is drawn of a record, and the links between them in forward direction.

    One item per op node (`n3`), one per accumulator (`a1`; the leaf is part of its card), one per constant tensor
    (`t7`) unless it is a nameless number, which is written inside the op that reads it. One link per operand that has
    an item: its id is the record's edge id where a gradient flows, else `node:slot`. Items come in creation order.
    """
    tensors = {tensor.id: tensor for tensor in record.tensors}
    leaves = {accumulator.leaf: accumulator.id for accumulator in record.accumulators}
    made_by = leaves | {tensor: node.id for node in record.nodes for tensor in node.outputs}
    receivers = {edge.id: edge.receiver for edge in record.edges}
    constants: dict[str, list[str]] = {}  # the cards that appear with a node
    links: list[Link] = []
    for node in record.nodes:
        found: list[tuple[str, str]] = []
        for operand in node.inputs:
            tensor = tensors[operand.tensor]
            if operand.edge is not None:
                found.append((operand.edge, receivers[operand.edge]))
            elif tensor.id in made_by:
                found.append((f"{node.id}:{operand.slot}", made_by[tensor.id]))
            elif tensor.role != "constant" or tensor.shape != () or tensor.name is not None:
                found.append((f"{node.id}:{operand.slot}", tensor.id))
                constants.setdefault(node.id, []).append(tensor.id)
        links += [Link(key, source, node.id, port, len(found)) for port, (key, source) in enumerate(found)]
    items: dict[str, None] = {}
    for step in record.forward:
        items |= dict.fromkeys([*constants.get(step.id, ()), leaves.get(step.id, step.id)])
    # A record of another producer may lack the order in which things were made.
    items |= dict.fromkeys(leaves.values())
    for node in record.nodes:
        items |= dict.fromkeys([*constants.get(node.id, ()), node.id])
    return tuple(items), tuple(links)
