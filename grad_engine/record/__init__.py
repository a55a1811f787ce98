"""GraphRecord: one graph and what happened in it, as plain data; the file format in both directions.

What flows in is plain facts about a graph (builder.py) or JSON; what flows out is a GraphRecord, and answers about it
(index.py). Nothing here knows the engine or a reader. In reading order:

parts.py      the dataclasses, which are the file format: a field is declared here and nowhere else
spelling.py   how a field is written in JSON: reader, writer and schema of each kind of value
write.py      GraphRecord -> JSON text; strict.py, read.py: JSON text -> GraphRecord, with the path of the first fault
check.py      what a whole record must keep beyond the types of its fields; what it accepts, every reader can draw
builder.py    one record in the making, for every producer; expression.py prints what its roots compute
index.py      one index for every reader; layers.py: what layers give; words.py: the words that all readers share
files.py      saved and loaded, with full data in an .npz beside it; atomic_write.py, npz.py: files that are never torn
rust_layout.py  the layout of the Rust engine of the same name
"""

from grad_engine.record.arrays import array_data
from grad_engine.record.check import check
from grad_engine.record.files import load_graph, save_graph, tensor_data
from grad_engine.record.index import RecordIndex, index_of
from grad_engine.record.parts import (
    FORMAT,
    VERSION,
    AccumulateEvent,
    AccumulatorRecord,
    BackwardRecord,
    ChangeRecord,
    CountsRecord,
    CurveRecord,
    DataRecord,
    EdgeRecord,
    EndsRecord,
    Event,
    ExplainRecord,
    Expression,
    FileRecord,
    FormulaRecord,
    ForwardRecord,
    GraphRecord,
    GroupRecord,
    HistogramRecord,
    Index,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    Number,
    ParameterRecord,
    PathRecord,
    PathStepRecord,
    ProbeRecord,
    RootRecord,
    RuleRecord,
    RunEvent,
    SampleRecord,
    SendEvent,
    Shape,
    SkippedRecord,
    SourceRecord,
    SpotRecord,
    StatsRecord,
    StepRecord,
    TensorRecord,
)
from grad_engine.record.read import from_json
from grad_engine.record.write import to_json

__all__ = [
    "FORMAT",
    "VERSION",
    "AccumulateEvent",
    "AccumulatorRecord",
    "BackwardRecord",
    "ChangeRecord",
    "CountsRecord",
    "CurveRecord",
    "DataRecord",
    "EdgeRecord",
    "EndsRecord",
    "Event",
    "ExplainRecord",
    "Expression",
    "FileRecord",
    "FormulaRecord",
    "ForwardRecord",
    "GraphRecord",
    "GroupRecord",
    "HistogramRecord",
    "Index",
    "InputRecord",
    "LeafChangeRecord",
    "NodeRecord",
    "Number",
    "ParameterRecord",
    "PathRecord",
    "PathStepRecord",
    "ProbeRecord",
    "RecordIndex",
    "RootRecord",
    "RuleRecord",
    "RunEvent",
    "SampleRecord",
    "SendEvent",
    "Shape",
    "SkippedRecord",
    "SourceRecord",
    "SpotRecord",
    "StatsRecord",
    "StepRecord",
    "TensorRecord",
    "array_data",
    "check",
    "from_json",
    "index_of",
    "load_graph",
    "save_graph",
    "tensor_data",
    "to_json",
]
