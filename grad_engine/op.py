"""define(): one declaration per op. Forward, backward, second derivatives, display and tests are all read from it."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import asarray, ndarray

from grad_engine.errors import ArgumentError, GradEngineError, IndexingError, ShapeError
from grad_engine.formula import Tree
from grad_engine.node import MODE, BinaryNode, ManyNode, Output, UnaryNode, next_age
from grad_engine.protocol import NUMPY_TO_OP
from grad_engine.symbol import Symbol, traced, tree_of
from grad_engine.tensor import Tensor, attach, numeric, unmasked, wrap
from grad_engine.writes import WRITES, overwrite

Rule = Callable[..., Any]
OPS: dict[str, Op] = {}
HEADS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "matmul": "@", "pow": "**", "neg": "neg", "mod": "remainder",
    "floordiv": "floor_divide",
}  # fmt: skip
CATEGORIES = (
    "arithmetic", "elementwise", "activation", "reduction", "shape", "joining", "indexing", "linear algebra", "neural",
    "loss",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """Operands and static arguments to try an op on: shapes to fill with random numbers, or arrays to use as given."""

    operands: tuple[Any, ...]
    static: Mapping[str, Any]


def case(*operands: Any, **static: Any) -> Case:
    """One sample call for the law tests: `case((2, 3), axis=1)`; a list of shapes stands for a variadic operand."""
    return Case(operands, static)


@dataclass(frozen=True, eq=False, slots=True)
class Op:
    """What an op is; every reader (engine, record, tree, scene, tests, docs) reads this."""

    name: str
    label: str  # the name of its backward step, "LogSoftmaxBackward"
    forward: Callable[..., Any]
    inputs: tuple[str, ...]  # the array operands, in call order
    required: int  # how many of them cannot be left out
    variadic: bool  # one operand that is a sequence of arrays
    static: Mapping[str, Any]  # the other arguments and their defaults (inspect.Parameter.empty: none)
    keeps: tuple[str, ...]  # what forward returns besides the result, for the rules
    rules: tuple[Rule | None, ...]  # one per input; None: no gradient flows to it
    joint: Rule | None  # instead of rules: (g, out, *args, wanted) -> list of shares
    several: bool  # forward returns a tuple of outputs
    symbol: str
    category: str
    summary: str
    domain: tuple[float, float]
    cases: tuple[Case, ...]
    head: str  # of its formula: "+", "ln"
    written: Callable[..., Tree] | None  # how a call is written, where head(arguments) is not it
    spoken: Mapping[str, Tree]  # input -> formula of a rule that cannot be traced
    spoken_reads: frozenset[str]  # what the spoken rules read
    aliases: tuple[str, ...]
    spread: bool  # the first static argument may be given as several: x.reshape(2, 3)

    @property
    def differentiable(self) -> bool:
        return self.joint is not None or any(self.rules)

    def parameters(self, count: int) -> tuple[str, ...]:
        """The name of each of `count` operands in the formulas: x, y, or xs[0], xs[1], ... of a variadic op."""
        return tuple(f"{self.inputs[0]}[{i}]" for i in range(count)) if self.variadic else self.inputs

    def forward_tree(self, arrays: Sequence[Any], rest: Sequence[Any]) -> Tree:
        """What this call computes, as a formula tree over its parameters; Python numbers stand for themselves."""
        names = self.parameters(len(arrays))
        operands: list[Tree] = [
            array if isinstance(array, bool | int | float) or array is None else name
            for name, array in zip(names, arrays, strict=True)
        ]
        static = dict(zip(self.static, rest, strict=False))
        if self.written is not None:
            return self.written(*([operands] if self.variadic else operands), **static)
        shown = [["list", *operands]] if self.variadic else [part for part in operands if part is not None]
        changed = [
            ["kw", name, tree_of(value)]
            for name, value in static.items()
            if self.static[name] is inspect.Parameter.empty or not _same(value, self.static[name])
        ]
        return [self.head, *shown, *changed]

    def rule_trees(self, out: Any, arrays: Sequence[Any], rest: Sequence[Any], wanted: Sequence[bool]) -> list[Tree]:
        """The rule for each wanted operand as a formula tree; None for the others."""
        trees: list[Tree] = [None] * len(arrays)
        names = self.parameters(len(arrays))
        args: list[Any] = [
            Symbol(name, array.shape, array.dtype) if isinstance(array, ndarray) else array
            for name, array in zip(names, arrays, strict=True)
        ]
        count = len(self.static)
        others = [*rest[:count], *(Symbol(name) for name in self.keeps)]
        g, result = (_symbols(name, out) for name in ("g", "out"))
        operands = [args] if self.variadic else args
        joint: list[Any] | None = None
        for slot, want in enumerate(wanted):
            if not want:
                continue
            spoken = self.spoken.get(self.inputs[0 if self.variadic else slot])
            rule = None if self.variadic else self.rules[slot]
            if isinstance(spoken, str):  # words; of a variadic operand they speak of one at a time
                own = spoken.replace(f"{{{self.inputs[0]}}}", f"{{{names[slot]}}}") if self.variadic else spoken
                trees[slot] = ["say", own]
            elif spoken is not None:
                trees[slot] = spoken
            elif rule is not None:
                trees[slot] = tree_of(rule(g, result, *operands, *others))
            elif self.joint is not None:
                if joint is None:
                    joint = self.joint(g, result, *operands, *others, wanted=wanted)
                trees[slot] = tree_of(joint[slot])
        return trees

    def reads(self, tree: Tree) -> frozenset[str]:
        """The values (parameters, "out") that a rule with this formula tree needs at backward time."""
        if isinstance(tree, list) and tree[0] == "say":
            return self.spoken_reads
        found, pending = set(), [tree]
        while pending:
            part = pending.pop()
            if isinstance(part, str):
                found.add(part)
            elif isinstance(part, list) and part[0] != "say":
                pending.extend(part[2:] if part[0] == "kw" else part[1:2] if part[0] == "attr" else part[1:])
        return frozenset(found)

    def __reduce__(self) -> Any:
        return _op_named, (self.name,)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _symbols(name: str, out: Any) -> Any:
    """The Symbol of a result, or one for each of several."""
    if isinstance(out, tuple):
        return tuple(Symbol(f"{name}[{i}]", part.shape, part.dtype) for i, part in enumerate(out))
    return Symbol(name, out.shape, out.dtype)


def _op_named(name: str) -> Op:
    return OPS[name]


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, ndarray) and value == default)


def define(
    forward: Callable[..., Any],
    *,
    name: str,
    symbol: str,
    category: str,
    summary: str,
    vjp: Mapping[str, Rule] | Rule | None = None,
    inputs: Sequence[str] = (),
    keeps: Sequence[str] = (),
    several: bool = False,
    operator: str | None = None,
    numpy: Sequence[Any] = (),
    domain: tuple[float, float] = (-2.0, 2.0),
    cases: Sequence[Case] = (),
    written: Callable[..., Tree] | None = None,
    formula: Mapping[str, Tree] | None = None,
    reads: Sequence[str] = (),
    aliases: Sequence[str] = (),
    spread: bool = False,
    method: bool = True,
) -> Callable[..., Tensor]:
    """The op as a function on Tensors, entered in OPS and published as a method and for NumPy's functions.

    forward: NumPy on arrays. A ufunc, or a function whose first parameters are the `inputs` and whose others are the
        static arguments. Returns the result; `(result, *kept)` with `keeps`; a tuple of results with `several`.
    vjp: input -> rule `(g, out, *inputs, *static, *kept)` that returns the share of gradient of that input, written
        with NumPy so that it runs on arrays, on Tensors (second derivatives) and on Symbols (the formula shown). Or one
        joint rule with a keyword `wanted` that returns the list of all shares. None: the op has no gradient.
    inputs: the array operands in call order where not all have a rule; `("*xs",)` for a sequence of arrays.
    keeps: names of what forward returns besides the result. Only values without a derivative (masks, indices, counts).
    operator: the Python operator it implements ("add" for `+`), with its reflected and in-place forms.
    numpy: NumPy functions that mean this op; the ufunc itself is always one.
    domain, cases: where the law tests may sample it. Without cases, small shapes that broadcast.
    written: parameters -> formula tree of a call, where `name(x, y)` is not how people write it.
    spread: whether the first static argument may be given as several numbers, as in `x.reshape(2, 3)`.
    formula, reads: spoken formulas, in words or as a tree, of rules that cannot be traced, and the values they read.

    Raises ArgumentError for a rule with other parameters and for a name that is already taken.
    """
    is_ufunc = isinstance(forward, np.ufunc)
    ruled = tuple(vjp) if isinstance(vjp, Mapping) else ()
    given = tuple(inputs) or ruled
    variadic = bool(given) and given[0].startswith("*")
    given = tuple(part.lstrip("*") for part in given)
    required = len(given)
    if is_ufunc:
        static: dict[str, Any] = {}
    else:
        parameters = inspect.signature(forward).parameters
        if tuple(parameters)[: len(given)] != given:
            raise ArgumentError(f"forward of {name} takes {tuple(parameters)}, its first parameters must be {given}")
        static = {key: parameter.default for key, parameter in parameters.items() if key not in given}
        required = sum(parameters[key].default is inspect.Parameter.empty for key in given)
    expected = ["g", "out", *given, *static, *keeps]
    joint = None
    rules: tuple[Rule | None, ...] = (None,) * len(given)
    if callable(vjp):
        joint = vjp
        _check_parameters(name, vjp, [*expected, "wanted"])
    elif vjp is not None:
        for rule in vjp.values():
            _check_parameters(name, rule, expected)
        if unknown := set(vjp) - set(given):
            raise ArgumentError(f"{name} has rules for {sorted(unknown)}, which are not among its inputs {given}")
        rules = tuple(vjp.get(part) for part in given)
    if category not in CATEGORIES:
        raise ArgumentError(f"{name} has category {category!r}; the categories are {', '.join(CATEGORIES)}")
    op = Op(
        name=name,
        label="".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Backward",
        forward=forward,
        inputs=given,
        required=required,
        variadic=variadic,
        static=static,
        keeps=tuple(keeps),
        rules=rules,
        joint=joint,
        several=several,
        symbol=symbol,
        category=category,
        summary=summary,
        domain=domain,
        cases=tuple(cases),
        head=HEADS.get(operator or "", name),
        written=written,
        spoken=dict(formula or {}),
        spoken_reads=frozenset(reads),
        aliases=tuple(aliases),
        spread=spread,
    )
    simple = joint is None and not keeps and not several and not variadic and all(rules)
    if simple and given == ("x",) and required:  # the quick ways know their operands by these names
        call = _unary(op)
    elif simple and given == ("x", "y") and not static:
        call = _binary(op)
    else:
        call = _general(op)
    call.__name__ = call.__qualname__ = name
    means = [*([forward] if is_ufunc else []), *numpy]
    call.__doc__ = _described(op, means, method)
    call.op = op  # type: ignore[attr-defined]
    call.__signature__ = _signature(op)  # type: ignore[attr-defined]
    _publish(op, call, operator, means, method)
    return call


def _described(op: Op, numpy: Sequence[Any], method: bool) -> str:
    """What help() says: the summary, and under which other names the same op is found."""
    names = [f"{op.inputs[0]}.{op.name}()"] if method and op.inputs and not op.variadic else []
    names.extend(f"{alias}()" for alias in op.aliases)
    names.extend(
        f"{(means.__module__ or 'numpy').replace('numpy', 'np', 1)}.{means.__name__}()"
        for means in numpy
        if callable(means)
    )
    also = f"Also {', '.join(dict.fromkeys(names))}." if names else ""
    plain = "" if op.differentiable else "No gradient flows through it."
    return "\n\n".join(part for part in (op.summary, f"{also} {plain}".strip()) if part)


def _check_parameters(name: str, rule: Rule, expected: list[str]) -> None:
    if (given := list(inspect.signature(rule).parameters)) != expected:
        raise ArgumentError(f"a rule of {name} takes {given}, it must take {expected}")


def _signature(op: Op) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    empty = inspect.Parameter.empty
    operands = [
        inspect.Parameter(part, kind, default=empty if i < op.required else None) for i, part in enumerate(op.inputs)
    ]
    return inspect.Signature(
        [*operands, *(inspect.Parameter(key, kind, default=value) for key, value in op.static.items())]
    )


def _publish(op: Op, call: Callable[..., Any], operator: str | None, numpy: Sequence[Any], method: bool) -> None:
    _enter((op.name, *op.aliases), call, numpy, method)
    OPS[op.name] = op
    DEFINED[op.name] = call
    if operator is not None:
        attach(f"__{operator}__", call)
        if len(op.inputs) == 2:
            attach(f"__r{operator}__", lambda self, other: call(other, self))
            attach(f"__i{operator}__", _in_place(op, call))


def _enter(
    names: Sequence[str], call: Callable[..., Any], numpy: Sequence[Any], method: bool, before: Any = None
) -> None:
    for name in names:
        if before is not None and CALLS.get(name) is before:
            continue
        if name in CALLS:
            raise ArgumentError(f"an op named {name} is already declared; choose another name")
        if method and name in Tensor.__dict__:
            raise ArgumentError(f"{name} is already an attribute of Tensor; choose another name, or method=False")
    CALLS.update(dict.fromkeys(names, call))
    for function in numpy:
        NUMPY_TO_OP[function] = call
    if method:
        for name in names:
            attach(name, call)


CALLS: dict[str, Callable[..., Any]] = {}  # every public name of an op -> its function
DEFINED: dict[str, Callable[..., Any]] = {}  # every op -> what define() made of it, operands first


def composed(
    *, numpy: Sequence[Any] = (), aliases: Sequence[str] = (), method: bool = True, before: Any = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that publishes a function written in ops as define() publishes an op: by name, as method, for NumPy.

    For what needs no derivative and no node of its own: hstack is reshape and concat.
    before: an op's function, in front of which this one stands under the same name, where people write the arguments
        in another order than operands first: `einsum("ij,jk", x, y)`.
    """

    def enter(call: Callable[..., Any]) -> Callable[..., Any]:
        parameters = inspect.signature(call).parameters
        open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())

        @functools.wraps(call)
        def checked(*args: Any, **named: Any) -> Any:
            for name in named:
                if name not in parameters and not open_ended:
                    raise ArgumentError(
                        f"{call.__name__}() has no argument {name!r}{_instead(name, tuple(parameters))}"
                    )
            try:
                return call(*args, **named)
            except REFUSED as error:
                if isinstance(error, GradEngineError) or _is_of_the_caller(error):
                    raise
                raise _refused(call.__name__, error, _shown_arrays((*args, *named.values())), {}) from error

        _enter((call.__name__, *aliases), checked, numpy, method, before)
        return checked

    return enter


def as_tensor(value: Any) -> Tensor:
    """`value` itself when it is a Tensor, else a Tensor around it without history; shares memory with an array."""
    return value if type(value) is Tensor else wrap(asarray(operand(value)), None)


def _in_place(op: Op, call: Callable[..., Any]) -> Callable[[Tensor, Any], Tensor]:
    """The operator that changes its left side, such as `x += y`."""
    forward = op.forward
    at_once = isinstance(forward, np.ufunc)

    def change(self: Tensor, other: Any) -> Tensor:
        if at_once and not MODE.record:  # a step of training: no history and no temporary
            try:
                forward(self.array, other.array if type(other) is Tensor else operand(other), self.array)
            except REFUSED:
                pass  # the way below finds the words
            else:
                WRITES.stamp(self.array, next_age())
                return self
        made = call(self, other)
        node = made.node
        if type(node) is BinaryNode and _reads_left(op, node.x_edge is not None, node.y_edge is not None):
            kept = self.array.copy()  # a rule reads what is about to be overwritten
            node.x, node.y = kept, kept if node.y is node.x else node.y
        return overwrite(self, made)

    return change


@functools.lru_cache
def _reads_left(op: Op, *wanted: bool) -> bool:
    """Whether a rule of `op`, of two operands, reads the first one."""
    one = np.ones(())
    return any("x" in op.reads(tree) for tree in op.rule_trees(one, (one, one), (), wanted))


def in_rules(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` for use inside rules: arrays give an array, Tensors a recorded Tensor, Symbols a formula."""
    op: Op = call.op  # type: ignore[attr-defined]

    def dispatch(*args: Any, **static: Any) -> Any:
        for part in args[0] if op.variadic else args:
            kind = type(part)
            if kind is Tensor:
                return call(*args, **static)
            if kind is Symbol:
                return traced(op.head, *args, **static)
        out = op.forward(*args, **static)
        return out[0] if op.keeps else out

    return dispatch


def operand(value: Any) -> Any:
    """A value that is not a Tensor, ready for an op: a Python number as it is (a weak dtype), else an array."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return value
    if kind is ndarray:
        return numeric(value)
    if value is None or isinstance(value, str):
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {value!r}")
    if isinstance(value, list | tuple) and any(type(part) is Tensor for part in value):
        raise ArgumentError(
            "an op takes tensors, arrays and numbers, got a list of tensors; join them with stack([...])"
        )
    try:
        return numeric(asarray(unmasked(value)))
    except ValueError as error:
        raise ArgumentError(f"an op takes tensors, arrays and numbers, got {kind.__name__}: {error}") from None


def _unary(op: Op) -> Callable[..., Any]:
    forward, defaults = op.forward, tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults

    def call(x: Any, *static: Any, **named: Any) -> Tensor:
        if static or named or needed:
            rest = _static(op, static, named)
        else:
            rest = defaults
        given = x
        if type(x) is Tensor:
            edge = x.node
            x = x.array
        else:
            edge = None
            x = asarray(operand(x))
        try:
            out = forward(x, *rest) if static or named or needed else forward(x)
        except REFUSED as error:
            raise refusal(op, error, (x,), rest) from error
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if edge is not None and MODE.record:
            made.node = node = UnaryNode()
            node.age = next_age()
            node.op = op
            node.out = out
            node.x = x
            node.edge = edge
            node.rest = rest
            node.extra = None
            if MODE.watch is not None:
                MODE.watch(node)
        else:
            made.node = None
            if out.base is not None and MODE.record and type(given) is Tensor:
                WRITES.taken(made, call, (given, *rest))
        return made

    return call


def _binary(op: Op) -> Callable[..., Any]:
    forward = op.forward

    def call(x: Any, y: Any) -> Tensor:
        if type(x) is Tensor:
            x_edge = x.node
            x = x.array
        else:
            x_edge = None
            x = operand(x)
        if type(y) is Tensor:
            y_edge = y.node
            y = y.array
        else:
            y_edge = None
            y = operand(y)
        try:
            out = forward(x, y)
        except REFUSED as error:
            raise refusal(op, error, (x, y), ()) from error
        if type(out) is not ndarray:  # 0-d results arrive as NumPy scalars
            out = asarray(out)
        made = _new(Tensor)
        made.array = out
        if (x_edge is not None or y_edge is not None) and MODE.record:
            made.node = node = BinaryNode()
            node.age = next_age()
            node.op = op
            node.out = out
            node.x = x
            node.y = y
            node.x_edge = x_edge
            node.y_edge = y_edge
            node.extra = None
            if MODE.watch is not None:
                MODE.watch(node)
        else:
            made.node = None
        return made

    return call


def _general(op: Op) -> Callable[..., Any]:
    forward, rules, variadic, differentiable = op.forward, op.rules, op.variadic, op.differentiable
    arity, defaults = len(op.inputs), tuple(op.static.values())
    needed = inspect.Parameter.empty in defaults
    ruled = tuple(op.joint is not None or rule is not None for rule in rules)

    def call(*args: Any, **named: Any) -> Any:
        if named or len(args) < arity:
            args = _with_operands(op, args, named)
        static: Any = args[arity:]
        static = _static(op, static, named) if static or named or needed else defaults
        given = _sequence(op, args[0]) if variadic else args[:arity]
        arrays = []
        edges: list[Any] = []
        recorded = False
        for slot, value in enumerate(given):
            edge = None
            if type(value) is Tensor:
                if value.node is not None and differentiable and (variadic or ruled[slot]):
                    edge = value.node
                    recorded = True
                value = value.array
            elif value is not None or variadic:
                value = asarray(operand(value)) if arity == 1 else operand(value)
            arrays.append(value)
            edges.append(edge)
        try:
            out = forward(arrays, *static) if variadic else forward(*arrays, *static)
        except REFUSED as error:
            raise refusal(op, error, arrays, static) from error
        kept: Any = ()
        if op.keeps:
            out, *kept = out
        if op.several:
            out = tuple(map(asarray, out))
        elif type(out) is not ndarray:
            out = asarray(out)
        if not (recorded and MODE.record):
            if op.several:
                return tuple(wrap(part, None) for part in out)
            made = wrap(out, None)
            if out.base is not None and MODE.record:
                WRITES.taken(made, call, (*args[:arity], *static))
            return made
        node = ManyNode(op, out, tuple(arrays), tuple(edges), (*static, *kept))
        if MODE.watch is not None:
            MODE.watch(node)
        if op.several:
            floats = (part.dtype.kind == "f" for part in out)
            return tuple(
                wrap(part, Output(node, i) if real else None)
                for i, (part, real) in enumerate(zip(out, floats, strict=True))
            )
        return wrap(out, node)

    return call


def _sequence(op: Op, value: Any) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Tensor | ndarray) and value.ndim:
        return list(value)
    raise ArgumentError(f"{op.name}() takes a list of tensors, got {type(value).__name__}; write {op.name}([x, y])")


def _with_operands(op: Op, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """`args` with every operand in its place: those given by keyword, and None for optional ones left out."""
    operands = list(args)
    for name in op.inputs[len(args) :]:
        if name in named:
            operands.append(named.pop(name))
        elif len(operands) >= op.required:
            operands.append(None)
        else:
            raise ArgumentError(f"{op.name}() needs {', '.join(op.inputs[: op.required])}; {name} is missing")
    return tuple(operands)


def _static(op: Op, static: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Every static argument in the order of the declaration."""
    if named or len(static) != len(op.static) or Tensor in map(type, static):
        return _bound(op, static, named)
    return static


def _bound(op: Op, static: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Every static argument in the order of the declaration."""
    names = tuple(op.static)
    if op.spread and len(static) > 1 and all(type(part) is int for part in static):
        static = (static,)
    if len(static) > len(names):
        raise ArgumentError(
            f"{op.name}() takes {len(op.inputs)} operand{'s' * (len(op.inputs) != 1)} and {len(names)} "
            f"argument{'s' * (len(names) != 1)} ({', '.join(names) or 'none'}); got {len(static)} arguments"
        )
    values = {**op.static, **dict(zip(names, static, strict=False))}
    for name, value in named.items():
        if name not in values:
            raise ArgumentError(f"{op.name}() has no argument {name!r}{_instead(name, names)}")
        if name in names[: len(static)]:
            raise ArgumentError(f"{op.name}() got {name!r} twice")
        values[name] = value
    for name, value in values.items():
        if value is inspect.Parameter.empty:
            raise ArgumentError(f"{op.name}() needs {name}=")
        if type(value) is Tensor:
            if value.node is not None:
                raise ArgumentError(f"{op.name}() sends no gradient to {name}=; pass {name}.detach()")
            values[name] = value.array
    return tuple(values.values())


TORCH_TO_NUMPY = {
    "dim": "axis", "dims": "axis", "dim1": "axis1", "dim2": "axis2", "start_dim": "start_axis",
    "end_dim": "end_axis", "keepdim": "keepdims", "input": "x", "other": "y", "unbiased": "ddof", "correction": "ddof",
    "p": "ord", "diagonal": "k", "shifts": "shift", "split_size_or_sections": "indices_or_sections",
}  # fmt: skip


def _instead(name: str, names: Sequence[str]) -> str:
    ours = TORCH_TO_NUMPY.get(name)
    if ours in names:
        return f"; it is called {ours} here, as in NumPy"
    return f"; it takes {', '.join(names)}" if names else "; it takes none"


REFUSED = (ValueError, TypeError, IndexError, OverflowError)
INSIDE = tuple(os.path.dirname(os.path.abspath(file)) + os.sep for file in (__file__, np.__file__))
_new = Tensor.__new__


def refusal(op: Op, error: Exception, arrays: Sequence[Any], static: Sequence[Any]) -> Exception:
    """The error to raise when NumPy refused a call: what was asked, what was got, the way out."""
    if isinstance(error, GradEngineError):
        return error
    return _refused(op.name, error, arrays, dict(zip(op.static, static, strict=False)))


def _is_of_the_caller(error: Exception) -> bool:
    """Whether an error comes from a function that was passed in, not from what an op was given."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and not place.tb_frame.f_code.co_filename.startswith(INSIDE)


def _shown_arrays(arguments: Sequence[Any]) -> list[Any]:
    """The arrays and numbers among the arguments of a call, also those in its lists."""
    flat = [part for each in arguments for part in (each if isinstance(each, list | tuple) else (each,))]
    arrays = [part.array if type(part) is Tensor else part for part in flat]
    return [part for part in arrays if isinstance(part, ndarray | np.generic | int | float | str)]


def _refused(name: str, error: Exception, arrays: Sequence[Any], static: Mapping[str, Any]) -> Exception:
    shapes = [f"shape {array.shape}" if isinstance(array, ndarray) else repr(array) for array in arrays]
    got = " and ".join(shapes if len(shapes) < 4 else [*shapes[:3], "others"]) or "nothing"
    if isinstance(error, OverflowError):
        return ArgumentError(f"{name}() got a number beyond what an array can hold: {error}; give a smaller one")
    if isinstance(error, TypeError):
        kinds = ", ".join(str(getattr(array, "dtype", type(array).__name__)) for array in arrays)
        way_out = "; use astype(float)" if "Cannot cast" in str(error) else ""
        return ArgumentError(f"{name}() does not work on {kinds}: {error}{way_out}")
    if "broadcast" in str(error) and len(arrays) > 1 and not static:
        return ShapeError(
            f"{name}() cannot broadcast {got} together; make trailing axes equal or 1, for instance with reshape"
        )
    if "enough dimensions" in str(error):
        return ShapeError(f"{name}() takes vectors and matrices, got {got}; multiply by a single number with *")
    if "core dimension" in str(error):
        return ShapeError(
            f"{name}() needs the last axis of its first operand to be as long as the second to last of its second; "
            f"got {got}; transpose one with .T or .mT"
        )
    if isinstance(error, np.exceptions.AxisError) and error.axis is not None:
        way_out = (
            f"it must be from {-error.ndim} to {error.ndim - 1}" if error.ndim else "it has none, so reshape it first"
        )
        return ShapeError(f"{name}() was given axis {error.axis}, which is out of range for {got}; {way_out}")
    asked = "".join(f", {key}={value!r}" for key, value in static.items() if value is not None)
    kind = IndexingError if isinstance(error, IndexError) and not isinstance(error, ValueError) else ShapeError
    return kind(f"{name}() is not possible on {got}{asked}: {error}")
