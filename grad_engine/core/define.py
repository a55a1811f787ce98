"""define(): one declaration per op. Forward, backward, second derivatives, display and tests are all read from it."""

from __future__ import annotations

import functools
import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from grad_engine.core.arguments import wider
from grad_engine.core.call import general, operand
from grad_engine.core.fast_call import binary, unary
from grad_engine.core.grad_mode import current_mode
from grad_engine.core.inplace import overwrite
from grad_engine.core.left_out import leaving_out_nan
from grad_engine.core.node import BinaryNode, next_sequence_nr
from grad_engine.core.numpy_errors import REFUSED, refuse_composed, renamed
from grad_engine.core.numpy_protocol import NUMPY_TO_OP, SCIPY_TO_OP
from grad_engine.core.op import CATEGORIES, DOMAIN, OPS, Case, Op, Rule
from grad_engine.core.precision import as_floats, gives_half, holds_half, narrowed, widened
from grad_engine.core.tensor import Tensor
from grad_engine.core.versions import WRITES
from grad_engine.errors import ArgumentError
from grad_engine.formula import Tree
from grad_engine.formula.symbol import OPERATORS, Symbol, traced

DEFINED: dict[str, Callable[..., Any]] = {}  # every op -> what define() made of it, operands first
CALLS: dict[str, Callable[..., Any]] = {}  # every public name of an op, or of a function written in ops -> its function
BY_NAME: dict[str, Op] = {}  # every name and alias of an op -> it, whatever function stands in front of it
METHODS: dict[str, Any] = {}  # on Tensor alone: methods, and properties
DIFFERENT: dict[str, str] = {}  # public name -> in which way PyTorch's function of that name differs
DOC_WIDTH = 75  # columns of a line in a docstring that is made here; help() puts four blanks before it
HEADS = OPERATORS | {"neg": "neg", "mod": "remainder", "floordiv": "floor_divide"}


def define(
    forward: Callable[..., Any],
    *,
    name: str,
    symbol: str,
    category: str,
    summary: str,
    vjp: Mapping[str, Rule] | Rule | None = None,
    inputs: Sequence[str] = (),
    saves: Sequence[str] = (),
    multi_output: bool = False,
    operator: str | None = None,
    attribute: str | None = None,
    numpy: Sequence[Any] = (),
    scipy: Sequence[str] = (),
    domain: tuple[float, float] = DOMAIN,
    cases: Sequence[Case] = (),
    forward_formula: Callable[..., Tree] | None = None,
    formula: Mapping[str, Tree | Rule] | None = None,
    reads: Sequence[str] = (),
    aliases: Sequence[str] = (),
    varargs: bool = False,
    method: bool = True,
    public: bool = True,
    sentence: str = "",
    elementwise: bool | None = None,
    broadcasts: bool | None = None,
    commutes: bool = False,
    multiply_adds: Callable[..., int] | None = None,
    ends: tuple[float, float] | tuple[()] = (),
    even_chances: Callable[..., float] | None = None,
    takes_scores: bool = False,
    half: str = "float32",
    floats: Sequence[str] = (),
    numbers: bool | None = None,
    torch: str = "",
    leaves_out_nan: bool = False,
) -> Callable[..., Tensor]:
    """The op as a function on Tensors, entered in OPS and published as a method and for NumPy's functions.

    forward: NumPy on arrays. A ufunc, or a function whose first parameters are the `inputs` and whose others are the
        static arguments. Returns the result; `(result, *kept)` with `saves`; a tuple of results with `multi_output`.
    symbol, category: what stands in its picture, and the kind of op, which chooses the shape of the picture.
    vjp: input -> rule `(g, out, *inputs, *static, *kept)` that returns the share of gradient of that input, written
        with NumPy so that it runs on arrays, on Tensors (second derivatives) and on Symbols (the formula shown). Or one
        joint rule with a keyword `wanted` that returns the list of all shares. None: the op has no gradient.
    inputs: the array operands in call order where not all have a rule; `("*xs",)` for a sequence of arrays.
    saves: names of what forward returns besides the result. Only values without a derivative (masks, indices, counts).
    operator: the Python operator it implements ("add" for `+`), with its reflected and in-place forms.
    attribute: its name as a property of Tensor, such as "T".
    numpy: NumPy functions that mean this op; the ufunc itself is always one.
    scipy: names in scipy.special that mean this op, in values, order and defaults of its arguments.
    domain, cases: where the law tests may sample it. Without cases, small shapes that broadcast.
    forward_formula: parameters -> formula tree of a call, where `name(x, y)` is not how people write it.
    formula: input -> formula of its rule, where that cannot be traced or would be hard to read: a tree, a sentence, or
        a function of what the rule takes that returns either. It must be true at ties, zeros and broadcasts too, and
        name every value that the rule reads.
    reads: the values that rules described in a sentence read.
    aliases: its other names. method: whether it is a method of Tensor too.
    varargs: whether the first static argument may be given as several numbers, as in `x.reshape(2, 3)`.
    public: whether users call it; False for what only rules use, which is then neither exported nor a method.
    sentence: what it does, in one sentence of school words.
    elementwise: whether element i of the result depends on element i of each operand alone, once these are broadcast.
    broadcasts: whether operands of different shapes are repeated to one shape, as in arithmetic.
        A ufunc on elements is elementwise, and broadcasts its operands where it takes several; others say so here.
    commutes: whether the two operands may change places.
    multiply_adds: how many products of two numbers forward sums: (shape of the result, *shapes of operands) -> count.
    ends: the two numbers between which all results lie, and near which it is flat: (-1, 1) of tanh.
    even_chances: of a loss over classes, what its mean is where all are as likely; it takes what multiply_adds takes.
    takes_scores: whether it is a loss of scores or of logarithms of probabilities, and never of probabilities.
    half: in which dtype forward computes operands of float16: "float32", to round once at the end, or "same" where it
        only moves elements and must give views. Rules always compute them in float32.
    floats: operands whose whole numbers and booleans are first made the floats that NumPy promotes them to.
    numbers: whether Python numbers reach forward and rules as they are, as they do a ufunc on elements. Otherwise they
        become arrays of no axes, in the dtype of the other operands.
    torch: "PyTorch ...; write ...", where PyTorch's function of the same name means something else: for help(), for the
        page on coming from PyTorch, and for the refusal of PyTorch's keywords.
    leaves_out_nan: whether it passes over NaN in its operands, so that what made the NaN passes nothing back for it.

    Raises ArgumentError for a rule with other parameters, and for a name that is taken or that Python cannot call.
    """
    for each in (name, *aliases, *([] if attribute is None else [attribute])):
        if not isinstance(each, str) or not each.isidentifier() or keyword.iskeyword(each):
            raise ArgumentError(
                f"an op is called by its name, which has to be one that Python takes for a function, such as my_op; "
                f"got {each!r}"
            )
    if category not in CATEGORIES:
        raise ArgumentError(f"{name} has category {category!r}; the categories are {', '.join(CATEGORIES)}")
    listed = tuple(inputs) or (tuple(vjp) if isinstance(vjp, Mapping) else ())
    given = tuple(part.lstrip("*") for part in listed)
    required, static = _arguments(name, forward, given)
    rules, joint = _rules(name, vjp, given, (*static, *saves))
    by_element = isinstance(forward, np.ufunc) and forward.signature is None
    if half not in ("float32", "same") or not set(floats) <= set(given):
        raise ArgumentError(f"{name} has half={half!r} and floats={floats!r}; half is float32 or same, floats operands")
    if commutes and len(given) != 2:
        raise ArgumentError(f"{name} takes {len(given)} operands, so it cannot say commutes=True; that is for two")
    op = Op(
        name=name,
        label="".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Backward",
        forward=forward,
        inputs=given,
        required=required,
        variadic=any(part.startswith("*") for part in listed),
        static=static,
        saves=tuple(saves),
        rules=rules,
        joint=joint,
        multi_output=multi_output,
        symbol=symbol,
        category=category,
        summary=summary,
        sentence=sentence,
        elementwise=by_element if elementwise is None else elementwise,
        broadcasts=by_element and len(given) > 1 if broadcasts is None else broadcasts,
        commutes=commutes,
        multiply_adds=multiply_adds,
        ends=ends,
        even_chances=even_chances,
        takes_scores=takes_scores,
        half=half,
        floats=frozenset(floats),
        numbers=by_element if numbers is None else numbers,
        torch=torch,
        public=public,
        domain=domain,
        cases=tuple(cases),
        head=HEADS.get(operator or "", name),
        forward_formula=forward_formula,
        described=dict(formula or {}),
        described_reads=frozenset(reads),
        aliases=tuple(aliases),
        varargs=varargs,
    )
    call = _call_of(op)
    if leaves_out_nan:
        call = leaving_out_nan(call)
    call.__name__ = call.__qualname__ = name
    means = [*([forward] if isinstance(forward, np.ufunc) else []), *numpy]
    call.__doc__ = _described(op, means, method and public)
    call.op = op  # type: ignore[attr-defined]
    call.__signature__ = _signature(op)  # type: ignore[attr-defined]
    _publish(op, call, means, method, operator, attribute)
    SCIPY_TO_OP.update(dict.fromkeys(scipy, call))
    return call


def _arguments(name: str, forward: Callable[..., Any], given: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """How many of the operands cannot be left out, and the static arguments of `forward` with their defaults."""
    if isinstance(forward, np.ufunc):
        return len(given), {}
    parameters = inspect.signature(forward).parameters
    if tuple(parameters)[: len(given)] != given:
        raise ArgumentError(f"forward of {name} takes {tuple(parameters)}, its first parameters must be {given}")
    required = sum(parameters[key].default is inspect.Parameter.empty for key in given)
    return required, {key: parameter.default for key, parameter in parameters.items() if key not in given}


def _rules(
    name: str, vjp: Mapping[str, Rule] | Rule | None, given: tuple[str, ...], others: tuple[str, ...]
) -> tuple[tuple[Rule | None, ...], Rule | None]:
    """The rule for each operand, and the joint one instead of these; each takes what define() promises it."""
    expected = ["g", "out", *given, *others]
    if callable(vjp):
        _check_parameters(name, vjp, [*expected, "wanted"])
        return (None,) * len(given), vjp
    vjp = vjp or {}
    for rule in vjp.values():
        _check_parameters(name, rule, expected)
    if unknown := set(vjp) - set(given):
        raise ArgumentError(f"{name} has rules for {sorted(unknown)}, which are not among its inputs {given}")
    return tuple(vjp.get(part) for part in given), None


def _check_parameters(name: str, rule: Rule, expected: list[str]) -> None:
    if (given := list(inspect.signature(rule).parameters)) != expected:
        raise ArgumentError(f"a rule of {name} takes {given}, it must take {expected}")


def _call_of(op: Op) -> Callable[..., Any]:
    """The function that calls `op`: a quick one where its operands are x, or x and y, as these know them."""
    simple = op.joint is None and not op.saves and not op.multi_output and not op.variadic and all(op.rules)
    if simple and op.inputs == ("x",) and op.required:
        return unary(op)
    if simple and op.inputs == ("x", "y") and not op.static and op.numbers and not op.floats:
        return binary(op)
    return general(op)


def _described(op: Op, numpy: Sequence[Any], method: bool) -> str:
    """What help() says: the summary, what backward does, and under which other names the same op is found."""
    names = [f"{op.inputs[0]}.{op.name}()"] if method and op.inputs and not op.variadic else []
    names.extend(f"{alias}()" for alias in op.aliases)
    names.extend(
        f"{(means.__module__ or 'numpy').replace('numpy', 'np', 1)}.{means.__name__}()"
        for means in numpy
        if callable(means)
    )
    also = f"Also {', '.join(dict.fromkeys(names))}." if names else ""
    back = f"Backward: {op.sentence}" if op.sentence else "" if op.differentiable else "No gradient flows through it."
    return "\n\n".join(_in_lines(part) for part in (op.summary, back, op.torch and f"{op.torch}.", also) if part)


def _in_lines(text: str) -> str:
    """The text in lines that help() shows whole on 80 columns; textwrap would take a tenth of the import."""
    lines = []
    while len(text) > DOC_WIDTH and (cut := text.rfind(" ", 0, DOC_WIDTH + 1)) > 0:
        lines.append(text[:cut])
        text = text[cut + 1 :]
    return "\n".join((*lines, text))


def _signature(op: Op) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    empty = inspect.Parameter.empty
    operands = [
        inspect.Parameter(part, kind, default=empty if i < op.required else None) for i, part in enumerate(op.inputs)
    ]
    return inspect.Signature(
        [*operands, *(inspect.Parameter(key, kind, default=value) for key, value in op.static.items())]
    )


def _publish(
    op: Op,
    call: Callable[..., Any],
    numpy: Sequence[Any],
    method: bool,
    operator: str | None,
    attribute: str | None,
) -> None:
    """Enter an op in every table where it is looked for."""
    if op.name in OPS:
        raise ArgumentError(f"an op named {op.name} is already declared; choose another name")
    if op.public:
        _enter((op.name, *op.aliases), call, numpy, method)
    DIFFERENT.update(dict.fromkeys((op.name, *op.aliases), op.torch) if op.torch else {})
    OPS[op.name] = op
    BY_NAME.update(dict.fromkeys((op.name, *op.aliases), op))
    DEFINED[op.name] = call
    if attribute is not None:
        setattr(Tensor, attribute, property(call, doc=op.summary))
    if operator is not None:
        setattr(Tensor, f"__{operator}__", call)
        if len(op.inputs) == 2:
            setattr(Tensor, f"__r{operator}__", lambda self, other: call(other, self))
            setattr(Tensor, f"__i{operator}__", _in_place(op, call))


def _enter(
    names: Sequence[str], call: Callable[..., Any], numpy: Sequence[Any], method: bool, before: Any = None
) -> None:
    """Enter a function under its names: as function, as method, for NumPy's functions. Raises ArgumentError."""
    for name in names:
        if before is not None and CALLS.get(name) is before:
            continue
        if name in CALLS:
            raise ArgumentError(f"an op named {name} is already declared; choose another name")
        if method and hasattr(Tensor, name):
            raise ArgumentError(f"{name} is already an attribute of Tensor; choose another name, or method=False")
    CALLS.update(dict.fromkeys(names, call))
    for function in numpy:
        NUMPY_TO_OP[function] = call
    if method:
        for name in names:
            setattr(Tensor, name, call)


def composed(
    *,
    numpy: Sequence[Any] = (),
    aliases: Sequence[str] = (),
    method: bool = True,
    before: Any = None,
    half: str = "float32",
    floats: Sequence[str] = (),
    scipy: Sequence[str] = (),
    public: bool = True,
    torch: str = "",
    leaves_out_nan: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that publishes a function written in ops as define() publishes an op: by name, as method, for NumPy.

    For what needs no derivative and no node of its own: hstack is reshape and concat.
    before: an op's function, in front of which this one stands under the same name, where people write the arguments
        in another order than operands first: `einsum("ij,jk", x, y)`.
    half: in which dtype float16 goes through it: "float32", to be rounded once at the end, or "same" where it only
        moves elements. floats: arguments whose whole numbers are first made the floats that NumPy promotes them to.
    scipy: names in scipy.special that mean this function. public: whether it is one of grad_engine, and a method.
    torch, leaves_out_nan: as in define().
    """

    def enter(call: Callable[..., Any]) -> Callable[..., Any]:
        call = leaving_out_nan(call) if leaves_out_nan else call
        parameters = inspect.signature(call).parameters
        open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())

        places = tuple((list(parameters).index(name), name) for name in floats)

        @functools.wraps(call)
        def checked(*args: Any, **named: Any) -> Any:
            for place, name in places:
                value = args[place] if place < len(args) else named.get(name)
                if isinstance(value, Tensor | ndarray) and value.dtype.kind != "f":
                    if place < len(args):
                        args = (*args[:place], as_floats(value, args), *args[place + 1 :])
                    else:
                        named[name] = as_floats(value, args)
            if half != "same" and (holds_half(args) or (named and holds_half(named.values()))):
                out = checked(*map(widened, args), **{name: widened(value) for name, value in named.items()})
                return narrowed(out) if gives_half((*args, *named.values())) else out
            if named and not open_ended and not named.keys() <= parameters.keys():
                if (other := wider(call.__name__, named, parameters)) is not None:
                    return other(*args, **named)
                named = renamed(call.__name__, named, tuple(parameters), torch)
            try:
                return call(*args, **named)
            except REFUSED as error:
                refuse_composed(call.__name__, error, (*args, *named.values()))

        told = getattr(getattr(before, "op", None), "sentence", "")
        doc = inspect.getdoc(call) or ""
        notes = [f"Backward: {told}" if told and "Backward: " not in doc else "", torch and f"{torch}."]
        if any(notes):
            checked.__doc__ = "\n\n".join(part for part in (doc, *map(_in_lines, notes)) if part)
        if torch:
            DIFFERENT.update(dict.fromkeys((call.__name__, *aliases), torch))
        if public:
            _enter((call.__name__, *aliases), checked, numpy, method, before)
        SCIPY_TO_OP.update(dict.fromkeys(scipy, checked))
        return checked

    return enter


def in_front(before: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator for a function that calls `before`, an op's function, and takes its place.

    For users it is the op's function, with its names, signature and help.
    """

    def enter(call: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(call, before)
        for name in [name for name, each in CALLS.items() if each is before]:
            CALLS[name] = call
            if vars(Tensor).get(name) is before:
                setattr(Tensor, name, call)
        return call

    return enter


def method(name: str, value: Any) -> None:
    """Put a method or property on Tensor alone, beside those that are functions too."""
    if name in vars(Tensor) and not isinstance(vars(Tensor)[name], property):
        raise ArgumentError(f"{name} is already an attribute of Tensor; choose another name")
    METHODS[name] = value
    setattr(Tensor, name, value)


def _in_place(op: Op, call: Callable[..., Any]) -> Callable[[Tensor, Any], Tensor]:
    """The operator that changes its left side, such as `x += y`."""
    forward = op.forward
    at_once = isinstance(forward, np.ufunc)

    def change(self: Tensor, other: Any) -> Tensor:
        if at_once and not current_mode().record:  # a step of training: no history and no temporary
            try:
                forward(self.array, other.array if type(other) is Tensor else operand(other), self.array)
            except REFUSED:
                pass  # the way below finds the words
            else:
                WRITES.stamp(self.array, next_sequence_nr())
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
        return out[0] if op.saves else out

    return dispatch
