"""GraphRecord -> JSON text: strict, deterministic, one line per tensor, node, edge and event.

A key whose value is the default of its dataclass field is left out; the reader supplies it.
"""

from __future__ import annotations

import json
from math import inf, isfinite
from typing import Any

import numpy as np

from grad_engine.errors import RecordError
from grad_engine.record.collector import collector_at_rest
from grad_engine.record.parts import (
    FORMAT,
    AccumulatorRecord,
    BackwardRecord,
    DataRecord,
    EdgeRecord,
    Event,
    ForwardRecord,
    GraphRecord,
    GroupRecord,
    InputRecord,
    NodeRecord,
    RootRecord,
    RunEvent,
    SendEvent,
    StatsRecord,
    TensorRecord,
)

Json = dict[str, Any]


def to_json(record: GraphRecord) -> str:
    """The record as strict JSON text ending in a newline; the same record always gives the same text.

    Raises:
        RecordError: a value that JSON has no word for, such as a slice among the attributes of a node.
    """
    with collector_at_rest():
        lines = [
            *[f'"{key}":{_encoded(value)}' for key, value in _head(record).items() if value is not None],
            _section("roots", [_root(root) for root in record.roots], '"node":'),
            _section("tensors", [_tensor(tensor) for tensor in record.tensors], '"id":'),
            _section("nodes", [_node(node) for node in record.nodes], '"id":'),
            _section("edges", [_edge(edge) for edge in record.edges], '"id":'),
            _section("accumulators", [_accumulator(each) for each in record.accumulators], '"id":'),
            _section("forward", [_step(step) for step in record.forward], '"'),
        ]
        if record.runs:
            lines.append('"runs":[\n' + ",\n".join([_run(run) for run in record.runs]) + "\n]")
        if record.groups:
            lines.append(_section("groups", [_group(group) for group in record.groups], '"scope":'))
        text = "{\n" + ",\n".join(lines) + "\n}\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, as in a file name whose bytes are no text
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _section(key: str, items: list[Json], first: str) -> str:
    """One list of the document, a line per item, each of which opens with `first`.

    The whole list is encoded by one call of the C encoder, and the lines are broken afterwards. That is safe: a quote
    inside a string is escaped, so `},{"` stands only between two objects, where white space changes nothing.
    """
    if not items:
        return f'"{key}":[]'
    return f'"{key}":[\n' + _encoded(items)[1:-1].replace("},{" + first, "},\n{" + first) + "\n]"


def _run(run: BackwardRecord) -> str:
    head: Json = {"root": run.root, "seed": run.seed}
    if run.output:
        head["output"] = run.output
    if not run.complete:
        head["complete"] = False
    gradients = _encoded(dict(run.gradients)).replace('],"', '],\n"')
    leaves = [{"accumulator": leaf.accumulator, "before": leaf.before, "after": leaf.after} for leaf in run.leaves]
    lines = [
        _encoded(head)[1:-1],
        _section("events", [_event(event) for event in run.events], '"'),
        f'"gradients":{gradients}',
        _section("leaves", leaves, '"'),
    ]
    return "{" + ",\n".join(lines) + "}"


def _encoded(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"a record holds numbers, words and lists of them, and got {error}: say it with these"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return _number(value.item())
    raise TypeError(f"{value!r:.80}, a {type(value).__name__}")


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _number(value: Any) -> Any:
    """A number as JSON can hold it: the non-finite ones become their names, everything else is left alone."""
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value == inf else "-Infinity"


def _numbers(values: tuple[Any, ...]) -> Any:
    return values if all(map(isfinite, values)) else [_number(value) for value in values]


def _nested(value: Any) -> Any:
    """A formula tree or an attribute, with the non-finite numbers in it named."""
    if isinstance(value, list | tuple):
        return [_nested(part) for part in value]
    return _number(value)


def _head(record: GraphRecord) -> Json:
    counts = record.counts
    return {
        "format": FORMAT,
        "version": record.version,
        "producer": None if record.producer is None else dict(record.producer),
        "title": record.title,
        "expression": record.expression,
        "counts": {
            "ops": counts.ops,
            "leaves": counts.leaves,
            "constants": counts.constants,
            "edges": counts.edges,
            "nonfinite": counts.nonfinite,
        },
    }


def _root(root: RootRecord) -> Json:
    item: Json = {"node": root.node, "tensor": root.tensor}
    if root.output:
        item["output"] = root.output
    return item


def _tensor(tensor: TensorRecord) -> Json:
    item: Json = {"id": tensor.id, "role": tensor.role, "shape": tensor.shape, "dtype": tensor.dtype}
    if tensor.name is not None:
        item["name"] = tensor.name
    if tensor.name_source != "none":
        item["name_source"] = tensor.name_source
    if tensor.requires_grad:
        item["requires_grad"] = True
    if tensor.is_leaf:
        item["is_leaf"] = True
    if tensor.data is not None:
        item["data"] = _data(tensor.data)
    if tensor.stats is not None:
        item["stats"] = _stats(tensor.stats)
    return item


def _data(data: DataRecord) -> Json:
    item: Json = {}
    if data.values is not None:
        item["values"] = _numbers(data.values)
    if data.sample is not None:
        sample = data.sample
        item["sample"] = {"edge": sample.edge, "shape": sample.shape, "values": _numbers(sample.values)}
    if data.file is not None:
        item["file"] = {"name": data.file.name, "key": data.file.key, "sha256": data.file.sha256}
    return item


def _stats(stats: StatsRecord) -> Json:
    bins = stats.histogram
    return {
        "min": _number(stats.min),
        "max": _number(stats.max),
        "mean": _number(stats.mean),
        "std": _number(stats.std),
        "norm": _number(stats.norm),
        "absmax": _number(stats.absmax),
        "zeros": stats.zeros,
        "nan": stats.nan,
        "posinf": stats.posinf,
        "neginf": stats.neginf,
        "first_nonfinite": stats.first_nonfinite,
        "histogram": None if bins is None else {"low": bins.low, "high": bins.high, "counts": bins.counts},
    }


def _node(node: NodeRecord) -> Json:
    item: Json = {"id": node.id, "age": node.age, "op": node.op, "name": node.name}
    item |= {"category": node.category, "symbol": node.symbol}
    if node.kind != "op":
        item["kind"] = node.kind
    if node.scope:
        item["scope"] = node.scope
    if node.attributes is not None:
        item["attributes"] = {key: _nested(value) for key, value in node.attributes.items()}
    item["inputs"] = [_input(each) for each in node.inputs]
    item["outputs"] = node.outputs
    if node.saved:
        item["saved"] = node.saved
    if (formula := node.formula) is not None:
        item["formula"] = {
            "forward": {"text": formula.forward.text, "tree": _nested(formula.forward.tree)},
            "vjp": [{"slot": rule.slot, "text": rule.text, "tree": _nested(rule.tree)} for rule in formula.vjp],
        }
    if (source := node.source) is not None:
        item["source"] = {"file": source.file, "line": source.line, "code": source.code}
    return item


def _input(each: InputRecord) -> Json:
    item: Json = {"slot": each.slot, "parameter": each.parameter, "tensor": each.tensor}
    if each.edge is not None:
        item["edge"] = each.edge
    if each.broadcast_from is not None:
        item["broadcast_from"] = each.broadcast_from
    return item


def _edge(edge: EdgeRecord) -> Json:
    item: Json = {"id": edge.id, "sender": edge.sender, "receiver": edge.receiver, "slot": edge.slot}
    if edge.output:
        item["output"] = edge.output
    if edge.raw_shape is not None:
        item["raw_shape"] = edge.raw_shape
    if edge.reduced_axes:
        item["reduced_axes"] = edge.reduced_axes
    return item


def _accumulator(each: AccumulatorRecord) -> Json:
    item: Json = {"id": each.id, "leaf": each.leaf}
    if each.name != "GradAccum":
        item["name"] = each.name
    return item


def _step(step: ForwardRecord) -> Json:
    return {step.kind: step.id}


def _event(event: Event) -> Json:
    if isinstance(event, RunEvent):
        return {"run": event.node}
    if isinstance(event, SendEvent):
        return {"send": event.edge, "share": event.share}
    return {
        "accumulate": event.receiver,
        "edge": event.edge,
        "k": event.k,
        "of": event.of,
        "partial": event.partial,
    }


def _group(group: GroupRecord) -> Json:
    return {"scope": group.scope, "members": group.members}
