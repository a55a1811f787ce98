"""The beats of the page and the parts of their captions, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import combining

from grad_engine import formula
from grad_engine.formula import Tree
from grad_engine.record import Shape, TensorRecord
from grad_engine.story.names import bar, spoken
from grad_engine.story.values import matrix, number_text, shape_text

NOT_ASCII = re.compile(r"[^\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Words:
    """A run of plain text in a caption; `tone` is a role of the palette."""

    text: str
    tone: str = "ink"
    strong: bool = False
    brief: str | None = None  # a shorter text for where there is little room; None: there is none


@dataclass(frozen=True, slots=True)
class Formula:
    """An equation in a caption: a name (with a bar: its gradient), `=` or `+=`, and a formula with tensor names."""

    target: str
    barred: bool
    relation: str
    tree: Tree
    names: Mapping[str, str]
    scalars: frozenset[str] = frozenset()  # the parameters that are single numbers

    @property
    def text(self) -> str:
        """The equation in one line."""
        return (
            f"{bar(self.target) if self.barred else self.target} {self.relation} {formula.text(self.tree, self.names)}"
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """The first values of a tensor in a caption, perhaps with its name before them."""

    tensor: TensorRecord
    label: str = ""
    tone: str = "ink"
    lines: int = 2  # of a matrix

    @property
    def text(self) -> str:
        """Name and values in one line, such as `x3 [3 3 3 3]`, or the shape where no values were recorded."""
        shown = matrix(self.tensor)
        if shown is None:
            said = shape_text(self.tensor.shape)
        else:
            said = number_text(self.tensor) if self.tensor.shape == () else shown.text
        return f"{self.label} {said}".strip()


Piece = Words | Formula | Numbers


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the caption panel: the rule above, its numbers below."""

    rule: tuple[Piece, ...]
    did: tuple[Piece, ...] = ()
    notes: tuple[Words, ...] = ()  # remarks at the far end of the rule


@dataclass(frozen=True, slots=True)
class Beat:
    """One idea: what the caption panel says about it, and for how long."""

    name: str  # of the section of the video
    columns: tuple[Column, ...]
    seconds: float
    subtitle: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A value that moves along a link into an op; `stretched` is the shape that broadcasting gives it."""

    link: str
    source: str
    tensor: TensorRecord
    stretched: Shape | None


@dataclass(frozen=True, slots=True)
class Build(Beat):
    """Leaves and ops are created, in the order of the program."""

    items: tuple[str, ...]  # drawn items: accumulator, node and tensor ids
    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class Turn(Beat):
    """The forward pass is over; the same edges are now read the other way."""

    reached: frozenset[str]  # ids of the edges that the run sends a share along


@dataclass(frozen=True, slots=True)
class Seed(Beat):
    """The gradient that the run started with arrives at its root."""

    root: str
    tensor: TensorRecord


@dataclass(frozen=True, slots=True)
class Sent:
    """A share that moves along an edge; `raw` is its shape before it was summed to the receiver's shape."""

    edge: str
    receiver: str
    share: TensorRecord
    raw: Shape | None
    k: int  # the k-th of `of` that reach the receiver
    of: int
    settles: bool  # it completes the receiver's gradient, and no sum has to be shown


@dataclass(frozen=True, slots=True)
class Run(Beat):
    """The rules of a node run (of several in a large graph), and its shares travel."""

    nodes: tuple[str, ...]
    sent: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Gather(Beat):
    """The shares that arrived at one receiver are summed."""

    receiver: str
    of: int
    parts: tuple[Numbers, ...]  # what is added up: shares, and what the leaf held before
    edges: tuple[str, ...]
    senders: tuple[str, ...]
    total: Numbers
    more: int  # shares that are not in `parts` for want of room


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the closing table."""

    accumulator: str
    name: str
    leaf: TensorRecord
    shares: int  # how many arrived
    held: bool  # it had a gradient before the run
    norm: str
    gradient: TensorRecord | None


@dataclass(frozen=True, slots=True)
class Close(Beat):
    """The table of the gradients of all leaves at the end."""

    rows: tuple[Row, ...]
    more: int  # leaves that are not in `rows` for want of room
    finished: bool  # a backward run has been shown


def signs_in(pieces: Sequence[Piece]) -> int:
    """How many characters some pieces take side by side; bars over letters do not count."""
    text = "".join(f"{piece.text} " for piece in pieces)
    return len(text) - sum(combining(sign) > 0 for sign in NOT_ASCII.findall(text))


def subtitle_of(columns: Sequence[Column]) -> str:
    """The words of a caption as one line for the subtitles."""
    parts = [part for column in columns for part in (column.rule, *((note,) for note in column.notes), column.did)]
    return spoken("; ".join(" ".join(piece.text for piece in part if piece.text) for part in parts if part))
