"""How the fields of a record are written in JSON: a `Spelling` per kind of value holds reader, writer and JSON Schema.

parts.py names the spelling of a field in its annotation (`leaf: TensorId`), or leaves it to the type: `str` is a
string, `int` a whole number from 0 on, `bool` true or false, `X | None` may be null, `tuple[X, ...]` is a list,
`Mapping[str, X]` an object with any keys, a dataclass an object with the keys of its fields. From these annotations
`spelling_of` makes the reader of read.py, the writer of write.py and the schema of schema.json, so that a field is
declared once.

A reader is called with a JSON value and its place: the path of the object or list around it, and what the path gains
there (".shape", or 3 for the fourth entry of a list). The two are put together only where something is wrong.
"""

from __future__ import annotations

import dataclasses
import marshal
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from functools import cache, cached_property
from math import inf, isfinite, nan
from typing import Any, Union

from grad_engine.errors import RecordError
from grad_engine.formula import NAME, Tree, fault
from grad_engine.record.strict import shown, step, wrong

Json = dict[str, Any]
Tail = str | int
Read = Callable[[Any, str, Tail], Any]  # JSON value, path of what holds it, what the path gains -> value
Write = Callable[[Any], Any]  # value -> JSON value

ATTRIBUTE_DEPTH = 8
BIGGEST = 2**63
MAX_RANK = 64
MOST_DTYPES = 64  # whose readers are kept
MOST_ALIKE = 1000  # values that are kept to be found again
LONGEST_ALIKE = 4000  # bytes of such a value
NONFINITE = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}


class _Nothing:
    """Stands for a key that is not there."""


NOTHING = _Nothing()


Definitions = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Spelling:
    """How one kind of value is written in JSON."""

    read: Read
    schema: Mapping[str, Any]  # JSON Schema; {"$ref": "#/$defs/<name>"} where the kind has a name of its own
    write: Write | None = None  # None: the value is JSON as it is
    definitions: Callable[[], Definitions] = dict  # what `schema` refers to, by name
    # A test in Python that a right `value` passes, so that most values need no call of `read`; `match` may stand in it.
    test: str = ""
    match: Callable[[str], Any] | None = None

    @property
    def reader(self) -> Callable[[Json, str], Any] | None:
        """Of what is an object in JSON: reads it, given its path."""
        return None


def place(path: str, tail: Tail) -> str:
    """The JSON path of a value."""
    return f"{path}[{tail}]" if type(tail) is int else path + tail  # type: ignore[operator]


def unlike(value: Any, path: str, tail: Tail, expected: str) -> RecordError:
    """The error for a value that is not what was expected, or is not there."""
    return wrong(place(path, tail), expected, "nothing" if value is NOTHING else shown(value))


def _atom(
    read: Read, schema: Json, name: str = "", write: Write | None = None, test: str = "", match: Any = None
) -> Spelling:
    if not name:
        return Spelling(read, schema, write, test=test, match=match)
    return Spelling(read, {"$ref": f"#/$defs/{name}"}, write, lambda: {name: schema}, test, match)


# words


def _text(value: Any, path: str, tail: Tail) -> str:
    if type(value) is not str:
        raise unlike(value, path, tail, "a string")
    return value


def _flag(value: Any, path: str, tail: Tail) -> bool:
    if type(value) is not bool:
        raise unlike(value, path, tail, "true or false")
    return value


def matching(pattern: str, expected: str, name: str = "") -> Spelling:
    """A string that matches a regular expression as a whole; `expected` is what an error asks for."""
    compiled = re.compile(f"(?:{pattern})\\Z")

    def read(value: Any, path: str, tail: Tail) -> str:
        if type(value) is not str or not compiled.match(value):
            raise unlike(value, path, tail, expected)
        return value

    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return _atom(read, schema, name, test="type(value) is str and match(value)", match=compiled.match)


def one_of(*words: str) -> Spelling:
    """One of some words."""
    allowed, expected = frozenset(words), "one of " + ", ".join(sorted(filter(None, words)))

    def read(value: Any, path: str, tail: Tail) -> str:
        if type(value) is not str or value not in allowed:
            raise unlike(value, path, tail, expected)
        return value

    return _atom(read, {"enum": list(words)})


_NUMBER_OF_ID = "(0|[1-9][0-9]{0,8})"


def id_of(kind: str) -> Spelling:
    """The id of a tensor, node, edge or accumulator: its first letter and a number."""
    article = "an" if kind[0] in "ae" else "a"
    return matching(kind[0] + _NUMBER_OF_ID, f"the id of {article} {kind}, such as '{kind[0]}0'", f"{kind}Id")


def id_or_null(kind: str) -> Spelling:
    """The id of a thing, or null for None."""
    found = id_of(kind)

    def read(value: Any, path: str, tail: Tail) -> str | None:
        try:
            return None if value is None else typing.cast(str, found.read(value, path, tail))
        except RecordError:
            raise unlike(value, path, tail, f"the id of a {kind}, or null") from None

    return Spelling(read, {"anyOf": [found.schema, {"type": "null"}]}, definitions=found.definitions)


def id_of_either(one: str, other: str) -> Spelling:
    """The id of one of two kinds of things; a fault is told as one of the first kind, unless it begins as the other."""
    first, second = id_of(one), id_of(other)

    def read(value: Any, path: str, tail: Tail) -> str:
        spelling = second if type(value) is str and value[:1] == other[0] else first
        return spelling.read(value, path, tail)

    return Spelling(
        read,
        {"anyOf": [first.schema, second.schema]},
        definitions=lambda: {**first.definitions(), **second.definitions()},
    )


# numbers


def _count(value: Any, path: str, tail: Tail) -> int:
    if type(value) is not int or not 0 <= value < BIGGEST:
        raise unlike(value, path, tail, "a whole number, 0 or more")
    return value


_NUMBER = 'a number, "NaN", "Infinity" or "-Infinity"'


def _any_number(value: Any, path: str, tail: Tail) -> float | int | bool:
    kind = type(value)
    if kind is int or kind is bool or (kind is float and isfinite(value)):
        return value
    if kind is str and value in NONFINITE:
        return NONFINITE[value]
    raise unlike(value, path, tail, _NUMBER)


def _number(value: Any, path: str, tail: Tail) -> float | int:
    if type(value) is bool:
        raise unlike(value, path, tail, _NUMBER)
    return _any_number(value, path, tail)


def _real(value: Any, path: str, tail: Tail) -> float:
    return float(_number(value, path, tail))


def number_to_json(value: Any) -> Any:
    """A number as JSON can hold it: the non-finite ones become their names, everything else is left alone."""
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if value != value else "Infinity" if value == inf else "-Infinity"


def numbers_to_json(values: tuple[Any, ...]) -> Any:
    """Many numbers as JSON can hold them."""
    return values if all(map(isfinite, values)) else [number_to_json(value) for value in values]


_INTEGER = re.compile(r"(u?)int(8|16|32|64)\Z")


def family(dtype: str) -> str:
    """Which dtypes have numbers of the same kind: "bool", "float", one of the integers, or "other"."""
    if dtype == "bool" or _INTEGER.match(dtype):
        return dtype
    return "float" if dtype.startswith("float") else "other"


def _numbers(kind: str) -> Read:
    """The reader of the numbers of a tensor whose dtype is of a `family`."""
    each: Read
    if kind == "bool":
        types: set[type] = {bool}
        low, high = 0, 2
        expected = "true or false"
    elif width := _INTEGER.match(kind):
        bits = int(width[2])
        types = {int}
        low, high = (0, 2**bits) if width[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        expected = f"a number that {kind} holds"
    else:
        each = _real if kind == "float" else _any_number

        def floats(value: Any, path: str, tail: Tail) -> tuple[float, ...]:
            if type(value) is not list:
                raise unlike(value, path, tail, "a list")
            if set(map(type, value)) <= {float} and all(map(isfinite, value)):
                return tuple(value)
            at = place(path, tail)
            return tuple([each(number, at, n) for n, number in enumerate(value)])

        return floats

    def whole(value: Any, path: str, tail: Tail) -> tuple[int, ...]:
        if type(value) is not list:
            raise unlike(value, path, tail, "a list")
        if not set(map(type, value)) <= types or (value and not low <= min(value) <= max(value) < high):
            n = next(n for n, each in enumerate(value) if type(each) not in types or not low <= each < high)
            raise unlike(value[n], place(path, tail), n, expected)
        return tuple(value)

    return whole


_NUMBER_SCHEMA = {
    "description": "A finite number, or the name of another one.",
    "anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}],
}

TEXT = _atom(_text, {"type": "string"}, test="type(value) is str")
FLAG = _atom(_flag, {"type": "boolean"}, test="type(value) is bool")
COUNT = _atom(
    _count,
    {"type": "integer", "minimum": 0, "exclusiveMaximum": BIGGEST},
    "count",
    test=f"type(value) is int and 0 <= value < {BIGGEST}",
)
NUMBER = _atom(_number, _NUMBER_SCHEMA, "number", number_to_json)  # an int stays an int
REAL = _atom(_real, _NUMBER_SCHEMA, "number", number_to_json)
NUMBERS = Spelling(  # of a tensor: read by the reader for its dtype
    _numbers("other"),
    {"$ref": "#/$defs/numbers"},
    numbers_to_json,
    lambda: {
        "number": _NUMBER_SCHEMA,
        "numbers": {
            "description": "Elements in C order; true and false where the dtype is bool.",
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/$defs/number"}, {"type": "boolean"}]},
        },
    },
)


# trees of values


def nested_to_json(value: Any) -> Any:
    """A formula tree or an attribute, with the non-finite numbers in it named."""
    if isinstance(value, list | tuple):
        return [part if type(part) is str else nested_to_json(part) for part in value]
    return number_to_json(value)


def _attribute(value: Any, path: str, tail: Tail, depth: int = 0) -> object:
    kind = type(value)
    if kind is list and depth < ATTRIBUTE_DEPTH:
        at = place(path, tail)
        return tuple([_attribute(part, at, n, depth + 1) for n, part in enumerate(value)])
    if kind is str:
        return NONFINITE.get(value, value)
    if value is None or kind is bool or kind is int or (kind is float and isfinite(value)):
        return value
    raise unlike(value, path, tail, f"a number, a word, null, or a list of them at most {ATTRIBUTE_DEPTH} deep")


ATTRIBUTE = _atom(
    _attribute,
    {
        "anyOf": [
            {"type": ["null", "boolean", "number", "string"]},
            {"type": "array", "items": {"$ref": "#/$defs/attribute"}},
        ]
    },
    "attribute",
    nested_to_json,
)


def _tree(value: Any, path: str, tail: Tail) -> Tree:
    if value is NOTHING:
        raise unlike(value, path, tail, "a formula")
    at = place(path, tail)
    tree = _numbered(value, at)
    if (expected := fault(tree)) is not None:
        raise wrong(at, expected, shown(tree))
    return tree


def _numbered(tree: Any, path: str) -> Tree:
    """The tree with the names of non-finite numbers turned into these."""
    kind = type(tree)
    if kind is str:
        return NONFINITE.get(tree, tree)
    if kind is list and tree and tree[0] != "say":
        return [tree[0], *[_numbered(part, path) for part in tree[1:]]]
    if kind is float and not isfinite(tree):
        raise wrong(path, _NUMBER, "a number beyond the range of a float")
    return tree


TREE = _atom(
    _tree,
    {
        "description": "A formula: a name, number, true, false, null or [head, argument, ...]; 32 levels at most.",
        "anyOf": [
            {"type": ["null", "boolean", "number", "string"]},
            {
                "type": "array",
                "minItems": 1,
                "prefixItems": [{"type": "string"}],
                "items": {"$ref": "#/$defs/tree"},
            },
        ],
    },
    "tree",
    nested_to_json,
)


def name_of(expected: str) -> Spelling:
    """A word that may stand in a formula: an op, or a parameter such as `xs[2]`."""

    def read(value: Any, path: str, tail: Tail) -> str:
        if type(value) is not str or not NAME.match(value):
            raise unlike(value, path, tail, expected)
        return value

    schema = {"type": "string", "pattern": r"^[^\W\d]\w*(\[\d+\])?$"}
    return _atom(read, schema, "name", test="type(value) is str and match(value)", match=NAME.match)


# lists and objects


def _shape(value: Any, path: str, tail: Tail) -> tuple[int, ...]:
    if type(value) is not list:
        raise unlike(value, path, tail, "a list")
    for n, each in enumerate(value):
        if type(each) is not int or not 0 <= each < BIGGEST:
            raise unlike(each, place(path, tail), n, "a whole number, 0 or more")
    return tuple(value)


SHAPE = Spelling(
    _shape,
    {"$ref": "#/$defs/shape"},
    definitions=lambda: {
        **COUNT.definitions(),
        "shape": {"type": "array", "items": {"$ref": "#/$defs/count"}, "maxItems": MAX_RANK},
    },
)


def nullable(inner: Spelling) -> Spelling:
    """What `inner` spells, or null for None."""

    def read(value: Any, path: str, tail: Tail) -> Any:
        return None if value is None or value is NOTHING else inner.read(value, path, tail)

    schema = {"anyOf": [inner.schema, {"type": "null"}]}
    return Spelling(read, schema, inner.write, inner.definitions, inner.test, inner.match)


def list_of(inner: Spelling) -> Spelling:
    """A tuple as a list."""
    item = inner.read

    def read(value: Any, path: str, tail: Tail) -> tuple[Any, ...]:
        if type(value) is not list:
            raise unlike(value, path, tail, "a list")
        if not value:
            return ()
        at = place(path, tail)
        reader = inner.reader
        if reader is None:
            return tuple([item(part, at, n) for n, part in enumerate(value)])
        return tuple(
            [reader(part, f"{at}[{n}]") if type(part) is dict else item(part, at, n) for n, part in enumerate(value)]
        )

    def write(values: tuple[Any, ...]) -> Any:
        return [None if value is None else inner.write(value) for value in values]  # type: ignore[misc]

    return Spelling(
        read, {"type": "array", "items": inner.schema}, None if inner.write is None else write, inner.definitions
    )


def mapping_of(inner: Spelling) -> Spelling:
    """A mapping from strings, as an object."""

    def read(value: Any, path: str, tail: Tail) -> dict[str, Any]:
        if type(value) is not dict:
            raise unlike(value, path, tail, "an object")
        at = place(path, tail)
        return {key: inner.read(part, at, step(key)) for key, part in value.items()}

    def write(values: Mapping[str, Any]) -> Any:
        return dict(values) if inner.write is None else {key: inner.write(value) for key, value in values.items()}

    schema = {"type": "object", "additionalProperties": inner.schema}
    return Spelling(read, schema, write, inner.definitions)


def spelling_of(annotation: Any, kind: str | None = None) -> Spelling:
    """The spelling of a type; `kind` is the `family` of the dtype, inside of a tensor's data.

    Raises TypeError for a type that a record has no spelling for.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        found = next((note for note in arguments[1:] if isinstance(note, Spelling)), None)
        if found is None:
            return spelling_of(arguments[0], kind)
        return dataclasses.replace(found, read=_numbers(kind)) if found is NUMBERS and kind is not None else found
    if origin in (Union, types.UnionType):
        options = [option for option in arguments if option is not type(None)]
        found = spelling_of(options[0], kind) if len(options) == 1 else _union(tuple(options))
        return nullable(found) if type(None) in arguments else found
    if origin is tuple:
        return list_of(spelling_of(arguments[0], kind))
    if origin is Mapping:
        return mapping_of(spelling_of(arguments[1], kind))
    if dataclasses.is_dataclass(annotation):
        return part_spelling(typing.cast(type, annotation), kind)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    raise TypeError(f"{annotation!r} has no spelling in a record: annotate the field with one")


_PLAIN: dict[Any, Spelling] = {str: TEXT, bool: FLAG, int: COUNT, float: NUMBER}


# dataclasses


@dataclass(frozen=True, slots=True)
class FieldSpelling:
    """One field of a part, and how it is spelt."""

    name: str
    default: Any  # MISSING: the key is always written
    positional: bool
    annotation: Any
    spelling: Spelling
    noted: Noted

    @property
    def key(self) -> str:
        """The key in JSON."""
        return self.noted.key or self.name


@dataclass(frozen=True, slots=True, eq=False)
class Noted:
    """What an annotation says of a field beyond its type."""

    key: str | None = None  # its JSON key, where that is not its name
    typed_by: str | None = None  # the field before it that holds the dtype of the numbers in it
    alike: bool = False  # many parts have an equal one: it is read once, and they share what was read
    schema: Mapping[str, Any] = field(default_factory=dict)  # keywords of JSON Schema


@cache
def fields_of(part: type, kind: str | None = None) -> tuple[FieldSpelling, ...]:
    """The fields of a part in the order in which they are written."""
    hints = typing.get_type_hints(part, include_extras=True)
    found = []
    for each in dataclasses.fields(part):
        hint = hints[each.name]
        noted = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Noted)), Noted())
        spelling = spelling_of(hint, kind)
        found.append(FieldSpelling(each.name, each.default, not each.kw_only, hint, spelling, noted))
    return tuple(found)


class ObjectSpelling(Spelling):
    """What is an object in JSON. Its reader and writer are made when they are first needed: few records have all."""

    def __init__(self, schema: Mapping[str, Any], definitions: Callable[[], Definitions], reader: Any, writer: Any):
        for name, value in (("schema", schema), ("definitions", definitions), ("test", ""), ("match", None)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_made", (reader, writer))

    @cached_property
    def reader(self) -> Callable[[Json, str], Any]:
        """Reads the object, given its path."""
        return typing.cast(Callable[[Json, str], Any], vars(self)["_made"][0]())

    @cached_property
    def writer(self) -> Write:
        """Makes a JSON object of the value."""
        return typing.cast(Write, vars(self)["_made"][1]())

    def read(self, value: Any, path: str, tail: Tail) -> Any:
        """The value that an object spells; anything else is a fault."""
        if type(value) is not dict:
            raise unlike(value, path, tail, "an object")
        return self.reader(value, place(path, tail))

    def write(self, value: Any) -> Json:
        """The value as a JSON object."""
        return self.writer(value)


@cache
def part_spelling(part: type, kind: str | None = None) -> Spelling:
    """The spelling of a dataclass: an object with the keys of its fields; keys that it does not know are ignored."""
    name = schema_name(part)
    schema = {"$ref": f"#/$defs/{name}"}
    return ObjectSpelling(
        schema, lambda: _definitions(part, name), lambda: part_reader(part, kind), lambda: part_writer(part)
    )


def part_reader(part: type, kind: str | None = None) -> Callable[[Json, str], Any]:
    """A function from a JSON object and its path to the part that it spells.

    Its source is put together here, as dataclasses does for `__init__`: one expression per field in the order of the
    class's parameters. A loop over the fields takes twice as long, and a record of 10,000 nodes has a million fields.
    """
    fields = fields_of(part, kind)
    names: dict[str, Any] = {"NOTHING": NOTHING, "part": part}
    lines, arguments = [], []
    for n, each in enumerate(sorted(fields, key=lambda each: not each.positional)):
        names[f"read{n}"], names[f"default{n}"] = each.spelling.read, each.default
        read = f"read{n}"
        if each.noted.typed_by is not None:
            names[read] = _TypedReaders(each.annotation)
            read = f"{read}[get({each.noted.typed_by!r})]"
        if each.noted.alike:
            names[read] = _once(each.spelling.read)
        names[f"match{n}"] = each.spelling.match
        test = each.spelling.test.replace("match(", f"match{n}(")
        found = f"value if {test} else " if test else ""
        found += f"{read}(value, path, {'.' + each.key!r})"
        if each.default is not MISSING:
            found = f"default{n} if value is NOTHING else {found}"
        lines.append(f"    value = get({each.key!r}, NOTHING)\n    field{n} = {found}\n")
        arguments.append(f"field{n}" if each.positional else f"{each.name}=field{n}")
    source = f"def read(item, path):\n    get = item.get\n{''.join(lines)}    return part({', '.join(arguments)})\n"
    exec(source, names)
    return typing.cast(Callable[[Json, str], Any], names["read"])


def _once(read: Read) -> Read:
    """A reader that gives what it gave for an equal value before, which is found by its bytes."""
    known: dict[bytes, Any] = {}

    def read_once(value: Any, path: str, tail: Tail) -> Any:
        try:
            key = marshal.dumps(value, 2)  # without references, which would depend on who else holds the parts
        except ValueError:  # something that JSON does not allow
            return read(value, path, tail)
        found = known.get(key, NOTHING)
        if found is NOTHING:
            found = read(value, path, tail)
            if len(key) <= LONGEST_ALIKE:
                if len(known) >= MOST_ALIKE:
                    known.clear()
                known[key] = found
        return found

    return read_once


class _TypedReaders(dict[str, Read]):
    """dtype -> the reader of what holds numbers of that dtype."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation

    def __missing__(self, dtype: str) -> Read:
        kind = family(dtype)
        read = spelling_of(self.annotation, kind).read if kind == dtype or kind not in self else self[kind]
        if kind == dtype or len(self) < MOST_DTYPES:  # a file may name any number of dtypes
            self[kind] = self[dtype] = read
        return read


def part_writer(part: type) -> Callable[[Any], Json]:
    """A function from a part to a JSON object without the keys whose value is the default of the field."""
    names: dict[str, Any] = {}
    lines = []
    for n, each in enumerate(fields_of(part)):
        names[f"write{n}"], names[f"default{n}"] = each.spelling.write, each.default
        written = f"value.{each.name}" if each.spelling.write is None else f"write{n}(value.{each.name})"
        if each.default is not MISSING:
            same = "is" if each.default is None or isinstance(each.default, bool) else "=="
            lines.append(f"    if not value.{each.name} {same} default{n}: item[{each.key!r}] = {written}\n")
        elif _may_be_null(each.annotation):
            lines.append(f"    item[{each.key!r}] = None if value.{each.name} is None else {written}\n")
        else:
            lines.append(f"    item[{each.key!r}] = {written}\n")
    exec(f"def write(value):\n    item = {{}}\n{''.join(lines)}    return item\n", names)
    return typing.cast(Callable[[Any], Json], names["write"])


def _union(parts: tuple[type, ...]) -> Spelling:
    """One of several parts, told apart by the first key of each."""
    spellings = {part: part_spelling(part) for part in parts}

    def reader() -> Callable[[Json, str], Any]:
        options = [(fields_of(part)[0].key, part_reader(part)) for part in parts]
        *others, last = (f"'{key}'" for key, _ in options)
        expected = f"an object with the key {', '.join(others)} or {last}"

        def read(item: Json, path: str) -> Any:
            for key, read_option in options:
                if key in item:
                    return read_option(item, path)
            raise wrong(path, expected, shown(item))

        return read

    def writer() -> Write:
        writers = {part: part_writer(part) for part in parts}
        return lambda value: writers[type(value)](value)

    def definitions() -> Definitions:
        return {name: found for each in spellings.values() for name, found in each.definitions().items()}

    schema = {"anyOf": [each.schema for each in spellings.values()]}
    return ObjectSpelling(schema, definitions, reader, writer)


# the schema


def schema_name(part: type) -> str:
    """What the schema calls a part: its class without the ending, with a small first letter."""
    name = part.__name__.removesuffix("Record")
    return name[0].lower() + name[1:]


def object_schema(part: type) -> Json:
    """The JSON Schema of a part."""
    fields = fields_of(part)
    properties = {}
    for each in fields:
        entry = {**each.spelling.schema, **each.noted.schema}
        if each.default is not MISSING and each.default is not None:
            entry["default"] = list(each.default) if isinstance(each.default, tuple) else each.default
        properties[each.key] = entry
    nothing = [each.key for each in fields if each.default is MISSING and not _may_be_null(each.annotation)]
    description = (part.__doc__ or "").partition("\n")[0]
    return {"description": description, "type": "object", "required": nothing, "properties": properties}


def _may_be_null(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    return type(None) in typing.get_args(annotation)


def _definitions(part: type, name: str) -> Definitions:
    found: dict[str, Mapping[str, Any]] = {}
    for each in fields_of(part):
        found.update(each.spelling.definitions())
    return {**found, name: object_schema(part)}
