"""The entry of a program: it checks that a call is like the one that was traced, runs, and wraps what comes out.

It is written as code too, since a general function would take longer than many programs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.defaults import get_default_dtype
from grad_engine.core.grad_mode import is_grad_enabled
from grad_engine.core.node import GradAccum, next_sequence_nr
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.versions import WRITES, owner_of
from grad_engine.errors import InPlaceError
from grad_engine.program.arguments import Arguments, Labels, Made, labels_of
from grad_engine.program.code import Deviation, may_deviate
from grad_engine.program.history import History, freed_node
from grad_engine.program.reach import hooks_of
from grad_engine.program.slots import Part, Slot
from grad_engine.program.state import State
from grad_engine.program.steps import DRAW, LOOP, Program, Value

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
        self._holders: dict[int, str] = {}
        self._leaf_names: dict[int, str] = {}  # by id of a leaf met while tracing, that of a tensor outside
        self.text: dict[Value, str] = {}
        self.text.update({flat: self.thing(array) for flat, array in (homes or {}).items()})
        self.needed = {*program.inputs, *(history.inputs if history is not None else ())}
        if state.tensors or any(part.leaf is not None for part in arguments.parts):
            self.miss(f"{self.thing(is_grad_enabled)}() is not {is_grad_enabled()}")
        self._arguments(arguments)
        if "default dtype" in state.trace.asked:
            self.miss(f"{self.thing(get_default_dtype)}() != {self.thing(get_default_dtype())}")
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
                    if part.leaf.extra is None:
                        self.miss(f"{name}.node.extra is not None")
                    else:
                        self.miss(f"{self.thing(hooks_of)}({name}.node) != {self.thing(hooks_of(part.leaf))}")
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

    def _find_leaves(self) -> list[str]:
        """Read the leaves of tensors outside; the conditions under which one is there that was not, or the reverse.

        A tensor that is frozen loses its leaf, and has another one when it is not frozen any more.
        """
        state = self.state
        values = {id(source.slot.holder): source.value for source in state.sources if source.slot is not None}
        used = {id(store.slot.holder) for store in state.stores}
        used |= {id(grad.leaf) for grad in state.without_grad if state.was_read(grad)}
        for source in state.sources:
            if (grad := source.grad_of) is not None and (source.value in self.needed or state.was_read(grad)):
                used.add(id(grad.leaf))
        others = []
        for _, tensor, node in state._nodes:
            if type(node) is GradAccum and (values.get(id(tensor)) in self.needed or id(node) in used):
                name = self._leaf_names[id(node)] = f"leaf{len(self._leaf_names)}"
                self.lines.append(f"{name} = {self.thing(tensor)}.node")
                others.append(f"type({name}) is not GradAccum")
                if node.extra is None:
                    others.append(f"{name}.extra is not None")
                else:
                    others.append(f"{self.thing(hooks_of)}({name}) != {self.thing(hooks_of(node))}")
            elif node is None:
                others.append(f"{self.thing(tensor)}.node is not None")
        return others

    def _state(self) -> None:
        """Look whether the outside is as it was, and read the arrays there.

        Few long conditions, since Python compiles them in half the time of many short ones.
        """
        state, read = self.state, self._read
        others = self._find_leaves()
        settings: list[tuple[Slot, Any]] = []
        watched = {id(slot) for slot, _ in state.same}
        for slot, held in state.same:
            if isinstance(slot, Part) and id(slot.slot) in watched:
                continue  # of a tuple that is the very tuple
            if isinstance(held, int | float | str | bytes | np.generic) and id(slot.holder) not in state.paths:
                settings.append((slot, held))
            else:
                others.append(f"{read(slot)} is not {self.thing(held)}")
        for container, size in (*state.sizes, *state.namespaces):
            others.append(f"len({self.thing(container)}) != {size}")
        others += [f"{self.thing(held)}.__class__ is not {self.thing(kind)}" for held, kind in state.kinds]
        differ = self.thing(_differ)
        for container, before in state.contents:
            now, then = f"(*{self.thing(container)},)", self.thing(before)
            others.append(f"{now} != {then}" if isinstance(container, dict) else f"{differ}({now}, {then})")
        for grad in state.without_grad:
            if state.was_read(grad):
                others.append(f"{grad.path or self._leaf_names[id(grad.leaf)]}.grad is not None")
        if settings:
            known = _Settings(settings, self.environment, [self.thing(held) for _, held in settings])
            same = [f"{read(slot)} is not {name}" for (slot, _), name in zip(settings, known.names, strict=True)]
            others.append(f"({' or '.join(same)}) and {self.thing(known.changed)}()")
        self._miss_any(others)
        others = []
        for number, source in enumerate(state.sources):
            name, value = f"s{number}", source.value
            if source.grad_of is not None:
                needed = value in self.needed
                leaf = source.grad_of.path or self._leaf_names.get(id(source.grad_of.leaf))
                if needed or state.was_read(source.grad_of):
                    self.miss(f"{leaf}.grad is None")
                if not needed:
                    continue
                self.lines.append(f"{name} = {leaf}.grad.array")
                self._like(name, value)
            elif value in state.homes:
                others.append(f"{read(source.slot)} is not {self.thing(state.homes[value][1])}")
                continue
            elif source.slot is None:
                self.lines.append(f"{name} = {self.thing(source.fixed)}")
            elif value.number:
                self.lines.append(f"{name} = {read(source.slot)}")
                others.append(f"type({name}) is not {value.number.__name__}")
            else:
                self.lines.append(f"{name} = {read(source.slot)}")
                others.append(f"({name} is not {self.thing(source.fixed)} and {self.thing(_Other(value).met)}({name}))")
            self.text[value] = name
        for slot, value in state.aliases:
            if value in self.text:
                others.append(f"{read(slot)} {'!=' if value.number else 'is not'} {self.text[value]}")
        self._miss_any(others)

    def _miss_any(self, conditions: list[str]) -> None:
        if conditions:
            self.miss(" or ".join(conditions))

    def _read(self, slot: Any) -> str:
        """How the entry reads a slot."""
        if id(slot.holder) in self.state.paths:
            return str(slot.text(self.state.paths[id(slot.holder)]))
        if id(slot.holder) in self._leaf_names:
            return str(slot.text(self._leaf_names[id(slot.holder)]))
        if id(slot.holder) not in self._holders:
            self._holders[id(slot.holder)] = self.thing(slot.holder, "h")
        return str(slot.text(self._holders[id(slot.holder)]))

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
        drawn = _drawn_from(self.program)
        put_back = []
        for number, generator in enumerate(drawn):  # where it does not fit, another program draws anew
            bits = self.thing(generator.bit_generator)
            lines.append(f"bits{number} = {bits}.state")
            put_back.append(f"    {bits}.state = bits{number}")
        deviates = [f"except {self.thing(Deviation)}:", *put_back, "    raise"] if drawn else []
        lines += [f"run = {pooled}.pop() if {pooled} else {make}()", "try:", f"    {taken} = run({given})", *deviates,
                  "finally:", f"    {pooled}.append(run)"]  # fmt: skip
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
            start = len(self.program.outputs) - len(self.history.drawn)
            self.text.update(zip(self.history.drawn, results[start:], strict=False))
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
                return f"{self.thing(_as_float if tree.kind is float else tree.kind)}({result})"
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
        pairs: list[tuple[str, list[str]]] = []
        for other in self.program.inputs:
            others = [each for each in written if each is not other and not (each in outside and other in outside)]
            if others and other.ndim and not other.number and other not in hidden:
                pairs.append((self.text[other], [self.text[each] for each in others]))
        if pairs:
            names = dict.fromkeys(name for first, others in pairs for name in (first, *others))
            based = [f"{name}.base is not None" for name in names]
            same = [f"{first} is {each}" for first, others in pairs for each in others]
            calls = [f"{self.thing(_apart)}({first}, ({', '.join(others)},))" for first, others in pairs]
            lines.append(f"if {' or '.join([*based, *same])}: {'; '.join(calls)}")


class _Settings:
    """Numbers, flags and words outside. The entry compares whether they are the very objects; if not, this compares."""

    def __init__(self, known: list[tuple[Slot, Any]], environment: dict[str, Any], names: list[str]) -> None:
        self.known, self.environment, self.names = known, environment, names

    def changed(self) -> bool:
        """Whether one of them is another than in the trace. An equal one is what the entry knows from then on."""
        for (slot, before), name in zip(self.known, self.names, strict=True):
            now = slot.get()
            if now is not before:
                if _differ(now, before):
                    return True
                self.environment[name] = now
        return False


class _Other:
    """Whether something that is not the array of the trace is of another kind, shape, dtype or layout."""

    __slots__ = ("dtype", "shape", "strides")

    def __init__(self, value: Value) -> None:
        self.shape, self.dtype = value.shape, value.dtype
        self.strides = value.strides if value.ndim > 1 or not value.c_contiguous() else None

    def met(self, x: Any) -> bool:
        """The answer for x."""
        if type(x) is not ndarray or x.shape != self.shape or x.dtype != self.dtype:
            return True
        return self.strides is not None and x.strides != self.strides


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


def _drawn_from(program: Program) -> list[np.random.Generator]:
    """The generators that a program draws from, where it may find afterwards that it is not for these numbers."""
    steps = [*program.steps]
    for step in steps:
        if step.kind is LOOP:
            steps += [each for body in step.fn.programs() for each in body.steps]
    found = {id(step.args[0].generator): step.args[0].generator for step in steps if step.kind is DRAW}
    return [*found.values()] if found and any(map(may_deviate, steps)) else []


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


def _as_float(number: Any) -> float:
    if type(number) is complex:  # (-2.0) ** 0.5, which no program of arrays can hold
        raise Deviation
    return float(number)


def _apart(other: ndarray, written: tuple[ndarray, ...]) -> None:
    for each in written:
        if owner_of(each) is owner_of(other) and np.may_share_memory(each, other):
            raise InPlaceError(
                f"an argument of shape {other.shape} shares memory with an array of shape {each.shape} that the "
                "compiled function writes in place; pass a copy()"
            )
