"""GraphRecord -> Graphviz DOT text: one box per op and leaf, arrows the way the gradient goes, scopes as clusters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from grad_engine.draw.palette import LIGHT
from grad_engine.formula import number
from grad_engine.record import GraphRecord, NodeRecord, TensorRecord
from grad_engine.record.words import brief
from grad_engine.tree.survey import Measure, Survey, mark
from grad_engine.tree.text import Script

LONGEST = 40  # columns of a name
MOST_SLOTS = 16  # operands with a field of their own; a node that joins thousands would be wider than any page
DEEPEST = 12  # clusters inside one another; what a scope has beyond that stays in the name of the last
# Graphviz reads a text three times: fields of a record, entities, then escapes that begin with a backslash. As an
# entity a character is out of reach of the first, and a doubled backslash comes out of the last as itself.
ESCAPES = str.maketrans({character: f"&#{ord(character)};" for character in '{}|<>&"'} | {"\\": "&#92;&#92;"})
PEN = Script()


def to_dot(record: GraphRecord) -> str:
    """The graph of a record in Graphviz's DOT language, from the root at the top to the leaves: `dot -Tsvg graph.dot`.

    Each op is a record-shaped node with its name, its shape or value, its gradient and a field for every operand; an
    arrow leaves from the field of its slot and says, for a scalar, the share it carries. Scopes are clusters. Names are
    shortened where they are long and mean nothing to Graphviz, whatever they hold.
    """
    return "\n".join(_Writer(record).lines()) + "\n"


@dataclass(slots=True)
class _Cluster:
    """One scope: the nodes in it, and the scopes inside it."""

    nodes: list[str] = field(default_factory=list)
    inner: dict[str, _Cluster] = field(default_factory=dict)


class _Writer:
    def __init__(self, record: GraphRecord) -> None:
        self.record = record
        self.survey = Survey(record)
        # Ids of a record may be any text; what Graphviz knows a node by is its place in the record.
        self.ids = {node.id: f"n{k}" for k, node in enumerate(record.nodes)}
        self.ids |= {each.id: f"a{k}" for k, each in enumerate(record.accumulators)}
        self.after = {part: after for part, _, after in self.survey.leaf_gradients()}
        self.roots = {root.node for root in record.roots}
        self.clusters = 0

    def lines(self) -> Iterator[str]:
        heading = self.record.expression or self.record.title
        yield "digraph grad_engine {"
        yield f'  graph [label="{_words(heading, 160)}", labelloc=t, fontname="Helvetica", charset="UTF-8"];'
        yield f'  node [shape=record, fontname="Helvetica", fontsize=11, color="{LIGHT.idle}"];'
        yield f'  edge [color="{LIGHT.gradient}", fontname="Helvetica", fontsize=9, fontcolor="{LIGHT.gradient}"];'
        yield from self.members(self.tree_of_scopes(), "  ")
        for leaf in self.record.accumulators:
            yield f"  {self.leaf(leaf.id)}"
        for edge in self.record.edges:
            yield f"  {self.edge(edge.id)}"
        yield "}"

    def tree_of_scopes(self) -> _Cluster:
        scopes = {node: group.scope for group in self.record.groups for node in group.members}
        top = _Cluster()
        for node in self.record.nodes:
            here = top
            scope = scopes.get(node.id, node.scope)
            for part in scope.split(".", DEEPEST - 1) if scope else ():
                here = here.inner.setdefault(part, _Cluster())
            here.nodes.append(node.id)
        return top

    def members(self, cluster: _Cluster, indent: str) -> Iterator[str]:
        for node in cluster.nodes:
            yield f"{indent}{self.node(self.survey.nodes[node])}"
        for name, inner in cluster.inner.items():
            yield f"{indent}subgraph cluster_{self.clusters} {{"
            self.clusters += 1
            yield f'{indent}  label="{_words(name)}"; labeljust=l; fontcolor="{LIGHT.muted}";'
            yield f'{indent}  style=rounded; color="{LIGHT.idle}";'
            yield from self.members(inner, indent + "  ")
            yield f"{indent}}}"

    def node(self, node: NodeRecord) -> str:
        step = self.survey.steps.get(node.id)
        rows = [f"{_words(node.name)} {_words(mark(node.id))}" + (f", step {step}" if step else "")]
        rows += [self.value(self.survey.tensors[output]) for output in node.outputs[:MOST_SLOTS]]
        if (rest := len(node.outputs) - MOST_SLOTS) > 0:
            rows.append(f"… {rest} more")
        rows += self.gradient(node)
        rows.append("{" + "|".join(self.operands(node)) + "}")
        bad = [size for size in (self.survey.value(node.id), self.survey.gradient(node.id)) if size is not None]
        look = f', color="{LIGHT.nonfinite}", penwidth=2' if any(size.bad for size in bad) else ""
        look += f', style=filled, fillcolor="{LIGHT.panel}"' if node.id in self.roots else ""
        return f'{self.ids[node.id]} [label="{{{"|".join(rows)}}}"{look}];'

    def operands(self, node: NodeRecord) -> Iterator[str]:
        constants = {slot: tensor for slot, _, tensor in self.survey.constants(node)}
        for each in node.inputs[:MOST_SLOTS]:
            known = f" = {self.value(constants[each.slot])}" if each.slot in constants else ""
            yield f"<s{each.slot}> {_words(each.parameter, 16)}{known}"
        if (rest := len(node.inputs) - MOST_SLOTS) > 0:
            yield f"… {rest} more"

    def value(self, tensor: TensorRecord) -> str:
        """x6: 4×4, or z = 3.14 where the tensor is one number."""
        name = _words(tensor.name) if tensor.name else ""
        if (one := _scalar(tensor)) is not None:
            return f"{name} = {one}" if name else one
        size = self.survey.measured(tensor.id)
        shape = PEN.shape(self.survey.shape(tensor.id), 24)
        said = " ".join(part for part in (shape, _bad(size)) if part)
        return f"{name}: {said}" if name and said else name or said

    def gradient(self, node: NodeRecord) -> list[str]:
        tensor = self.survey.gradient_tensor(node.id)
        return [] if tensor is None else [self.size_of(tensor, self.survey.gradient(node.id))]

    def size_of(self, tensor: TensorRecord, size: Measure | None) -> str:
        if (one := _scalar(tensor)) is not None and (size is None or size.size == 1):
            return f"grad = {one}"
        if size is None:
            return f"grad {PEN.shape(tensor.shape, 24)}"
        return f"grad {_bad(size)}" if size.norm is None else f"‖grad‖ {brief(size.norm)}"

    def leaf(self, accumulator: str) -> str:
        leaf = self.survey.leaves[accumulator]
        tensor = self.survey.leaf(leaf)
        rows = [
            _words(leaf.name),
            self.value(tensor) if tensor.name else f"{_words(accumulator)} {self.value(tensor)}",
        ]
        if (after := self.after[accumulator]) is not None:
            rows.append(self.size_of(self.survey.tensors[after], self.survey.measured(after)))
        look = f', style=rounded, color="{LIGHT.value}"'
        return f'{self.ids[accumulator]} [label="{{{"|".join(rows)}}}"{look}];'

    def edge(self, id: str) -> str:
        edge = self.survey.edges[id]
        slots = [each.slot for each in self.survey.nodes[edge.sender].inputs[:MOST_SLOTS]]
        port = f":s{edge.slot}" if edge.slot in slots else ""
        words = []
        if (share := self.survey.shares.get(id)) is not None and (one := _scalar(self.survey.tensors[share])):
            words.append(one)
        k, of = self.survey.places.get(id, (1, 1))
        if of > 1:
            words.append(f"({k}/{of})")
        said = f' [label="{" ".join(words)}"]' if words else ""
        return f"{self.ids[edge.sender]}{port} -> {self.ids[edge.receiver]}{said};"


def _scalar(tensor: TensorRecord) -> str | None:
    """The number of a tensor that holds one; None for any other, and where it was not recorded."""
    values = tensor.data.values if tensor.data is not None else None
    return number(values[0]) if values and len(values) == 1 and math.prod(tensor.shape) == 1 else None


def _bad(size: Measure | None) -> str:
    return f"({PEN.bad(size)} of {size.size})" if size is not None and size.bad else ""


def _words(text: str, room: int = LONGEST) -> str:
    """Text from a record as it may stand in a label."""
    return PEN.name(text, room).translate(ESCAPES).replace("  ", " &#160;")  # a record drops the second of two spaces
