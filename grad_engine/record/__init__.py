"""GraphRecord: one graph and what happened in it, as plain data; the file format in both directions.

parts.py holds the dataclasses and arrays.py the numbers in them. write.py makes JSON. strict.py takes JSON apart,
read.py gives every value its place, check.py looks at the record as a whole. files.py saves and loads; rust.py reads an
older layout. draft.py puts a record together for whoever walks over a graph. index.py answers the questions that every
reader has about a record. Nothing here knows the engine.
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
    CountsRecord,
    DataRecord,
    EdgeRecord,
    Event,
    Expression,
    FileRecord,
    FormulaRecord,
    ForwardRecord,
    GraphRecord,
    GroupRecord,
    HistogramRecord,
    InputRecord,
    LeafChangeRecord,
    NodeRecord,
    Number,
    RootRecord,
    RuleRecord,
    RunEvent,
    SampleRecord,
    SendEvent,
    Shape,
    SourceRecord,
    StatsRecord,
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
    "CountsRecord",
    "DataRecord",
    "EdgeRecord",
    "Event",
    "Expression",
    "FileRecord",
    "FormulaRecord",
    "ForwardRecord",
    "GraphRecord",
    "GroupRecord",
    "HistogramRecord",
    "InputRecord",
    "LeafChangeRecord",
    "NodeRecord",
    "Number",
    "RecordIndex",
    "RootRecord",
    "RuleRecord",
    "RunEvent",
    "SampleRecord",
    "SendEvent",
    "Shape",
    "SourceRecord",
    "StatsRecord",
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
