"""GraphRecord and its parts: one graph and what happened in it, as plain data. These classes are the file format.

Everything that draws reads a GraphRecord and nothing else. The JSON of a part has the fields of its class as keys, in
the order of the class, without those that hold their default; spelling.py makes reader, writer and schema.json out of
the annotations here. Version 1.1 added optional fields only: a reader of 1.0 ignores them.

Ids: tensors `t<k>`, op nodes `n<k>` by age, edges `e<k>` by age of the sender, then slot, accumulators `a<k>` by
creation of their leaf. A NaN is always `math.nan` itself, so that records compare equal. Sequences are tuples, except
in formula trees, which are lists as the grammar has them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from grad_engine.formula import Tree
from grad_engine.record import spelling
from grad_engine.record.quick_init import quick_init
from grad_engine.record.spelling import Noted, Spelling

FORMAT = "grad_engine.graph"
VERSION = "1.1"

Number = float | int | bool

TensorId = Annotated[str, spelling.id_of("tensor")]
NodeId = Annotated[str, spelling.id_of("node")]
EdgeId = Annotated[str, spelling.id_of("edge")]
AccumulatorId = Annotated[str, spelling.id_of("accumulator")]
ReceiverId = Annotated[str, spelling.id_of_either("node", "accumulator")]
Shape = Annotated[tuple[int, ...], spelling.SHAPE]
Index = Shape  # of one entry of a tensor
Numbers = Annotated[tuple[Number, ...], spelling.NUMBERS]  # of a tensor, in C order
Real = Annotated[float, spelling.REAL]
FormulaTree = Annotated[Tree, spelling.TREE]
Attributes = Mapping[str, Annotated[object, spelling.ATTRIBUTE]]


@quick_init
@dataclass(frozen=True, slots=True)
class SampleRecord:
    """The first and last `edge` entries along every axis of a large tensor, as a small tensor of `shape`."""

    edge: int
    shape: Shape
    values: Numbers


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Where the full data of a large tensor lies: array `key` of the `.npz` called `name`, beside the record."""

    name: Annotated[
        str,
        spelling.matching(
            r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}\.npz", "the bare name of an .npz file, such as 'graph_acyclic.npz'"
        ),
    ]  # never a path; grad_engine names it by the first digits of its hash
    key: str
    sha256: Annotated[str, spelling.matching("[0-9a-f]{64}", "64 hexadecimal digits")]


@quick_init
@dataclass(frozen=True, slots=True)
class DataRecord:
    """The numbers of a tensor: all of them (`values`), or a sample, perhaps with a file that holds the rest."""

    values: Numbers | None = None
    sample: SampleRecord | None = None
    file: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class HistogramRecord:
    """Counts of the finite entries in equal bins from `low` to `high`."""

    low: Real
    high: Real
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EndsRecord:
    """How many entries are within 0.03 of −1, 0 and 1, where all are from −1 to 1; 0 is only counted as the least."""

    minus_one: int
    zero: int
    one: int
    units: int  # that are near −1 or 1 in every row of the batch
    units_from_zero: int  # that are near 0 or 1 in every row of the batch


@quick_init
@dataclass(frozen=True, slots=True)
class StatsRecord:
    """Statistics of a large tensor: of its finite entries (None when it has none), and counts of the others.

    Of a complex tensor of any size they are those of the absolute values, whose norm is that of the tensor.
    """

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
    dead: int = 0  # 1.1: where the least entry is 0: units, such as channels, that are 0 in every row of the batch
    ends: EndsRecord | None = None  # 1.1: of the result of an op whose results lie between two ends, as tanh's do


@quick_init
@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One array that took part: a value, a constant, a gradient, the share of one edge, or the seed of a run."""

    id: TensorId
    role: Annotated[str, spelling.one_of("value", "constant", "gradient", "share", "seed")]
    shape: Shape
    dtype: Annotated[str, spelling.matching("[a-z][a-z0-9_]{0,31}", "the name of a dtype, such as 'float64'")]
    name: str | None = None
    name_source: Annotated[str, spelling.one_of("given", "inferred", "none")] = "none"
    requires_grad: bool = False
    is_leaf: bool = False
    data: Annotated[DataRecord | None, Noted(typed_by="dtype")] = None  # None: not recorded
    stats: StatsRecord | None = None  # only for tensors too large to be held in full
    # 1.1: why there are no numbers. "changed": written over since the graph read or made it; "freed": by a backward
    # without retain_graph; "unknown": whoever wrote the record could not tell them.
    absent: Annotated[str, spelling.one_of("", "changed", "freed", "unknown")] = ""


@quick_init
@dataclass(frozen=True, slots=True)
class InputRecord:
    """One operand of an op: which tensor it read, under which parameter name, and the edge its gradient takes."""

    slot: int
    parameter: Annotated[str, spelling.name_of("the name of a parameter")]  # its name in formulas: "x", "y", "xs[2]"
    tensor: TensorId
    edge: EdgeId | None = None  # None: no gradient flows this way
    broadcast_from: Shape | None = None  # the operand's own shape where broadcasting stretched it


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula as a line of text and as a tree (`grad_engine.formula` holds the grammar)."""

    text: str
    tree: FormulaTree


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """The local derivative of one input: the share sent to `slot`, in terms of g, out and the op's parameters."""

    slot: int
    text: str
    tree: FormulaTree


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


@quick_init
@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One recorded call of an op. Nodes are listed by age."""

    id: NodeId
    age: int  # place in creation order among the ops of this record, from 0
    op: Annotated[str, spelling.name_of("the name of an op")]  # "log_softmax"
    name: str  # "LogSoftmaxBackward"
    category: str
    symbol: str
    kind: str = field(default="op", kw_only=True)
    scope: str = field(default="", kw_only=True)
    call: int = field(
        default=0, kw_only=True
    )  # 1.1: which call of its scope; a cell that runs forty times has calls 0 to 39
    attributes: Attributes | None = field(
        default=None, kw_only=True
    )  # static arguments: numbers, words, and lists of them
    inputs: tuple[InputRecord, ...]  # by slot; an operand that was left out leaves a gap
    outputs: Annotated[tuple[TensorId, ...], Noted(schema={"minItems": 1})]
    saved: tuple[TensorId, ...] = ()  # tensors whose values the rules of this call read
    formula: Annotated[FormulaRecord | None, Noted(alike=True)] = field(default=None, kw_only=True)
    source: SourceRecord | None = field(default=None, kw_only=True)
    # 1.1; absent in a record of 1.0, where nothing is known of them
    elementwise: bool = field(default=False, kw_only=True)  # entry i comes from entry i of each (stretched) operand
    broadcasts: bool = field(default=False, kw_only=True)  # operands of different shapes are stretched to one shape
    commutes: bool = field(default=False, kw_only=True)  # the two operands may change places
    sentence: str = field(default="", kw_only=True)  # what the op does, in one sentence
    multiply_adds: int = field(
        default=0, kw_only=True
    )  # of the forward call; 0 where there are none, or none are known
    ends: Annotated[tuple[Number, ...], spelling.NUMBERS] = field(
        default=(), kw_only=True
    )  # 1.1: the two numbers between which all results of the op lie, and near which it is flat
    even_chances: Real = field(
        default=0.0, kw_only=True
    )  # 1.1: of a mean loss over classes: its value where each class is as likely as another
    takes_scores: bool = field(
        default=False, kw_only=True
    )  # 1.1: a loss of scores or of logarithms of probabilities, and never of probabilities


@quick_init
@dataclass(frozen=True, slots=True)
class EdgeRecord:
    """One arrow of the backward graph: the share of gradient a node passes to one of its inputs."""

    id: EdgeId
    sender: NodeId  # computes the share
    receiver: ReceiverId  # the node, or accumulator, it is added to
    slot: int  # which input of the sender
    output: int = 0  # which output of the receiver
    raw_shape: Shape | None = None  # shape of the share before it was summed down; None where no run has sent it
    reduced_axes: Annotated[
        Shape, Noted(schema={"uniqueItems": True})
    ] = ()  # axes of raw_shape summed away, because the input had been broadcast


@dataclass(frozen=True, slots=True)
class AccumulatorRecord:
    """Where the shares that reach one leaf are summed."""

    id: AccumulatorId
    leaf: TensorId
    name: str = "GradAccum"


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A tensor that backward started from, or could start from."""

    node: NodeId
    tensor: TensorId
    output: int = 0


@dataclass(frozen=True, slots=True)
class ForwardRecord:
    """One step of the forward pass, in creation order: a leaf tensor (`kind` "leaf") or an op node ("op") appears."""

    kind: str
    id: str


def _read_step(value: Any, path: str, tail: spelling.Tail) -> ForwardRecord:
    if type(value) is not dict:
        raise spelling.unlike(value, path, tail, "an object")
    for kind, id in _STEPS.items():
        if kind in value:
            return ForwardRecord(kind, id.read(value[kind], spelling.place(path, tail), f".{kind}"))
    raise spelling.unlike(value, path, tail, "an object with the key 'leaf' or 'op'")


_STEPS = {"leaf": spelling.id_of("tensor"), "op": spelling.id_of("node")}
STEP = Spelling(  # {"leaf": "t0"} or {"op": "n0"}
    _read_step,
    {"$ref": "#/$defs/forward"},
    lambda step: {step.kind: step.id},
    lambda: {
        **_STEPS["leaf"].definitions(),
        **_STEPS["op"].definitions(),
        "forward": {
            "description": "A leaf or an op appears; in creation order.",
            "type": "object",
            "anyOf": [{"required": [kind], "properties": {kind: id.schema}} for kind, id in _STEPS.items()],
        },
    },
)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A node's gradient is complete and its rules run."""

    node: Annotated[NodeId, Noted(key="run")]


@dataclass(frozen=True, slots=True)
class SendEvent:
    """A share travels along an edge."""

    edge: Annotated[EdgeId, Noted(key="send")]
    share: TensorId


@quick_init
@dataclass(frozen=True, slots=True)
class AccumulateEvent:
    """The k-th of `of` shares arrives; `partial` is the sum so far. Always at accumulators, at nodes where `of` > 1."""

    receiver: Annotated[ReceiverId, Noted(key="accumulate")]
    edge: EdgeId
    k: Annotated[int, Noted(schema={"minimum": 1})]
    of: Annotated[int, Noted(schema={"minimum": 1})]
    partial: TensorId  # of this run alone, whatever the leaf held before


Event = RunEvent | SendEvent | AccumulateEvent


@dataclass(frozen=True, slots=True)
class LeafChangeRecord:
    """What a run did to one leaf's `.grad`: before is None where it was unset."""

    accumulator: AccumulatorId
    before: TensorId | None
    after: TensorId


@dataclass(frozen=True, slots=True)
class BackwardRecord:
    """One backward run: its seed, every event in the order it happened, and the complete gradient of every node."""

    root: NodeId
    seed: TensorId
    output: int = field(default=0, kw_only=True)  # which output of the root
    complete: bool = field(default=True, kw_only=True)
    # 1.1: its gradients have a graph of their own, through which a later run of the same step goes: double backward
    create_graph: bool = field(default=False, kw_only=True)
    events: tuple[Event, ...]
    gradients: Annotated[
        Mapping[str, tuple[Annotated[str | None, spelling.id_or_null("tensor")], ...]],  # by node, one per output
        Noted(schema={"propertyNames": {"$ref": "#/$defs/nodeId"}}),
    ]
    leaves: tuple[LeafChangeRecord, ...]


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """The nodes made inside one scope."""

    scope: str
    members: tuple[NodeId, ...]


# Why a parameter has no gradient. The first two are as the program wants it.
FROZEN = "it does not require a gradient (requires_grad=False)"
UNASKED = "backward was asked for the gradients of other tensors alone"
UNREACHED = "backward sent it nothing"
UNREAD = "no op of this graph reads it"


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """A parameter of the model that the graph belongs to (1.1): where its gradient is summed, or why it gets none."""

    name: str
    shape: Shape
    dtype: Annotated[str, spelling.matching("[a-z][a-z0-9_]{0,31}", "the name of a dtype, such as 'float64'")]
    accumulator: AccumulatorId | None = None  # None: the graph does not read it
    reason: str = ""  # why no gradient reached it
    update: float | None = None  # 1.1: ‖change‖ / ‖value‖ of the optimiser's step after the last run, where measured
    # 1.1: ‖value‖ and how many entries are NaN or infinite, where the graph holds no numbers of the parameter
    value_norm: float | None = None
    value_nonfinite: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """By how much one entry of a tensor changed when the followed entry was nudged."""

    tensor: TensorId
    index: Index
    change: float


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """An entry that would have been followed, had a nudge of it said anything."""

    accumulator: AccumulatorId
    index: Index
    gradient: float
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """What happened when one entry of one leaf was nudged and the graph was run again, beside its gradient."""

    accumulator: AccumulatorId
    index: Index
    value: float
    delta: float
    root_change: float  # of the sum of seed times root, over the entries that are finite before and after
    ratio: float  # root_change / delta
    gradient: float  # what this run sent to the entry, never what `.grad` held before
    agrees: bool  # ratio and gradient, to 2 %
    below: float | None = None  # at a kink: the ratio for a nudge down, and for one up
    above: float | None = None
    skipped: tuple[SkippedRecord, ...] = ()
    changes: tuple[ChangeRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class PathStepRecord:
    """One edge of a path from the root to the followed entry, at one entry of the tensors at both ends."""

    edge: EdgeId
    of: Annotated[Index, Noted(key="from")]  # entry of the sender's result
    to: Index  # entry of the operand
    slope: float  # of the first with respect to the second, by the op's own rule
    value: float | None  # of the operand's entry; None where PyTorch did not keep it
    gradient: float  # at the sender's result
    product: float  # of the seed and all slopes from the root to here


@dataclass(frozen=True, slots=True)
class PathRecord:
    """A way of the gradient from the root to the followed entry, for one of the shares that are summed there."""

    steps: tuple[PathStepRecord, ...]


@dataclass(frozen=True, slots=True)
class CurveRecord:
    """The curve of an op of one operand, at equal steps of it; null where the op has no value."""

    op: Annotated[str, spelling.name_of("the name of an op")]
    node: NodeId  # the first of the calls that have this curve
    attributes: Attributes
    x: Annotated[tuple[float, ...], Noted(schema={"minItems": 2, "maxItems": 2})]  # first and last
    y: tuple[Annotated[float, spelling.NUMBER] | None, ...]


@dataclass(frozen=True, slots=True)
class SpotRecord:
    """One entry of a share that is a product of matrices: the largest of the products that are summed, and the rest."""

    edge: EdgeId
    index: Index
    terms: tuple[tuple[float, ...], ...]  # the factors of each
    rest: float
    total: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of all leaves against their gradients: the root before and after, and what the gradients predicted."""

    rate: float
    before: float
    after: float
    predicted: Annotated[float, Noted(key="promised")]


@dataclass(frozen=True, slots=True)
class ExplainRecord:
    """What was tried and worked out at export so that a reader can show why a gradient is what it is (1.1)."""

    probe: ProbeRecord | None = None
    paths: tuple[PathRecord, ...] = ()
    curves: tuple[CurveRecord, ...] = ()
    spots: tuple[SpotRecord, ...] = ()
    step: StepRecord | None = None
    holds: Mapping[EdgeId, bool] | None = None  # edge -> whether its rule, with the recorded numbers, gives its share
    reason: str = ""  # why there is no probe


@dataclass(frozen=True, slots=True)
class CountsRecord:
    """Totals; `nonfinite` lists the tensors that hold a NaN or an infinity."""

    ops: int
    leaves: int
    constants: int
    edges: int
    nonfinite: tuple[TensorId, ...]


@dataclass(frozen=True)
class GraphRecord:
    """One graph and what happened in it."""

    version: Annotated[
        str,
        spelling.matching(r"1\.(0|[1-9][0-9]{0,3})", f"a version that this reader knows, {VERSION} or another 1.x"),
    ] = field(default=VERSION, kw_only=True)
    producer: Mapping[str, str] | None = field(default=None, kw_only=True)
    title: str
    expression: str  # "" where it would be too long
    counts: CountsRecord
    roots: Annotated[tuple[RootRecord, ...], Noted(schema={"minItems": 1})]
    tensors: tuple[TensorRecord, ...]
    nodes: tuple[NodeRecord, ...]  # by age
    edges: tuple[EdgeRecord, ...]
    accumulators: tuple[AccumulatorRecord, ...]
    forward: tuple[Annotated[ForwardRecord, STEP], ...]
    runs: tuple[BackwardRecord, ...] = ()  # in the order in which they happened, of one root or several
    groups: tuple[GroupRecord, ...] = ()
    parameters: tuple[ParameterRecord, ...] = ()
    explain: ExplainRecord | None = None
    remarks: tuple[str, ...] = ()  # 1.1: what is wrong with how the program ran, in sentences
    stopped: str = ""  # 1.1: what ended the program before its backward run, and where; "" where nothing did

    @cached_property
    def by_id(self) -> dict[str, TensorRecord | NodeRecord | EdgeRecord | AccumulatorRecord]:
        """Every tensor, node, edge and accumulator under its id."""
        sections: tuple[tuple[TensorRecord | NodeRecord | EdgeRecord | AccumulatorRecord, ...], ...]
        sections = (self.tensors, self.nodes, self.edges, self.accumulators)
        return {part.id: part for section in sections for part in section}

    def __repr__(self) -> str:
        """A record in one line; its fields would fill pages."""
        ops, leaves, runs = self.counts.ops, self.counts.leaves, len(self.runs)
        found = f"{ops} op{'s' * (ops != 1)}, {leaves} {'leaf' if leaves == 1 else 'leaves'}"
        return f"<GraphRecord {self.title!r}: {found}, {runs} backward run{'s' * (runs != 1)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows. It is drawn by readers, which know this module, so it is asked for by name."""
        shown: dict[str, str] = importlib.import_module("grad_engine.notebook").record_bundle(self, include, exclude)
        return shown
