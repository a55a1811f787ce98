"""The entry of a program: it checks that a call is like the one that was traced, runs, and wraps what comes out.

It is written as code too, since a general function would take longer than many programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.grad_mode import is_grad_enabled
from grad_engine.core.node import GradAccum, next_sequence_nr
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.versions import WRITES, owner_of
from grad_engine.errors import InPlaceError
from grad_engine.program.arguments import Arguments, Labels, Made, labels_of
from grad_engine.program.history import History, freed_node
from grad_engine.program.state import State
from grad_engine.program.steps import Program, Value

MISS: Any = object()  # what an entry returns for a call that is not like the one traced


class Entry:
    """Writes the entry function, line by line."""

    def __init__(
        self, program: Program, arguments: Arguments, state: State, history: History | None = None,
        homes: Mapping[Value, ndarray] | None = None,
    ) -> None:  # fmt: skip
        self.program, self.state, self.history = program, state, history
        self.environment: dict[str, Any] = {
            "MISS": MISS, "ndarray": ndarray, "Tensor": Tensor, "GradAccum": GradAccum, "asarray": np.asarray,
        }  # fmt: skip
        self.lines: list[str] = []
        self.text: dict[Value, str] = {}
        self.text.update({flat: self.thing(array) for flat, array in (homes or {}).items()})
        self.needed = {*program.inputs, *(history.inputs if history is not None else ())}
        if state.tensors or any(part.leaf is not None for part in arguments.parts):
            self.miss(f"{self.thing(is_grad_enabled)}() is not {is_grad_enabled()}")
        self._arguments(arguments)
        start = len(self.lines)
        self._state()
        if len(self.lines) > start:  # a name that was deleted meanwhile
            body = [f"    {line}" for line in self.lines[start:]]
            self.lines[start:] = ["try:", *body, "except (LookupError, AttributeError, ValueError): return MISS"]

    def thing(self, thing: Any, prefix: str = "k") -> str:
        """The variable that holds something in the entry."""
        name = f"{prefix}{len(self.environment)}"
        self.environment[name] = thing
        return name

    def miss(self, condition: str) -> None:
        """Leave the entry where a condition holds: the call is not like the one traced."""
        self.lines.append(f"if {condition}: return MISS")

    # --- what must be as it was -----------------------------------------------------------------------------------

    def _arguments(self, arguments: Arguments) -> None:
        for path, kind, keys in arguments.structures:
            self.miss(f"type({path}) is not {self.thing(kind)}")
            if kind is dict:
                self.miss(f"(*{path},) != {self.thing(keys)}" if len(keys) > 1 else f"(*{path},) != {keys!r}")
            elif type(keys) is Labels:
                self.miss(f"{self.thing(labels_of)}({path}) != {self.thing(tuple(keys))}")
            elif keys is not None:
                self.miss(f"len({path}) != {keys}")
        for path, held in arguments.static:
            known = self.thing(held)
            self.miss(f"{path} is not {known} and {self.thing(_differ)}({path}, {known})")
        for number, part in enumerate(arguments.parts):
            name = f"a{number}"
            self.lines.append(f"{name} = {part.path}")
            if part.kind is Tensor:
                self.miss(f"type({name}) is not Tensor")
                if part.leaf is None:
                    self.miss(f"{name}.node is not None")
                elif part.is_leaf:
                    self.miss(f"type({name}.node) is not GradAccum")
                else:
                    self.miss(f"{name}.node is None or type({name}.node) is GradAccum")
                self.lines.append(f"{name} = {name}.array")
            if part.kind in (Tensor, ndarray):
                self._like(name, part.value)
            else:
                self.miss(f"type({name}) is not {self.thing(part.kind)}")
            self.text[part.value] = name

    def _like(self, name: str, value: Value) -> None:
        strides = f" or {name}.strides != {value.strides}" if value.ndim > 1 or not value.c_contiguous() else ""
        dtype = self.thing(value.dtype)
        self.miss(
            f"type({name}) is not ndarray or {name}.shape != {value.shape} or ({name}.dtype is not {dtype} and "
            f"{name}.dtype != {dtype}){strides}"
        )

    def _state(self) -> None:
        holders: dict[int, str] = {}

        def read(slot: Any) -> str:
            if id(slot.holder) in self.state.paths:
                return slot.text(self.state.paths[id(slot.holder)])
            if id(slot.holder) not in holders:
                holders[id(slot.holder)] = self.thing(slot.holder, "h")
            return slot.text(holders[id(slot.holder)])

        differ = self.thing(_differ)
        for slot, held in self.state.same:
            if isinstance(held, int | float | str | bytes | np.generic):
                known = self.thing(held)
                self.miss(f"{read(slot)} is not {known} and {differ}({read(slot)}, {known})")
            else:
                self.miss(f"{read(slot)} is not {self.thing(held)}")
        for container, size in self.state.sizes:
            self.miss(f"len({self.thing(container)}) != {size}")
        for namespace, size in self.state.namespaces:
            self.miss(f"len({self.thing(namespace)}) != {size}")
        for held, kind in self.state.kinds:
            self.miss(f"{self.thing(held)}.__class__ is not {self.thing(kind)}")
        for container, before in self.state.contents:
            self.miss(f"{differ}((*{self.thing(container)},), {self.thing(before)})")
        for leaf, path in self.state.without_grad:
            self.miss(f"{path or self.thing(leaf)}.grad is not None")
        for number, source in enumerate(self.state.sources):
            name, value = f"s{number}", source.value
            if source.grad_of is not None:
                leaf = source.grad_of[1] or self.thing(source.grad_of[0])
                self.miss(f"{leaf}.grad is None")
                if value not in self.needed:
                    continue
                self.lines.append(f"{name} = {leaf}.grad.array")
                self._like(name, value)
            elif value in self.state.homes:
                self.miss(f"{read(source.slot)} is not {self.thing(self.state.homes[value][1])}")
                continue
            elif source.slot is None:
                self.lines.append(f"{name} = {self.thing(source.fixed)}")
            elif value.number:
                self.lines.append(f"{name} = {read(source.slot)}")
                self.miss(f"type({name}) is not {value.number.__name__}")
            else:
                known = self.thing(source.fixed)
                self.lines.append(f"{name} = {read(source.slot)}")
                self.lines.append(f"if {name} is not {known}:")
                start = len(self.lines)
                self._like(name, value)
                self.lines[start:] = [f"    {line}" for line in self.lines[start:]]
            self.text[value] = name
        for slot, value in self.state.aliases:
            if value in self.text:
                self.miss(f"{read(slot)} {'!=' if value.number else 'is not'} {self.text[value]}")
        self._read = read

    # --- the call -------------------------------------------------------------------------------------------------

    def build(self, parameters: list[str], pool: Any, structure: Any) -> Callable[..., Any]:
        """The entry function."""
        given = ", ".join(self.text[value] for value in self.program.inputs)
        lines = self.lines
        self._written_memory(lines)
        before = self._before_writes(lines)
        pooled, make = self.thing(pool.free), self.thing(pool.make)
        stores = [write for write in self.program.writes if not write.in_place]
        count = len(self.program.outputs) + len(stores)
        results = [f"r{i}" for i in range(count)]
        taken = ", ".join(results) if count else "_"
        lines += [f"run = {pooled}.pop() if {pooled} else {make}()", "try:", f"    {taken} = run({given})", "finally:",
                  f"    {pooled}.append(run)"]  # fmt: skip
        self._stamps(lines, bool(stores))
        for store, result in zip(self.state.stores, results[len(self.program.outputs) :], strict=True):
            target = self._read(store.slot)
            value = store.value
            if store.kind is Tensor:
                lines.append(f"{target} = {self._tensor(result, value)}")
            elif store.kind is type(None):
                lines.append(f"{target} = None")
            else:
                lines.append(f"{target} = {result}")
        if self.history is not None and self.history.outputs:
            arrays = "".join(f"{before.get(value, self.text[value])}, " for value in self.history.inputs)
            tensors = ", ".join(spot if type(spot) is str else self.thing(spot) for spot in self.history.tensors)
            outs = ", ".join(results[number] for number in self.history.outputs)
            given = ", ".join(parameters)
            attach = self.thing(self.history.attach)
            lines.append(f"node = {attach}(({tensors},), ({arrays}), ({outs},), ({given},))")
        lines.append(f"return {self._shown(structure, results)}")
        body = "\n    ".join(lines)
        self.source = source = f"def entry({', '.join(parameters)}):\n    {body}\n"
        exec(compile(source, f"<entry of {self.program.name}>", "exec"), self.environment)
        return self.environment["entry"]

    def _before_writes(self, lines: list[str]) -> dict[Value, str]:
        """Copies of what backward reads and the program writes: input -> the variable of its copy."""
        if self.history is None or not self.history.outputs:
            return {}
        written = {write.target for write in self.program.writes if write.target is not None}
        copied = {value: f"before{number}" for number, value in enumerate(self.history.inputs) if value in written}
        lines += [f"{name} = {self.text[value]}.copy()" for value, name in copied.items()]
        return copied

    def _stamps(self, lines: list[str], stored: bool) -> None:
        """Note the writes in place, as backward asks for them. What an optimiser keeps for itself is in no graph."""
        fixed = {source.value: source for source in self.state.sources}
        targets = [write.target for write in self.program.writes if write.target is not None]
        hidden = {home.flat for home in self.program.homes}
        stamped = [each for each in targets if each not in hidden and not (each in fixed and fixed[each].hidden)]
        if stamped or stored:
            lines.append(f"number = {self.thing(next_sequence_nr)}()")
        if stamped:
            lines.append(f"{self.thing(WRITES)}.latest = number")
        for each in stamped:
            name, stamp = self.text[each], f"{self.thing(WRITES.stamp)}({self.text[each]}, number)"
            source = fixed.get(each)
            if source is None or type(source.fixed) is not ndarray:
                lines.append(stamp)
                continue
            cell = self.thing(WRITES.cell(source.fixed))
            lines += [f"if {name} is {self.thing(source.fixed)}: {cell}.latest = number", f"else: {stamp}"]

    def _tensor(self, result: str, value: Value, node: str = "None") -> str:
        array = result if value.ndim and not value.scalar else f"asarray({result})"
        return f"{self.thing(wrap)}({array}, {node})"

    def _shown(self, tree: Any, results: list[str]) -> str:
        kind = type(tree)
        if kind is Given:
            return tree.path
        if kind is Output:
            result = results[tree.number]
            if tree.kind is Tensor and self.history is not None and tree.number in self.history.outputs:
                return f"node[{self.history.outputs.index(tree.number)}]"
            if tree.kind is Tensor and self.history is not None and tree.number in self.history.freed:
                return self._tensor(result, tree.value, self.thing(freed_node()))
            if tree.kind is Tensor:
                return self._tensor(result, tree.value)
            if issubclass(tree.kind, ndarray):
                array = result if tree.value.ndim else f"asarray({result})"
                return array if tree.kind is ndarray else f"{array}.view({self.thing(tree.kind)})"
            if tree.kind in (float, int, bool):
                return f"{self.thing(tree.kind)}({result})"
            return f"{result}[()]"  # a NumPy scalar, whatever the passes made of it
        if kind is dict:
            return "{" + ", ".join(f"{self.thing(k)}: {self._shown(v, results)}" for k, v in tree.items()) + "}"
        if kind is list:
            return "[" + ", ".join(self._shown(part, results) for part in tree) + "]"
        if kind is tuple:
            return "(" + ", ".join(self._shown(part, results) for part in tree) + ("," if len(tree) == 1 else "") + ")"
        if kind is Made:
            return f"{self.thing(tree.build)}([{', '.join(self._shown(part, results) for part in tree.parts)}])"
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return f"{self.thing(kind)}({', '.join(self._shown(part, results) for part in tree)})"
        return self.thing(tree)

    def _written_memory(self, lines: list[str]) -> None:
        """Refuse arguments that show memory which the program writes: it read them before, eager mode may not."""
        outside = {source.value for source in self.state.sources}
        targets = [write.target for write in self.program.writes]
        hidden = {source.value for source in self.state.sources if source.hidden}
        hidden |= {home.flat for home in self.program.homes}
        written = [target for target in targets if target is not None and target.ndim and target not in hidden]
        for other in self.program.inputs:
            others = [each for each in written if each is not other and not (each in outside and other in outside)]
            if others and other.ndim and not other.number:
                name, texts = self.text[other], [self.text[each] for each in others]
                same = " or ".join(f"{name} is {text}" for text in texts)
                apart = f"{self.thing(_apart)}({name}, ({', '.join(texts)},))"
                bases = " or ".join(f"{text}.base is not None" for text in (name, *texts))
                lines.append(f"if {bases} or {same}: {apart}")


class Output:
    """A leaf of what a compiled function returns: the output of that number, as an array, a Tensor or a number."""

    __slots__ = ("kind", "number", "value")

    def __init__(self, number: int, kind: type, value: Value) -> None:
        self.number, self.kind, self.value = number, kind, value


class Given:
    """A leaf of what a compiled function returns that is one of its arguments, or of their parts: the same object."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class Pool:
    """The functions of a program that are not running: each has buffers of its own, so that threads do not meet."""

    def __init__(self, make: Callable[[], Callable[..., Any]]) -> None:
        self.make = make
        self.free: list[Callable[..., Any]] = [make()]


def _differ(now: Any, before: Any) -> bool:
    """Whether a setting is another one: 1, 1.0 and True are, and so are 0.0 and -0.0."""
    if type(now) is not type(before):
        return True
    if isinstance(now, tuple | list):
        return len(now) != len(before) or any(map(_differ, now, before))
    if isinstance(now, float):
        return repr(now) != repr(before)
    if isinstance(now, ndarray | Tensor):
        return now is not before
    try:
        return not bool(now == before)
    except Exception:  # an object that compares in its own way, or not at all
        return True


def _apart(other: ndarray, written: tuple[ndarray, ...]) -> None:
    for each in written:
        if owner_of(each) is owner_of(other) and np.may_share_memory(each, other):
            raise InPlaceError(
                f"an argument of shape {other.shape} shares memory with an array of shape {each.shape} that the "
                "compiled function writes in place; pass a copy()"
            )
