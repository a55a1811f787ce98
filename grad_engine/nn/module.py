"""Module: the base class of layers and models. It has parameters, is called like a function, and can be saved."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getattr_static
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import numpy as np

from grad_engine import files
from grad_engine.core.call import as_tensor
from grad_engine.core.defaults import check_device
from grad_engine.core.grad_mode import Mode, current_mode, no_grad, put_mode, with_watch
from grad_engine.core.hooks import HookHandle
from grad_engine.core.inplace import overwrite
from grad_engine.core.node import GradAccum, next_sequence_nr
from grad_engine.core.observe import Watch
from grad_engine.core.tensor import Tensor, array_of, wrap
from grad_engine.core.torch_words import Missing
from grad_engine.errors import ArgumentError, ShapeError
from grad_engine.nn.backward_hooks import BackwardRun
from grad_engine.ops.methods import dtype_of
from grad_engine.pytree import Parts, register_structure

Self = TypeVar("Self", bound="Module")
Row = TypeVar("Row", bound="_Row")


class _LeafKind(type):
    """The class of Parameter: calling that makes a Tensor, and isinstance() knows the tensors that are parameters."""

    def __call__(cls, data: Any, requires_grad: bool = True, dtype: Any = None, name: str | None = None) -> Tensor:
        made = Tensor(array_of(data), dtype=dtype)
        if made.array.dtype.kind in "iub" and dtype is None:
            made.array = made.array.astype(float)
        made.requires_grad_(requires_grad)
        if not requires_grad:
            _FROZEN[id(made)] = made
        if name is not None:
            made.name = name
        return made

    def __instancecheck__(cls, value: Any) -> bool:
        return _is_parameter(value)


if TYPE_CHECKING:
    Parameter = Tensor  # which is what comes back, of the same arguments
else:

    class Parameter(metaclass=_LeafKind):
        """A leaf with a copy of `data`, which a module that keeps it as an attribute counts among its parameters.

        A tensor loses its history. Whole numbers become floats. Without a `name` the module gives it that of the
        attribute. What comes back is a Tensor; isinstance(w, Parameter) holds for any leaf that requires grad, and for
        those that were made here with requires_grad=False.
        """


# Parameters made with requires_grad=False, by id: a module counts them among its own all the same.
_FROZEN: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()


def _is_parameter(value: Any) -> bool:
    return type(value) is Tensor and (type(value.node) is GradAccum or id(value) in _FROZEN)


class Loaded(NamedTuple):
    """The differences that load_state_dict() found: names missing in the state, and names unknown to the module."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def missing_keys(self) -> list[str]:
        """`missing`, under PyTorch's name."""
        return list(self.missing)

    @property
    def unexpected_keys(self) -> list[str]:
        """`unexpected`, under PyTorch's name."""
        return list(self.unexpected)


_new_mode = Mode.__new__


class Module:
    """Base class of layers and models: subclass it, assign parameters and modules to attributes, write `forward`.

    An attribute that is a leaf requiring grad is a parameter, one that is a Module is a child, and what
    `register_buffer` adds is a buffer: kept with the state, never trained. Calling the module calls `forward`; ops that
    are recorded meanwhile belong to the scope of the module's name, "encoder.0" for the child "0" of "encoder". The
    outermost module has no name of its own, so scopes are spelled as the names of parameters are.
    """

    training: bool
    _parts: dict[str, str]  # attribute -> "parameter", "buffer" or "module"
    _path: str  # its dotted name in the outermost module that holds it; "" for that one
    _hooks: dict[str, dict[int, Any]] | None  # by when they are called; None for most modules
    _watch: tuple[Any, Any]  # the watch outside the latest call, and the one inside: most calls find it again

    def __new__(cls: type[Self], *args: Any, **keywords: Any) -> Self:
        # Here and not in __init__, so that a subclass has nothing to forget.
        self = super().__new__(cls)
        self.__dict__.update(training=True, _parts={}, _path="", _watch=(None, None), _hooks=None)
        return self

    def forward(self, *args: Any, **keywords: Any) -> Any:
        """The result for these inputs; every subclass defines it."""
        raise ArgumentError(f"{type(self).__name__} was called, but has no forward(); define forward(self, x)")

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        path, outer = self._path, current_mode()
        forward = self.forward if self._hooks is None else self._forward_with_hooks
        if not (path and outer.record):
            return forward(*args, **keywords)
        seen, watch = self._watch
        if watch is None or seen is not outer.watch:
            watch = _inside(outer.watch, path)
            self.__dict__["_watch"] = outer.watch, watch
        inner = _new_mode(Mode)  # filled here: a call of __init__ would take as long as all the rest
        inner.record, inner.watch, inner.entry = True, watch, next_sequence_nr()
        inner.differentiating, inner.context, inner.outer = outer.differentiating, outer.context, outer.outer
        put_mode(inner)
        try:
            return forward(*args, **keywords)
        finally:
            now = current_mode()
            put_mode(outer if now is inner else with_watch(now, outer.watch, outer.entry))

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> HookHandle:
        """A handle on `hook`, called after forward with (module, the arguments, the result); it may return another.

        with_kwargs: with (module, the arguments, a dict of those by keyword, the result). prepend: before other hooks.
        """
        if always_call:
            raise ArgumentError("hooks are not called for a forward() that raised; leave always_call out")
        if not with_kwargs:
            return self._hooked("after", lambda module, args, keywords, out: hook(module, args, out), prepend)
        return self._hooked("after", hook, prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> HookHandle:
        """A handle on `hook`, called before forward with (module, the arguments); it may return other arguments.

        with_kwargs: with (module, the arguments, a dict of those by keyword); it may return both.
        """

        def plain(module: Module, args: Any, keywords: Any) -> Any:
            other = hook(module, args)
            return None if other is None else (other if isinstance(other, tuple) else (other,), keywords)

        return self._hooked("before", hook if with_kwargs else plain, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """A handle on `hook`, called in backward with (module, gradients of the arguments, gradients of the results).

        Both are tuples, with None where there is no gradient. It may return other gradients of the arguments. A call of
        a module with such hooks has two nodes more, which pass on what goes in and what comes out.
        """
        return self._hooked("backward", hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> HookHandle:
        """A handle on `hook`, called in backward with (module, gradients of the results); it may return others."""
        return self._hooked("backward_pre", hook, prepend)

    def _hooked(self, when: str, hook: Callable[..., Any], first: bool) -> HookHandle:
        if self._hooks is None:
            self.__dict__["_hooks"] = {each: {} for each in ("before", "after", "backward", "backward_pre")}
        hooks = self.__dict__["_hooks"][when]
        handle = HookHandle(hooks, hook)
        if first:
            rest = {**hooks}
            hooks.clear()
            hooks.update([rest.popitem(), *rest.items()])
        return handle

    def _forward_with_hooks(self, *args: Any, **keywords: Any) -> Any:
        assert self._hooks is not None
        for before in [*self._hooks["before"].values()]:
            other = before(self, args, keywords)
            if other is not None:
                args, keywords = other
        run = None
        if self._hooks["backward"] or self._hooks["backward_pre"]:
            run = BackwardRun(self, [*self._hooks["backward_pre"].values()], [*self._hooks["backward"].values()])
            args = run.entered(args)
        out = self.forward(*args, **keywords)
        for after in [*self._hooks["after"].values()]:
            other = after(self, args, keywords, out)
            out = out if other is None else other
        return out if run is None else run.left(out)

    # what it holds

    def __setattr__(self, name: str, value: Any) -> None:
        kind = self._parts.get(name)
        if isinstance(value, Module):
            object.__setattr__(self, name, value)
            self._take(name, value)
            return
        if _is_parameter(value):
            self._parts[name] = "parameter"
            _name_parameter(value, name, f"{self._path}.{name}".lstrip("."))
        elif kind == "parameter" and value is not None:
            other = "a tensor that is no leaf requiring grad" if type(value) is Tensor else type(value).__name__
            raise ArgumentError(
                f"{name!r} is a parameter of {type(self).__name__} and was to become {other}; assign "
                "nn.Parameter(...), write to its .data, or assign None to remove it first"
            )
        elif kind == "buffer" and value is not None:
            value = _buffer(name, value)
        elif kind is not None:
            del self._parts[name]
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._parts.pop(name, None)
        object.__delattr__(self, name)

    def add_module(self, name: str, module: Module) -> None:
        """Keep a module as the attribute `name`, as an assignment does; Sequential takes names of one's own so."""
        if not isinstance(module, Module) or "." in name or not name or hasattr(Module, name):
            raise ArgumentError(f"add_module() takes a name without dots and a module, got {name!r}: {module!r}")
        setattr(self, name, module)

    register_module = add_module

    def register_parameter(self, name: str, parameter: Tensor | None) -> None:
        """Keep a parameter, or None in its place, as the attribute `name`, as an assignment does."""
        setattr(self, name, parameter)

    def buffers(self) -> Iterator[Tensor]:
        """Each buffer here and inside, once."""
        return (buffer for _, buffer in self.named_buffers())

    def get_submodule(self, path: str) -> Module:
        """The module of this dotted name, as named_modules() gives it. Raises ArgumentError."""
        found = dict(self.named_modules()).get(path)
        if found is None:
            raise ArgumentError(f"{type(self).__name__} has no module called {path!r}; see named_modules()")
        return found

    def get_parameter(self, path: str) -> Tensor:
        """The parameter of this dotted name, as named_parameters() gives it. Raises ArgumentError."""
        found = dict(self.named_parameters()).get(path)
        if found is None:
            raise ArgumentError(f"{type(self).__name__} has no parameter called {path!r}; see named_parameters()")
        return found

    def get_buffer(self, path: str) -> Tensor:
        """The buffer of this dotted name, as named_buffers() gives it. Raises ArgumentError."""
        found = dict(self.named_buffers()).get(path)
        if found is None:
            raise ArgumentError(f"{type(self).__name__} has no buffer called {path!r}; see named_buffers()")
        return found

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Keep `value` (a tensor, array or numbers) as attribute `name` and in the state dict, without training it.

        persistent: with False, keep it as a plain attribute, which is in no state dict.
        """
        if not persistent:
            object.__setattr__(self, name, _buffer(name, value))
            return
        if not isinstance(name, str) or not name or "." in name or name in self.__dict__ or hasattr(Module, name):
            raise ArgumentError(f"a buffer has a new name without dots, got {name!r}; choose another")
        self.__dict__[name] = _buffer(name, value)
        self._parts[name] = "buffer"

    def _take(self, name: str, child: Module) -> None:
        """Count `child` among the parts; what in it has no longer name yet gets the one it has from here."""
        self._parts[name] = "module"
        start = f"{self._path}.{name}".lstrip(".")
        for inner, module in child.named_modules():
            if module._path == inner:
                module.__dict__["_path"] = f"{start}.{inner}".rstrip(".")
        for inner, parameter in child.named_parameters():
            _name_parameter(parameter, inner, f"{start}.{inner}")

    def _own(self, kind: str) -> Iterator[tuple[str, Any]]:
        return ((name, self.__dict__[name]) for name, each in self._parts.items() if each == kind)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) for each module that is an attribute of this one."""
        return self._own("module")

    def children(self) -> Iterator[Module]:
        """Each module that is an attribute of this one."""
        return iter([self.__dict__[name] for name, each in self._parts.items() if each == "module"])

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) for this module, whose name is "", and all inside it; a shared one comes once."""
        seen: set[int] = set()
        pending: list[tuple[str, Module]] = [("", self)]
        while pending:
            name, module = pending.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module
                inner = [(f"{name}.{label}".lstrip("."), child) for label, child in module.named_children()]
                pending += reversed(inner)

    def modules(self) -> Iterator[Module]:
        """This module and all inside it."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, parameter) for each parameter here and inside; a shared one comes once, by its first name."""
        return self._each_once("parameter")

    def parameters(self) -> Iterator[Tensor]:
        """Each parameter here and inside, once: what an optimiser takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) for each buffer here and inside."""
        return self._each_once("buffer")

    def _each_once(self, kind: str) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, value in module._own(kind):
                if id(value) not in seen:
                    seen.add(id(value))
                    yield f"{path}.{name}".lstrip("."), value

    # how it behaves

    def train(self: Self, mode: bool = True) -> Self:
        """This module, all of it in training mode: dropout is active, batch norm uses the batch's statistics."""
        for module in self.modules():
            module.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """This module, all of it in evaluation mode: no dropout, and running statistics stay as they are."""
        return self.train(False)

    def requires_grad_(self: Self, flag: bool = True) -> Self:
        """This module, with all its parameters trainable or, with False, frozen."""
        for parameter in self.parameters():
            parameter.requires_grad_(flag)
        return self

    def astype(self: Self, dtype: Any) -> Self:
        """This module, with every parameter and floating-point buffer now in this dtype; gradients are forgotten."""
        kind = np.dtype(dtype)
        if kind.kind != "f":
            raise ArgumentError(f"parameters are of a floating-point dtype, got {kind}")
        for value in {id(each): each for each in self._state().values()}.values():
            if value.array.dtype.kind == "f" and value.array.dtype != kind:
                name = value.name
                value.array = value.array.astype(kind)
                value.name = name
                if type(value.node) is GradAccum:
                    value.node.grad = None
        return self

    def float(self: Self) -> Self:
        """This module in float32."""
        return self.astype(np.float32)

    def double(self: Self) -> Self:
        """This module in float64."""
        return self.astype(np.float64)

    def half(self: Self) -> Self:
        """This module in float16."""
        return self.astype(np.float16)

    def to(self: Self, *wanted: Any, dtype: Any = None, device: Any = None) -> Self:
        """This module in another dtype; the device can only be the CPU."""
        for each in wanted:
            if isinstance(each, str):
                device = each
            else:
                dtype = each
        check_device(device)
        return self if dtype is None else self.astype(dtype)

    def type(self: Self, dst_type: Any) -> Self:
        """This module in another dtype."""
        return self.astype(dtype_of(dst_type))

    def cpu(self: Self) -> Self:
        """This module: everything is on the CPU."""
        return self

    def cuda(self: Self, device: Any = None) -> Self:
        """Always an ArgumentError: there is only the CPU."""
        check_device("cuda")
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of every parameter: `.grad` becomes None, or all 0 without set_to_none."""
        if not set_to_none:
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.grad.array[...] = 0
            return
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self: Self, function: Callable[[Module], Any]) -> Self:
        """This module, after `function` was called once on each inside it, in order, and then on itself."""
        seen: set[int] = set()

        def visit(module: Module) -> None:
            if id(module) not in seen:
                seen.add(id(module))
                for child in module.children():
                    visit(child)
                function(module)

        visit(self)
        return self

    # its state

    def _state(self) -> dict[str, Tensor]:
        """Parameters and buffers by dotted name, a shared one under each of its names."""
        found: dict[str, Tensor] = {}
        pending: list[tuple[str, Module, tuple[Module, ...]]] = [("", self, ())]
        while pending:
            path, module, around = pending.pop()
            for name, kind in module._parts.items():
                if kind != "module":
                    found[path + name] = module.__dict__[name]
            inner = [(f"{path}{name}.", child, (*around, module)) for name, child in module.named_children()]
            pending += reversed([each for each in inner if each[1] not in each[2]])
        return found

    def state_dict(self) -> dict[str, Tensor]:
        """A copy of every parameter and buffer, by dotted name: later training leaves it as it is."""
        return {name: wrap(value.array.copy(), None) for name, value in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Loaded:
        """Write a state into this module's memory; return the names that were missing and those that were unknown.

        state: dotted name -> tensor, array, or anything NumPy makes an array of, such as what PyTorch's state_dict()
            holds. strict: names that are not in both are an error.

        Raises ShapeError or ArgumentError, which list every entry at fault, before anything is written.
        """
        if not isinstance(state, Mapping):
            raise ArgumentError(
                f"load_state_dict() takes a dict of tensors, got {type(state).__name__}; pass what state_dict() gave"
            )
        for path, module in [*self.named_modules()]:
            if isinstance(module, UninitializedParameters):
                module._fit_to(state, f"{path}." if path else "")
        own = self._state()
        missing = tuple(name for name in own if name not in state)
        unexpected = tuple(name for name in state if name not in own)
        values: dict[str, Tensor] = {}
        faults = []
        for name in own:
            if name in state:
                values[name] = value = as_tensor(state[name])
                target = own[name]
                if value.shape != target.shape:
                    faults.append(f"{name} has shape {value.shape} where {target.shape} is needed")
                elif not np.can_cast(value.dtype, target.dtype, "same_kind"):
                    faults.append(f"{name} has dtype {value.dtype} where {target.dtype} is needed")
        if strict and missing:
            faults.append(f"missing: {', '.join(missing)}")
        if strict and unexpected:
            faults.append(f"unexpected: {', '.join(unexpected)}")
        if faults:
            error = ShapeError if any(" has shape " in fault for fault in faults) else ArgumentError
            ways = "" if not strict or not (missing or unexpected) else ", or pass strict=False to load what fits"
            raise error(
                f"this state is not one of {type(self).__name__}: {'; '.join(faults)}. "
                f"Build the module as it was when it was saved{ways}"
            )
        with no_grad():
            for name, value in values.items():
                overwrite(own[name], value)
        return Loaded(missing, unexpected)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """The path of the .npz file that now holds the state; its errors are those of grad_engine.save()."""
        return files.save(self.state_dict(), path)

    def load(self, path: str | os.PathLike[str], strict: bool = True) -> Loaded:
        """What load_state_dict() gives for the state that save() wrote to `path`."""
        return self.load_state_dict(files.load(path), strict)

    # how it looks

    def extra_repr(self) -> str:
        """What the repr says of this module between its parentheses, besides its children."""
        return ""

    def __dir__(self) -> list[str]:
        """What an editor offers: without PyTorch's names that are not here."""
        return [name for name in object.__dir__(self) if type(getattr_static(type(self), name, None)) is not Missing]

    def __repr__(self) -> str:
        name, facts = type(self).__name__, self.extra_repr()
        children = [f"({label}): {child!r}".replace("\n", "\n  ") for label, child in self.named_children()]
        if not children:
            return f"{name}({facts})"
        return "\n  ".join([f"{name}(", *([facts] if facts else []), *children]) + "\n)"


class UninitializedParameters:
    """What a module has in common whose parameters get their shapes from its first call, or from a state."""

    def _fit_to(self, state: Mapping[str, Any], prefix: str) -> None:
        """Take the shapes of a state whose names begin with `prefix`."""


class Drawn(Module):
    """A module whose parameters can be drawn anew: reset_parameters()."""

    _made: tuple[type, tuple[Any, ...], dict[str, Any]]  # the class of this package, and what it was made with

    def reset_parameters(self) -> None:
        """Draw the parameters anew, and set buffers back, as when the layer was made."""
        kind, args, named = self.__dict__.get("_made", (type(self), (), {}))
        fresh = kind(*args, **named)
        with no_grad():
            for name in self._parts:
                mine, other = self.__dict__[name], fresh.__dict__.get(name)
                if isinstance(mine, Tensor) and isinstance(other, Tensor):
                    overwrite(mine, other.detach().astype(mine.dtype))


class Layer(Drawn):
    """A module whose result is one tensor, which type checkers then know."""

    if TYPE_CHECKING:

        def __call__(self, *args: Any, **keywords: Any) -> Tensor: ...


class _Row(Module):
    """Modules in a row, named "0", "1", ..."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self: Row, module: Module) -> Row:
        """This container, with one more module at its end."""
        if not isinstance(module, Module):
            called = getattr(module, "__name__", type(module).__name__)
            raise ArgumentError(
                f"{type(self).__name__} takes modules, got {called}; write nn.ReLU() for ge.relu or nn.ReLU, or "
                "subclass nn.Module"
            )
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __setitem__(self, index: int, module: Module) -> None:
        if not isinstance(module, Module):
            raise ArgumentError(f"{type(self).__name__} takes modules, got {type(module).__name__}")
        setattr(self, [name for name, _ in self.named_children()][index], module)

    def __delitem__(self, index: int | slice) -> None:
        kept = [*self.children()]
        del kept[index]
        for name in [name for name, _ in self.named_children()]:
            delattr(self, name)
        for module in kept:
            self.append(module)

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self: Row, index: slice) -> Row: ...

    def __getitem__(self: Row, index: int | slice) -> Module | Row:
        found = [*self.children()][index]
        if isinstance(found, Module):
            return found
        row = type(self)()
        for module in found:
            row.append(module)
        return row


class ModuleList(_Row):
    """Modules that the parent calls one by one: `for layer in self.layers: x = layer(x)`."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__(modules or ())

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """This list, with these modules at its end."""
        for module in [*modules]:
            self.append(module)
        return self

    __iadd__ = extend

    def insert(self, index: int, module: Module) -> None:
        """Put one more module in front of the one at `index`."""
        row = [*self.children()]
        row.insert(index, module)
        self.append(module)
        for place, each in enumerate(row):
            setattr(self, str(place), each)


class ParameterList(Module):
    """Leaves that the parent reads one by one, named "0", "1", ...; what requires no grad becomes a Parameter."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        self.extend(values or ())

    def append(self, value: Any) -> ParameterList:
        """This list, with one more parameter at its end."""
        setattr(self, str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """This list, with these parameters at its end."""
        for value in [*values]:
            self.append(value)
        return self

    __iadd__ = extend

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self.__dict__[name] for name in self._parts])

    def __getitem__(self, index: int | slice) -> Any:
        found = [*self][index]
        return ParameterList(found) if isinstance(index, slice) else found

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, [*self._parts][index], _parameter(value))

    def extra_repr(self) -> str:
        return ", ".join(f"({name}): {each.shape}" for name, each in self._own("parameter"))


def _parameter(value: Any) -> Tensor:
    return value if _is_parameter(value) else Parameter(array_of(value))


class ParameterDict(Module):
    """Leaves by name, which the parent reads: `self.scales["left"] * x`; what requires no grad becomes a Parameter."""

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        self.update(parameters or {})

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Take these parameters too, each in the place of one of the same name."""
        for name, value in dict(parameters).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str) or not name or "." in name or hasattr(ParameterDict, name):
            raise ArgumentError(f"a ParameterDict takes parameters by names without dots, got {name!r}; choose another")
        setattr(self, name, _parameter(value))

    def __getitem__(self, name: str) -> Tensor:
        if name not in self:
            raise ArgumentError(f"no parameter is called {name!r}; there are {', '.join(self) or 'none'}")
        found: Tensor = self.__dict__[name]
        return found

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def __contains__(self, name: object) -> bool:
        return self._parts.get(str(name)) == "parameter"

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._parts])

    def pop(self, name: str) -> Tensor:
        """The parameter of this name, which is no part from here on. Raises ArgumentError."""
        found = self[name]
        delattr(self, name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        """The parameter of this name, or `default`."""
        return self.__dict__[name] if name in self else default

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self)

    def values(self) -> Iterator[Tensor]:
        """The parameters."""
        return iter([self[name] for name in self])

    def items(self) -> Iterator[tuple[str, Tensor]]:
        """(name, parameter) for each."""
        return self._own("parameter")

    def extra_repr(self) -> str:
        return ", ".join(f"({name}): {each.shape}" for name, each in self.items())


class ModuleDict(Module):
    """Modules by name, which the parent calls one by one: `self.heads["class"](x)`."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Take these modules too, each in the place of one of the same name."""
        for name, module in dict(modules).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or "." in name or hasattr(Module, name) or not isinstance(module, Module):
            raise ArgumentError(f"a ModuleDict takes modules by names without dots, got {name!r}: {module!r}")
        setattr(self, name, module)

    def __getitem__(self, name: str) -> Module:
        if self._parts.get(name) != "module":
            raise ArgumentError(f"no module is called {name!r}; there are {', '.join(self) or 'none'}")
        return self.__dict__[name]

    def __delitem__(self, name: str) -> None:
        del self.__dict__[self._named(name)]
        self._parts.pop(name)

    def _named(self, name: str) -> str:
        self[name]
        return name

    def pop(self, name: str) -> Module:
        """The module of this name, which is no part from here on. Raises ArgumentError."""
        found = self[name]
        del self[name]
        return found

    def __contains__(self, name: object) -> bool:
        return self._parts.get(str(name)) == "module"

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.named_children())

    def keys(self) -> Iterator[str]:
        """The names."""
        return iter(self)

    def values(self) -> Iterator[Module]:
        """The modules."""
        return self.children()

    def items(self) -> Iterator[tuple[str, Module]]:
        """(name, module) for each."""
        return self.named_children()


class Sequential(_Row):
    """Modules that are called one after the other, each with what the one before gave."""

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        for module in modules:
            if isinstance(module, Mapping) and len(modules) == 1:  # names of one's own
                for name, each in module.items():
                    self.add_module(name, each)
            else:
                self.append(module)  # type: ignore[arg-type]

    def forward(self, x: Any) -> Any:
        """The result of passing x through all modules in order; x itself when there are none."""
        for module in self:
            x = module(x)
        return x


@dataclass(frozen=True, slots=True)
class _Inside(Watch):
    """The watch inside a module that has a name."""

    path: str = ""
    base: str = ""  # the scope around the outermost module


def _inside(outer: Any, path: str) -> _Inside:
    """The watch inside the module of that name, called where it was `outer`."""
    watch = outer if isinstance(outer, Watch) else Watch()
    base, start, rest = watch.scope, watch.scope, path
    if isinstance(watch, _Inside):
        base = start = watch.base
        if path.startswith(f"{watch.path}."):  # a part of its caller; else one that was borrowed
            start, rest = watch.scope, path[len(watch.path) + 1 :]
    return _Inside(f"{start}.{rest}" if start else rest, watch.source, watch.anomaly, watch.runs, path, base)


def _name_parameter(parameter: Tensor, old: str, new: str) -> None:
    """Give `parameter` the name by which its module knows it, unless someone gave it another than `old`."""
    if parameter.name in (None, old):
        parameter.name = new


def _buffer(name: str, value: Any) -> Tensor:
    tensor = value if type(value) is Tensor else Tensor(value)
    if tensor.node is not None:
        raise ArgumentError(f"the buffer {name!r} was given a tensor that requires grad; pass detach() or a parameter")
    return tensor


def _structure(module: Module) -> Parts:
    """A module as the derivatives of functions see it: its parameters, each once, by dotted name."""
    named = dict(module.named_parameters())
    labels = [f".{name}" for name in named]
    return labels, [*named.values()], lambda parts: _with_parameters(module, [*named.values()], parts)


def _with_parameters(module: Module, old: Sequence[Tensor], new: Sequence[Any]) -> Module:
    """A module like `module` with other values, each in every place of the old one; it shares all the rest."""
    others = {id(parameter): other for parameter, other in zip(old, new, strict=True)}
    made: dict[int, Module] = {}
    for each in module.modules():
        made[id(each)] = copy = object.__new__(type(each))
        copy.__dict__.update(each.__dict__, _parts={**each._parts})
    for copy in made.values():
        for name, kind in copy._parts.items():
            if kind == "module":
                copy.__dict__[name] = made[id(copy.__dict__[name])]
            else:
                copy.__dict__[name] = others.get(id(copy.__dict__[name]), copy.__dict__[name])
    return made[id(module)]


def with_values(module: Module, values: Mapping[str, Any]) -> Module:
    """A module like `module` with other parameters and buffers, by dotted name; it shares all the rest."""
    own = module._state()
    unknown = [name for name in values if name not in own]
    if unknown:
        raise ArgumentError(f"{type(module).__name__} has no {', '.join(map(repr, unknown))}; see named_parameters()")
    return _with_parameters(module, [own[name] for name in values], [as_tensor(each) for each in values.values()])


register_structure(Module, _structure)

for _name in (
    "bfloat16", "compile", "get_extra_state", "ipu", "mtia", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_state_dict_post_hook", "register_state_dict_pre_hook",
    "set_extra_state", "set_submodule", "share_memory", "to_empty", "xpu",
):  # fmt: skip
    setattr(Module, _name, Missing("nn.Module", _name))
