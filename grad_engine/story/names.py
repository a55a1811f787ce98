"""What every tensor is called."""

from __future__ import annotations

import re

from grad_engine import formula
from grad_engine.folding.items import drawn
from grad_engine.record import GraphRecord, TensorRecord
from grad_engine.story.values import number_text

BAR, OVERLINE = "\u0304", "\u0305"  # drawn over the letter before them: the gradient of what it names


class Names:
    """Names for the tensors of one record: their own, `#4` for the nameless result of op #4, or their one number."""

    def __init__(self, record: GraphRecord, longest: int) -> None:
        self.longest = longest
        self.tensors = {tensor.id: tensor for tensor in record.tensors}
        self.made_by = {tensor: node for node in record.nodes for tensor in node.outputs}
        self.leaves = {accumulator.leaf: accumulator.id for accumulator in record.accumulators}
        constants = [id for id in drawn(record)[0] if id in self.tensors and not self.tensors[id].name]
        self.constants = {id: f"c{k + 1}" if len(constants) > 1 else "const" for k, id in enumerate(constants)}

    def __getitem__(self, tensor: str) -> str:
        record = self.tensors[tensor]
        if record.name:
            return self.cut(record.name)
        if tensor in self.made_by:
            node = self.made_by[tensor]
            return f"#{node.age}" if len(node.outputs) == 1 else f"#{node.age}[{node.outputs.index(tensor)}]"
        if tensor in self.leaves:
            return self.leaves[tensor]
        if record.shape == ():
            return number_text(record)
        return self.constants.get(tensor, "const")

    def cut(self, name: str) -> str:
        """The name, at most `longest` characters long."""
        return name if len(name) <= self.longest else name[: self.longest - 1] + "…"


def headline(record: GraphRecord) -> str:
    """What is computed, in a line: the expression, else the title, with the last step if its result is named."""
    tensors = {tensor.id: tensor for tensor in record.tensors}
    if record.expression or not record.roots or not tensors[record.roots[0].tensor].name:
        return record.expression or record.title
    root = record.roots[0]
    node = next(node for node in record.nodes if node.id == root.node)
    read = {operand.parameter: tensors[operand.tensor] for operand in node.inputs}
    inner = {parameter: number_text(t) if plain(t) else t.name or "…" for parameter, t in read.items()}
    last = node.op if node.formula is None else formula.text(node.formula.forward.tree, inner)
    return f"{record.title + ': ' if record.title else ''}{tensors[root.tensor].name} = {last}"


def plain(tensor: TensorRecord) -> bool:
    """Whether a tensor is a nameless number: it is written inside the op that reads it."""
    return tensor.role == "constant" and tensor.shape == () and not tensor.name


def bar(name: str) -> str:
    """The name of the gradient of what is called `name`: a bar over it, or over its only letter."""
    if re.match(r"[^\W\d_][\d₀-₉]*\Z", name):
        return name[0] + BAR + name[1:]
    return "".join(sign + OVERLINE for sign in name)


def spoken(text: str) -> str:
    """The text without bars, for subtitles: `grad x` instead of x with a bar."""
    text = re.sub(rf"(\w){BAR}(\w*)", r"grad \1\2", text)
    return re.sub(rf"((?:.{OVERLINE})+)", lambda m: "grad " + m[1].replace(OVERLINE, ""), text)
