"""State: what a function reads from outside is an input of its program, and what it leaves there is written back.

While tracing, stand-ins take the place of arrays in tensors, variables and attributes. What the function left there
afterwards tells what the program has to write; then everything is put back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy import ndarray

from grad_engine.core.node import GradAccum
from grad_engine.core.tensor import Tensor, wrap
from grad_engine.core.versions import owner_of
from grad_engine.errors import TraceError
from grad_engine.optim.optimizers import _State
from grad_engine.program.generators import TracedGenerator, Unmoved
from grad_engine.program.reach import Reached
from grad_engine.program.refused import refused_in_traces
from grad_engine.program.slots import Attribute, Item, Part, Slot
from grad_engine.program.steps import Value
from grad_engine.program.trace import Trace
from grad_engine.program.traced import Traced, TracedNumber, Type
from grad_engine.program.traced_numpy import seen_in_traces


@dataclass(slots=True)
class Grad:
    """The .grad of a leaf outside, of an argument if it has a path; `traced` stands for the leaf in the trace."""

    leaf: Any
    path: str | None
    traced: Any


@dataclass(slots=True)
class Source:
    """Where the entry of a program finds an input that is no argument.

    slot: the place that holds it; None for an array that is held itself. fixed: the array met while tracing.
    """

    value: Value
    slot: Slot | None
    fixed: Any
    grad_of: Grad | None = None
    hidden: bool = False  # an optimiser keeps it for itself, so no graph holds it


@dataclass(slots=True)
class Store:
    """Something new that the function leaves in a slot: `value` as an array, a Tensor or a number."""

    slot: Slot
    value: Value
    kind: type


@dataclass(slots=True)
class State:
    """What was lifted for one trace."""

    trace: Trace
    sources: list[Source] = field(default_factory=list)
    same: list[tuple[Slot, Any]] = field(default_factory=list)  # what must be as it was while tracing
    aliases: list[tuple[Slot, Value]] = field(default_factory=list)  # slots that hold the array of another slot
    sizes: list[tuple[Any, int]] = field(default_factory=list)
    namespaces: list[tuple[Any, int]] = field(default_factory=list)  # namespaces, and how many names they have
    kinds: list[tuple[Any, type]] = field(default_factory=list)  # objects, and their class
    contents: list[tuple[Any, tuple[Any, ...]]] = field(default_factory=list)  # sets, and what is in them
    without_grad: list[Grad] = field(default_factory=list)  # those that were None
    paths: dict[int, str] = field(default_factory=dict)  # by id of a leaf that stands for one of an argument: its path
    with_history: dict[Value, str] = field(default_factory=dict)  # of tensors that are results of ops: name
    in_place: list[tuple[Value, Value]] = field(default_factory=list)  # array of an input, what is written into it
    stores: list[Store] = field(default_factory=list)
    tensors: dict[int, Tensor] = field(default_factory=dict)  # by id: those that were there before
    names: set[str] = field(default_factory=set)
    kept: list[list[tuple[Value, ...]]] = field(default_factory=list)  # by optimisers, for each parameter of a group
    rules: dict[Value, Any] = field(default_factory=dict)  # parameter, or state of it -> (optimiser, group, parameter)
    homes: dict[Value, tuple[ndarray, ndarray]] = field(default_factory=dict)  # of those: flat array, and its part
    _asking_types: list[dict[str, Any]] = field(default_factory=list)
    _put: list[tuple[Slot, Any, Any]] = field(default_factory=list)  # slot, what it held, what it holds meanwhile
    _by_array: dict[int, Traced] = field(default_factory=dict)
    _owners: dict[int, ndarray] = field(default_factory=dict)
    _steps: dict[int, Value] = field(default_factory=dict)
    _wholes: list[Slot] = field(default_factory=list)  # slots that hold tuples with stand-ins in them
    _before: list[tuple[Slot, Any]] = field(default_factory=list)
    _generators: dict[int, TracedGenerator] = field(default_factory=dict)
    _nodes: list[tuple[str, Tensor, Any]] = field(default_factory=list)  # of tensors, while the trace runs

    def unique(self, name: str) -> str:
        """A name for an input like `name`, which no other input has."""
        name = re.sub(r"\W", "_", name).strip("_") or "value"
        if name[0].isdigit():
            first, _, rest = name.partition("_")
            name = f"{rest}_{first}" if rest else f"p{first}"
        found, number = name, 2
        while found in self.names:
            found = f"{name}_{number}"
            number += 1
        self.names.add(found)
        return found

    # --- lifting --------------------------------------------------------------------------------------------------

    def lift_array(self, array: ndarray, slot: Slot | None, name: str, grad_of: Any = None) -> Traced:
        """The stand-in for an array, which is an input from now on."""
        known = self._by_array.get(id(array))
        if known is not None:
            if slot is not None:
                self.aliases.append((slot, known._value))
            return known
        value = Value(array, self.unique(name))
        self.sources.append(Source(value, slot, array, grad_of))
        made = self._by_array[id(array)] = Traced(value, self.trace)
        self.trace.by_reference[id(array)] = made
        self._owners[id(owner_of(array))] = array
        return made

    def held(self, array: ndarray) -> Traced | None:
        """A stand-in for an array that shows memory of something lifted, and so must be read at each run."""
        return self.lift_array(array, None, "view") if id(owner_of(array)) in self._owners else None

    def stand_in_for(self, generator: np.random.Generator) -> TracedGenerator:
        """One stand-in for each generator, however it is reached."""
        return self._generators.setdefault(id(generator), TracedGenerator(generator))

    def put(self, slot: Slot, value: Any) -> None:
        """Let a slot hold something else until the trace is over."""
        whole = slot
        while isinstance(whole, Part):
            whole = whole.slot
        if whole is not slot and not any(each is whole for each in self._wholes):
            self._wholes.append(whole)
            self._before.append((whole, whole.get()))
        self._put.append((slot, slot.get(), value))
        slot.put(value)

    def put_back(self) -> None:
        """Let every slot hold what it held before."""
        for names in self._asking_types:
            names.pop("type", None)
        for _, tensor, node in self._nodes:
            tensor.node = node
        for slot, before, _ in reversed(self._put):
            if not isinstance(slot, Part):
                slot.put(before)
        for whole, before in reversed(self._before):  # the very tuples, not others like them
            whole.put(before)
        for slot, before in self.same:
            if slot.get() is not before:
                slot.put(before)

    def _lift_tensor(self, name: str, tensor: Tensor) -> None:
        self.tensors[id(tensor)] = tensor
        slot = Attribute(tensor, "array", name)
        stand_in = self.lift_array(tensor.array, slot, name)
        if tensor.node is not None and type(tensor.node) is not GradAccum:
            self.with_history[stand_in._value] = name
            self.put(Attribute(tensor, "node", name), None)
        self.put(slot, stand_in)
        self._nodes.append((name, tensor, tensor.node))
        if type(tensor.node) is GradAccum:
            self.lift_grad(tensor.node, tensor.node, stand_in._value.name or name)

    def lift_grad(self, leaf: Any, traced_leaf: Any, name: str, path: str | None = None) -> None:
        """Let `traced_leaf` have a stand-in for the .grad of `leaf`, which is that of an argument if it has a path."""
        slot = Attribute(traced_leaf, "grad", f"g_{name}")
        found = Grad(leaf, path, traced_leaf)
        if path is not None:
            self.paths[id(traced_leaf)] = path
        if leaf.grad is None:
            self.without_grad.append(found)
            self.put(slot, None)
        else:
            stand_in = self.lift_array(leaf.grad.array, None, f"grad_{name}", found)
            self.put(slot, wrap(stand_in, None))  # type: ignore[arg-type]

    def was_read(self, grad: Grad) -> bool:
        """Whether the function read a .grad before it wrote another there, if it did."""
        return self.trace.grads_read.get(id(grad.traced), False)

    def _was_written_first(self, slot: Slot) -> bool:
        return isinstance(slot.holder, GradAccum) and self.trace.grads_read.get(id(slot.holder)) is False

    def move_home(self, flat: Value, parts: Sequence[Value]) -> ndarray:
        """The flat array in which these arrays of an optimiser lie from now on, one after the other."""
        slots = {source.value: source.slot for source in self.sources}
        held = [slots[part].get() for part in parts]  # type: ignore[union-attr]
        whole = held[0].base
        if not _lie_in(whole, held) or whole.shape != flat.shape:
            whole = np.concatenate([array.reshape(-1) for array in held])
        start = 0
        for part, array in zip(parts, held, strict=True):
            if array.base is not whole:
                array = whole[start : start + array.size].reshape(array.shape)
                slots[part].put(array)  # type: ignore[union-attr]
            self.homes[part] = whole, array
            start += array.size
        return whole

    def lift_steps(self, slot: Slot) -> None:
        """A count of steps: parameters that have made the same number of them share an input."""
        count = slot.get()
        value = self._steps.get(count)
        if value is None:
            self._steps[count] = self.lift_number(slot, "steps")
        else:
            self.aliases.append((slot, value))
            self.put(slot, TracedNumber(value, self.trace))

    def lift_number(self, slot: Slot, name: str) -> Value:
        """The input that a number in a slot is from now on."""
        value = Value(slot.get(), self.unique(name))
        self.sources.append(Source(value, slot, None))
        self.put(slot, TracedNumber(value, self.trace))
        return value


@contextmanager
def lifted(functions: Sequence[Any], state: State) -> Iterator[None]:
    """A context in which stand-ins take the place of what `functions` read; `state` then knows all about it."""
    reached = Reached()
    for function in functions:
        reached.walk(function)
    unmoved = Unmoved(reached.movable)
    prepared = [*_prepared(reached)]
    try:
        _lift(state, reached)
        try:
            yield
        except Exception as error:
            _take_out(state, reached)
            unmoved.check(error)
            raise
        unmoved.check()
        try:
            _note_changes(state, reached)
        except TraceError:
            _take_out(state, reached)
            raise
    finally:
        state.put_back()
        for optimizer, parameter, made in prepared:
            stores = {id(each.slot.holder) for each in state.stores}
            if id(made) not in stores:
                del optimizer._state[parameter]
        for optimizer in reached.optimizers:
            state.sizes.append((optimizer._state, len(optimizer._state)))


def _prepared(reached: Reached) -> Iterator[tuple[Any, Tensor, _State]]:
    """Give parameters the state that the first step() of their optimiser would make."""
    for optimizer in reached.optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter not in optimizer._state and type(parameter.node) is GradAccum:
                    made = optimizer._state[parameter] = _State()
                    made.of(optimizer.slots(group), parameter.array)
                    made.memory = parameter.array
                    yield optimizer, parameter, made


def _lift(state: State, reached: Reached) -> None:
    numbers: set[tuple[int, Any]] = set()
    for name, tensor in reached.tensors:
        state._lift_tensor(name, tensor)
    for optimizer in reached.optimizers:
        groups = optimizer.param_groups
        for number, group in enumerate(groups):
            if isinstance(group["lr"], float):
                state.lift_number(Item(group, "lr", "lr"), f"lr_{number}" if len(groups) > 1 else "lr")
                numbers.add((id(group), "lr"))
        groups_of = {parameter: number for number, group in enumerate(groups) for parameter in group["params"]}
        lanes: list[list[tuple[Value, ...]]] = [[] for _ in groups]
        state.kept += lanes
        state.same.append((Attribute(optimizer, "_state", "state"), optimizer._state))
        for parameter, each in optimizer._state.items():
            stand_in: Any = parameter.array
            arrays = []
            for key, array in each.arrays.items():
                kept = Item(each.arrays, key, f"{key}_{stand_in._value.name or 'p'}")
                state.put(kept, state.lift_array(array, kept, kept.name))
                state.sources[-1].hidden = True
                arrays.append(each.arrays[key]._value)  # type: ignore[attr-defined]
            moved = optimizer, groups[groups_of[parameter]], stand_in._value
            state.rules.update(dict.fromkeys((stand_in._value, *arrays), moved))
            if arrays:
                lanes[groups_of[parameter]].append(tuple(arrays))
            if each.memory is not None:
                memory = Attribute(each, "memory", "memory")
                state.put(memory, state.lift_array(each.memory, memory, "memory"))
            state.lift_steps(Attribute(each, "steps", "steps"))
            numbers.add((id(each), "steps"))
    for slot in reached.counters:
        state.lift_number(slot, "scheduled")
    for slot, array in reached.arrays:
        if type(slot.get()) is ndarray:  # those of optimisers are lifted already
            state.put(slot, made := state.lift_array(array, slot, slot.name))
            state.trace.outside.add(made._origin)
    for name, array in reached.fixed:
        if array.dtype.kind in "fiub":
            state.trace.outside.add(state.lift_array(array, None, name)._origin)
    for slot, generator in reached.generators:
        state.same.append((slot, generator))
        state.put(slot, state.stand_in_for(generator))
    for slot, held in reached.others:
        if (id(slot.holder), getattr(slot, "key", None)) not in numbers:
            state.same.append((slot, held))
            seen = seen_in_traces(held)
            seen = refused_in_traces(held) if seen is None else seen
            if seen is not None:
                state.put(slot, seen)
    for names in reached.asking_types:
        names["type"] = Type
        state._asking_types.append(names)
    state.sizes.extend(reached.sizes)
    state.namespaces.extend(reached.namespaces)
    state.contents.extend(reached.contents)
    state.kinds.extend(reached.kinds)


def _take_out(state: State, reached: Reached) -> None:
    """Take what a refused function put into containers and objects outside out of them again."""
    for container, size in state.sizes:
        if isinstance(container, dict):
            for key in [*container][size:]:
                del container[key]
        elif isinstance(container, list):
            del container[size:]
    for held, before in state.contents:
        if isinstance(held, set):
            held.intersection_update(before)
        elif isinstance(held, dict):
            for key in held.keys() - {*before}:
                del held[key]
    for attributes, names in reached.attributes:
        for name in attributes.keys() - names:
            del attributes[name]


def _note_changes(state: State, reached: Reached) -> None:
    """Find what the function left in the slots. Raises TraceError for what a program cannot leave there."""
    for stand_in in state._by_array.values():
        if stand_in.version:
            state.in_place.append((stand_in._origin, stand_in.current))
    for slot, before, meanwhile in state._put:
        now = slot.get()
        if now is meanwhile and not state._was_written_first(slot):
            continue
        kept: Any = now.array if type(now) is Tensor else now
        if type(now) is Tensor and (now.node is not None or id(now) in state.tensors):
            _refuse_change(slot, before, now)
        if type(kept) is type(meanwhile) is TracedNumber and kept.current.name is None:
            kept.current.name = f"new_{meanwhile._value.name}"
        if type(kept) in (Traced, TracedNumber) and not (type(before) is ndarray and kept.shape != before.shape):
            state.stores.append(Store(slot, kept.current, type(now)))
        elif type(meanwhile) is TracedNumber and type(now) is type(before):
            state.stores.append(Store(slot, Value(now, data=now), type(now)))
        elif now is None and isinstance(slot.holder, GradAccum):
            state.stores.append(Store(slot, Value(0, data=0), type(None)))
        else:
            _refuse_change(slot, before, now)
    for name, tensor, node in state._nodes:
        if tensor.node is not node:
            refuse_history(name)
    changed = [*(slot for slot, _, _ in state._put), *state._wholes]
    put = {(id(slot.holder), getattr(slot, "key", None)) for slot in changed}
    for slot, held in state.same:
        if (id(slot.holder), getattr(slot, "key", None)) in put or (now := slot.get()) is held:
            continue
        kept = now.array if type(now) is Tensor and now.node is None else now
        if type(kept) not in (Traced, TracedNumber) or isinstance(slot, Part):
            _refuse_change(slot, held, now)
        state.stores.append(Store(slot, kept.current, type(now)))
    for attributes, names in reached.attributes:
        if new := sorted(attributes.keys() - names):
            raise TraceError(
                f"the compiled function gave an object outside of it the new attribute {new[0]!r}, and a program does "
                "not; return the value and store it outside"
            )
    for container, before in state.contents:
        now = (*container,)
        if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
            raise TraceError(
                f"the compiled function changed which items a {type(container).__name__} outside of it has, and a "
                "program does not; return what is to be kept and store it outside"
            )
    for container, size in state.sizes:
        if len(container) != size:
            raise TraceError(
                f"the compiled function changed how many items a {type(container).__name__} outside of it has, from "
                f"{size} to {len(container)}; return what is to be kept and store it outside"
            )


def _lie_in(whole: Any, arrays: Sequence[ndarray]) -> bool:
    """Whether these arrays are the parts of one flat array, in order."""
    if type(whole) is not ndarray or whole.ndim != 1:
        return False
    start = whole.ctypes.data
    for array in arrays:
        if array.base is not whole or array.ctypes.data != start or not array.flags.c_contiguous:
            return False
        start += array.nbytes
    return start == whole.ctypes.data + whole.nbytes


def _refuse_change(slot: Slot, before: Any, now: Any) -> None:
    raise TraceError(
        f"the compiled function changed {slot.name!r}, which lies outside of it, from {_brief(before)} to "
        f"{_brief(now)}, and a program does not; return the new value and assign it outside"
    )


def refuse_history(name: str) -> NoReturn:
    """Raise TraceError: a tensor from outside has another history than before."""
    raise TraceError(
        f"the compiled function gave {name!r}, a tensor from outside, another history, as a write in place of what "
        "requires grad does, and a program does not; return the new value, or write under no_grad()"
    )


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"
