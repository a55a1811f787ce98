"""GraphRecord and its parts: one graph and what happened in it, as plain data.

Everything that draws reads a GraphRecord and nothing else. Ids: tensors `t<k>`, op nodes `n<k>` by age, edges `e<k>` by
age of the sender, then slot, accumulators `a<k>` by creation of their leaf. A NaN is always `math.nan` itself, so that
records compare equal. Sequences are tuples, except in formula trees, which are lists as the grammar has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grad_engine.formula import Tree

FORMAT = "grad_engine.graph"
VERSION = "1.0"

Shape = tuple[int, ...]
Number = float | int | bool


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """The first and last `edge` entries along every axis of a large tensor, as a small tensor of `shape`."""

    edge: int
    shape: Shape
    values: tuple[Number, ...]  # C order


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Where the full data of a large tensor lies: array `key` of the `.npz` called `name`, beside the record."""

    name: str  # a bare file name, never a path
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The numbers of a tensor: all of them (`values`), or a sample, perhaps with a file that holds the rest."""

    values: tuple[Number, ...] | None = None  # C order
    sample: SampleRecord | None = None
    file: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class HistogramRecord:
    """Counts of the finite entries in equal bins from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatsRecord:
    """Statistics of a large tensor: of its finite entries (None when it has none), and counts of the others."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    norm: float | None
    absmax: float | None
    zeros: int
    nan: int
    posinf: int
    neginf: int
    first_nonfinite: Shape | None  # index of the first NaN or infinity in C order
    histogram: HistogramRecord | None


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One array that took part: a value, a constant, a gradient, the share of one edge, or the seed of a run."""

    id: str
    role: str  # "value", "constant", "gradient", "share" or "seed"
    shape: Shape
    dtype: str
    name: str | None = None
    name_source: str = "none"  # "given", "inferred" or "none"
    requires_grad: bool = False
    is_leaf: bool = False
    data: DataRecord | None = None  # None: not recorded
    stats: StatsRecord | None = None  # only for tensors too large to be held in full


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One operand of an op: which tensor it read, under which parameter name, and the edge its gradient takes."""

    slot: int
    parameter: str  # the name that stands for it in the formulas: "x", "y", "xs[2]"
    tensor: str
    edge: str | None = None  # None: no gradient flows this way
    broadcast_from: Shape | None = None  # the operand's own shape where broadcasting stretched it


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula as a line of text and as a tree (`grad_engine.formula` holds the grammar)."""

    text: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """The local derivative of one input: the share sent to `slot`, in terms of g, out and the op's parameters."""

    slot: int
    text: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class FormulaRecord:
    """What an op computes, and the rule for each input that a gradient reaches."""

    forward: Expression
    vjp: tuple[RuleRecord, ...]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The line of the program that called the op."""

    file: str
    line: int
    code: str


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One recorded call of an op."""

    id: str
    age: int  # place in creation order among the ops of this record, from 0
    op: str  # "log_softmax"
    name: str  # "LogSoftmaxBackward"
    category: str
    symbol: str
    inputs: tuple[InputRecord, ...]  # by slot; an operand that was left out leaves a gap
    outputs: tuple[str, ...]
    saved: tuple[str, ...] = ()  # tensors whose values the rules of this call read
    attributes: Mapping[str, object] | None = None  # static arguments: numbers, words, and lists of them
    scope: str = ""
    formula: FormulaRecord | None = None
    source: SourceRecord | None = None
    kind: str = "op"
    call: int = 0  # which call of its scope it belongs to, from 0: a cell that runs forty times has forty calls
    elementwise: bool = False  # entry i of the result comes from entry i of each operand, once these are broadcast
    broadcasts: bool = False  # operands of different shapes are repeated to one shape
    commutes: bool = False  # the operands may change places
    sentence: str = ""  # what the op does, in one sentence


@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """One arrow of the backward graph: the share of gradient a node passes to one of its inputs."""

    id: str
    sender: str  # id of the node that computes the share
    receiver: str  # id of the node, or accumulator, it is added to
    slot: int  # which input of the sender
    output: int = 0  # which output of the receiver
    raw_shape: Shape | None = None  # shape of the share before it was summed down; None where no run has sent it
    reduced_axes: tuple[int, ...] = ()  # axes of raw_shape summed away, because the input had been broadcast


@dataclass(frozen=True, slots=True)
class AccumulatorRecord:
    """Where the shares that reach one leaf are summed."""

    id: str
    leaf: str  # tensor id
    name: str = "GradAccum"


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A tensor that backward started from, or could start from."""

    node: str
    tensor: str
    output: int = 0


@dataclass(frozen=True, slots=True)
class ForwardRecord:
    """One step of the forward pass, in creation order: a leaf tensor (`kind` "leaf") or an op node ("op") appears."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A node's gradient is complete and its rules run."""

    node: str


@dataclass(frozen=True, slots=True)
class SendEvent:
    """A share travels along an edge."""

    edge: str
    share: str


@dataclass(frozen=True, slots=True)
class AccumulateEvent:
    """The k-th of `of` shares arrives; `partial` is the sum so far. Always at accumulators, at nodes where `of` > 1."""

    receiver: str
    edge: str
    k: int
    of: int
    partial: str


Event = RunEvent | SendEvent | AccumulateEvent


@dataclass(frozen=True, slots=True)
class LeafChangeRecord:
    """What a run did to one leaf's `.grad`: before is None where it was unset."""

    accumulator: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class BackwardRecord:
    """One backward run: its seed, every event in the order it happened, and the complete gradient of every node."""

    root: str
    seed: str
    events: tuple[Event, ...]
    gradients: Mapping[str, tuple[str | None, ...]]  # node id -> tensor id per output
    leaves: tuple[LeafChangeRecord, ...]
    output: int = 0  # which output of the root
    complete: bool = True


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """The nodes made inside one scope."""

    scope: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountsRecord:
    """Totals; `nonfinite` lists the tensors that hold a NaN or an infinity."""

    ops: int
    leaves: int
    constants: int
    edges: int
    nonfinite: tuple[str, ...]


@dataclass(frozen=True)
class GraphRecord:
    """One graph and what happened in it."""

    title: str
    expression: str  # "" where it would be too long
    counts: CountsRecord
    roots: tuple[RootRecord, ...]
    tensors: tuple[TensorRecord, ...]
    nodes: tuple[NodeRecord, ...]  # by age
    edges: tuple[EdgeRecord, ...]
    accumulators: tuple[AccumulatorRecord, ...]
    forward: tuple[ForwardRecord, ...]
    runs: tuple[BackwardRecord, ...] = ()
    groups: tuple[GroupRecord, ...] = ()
    producer: Mapping[str, str] | None = None
    version: str = VERSION

    @cached_property
    def by_id(self) -> dict[str, TensorRecord | NodeRecord | EdgeRecord | AccumulatorRecord]:
        """Every tensor, node, edge and accumulator under its id."""
        sections: tuple[tuple[TensorRecord | NodeRecord | EdgeRecord | AccumulatorRecord, ...], ...]
        sections = (self.tensors, self.nodes, self.edges, self.accumulators)
        return {part.id: part for section in sections for part in section}
