"""What a function reads from outside: the closure, globals, attributes and items that lead to arrays and settings."""

from __future__ import annotations

import argparse
import collections
import dis
import functools
import os
import random
import sys
import types
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray

import grad_engine.errors
from grad_engine.core.tensor import Tensor
from grad_engine.nn.module import Module
from grad_engine.optim.lr_scheduler import LRScheduler
from grad_engine.optim.optimizers import Optimizer
from grad_engine.program.slots import Attribute, Cell, Item, OfClass, Part, Slot

_ENGINE = os.path.dirname(os.path.abspath(grad_engine.errors.__file__)) + os.sep
_LIBRARIES = frozenset({
    "numpy", "scipy", "grad_engine", "torch", "jax", "matplotlib", "pandas", "pytest", "_pytest", "pluggy", "sklearn",
})  # fmt: skip
_PLAIN = (int, float, complex, bool, str, bytes, type(None), np.generic, np.dtype, range)
_NAMESPACES = (
    types.SimpleNamespace, argparse.Namespace, collections.UserDict, collections.UserList, collections.ChainMap,
)  # fmt: skip
_KEYS = (str, int, bytes, type(None))  # of items that each run can read again, alone or in tuples
_MOST = 4096  # items of a container that are looked at
# What a Module keeps for itself; no computation reads it.
_OWN_AFFAIRS = frozenset(name for name in vars(Module()) if name.startswith("_")) - {"_hooks"} | {"_made"}


class Reached:
    """All that was found, each thing once."""

    def __init__(self) -> None:
        self.arrays: list[tuple[Slot, ndarray]] = []
        self.tensors: list[tuple[str, Tensor]] = []
        self.optimizers: list[Optimizer] = []
        self.counters: list[Slot] = []  # of schedules: how many steps they made
        self.generators: list[tuple[Slot, np.random.Generator]] = []
        self.movable: list[Any] = []  # generators whose draws cannot be traced
        self.others: list[tuple[Slot, Any]] = []  # numbers, flags, objects: what must be the same at each run
        self.sizes: list[tuple[Any, int]] = []  # containers, and how many items they have
        self.attributes: list[tuple[dict[str, Any], frozenset[str]]] = []  # of objects, and how they are called
        self.fixed: list[tuple[str, ndarray]] = []  # arrays that nothing can replace, but that may be written to
        self.kinds: list[tuple[Any, type]] = []  # objects of the user, and their class, which may be assigned
        self.namespaces: list[tuple[Any, int]] = []  # and how many names they have: a new one may hide another
        self.contents: list[tuple[Any, tuple[Any, ...]]] = []  # sets, and what is in them
        self.asking_types: list[dict[str, Any]] = []  # global names of functions that call type()
        self._seen: dict[int, Any] = {}

    def walk(self, function: Any) -> None:
        """Find all that `function` reads."""
        pending: list[tuple[Any, Slot | None, str]] = [(function, None, "")]
        done = len(self.optimizers)
        while pending:
            x, slot, name = pending.pop()
            pending.extend(reversed([*self._look(x, slot, name)]))
            if not pending:  # what a parameter is called by its module comes before its number in an optimiser
                pending.extend((each.param_groups, None, "group") for each in self.optimizers[done:])
                done = len(self.optimizers)

    def _look(self, x: Any, slot: Slot | None, name: str) -> Iterator[tuple[Any, Slot | None, str]]:
        """Note x, and yield what it leads to."""
        kind = type(x)
        if kind is ndarray and slot is not None:
            if x.dtype.kind in "fiub":
                self.arrays.append((slot, x))
            else:
                self.others.append((slot, x))
            return
        if kind is ndarray:
            self.fixed.append((name, x))
            return
        if isinstance(x, np.random.Generator):
            if slot is not None:
                self.generators.append((slot, x))
            else:
                self.movable.append(x)
            return
        if slot is not None:
            self.others.append((slot, x))
        if isinstance(x, _PLAIN) or id(x) in self._seen:
            return
        self._seen[id(x)] = x
        if isinstance(x, np.random.RandomState | random.Random):
            self.movable.append(x)
        elif kind is Tensor:
            self.tensors.append((name, x))
            yield from ((hook, None, name) for hook in hooks_of(x.node))
        elif isinstance(x, Optimizer):
            self.optimizers.append(x)
        elif kind is types.FunctionType:
            yield from self._function(x)
        elif kind is types.MethodType:
            yield x.__self__, None, name
            yield x.__func__, None, name
        elif kind is functools.partial:
            yield x.func, None, name
            yield from ((part, None, name) for part in (x.args, x.keywords))
        elif isinstance(x, list | dict | tuple | deque):
            yield from self._container(x, slot, name)
        elif isinstance(x, set | frozenset):
            self.contents.append((x, (*x,)))
            yield from ((part, None, name) for part in [*x][:_MOST])
        elif isinstance(x, type):
            yield from self._class(x)
        elif not isinstance(x, types.ModuleType):
            yield from self._object(x, name)

    def _container(self, x: Any, slot: Slot | None, name: str) -> Iterator[tuple[Any, Slot | None, str]]:
        if isinstance(x, tuple):
            for key, part in enumerate(x[:_MOST]):
                yield part, None if slot is None else Part(slot, key, f"{name}_{key}"), f"{name}_{key}"
            return
        if isinstance(x, dict) and not name.startswith("group"):  # whoever goes through it sees the order of its keys
            self.contents.append((x, (*x,)))
        else:
            self.sizes.append((x, len(x)))
        keys = [*x][:_MOST] if isinstance(x, dict) else range(min(len(x), _MOST))
        for key in keys:
            inner = f"{name}_{key}" if isinstance(key, str | int) else name
            usable = all(isinstance(part, _KEYS) for part in (key if type(key) is tuple else (key,)))
            yield x[key], Item(x, key, inner) if usable else None, inner

    def _object(self, x: Any, name: str) -> Iterator[tuple[Any, Slot | None, str]]:
        """The attributes of an instance, and the methods of its class."""
        wrapped = getattr(x, "__wrapped__", None) if "__wrapped__" in getattr(x, "__dict__", ()) else None
        if callable(wrapped):
            yield wrapped, None, name
        if library(type(x).__module__) and not (_engine_holder(type(x)) or isinstance(x, _NAMESPACES)):
            return
        if not library(type(x).__module__):
            self.kinds.append((x, type(x)))
        own = getattr(x, "__dict__", None)
        if isinstance(own, dict):
            self.attributes.append((own, frozenset(own)))
            self.namespaces.append((own, len(own)))
            for key in [key for key in own if key not in _OWN_AFFAIRS]:
                if key == "steps" and isinstance(x, LRScheduler):
                    self.counters.append(Item(own, key, key))
                    continue
                inner = f"{name}_{key}" if name and not _engine_holder(type(x)) else f"{name}.{key}".lstrip(".")
                yield own[key], Item(own, key, inner), inner
        for each in type(x).__mro__:
            slots = each.__dict__.get("__slots__", ())
            for key in [slots] if isinstance(slots, str) else slots:
                if not key.startswith("__") and hasattr(x, key):
                    yield getattr(x, key), Attribute(x, key, key), key
        yield type(x), None, name

    def _class(self, x: type) -> Iterator[tuple[Any, Slot | None, str]]:
        for each in x.__mro__:
            if library(each.__module__) or (id(each) in self._seen and each is not x):
                continue
            self._seen[id(each)] = each
            self.namespaces.append((vars(each), len(vars(each))))
            for key, value in [*vars(each).items()]:
                slot = OfClass(each, key, key)
                if isinstance(value, staticmethod | classmethod):
                    self.others.append((slot, value))
                    yield value.__func__, None, key
                elif isinstance(value, property):
                    self.others.append((slot, value))
                    yield from ((part, None, key) for part in (value.fget, value.fset) if part is not None)
                elif isinstance(value, types.FunctionType) or not key.startswith("__"):
                    yield value, slot, key

    def _function(self, f: types.FunctionType) -> Iterator[tuple[Any, Slot | None, str]]:
        wrapped = getattr(f, "__wrapped__", None)
        if callable(wrapped):
            yield wrapped, None, ""
        if f.__code__.co_filename.startswith(_ENGINE) and not f.__closure__:
            return
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:  # a variable that has no value yet
                continue
            if isinstance(held, types.ModuleType) and not library(held.__name__):
                yield from self._module(held, [*_names(f.__code__)])
            yield held, Cell(cell, name), name
        if f.__code__.co_filename.startswith(_ENGINE):
            return
        self.others.append((Attribute(f, "__code__", f.__name__), f.__code__))
        self.namespaces.append((f.__dict__, len(f.__dict__)))
        for key, part in f.__dict__.items():
            if not key.startswith("__"):
                yield part, Item(f.__dict__, key, key), key
        defaults = f.__defaults__ or ()
        names = f.__code__.co_varnames[: f.__code__.co_argcount][-len(defaults) :]
        for number, (label, part) in enumerate(zip(names, defaults, strict=False)):
            yield part, Part(Attribute(f, "__defaults__", label), number, label), label
        for label, part in (f.__kwdefaults__ or {}).items():
            yield part, Item(f.__kwdefaults__, label, label), label
        for name in _imported(f.__code__):
            if name in sys.modules and not library(name):
                yield from self._module(sys.modules[name], [*_names(f.__code__)])
        for name in _globals_read(f.__code__):
            if name not in f.__globals__:
                if name == "type" and not any(each is f.__globals__ for each in self.asking_types):
                    self.asking_types.append(f.__globals__)
                continue
            held = f.__globals__[name]
            if isinstance(held, types.ModuleType):
                if not library(held.__name__):
                    yield from self._module(held, [*_names(f.__code__)])
                self.others.append((Item(f.__globals__, name, name), held))
            else:
                yield held, Item(f.__globals__, name, name), name

    def _module(self, module: types.ModuleType, names: list[str]) -> Iterator[tuple[Any, Slot | None, str]]:
        """What a module of the user, and those inside it, hold under the names that a function reads."""
        if id(module) not in self._seen:
            self._seen[id(module)] = module
            self.namespaces.append((vars(module), len(vars(module))))
        inside = vars(module)
        for name in dict.fromkeys(names):
            if name not in inside:
                continue
            if not isinstance(inside[name], types.ModuleType):
                yield inside[name], Item(inside, name, name), name
            else:
                self.others.append((Item(inside, name, name), inside[name]))
                if not library(inside[name].__name__) and inside[name] is not module:
                    yield from self._module(inside[name], [each for each in names if each != name])


@functools.lru_cache(maxsize=1024)
def _imported(code: types.CodeType) -> tuple[str, ...]:
    """The names of what a function, or one inside it, imports itself; and others, where it does."""
    found = code.co_names if _IMPORT in code.co_code[::2] else ()
    return (*found, *(name for each in code.co_consts if isinstance(each, types.CodeType) for name in _imported(each)))


@functools.lru_cache(maxsize=1024)
def _globals_read(code: types.CodeType) -> tuple[str, ...]:
    """The global names that a function reads, and the functions inside it.

    co_names holds attributes too: with `for step in range(n): train(x, y)` around it, a call of optimizer.step() would
    be taken for a look at the global step. dis.get_instructions() takes ten times as long.
    """
    found: dict[str, None] = {}
    high = 0
    for op, arg in zip(*[iter(code.co_code)] * 2, strict=True):
        if op == _EXTENDED:
            high = (high | arg) << 8
            continue
        if op in _GLOBAL:
            found[code.co_names[(high | arg) >> _GLOBAL[op]]] = None
        high = 0
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            found.update(dict.fromkeys(_globals_read(const)))
    return tuple(found)


_EXTENDED = dis.opmap["EXTENDED_ARG"]
_IMPORT = dis.opmap["IMPORT_NAME"]
_GLOBAL = {dis.opmap["LOAD_GLOBAL"]: 1, dis.opmap["LOAD_NAME"]: 0}  # and how many bits of it say something else


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names and attributes that a function reads, also by getattr(), and the functions inside it."""
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, str) and const.isidentifier():
            yield const
        if isinstance(const, types.CodeType):
            yield from _names(const)


def hooks_of(node: Any) -> tuple[Any, ...]:
    """The hooks on a leaf, in order."""
    extra = getattr(node, "extra", None)
    if extra is None:
        return ()
    found = [hook for hooks in (extra.hooks or {}).values() for hook in hooks.values()]
    return (*found, *(extra.after_hooks or {}).values())


def library(module: str | None) -> bool:
    """Whether a module belongs to Python or to a library, so that what it holds does not change."""
    first = (module or "").partition(".")[0]
    return first in _LIBRARIES or first in sys.stdlib_module_names


def _engine_holder(kind: type) -> bool:
    """Whether objects of a class of the engine hold what a function may read: modules, schedules, states."""
    return kind.__module__.startswith("grad_engine.") and kind.__module__.split(".")[1] in ("nn", "optim", "data")
