"""The log of one backward pass: every step in the order it was done. Records and films are made from it."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from grad_engine.core.node import Edge, Extra, Node, next_sequence_nr, node_of, output_index_of
from grad_engine.core.tensor import Tensor, array_of

_made = tuple.__new__  # in a third of the time that the own __new__ of a NamedTuple takes
RUNS_KEPT = 16  # the latest logged passes of one root


class Ran(NamedTuple):
    """The rules of a node ran on `g`, its complete gradient: an array, or a tuple of those of its outputs."""

    sequence_nr: int
    g: Any


class Sent(NamedTuple):
    """A node sent a share along the edge of one operand."""

    sequence_nr: int
    slot: int
    raw_shape: tuple[int, ...]  # as the rule gave it, before it was summed to the shape of the operand
    share: Any
    total: Any  # the sum at the receiver so far, of this pass alone


class LeafChange(NamedTuple):
    """What a pass did to the `.grad` of a leaf."""

    sequence_nr: int
    before: np.ndarray | None  # what earlier passes had left there
    gathered: np.ndarray  # what this pass brought
    after: np.ndarray  # their sum; the array of `gathered` itself where there was nothing before


class Run:
    """What one backward pass did. Nodes go by their sequence numbers, so that nothing here leads back to them."""

    def __init__(self, root: Edge, seed: np.ndarray) -> None:
        self.sequence_nr = next_sequence_nr()
        self.output = output_index_of(root)
        self.seed = seed
        self.events: list[Ran | Sent] = []
        self.leaves: list[LeafChange] = []
        self.complete = False

    def ran(self, node: Node, g: Any) -> None:
        """Note that `node` got its complete gradient."""
        if type(g) is not np.ndarray:
            g = tuple(map(array_of, g)) if node.op.multi_output else array_of(g)
        self.events.append(_made(Ran, (node.sequence_nr, g)))

    def sent(self, node: Node, slot: int, edge: Edge, raw: Any, share: Any, total: Any) -> None:
        """Note a share, and the sum it became part of."""
        if type(total) is Tensor:
            share, total = array_of(share), total.array
        self.events.append(_made(Sent, (node.sequence_nr, slot, raw.shape, share, total)))


def note_derivative(gradient: Any, root: Edge, by: Edge) -> None:
    """Note at the node of a gradient that was recorded itself that it is the derivative of `root` by `by`."""
    node = node_of(gradient.node) if type(gradient) is Tensor and gradient.node is not None else None
    start, end = node_of(root), node_of(by)
    # An older node is what the rules returned as it was.
    if isinstance(node, Node) and start is not None and end is not None and node.sequence_nr > start.sequence_nr:
        node.extra = node.extra or Extra()
        node.extra.derivative = start.sequence_nr, end.sequence_nr


def begun_run(edge: Edge, seed: np.ndarray) -> Run | None:
    """A new log, kept by the node where the pass starts; None for a leaf, from where there is nowhere to go."""
    node = node_of(edge)
    if not isinstance(node, Node):
        return None
    run = Run(edge, seed.copy())
    node.extra = node.extra or Extra()
    node.extra.runs = node.extra.runs or deque(maxlen=RUNS_KEPT)
    node.extra.runs.append(run)
    return run
