"""What of a lesson the stage writes: the numbers of every op and leaf, hues, and lines in colour."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grad_engine.draw.palette import Palette as Colours
from grad_engine.formula import number
from grad_engine.record import GraphRecord
from grad_engine.record.index import index_of
from grad_engine.story.scenes import LeafFace, Lesson, Line, OpFace, Scene
from grad_engine.story.values import is_number, number_text

NORM = "size"  # before a number that is the norm of a gradient


@dataclass(frozen=True, slots=True)
class Bit:
    """Some words of a line in one colour."""

    text: str
    colour: str
    strong: bool = False
    source: tuple[str, str] | None = None  # part, and what of it: "value", "gradient" or "share"


class Facts:
    """All that the stage writes of a record."""

    def __init__(self, record: GraphRecord, whole: GraphRecord, lesson: Lesson, colours: Colours) -> None:
        self.record, self.lesson, self.colours = record, lesson, colours
        self.index, self.whole = index_of(record), index_of(whole)
        self.hues: dict[str, str] = dict(zip(lesson.hues, colours.leaves, strict=False))
        self.leaves: dict[str, LeafFace] = dict(lesson.leaves)
        self.shares: dict[str, str] = {}
        for scene in lesson:
            self.shares |= dict(scene.sent)
        for leaf in self.leaves.values():
            self.shares |= dict(leaf.shares)
        self.total = self.root_increment = ""
        if lesson.meaning and lesson.total:
            self.total = f"{lesson.result} = {lesson.total}" if lesson.result != lesson.total else lesson.total
            self.root_increment = lesson.increment

    def op(self, id: str) -> OpFace:
        """What stands at an op."""
        if (found := self.lesson.ops.get(id)) is not None:
            return found
        node = self.index.nodes.get(id)
        sign, name = (node.symbol or node.op, node.name) if node is not None else ("", "")
        return OpFace(id, sign, "", "", "", "", name)

    def value(self, id: str) -> str:
        """What stands above an op: `x4 = 7`, `6`, or the shape of what has no single number that is followed."""
        face = self.op(id)
        return " = ".join(text for text in (face.name, face.value or ("" if face.name else self.shape(id))) if text)

    def increment(self, id: str) -> str:
        """What the nudge adds to the value of an op, as it stands below it: `+0.003`; "" where it adds nothing."""
        return self.op(id).increment.replace("+ ", "+").replace("− ", "−")

    def shape(self, id: str) -> str:
        """The shape of an op's result; "" where it is not known."""
        node = self.index.nodes.get(id)
        shape = self.index.shape(node.outputs[0]) if node is not None else None
        return "×".join(map(str, shape)) if shape else ""

    def gradient(self, id: str) -> str:
        """The number of the gradient of an op, or how large it is."""
        size = self.size(id)
        return self.op(id).gradient or (f"{NORM} {size}" if size[:1].isdigit() else size)

    def size(self, part: str) -> str:
        """The norm of the gradient of an op or a leaf, where it is no single number; "" where it is not known."""
        if part in self.leaves:
            m = self.index.measured(self.index.passed.get(part))
        else:
            m = self.index.gradient(part)
        if m is None or m.size < 2:
            return ""
        return number(m.norm, 2) if m.norm is not None else "NaN" if m.nan else "∞"

    def entry(self, leaf: str) -> str:
        """The entry whose number stands on the card of a leaf, `[0,1]`; "" where there is none."""
        face = self.leaves[leaf]
        if face.entry or not face.gradient or not face.shape:
            return face.entry
        passed = self.index.passed.get(leaf)
        m = self.index.measured(passed)
        if passed is None or m is None or m.size != 1:
            return ""
        return "[" + ",".join("0" for _ in self.index.shape(passed) or ()) + "]"

    def share(self, edge: str) -> str:
        """The share of an edge: a number, or the number at the followed entry."""
        return self.shares.get(edge, "")

    def name(self, tensor: str) -> str:
        """What a tensor is called."""
        label = self.whole.label(tensor)
        if label is not None:
            return label
        found = self.whole.tensors[tensor]
        return number_text(found) if is_number(found) else ""

    def bits(self, line: Line) -> list[Bit]:
        """A line in colours."""
        return [
            Bit(
                token.text,
                self.hues.get(token.leaf, "") if token.leaf in self.hues else getattr(self.colours, token.tone),
                token.strong,
                (token.source.part, token.source.kind) if token.source is not None else None,
            )
            for token in line
        ]

    def said(self, scene: Scene) -> list[Bit]:
        """The sentence of a scene."""
        return self.bits(scene.said)

    def lines(self, scene: Scene) -> list[list[Bit]]:
        """The equations of a scene."""
        return [self.bits(line) for line in scene.lines]

    def remark(self, scene: Scene) -> list[Bit]:
        """The remark of a scene, in type that can wait."""
        return self.waiting(scene.remarked)

    def title(self) -> list[Bit]:
        """What is computed, in type that can wait."""
        return self.waiting(self.lesson.expression)

    def waiting(self, line: Line) -> list[Bit]:
        """A line in colours, muted where it would have that of ink."""
        ink, muted = self.colours.ink, self.colours.muted
        return [replace(bit, colour=muted) if bit.colour == ink else bit for bit in self.bits(line)]
