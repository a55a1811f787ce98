"""What every tensor is called."""

from __future__ import annotations

import re

from grad_engine import formula
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of, is_plain_number
from grad_engine.record.words import harmless
from grad_engine.story.values import number_text, shape_text

BAR, OVERLINE = "\u0304", "\u0305"  # drawn over the letter before them: the gradient of what it names


class Names:
    """Names for the tensors of one record: their own, `#4` for the nameless result of op #4, or their one number."""

    def __init__(self, record: GraphRecord, longest: int) -> None:
        self.longest = longest
        self.index = index_of(record)

    def __getitem__(self, tensor: str) -> str:
        record = self.index.tensors[tensor]
        if record.name:
            return self.cut(harmless(record.name))
        label = self.index.label(tensor)
        if label is not None and (record.shape != () or self.index.producer(tensor) is not None):
            return label
        return number_text(record) if record.shape == () else shape_text(record.shape)  # kept by an op for itself

    def cut(self, name: str) -> str:
        """The name, at most `longest` characters long."""
        return name if len(name) <= self.longest else name[: self.longest - 1] + "…"


def headline(record: GraphRecord) -> str:
    """What is computed, in a line: the expression, else the title, with the last step if its result is named."""
    line = " ".join(_headline(record).split())
    return line if line.isprintable() else "".join(s if s.isprintable() else ascii(s)[1:-1] for s in line)


def _headline(record: GraphRecord) -> str:
    index = index_of(record)
    if record.expression or not record.roots or not index.tensors[record.roots[0].tensor].name:
        return record.expression or record.title
    root = record.roots[0]
    node = index.nodes[root.node]
    read = {operand.parameter: index.tensors[operand.tensor] for operand in node.inputs}
    inner = {parameter: number_text(t) if is_plain_number(t) else t.name or "…" for parameter, t in read.items()}
    last = node.op if node.formula is None else formula.text(node.formula.forward.tree, inner)
    return f"{record.title + ': ' if record.title else ''}{index.tensors[root.tensor].name} = {last}"


def bar(name: str) -> str:
    """The name of the gradient of what is called `name`: a bar over it, or over its only letter."""
    if re.match(r"[^\W\d_][\d₀-₉]*\Z", name):
        return name[0] + BAR + name[1:]
    return "".join(sign + OVERLINE for sign in name)


def spoken(text: str) -> str:
    """The text without bars, for subtitles: `grad x` instead of x with a bar."""
    text = re.sub(rf"(\w){BAR}(\w*)", r"grad \1\2", text)
    return re.sub(rf"((?:.{OVERLINE})+)", lambda m: "grad " + m[1].replace(OVERLINE, ""), text)
