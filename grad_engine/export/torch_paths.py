"""The paths of one number through a PyTorch graph, the curves of its ops, entries of products, and which rules hold.

Nothing of the program runs: a backward node of PyTorch is a linear function of the gradient that reaches it, so its
slope at one entry is the derivative of one entry of what it sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from grad_engine.errors import FormulaError
from grad_engine.export.op_functions import op_functions
from grad_engine.export.paths import LONGEST_PATH, MOST_PATHS, POINTS, Index, is_straight, spot_of
from grad_engine.export.torch_graph import TorchGraph
from grad_engine.export.torch_values import TorchValues, array_of, is_leaf
from grad_engine.formula.evaluate import agrees, evaluate
from grad_engine.record import GraphRecord, NodeRecord
from grad_engine.record.index import index_of, is_plain_number
from grad_engine.record.parts import CurveRecord, PathRecord, PathStepRecord, SpotRecord

MOST_HELD = 200  # edges whose rules are evaluated

Hop = tuple[Any, int, int, Index, Index, float]  # node, position of the edge, output, entries of both ends, slope


class Gradients:
    """The gradients of one backward run, at every node and leaf."""

    def __init__(self) -> None:
        self.at: dict[tuple[Any, int], Any] = {}  # node and output -> the complete gradient there
        self.gathered: dict[int, Any] = {}  # key of a leaf -> what it gathered, or None

    @contextmanager
    def keeping(self, nodes: Iterable[Any]) -> Iterator[None]:
        """A scope in which backward runs once: what reaches these nodes is kept."""

        def keeping(node: Any) -> Any:
            def keep(gradients: tuple[Any, ...]) -> None:
                for k, g in enumerate(gradients):
                    if g is not None:
                        self.at[node, k] = g.detach()

            return keep

        handles = [node.register_prehook(keeping(node)) for node in nodes if hasattr(node, "register_prehook")]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class TorchPaths:
    """One backward run of a PyTorch graph, gradient by gradient."""

    def __init__(
        self, torch: Any, graph: TorchGraph, record: GraphRecord, output: Any, gradient: Any, kept: Gradients
    ) -> None:
        self.torch, self.record, self.index = torch, record, index_of(record)
        keys = {key: node for node, key in graph.keys.items()}
        nodes = [keys[key] for key in graph.ordered()]
        self.ids: dict[Any, str] = {node: found.id for node, found in zip(nodes, record.nodes, strict=True)}
        leaves = sorted(graph.leaves.items(), key=lambda item: item[1].place)
        self.ids |= {keys[key]: f"a{k}" for k, (key, _) in enumerate(leaves)}
        self.root: tuple[Any, int] = (output.grad_fn, output.output_nr)
        self.seed = torch.ones_like(output) if gradient is None else gradient
        self.gradients = kept.at
        self.readers: dict[tuple[Any, int], list[tuple[Any, int]]] = {}
        self.edges: dict[tuple[Any, int], str] = {}  # node and position of an edge -> its id
        for node in nodes:
            self.read(node)
        self.values = TorchValues(torch, nodes, {self.root: output})

    def read(self, node: Any) -> None:
        """Who reads what, and the ids of the edges of a node."""
        open_edges = self.index.outgoing(self.ids[node])
        for position, (receiver, output) in enumerate(node.next_functions):
            if receiver is None:
                continue
            self.readers.setdefault((receiver, output), []).append((node, position))
            id = self.ids.get(receiver)
            found = next((edge for edge in open_edges if edge.receiver == id and edge.output == output), None)
            if found is not None:
                self.edges[node, position] = found.id
                open_edges.remove(found)

    # paths

    def paths(self, accumulator: str, index: Index) -> tuple[PathRecord, ...]:
        """For each share of an entry of a leaf the path by which most of it came, in the order of arrival."""
        leaf = next(node for node, id in self.ids.items() if id == accumulator)
        arrived = {self.edges[each]: each for each in self.readers.get((leaf, 0), ()) if each in self.edges}
        order = [edge for edge in self.index.arrivals.get(accumulator, ()) if edge in arrived]
        known: dict[Any, Hop | None] = {}
        found = []
        for edge in order[:MOST_PATHS]:
            path = self._path(self._hop(*arrived[edge], index), known)
            found += [] if path is None else [path]
        return tuple(found)

    def _path(self, hop: Hop | None, known: dict[Any, Hop | None]) -> PathRecord | None:
        hops: list[Hop] = []
        while hop is not None and len(hops) < LONGEST_PATH:
            hops.append(hop)
            place, entry = (hop[0], hop[2]), hop[3]
            if place == self.root:
                return self._told(hops[::-1])
            if (place, entry) not in known:
                senders = [each for each in self.readers.get(place, ()) if each in self.edges]
                options = (self._hop(*each, entry) for each in senders)
                known[place, entry] = max(
                    (each for each in options if each is not None), key=self._brought, default=None
                )
            hop = known[place, entry]
        return None

    def _brought(self, hop: Hop) -> float:
        """How much of a gradient came over a hop."""
        size = abs(hop[5] * float(self.gradients[hop[0], hop[2]][hop[3]]))
        return size if isfinite(size) else -1.0

    def _hop(self, node: Any, position: int, index: Index) -> Hop | None:
        """The step from the entry of a node's result that contributes most to an entry of an operand."""
        many = len(node._input_metadata)
        given = [self.gradients.get((node, k)) for k in range(many)]
        if all(g is None for g in given):
            return None
        torch = self.torch
        with torch.enable_grad():
            tried = [None if g is None else g.clone().requires_grad_() for g in given]
            try:
                sent = node(*tried)
                share = (sent if isinstance(sent, tuple) else (sent,))[position]
                wanted = [g for g in tried if g is not None]
                slopes = iter(torch.autograd.grad(share[index], wanted, allow_unused=True))
            except (RuntimeError, TypeError, IndexError, NotImplementedError):  # a step without a second derivative
                return None
        best: tuple[float, Hop] | None = None
        for k, g in enumerate(given):
            slope = next(slopes) if g is not None else None
            if slope is None or g is None or not slope.numel() or slope.is_complex():
                continue
            part = torch.where(torch.isfinite(slope * g), (slope * g).abs(), -1.0)
            at = tuple(int(i) for i in np.unravel_index(int(part.argmax()), tuple(part.shape) or (1,)))
            at = at if part.ndim else ()
            size = float(part[at])
            if best is None or size > best[0]:
                best = size, (node, position, k, at, index, float(slope[at]))
        return None if best is None else best[1]

    def _told(self, hops: list[Hop]) -> PathRecord | None:
        product = float(self.seed[hops[0][3]])
        steps = []
        for node, position, output, entry, index, slope in hops:
            product *= slope
            g = float(self.gradients[node, output][entry])
            if not all(map(isfinite, (slope, product, g))):
                return None
            value = self.value(node.next_functions[position], index)
            steps.append(PathStepRecord(self.edges[node, position], entry, index, slope, value, g, product))
        return PathRecord(tuple(steps))

    def value(self, edge: Any, index: Index) -> float | None:
        """One number of what an edge leads to; None where PyTorch did not keep it."""
        node = edge[0]
        tensor = node.variable if is_leaf(node) else self.values.known.get(edge)
        found = None if tensor is None else float(tensor.detach()[index])
        return found if found is not None and isfinite(found) else None

    # entries of products, rules

    def arrays(self, node: Any, record: NodeRecord) -> dict[str, Any]:
        """The numbers for the names in the formulas of a node, as far as they are known."""
        found: dict[str, Any] = {}
        positions = {edge: position for (each, position), edge in self.edges.items() if each is node}
        for operand in record.inputs:
            if operand.edge in positions:
                edge = node.next_functions[positions[operand.edge]]
                tensor = edge[0].variable if is_leaf(edge[0]) else self.values.known.get(edge)
                array = None if tensor is None else array_of(self.torch, tensor)
            else:
                array = _recorded(self.index.tensors[operand.tensor])
            if array is not None:
                found[operand.parameter] = array
        if (node, 0) in self.values.known:
            found["out"] = array_of(self.torch, self.values.known[node, 0])
        if (node, 0) in self.gradients:
            found["g"] = array_of(self.torch, self.gradients[node, 0])
        return found

    def shares(self, node: Any) -> list[Any]:
        """What a node sends for the gradient that reached it, by position."""
        given = [self.gradients.get((node, k)) for k in range(len(node._input_metadata))]
        try:
            with self.torch.no_grad():
                sent = node(*given)
        except (RuntimeError, TypeError, NotImplementedError):
            return []
        return [None if s is None else array_of(self.torch, s) for s in (sent if isinstance(sent, tuple) else (sent,))]

    def rules(self, paths: tuple[PathRecord, ...]) -> tuple[dict[str, bool], tuple[SpotRecord, ...]]:
        """Edge -> whether its rule, with the numbers of the run, gives its share; and entries of products on paths."""
        followed = {step.edge: step.to for path in reversed(paths) for step in path.steps}
        seen: set[str] = set()
        holds: dict[str, bool] = {}
        spots: list[SpotRecord] = []
        for node, position, edge in self._chosen(followed, seen):
            rule = self.index.rules.get(edge)
            record = self.index.nodes[self.ids[node]]
            if rule is None or (isinstance(rule.tree, list | tuple) and rule.tree[0] == "say"):
                continue
            share = (self.shares(node) or [None] * (position + 1))[position]
            values = self.arrays(node, record)
            if share is None:
                continue
            try:
                holds[edge] = agrees(evaluate(rule.tree, values, op_functions()), np.asarray(share))
            except FormulaError:
                holds[edge] = False
            if edge in followed and (spot := spot_of(edge, rule.tree, values, share, followed[edge])) is not None:
                spots.append(spot)
        return holds, tuple(spots)

    def _chosen(self, followed: Mapping[str, Index], seen: set[str]) -> Iterator[tuple[Any, int, str]]:
        """The edges on the paths, and those of the first op of each kind that backward reaches."""
        many = 0
        for (node, position), edge in reversed(self.edges.items()):
            op = self.index.nodes[self.ids[node]].op
            if (edge in followed or op not in seen) and many < MOST_HELD:
                many += 1
                yield node, position, edge
            seen.add(op)


def curves_of(record: GraphRecord) -> tuple[CurveRecord, ...]:
    """The curve of every elementwise op of one operand, by its formula, over the numbers that it read and a quarter."""
    index = index_of(record)
    found: dict[Any, list[NodeRecord]] = {}
    for node in record.nodes:
        read = [operand for operand in node.inputs if operand.edge is not None]
        others = [index.tensors[operand.tensor] for operand in node.inputs if operand.edge is None]
        if node.elementwise and len(read) == 1 and all(map(is_plain_number, others)):
            numbers = tuple((other.data.values if other.data is not None else None) for other in others)
            found.setdefault((node.op, repr(node.attributes), numbers), []).append(node)
    curves = (_curve(record, some) for some in found.values())
    return tuple(curve for curve in curves if curve is not None)


def _curve(record: GraphRecord, calls: list[NodeRecord]) -> CurveRecord | None:
    index, node = index_of(record), calls[0]
    tree = index.formula(node.id)
    ends = [0.0]
    for call in calls:
        operand = next(each for each in call.inputs if each.edge is not None)
        tensor = index.tensors[operand.tensor]
        if tensor.stats is not None and tensor.stats.min is not None and tensor.stats.max is not None:
            ends += [tensor.stats.min, tensor.stats.max]
        elif (array := _recorded(tensor)) is not None:
            ends += array[np.isfinite(array)].ravel().tolist()
    if tree is None or len(ends) < 2:
        return None
    low, high = min(ends), max(ends)
    margin = (high - low) / 4 or 1.0
    points = np.linspace(low - margin, high + margin, POINTS)
    values: dict[str, Any] = {}
    for operand in node.inputs:
        if operand.edge is not None:
            values[operand.parameter] = points
        elif (array := _recorded(index.tensors[operand.tensor])) is not None:
            values[operand.parameter] = array
    try:
        y = np.asarray(evaluate(tree, values, op_functions()), dtype=np.float64)
    except (FormulaError, TypeError, ValueError):
        return None
    if y.shape != (POINTS,) or is_straight(y):
        return None
    numbers = tuple(float(each) if isfinite(each) else None for each in y)
    return CurveRecord(node.op, node.id, node.attributes or {}, (float(points[0]), float(points[-1])), numbers)


def _recorded(tensor: Any) -> Any:
    """The numbers of a tensor of the record, where it holds all of them."""
    if tensor.data is None or tensor.data.values is None:
        return None
    return np.array(tensor.data.values, dtype=np.float64).reshape(tensor.shape)
