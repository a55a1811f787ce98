"""GraphRecord -> Graphviz DOT text: one box per op and leaf, arrows the way the gradient goes, scopes as clusters."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from grad_engine.draw.palette import LIGHT
from grad_engine.folding import Fold, View, module_view
from grad_engine.formula import number
from grad_engine.record import GraphRecord, NodeRecord, TensorRecord
from grad_engine.record.index import Measure, index_of, mark, single_number
from grad_engine.record.words import ABSENT, brief, fit, fit_path, harmless, not_finite, shape_words

MOST_NODES = 24  # ops and closed modules of a graph that has modules
LONGEST = 40  # columns of a name
MOST_SLOTS = 16  # operands with a field of their own; a node that joins thousands would be wider than any page
DEEPEST = 12  # clusters inside one another; what a scope has beyond that stays in the name of the last
# Graphviz reads a text three times: fields of a record, entities, then escapes that begin with a backslash. As an
# entity a character is out of reach of the first, and a doubled backslash comes out of the last as itself.
ESCAPES = str.maketrans({character: f"&#{ord(character)};" for character in '{}|<>&"'} | {"\\": "&#92;&#92;"})


def to_dot(
    record: GraphRecord,
    *,
    full: bool = False,
    level: int | None = None,
    expand: Collection[str] = (),
    focus: str | int | None = None,
) -> str:
    """The graph of a record in Graphviz's DOT language, from the root at the top to the leaves: `dot -Tsvg graph.dot`.

    Each op is a record-shaped node with its name, its shape or value, its gradient and a field for every operand; an
    arrow leaves from the field of its slot and says, for a scalar, the share it carries. Scopes are clusters. Names are
    shortened where they are long and mean nothing to Graphviz, whatever they hold. Of a graph with more than about 24
    ops, modules are single nodes as in `to_svg`, whose `full`, `level`, `expand` and `focus` these are.

    Raises GraphError for a name that stands for nothing.
    """
    view = module_view(record, MOST_NODES, full=full, level=level, expand=expand, focus=focus)
    return "\n".join(_Writer(view).lines()) + "\n"


@dataclass(slots=True)
class _Cluster:
    """One scope: the nodes in it, and the scopes inside it."""

    nodes: list[str] = field(default_factory=list)
    inner: dict[str, _Cluster] = field(default_factory=dict)


class _Writer:
    def __init__(self, view: View) -> None:
        self.record = record = view.record
        self.index = index_of(record)
        self.folds, self.inside = view.folds, index_of(view.source)
        # Ids of a record may be any text; what Graphviz knows a node by is its place in the record.
        self.ids = {node.id: f"n{k}" for k, node in enumerate(record.nodes)}
        self.ids |= {each.id: f"a{k}" for k, each in enumerate(record.accumulators)}
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
        scopes = {node: scope for scope, nodes in self.inside.scopes.items() for node in nodes}
        top = _Cluster()
        for node in self.record.nodes:
            here = top
            scope = scopes.get(node.id, "")
            if (fold := self.folds.get(node.id)) is not None:  # beside its siblings, in the module that holds it
                scope = fold.label.split(" … ")[0].rpartition(".")[0]
            for part in scope.split(".", DEEPEST - 1) if scope else ():
                here = here.inner.setdefault(part, _Cluster())
            here.nodes.append(node.id)
        return top

    def members(self, cluster: _Cluster, indent: str) -> Iterator[str]:
        for node in cluster.nodes:
            yield f"{indent}{self.node(self.index.nodes[node])}"
        for name, inner in cluster.inner.items():
            yield f"{indent}subgraph cluster_{self.clusters} {{"
            self.clusters += 1
            yield f'{indent}  label="{_words(name)}"; labeljust=l; fontcolor="{LIGHT.muted}";'
            yield f'{indent}  style=rounded; color="{LIGHT.idle}";'
            yield from self.members(inner, indent + "  ")
            yield f"{indent}}}"

    def module(self, node: NodeRecord, fold: Fold) -> str:
        """A closed module: its path, how much is in it, its outputs, and the range of the gradients inside."""
        times = f" ×{fold.times}" if fold.times > 1 else ""
        rows = [_words(fit_path(harmless(fold.label), LONGEST)) + times, _words(fold.size)]
        rows += [self.value(self.index.tensors[output]) for output in node.outputs[:MOST_SLOTS]]
        sizes = [m for op in fold.ops for m in (self.inside.broken_value(op.id), self.inside.gradient(op.id)) if m]
        norms = [m.norm for op in fold.ops if (m := self.inside.gradient(op.id)) is not None and m.norm is not None]
        if norms:
            ends = dict.fromkeys((brief(min(norms)), brief(max(norms))))
            rows.append(f"‖grad‖ {' … '.join(ends)}")
        look = f', color="{LIGHT.nonfinite}", penwidth=2' if any(size.bad for size in sizes) else ""
        fill = LIGHT.panel if node.id in self.roots else LIGHT.background
        return f'{self.ids[node.id]} [label="{{{"|".join(rows)}}}", style="rounded,filled", fillcolor="{fill}"{look}];'

    def node(self, node: NodeRecord) -> str:
        if (fold := self.folds.get(node.id)) is not None:
            return self.module(node, fold)
        step = self.index.steps.get(node.id)
        rows = [f"{_words(node.name)} {_words(mark(node.id))}" + (f", step {step}" if step else "")]
        rows += [self.value(self.index.tensors[output]) for output in node.outputs[:MOST_SLOTS]]
        if (rest := len(node.outputs) - MOST_SLOTS) > 0:
            rows.append(f"… {rest} more")
        rows += self.gradient(node.id)
        rows.append("{" + "|".join(self.operands(node)) + "}")
        bad = [size for size in (self.index.broken_value(node.id), self.index.gradient(node.id)) if size]
        look = f', color="{LIGHT.nonfinite}", penwidth=2' if any(size.bad for size in bad) else ""
        look += f', style=filled, fillcolor="{LIGHT.panel}"' if node.id in self.roots else ""
        return f'{self.ids[node.id]} [label="{{{"|".join(rows)}}}"{look}];'

    def operands(self, node: NodeRecord) -> Iterator[str]:
        constants = {slot: tensor for slot, _, tensor in self.index.constants(node)}
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
        size = self.index.measured(tensor.id)
        if tensor.absent == "changed":
            return f"{name}: {ABSENT['changed']}" if name else ABSENT["changed"]
        shape = fit(shape_words(self.index.shape(tensor.id)), 24)
        said = " ".join(part for part in (shape, _bad(size)) if part)
        return f"{name}: {said}" if name and said else name or said

    def gradient(self, part: str) -> list[str]:
        tensor = self.index.gradient_tensor(part)
        return [] if tensor is None else [self.size_of(tensor, self.index.gradient(part))]

    def size_of(self, tensor: TensorRecord, size: Measure | None) -> str:
        if (one := _scalar(tensor)) is not None and (size is None or size.size == 1):
            return f"grad = {one}"
        if size is None:
            return f"grad {fit(shape_words(tensor.shape), 24)}"
        return f"grad {_bad(size)}" if size.norm is None else f"‖grad‖ {brief(size.norm)}"

    def leaf(self, accumulator: str) -> str:
        leaf = self.index.accumulators[accumulator]
        tensor = self.index.leaf(accumulator)
        rows = [
            _words(leaf.name),
            self.value(tensor) if tensor.name else f"{_words(accumulator)} {self.value(tensor)}",
        ]
        rows += self.gradient(accumulator)
        look = f', style=rounded, color="{LIGHT.value}"'
        return f'{self.ids[accumulator]} [label="{{{"|".join(rows)}}}"{look}];'

    def edge(self, id: str) -> str:
        edge = self.index.edges[id]
        slots = [each.slot for each in self.index.nodes[edge.sender].inputs[:MOST_SLOTS]]
        port = f":s{edge.slot}" if edge.slot in slots and edge.sender not in self.folds else ""
        words = []
        if (share := self.index.shares.get(id)) is not None and (one := _scalar(self.index.tensors[share])):
            words.append(one)
        k, of = self.index.places.get(id, (1, 1))
        if of > 1:
            words.append(f"({k}/{of})")
        said = f' [label="{" ".join(words)}"]' if words else ""
        return f"{self.ids[edge.sender]}{port} -> {self.ids[edge.receiver]}{said};"


def _scalar(tensor: TensorRecord) -> str | None:
    """The number of a tensor that holds one; None for any other, and where it was not recorded."""
    value = single_number(tensor)
    return number(value) if value is not None else None


def _bad(size: Measure | None) -> str:
    return f"({not_finite(size)} of {size.size})" if size is not None and size.bad else ""


def _words(text: str, room: int = LONGEST) -> str:
    """Text from a record as it may stand in a label."""
    return (
        fit(harmless(text), room).translate(ESCAPES).replace("  ", " &#160;")
    )  # a record drops the second of two spaces
