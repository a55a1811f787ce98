"""JSON text -> GraphRecord: every value gets the type that its field has; check.py then looks at the whole.

Unknown keys are ignored, so that a newer minor version can be read. The helpers take the object, the key and the path
of the object, and the path grows only where something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, isfinite, nan
from typing import Any, TypeVar

from grad_engine.errors import ArgumentError, RecordError
from grad_engine.formula import NAME, Tree, fault
from grad_engine.record.check import check
from grad_engine.record.collector import collector_at_rest
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
from grad_engine.record.strict import MAX_BYTES, MAX_DEPTH, MAX_NODES, parsed, shown, step, wrong

Json = dict[str, Any]
Part = TypeVar("Part")

ROLES = frozenset({"value", "constant", "gradient", "share", "seed"})
SOURCES = frozenset({"given", "inferred", "none"})
NONFINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
ATTRIBUTE_DEPTH = 8
BIGGEST = 2**63

_ID = {
    "tensor": re.compile(r"t(0|[1-9][0-9]{0,8})\Z"),
    "node": re.compile(r"n(0|[1-9][0-9]{0,8})\Z"),
    "edge": re.compile(r"e(0|[1-9][0-9]{0,8})\Z"),
    "accumulator": re.compile(r"a(0|[1-9][0-9]{0,8})\Z"),
}
_DTYPE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_INTEGER = re.compile(r"(u?)int(8|16|32|64)\Z")
_VERSION = re.compile(r"1\.(0|[1-9][0-9]{0,3})\Z")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}\.npz\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def from_json(
    source: str | bytes | bytearray | memoryview,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> GraphRecord:
    """The record that a JSON text holds, checked in every part.

    Time and memory grow with the length of the text and with nothing that is written in it. By default a text has at
    most 256 MB, lists and objects at most 64 deep, and 100,000 nodes.

    Raises:
        ArgumentError: neither text nor bytes.
        RecordError: the text does not keep the format; the message starts with the JSON path of the first fault, such
            as `$.nodes[3].inputs[0].tensor`.
    """
    if not isinstance(source, str | bytes | bytearray | memoryview):
        raise ArgumentError(
            f"a record is read from text or bytes, got {type(source).__name__}; load_graph reads a file"
        )
    with collector_at_rest():
        document = parsed(source, max_bytes=max_bytes, max_depth=max_depth)
        try:
            record = _graph(document, max_nodes)
        except RecursionError:  # only where the caller has raised max_depth
            raise wrong("$", "shallow lists and objects", "nesting too deep for Python") from None
        check(record)
    return record


def _graph(document: Any, max_nodes: int) -> GraphRecord:
    if type(document) is not dict:
        raise wrong("$", "an object", shown(document))
    if document.get("format") != FORMAT:
        raise _bad(document, "format", "$", f"'{FORMAT}'")
    version = _text(document, "version", "$")
    if not _VERSION.match(version):
        raise _bad(document, "version", "$", f"a version that this reader knows, {VERSION} or another 1.x")
    nodes = _list(document, "nodes", "$")
    if len(nodes) > max_nodes:
        raise wrong("$.nodes", f"at most {max_nodes:,} nodes", f"{len(nodes):,}")
    return GraphRecord(
        title=_text(document, "title", "$"),
        expression=_text(document, "expression", "$"),
        counts=_counts(_object(document, "counts", "$"), "$.counts"),
        roots=_each(document, "roots", _root),
        tensors=_each(document, "tensors", _tensor),
        nodes=_each(document, "nodes", _node),
        edges=_each(document, "edges", _edge),
        accumulators=_each(document, "accumulators", _accumulator),
        forward=_each(document, "forward", _step),
        runs=_each(document, "runs", _run, []),
        groups=_each(document, "groups", _group, []),
        producer=_producer(document),
        version=version,
    )


def _producer(document: Json) -> dict[str, str] | None:
    if document.get("producer") is None:
        return None
    return {key: _text(item, key, "$.producer") for item in (_object(document, "producer", "$"),) for key in item}


def _counts(item: Json, path: str) -> CountsRecord:
    return CountsRecord(
        ops=_count(item, "ops", path),
        leaves=_count(item, "leaves", path),
        constants=_count(item, "constants", path),
        edges=_count(item, "edges", path),
        nonfinite=_ids(item, "nonfinite", path, "tensor"),
    )


def _root(item: Json, path: str) -> RootRecord:
    return RootRecord(
        _id(item, "node", path, "node"), _id(item, "tensor", path, "tensor"), _count(item, "output", path, 0)
    )


def _tensor(item: Json, path: str) -> TensorRecord:
    dtype = _match(item, "dtype", path, _DTYPE, "the name of a dtype, such as 'float64'")
    data, stats = item.get("data"), item.get("stats")
    return TensorRecord(
        _id(item, "id", path, "tensor"),
        _one_of(item, "role", path, ROLES),
        _shape(item, "shape", path),
        dtype,
        _optional_text(item, "name", path),
        _one_of(item, "name_source", path, SOURCES, "none"),
        _flag(item, "requires_grad", path, False),
        _flag(item, "is_leaf", path, False),
        None if data is None else _data(_object(item, "data", path), f"{path}.data", dtype),
        None if stats is None else _stats(_object(item, "stats", path), f"{path}.stats"),
    )


def _data(item: Json, path: str, dtype: str) -> DataRecord:
    values, sample, file = item.get("values"), item.get("sample"), item.get("file")
    return DataRecord(
        None if values is None else _values(item, path, dtype),
        None if sample is None else _sample(_object(item, "sample", path), f"{path}.sample", dtype),
        None if file is None else _file(_object(item, "file", path), f"{path}.file"),
    )


def _sample(item: Json, path: str, dtype: str) -> SampleRecord:
    return SampleRecord(_count(item, "edge", path), _shape(item, "shape", path), _values(item, path, dtype))


def _file(item: Json, path: str) -> FileRecord:
    return FileRecord(
        _match(item, "name", path, _FILE, "the bare name of an .npz file, such as 'graph_acyclic.npz'"),
        _text(item, "key", path),
        _match(item, "sha256", path, _SHA256, "64 hexadecimal digits"),
    )


def _values(item: Json, path: str, dtype: str) -> tuple[Number, ...]:
    values = _list(item, "values", path)
    kinds = set(map(type, values))
    if dtype == "bool":
        if not kinds <= {bool}:
            raise _first_bad(values, f"{path}.values", "true or false", lambda value: type(value) is bool)
    elif width := _INTEGER.match(dtype):
        bits = int(width[2])
        low, high = (0, 2**bits) if width[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not kinds <= {int} or (values and not low <= min(values) <= max(values) < high):
            fits: Callable[[Any], bool] = lambda value: type(value) is int and low <= value < high  # noqa: E731
            raise _first_bad(values, f"{path}.values", f"a number that {dtype} holds", fits)
    elif kinds <= {float} and all(map(isfinite, values)):
        return tuple(values)
    elif dtype.startswith("float"):
        return tuple([_real(value, f"{path}.values[{n}]") for n, value in enumerate(values)])
    else:
        return tuple([_any_number(value, f"{path}.values[{n}]") for n, value in enumerate(values)])
    return tuple(values)


def _real(value: Any, path: str) -> float:
    number = _any_number(value, path)
    if type(number) is bool:
        raise wrong(path, _NUMBER, shown(value))
    return float(number)


_NUMBER = 'a number, "NaN", "Infinity" or "-Infinity"'


def _any_number(value: Any, path: str) -> Number:
    kind = type(value)
    if kind is int or kind is bool or (kind is float and isfinite(value)):
        return value
    if kind is str and value in NONFINITE:
        return NONFINITE[value]
    raise wrong(path, _NUMBER, shown(value))


def _stats(item: Json, path: str) -> StatsRecord:
    bins, first = item.get("histogram"), item.get("first_nonfinite")
    return StatsRecord(
        min=_statistic(item, "min", path),
        max=_statistic(item, "max", path),
        mean=_statistic(item, "mean", path),
        std=_statistic(item, "std", path),
        norm=_statistic(item, "norm", path),
        absmax=_statistic(item, "absmax", path),
        zeros=_count(item, "zeros", path),
        nan=_count(item, "nan", path),
        posinf=_count(item, "posinf", path),
        neginf=_count(item, "neginf", path),
        first_nonfinite=None if first is None else _shape(item, "first_nonfinite", path),
        histogram=None if bins is None else _histogram(_object(item, "histogram", path), f"{path}.histogram"),
    )


def _statistic(item: Json, key: str, path: str) -> float | None:
    value = item.get(key)
    if value is None:
        return None
    number = _any_number(value, f"{path}.{key}")
    if type(number) is bool:
        raise _bad(item, key, path, _NUMBER)
    return number


def _histogram(item: Json, path: str) -> HistogramRecord:
    low, high = (_real(item.get(key), f"{path}.{key}") for key in ("low", "high"))
    return HistogramRecord(low, high, _shape(item, "counts", path))


def _node(item: Json, path: str) -> NodeRecord:
    attributes, formula, source = item.get("attributes"), item.get("formula"), item.get("source")
    return NodeRecord(
        _id(item, "id", path, "node"),
        _count(item, "age", path),
        _match(item, "op", path, NAME, "the name of an op"),
        _text(item, "name", path),
        _text(item, "category", path),
        _text(item, "symbol", path),
        _each(item, "inputs", _input, at=path),
        _ids(item, "outputs", path, "tensor"),
        _ids(item, "saved", path, "tensor", []),
        None if attributes is None else _attributes(_object(item, "attributes", path), f"{path}.attributes"),
        _text(item, "scope", path, ""),
        None if formula is None else _formula(_object(item, "formula", path), f"{path}.formula"),
        None if source is None else _source(_object(item, "source", path), f"{path}.source"),
        _text(item, "kind", path, "op"),
    )


def _input(item: Json, path: str) -> InputRecord:
    edge, own = item.get("edge"), item.get("broadcast_from")
    return InputRecord(
        _count(item, "slot", path),
        _match(item, "parameter", path, NAME, "the name of a parameter"),
        _id(item, "tensor", path, "tensor"),
        None if edge is None else _id(item, "edge", path, "edge"),
        None if own is None else _shape(item, "broadcast_from", path),
    )


def _attributes(item: Json, path: str) -> dict[str, object]:
    return {key: _attribute(value, path + step(key)) for key, value in item.items()}


def _attribute(value: Any, path: str, depth: int = 0) -> object:
    kind = type(value)
    if kind is list and depth < ATTRIBUTE_DEPTH:
        return tuple([_attribute(part, f"{path}[{n}]", depth + 1) for n, part in enumerate(value)])
    if kind is str:
        return NONFINITE.get(value, value)
    if value is None or kind is bool or kind is int or (kind is float and isfinite(value)):
        return value
    raise wrong(path, f"a number, a word, null, or a list of them at most {ATTRIBUTE_DEPTH} deep", shown(value))


def _formula(item: Json, path: str) -> FormulaRecord:
    forward, at = _object(item, "forward", path), f"{path}.forward"
    return FormulaRecord(Expression(_text(forward, "text", at), _tree(forward, at)), _each(item, "vjp", _rule, at=path))


def _rule(item: Json, path: str) -> RuleRecord:
    return RuleRecord(_count(item, "slot", path), _text(item, "text", path), _tree(item, path))


def _tree(item: Json, path: str) -> Tree:
    if "tree" not in item:
        raise _bad(item, "tree", path, "a formula")
    tree = _named(item["tree"], f"{path}.tree")
    if (expected := fault(tree)) is not None:
        raise wrong(f"{path}.tree", expected, shown(tree))
    return tree


def _named(tree: Any, path: str) -> Tree:
    """The tree with the names of non-finite numbers turned into these."""
    kind = type(tree)
    if kind is str:
        return NONFINITE.get(tree, tree)
    if kind is list and tree and tree[0] != "say":
        return [tree[0], *[_named(part, path) for part in tree[1:]]]
    if kind is float and not isfinite(tree):
        raise wrong(path, _NUMBER, "a number beyond the range of a float")
    return tree


def _source(item: Json, path: str) -> SourceRecord:
    return SourceRecord(_text(item, "file", path), _count(item, "line", path), _text(item, "code", path))


def _edge(item: Json, path: str) -> EdgeRecord:
    receiver, raw = item.get("receiver"), item.get("raw_shape")
    return EdgeRecord(
        _id(item, "id", path, "edge"),
        _id(item, "sender", path, "node"),
        _id(item, "receiver", path, "accumulator" if type(receiver) is str and receiver[:1] == "a" else "node"),
        _count(item, "slot", path),
        _count(item, "output", path, 0),
        None if raw is None else _shape(item, "raw_shape", path),
        _shape(item, "reduced_axes", path, []),
    )


def _accumulator(item: Json, path: str) -> AccumulatorRecord:
    return AccumulatorRecord(
        _id(item, "id", path, "accumulator"), _id(item, "leaf", path, "tensor"), _text(item, "name", path, "GradAccum")
    )


def _step(item: Json, path: str) -> ForwardRecord:
    if "leaf" in item:
        return ForwardRecord("leaf", _id(item, "leaf", path, "tensor"))
    if "op" in item:
        return ForwardRecord("op", _id(item, "op", path, "node"))
    raise wrong(path, "an object with the key 'leaf' or 'op'", shown(item))


def _run(item: Json, path: str) -> BackwardRecord:
    gradients = _object(item, "gradients", path)
    at = f"{path}.gradients"
    return BackwardRecord(
        _id(item, "root", path, "node"),
        _id(item, "seed", path, "tensor"),
        _each(item, "events", _event, at=path),
        {node: _gradients(gradients, node, at) for node in gradients},
        _each(item, "leaves", _change, at=path),
        _count(item, "output", path, 0),
        _flag(item, "complete", path, True),
    )


def _event(item: Json, path: str) -> Event:
    if "send" in item:
        return SendEvent(_id(item, "send", path, "edge"), _id(item, "share", path, "tensor"))
    if "run" in item:
        return RunEvent(_id(item, "run", path, "node"))
    if "accumulate" in item:
        receiver = item["accumulate"]
        kind = "accumulator" if type(receiver) is str and receiver[:1] == "a" else "node"
        return AccumulateEvent(
            _id(item, "accumulate", path, kind),
            _id(item, "edge", path, "edge"),
            _count(item, "k", path),
            _count(item, "of", path),
            _id(item, "partial", path, "tensor"),
        )
    raise wrong(path, "an event, with the key 'run', 'send' or 'accumulate'", shown(item))


def _gradients(item: Json, node: str, path: str) -> tuple[str | None, ...]:
    found = _list(item, node, path)
    for n, each in enumerate(found):
        if each is not None and not (type(each) is str and _ID["tensor"].match(each)):
            raise wrong(f"{path}{step(node)}[{n}]", "the id of a tensor, or null", shown(each))
    return tuple(found)


def _change(item: Json, path: str) -> LeafChangeRecord:
    before = None if item.get("before") is None else _id(item, "before", path, "tensor")
    return LeafChangeRecord(_id(item, "accumulator", path, "accumulator"), before, _id(item, "after", path, "tensor"))


def _group(item: Json, path: str) -> GroupRecord:
    return GroupRecord(_text(item, "scope", path), _ids(item, "members", path, "node"))


def _each(
    item: Json, key: str, read: Callable[[Json, str], Part], default: list[Any] | None = None, at: str = "$"
) -> tuple[Part, ...]:
    """The list under `key`, each object in it read with its path."""
    found = []
    prefix = f"{at}.{key}["
    for n, each in enumerate(_list(item, key, at, default)):
        if type(each) is not dict:
            raise wrong(f"{prefix}{n}]", "an object", shown(each))
        found.append(read(each, f"{prefix}{n}]"))
    return tuple(found)


def _object(item: Json, key: str, path: str) -> Json:
    value = item.get(key)
    if type(value) is not dict:
        raise _bad(item, key, path, "an object")
    return value


def _list(item: Json, key: str, path: str, default: list[Any] | None = None) -> list[Any]:
    value = item.get(key, default)
    if type(value) is not list:
        raise _bad(item, key, path, "a list")
    return value


def _text(item: Json, key: str, path: str, default: str | None = None) -> str:
    value = item.get(key, default)
    if type(value) is not str:
        raise _bad(item, key, path, "a string")
    return value


def _optional_text(item: Json, key: str, path: str) -> str | None:
    return None if item.get(key) is None else _text(item, key, path)


def _match(item: Json, key: str, path: str, pattern: re.Pattern[str], expected: str) -> str:
    value = item.get(key)
    if type(value) is not str or not pattern.match(value):
        raise _bad(item, key, path, expected)
    return value


def _one_of(item: Json, key: str, path: str, words: frozenset[str], default: str | None = None) -> str:
    value = item.get(key, default)
    if type(value) is not str or value not in words:
        raise _bad(item, key, path, "one of " + ", ".join(sorted(words)))
    return value


def _flag(item: Json, key: str, path: str, default: bool) -> bool:
    value = item.get(key, default)
    if type(value) is not bool:
        raise _bad(item, key, path, "true or false")
    return value


def _count(item: Json, key: str, path: str, default: int | None = None) -> int:
    value = item.get(key, default)
    if type(value) is not int or not 0 <= value < BIGGEST:
        raise _bad(item, key, path, "a whole number, 0 or more")
    return value


def _shape(item: Json, key: str, path: str, default: list[Any] | None = None) -> Shape:
    value = _list(item, key, path, default)
    for n, each in enumerate(value):
        if type(each) is not int or not 0 <= each < BIGGEST:
            raise wrong(f"{path}.{key}[{n}]", "a whole number, 0 or more", shown(each))
    return tuple(value)


def _id(item: Json, key: str, path: str, kind: str) -> str:
    value = item.get(key)
    if type(value) is not str or not _ID[kind].match(value):
        raise _bad(item, key, path, f"the id of {'an' if kind[0] in 'ae' else 'a'} {kind}, such as '{kind[0]}0'")
    return value


def _ids(item: Json, key: str, path: str, kind: str, default: list[Any] | None = None) -> tuple[str, ...]:
    value, pattern = _list(item, key, path, default), _ID[kind]
    for n, each in enumerate(value):
        if type(each) is not str or not pattern.match(each):
            raise wrong(f"{path}.{key}[{n}]", f"the id of a {kind}, such as '{kind[0]}0'", shown(each))
    return tuple(value)


def _first_bad(values: list[Any], path: str, expected: str, good: Callable[[Any], bool]) -> RecordError:
    n = next(n for n, value in enumerate(values) if not good(value))
    return wrong(f"{path}[{n}]", expected, shown(values[n]))


def _bad(item: Json, key: str, path: str, expected: str) -> RecordError:
    return wrong(path + step(key), expected, shown(item[key]) if key in item else "nothing")
